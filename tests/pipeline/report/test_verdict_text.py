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


def test_verdict_of_a_blessed_model_has_its_interval_and_the_best_baseline() -> None:
    found = verdict(record())
    assert found.blessed
    assert found.sentence == (
        "Blessed and pushed as version 7: recall@10 is 0.3000 (95% interval 0.2500 to 0.3500), "
        "1.50 times the best baseline (markov three back)."
    )
    assert found.previous == ""


def test_verdict_of_a_refused_model_names_the_first_failed_check() -> None:
    gate = {"blessed": False, "checks": [PASSED, FAILED, {**FAILED, "id": "max_size_mb", "title": "size"}]}
    found = verdict(record(gate=gate, pushed=None))
    assert not found.blessed
    assert found.sentence.startswith(
        "Refused: better than item knn: +0.0010; required: above 0; 1 more of 3 checks failed. "
        "The served model does not change. For the refused model, recall@10 is 0.3000 "
    )


def test_verdict_with_one_failed_check_counts_no_others() -> None:
    found = verdict(record(gate={"blessed": False, "checks": [FAILED]}, pushed=None))
    assert "more of" not in found.sentence


def test_verdict_with_a_previous_model_shows_its_metric() -> None:
    assert "has 0.2900" in verdict(with_metrics(previous={"recall@10": 0.29})).previous


def test_verdict_leaves_out_missing_metrics() -> None:
    assert "(95%" not in verdict(with_metrics(intervals={})).sentence
    assert verdict(with_metrics(baselines={})).sentence.endswith("to 0.3500).")
    assert "all baselines have 0" in verdict(with_metrics(baselines={"markov": {"recall@10": 0.0}})).sentence
    assert "recall@10 was not measured" in verdict(with_metrics(test={})).sentence
