from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.cleaning.returns import open_returns
from components.example_gen.cleaning.rules import clean
from components.example_gen.counts.file_counts import by_rule
from components.example_gen.interactions.timelines import Timelines
from schemas.features import UNITS
from tests.components.logs import data
from tests.components.protocols import timelines

Rows = list[tuple[str, str, float]]  # user, item and units, in the order of time
ROWS = st.lists(st.tuples(st.sampled_from("uv"), st.sampled_from("ab"), st.integers(-4, 4).map(float)), max_size=25)


def with_units(rows: Rows) -> Timelines:
    """Return timelines of rows; the time of a row is its index."""
    found = timelines([(user, item, float(index)) for index, (user, item, _) in enumerate(rows)])
    units = np.array([units for _, _, units in rows], np.float64)
    return replace(found, further={UNITS: pa.array(units[found.timestamps_s.astype(int)])})


def cleaned(rows: Rows) -> tuple[list[int], dict[str, int]]:
    """Return the indices of the rows that are left, and the counts."""
    rest, counts = clean(with_units(rows), data(cleaning={"returns": {"column": "quantity"}}))
    return sorted(int(time) for time in rest.timestamps_s), {
        rule: by_rule(counts)[rule] for rule in ("returned", "returns")
    }


def test_return_cancels_the_most_recent_purchases_of_the_same_user_and_item() -> None:
    rows: Rows = [("u", "a", 1), ("u", "a", 2), ("u", "b", 2), ("v", "a", 2), ("u", "a", -2)]

    assert cleaned(rows) == ([0, 2, 3], {"returned": 1, "returns": 1})


def test_purchase_that_is_returned_in_part_stays() -> None:
    assert cleaned([("u", "a", 3), ("u", "a", -2)]) == ([0], {"returned": 0, "returns": 1})


def test_purchase_that_is_returned_in_several_parts_is_left_out() -> None:
    assert cleaned([("u", "a", 3), ("u", "a", -2), ("u", "a", -1)]) == ([], {"returned": 1, "returns": 2})


def test_return_of_several_purchases_cancels_all_of_them() -> None:
    assert cleaned([("u", "a", 1), ("u", "a", 2), ("u", "a", 1), ("u", "a", -3)])[0] == [0]


def test_return_without_an_earlier_purchase_leaves_a_later_one() -> None:
    assert cleaned([("u", "a", -5), ("u", "a", 5)]) == ([1], {"returned": 0, "returns": 1})


def test_rows_without_units_are_neither_purchases_nor_returns() -> None:
    rows: Rows = [("u", "a", 1), ("u", "a", float("nan")), ("u", "a", 0), ("u", "a", -1)]

    assert cleaned(rows) == ([1, 2], {"returned": 1, "returns": 1})


def test_fractions_of_a_unit_cancel_in_spite_of_rounding() -> None:
    """In float64, 0.1 + 0.2 - 0.3 is greater than 0."""
    assert cleaned([("u", "a", 0.1), ("u", "a", 0.2), ("u", "a", -0.3)])[0] == []


@given(rows=ROWS)
def test_returns_agree_with_a_stack_of_units(rows: Rows) -> None:
    stacks: dict[tuple[str, str], list[int]] = {}
    left = {}
    for index, (user, item, units) in enumerate(rows):
        stack = stacks.setdefault((user, item), [])
        if units >= 0:
            left[index] = units
            stack.extend([index] * int(units))
        for _ in range(min(int(-units), len(stack))):
            left[stack.pop()] -= 1

    kept = [index for index, units in left.items() if units or rows[index][2] == 0]
    returns = sum(units < 0 for _, _, units in rows)
    assert cleaned(rows) == (kept, {"returned": len(rows) - returns - len(kept), "returns": returns})


def test_open_returns_are_the_units_that_no_purchase_before_covers() -> None:
    rows: Rows = [("u", "a", -1), ("u", "a", 2), ("u", "a", -5), ("u", "b", 1), ("u", "b", -1), ("v", "b", -2)]

    found = open_returns(with_units(rows))

    items = found.item_ids.take(pa.array(found.items)).to_pylist()
    users = found.user_ids.take(pa.array(found.users)).to_pylist()
    assert list(zip(users, items, found.further[UNITS].to_pylist(), strict=True)) == [("u", "a", -4), ("v", "b", -2)]
    assert np.isinf(found.timestamps_s).all()
