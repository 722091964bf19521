from collections import Counter
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.coders import VarIntCoder
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms import userstate
from apache_beam.transforms.core import get_function_arguments

from pipeline.runners import step_inspection
from pipeline.runners.step_inspection import inspect_steps_once
from tests.components.logs import local_pipeline

NUMBERS = userstate.BagStateSpec("numbers", VarIntCoder())
NUMBERS_PARAM: Any = beam.DoFn.StateParam(NUMBERS)


class AddUp(beam.DoFn):
    """A step with state: it yields the sum of a key's numbers so far."""

    def process(self, pair: tuple[str, int], numbers: Any = NUMBERS_PARAM) -> Iterator[tuple[str, int]]:
        numbers.add(pair[1])
        yield pair[0], sum(numbers.read())


class Forward(beam.DoFn):
    """A step that calls a function or a method of another object."""

    def __init__(self, process: Any) -> None:
        self.process = process


class Wrap(beam.DoFn):
    """A step that has the state of another step, as Beam's own wrappers."""

    def __init__(self, step: beam.DoFn) -> None:
        self.step = step

    def process(self, element: Any) -> Any:
        return self.step.process(element)

    def _inspect_process(self) -> Any:
        return get_function_arguments(self.step, "process")


@pytest.fixture
def inspected(monkeypatch: pytest.MonkeyPatch) -> Counter[type]:
    """Return the number of inspections of each class of steps."""
    counts: Counter[type] = Counter()

    def inspect(step: beam.DoFn) -> Any:
        counts[type(step)] += 1
        return original(step)

    original = step_inspection._inspect
    monkeypatch.setattr(step_inspection, "_inspect", inspect)
    monkeypatch.setattr(step_inspection, "_inspected", type(step_inspection._inspected)())
    monkeypatch.setattr(userstate, "get_dofn_specs", userstate.get_dofn_specs)  # it is restored after the test
    inspect_steps_once()
    return counts


def test_steps_of_a_pipeline_are_inspected_once_and_keep_their_state(inspected: Counter[type]) -> None:
    with local_pipeline() as pipeline:
        sums = pipeline | beam.Create([("a", 1), ("a", 1), ("b", 5)]) | beam.ParDo(AddUp())
        assert_that(sums | beam.CombinePerKey(max), equal_to([("a", 2), ("b", 5)]))
    assert inspected[AddUp] == 1
    assert set(inspected.values()) == {1}


def test_step_with_another_object_is_inspected_itself(inspected: Counter[type]) -> None:
    assert userstate.get_dofn_specs(Forward(len)) == (set(), set())
    assert userstate.get_dofn_specs(Forward(AddUp().process)) == ({NUMBERS}, set())
    assert userstate.get_dofn_specs(Wrap(Forward(len))) == (set(), set())
    assert userstate.get_dofn_specs(Wrap(AddUp())) == ({NUMBERS}, set())
