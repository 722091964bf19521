"""`temporec evaluate` and `temporec compare` with two models of one log.

The first is the model of `finished_root`. It recommends the next letter, which is the target for 24 of 30 users. The
other model skips one letter, which gives the target for the other six users.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from scipy import stats

from components.evaluator.comparison import EvaluatedModel, compare
from components.evaluator.query_results import QUERIES, read_results
from pipeline.commands.compare import to_json
from pipeline.records.run_root import RECORD, read_record
from tests.components.evaluated import EVALUATION, results
from tests.e2e.command import attempt, temporec
from tests.pipeline.report_root import USERS, WALKERS
from tests.serving.successor import Successor, write_model


@dataclass(frozen=True)
class Other:
    """The evaluation of the other model, with the first model as the previous one."""

    command: tuple[Any, ...]
    measured: dict[str, Any]
    output: Path
    root: Path  # like the root of the first model, with the other evaluation


@pytest.fixture(scope="module")
def other(finished_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Other:
    folder, record = tmp_path_factory.mktemp("other"), read_record(finished_root)
    first = record["artifacts"]["model"]
    model = write_model(folder / "model", Successor(step=2), k=10)
    shutil.copytree(f"{first}/assets.extra", model / "assets.extra")
    record["config"]["train"]["seed"] = 2
    (folder / "config.yaml").write_text(json.dumps(record["config"]))
    output, root = folder / "measured", folder / "root"
    command = ("evaluate", "--config", folder / "config.yaml", "--model", model, "--previous", first)
    measured = strictly(temporec(*command, "--output", output, "--json"))
    root.mkdir()
    (root / RECORD).write_text(json.dumps({**record, "evaluation": str(output)}))
    return Other((*command, "--output", output), measured, output, root)


def strictly(text: str) -> dict[str, Any]:
    """Parse JSON, and refuse NaN."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is not valid JSON")

    return dict(json.loads(text, parse_constant=refuse))


def test_evaluate_measures_both_models(other: Other) -> None:
    metrics = other.measured["metrics"]
    assert metrics["test"]["recall@1"] == pytest.approx((USERS - WALKERS) / USERS)
    assert metrics["previous"]["recall@1"] == pytest.approx(WALKERS / USERS)
    assert other.measured["protocol"]["users"] == USERS


def test_evaluate_keeps_the_results_of_each_query(other: Other) -> None:
    kept = read_results(str(other.output / QUERIES))
    assert len(kept) == USERS
    for system, shown in (("model", "test"), ("previous", "previous")):
        assert kept.values(system, "ndcg@3").mean() == pytest.approx(other.measured["metrics"][shown]["ndcg@3"])
    assert (other.output / "summary.json").is_file()


def test_evaluate_refuses_an_existing_output(other: Other) -> None:
    ran = attempt(*other.command)
    assert ran.returncode == 2
    assert str(other.output) in ran.stderr.replace("\n", "")
    assert "Traceback" not in ran.stderr


def test_compare_prints_metrics_lists_and_users(finished_root: Path, other: Other) -> None:
    said = temporec(
        "compare", finished_root, other.root, "--metric", "recall@1", "--k", "1", environ={"COLUMNS": "100"}
    )
    assert "30 queries of 30 users are in both evaluations\n" in said
    # Of 30 users 24 lose 1 and 6 win 1: the mean is -0.6 and the variance 0.64 x 30 / 29.
    reach = stats.t.ppf(0.975, 29) * np.sqrt(0.64 / 29)
    assert re.search(r"recall@1 +│ +0.8000 │ +0.2000 │ +-0.6000 │ +0.0\d\d │", said)
    assert f"{-0.6 - reach:+.4f} to {-0.6 + reach:+.4f}" in said
    assert re.search(r"coverage@1 +│ +1.0000 │ +1.0000 │ +\+0.0000 │ +1.000 │", said)
    assert "For 0.0% of the queries the first 1 items are the same" in said
    assert "Users whose lists changed most" in said


def test_compare_prints_json(finished_root: Path, other: Other) -> None:
    found = strictly(temporec("compare", finished_root, other.root, "--metric", "recall@1", "--k", "1", "--json"))
    assert (found["queries"], found["users"], found["same_lists"]) == (USERS, USERS, 0)
    rows = {row["name"]: row for row in found["metrics"]}
    reach = stats.t.ppf(0.975, 29) * np.sqrt(0.64 / 29)
    assert rows["recall@1"]["difference"] == pytest.approx([-0.6, -0.6 - reach, -0.6 + reach])
    # As in either run itself, though they differ in what training drew.
    low_high = read_record(finished_root)["metrics"]["intervals"]
    assert rows["recall@1"]["first"] == pytest.approx([0.8, *low_high["recall@1"]])
    assert rows["gini@3"]["first"][1:] == pytest.approx(low_high["gini@3"])
    assert rows["recall@1"]["second"] == pytest.approx([0.2, *other.measured["metrics"]["intervals"]["recall@1"]])
    assert {row["name"] for row in found["slices"]} == {"history_length 1-4", "activity 1-4", "hour 12-18 UTC"}
    assert [change["removed"] for change in found["changes"]] == [1] * 5


def test_nan_is_null_in_json() -> None:
    values = {"model": {"recall@10": [1.0] * 20, "auc": [float("nan")] * 20}}
    side = EvaluatedModel(results(values), np.array(["a"], dtype=object))
    rows = {row["name"]: row for row in strictly(to_json(compare(side, side, EVALUATION, "recall@10", 10)))["metrics"]}
    assert rows["auc"] == {
        "name": "auc",
        "first": [None, None, None],
        "second": [None, None, None],
        "difference": [None, None, None],
        "p_value": 1.0,
    }
    assert rows["recall@10"]["first"] == [1, 1, 1]
