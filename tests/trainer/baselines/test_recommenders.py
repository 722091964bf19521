"""The baselines' recommendations, against arithmetic on small logs and against counts of one item at a time."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.config.evaluation import Baseline
from tests.trainer.counting import ITEMS, Walk, cosines, drawn_walks, recent, tables, walks
from trainer.baselines import constants
from trainer.baselines.recommenders import BASELINES, BaselineRecommender


def recommended(
    sequences: Sequence[Walk], history: str, catalogue: str = ITEMS, *, exclude: str = "", remove_seen: bool = True
) -> dict[str, str]:
    """Return by baseline the whole catalogue as it is ranked after one history; each letter is an item."""
    recommender = BaselineRecommender(tables(sequences, catalogue))
    found = recommender.recommend([history], [exclude], remove_seen=remove_seen, k=len(catalogue))
    return {name: "".join(filter(None, ranked[0])) for name, ranked in found.items()}


def test_configuration_names_every_baseline() -> None:
    assert get_args(Baseline) == tuple(BASELINES)


def test_popularity_counts_targets_without_first_items() -> None:
    """The counts: b 3, c 2. The first item of a sequence is not a target. The others are in the order of their ids."""
    assert recommended(walks("abc", "cbc", "db"), "e")["popularity"] == "bcadfg"


def test_recent_popularity_weights_halve_for_each_later_tenth() -> None:
    """Of ten interactions, c has the last, which counts 1. b has the nine before: 1/2 + 1/4 + ... + 1/512 < 1.

    Popularity would rank b first, and so would a count of the last half.
    """
    found = recommended([Walk("u", "abbbbbbbbbc", range(11))], "d")
    assert found["popularity"].startswith("bc")
    assert found["recent_popularity"].startswith("cb")


def test_recent_popularity_of_simultaneous_interactions_is_equal() -> None:
    """b has two interactions and c one, at the same time."""
    found = recommended([Walk("u", "ac", [1, 1]), Walk("v", "abb", [1, 1, 1])], "d")
    assert found["recent_popularity"].startswith("bc")


def test_hidden_items_are_left_out_of_the_list_of_their_history_only() -> None:
    recommender = BaselineRecommender(tables(walks("abc", "cbc", "db"), ITEMS))
    hidden = [np.array([1, 5]), np.zeros(0, np.int64)]  # b and f

    found = recommender.recommend(["e", "e"], ["", ""], remove_seen=True, k=len(ITEMS), hidden=hidden)

    assert [list(filter(None, row)) for row in found["popularity"]] == [list("cadg"), list("bcadfg")]
    for ranked in found.values():
        assert {*filter(None, ranked[0])} == {*"acdg"}
        assert {*filter(None, ranked[1])} == {*"abcdfg"}


def test_repeat_last_ranks_the_history_backwards() -> None:
    sequences = walks("acc", "ab")
    assert recommended(sequences, "edbd", remove_seen=False)["repeat_last"] == "dbecafg"
    assert recommended(sequences, "edbd")["repeat_last"] == recommended(sequences, "edbd")["popularity"] == "cafg"


def test_markov_ranks_followers_of_the_last_item_first() -> None:
    """b is followed by c twice and by d once. The other items are in the order of popularity, which is 3 for b."""
    sequences = walks("abc", "abc", "abd")
    assert recommended(sequences, "ab", remove_seen=False)["markov"] == "cdbaefg"
    assert recommended(sequences, "b", exclude="c")["markov"].startswith("da")


def test_markov_two_back_reads_the_item_before_the_last() -> None:
    """x is followed by p and q equally often; the item before x decides, as in training."""
    sequences = walks("axp", "bxq")
    for first, following in (("a", "p"), ("b", "q")):
        found = recommended(sequences, f"{first}x", "abpqx")
        assert found["markov"].startswith("pq")
        assert found["markov_two_back"].startswith(following)


def test_markov_three_back_reads_one_item_more() -> None:
    sequences = walks("ayxp", "byxq")
    for first, following in (("a", "p"), ("b", "q")):
        found = recommended(sequences, f"{first}yx", "abpqxy")
        assert found["markov_two_back"].startswith("pq")
        assert found["markov_three_back"].startswith(following)


def test_markov_scores_are_divided_by_the_root_of_the_transitions() -> None:
    """b is followed by c once. a, one item earlier, is followed by d 4 times and by e 12 times, 16 in total.

    The scores are 1 / 1 for c, 4 / 4 / 2 for d and 12 / 4 / 2 for e. Without division, d would be before c; divided
    by the sum, c would be before e.
    """
    sequences = walks("bc", *["ad"] * 4, *["ae"] * 12)
    assert recommended(sequences, "ab")["markov_two_back"].startswith("ecd")


def test_item_knn_ranks_by_the_sum_of_cosines() -> None:
    """The cosine of a and b is 2 / sqrt(2 x 4), of a and c 1 / sqrt(2 x 1): equal, and b is more popular."""
    assert recommended(walks("ab", "abc", "fb", "gb"), "a")["item_knn"].startswith("bc")


def test_item_knn_weighs_older_items_less() -> None:
    """a gives b 3 / sqrt(3 x 4) = 0.866. e, one position before, gives d 0.9 / sqrt(1 x 1); two positions, 0.81."""
    sequences = walks("ab", "ab", "ab", "fb", "ed")
    assert recommended(sequences, "ea")["item_knn"].startswith("db")
    assert recommended(sequences, "ega")["item_knn"].startswith("bd")


@pytest.mark.parametrize(("later_items", "expected"), [(29, "bd"), (30, "db")])
def test_item_knn_reads_the_last_thirty_items(later_items: int, expected: str) -> None:
    assert recommended(walks("ab", "cd", "ed"), "a" + "g" * later_items)["item_knn"].startswith(expected)


def test_session_knn_ranks_by_similarity_of_sequences() -> None:
    """The weights of the history a, b are 0.9 and 1. Sequence a, c has 0.9; b, d has 1; a, b, e has 1.9."""
    assert recommended(walks("ac", "bd", "abe"), "ab")["session_knn"].startswith("edc")


@pytest.mark.parametrize(("history", "expected"), [("abcdefghij", "yx"), ("abbcdefghijj", "yx"), ("abcdefghijk", "xy")])
def test_session_knn_reads_the_last_ten_distinct_items(history: str, expected: str) -> None:
    """Only a gives y a score. If a is not read, the more popular x is first."""
    assert recommended(walks("ay", "zx"), history, "abcdefghijkxyz")["session_knn"].startswith(expected)


@pytest.mark.parametrize(("recent_sessions", "expected"), [(2, "dc"), (1, "cd")])
def test_session_knn_reads_only_the_most_recent_sequences(
    monkeypatch: pytest.MonkeyPatch, recent_sessions: int, expected: str
) -> None:
    """Sequence b, d is more similar to a, b than sequence a, c is, but a, c is more recent."""
    monkeypatch.setattr(constants, "RECENT_SESSIONS", recent_sessions)
    assert recommended(walks("bd", "ac"), "ab")["session_knn"].startswith(expected)


def test_session_knn_of_equally_similar_sequences_keeps_the_more_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "NEIGHBOUR_SESSIONS", 1)
    assert recommended(walks("ab", "ac"), "a")["session_knn"].startswith("c")
    assert recommended(walks("ac", "ab"), "a")["session_knn"].startswith("b")


def by_hand(name: str, sequences: Sequence[Walk], history: str, left: Sequence[str]) -> list[str]:
    """Return the remaining items in a baseline's order, from counts of one item at a time."""
    popularity = Counter(item for walk in sequences for item in walk.items[1:])
    scores = score_by_hand(name, sequences, history)
    return sorted(left, key=lambda item: (-np.float32(scores[item]), -popularity[item], item))


def score_by_hand(name: str, sequences: Sequence[Walk], history: str) -> dict[str, float]:
    scores: dict[str, float] = defaultdict(float)
    if name == "recent_popularity":
        scores |= recent(sequences)
    if name == "repeat_last":
        scores |= {item: 1 + history.rindex(item) for item in history}
    if name.startswith("markov"):
        scores |= chain_by_hand({"markov": 1, "markov_two_back": 2, "markov_three_back": 3}[name], sequences, history)
    if name == "item_knn":
        for (a, b), cosine in cosines(sequences).items():
            scores[b] += cosine * sum(0.9**age for age, item in enumerate(history[::-1][:30]) if item == a)
    if name == "session_knn":
        for similarity, walk in neighbours_by_hand(sequences, history):
            for item in set(walk.items):
                scores[item] += similarity
    return scores


def chain_by_hand(length: int, sequences: Sequence[Walk], history: str) -> dict[str, float]:
    near: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for walk in sequences:
        for i, item in enumerate(walk.items):
            for distance, later in enumerate(walk.items[i + 1 : i + 1 + length], 1):
                near[item][later] += 1 / distance
    scores: dict[str, float] = defaultdict(float)
    for back, item in enumerate(history[: -length - 1 : -1], 1):
        for later, count in near[item].items():
            scores[later] += count / back / math.sqrt(max(sum(near[item].values()), 1))
    return scores


def neighbours_by_hand(sequences: Sequence[Walk], history: str) -> Iterator[tuple[float, Walk]]:
    weights = {item: 1 - age / 10 for age, item in enumerate(dict.fromkeys(history[::-1])) if age < 10}
    newest_first = sorted(sequences, key=lambda walk: (-walk.times[-1], sorted(set(walk.items))))
    sharing = [walk for walk in newest_first if weights.keys() & set(walk.items)][: constants.RECENT_SESSIONS]
    similar = [(sum(weights.get(item, 0) for item in set(walk.items)), walk) for walk in sharing]
    yield from sorted(similar, key=lambda found: -round(found[0], 6))[: constants.NEIGHBOUR_SESSIONS]


# Sums that differ only in the last digits of a float64. They count as equal, and popularity decides.
NEARLY_EQUAL = [
    Walk("u", "aaeea", [0, 1, 1, 1, 2]),
    *[Walk("u", "a" * length, [0] * length) for length in (2, 4)],
    Walk("u", "aaaaag", [0, 0, 1, 1, 1, 1]),
    *[Walk("u", "aa", [0, 0]) for _ in range(2)],
    Walk("u", "ae", [0, 0]),
    *[Walk("u", "a" * length, [0] * length) for length in (3, 4)],
    Walk("u", "aaaag", [0, 0, 0, 0, 0]),
    Walk("u", "aaag", [0, 0, 0, 1]),
    Walk("u", "aa", [0, 0]),
]


@given(drawn_walks(max_size=12), st.text(ITEMS, max_size=12), st.booleans())
@example(NEARLY_EQUAL, "", False)
def test_every_baseline_equals_counts_by_hand(sequences: list[Walk], history: str, remove_seen: bool) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(constants, "NEIGHBOUR_ITEMS", 100)
        patched.setattr(constants, "RECENT_SESSIONS", 4)
        patched.setattr(constants, "NEIGHBOUR_SESSIONS", 3)
        left = [item for item in ITEMS if item not in history or not remove_seen]
        found = recommended(sequences, history, remove_seen=remove_seen)
        for name in BASELINES:
            assert found[name] == "".join(by_hand(name, sequences, history, left)), name
