from __future__ import annotations

from pathlib import Path

import numpy as np

from components.evaluator.queries import read_queries
from pipeline.explanations.user_sample import draw_users, first_of_each


def test_user_drawn_again_does_not_count() -> None:
    assert first_of_each(np.array(["b", "a", "b", "c", "a"], dtype=object)) == [0, 1, 3]


def test_larger_sample_begins_with_the_smaller_one(finished_root: Path) -> None:
    folder = str(finished_root / "artifacts" / "examples" / "Split-test")
    few, many = (draw_users(folder, queries=30, count=count, seed=1) for count in (5, 100))
    assert many[:5] == few
    assert len({*read_queries(many).users}) == len(many) == 30


def test_another_seed_draws_other_users(finished_root: Path) -> None:
    folder = str(finished_root / "artifacts" / "examples" / "Split-test")
    first, second = (draw_users(folder, queries=30, count=5, seed=seed) for seed in (1, 2))
    assert {*first} != {*second}
