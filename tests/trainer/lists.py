"""Catalogues and lists, for the tests of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from trainer.metrics.lists import Catalogue, Lists


def catalogue(counts: dict[str, int], all_users: int = 8, **further: Any) -> Catalogue:
    """Return a catalogue in which every item has as many users as interactions."""
    interactions = np.array(list(counts.values()), np.int64)
    return Catalogue(np.array(list(counts), dtype=object), interactions, interactions, all_users, **further)


def lists(
    ranked: Sequence[Sequence[str]],
    targets: Sequence[Sequence[str]],
    of: Catalogue,
    histories: Sequence[Sequence[str]] | None = None,
) -> Lists:
    """Return lists; shorter ones are padded with None."""
    depth = max(map(len, ranked), default=0)
    padded = [[*row, *[None] * (depth - len(row))] for row in ranked]
    array = np.array(padded, dtype=object).reshape(len(ranked), depth)
    return Lists(array, targets, histories or [()] * len(ranked), of)


@st.composite
def any_lists(draw: st.DrawFn) -> Lists:
    """Draw lists of any length, with items of the catalogue and unknown ones.

    Targets are drawn the same way; some appear twice, and some lists have none. Items are often equally popular, and
    have categories, vectors or neither.
    """
    items = [f"i{n}" for n in range(draw(st.integers(1, 12)))]
    interactions = [draw(st.integers(0, 8)) for _ in items]
    users = [draw(st.integers(0, count)) for count in interactions]
    values = np.array([[draw(st.integers(-2, 2)) for _ in range(3)] for _ in items], np.float32)
    known: dict[str, Any] = draw(
        st.sampled_from([{}, {"vectors": values}, {"categories": sparse.csr_matrix(values > 0, dtype=np.float32)}])
    )
    of = Catalogue(np.array(items, dtype=object), np.array(interactions), np.array(users), 8, **known)
    some = [*items, "unknown", "other"]

    def few() -> list[str]:
        return draw(st.lists(st.sampled_from(some), max_size=6))

    ranked = [draw(st.permutations(some))[: draw(st.integers(0, len(some)))] for _ in range(draw(st.integers(1, 6)))]
    return lists(ranked, [few() for _ in ranked], of, [few() for _ in ranked])
