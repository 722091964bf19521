"""Adaptor: the lists that the exported model serves, with the weights of the history in each recommendation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from components.evaluator.queries import read_queries
from components.evaluator.systems import call_signature
from pipeline.explanations.leave_one_out import draw_candidates, log_probabilities, losses, one_left_out, weights
from pipeline.explanations.model_calls import scores_of_parts
from schemas.config.evaluation import K
from trainer.metrics.lists import Floats, Ids


class ExplainedList(NamedTuple):
    """A served list, and what weighed in it.

    Args:
        ids: the first `K` recommended items, best first.
        weights: the weight of each interaction of the history in each of them, [length, ids].
    """

    ids: list[str]
    weights: Floats


def explain_lists(model: Any, stage: str, examples: Sequence[bytes], catalogue: Ids, seed: int) -> list[ExplainedList]:
    """Return the served lists of users, with weights from leaving out one interaction at a time.

    Args:
        model: the exported model.
        stage: the stage whose ranking it serves.
        examples: a serialized example of each user.
        catalogue: the ids of all items.
        seed: the seed of the items that are drawn from the rest of the catalogue.

    Returns:
        A list for each user.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    queries, found = read_queries(examples), []
    served = call_signature(model, examples)["item_ids"]
    for example, history, seen, row in zip(examples, queries.histories, queries.seen, served, strict=True):
        listed = [item for item in row if item]
        if not listed:  # the user has seen the whole catalogue
            found.append(ExplainedList([], np.zeros((len(history), 0))))
            continue
        candidates = draw_candidates(listed, seen, catalogue, generator)
        scores = scores_of_parts(model, stage, example, one_left_out(len(history)), candidates.ids)
        lost = losses(log_probabilities(scores, candidates.represented))
        found.append(ExplainedList(listed[:K], weights(lost[:, : len(listed[:K])])))
    return found
