from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.evaluator.item_columns import read_item_values
from components.evaluator.queries import Queries
from components.evaluator.slices import SliceContext, slices
from components.item_table.write_items import write_items
from schemas.config.evaluation import SLICES, Slice
from tests.components.evaluated import EVALUATION
from tests.components.item_table.test_write_items import examples
from tests.components.item_tables import row, settings, write
from tests.trainer.lists import catalogue

# 12 interactions: a has the first third and more, b reaches into the second, c and d are of the last.
ITEMS = catalogue({"a": 5, "b": 3, "c": 3, "d": 1, "e": 0})


def queries(**given: Any) -> Queries:
    columns: dict[str, Any] = {
        "histories": [["a"]] * 4,
        "targets": [["a"]] * 4,
        "times_s": [0] * 4,
        "train_interactions": [0] * 4,
    }
    columns |= given
    return Queries(
        users=np.array(list("wxyz"), dtype=object),
        histories=columns["histories"],
        excluded=[[]] * 4,
        targets=columns["targets"],
        times_s=np.array(columns["times_s"]),
        train_interactions=np.array(columns["train_interactions"]),
        columns=given.get("columns", {}),
    )


def groups(name: str, *columns: Slice, times: bool = True, **given: Any) -> list[list[str]]:
    return slices(queries(**given), SliceContext(ITEMS, columns, times))[name]


def test_history_length_groups_by_length() -> None:
    histories = [["a"] * length for length in (1, 4, 5, 200)]
    assert groups("history_length", histories=histories) == [["1-4"], ["1-4"], ["5-9"], ["200 or more"]]


def test_activity_of_new_users_is_a_group() -> None:
    assert groups("activity", train_interactions=[0, 1, 19, 500]) == [["new"], ["1-4"], ["10-19"], ["200 or more"]]


def test_target_popularity_divides_interactions_into_thirds() -> None:
    """Of 12 interactions, 0 come before a, 5 before b (the middle third starts at 4), 8 before c and 11 before d."""
    assert groups("target_popularity", targets=[["a"], ["b"], ["c"], ["d"]]) == [
        ["head"],
        ["middle"],
        ["tail"],
        ["tail"],
    ]


def test_target_popularity_of_untrained_and_unknown_items_is_new() -> None:
    targets = [["e"], ["never heard of"], ["d", "a"], []]
    assert groups("target_popularity", targets=targets) == [["new"], ["new"], ["head", "tail"], []]


def test_hour_is_in_utc_and_empty_without_times() -> None:
    times = [0, 6 * 3600, 86_400 * 9 + 12 * 3600 - 1, 86_399]
    assert groups("hour", times_s=times) == [["00-06 UTC"], ["06-12 UTC"], ["06-12 UTC"], ["18-24 UTC"]]
    assert groups("hour", times_s=times, times=False) == [[], [], [], []]


def test_slices_of_columns_group_names_and_numbers() -> None:
    found = queries(
        columns={
            "target_genres": [["War|Drama"], ["Drama"], [""], []],
            "user_age": [["17.0"], ["18.0"], ["nan"], ["70.0"]],
            "price": [["0.4"], ["0.5"], ["1.25"], ["9.0"]],
        }
    )
    columns = (
        Slice(name="genres", feature="target_genres", separator="|"),
        Slice(name="age", feature="user_age", boundaries=(18, 35, 36)),
        Slice(name="price", feature="price", boundaries=(0.5, 1.5)),
    )
    by_name = slices(found, SliceContext(ITEMS, columns, True))
    assert by_name["genres"] == [["Drama", "War"], ["Drama"], [], []]
    assert by_name["age"] == [["below 18"], ["18-34"], [], ["36 or more"]]
    assert by_name["price"] == [["below 0.5"], ["0.5 to below 1.5"], ["0.5 to below 1.5"], ["1.5 or more"]]
    assert [*by_name] == [*SLICES, "genres", "age", "price"]


def test_slices_of_columns_of_items_group_by_the_first_target(tmp_path: Path) -> None:
    rows = [row("a", genres=["War", "Drama"], price="9.99"), row("b", genres=[], price=None), row("c", price="20")]
    table = settings(write(tmp_path / "items.jsonl", "jsonl", rows), "jsonl")
    write_items(table, examples(tmp_path / "examples", "a"), str(tmp_path / "items"))
    columns = (Slice(name="genres", feature=None), Slice(name="price", feature=None, boundaries=(9.99, 15)))

    values = read_item_values(str(tmp_path / "items"), EVALUATION.model_copy(update={"slices": columns}))

    found = queries(targets=[["a", "c"], ["b"], ["c", "a"], ["not in the table"]])
    by_name = slices(found, SliceContext(ITEMS, columns, True, values))
    assert by_name["genres"] == [["Drama", "War"], [], ["a", "b c"], []]
    assert by_name["price"] == [["9.99 to below 15"], [], ["15 or more"], []]


def test_slices_of_numbers_include_the_lower_boundary_and_show_all_digits() -> None:
    paid = [
        [str(float(np.float32(price)))] for price in ("9.98", "9.99", "1234567", "2000000")
    ]  # as examples have them
    columns = (
        Slice(name="price", feature="price", boundaries=(9.99, 1234567.5)),
        Slice(name="rounded", feature="price", boundaries=(0, 1_234_567, 2_000_000)),
    )
    by_name = slices(queries(columns={"price": paid}), SliceContext(ITEMS, columns, True))
    assert by_name["price"] == [["below 9.99"], *[["9.99 to below 1234567.5"]] * 2, ["1234567.5 or more"]]
    assert by_name["rounded"] == [["0-1234566"], ["0-1234566"], ["1234567-1999999"], ["2000000 or more"]]


@pytest.mark.parametrize("name", SLICES)
def test_slice_gives_a_list_of_groups_for_each_query(name: str) -> None:
    found = groups(name)
    assert len(found) == 4
    assert all(isinstance(group, str) for some in found for group in some)
