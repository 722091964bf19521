"""`InputError` passes through Beam, which would otherwise hide it in a `RuntimeError`."""

import apache_beam as beam
import pytest

from schemas.errors import InputError
from tests.components.logs import local_pipeline


def raised_by(error: Exception) -> None:
    """Run a pipeline with a step that raises an error."""

    def refuse(_: int) -> int:
        raise error

    with local_pipeline() as pipeline:
        pipeline | beam.Create([1]) | beam.Map(refuse)


def test_input_error_in_a_step_reaches_the_caller_unchanged() -> None:
    error = InputError(expected="a", received="b", remedy="c")

    with pytest.raises(InputError) as raised:
        raised_by(error)

    assert (raised.value.expected, raised.value.received, raised.value.remedy) == ("a", "b", "c")


def test_other_errors_in_a_step_become_runtime_errors() -> None:
    """Without Beam's private attribute, the same happens to an `InputError`."""

    class WithoutTheAttribute(Exception):
        def __init__(self, message: str) -> None:
            super().__init__(message)

    with pytest.raises(RuntimeError, match="of no use"):
        raised_by(WithoutTheAttribute("of no use"))
