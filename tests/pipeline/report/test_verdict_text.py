from typing import Any

from pipeline.report.verdict_text import verdict

PASSED = {"id": "min_users", "title": "users", "measured": "943", "required": "at least 100", "passed": True}
FAILED = {
    "id": "beats[item_knn]",
    "title": "better than item_knn",
    "measured": "+0.0010",
    "required": "above 0",
    "passed": False,
}


def record(**changes: Any) -> dict[str, Any]:
    return {
        "config": {"evaluate": {"gate": {"metric": "recall@10"}}},
        "gate": {"blessed": True, "checks": [PASSED]},
        "pushed": {"path": "models/7", "version": "7"},
        "metrics": {
            "test": {"recall@10": 0.3, "ndcg@10": 0.2},
            "intervals": {"recall@10": [0.25, 0.35]},
            "previous": None,
            "baselines": {"popularity": {"recall@10": 0.1}, "markov_three_back": {"recall@10": 0.2}},
        },
        **changes,
    }


def with_metrics(**changes: Any) -> dict[str, Any]:
    return record(metrics={**record()["metrics"], **changes})


def test_a_blessed_model_is_told_with_its_interval_and_the_best_baseline() -> None:
    said = verdict(record())
    assert said.blessed
    assert said.sentence == (
        "Blessed and pushed as version 7: recall@10 is 0.3000 (95 % between 0.2500 and 0.3500), "
        "1.50 times the best baseline (markov three back)."
    )
    assert said.beside == ""


def test_a_refused_model_is_told_with_what_failed_first() -> None:
    gate = {"blessed": False, "checks": [PASSED, FAILED, {**FAILED, "id": "max_size_mb", "title": "size"}]}
    said = verdict(record(gate=gate, pushed=None))
    assert not said.blessed
    assert said.sentence.startswith(
        "Refused: better than item knn: +0.0010; required: above 0; 1 more of 3 checks failed. "
        "What was served before stays. Of the refused model recall@10 is 0.3000 "
    )


def test_the_only_check_that_failed_is_not_counted() -> None:
    said = verdict(record(gate={"blessed": False, "checks": [FAILED]}, pushed=None))
    assert "more of" not in said.sentence


def test_the_model_before_is_set_beside() -> None:
    assert "has 0.2900" in verdict(with_metrics(previous={"recall@10": 0.29})).beside


def test_what_was_not_measured_is_not_made_up() -> None:
    assert "(95 %" not in verdict(with_metrics(intervals={})).sentence
    assert verdict(with_metrics(baselines={})).sentence.endswith("and 0.3500).")
    assert "no baseline finds anything" in verdict(with_metrics(baselines={"markov": {"recall@10": 0.0}})).sentence
    assert "recall@10 was measured of no query" in verdict(with_metrics(test={})).sentence
