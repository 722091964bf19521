import pytest

from components.example_gen.sources.partitions import is_partition, partition_values
from schemas.errors import InputError


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("log/part-0.csv", {}),
        ("gs://bucket/log/dt=2026-11-01/a=b.csv", {"dt": "2026-11-01"}),
        ("/dt=2026-11-01/h=07/x.csv", {"dt": "2026-11-01", "h": "07"}),
        ("a%20b=C%C3%B4te%2F/x.csv", {"a b": "Côte/"}),
        ("q=x=y/x.csv", {"q": "x=y"}),
        ("dt=__HIVE_DEFAULT_PARTITION__/x.csv", {"dt": ""}),
        ("dt=/x.csv", {"dt": ""}),
        ("=a/x.csv", {}),
    ],
)
def test_partition_values_are_those_of_the_folders(path: str, values: dict[str, str]) -> None:
    assert partition_values(path) == values


@pytest.mark.parametrize(
    ("path", "received"), [("a=1/a=2/x", "the column 'a' twice"), ("a=%FF/x", "which is not UTF-8")]
)
def test_partition_values_that_are_ambiguous_are_refused(path: str, received: str) -> None:
    with pytest.raises(InputError, match=received):
        partition_values(path)


def test_is_partition_needs_a_column() -> None:
    assert [is_partition(name) for name in ("a=1", "a=", "=1", "a", "")] == [True, True, False, False, False]
