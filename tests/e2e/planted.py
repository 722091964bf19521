"""A log with a known right answer: item i + 7 follows item i, modulo 101 items."""

from __future__ import annotations

import os
import random
from pathlib import Path

import yaml

ITEMS, STEP, USERS, LENGTH, NOISE = 101, 7, 400, 14, 0.03

DATA = """
name: planted
data:
  path: {log}
  columns: {{user: user, item: item, timestamp: time}}
  timestamp: {{unit: s}}
"""
CONFIG = (
    DATA
    + """\
history: {{max_length: 12}}
model:
  dim: 32
  encoder: {{units: 32}}
  dropout: 0.1
train: {{epochs: 12, batch_size: 32, learning_rate: 0.01, warmup_steps: 10}}
serving: {{fallback: recent_popularity}}
evaluate: {{gate: {{floors: {{recall@10: 0.5}}, beat: [popularity]}}}}  # a Markov chain cannot be beaten by much
"""
)


def write_log(path: Path, users: int = USERS) -> None:
    """Write the log. Each user walks around the circle from a random item; a few steps are random."""
    draw = random.Random(7)
    rows = []
    for user in range(users):
        item, time_s = draw.randrange(ITEMS), 1_600_000_000 + draw.randrange(1_000_000)
        for _ in range(LENGTH):
            rows.append(f"u{user},i{item},{time_s}\n")
            item = draw.randrange(ITEMS) if draw.random() < NOISE else (item + STEP) % ITEMS
            time_s += draw.randrange(1, 1_000)
    draw.shuffle(rows)
    path.write_text("user,item,time\n" + "".join(rows))


def write_project(folder: Path) -> Path:
    """Write a log and its configuration, and return the configuration's path."""
    write_log(folder / "log.csv")
    tree = yaml.safe_load(CONFIG.format(log=folder / "log.csv"))
    # The table lacks one user. Its path is relative, unlike the path of the log.
    (folder / "users.csv").write_text("id,age\n" + "".join(f"u{user},{20 + user % 50}\n" for user in range(1, USERS)))
    columns = {"age": {"column": "age", "kind": "number"}, "group": {"column": "age"}}
    tree["data"]["users"] = {"path": os.path.relpath(folder / "users.csv"), "id": "id", "columns": columns}
    config = folder / "planted.yaml"
    config.write_text(yaml.safe_dump(tree))
    return config
