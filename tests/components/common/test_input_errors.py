"""`InputError` passes through Beam, which would otherwise hide it in a `RuntimeError`."""

from collections.abc import Callable

import apache_beam as beam
import pytest

from schemas.errors import InputError
from tests.components.logs import local_pipeline


class WithoutTheAttribute(Exception):
    def __init__(self, *, expected: str) -> None:
        super().__init__(expected)


def raise_input_error(_: int) -> int:
    raise InputError(expected="a", received="b", remedy="c")


def raise_other_error(_: int) -> int:
    raise WithoutTheAttribute(expected="of no use")


def run(step: Callable[[int], int]) -> None:
    with local_pipeline() as pipeline:
        pipeline | beam.Create([1]) | beam.Map(step)


def test_input_error_in_a_step_reaches_the_caller_unchanged() -> None:
    with pytest.raises(InputError) as raised:
        run(raise_input_error)

    assert (raised.value.expected, raised.value.received, raised.value.remedy) == ("a", "b", "c")


def test_error_without_the_private_attribute_becomes_a_runtime_error() -> None:
    """So would an `InputError`, because its arguments have names."""
    with pytest.raises(RuntimeError, match="of no use"):
        run(raise_other_error)
