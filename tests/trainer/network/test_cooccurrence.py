"""Co-occurrence scores, against dictionaries filled by loops."""

from collections import defaultdict
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import CandidateSource
from trainer.baselines import constants
from trainer.network import cooccurrence
from trainer.network.cooccurrence import CooccurrenceScorer, count_cooccurrences, last_items

ITEMS = 7
UNIFORM = np.full(ITEMS, 1 / ITEMS, np.float32)
SEQUENCES = [[1, 2, 3, 4], [2, 3, 1], [2, 3, 4, 5, 6], [6], [3, 3, 2]]


def arrays(sequences: list[list[int]]) -> list[npt.NDArray[np.int64]]:
    return [np.array(sequence, np.int64) for sequence in sequences]


def by_hand(sequences: list[list[int]], history: list[int]) -> dict[str, dict[int, float]]:
    """Return by table the score of each item after a history, before the logarithm."""
    pairs: dict[str, dict[tuple[int, int], float]] = {
        name: defaultdict(float) for name in ("markov", "followers", "window")
    }
    for sequence in sequences:
        for i, item in enumerate(sequence):
            for distance, later in enumerate(sequence[i + 1 :], 1):
                pairs["followers"][item, later] += distance == 1
                pairs["markov"][item, later] += 1 / distance if distance <= 3 else 0
                pairs["window"][item, later] += distance <= 10
    pairs["predecessors"] = {(b, a): value for (a, b), value in pairs["markov"].items()}
    members = {item: {row for row, s in enumerate(sequences) if item in s} for item in range(1, ITEMS + 1)}
    pairs["neighbours"] = {
        (a, b): len(members[a] & members[b]) / (len(members[a]) * len(members[b])) ** 0.5
        for a in members
        for b in members
        if a != b and members[a] and members[b]
    }
    weights: dict[str, list[float]] = {"markov": [1, 1 / 2, 1 / 3], "followers": [1], "predecessors": [1, 1 / 2, 1 / 3]}
    weights |= {"window": [0.8**age for age in range(12)], "neighbours": [0.9**age for age in range(30)]}
    return {
        name: {
            item: sum(
                weight * pairs[name].get((seen, item), 0.0)
                for weight, seen in zip(weights[name], history[::-1], strict=False)
            )
            for item in range(1, ITEMS + 1)
        }
        for name in weights
    }


def scored(sequences: list[list[int]], histories: list[list[int]]) -> npt.NDArray[np.float64]:
    width = max(map(len, histories))
    item_ids = tf.constant([history + [0] * (width - len(history)) for history in histories], tf.int64)
    every = tf.tile(tf.range(1, ITEMS + 1, dtype=tf.int64)[tf.newaxis], [len(histories), 1])
    made = CooccurrenceScorer(count_cooccurrences(arrays(sequences), ITEMS), UNIFORM, UNIFORM, [])
    return np.asarray(made.features(item_ids, every).numpy(), np.float64)


@settings(max_examples=20)
@given(
    st.lists(st.lists(st.integers(1, ITEMS), min_size=1, max_size=14), min_size=1, max_size=5),
    st.lists(st.integers(1, ITEMS), max_size=14),
)
def test_scores_equal_counts_by_hand(sequences: list[list[int]], history: list[int]) -> None:
    """Undo the logarithm, and compare ratios: the table's mean divides all scores."""
    names = list(count_cooccurrences(arrays(sequences), ITEMS))
    found = scored(sequences, [history, [1, 2, 3]])[0]
    for column, name in enumerate(names):
        expected = np.array(list(by_hand(sequences, history)[name].values()))
        values = np.exp(found[:, column]) - 0.3
        if expected.max() > 0:
            np.testing.assert_allclose(values / values.max(), expected / expected.max(), atol=1e-4, err_msg=name)
        else:
            np.testing.assert_allclose(values, 0, atol=1e-5)


def test_candidate_score_does_not_depend_on_position_or_repetition() -> None:
    made = CooccurrenceScorer(count_cooccurrences(arrays(SEQUENCES), ITEMS), UNIFORM, UNIFORM, [])
    histories = tf.constant([[1, 2, 3], [6, 2, 0]], tf.int64)
    every = tf.constant([range(ITEMS + 1)] * 2, tf.int64)
    candidates = tf.constant([[4, 0, 7, 4, 1, 3], [3, 3, 5, 1, 0, 3]], tf.int64)
    expected = tf.gather(made.features(histories, every), candidates, batch_dims=1)
    np.testing.assert_allclose(made.features(histories, candidates), expected, rtol=1e-6)
    assert made.features(histories, candidates[:, :0]).shape == (2, 0, len(made.names))


def test_popularity_features_are_logarithms_of_relative_fractions() -> None:
    fractions = np.array([0.5, 0.25, 0.25, 0, 0, 0, 0], np.float32)
    recent_popularity = np.array([1.5, 0, 0, 4.5, 0, 0, 0], np.float32)  # 6 in total
    made = CooccurrenceScorer(count_cooccurrences(arrays(SEQUENCES), ITEMS), fractions, recent_popularity, [])
    assert made.names[-2:] == ["popularity", "recent_popularity"]
    found = made.features(tf.constant([[1]], tf.int64), tf.constant([[1, 2, 4]], tf.int64))[0, :, -2:]
    overall, recently = (0.5, 0.25, 0), (0.25, 0, 0.75)
    expected = [[np.log(fraction * 7 + 0.3) for fraction in pair] for pair in zip(overall, recently, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_neighbours_beyond_the_limit_are_dropped_lowest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Item 3 is followed by 4 twice, by 1, 3 and 2 once. Two are kept; of equal values, the most popular item."""
    monkeypatch.setattr(constants, "MAX_NEIGHBOURS", 2)
    followers = count_cooccurrences(arrays(SEQUENCES), ITEMS)["followers"].pairs
    assert followers[3].toarray()[0].tolist() == [0, 0, 0, 1, 2, 0, 0, 0]


def test_extra_candidates_by_markov_are_the_followers_most_frequent_first() -> None:
    """Item 3 is followed by 4 (twice at distance 1), 5, 1, 2, 6 and itself. Nothing follows 7."""
    made = CooccurrenceScorer(count_cooccurrences(arrays(SEQUENCES), ITEMS), UNIFORM, UNIFORM, ["markov"])
    after_3, after_7, after_nothing = made.extra_candidates(tf.constant([[3, 0], [7, 0], [0, 0]], tf.int64)).numpy()
    assert after_3[0] == 4
    assert set(after_3[:6].tolist()) == {1, 2, 3, 4, 5, 6}
    assert not after_7.any()
    assert not after_nothing.any()


def test_extra_candidates_by_recent_popularity_are_the_highest_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "EXTRA_CANDIDATES", 2)
    recent_popularity = np.array([1, 0, 3, 0, 2, 0, 0], np.float32)
    made = CooccurrenceScorer(
        count_cooccurrences(arrays(SEQUENCES), ITEMS), UNIFORM, recent_popularity, ["recent_popularity"]
    )
    (after_7,) = made.extra_candidates(tf.constant([[7]], tf.int64)).numpy()
    assert after_7[after_7 > 0].tolist() == [3, 5]


def test_extra_candidates_of_two_sources_are_all_there() -> None:
    made = CooccurrenceScorer(
        count_cooccurrences(arrays(SEQUENCES), ITEMS), UNIFORM, UNIFORM, ["neighbours", "popularity"]
    )
    (after_4,) = made.extra_candidates(tf.constant([[4]], tf.int64)).numpy()
    neighbours = by_hand(SEQUENCES, [4])["neighbours"]
    near = [item for item in neighbours if neighbours[item] > 0]
    assert near == [1, 2, 3, 5, 6]
    assert sorted(after_4[: len(near)].tolist()) == near
    assert after_4[after_4 > 0].tolist()[len(near) :] == list(range(1, ITEMS + 1))  # all are equally popular


def test_configuration_accepts_every_score_as_candidate_source() -> None:
    assert (
        list(get_args(CandidateSource))
        == CooccurrenceScorer(count_cooccurrences(arrays(SEQUENCES), ITEMS), UNIFORM, UNIFORM, []).names
    )


def test_scores_without_sequences_are_constant() -> None:
    found = scored([], [[1, 2]])
    assert np.isfinite(found).all()
    assert (found[:, :, :-2] == found[0, 0, 0]).all()


def test_last_items_are_newest_first_and_padded() -> None:
    item_ids = tf.constant([[1, 2, 3, 4], [5, 6, 0, 0], [0, 0, 0, 0]], tf.int64)
    assert last_items(item_ids, 3).numpy().tolist() == [[4, 3, 2], [6, 5, 0], [0, 0, 0]]
