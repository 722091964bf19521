from __future__ import annotations

import math
from collections import Counter
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.counts.combiners import CountDistinct, CountSeconds, widest
from tests.components.logs import local_pipeline
from tests.components.protocols import timelines

TIMES = st.lists(st.floats(0, 50).map(lambda time: round(time, 1)), min_size=1, max_size=9)
BUNDLES = st.lists(st.lists(TIMES, max_size=9), max_size=4)


def combine(combiner: beam.CombineFn, bundles: list[list[Any]]) -> Any:
    """Combine as a Beam runner does: one accumulator for each bundle, then a merge."""
    accumulators = []
    for bundle in bundles:
        accumulator = combiner.create_accumulator()
        for element in bundle:
            accumulator = combiner.add_input(accumulator, element)
        accumulators.append(accumulator)
    return combiner.extract_output(combiner.merge_accumulators([*accumulators, combiner.create_accumulator()]))


@given(bundles=BUNDLES)
def test_count_seconds_counts_interactions_by_whole_second(bundles: list[list[list[float]]]) -> None:
    logs = [[timelines([("u", "i", time) for time in times]) for times in bundle] for bundle in bundles]

    seconds, counts = combine(CountSeconds(), logs)

    every = Counter(math.floor(time) for bundle in bundles for times in bundle for time in times)
    assert dict(zip(seconds.tolist(), counts.tolist(), strict=True)) == every
    assert seconds.tolist() == sorted(every)


@given(ends=st.lists(st.none() | st.tuples(st.floats(0, 9), st.floats(10, 19))))
def test_widest_is_the_earliest_and_the_latest_time(ends: list[tuple[float, float] | None]) -> None:
    known = [pair for pair in ends if pair]
    expected = (min(first for first, _ in known), max(last for _, last in known)) if known else None

    assert widest(ends) == expected
    assert widest([widest(ends[:2]), widest(ends[2:])]) == expected


LOG = [["a", "b", "a"], ["é", "b"], ["a"]]


@pytest.mark.parametrize("arrays", [[], LOG])
def test_count_distinct_counts_a_string_of_several_arrays_once(arrays: list[list[str]]) -> None:
    with local_pipeline() as pipeline:
        ids = pipeline | beam.Create([pa.array(each) for each in arrays])
        assert_that(ids | CountDistinct(), equal_to([3 if arrays else 0]))
