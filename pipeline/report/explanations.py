"""Some users: what they did, where the network looks, what it recommends, and what speaks for each recommendation."""

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
_TRIES = 10  # queries drawn for each of them, so that there are enough of different users


class Read(NamedTuple):
    """One item of a history."""

    title: str
    attention: float


class Recommended(NamedTuple):
    """One item of a list."""

    title: str
    followed: bool  # whether the user took to it next
    reasons: list[str]


class Person(NamedTuple):
    """One query of a user."""

    user: str
    history: list[Read]  # oldest first
    targets: list[str]  # titles
    recommended: list[Recommended]


def people(model: Any, examples: str, results: Results, items: KnownItems, seed: int) -> list[Person]:
    """Users drawn at random from the test split, with what the evaluation recorded of them.

    Args:
        model: exported.
        examples: the folder of test examples.
        results: of the evaluation of that model.
        items: the catalogue.
        seed: of the draw.
    """
    drawn = np.random.Generator(np.random.Philox(seed)).permutation(len(results))[: USERS * _TRIES]
    records = _records(examples, drawn.tolist())
    chosen = first_of_each(read_queries(records).users)[:USERS]
    queries = read_queries([records[place] for place in chosen])
    looks = attention(model, [records[place] for place in chosen])
    lists = _lists(results, queries)
    vectors = _by_item(model, [item for ids in (*queries.histories, *lists) for item in ids])
    return [
        Person(
            user=user,
            history=[Read(items.title(item), look) for item, look in zip(history, looks_at, strict=True)],
            targets=[items.title(item) for item in targets],
            recommended=[
                Recommended(items.title(item), item in targets, reasons(item, history, looks_at, items, vectors))
                for item in ids
            ],
        )
        for user, history, looks_at, targets, ids in zip(
            queries.users, queries.histories, looks, queries.targets, lists, strict=True
        )
    ]


def reasons(
    item: str, history: Sequence[str], looks: Sequence[float], items: KnownItems, vectors: dict[str, Vectors]
) -> list[str]:
    """What speaks for an item after a history; observations, for the network weighs all of the history at once.

    Args:
        item: what is recommended.
        history: item ids, oldest first.
        looks: the attention to each of them, [length].
        items: the catalogue.
        vectors: by item, of length 1.
    """
    others = [place for place, other in enumerate(history) if other != item]
    found = []
    if others:
        nearness = [float(vectors[item] @ vectors[history[place]]) for place in others]
        best = int(np.argmax(nearness))
        near, look = others[best], looks[others[best]]
        if nearness[best] > 0:
            paid = f", gets {100 * look:.0f} % of the attention" if look >= 0.01 else ""
            found.append(f"close to “{items.title(history[near])}” (cosine {nearness[best]:.2f}{paid})")
    times = [_times(items, history[place], item) for place in others]
    if max(times, default=0):
        after = history[others[int(np.argmax(times))]]
        found.append(f"came right after “{items.title(after)}” {_count(max(times))} in training")
    (index,) = items.indices([item])
    if index >= 0:
        found.append(f"number {items.ranks[index]:,} of {len(items):,} by popularity")
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
    """What the model recommended to these queries, in the evaluation."""
    some = Results(results.table.take(np.flatnonzero(np.isin(results.user_ids, queries.users))))
    lists = dict(zip(some.keys(), some.lists(MODEL), strict=True))
    return [lists[key][:K] for key in query_keys(queries.users, queries.times_s.tolist(), queries.targets)]


def first_of_each(users: Ids) -> list[int]:
    """The places at which a user comes for the first time, in order."""
    return sorted(np.unique(users, return_index=True)[1].tolist())


def _records(folder: str, numbers: Sequence[int]) -> list[bytes]:
    """The examples with these numbers, in their order."""
    wanted = set(numbers)
    found = {number: record for number, record in enumerate(read_examples(folder)) if number in wanted}
    return [found[number] for number in numbers]
