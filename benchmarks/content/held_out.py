"""Interactions and items that a training does not see, and the queries that measure it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]


class Query(NamedTuple):
    """A history and the item that followed."""

    user: str
    history: list[str]
    target: str


class Division(NamedTuple):
    """A log, divided into the rows of a training and queries."""

    trained: Mask  # of the rows of the log
    queries: list[Query]


def divide(log: pd.DataFrame, held_out: int, cold: Sequence[str] = ()) -> Division:
    """Hold out the last interactions of each user, and all interactions with some items.

    Args:
        log: the columns `user`, `item` and `time`; equal times are in the order of the rows.
        held_out: the number of each user's last interactions. Each of them becomes a query, if an earlier one of the
            user is trained on.
        cold: the items that the training must not see.

    Returns:
        The rows to train on, and the queries. A history has all earlier interactions, also those that were held out.
    """
    log = log.reset_index(drop=True)
    order = log.sort_values(["user", "time"], kind="stable")
    is_held_out = order.groupby("user").cumcount(ascending=False).to_numpy() < held_out
    trained = ~is_held_out & ~order["item"].isin(set(cold)).to_numpy()
    users, items = order["user"].to_numpy(), order["item"].to_numpy()
    queries, start, known = [], 0, False
    for row in range(len(order)):
        if row == 0 or users[row] != users[row - 1]:
            start, known = row, False
        if is_held_out[row] and known:
            queries.append(Query(users[row], items[start:row].tolist(), items[row]))
        known = known or bool(trained[row])
    mask = np.zeros(len(log), np.bool_)
    mask[order.index.to_numpy()] = trained
    return Division(mask, queries)


def draw_cold(items: Sequence[str], share: float, seed: int) -> list[str]:
    """Draw the items that a training must not see.

    Args:
        items: the items of the log, in any order.
        share: the fraction of them to draw.
        seed: the seed of the draw.

    Returns:
        The items, sorted.
    """
    distinct = sorted(set(items))
    drawn = np.random.Generator(np.random.Philox(seed)).permutation(len(distinct))[: round(share * len(distinct))]
    return sorted(distinct[index] for index in drawn)


def coldest(items: Sequence[str], share: float) -> set[str]:
    """Return the items with the fewest interactions. Of equally frequent ones, the first by their ids are taken.

    Args:
        items: the item of each interaction in the training.
        share: the fraction of the items to return.
    """
    ids, counts = np.unique(np.array(items, dtype=object).astype(str), return_counts=True)
    order = np.argsort(counts, kind="stable")[: round(share * len(ids))]
    return set(ids[order].tolist())
