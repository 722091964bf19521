"""The contract of every baseline in `BASELINES`. A new one is tested as soon as it is in the registry."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.counting import ITEMS, Walk, drawn_walks, tables, walks
from trainer.baselines.recommenders import BASELINES, BaselineRecommender

HISTORIES = st.lists(st.text(ITEMS, max_size=8), min_size=1, max_size=5)
SEQUENCES = walks("abcab", "bcd", "ecb", "fb")

pytestmark = pytest.mark.parametrize("name", BASELINES)


def recommended(
    name: str,
    sequences: Sequence[Walk],
    histories: Sequence[str],
    exclude: Sequence[str] | None = None,
    *,
    remove_seen: bool = True,
    k: int = 4,
) -> list[list[Any]]:
    recommender = BaselineRecommender(tables(sequences, ITEMS))
    exclude = [""] * len(histories) if exclude is None else exclude
    found = recommender.recommend(histories, exclude, remove_seen=remove_seen, k=k)[name]
    assert found.shape == (len(histories), k)
    return found.tolist()


@settings(max_examples=30)
@given(sequences=drawn_walks(), histories=HISTORIES, k=st.integers(1, 10), data=st.data())
def test_recommendations_are_distinct_unseen_items_then_none(
    name: str, sequences: list[Walk], histories: list[str], k: int, data: st.DataObject
) -> None:
    exclude = data.draw(st.lists(st.text(ITEMS, max_size=4), min_size=len(histories), max_size=len(histories)))

    found = recommended(name, sequences, histories, exclude, k=k)

    for ranked, history, further in zip(found, histories, exclude, strict=True):
        left = set(ITEMS) - {*history, *further}
        items = ranked[: min(k, len(left))]
        assert len(set(items)) == len(items)
        assert set(items) <= left
        assert ranked[len(items) :] == [None] * (k - len(items))


@settings(max_examples=30)
@given(sequences=drawn_walks(), histories=HISTORIES, remove_seen=st.booleans())
def test_recommendations_do_not_depend_on_other_histories_or_on_k(
    name: str, sequences: list[Walk], histories: list[str], remove_seen: bool
) -> None:
    together = recommended(name, sequences, histories, remove_seen=remove_seen)
    alone = [recommended(name, sequences, [history], remove_seen=remove_seen)[0] for history in histories]
    fewer = recommended(name, sequences, histories, remove_seen=remove_seen, k=2)
    assert together == alone
    assert [ranked[:2] for ranked in together] == fewer


def test_recommendations_of_more_histories_than_a_chunk_are_equal(name: str) -> None:
    few = recommended(name, SEQUENCES, ["a", "dc", "eb"])
    assert recommended(name, SEQUENCES, ["a", "dc", "eb"] * 300) == few * 300


def test_seen_items_are_recommended_where_they_are_not_removed(name: str) -> None:
    (found,) = recommended(name, SEQUENCES, ["abcdefg"], ["a"], remove_seen=False, k=9)
    assert sorted(found[:7]) == list(ITEMS)
    assert found[7:] == [None, None]


def test_unknown_items_are_ignored(name: str) -> None:
    for remove_seen in (True, False):
        found, known = (
            recommended(name, SEQUENCES, [history], [exclude], remove_seen=remove_seen)
            for history, exclude in (("xaxyex", "zb"), ("ae", "b"))
        )
        assert found == known


def test_empty_history_gives_popular_items(name: str) -> None:
    # The last of SEQUENCES is the most recent, so b is first whether or not older interactions count less.
    ((first, *rest),) = recommended(name, SEQUENCES, [""])
    assert first == "b"
    assert set(rest) == set("cad")
    assert recommended(name, SEQUENCES, ["xyz"]) == [[first, *rest]]


def test_recommendations_of_no_histories_are_empty(name: str) -> None:
    assert recommended(name, SEQUENCES, []) == []


def test_recommendations_without_training_sequences_are_in_the_order_of_ids(name: str) -> None:
    assert recommended(name, walks("a"), ["b"], k=7) == [["a", "c", "d", "e", "f", "g", None]]
