import math
from collections import Counter
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.combiners import CountItems, CountSeconds, MeasureExtent
from components.example_gen.timelines import Timeline
from tests.components.logs import local_pipeline

TIMES = st.lists(st.floats(0, 50).map(lambda time: round(time, 1)), min_size=1, max_size=9).map(sorted)
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


def timelines(bundles: list[list[list[float]]]) -> list[list[Timeline]]:
    return [[Timeline("u", [f"i{time}" for time in times], times, {}) for times in bundle] for bundle in bundles]


@given(bundles=BUNDLES)
def test_count_seconds_counts_interactions_by_whole_second(bundles: list[list[list[float]]]) -> None:
    seconds, counts = combine(CountSeconds(), timelines(bundles))

    every = Counter(math.floor(time) for bundle in bundles for times in bundle for time in times)
    assert dict(zip(seconds.tolist(), counts.tolist(), strict=True)) == every
    assert seconds.tolist() == sorted(every)


@given(bundles=BUNDLES)
def test_measure_extent_finds_first_and_last_time(bundles: list[list[list[float]]]) -> None:
    every = [time for bundle in bundles for times in bundle for time in times]

    assert combine(MeasureExtent(), timelines(bundles)) == {
        "first_timestamp_s": min(every, default=None),
        "last_timestamp_s": max(every, default=None),
    }


@pytest.mark.parametrize("bundles", [[], [["ab"], ["bc", "éa"]]])
def test_item_of_several_bundles_counts_once(bundles: list[list[str]]) -> None:
    with local_pipeline() as pipeline:
        parts = [
            pipeline | f"Bundle{number}" >> beam.Create([Timeline("u", list(items), [1.0], {}) for items in bundle])
            for number, bundle in enumerate(bundles)
        ]
        timelines = parts | beam.Flatten() if parts else pipeline | beam.Create([])
        assert_that(timelines | CountItems(), equal_to([4 if bundles else 0]))
