import pytest

from pipeline.containers.placeholders import placeholder, resolve
from schemas.errors import InputError


def test_text_of_two_parameters_has_both_values() -> None:
    text = f"{placeholder('data_path')} and {placeholder('seed')} and {placeholder('seed')}"
    assert resolve(text, {"data_path": "s3://b/2026-11-29.csv", "seed": 7.0}) == "s3://b/2026-11-29.csv and 7 and 7"


def test_text_without_a_placeholder_stays() -> None:
    assert resolve("{{$}} seed", {"seed": 7.0}) == "{{$}} seed"


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb", 1.5])
def test_value_that_breaks_the_text_is_refused(value: str | float) -> None:
    with pytest.raises(InputError, match="for the parameter data_path"):
        resolve(placeholder("data_path"), {"data_path": value})
