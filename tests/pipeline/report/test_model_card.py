from __future__ import annotations

from typing import Any

from pipeline.report.model_card import extremes


def group(mean: float | None, users: int = 20) -> dict[str, Any]:
    return {"users": users, "metrics": {"recall@10": [mean, None, None]}}


def test_extremes_are_the_worst_and_the_best_group() -> None:
    groups = {"head": group(0.5), "middle": group(0.4), "tail": group(0.1)}
    assert extremes(groups, "recall@10") == [("tail", 0.1), ("head", 0.5)]


def test_extremes_leave_out_small_groups_and_missing_values() -> None:
    groups = {"head": group(0.5), "middle": group(0.4), "tail": group(0.1, users=19), "new": group(None)}
    assert extremes(groups, "recall@10") == [("middle", 0.4), ("head", 0.5)]


def test_extremes_of_one_group_are_empty() -> None:
    assert extremes({"head": group(0.5)}, "recall@10") == []
