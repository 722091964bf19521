"""The baselines' tables, counted one interaction at a time: slow and easy to read."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from trainer.baselines import constants
from trainer.baselines.tables import Tables

ITEMS = "abcdefg"  # of the drawn sequences


class Walk(NamedTuple):
    """A training sequence of a user."""

    user: str
    items: Sequence[str]
    times: Sequence[int]  # one for each item, ascending


def walks(*sequences: str) -> list[Walk]:
    """Return a sequence for each string, an item for each letter. Each has its own user; the first is the oldest."""
    return [
        Walk(f"u{row}", sequence, range(100 * row, 100 * row + len(sequence))) for row, sequence in enumerate(sequences)
    ]


@st.composite
def drawn_walks(draw: st.DrawFn, max_size: int = 8) -> list[Walk]:
    """Draw short sequences of few users, with equal times."""
    sequences = draw(st.lists(st.text(ITEMS, min_size=2, max_size=6), min_size=1, max_size=max_size))
    times = st.lists(st.integers(0, 9), min_size=6, max_size=6).map(sorted)
    return [Walk(draw(st.sampled_from("uvw")), items, draw(times)[: len(items)]) for items in sequences]


def cosines(sequences: Sequence[Walk]) -> dict[tuple[str, str], float]:
    """Return the cosine of any two items, as sets of the sequences that hold them."""
    holding = defaultdict(set)
    for row, walk in enumerate(sequences):
        for item in walk.items:
            holding[item].add(row)
    return {
        (a, b): len(holding[a] & holding[b]) / (len(holding[a]) * len(holding[b])) ** 0.5
        for a in holding
        for b in holding
        if a != b and holding[a] & holding[b]
    }


def recent(sequences: Sequence[Walk]) -> dict[str, float]:
    """Return each item's interactions, where each later tenth of the log halves the weight."""
    interactions = [pair for walk in sequences for pair in zip(walk.times[1:], walk.items[1:], strict=True)]
    counts: dict[str, float] = defaultdict(float)
    for time, item in interactions:
        later = sum(other > time for other, _ in interactions)
        counts[item] += 0.5 ** (later / (0.1 * len(interactions)))
    return counts


def tables(sequences: Sequence[Walk], catalogue: Sequence[str]) -> Tables:
    """Count all tables."""
    items = sorted(catalogue)
    interactions = Counter(item for walk in sequences for item in walk.items[1:])
    users = Counter(item for _, item in {(walk.user, item) for walk in sequences for item in walk.items})
    transitions = [
        Counter(pair for walk in sequences for pair in zip(walk.items, walk.items[distance:], strict=False))
        for distance in constants.DISTANCES
    ]
    nearest: dict[tuple[str, str], float] = {}
    for item in items:
        others = [(-np.float32(cosine), b, cosine) for (a, b), cosine in cosines(sequences).items() if a == item]
        nearest |= {(item, b): cosine for _, b, cosine in sorted(others)[: constants.NEIGHBOUR_ITEMS]}
    sessions = sorted((-walk.times[-1], sorted({items.index(item) for item in walk.items})) for walk in sequences)
    holding = [[column in row for column in range(len(items))] for _, row in sessions]
    return Tables(
        items=np.array(items, dtype=object),
        interactions=np.array([interactions[item] for item in items]),
        users=np.array([users[item] for item in items]),
        all_users=len({walk.user for walk in sequences}),
        recent=np.array([recent(sequences)[item] for item in items], np.float64),
        features={},
        transitions=[_matrix(counts, items) for counts in transitions],
        neighbours=_matrix(nearest, items),
        sessions=sparse.csr_matrix(np.array(holding).reshape(len(sessions), len(items))),
    )


def _matrix(pairs: Mapping[tuple[str, str], Any], items: Sequence[str]) -> sparse.csr_matrix:
    return sparse.csr_matrix([[pairs.get((a, b), 0) for b in items] for a in items])
