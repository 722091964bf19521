from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from components.evaluator.query_results import Results
from components.evaluator.summary import summarize
from components.gate.metric_checks import check_impressions_of_test, check_metrics
from components.gate.verdict import GateCheck
from schemas.config.evaluation import EvaluatorConfig, GateConfig
from tests.components.evaluated import results

METRIC = "recall@10"
EVALUATION = EvaluatorConfig(
    ks=(10,), slices=(), fairness=(), bootstrap_samples=100, times=True, remove_seen=True, categories=()
)
Hits = npt.NDArray[np.float64]


def hits(count: int, of: int) -> Hits:
    """The first `count` of `of` queries."""
    return (np.arange(of) < count).astype(np.float64)


def checks_of(gate: GateConfig, found: Results) -> dict[str, GateCheck]:
    summary = summarize(found, np.array(["a"], dtype=object), EVALUATION)
    return {check.id: check for check in check_metrics(gate, found, summary)}


def evaluated(model: Hits, groups: list[list[str]] | None = None, **others: Hits) -> Results:
    values = {"model": {METRIC: model.tolist()}, **{name: {METRIC: each.tolist()} for name, each in others.items()}}
    return results(values, groups={"target_popularity": groups or [["head"]] * len(model)})


def test_limits_compare_the_mean_with_floor_and_ceiling() -> None:
    gate = GateConfig(floors={METRIC: 0.3, "coverage@10": 1.0}, ceilings={"gini@10": 0.5}, beat=())
    checks = checks_of(gate, evaluated(hits(60, 200)))
    assert checks[f"floor[{METRIC}]"] == GateCheck(f"floor[{METRIC}]", METRIC, "0.3000", "at least 0.3", True)
    assert checks["floor[coverage@10]"].passed
    assert checks["ceiling[gini@10]"].passed
    assert not checks_of(GateConfig(floors={METRIC: 0.301}, beat=()), evaluated(hits(60, 200)))[
        f"floor[{METRIC}]"
    ].passed
    assert not checks_of(GateConfig(ceilings={METRIC: 0.299}, beat=()), evaluated(hits(60, 200)))[
        f"ceiling[{METRIC}]"
    ].passed


def test_floors_of_impressions_compare_the_mean_over_impressions() -> None:
    summary = {"systems": {"model": {"auc": [0.62, 0.6, 0.64], "mrr": [None, None, None]}}}
    gate = GateConfig(impression_floors={"auc": 0.62, "mrr": 0.0})

    auc, mrr = check_impressions_of_test(gate, summary)

    assert auc == GateCheck("impression_floor[auc]", "auc of the test impressions", "0.6200", "at least 0.62", True)
    assert not mrr.passed  # no impression has a value
    assert not check_impressions_of_test(GateConfig(impression_floors={"auc": 0.621}), summary)[0].passed
    assert check_impressions_of_test(GateConfig(), None) == []


def test_limits_with_nan_metric_fail() -> None:
    nothing = evaluated(np.full(200, np.nan))
    assert not checks_of(GateConfig(floors={METRIC: 0.0}, beat=()), nothing)[f"floor[{METRIC}]"].passed
    assert not checks_of(GateConfig(ceilings={METRIC: 1.0}, beat=()), nothing)[f"ceiling[{METRIC}]"].passed


def test_min_users_with_one_user_less_fails() -> None:
    assert not checks_of(GateConfig(beat=()), evaluated(hits(30, 99)))["min_users"].passed
    assert checks_of(GateConfig(beat=()), evaluated(hits(30, 100)))["min_users"].passed


def test_beats_with_a_difference_within_chance_fails() -> None:
    gate = GateConfig(beat=("popularity",))
    # 30 hits more in 200: far above 0. 3 hits more: 3 / 200 with an error of about 0.0087, so the interval contains 0.
    assert checks_of(gate, evaluated(hits(60, 200), popularity=hits(30, 200)))["beats[popularity]"].passed
    assert not checks_of(gate, evaluated(hits(33, 200), popularity=hits(30, 200)))["beats[popularity]"].passed
    same = checks_of(gate, evaluated(hits(30, 200), popularity=hits(30, 200)))["beats[popularity]"]
    assert not same.passed
    assert same.measured.startswith("recall@10 +0.0000")


def test_no_regression_note_names_the_detectable_loss_beyond_the_tolerance() -> None:
    name = "no_regression"
    found = evaluated(hits(103, 400), previous=hits(100, 400))
    notes = [checks_of(GateConfig(beat=(), tolerance=tolerance), found)[name].note for tolerance in (0.0, 0.02)]
    # 3 of 400 differ by 1: an error of sqrt(0.0075 x 0.9925 / 399) = 0.00432, times 1.966 + 0.843.
    assert notes == [f"400 users: a loss of {least} is detected with a power of 80%" for least in ("0.0121", "0.0321")]
    same = checks_of(GateConfig(beat=()), evaluated(hits(100, 400), previous=hits(100, 400)))[name]
    assert same.note == "400 users, all with the same difference"


def test_strict_no_regression_note_names_the_tolerance_that_an_equal_model_needs() -> None:
    name = "no_regression"
    check = checks_of(
        GateConfig(beat=(), strict=True, tolerance=0.02), evaluated(hits(103, 400), previous=hits(100, 400))
    )[name]
    # The error is as above. The margin does not depend on the tolerance.
    assert check.note == "400 users: an equal model passes with a tolerance of 0.0121 with a power of 80%"


def test_no_regression_without_a_previous_model_passes() -> None:
    check = checks_of(GateConfig(beat=()), evaluated(hits(30, 200)))["no_regression"]
    assert check.passed
    assert check.measured == "no previous model"


def test_no_regression_with_a_significant_loss_fails() -> None:
    name = "no_regression"
    gate = GateConfig(beat=())
    assert not checks_of(gate, evaluated(hits(100, 400), previous=hits(130, 400)))[name].passed
    assert checks_of(gate, evaluated(hits(100, 400), previous=hits(103, 400)))[name].passed  # may be chance
    assert checks_of(gate, evaluated(hits(130, 400), previous=hits(100, 400)))[name].passed
    tolerant = GateConfig(beat=(), tolerance=0.1)
    assert checks_of(tolerant, evaluated(hits(100, 400), previous=hits(130, 400)))[name].passed


def test_strict_no_regression_with_a_possible_loss_fails() -> None:
    name = "no_regression"
    gate = GateConfig(beat=(), strict=True, tolerance=0.01)
    # A loss of 1 in 400: the interval ends at -0.0025 - 1.97 x 0.0025, above -0.01. With 1 in 100 it ends below.
    assert checks_of(gate, evaluated(hits(100, 400), previous=hits(101, 400)))[name].passed
    assert not checks_of(gate, evaluated(hits(25, 100), previous=hits(26, 100)))[name].passed
    with pytest.raises(ValueError, match="strict needs a tolerance above 0"):
        GateConfig(strict=True)


def test_no_regression_with_a_loss_in_one_group_fails_there_although_the_overall_metric_rises() -> None:
    """The tail loses 40 of its 100 hits, the head gains 60."""
    groups = [["tail"]] * 400 + [["head"]] * 400
    model = np.concatenate([hits(60, 400), hits(160, 400)])
    previous = np.concatenate([hits(100, 400), hits(100, 400)])
    checks = checks_of(GateConfig(beat=()), evaluated(model, groups, previous=previous))
    assert checks["no_regression"].passed
    assert checks["no_regression[target_popularity=head]"].passed
    tail = checks["no_regression[target_popularity=tail]"]
    assert not tail.passed
    assert "97.5% interval" in tail.measured  # two groups share 5%
    assert "95% interval" in checks["no_regression"].measured
    assert checks_of(GateConfig(beat=(), slices=()), evaluated(model, groups, previous=previous)).keys() == {
        "min_users",
        "no_regression",
    }


def test_no_regression_with_a_small_group_does_not_correct_for_it() -> None:
    groups = [["new"]] * 19 + [["head"]] * 181 + [["tail"]] * 200
    model, previous = hits(0, 400), np.concatenate([hits(19, 19), hits(20, 181), hits(20, 200)])
    checks = checks_of(GateConfig(beat=()), evaluated(model, groups, previous=previous))
    few = checks["no_regression[target_popularity=new]"]
    assert (few.passed, few.required) == (True, "not tested: too few users")
    for group in ("head", "tail"):  # the two remaining groups share 5%
        assert "97.5% interval" in checks[f"no_regression[target_popularity={group}]"].measured


def test_no_regression_with_a_nearly_unchanged_group_does_not_correct_for_it() -> None:
    """Only two users changed in the head. Two losses could not be significant, so the tail gets the whole 5%."""
    groups = [["head"]] * 200 + [["tail"]] * 200
    model = np.concatenate([hits(50, 200), hits(50, 200)])
    previous = np.concatenate([hits(52, 200), hits(60, 200)])
    checks = checks_of(GateConfig(beat=()), evaluated(model, groups, previous=previous))
    assert checks["no_regression[target_popularity=head]"].measured.startswith(f"{METRIC} -0.0100, 95% interval")
    assert checks["no_regression[target_popularity=tail]"].measured.startswith(f"{METRIC} -0.0500, 95% interval")
    assert checks["no_regression[target_popularity=head]"].passed
    assert not checks["no_regression[target_popularity=tail]"].passed
