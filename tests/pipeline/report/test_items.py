from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.report.items import concentration, read_items
from tests.pipeline.known_items import known_items
from tests.pipeline.report_root import IMAGE, config

ITEMS = known_items({"a": 1, "b": 6, "c": 0, "d": 3}, titles={"a": "Ape", "b": ""})


def test_items_are_ranked_by_interactions() -> None:
    assert [ITEMS.ids[row] for row in ITEMS.order] == ["b", "d", "a", "c"]
    assert ITEMS.ranks.tolist() == [3, 1, 4, 2]


def test_item_without_a_title_has_its_id_as_title() -> None:
    assert [ITEMS.title(item) for item in "abx"] == ["Ape", "b", "x"]


def test_count_leaves_out_unknown_items() -> None:
    assert ITEMS.count(["a", "d", "d", "x"]).tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize(("part", "share"), [(0.01, 0.6), (0.25, 0.6), (0.5, 0.9), (1.0, 1.0)])
def test_head_share_is_the_fraction_of_the_most_popular_items(part: float, share: float) -> None:
    assert ITEMS.head_share(part) == pytest.approx(share)


def test_concentration_is_cumulative_from_the_most_popular_item() -> None:
    numbers, shares = concentration(ITEMS.interactions, ITEMS.order)
    assert numbers == [1, 2, 3, 4]
    assert shares == pytest.approx([0.6, 0.9, 1, 1])


def test_concentration_uses_the_given_order() -> None:
    _, shares = concentration(np.array([4, 0, 4, 2]), ITEMS.order)  # in the order b d a c
    assert shares == pytest.approx([0, 0.2, 0.6, 1])


def test_concentration_of_many_items_has_few_points_and_ends_at_all() -> None:
    numbers, shares = concentration(np.ones(100_000, np.int64), np.arange(100_000))
    assert len(numbers) <= 200
    assert (numbers[0], numbers[-1]) == (1, 100_000)
    assert shares == pytest.approx([number / 100_000 for number in numbers])


def test_concentration_of_zero_counts_is_empty() -> None:
    assert concentration(np.zeros(3, np.int64), np.arange(3)) == ([], [])


def folders(root: Path) -> tuple[str, str]:
    return str(root / "artifacts" / "counts"), str(root / "artifacts" / "items")


class TestOfARun:
    def test_titles_and_categories_come_from_the_table(self, finished_root: Path) -> None:
        items = read_items(
            config(finished_root.parent),
            str(finished_root / "artifacts" / "counts"),
            str(finished_root / "artifacts" / "items"),
        )
        assert items.ids.tolist() == list("abcdef")
        assert items.title("c") == IMAGE
        kinds = {item: "vowel" if item in "ae" else "<i>consonant</i>" for item in "abcdef"}
        assert items.categories == {item: [kind, "all"] for item, kind in kinds.items()}

    def test_direct_successors_are_counted_in_training(self, finished_root: Path) -> None:
        items = read_items(
            config(finished_root.parent),
            str(finished_root / "artifacts" / "counts"),
            str(finished_root / "artifacts" / "items"),
        )
        # Training has two of the four letters of each user, and five users start with each letter.
        assert items.followed.toarray().tolist() == np.roll(5 * np.eye(6, dtype=int), 1, axis=1).tolist()
        assert items.interactions.tolist() == [5] * 6

    def test_missing_table_gives_ids_and_a_note(self, finished_root: Path, tmp_path: Path) -> None:
        items = read_items(
            config(tmp_path), str(finished_root / "artifacts" / "counts"), str(finished_root / "artifacts" / "items")
        )
        assert items.title("a") == "a"
        assert "ids" in items.note
