"""The checks of a model with added items, before it is published. No log is there, so the requests are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from components.evaluator.queries import read_queries
from components.evaluator.systems import call_signature, embed_items, load_model
from components.gate.export_checks import Answers, answers_of, check_scores, check_served_lists
from components.gate.list_checks import check_full, check_items, check_personalization, check_seen
from components.gate.verdict import GateCheck
from schemas.features import ITEM_IDS, TARGET_IDS, TARGET_TIMESTAMP_S, TRAIN_INTERACTIONS, USER_ID
from serving.export.grow import NewItems
from trainer.metrics.lists import Ids

_REQUESTS = 256
_WITH_NEW_ITEMS = 64  # of the requests, whose last item is a new one
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # differences of equal scores: a sum over more items is computed in another order


def check_added_items(
    path: str, former: str, added: NewItems, known: Ids, *, max_length: int, remove_seen: bool
) -> list[GateCheck]:
    """Check a model with added items: its answers, its scores of other items, and its vectors.

    Args:
        path: the folder of the model.
        former: the folder of the model without the items.
        added: the items, and which known ones they are like.
        known: the items of the former model.
        max_length: the interactions that the model reads of a history.
        remove_seen: whether seen items must not be recommended.

    Returns:
        The checks. Their ids end with `[added]`.
    """
    model, before = load_model(path), load_model(former)
    records = draw_requests(known, added.ids, max_length)
    answers, former_answers, queries = answers_of(model, records), answers_of(before, records), read_queries(records)
    with_seen = sum(not seen.isdisjoint(items) for seen, items in zip(queries.seen, answers.lists, strict=True))
    new, first = np.array(added.ids, dtype=object), known[: added.likeness.shape[1]]
    vectors = added.likeness @ np.concatenate(list(embed_items(before, first)))
    vectors[:, -1] += added.boost
    unchanged = slice(_WITH_NEW_ITEMS, None)
    checks = [
        *check_scores(answers.scores),
        check_personalization(answers.lists, queries.seen if remove_seen else [set()] * len(records)),
        check_full(answers.lists, former_answers.lists, of="the model without the items"),
        *check_items(answers.lists, np.concatenate([known, new])),
        *([check_seen(with_seen)] if remove_seen else []),
        check_served_lists(answers.item_ids, call_signature(model, records)["item_ids"]),
        check_former_scores(
            *(Answers(each.item_ids[unchanged], each.scores[unchanged]) for each in (answers, former_answers))
        ),
        check_vectors(
            sum(
                int((one != other).any(axis=1).sum())
                for one, other in zip(embed_items(model, known), embed_items(before, known), strict=True)
            ),
            int((~np.isclose(np.concatenate(list(embed_items(model, new))), vectors, atol=1e-5)).any(axis=1).sum()),
        ),
    ]
    return [replace(each, id=f"{each.id}[added]", title=f"{each.title}, with the added items") for each in checks]


def draw_requests(known: Ids, added: Sequence[str], max_length: int) -> list[bytes]:
    """Return examples with histories of random items; the first few histories end with an added item.

    Args:
        known: the items of the former model.
        added: the added items.
        max_length: the number of items in the longest history.

    Returns:
        Serialized examples, with the same values in each call.
    """
    generator = np.random.Generator(np.random.Philox(0))
    longest = max(1, min(max_length, len(known) // 4))  # enough items must be left to recommend
    records = []
    for number in range(_REQUESTS):
        drawn = generator.choice(len(known), 1 + generator.integers(1, longest, endpoint=True), replace=False)
        *history, target = known[drawn].tolist()
        if number < _WITH_NEW_ITEMS:
            history[-1] = added[number % len(added)]
        records.append(_example(str(number), history, target))
    return records


def check_former_scores(answers: Answers, former: Answers) -> GateCheck:
    """Check that other items have the scores that they had before, where a list still has them.

    Args:
        answers: the lists with the added items among the candidates.
        former: the lists of the former model for the same requests.

    Returns:
        `former_scores`.
    """
    compared = different = 0
    for items, scores, before, before_scores in zip(*answers, *former, strict=True):
        score_of = dict(zip(before, before_scores, strict=True))
        pairs = [
            (score, score_of[item]) for item, score in zip(items, scores, strict=True) if item and item in score_of
        ]
        compared += len(pairs)
        different += sum(not np.isclose(*pair, rtol=_RELATIVE, atol=_ABSOLUTE) for pair in pairs)
    return GateCheck(
        "former_scores",
        "other items keep their scores",
        f"{different:,} of {compared:,} differ",
        "none of at least one",
        compared > 0 and different == 0,
    )


def check_vectors(other: int, added: int) -> GateCheck:
    """Check the vectors of all items.

    Args:
        other: the number of other items whose vector has changed.
        added: the number of added items that do not have the mean vector of the items that they are like.

    Returns:
        `item_vectors`.
    """
    return GateCheck(
        "item_vectors",
        "added items have the mean vectors of similar ones, others keep theirs",
        f"{added:,} added items and {other:,} others have another vector",
        "none",
        added == other == 0,
    )


def _example(user: str, history: Sequence[str], target: str) -> bytes:
    ids = {USER_ID: [user], ITEM_IDS: history, TARGET_IDS: [target]}
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode() for item in items]))
        for name, items in ids.items()
    }
    zero = tf.train.Feature(int64_list=tf.train.Int64List(value=[0]))
    features |= {TARGET_TIMESTAMP_S: zero, TRAIN_INTERACTIONS: zero}
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
