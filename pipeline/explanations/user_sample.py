"""Users of the test split, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.common.example_batches import read_examples
from components.evaluator.queries import read_queries
from trainer.metrics.lists import Ids

_TRIES = 10  # queries drawn for each user, so that there are enough different users


def draw_users(examples: str, queries: int, count: int, seed: int) -> list[bytes]:
    """Draw users, with one of their queries each.

    Args:
        examples: the folder of the test examples.
        queries: the number of examples in it.
        count: the greatest number of users.
        seed: the seed of the draw. A larger count with the same seed begins with the same users.

    Returns:
        Serialized examples of different users, in the order of the draw.
    """
    drawn = np.random.Generator(np.random.Philox(seed)).permutation(queries)[: count * _TRIES]
    records = _records(examples, drawn.tolist())
    return [records[index] for index in first_of_each(read_queries(records).users)[:count]]


def first_of_each(users: Ids) -> list[int]:
    """Return the index of each user's first occurrence, in ascending order."""
    return sorted(np.unique(users, return_index=True)[1].tolist())


def _records(folder: str, indices: Sequence[int]) -> list[bytes]:
    """Return the examples with these indices, in the same order."""
    wanted = set(indices)
    found = {index: record for index, record in enumerate(read_examples(folder)) if index in wanted}
    return [found[index] for index in indices]
