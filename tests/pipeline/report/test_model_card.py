from __future__ import annotations

from typing import Any

from pipeline.report.model_card import extremes


def group(mean: float | None, users: int = 20) -> dict[str, Any]:
    return {"users": users, "metrics": {"recall@10": [mean, None, None]}}


def test_the_worst_and_the_best_group_are_named() -> None:
    groups = {"head": group(0.5), "middle": group(0.4), "tail": group(0.1)}
    assert extremes(groups, "recall@10") == [("tail", 0.1), ("head", 0.5)]


def test_groups_of_few_users_or_without_a_value_are_not() -> None:
    groups = {"head": group(0.5), "middle": group(0.4), "tail": group(0.1, users=19), "new": group(None)}
    assert extremes(groups, "recall@10") == [("middle", 0.4), ("head", 0.5)]


def test_one_group_is_not_compared() -> None:
    assert extremes({"head": group(0.5)}, "recall@10") == []
