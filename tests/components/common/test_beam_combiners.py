from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from components.common.beam_combiners import MergeParts, count_distinct, merge_value_counts, sum_counters
from tests.components.logs import local_pipeline

NUMBERS = st.lists(st.integers(-9, 9), min_size=1, max_size=9)


def joined(parts: Sequence[list[int]]) -> list[int]:
    return sorted(chain(*parts))


@given(st.lists(st.lists(NUMBERS, max_size=9), max_size=4))
def test_merge_parts_of_any_bundles_gives_the_same(bundles: list[list[list[int]]]) -> None:
    combiner = MergeParts(joined)
    accumulators: list[Any] = [combiner.create_accumulator()]
    for bundle in bundles:
        accumulator = combiner.create_accumulator()
        for part in bundle:
            accumulator = combiner.add_input(accumulator, part)
        accumulators.append(accumulator)

    merged = combiner.extract_output(combiner.merge_accumulators(accumulators))

    assert merged == sorted(number for bundle in bundles for part in bundle for number in part)


def test_merge_parts_keeps_few_parts_and_merges_each_rarely() -> None:
    """Of a thousand numbers, at most ten parts exist, because each has at most half the size of the one before.

    A part grows by at least half when it is merged, so that no number is merged more than 17 times.
    """
    passed = []

    def counted(parts: Sequence[list[int]]) -> list[int]:
        passed.append(sum(map(len, parts)))
        return joined(parts)

    combiner = MergeParts(counted)
    parts: list[list[int]] = combiner.create_accumulator()
    for number in range(1_000):
        parts = combiner.add_input(parts, [number])

    assert len(parts) <= 10
    assert sum(passed) <= 17 * 1_000


def test_merge_parts_in_beam_merges_all() -> None:
    with local_pipeline() as pipeline:
        merged = pipeline | beam.Create([[3], [1, 2], [1]]) | beam.CombineGlobally(MergeParts(joined))
        assert_that(merged, equal_to([[1, 1, 2, 3]]))


@given(st.lists(NUMBERS, max_size=4))
def test_merge_value_counts_adds_the_counts_of_each_value(lists: list[list[int]]) -> None:
    counts = merge_value_counts([np.unique(numbers, return_counts=True) for numbers in lists])

    assert list(zip(*(part.tolist() for part in counts), strict=True)) == sorted(Counter(chain(*lists)).items())
    assert count_distinct(counts) == len({*chain(*lists)})


def test_merge_value_counts_of_large_integers_is_exact() -> None:
    numbers = np.array([2**53, 2**53 + 1])
    counts = merge_value_counts([(numbers, np.array([1, 1])), (numbers, np.array([1, 2]))])
    assert counts[0].tolist() == numbers.tolist()
    assert counts[1].tolist() == [2, 3]


def test_sum_counters_in_beam_adds_the_counts_of_all_bundles() -> None:
    counters = [Counter(a=1), Counter(a=2, b=1), Counter(b=4), *[Counter(c=1)] * 100]
    with local_pipeline() as pipeline:
        total = pipeline | beam.Create(counters) | beam.CombineGlobally(sum_counters)
        assert_that(total, equal_to([Counter(a=3, b=5, c=100)]))
