"""Sample users: their history, the attention to it, the recommendations, and observations about each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from components.common.example_batches import read_examples
from components.evaluator.queries import Queries, read_queries
from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import Results, query_keys
from components.evaluator.systems import unit_vectors
from pipeline.report.attention import attention
from pipeline.report.item_map import Vectors
from pipeline.report.items import KnownItems
from schemas.config.evaluation import K
from trainer.metrics.lists import Ids

USERS = 10
_TRIES = 10  # queries drawn for each user, so that there are enough different users


class HistoryItem(NamedTuple):
    """One item of a history.

    Args:
        title: its title.
        attention: its attention weight.
    """

    title: str
    attention: float


class RecommendedItem(NamedTuple):
    """One recommended item.

    Args:
        title: its title.
        followed: whether it is a target of the query.
        reasons: observations about it.
    """

    title: str
    followed: bool
    reasons: list[str]


class SampleUser(NamedTuple):
    """One query of a user.

    Args:
        user: the user's id.
        history: the items of the history, oldest first.
        targets: the titles of the targets.
        recommended: the recommended items, best first.
    """

    user: str
    history: list[HistoryItem]
    targets: list[str]
    recommended: list[RecommendedItem]


def sample_users(model: Any, examples: str, results: Results, items: KnownItems, seed: int) -> list[SampleUser]:
    """Draw users at random from the test split, with their recommendations in the evaluation.

    Args:
        model: the exported model.
        examples: the folder of the test examples.
        results: the results of each query in the evaluation of this model.
        items: the catalogue.
        seed: the seed of the draw.

    Returns:
        Up to `USERS` different users.
    """
    drawn = np.random.Generator(np.random.Philox(seed)).permutation(len(results))[: USERS * _TRIES]
    records = _records(examples, drawn.tolist())
    chosen = first_of_each(read_queries(records).users)[:USERS]
    queries = read_queries([records[index] for index in chosen])
    weights = attention(model, [records[index] for index in chosen])
    lists = _lists(results, queries)
    vectors = _by_item(model, [item for ids in (*queries.histories, *lists) for item in ids])
    return [
        SampleUser(
            user=user,
            history=[HistoryItem(items.title(item), weight) for item, weight in zip(history, attended, strict=True)],
            targets=[items.title(item) for item in targets],
            recommended=[
                RecommendedItem(items.title(item), item in targets, reasons(item, history, attended, items, vectors))
                for item in ids
            ],
        )
        for user, history, attended, targets, ids in zip(
            queries.users, queries.histories, weights, queries.targets, lists, strict=True
        )
    ]


def reasons(
    item: str, history: Sequence[str], weights: Sequence[float], items: KnownItems, vectors: dict[str, Vectors]
) -> list[str]:
    """Return observations that support a recommendation. They are not causes: the network reads the whole history.

    Args:
        item: the recommended item.
        history: item ids, oldest first.
        weights: the attention to each item of the history, [length].
        items: the catalogue.
        vectors: unit vectors by item.

    Returns:
        One phrase for each observation.
    """
    others = [index for index, other in enumerate(history) if other != item]
    found = []
    if others:
        cosines = [float(vectors[item] @ vectors[history[index]]) for index in others]
        best = int(np.argmax(cosines))
        near, weight = others[best], weights[others[best]]
        if cosines[best] > 0:
            paid = f", {100 * weight:.0f}% of the attention" if weight >= 0.01 else ""
            found.append(f"similar to “{items.title(history[near])}” (cosine {cosines[best]:.2f}{paid})")
    times = [_times(items, history[index], item) for index in others]
    if max(times, default=0):
        after = history[others[int(np.argmax(times))]]
        found.append(f"followed directly after “{items.title(after)}” {_count(max(times))} in training")
    (index,) = items.indices([item])
    if index >= 0:
        found.append(f"popularity rank {items.ranks[index]:,} of {len(items):,}")
    return found


def _times(items: KnownItems, before: str, after: str) -> int:
    row, column = items.indices([before, after])
    return int(items.followed[row, column]) if row >= 0 and column >= 0 else 0


def _count(number: int) -> str:
    return "once" if number == 1 else "twice" if number == 2 else f"{number:,} times"


def _by_item(model: Any, ids: Sequence[str]) -> dict[str, Vectors]:
    distinct = list(dict.fromkeys(ids))
    return dict(zip(distinct, unit_vectors(model, np.array(distinct, dtype=object)), strict=True))


def _lists(results: Results, queries: Queries) -> list[list[str]]:
    """Return the model's lists for these queries, as recorded by the evaluation."""
    some = Results(results.table.take(np.flatnonzero(np.isin(results.user_ids, queries.users))))
    lists = dict(zip(some.keys(), some.lists(MODEL), strict=True))
    return [lists[key][:K] for key in query_keys(queries.users, queries.times_s.tolist(), queries.targets)]


def first_of_each(users: Ids) -> list[int]:
    """Return the index of each user's first occurrence, in ascending order."""
    return sorted(np.unique(users, return_index=True)[1].tolist())


def _records(folder: str, indices: Sequence[int]) -> list[bytes]:
    """Return the examples with these indices, in the same order."""
    wanted = set(indices)
    found = {index: record for index, record in enumerate(read_examples(folder)) if index in wanted}
    return [found[index] for index in indices]
