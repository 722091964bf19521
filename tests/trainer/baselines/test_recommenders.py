"""What each baseline recommends, against arithmetic on small logs, and against counting one item at a time."""

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
from trainer.baselines import recommenders
from trainer.baselines.recommenders import BASELINES, BaselineRecommender


def recommended(
    sequences: Sequence[Walk], history: str, catalogue: str = ITEMS, *, exclude: str = "", remove_seen: bool = True
) -> dict[str, str]:
    """By baseline, the whole catalogue as it is recommended after one history, an item a letter."""
    recommender = BaselineRecommender(tables(sequences, catalogue))
    found = recommender.recommend([history], [exclude], remove_seen=remove_seen, k=len(catalogue))
    return {name: "".join(filter(None, ranked[0])) for name, ranked in found.items()}


def test_a_configuration_knows_every_baseline() -> None:
    assert get_args(Baseline) == tuple(BASELINES)


def test_popularity_counts_what_came_after_the_first_of_each_sequence() -> None:
    """The counts: b 3, c 2; the first of a sequence is no target. The others are in the order of their ids."""
    assert recommended(walks("abc", "cbc", "db"), "e")["popularity"] == "bcadfg"


def test_recent_popularity_halves_with_every_tenth() -> None:
    """Of ten interactions c has the last, which counts 1, and b the nine before: 1/2 + 1/4 + ... + 1/512, less than 1.

    Popularity and counting only what came in the last half would have b first.
    """
    found = recommended([Walk("u", "abbbbbbbbbc", range(11))], "d")
    assert found["popularity"].startswith("bc")
    assert found["recent_popularity"].startswith("cb")


def test_what_happens_at_once_is_equally_recent() -> None:
    """b twice and c once at the same time."""
    found = recommended([Walk("u", "ac", [1, 1]), Walk("v", "abb", [1, 1, 1])], "d")
    assert found["recent_popularity"].startswith("bc")


def test_repeat_last_goes_backwards_through_the_history() -> None:
    sequences = walks("acc", "ab")
    assert recommended(sequences, "edbd", remove_seen=False)["repeat_last"] == "dbecafg"
    assert recommended(sequences, "edbd")["repeat_last"] == recommended(sequences, "edbd")["popularity"] == "cafg"


def test_the_chain_follows_the_last_item() -> None:
    """After b came c twice and d once; what never came is by popularity: c 2, b 3."""
    sequences = walks("abc", "abc", "abd")
    assert recommended(sequences, "ab", remove_seen=False)["markov"] == "cdbaefg"
    assert recommended(sequences, "b", exclude="c")["markov"].startswith("da")


def test_a_chain_of_two_sees_past_the_last_item() -> None:
    """After x comes p or q alike; what was there before x tells which, as it did in training."""
    sequences = walks("axp", "bxq")
    for first, following in (("a", "p"), ("b", "q")):
        found = recommended(sequences, f"{first}x", "abpqx")
        assert found["markov"].startswith("pq")
        assert found["markov_two_back"].startswith(following)


def test_a_chain_of_three_sees_one_further() -> None:
    sequences = walks("ayxp", "byxq")
    for first, following in (("a", "p"), ("b", "q")):
        found = recommended(sequences, f"{first}yx", "abpqxy")
        assert found["markov_two_back"].startswith("pq")
        assert found["markov_three_back"].startswith(following)


def test_the_chain_divides_by_the_root_of_what_followed() -> None:
    """After b came c once, after a, which is one further back, d 4 and e 12 times of 16.

    So c has 1 / 1, d 4 / 4 / 2 and e 12 / 4 / 2; undivided, d would come before c, and divided by the sum, c before e.
    """
    sequences = walks("bc", *["ad"] * 4, *["ae"] * 12)
    assert recommended(sequences, "ab")["markov_two_back"].startswith("ecd")


def test_item_knn_adds_up_cosines() -> None:
    """The cosine of a with b is 2 / sqrt(2 x 4), with c 1 / sqrt(2 x 1): equal, and b is the more popular."""
    assert recommended(walks("ab", "abc", "fb", "gb"), "a")["item_knn"].startswith("bc")


def test_item_knn_counts_older_items_less() -> None:
    """a brings b with 3 / sqrt(3 x 4) = .866; e, one place further back, d with .9 / sqrt(1 x 1), two places .81."""
    sequences = walks("ab", "ab", "ab", "fb", "ed")
    assert recommended(sequences, "ea")["item_knn"].startswith("db")
    assert recommended(sequences, "ega")["item_knn"].startswith("bd")


@pytest.mark.parametrize(("places", "expected"), [(29, "bd"), (30, "db")])
def test_item_knn_reads_thirty_items(places: int, expected: str) -> None:
    assert recommended(walks("ab", "cd", "ed"), "a" + "g" * places)["item_knn"].startswith(expected)


def test_session_knn_prefers_sequences_that_hold_the_last_items() -> None:
    """History a, b: weights .9 and 1. Sequence a, c has .9, b, d 1, and a, b, e 1.9."""
    assert recommended(walks("ac", "bd", "abe"), "ab")["session_knn"].startswith("edc")


@pytest.mark.parametrize(("history", "expected"), [("abcdefghij", "yx"), ("abbcdefghijj", "yx"), ("abcdefghijk", "xy")])
def test_session_knn_reads_ten_different_items(history: str, expected: str) -> None:
    """Nothing but a brings y: if it is not read, the more popular x is first."""
    assert recommended(walks("ay", "zx"), history, "abcdefghijkxyz")["session_knn"].startswith(expected)


@pytest.mark.parametrize(("recent_sessions", "expected"), [(2, "dc"), (1, "cd")])
def test_session_knn_looks_at_the_most_recent_sequences(
    monkeypatch: pytest.MonkeyPatch, recent_sessions: int, expected: str
) -> None:
    """Sequence b, d is more similar to a, b than a, c, which is more recent."""
    monkeypatch.setattr(recommenders, "RECENT_SESSIONS", recent_sessions)
    assert recommended(walks("bd", "ac"), "ab")["session_knn"].startswith(expected)


def test_session_knn_takes_the_more_recent_of_equally_similar_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommenders, "NEIGHBOUR_SESSIONS", 1)
    assert recommended(walks("ab", "ac"), "a")["session_knn"].startswith("c")
    assert recommended(walks("ac", "ab"), "a")["session_knn"].startswith("b")


def by_hand(name: str, sequences: Sequence[Walk], history: str, left: Sequence[str]) -> list[str]:
    """The items that are left as a baseline orders them, from counting one item at a time."""
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
        for alike, walk in neighbours_by_hand(sequences, history):
            for item in set(walk.items):
                scores[item] += alike
    return scores


def chain_by_hand(reach: int, sequences: Sequence[Walk], history: str) -> dict[str, float]:
    near: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for walk in sequences:
        for i, item in enumerate(walk.items):
            for distance, later in enumerate(walk.items[i + 1 : i + 1 + reach], 1):
                near[item][later] += 1 / distance
    scores: dict[str, float] = defaultdict(float)
    for back, item in enumerate(history[: -reach - 1 : -1], 1):
        for later, count in near[item].items():
            scores[later] += count / back / math.sqrt(max(sum(near[item].values()), 1))
    return scores


def neighbours_by_hand(sequences: Sequence[Walk], history: str) -> Iterator[tuple[float, Walk]]:
    weights = {item: 1 - age / 10 for age, item in enumerate(dict.fromkeys(history[::-1])) if age < 10}
    newest_first = sorted(sequences, key=lambda walk: (-walk.times[-1], sorted(set(walk.items))))
    sharing = [walk for walk in newest_first if weights.keys() & set(walk.items)][: recommenders.RECENT_SESSIONS]
    alike = [(sum(weights.get(item, 0) for item in set(walk.items)), walk) for walk in sharing]
    yield from sorted(alike, key=lambda found: -round(found[0], 6))[: recommenders.NEIGHBOUR_SESSIONS]


# Sums that differ in the last digits of a double alone: they count as equal, and popularity decides.
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
def test_equals_counting_by_hand(sequences: list[Walk], history: str, remove_seen: bool) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recommenders, "NEIGHBOUR_ITEMS", 100)
        patched.setattr(recommenders, "RECENT_SESSIONS", 4)
        patched.setattr(recommenders, "NEIGHBOUR_SESSIONS", 3)
        left = [item for item in ITEMS if item not in history or not remove_seen]
        found = recommended(sequences, history, remove_seen=remove_seen)
        for name in BASELINES:
            assert found[name] == "".join(by_hand(name, sequences, history, left)), name
