"""Sample users: their history, what weighed in it, the recommendations, and observations about each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from components.evaluator.queries import read_queries
from components.evaluator.systems import unit_vectors
from pipeline.explanations.explained_lists import explain_lists
from pipeline.explanations.sentences import explain, heaviest
from pipeline.explanations.shared_traits import SharedTraits, TraitsOfItems
from pipeline.report.item_map import Vectors
from pipeline.report.items import KnownItems
from pipeline.report.title_words import title_words
from trainer.metrics.lists import Floats


class HistoryItem(NamedTuple):
    """One interaction of a history.

    Args:
        title: the title of the item.
        weight: its weight in the recommendations, the mean over all of them.
    """

    title: str
    weight: float


class RecommendedItem(NamedTuple):
    """One recommended item.

    Args:
        title: its title.
        followed: whether it is a target of the query.
        explanation: a sentence with the items that weighed most.
        reasons: observations about it.
    """

    title: str
    followed: bool
    explanation: str
    reasons: list[str]


class SampleUser(NamedTuple):
    """One query of a user.

    Args:
        user: the user's id.
        history: the interactions of the history, oldest first.
        targets: the titles of the targets.
        recommended: the recommended items, best first.
    """

    user: str
    history: list[HistoryItem]
    targets: list[str]
    recommended: list[RecommendedItem]


def sample_users(model: Any, stage: str, examples: Sequence[bytes], items: KnownItems, seed: int) -> list[SampleUser]:
    """Describe users with their recommendations and what weighed in them.

    Args:
        model: the exported model.
        stage: the stage whose ranking it serves.
        examples: a serialized test example of each user.
        items: the catalogue.
        seed: the seed of the explanations.

    Returns:
        A description of each user.
    """
    queries = read_queries(examples)
    lists = explain_lists(model, stage, examples, items.ids, seed)
    vectors = _by_item(model, [item for ids in (*queries.histories, *(each.ids for each in lists)) for item in ids])
    traits = TraitsOfItems(items.categories, title_words(items))
    return [
        SampleUser(
            user=user,
            history=[
                HistoryItem(items.title(item), float(np.mean(weights)) if len(weights) else 0.0)
                for item, weights in zip(history, found.weights, strict=True)
            ],
            targets=[items.title(item) for item in targets],
            recommended=[
                RecommendedItem(
                    title=items.title(item),
                    followed=item in targets,
                    explanation=_sentence(item, history, found.weights[:, place], items, traits),
                    reasons=reasons(item, history, items, vectors),
                )
                for place, item in enumerate(found.ids)
            ],
        )
        for user, history, targets, found in zip(queries.users, queries.histories, queries.targets, lists, strict=True)
    ]


def _sentence(item: str, history: Sequence[str], weights: Floats, items: KnownItems, traits: TraitsOfItems) -> str:
    named = heaviest(history, weights.tolist())
    shared = traits.shared(item, named[0][0]) if named else SharedTraits([], [])
    return explain(item, named, {each: items.title(each) for each, _ in named}, shared)


def reasons(item: str, history: Sequence[str], items: KnownItems, vectors: dict[str, Vectors]) -> list[str]:
    """Return observations that support a recommendation. They are not causes: the network reads the whole history.

    Args:
        item: the recommended item.
        history: item ids, oldest first.
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
        if cosines[best] > 0:
            found.append(f"similar to “{items.title(history[others[best]])}” (cosine {cosines[best]:.2f})")
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
