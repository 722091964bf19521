from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.validation.rejection_details import (
    SAMPLED_TIMES,
    RejectionDetails,
    count_times,
    merge_details,
)


def details(texts: list[str]) -> RejectionDetails:
    return RejectionDetails(Counter({"price above 0": len(texts)}), count_times(pa.array(texts, pa.string())))


@given(st.lists(st.integers(0, 400).map(str), min_size=1), st.data())
def test_merge_details_does_not_depend_on_how_rows_are_divided(texts: list[str], data: st.DataObject) -> None:
    texts = texts * 2 + [str(number) for number in range(300)]
    cut = data.draw(st.integers(0, len(texts)))
    parts = [details(texts[:cut]), merge_details([]), details(texts[cut:])]

    merged = merge_details(parts)

    assert merged == merge_details([merge_details(parts[:2]), parts[2]]) == merge_details([details(texts)])
    assert merged.filtered == Counter({"price above 0": len(texts)})
    assert len(merged.times) == SAMPLED_TIMES
    assert merged.times == Counter({text: texts.count(text) for text in merged.times})


def test_count_times_of_long_texts_keeps_their_beginning() -> None:
    assert count_times(pa.array(["1" * 10_000, "1" * 10_001, "x"])) == Counter({"1" * 100: 2, "x": 1})
