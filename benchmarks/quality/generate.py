"""A synthetic log: users move among groups of items, by rules that a model can learn."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

USERS, ITEMS, GROUPS = 3_000, 1_000, 40


def write_log(path: Path, seed: int = 1) -> None:
    """Write a CSV file with the columns user_id, item_id and timestamp.

    Each user has three groups and stays in one for a few items. Within a group the
    popularity of items follows Zipf's law. Half of the time the next item is the
    fixed successor of the item two steps back.

    Args:
        path: the file to write.
        seed: seed of the random numbers. The same seed gives the same file.
    """
    random = np.random.default_rng(seed)
    group_of = random.integers(GROUPS, size=ITEMS)
    members = [np.flatnonzero(group_of == group) for group in range(GROUPS)]
    weights = [1.0 / np.arange(1, len(items) + 1) for items in members]
    successor = random.permutation(ITEMS)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", "timestamp"])
        for user in range(USERS):
            groups, group = random.choice(GROUPS, 3, replace=False), 0
            history: list[int] = []
            for position in range(int(random.integers(5, 60))):
                if random.random() < 0.2:
                    group = int(random.integers(3))
                if len(history) > 1 and random.random() < 0.5:
                    item = int(successor[history[-2]])
                else:
                    items, weight = members[groups[group]], weights[groups[group]]
                    item = int(random.choice(items, p=weight / weight.sum()))
                history.append(item)
                writer.writerow([f"u{user}", f"i{item}", position])
