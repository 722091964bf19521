from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from components.evaluator.query_results import Results
from components.evaluator.summary import summarize
from components.gate.metric_checks import GateCheck, judge
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


def judged(gate: GateConfig, found: Results) -> dict[str, GateCheck]:
    summary = summarize(found, np.array(["a"], dtype=object), EVALUATION)
    return {check.name: check for check in judge(gate, found, summary)}


def evaluated(model: Hits, groups: list[list[str]] | None = None, **others: Hits) -> Results:
    values = {"model": {METRIC: model.tolist()}, **{name: {METRIC: each.tolist()} for name, each in others.items()}}
    return results(values, groups={"target_popularity": groups or [["head"]] * len(model)})


def test_floors_and_ceilings() -> None:
    gate = GateConfig(floors={METRIC: 0.3, "coverage@10": 1.0}, ceilings={"gini@10": 0.5}, beat=())
    checks = judged(gate, evaluated(hits(60, 200)))
    assert checks[METRIC] == GateCheck(METRIC, "0.3000", "at least 0.3", True)
    assert checks["coverage@10"].passed
    assert checks["gini@10"].passed
    assert not judged(GateConfig(floors={METRIC: 0.301}, beat=()), evaluated(hits(60, 200)))[METRIC].passed
    assert not judged(GateConfig(ceilings={METRIC: 0.299}, beat=()), evaluated(hits(60, 200)))[METRIC].passed


def test_what_is_no_number_passes_no_limit() -> None:
    nothing = evaluated(np.full(200, np.nan))
    assert not judged(GateConfig(floors={METRIC: 0.0}, beat=()), nothing)[METRIC].passed
    assert not judged(GateConfig(ceilings={METRIC: 1.0}, beat=()), nothing)[METRIC].passed


def test_too_few_users_decide_nothing() -> None:
    assert not judged(GateConfig(beat=()), evaluated(hits(30, 99)))["users"].passed
    assert judged(GateConfig(beat=()), evaluated(hits(30, 100)))["users"].passed


def test_a_baseline_is_beaten_by_more_than_luck() -> None:
    gate = GateConfig(beat=("popularity",))
    # 30 of 200 more: far above 0. 3 more: 3 / 200 with an error of about .0087, so the interval holds 0.
    assert judged(gate, evaluated(hits(60, 200), popularity=hits(30, 200)))["better than popularity"].passed
    assert not judged(gate, evaluated(hits(33, 200), popularity=hits(30, 200)))["better than popularity"].passed
    same = judged(gate, evaluated(hits(30, 200), popularity=hits(30, 200)))["better than popularity"]
    assert not same.passed
    assert same.measured.startswith("recall@10 +0.0000")


def test_what_a_test_split_could_show_is_a_loss_beyond_the_tolerance() -> None:
    name = "no loss against the last blessed model"
    found = evaluated(hits(103, 400), previous=hits(100, 400))
    notes = [judged(GateConfig(beat=(), tolerance=tolerance), found)[name].note for tolerance in (0.0, 0.02)]
    # 3 of 400 differ by 1: an error of sqrt(.0075 x .9925 / 399) = .00432, times 1.966 + .843.
    assert notes == [
        f"400 users: a difference of {least} would be seen in four of five tries" for least in ("0.0121", "0.0321")
    ]
    same = judged(GateConfig(beat=()), evaluated(hits(100, 400), previous=hits(100, 400)))[name]
    assert same.note == "400 users, all with the same difference"


def test_what_a_strict_gate_needs_is_a_tolerance_that_an_equal_model_passes_with() -> None:
    name = "no loss against the last blessed model"
    check = judged(
        GateConfig(beat=(), strict=True, tolerance=0.02), evaluated(hits(103, 400), previous=hits(100, 400))
    )[name]
    # As above; its interval must end above the tolerance, however great that is.
    assert check.note == "400 users: an equal model would pass with a tolerance of 0.0121 in four of five tries"


def test_the_first_model_has_nothing_to_lose() -> None:
    check = judged(GateConfig(beat=()), evaluated(hits(30, 200)))["no loss against the last blessed model"]
    assert check.passed
    assert check.measured == "no model was blessed before"


def test_a_loss_is_refused_where_it_is_shown() -> None:
    name = "no loss against the last blessed model"
    gate = GateConfig(beat=())
    assert not judged(gate, evaluated(hits(100, 400), previous=hits(130, 400)))[name].passed
    assert judged(gate, evaluated(hits(100, 400), previous=hits(103, 400)))[name].passed  # may be luck
    assert judged(gate, evaluated(hits(130, 400), previous=hits(100, 400)))[name].passed
    tolerant = GateConfig(beat=(), tolerance=0.1)
    assert judged(tolerant, evaluated(hits(100, 400), previous=hits(130, 400)))[name].passed


def test_strict_refuses_what_may_be_a_loss() -> None:
    name = "no loss against the last blessed model"
    gate = GateConfig(beat=(), strict=True, tolerance=0.01)
    # 1 of 400 lost: the interval reaches to -.0025 - 1.97 x .0025, above -.01; of 100 it reaches below.
    assert judged(gate, evaluated(hits(100, 400), previous=hits(101, 400)))[name].passed
    assert not judged(gate, evaluated(hits(25, 100), previous=hits(26, 100)))[name].passed
    with pytest.raises(ValueError, match="strict needs a tolerance above 0"):
        GateConfig(strict=True)


def test_a_loss_in_one_group_is_found_although_the_whole_gains() -> None:
    """The tail loses 40 of its 100 hits, the head wins 60."""
    groups = [["tail"]] * 400 + [["head"]] * 400
    model = np.concatenate([hits(60, 400), hits(160, 400)])
    previous = np.concatenate([hits(100, 400), hits(100, 400)])
    checks = judged(GateConfig(beat=()), evaluated(model, groups, previous=previous))
    assert checks["no loss against the last blessed model"].passed
    assert checks["no loss against the last blessed model in target_popularity head"].passed
    tail = checks["no loss against the last blessed model in target_popularity tail"]
    assert not tail.passed
    assert "97.5 % between" in tail.measured  # 5 % shared by two groups
    assert "95 % between" in checks["no loss against the last blessed model"].measured
    assert judged(GateConfig(beat=(), slices=()), evaluated(model, groups, previous=previous)).keys() == {
        "users",
        "no loss against the last blessed model",
    }


def test_a_group_of_a_few_is_not_judged_and_takes_nothing_from_the_others() -> None:
    groups = [["new"]] * 19 + [["head"]] * 181 + [["tail"]] * 200
    model, previous = hits(0, 400), np.concatenate([hits(19, 19), hits(20, 181), hits(20, 200)])
    checks = judged(GateConfig(beat=()), evaluated(model, groups, previous=previous))
    few = checks["no loss against the last blessed model in target_popularity new"]
    assert (few.passed, few.required) == (True, "not judged: too few users")
    for group in ("head", "tail"):  # two are left, which share 5 %
        assert (
            "97.5 % between" in checks[f"no loss against the last blessed model in target_popularity {group}"].measured
        )


def test_a_group_in_which_hardly_anything_changed_takes_nothing_from_the_others() -> None:
    """Two users' lists changed in the head: had both lost, it would be no proof, so the tail has the 5 % to itself."""
    groups = [["head"]] * 200 + [["tail"]] * 200
    model = np.concatenate([hits(50, 200), hits(50, 200)])
    previous = np.concatenate([hits(52, 200), hits(60, 200)])
    checks = judged(GateConfig(beat=()), evaluated(model, groups, previous=previous))
    loss = "no loss against the last blessed model in target_popularity"
    assert checks[f"{loss} head"].measured.startswith(f"{METRIC} -0.0100, 95 %")
    assert checks[f"{loss} tail"].measured.startswith(f"{METRIC} -0.0500, 95 %")
    assert checks[f"{loss} head"].passed
    assert not checks[f"{loss} tail"].passed
