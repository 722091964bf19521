import pickle
import traceback

from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError, find_input_error

LINES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1)


def parts(error: InputError | None) -> tuple[str, str, str]:
    assert error is not None
    return error.expected, error.received, error.remedy


@given(LINES, LINES, LINES)
def test_input_error_is_pickled_with_its_three_parts(expected: str, received: str, remedy: str) -> None:
    error = InputError(expected=expected, received=received, remedy=remedy)
    assert parts(pickle.loads(pickle.dumps(error))) == (expected, received, remedy)


def test_input_error_is_found_in_the_traceback_of_a_worker() -> None:
    """The form is that of Beam's workers in other processes."""
    try:
        raise InputError(expected="a file", received="none:\nno such file", remedy="make one")
    except InputError:
        text = traceback.format_exc()

    for around in (text, f"{text}\n\n", f"first\n{text} [while running 'Read/Parse']\nmore", f"{text}\n{text}"):
        assert parts(find_input_error(f"Pipeline failed: {around}")) == ("a file", "none:\nno such file", "make one")
    assert find_input_error("ValueError: expected: a file") is None
