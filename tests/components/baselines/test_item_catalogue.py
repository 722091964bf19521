from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.baselines.item_catalogue import collect_items, feature_columns, index_items, merge_items
from components.common.example_batches import parse_examples
from tests.components.common.test_example_batches import GENRE, YEAR
from tests.components.examples import example

NAN = float("nan")


def test_items_of_histories_targets_and_exclusions_are_collected() -> None:
    items = collect_items(parse_examples([example(["b", "a"], exclude=["ü", "c"]), example(["a", "z"])]), [])
    assert sorted(items) == [item.encode() for item in ("a", "b", "c", "z", "ü")]
    assert index_items(items) == {item.encode(): index for index, item in enumerate(["a", "b", "c", "z", "ü"])}


def test_item_with_different_values_has_the_greatest_and_without_any_has_none() -> None:
    batches = [
        [example(["a", "b"], further={"genre": ["drama", ""], "year": [NAN, -3.0]})],
        [example(["a", "a"], exclude=["c"], further={"genre": ["", "war"], "year": [1990.0, NAN]})],
        [example(["d", "d"], further={"genre": ["crime", "crime"], "year": [NAN, NAN]})],
    ]

    items = merge_items([collect_items(parse_examples(batch, [GENRE, YEAR]), [GENRE, YEAR]) for batch in batches])
    columns = feature_columns(items, [GENRE, YEAR])

    assert columns["genre"].tolist() == ["war", "", "", "crime"]
    np.testing.assert_array_equal(columns["year"], np.array([1990, -3, NAN, NAN], np.float32))


VALUES = st.tuples(st.sampled_from([b"", b"x", b"y"]), st.sampled_from([-np.inf, 0.0, 1.0]))
PARTS = st.lists(st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), VALUES), max_size=5)


@given(PARTS, st.randoms())
def test_merged_items_in_any_order_are_equal(parts: list[dict[bytes, tuple[Any, ...]]], random: Random) -> None:
    shuffled = random.sample(parts, len(parts))
    assert merge_items(parts) == merge_items([merge_items(shuffled[:2]), merge_items(shuffled[2:])])
