import pytest

from components.example_gen import split_globs
from schemas.errors import InputError


@pytest.mark.parametrize(
    ("paths", "folder", "patterns"),
    [
        (["/a/b/log.csv"], "/a/b", ["log.csv"]),
        (["a/2020-*/log?.csv"], "a", ["2020-*/log?.csv"]),
        (["log.csv"], "", ["log.csv"]),
        (["/a/b/log.csv", "/a/items.csv"], "/a", ["b/log.csv", "items.csv"]),
        (["/a/log.csv", "/b/items.csv"], "/", ["a/log.csv", "b/items.csv"]),
        (["a/log.csv", "b/items.csv"], "", ["a/log.csv", "b/items.csv"]),
        (["gs://bucket/a/*.csv", "gs://bucket/b/items.csv"], "gs://bucket", ["a/*.csv", "b/items.csv"]),
    ],
)
def test_paths_are_split_at_the_folder_that_they_share(paths: list[str], folder: str, patterns: list[str]) -> None:
    assert split_globs(paths) == (folder, patterns)


@pytest.mark.parametrize(
    "paths", [["gs://a/log.csv", "gs://b/items.csv"], ["gs://a/log.csv", "items.csv"], ["/a/log.csv", "b/items.csv"]]
)
def test_paths_that_share_no_folder_are_refused(paths: list[str]) -> None:
    with pytest.raises(InputError, match="in one bucket"):
        split_globs(paths)
