import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.baselines import Case, Walk, measure

# One user in two windows that share c, and another user.
SEQUENCES = [["a", "b", "c"], ["c", "b", "c"], ["d", "b"]]
# Counts: b 3, c 2. Transitions: a-b, b-c twice, c-b, d-b.


def walks(sequences: list[list[str]]) -> list[Walk]:
    return [Walk(sequence, range(len(sequence))) for sequence in sequences]


def ranks(case: Case, catalogue: str = "abcde", *, remove_seen: bool = True) -> dict[str, float]:
    """At which rank two of the baselines found the target; 0 where not among the first four."""
    found = measure(walks(SEQUENCES), [case], list(catalogue), remove_seen=remove_seen, k=4)
    places = {name: found[name]["mrr@4"] for name in ("popularity", "markov")}
    return {name: 1 / reciprocal if reciprocal else 0 for name, reciprocal in places.items()}


@pytest.mark.parametrize(
    ("case", "popularity", "markov"),
    [
        (Case(["a"], [], "b"), 1, 1),
        (Case(["a"], [], "c"), 2, 2),  # nothing but b follows a: the others come by popularity
        (Case(["b"], [], "c"), 1, 1),  # b itself is seen
        (Case(["d", "b"], [], "a"), 2, 2),  # c, then a and e, which nothing tells apart, in order
        (Case(["a", "c"], [], "e"), 3, 3),  # b, d, e
        (Case(["a"], ["b"], "c"), 1, 1),  # b was seen before the history begins
        (Case(["a"], [], "a"), 0, 0),  # what was seen is not recommended
        (Case(["e"], [], "b"), 1, 1),  # nothing ever followed e: by popularity
        (Case(["a"], [], "never there"), 0, 0),
    ],
)
def test_worked_examples(case: Case, popularity: int, markov: int) -> None:
    assert ranks(case) == pytest.approx({"popularity": popularity, "markov": markov})


def test_a_chain_and_popularity_differ_where_a_rare_item_follows() -> None:
    sequences = [["a", "z"], ["b", "c"], ["b", "c"]]
    found = measure(walks(sequences), [Case(["a"], [], "z")], list("abcz"), remove_seen=True, k=1)
    assert found["popularity"]["recall@1"] == 0  # c
    assert found["markov"]["recall@1"] == 1


def test_seen_items_stay_where_they_are_not_to_be_removed() -> None:
    assert ranks(Case(["c", "b"], [], "b"), remove_seen=False) == {"popularity": 1, "markov": 2}  # c follows b


def test_coverage_does_not_count_places_with_nothing_left() -> None:
    found = measure(walks(SEQUENCES), [Case(["a", "b", "c"], [], "d")], list("abcd"), remove_seen=True, k=4)
    assert found["popularity"]["coverage@4"] == found["markov"]["coverage@4"] == 1 / 4
    assert found["popularity"]["recall@4"] == 1


def test_recent_popularity_is_that_of_the_last_tenth() -> None:
    early = [Walk(["a", *"b" * 18], range(19))]
    late = [Walk(["a", "c", "c"], [19, 20, 21])]
    found = measure(early + late, [Case(["a"], [], "c")], list("abc"), remove_seen=True, k=1)
    assert found["popularity"]["recall@1"] == 0  # b
    assert found["recent_popularity"]["recall@1"] == 1


def test_three_back_sees_past_the_last_item() -> None:
    """After x comes p or q alike; what was there before x tells which, as it did in training."""
    sequences = [["a", "x", "p"], ["b", "x", "q"]]
    for first, target in (("a", "p"), ("b", "q")):
        found = measure(walks(sequences), [Case([first, "x"], [], target)], list("abpqx"), remove_seen=True, k=1)
        assert found["markov_three_back"]["recall@1"] == 1


def by_hand(sequences: list[list[str]], case: Case, catalogue: list[str], name: str, k: int) -> int | None:
    """The target's place, from counting one item at a time."""
    popularity = Counter(item for sequence in sequences for item in sequence[1:])
    latest = sorted(i for sequence in sequences for i in range(1, len(sequence)))
    cut = np.quantile(latest, 0.9)
    recent = Counter(item for sequence in sequences for i, item in enumerate(sequence) if i and i >= cut)
    following: dict[str, Counter[str]] = defaultdict(Counter)
    near: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for sequence in sequences:
        for i in range(1, len(sequence)):
            following[sequence[i - 1]][sequence[i]] += 1
            for distance in range(1, min(i, 3) + 1):
                near[sequence[i - distance]][sequence[i]] += 1 / distance
    left = [item for item in sorted(catalogue) if item not in case.history and item not in case.seen]
    left.sort(key=lambda item: -popularity[item])
    if name == "recent_popularity":
        left.sort(key=lambda item: -recent[item])
    if name == "markov":
        left.sort(key=lambda item: -following[case.history[-1]][item])
    if name == "markov_three_back":
        back = list(enumerate(reversed(case.history[-3:]), start=1))

        def score(item: str) -> float:
            return sum(near[b][item] / a / math.sqrt(max(sum(near[b].values()), 1)) for a, b in back)

        left.sort(key=lambda item: -round(score(item), 9))
    return left.index(case.target) + 1 if case.target in left[:k] else None


ITEMS = st.sampled_from("abcdefg")


@given(
    st.lists(st.lists(ITEMS, min_size=2, max_size=6), min_size=1, max_size=8),
    st.lists(st.builds(Case, st.lists(ITEMS, min_size=1, max_size=4), st.lists(ITEMS, max_size=3), ITEMS), min_size=1),
)
def test_equals_counting_by_hand(sequences: list[list[str]], cases: list[Case]) -> None:
    found = measure(walks(sequences), cases, list("abcdefg"), remove_seen=True, k=3)
    for name, metrics in found.items():
        places = [by_hand(sequences, case, list("abcdefg"), name, 3) for case in cases]
        assert metrics["recall@3"] == pytest.approx(np.mean([place is not None for place in places]))
        assert metrics["ndcg@3"] == pytest.approx(np.mean([1 / math.log2(p + 1) if p else 0 for p in places]))


def test_many_histories_are_scored_in_parts_that_give_the_same() -> None:
    """Two thousand cases, four chunks: as often the same answer."""
    cases = [Case(["a"], [], "b"), Case(["b"], [], "a")] * 1_000
    few, many = (measure(walks(SEQUENCES), part, list("abcde"), remove_seen=True, k=1) for part in (cases[:2], cases))
    for name, metrics in many.items():
        assert metrics == pytest.approx(few[name])
    assert few["markov"]["recall@1"] == 0.5
