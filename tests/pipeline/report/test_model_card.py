from __future__ import annotations

from typing import Any

from pipeline.report.model_card import extremes, training_data


def group(mean: float | None, users: int = 20) -> dict[str, Any]:
    return {"users": users, "metrics": {"recall@10": [mean, None, None]}}


def served(refit: str, pushed: dict[str, Any] | None) -> str:
    judged = {"targets": 1_200, "until": "2026-11-01T10:00:00+00:00"}
    return " ".join(training_data({"served": {"refit": refit, "judged": judged, "pushed": pushed}}))


def test_training_data_of_a_refit_names_both_extents() -> None:
    found = served("counts", {"targets": 1_500, "until": "2026-11-28T09:00:00+00:00"})
    assert "judged model, which was trained on 1,200 next items until 2026-11-01." in found
    assert "computed anew from 1,500 next items until 2026-11-28, with nothing held out" in found


def test_training_data_of_a_full_refit_names_the_network() -> None:
    assert "its network was trained anew from 1,500 next items" in served("full", {"targets": 1_500, "until": None})


def test_training_data_of_an_order_has_no_date() -> None:
    assert "from 1,500 next items, with" in served("counts", {"targets": 1_500, "until": None})


def test_training_data_without_a_refit_or_a_push_names_the_judged_model_only() -> None:
    alone = "All metrics are those of the judged model, which was trained on 1,200 next items until 2026-11-01."
    assert served("none", {"targets": 1_200, "until": None}) == alone == served("counts", None)


def test_extremes_are_the_worst_and_the_best_group() -> None:
    groups = {"head": group(0.5), "middle": group(0.4), "tail": group(0.1)}
    assert extremes(groups, "recall@10") == [("tail", 0.1), ("head", 0.5)]


def test_extremes_leave_out_small_groups_and_missing_values() -> None:
    groups = {"head": group(0.5), "middle": group(0.4), "tail": group(0.1, users=19), "new": group(None)}
    assert extremes(groups, "recall@10") == [("middle", 0.4), ("head", 0.5)]


def test_extremes_of_one_group_are_empty() -> None:
    assert extremes({"head": group(0.5)}, "recall@10") == []
