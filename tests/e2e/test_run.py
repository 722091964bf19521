"""The whole pipeline on a log with a known right answer. Nothing is replaced."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import tensorflow as tf

from components.common.example_batches import read_examples
from components.common.versions import judged_model, same_fingerprint
from components.evaluator.queries import read_queries
from components.evaluator.systems import call_signature, load_model
from pipeline.exit_codes import FAILED, GATE_REFUSED
from tests.e2e.command import attempt, temporec
from tests.e2e.conftest import Run, read_record
from tests.e2e.planted import ITEMS, LENGTH, USERS, write_log

REPOSITORY = Path(__file__).parents[2]
LOOKERS = {"LogFiles", "ComparedData", "ServedModel"}  # they look at the outside world
INGESTION = {"InteractionExampleGen", "StatisticsGen", "HistorySchema", "ExampleValidator", "DataValidator"}


def test_model_learns_the_planted_rule(first_run: Run) -> None:
    metrics = first_run.record["metrics"]
    assert metrics["test"]["recall@10"] > 0.9
    assert metrics["baselines"]["popularity"]["recall@10"] < 0.2
    assert metrics["baselines"]["markov"]["recall@10"] > 0.9


def test_every_row_is_counted(first_run: Run) -> None:
    data = first_run.record["data"]
    assert data["rows_read"] == USERS * LENGTH == data["rows_accepted"] + sum(data["rows_rejected"].values())
    assert (data["users"], data["items"]) == (USERS, ITEMS)
    assert data["examples"]["eval"] == data["examples"]["test"] == USERS
    assert data["rows_accepted"] == sum(data["interactions"].values())
    assert data["interactions"]["trained_on"] == USERS * (LENGTH - 2)
    assert data["test_users"] == {"warm": USERS, "cold": 0}
    assert data["users_not_in_table"] == 1


def test_output_shows_steps_tables_and_results(first_run: Run) -> None:
    for expected in ("InteractionExampleGen", "epoch 1/12", "rows read", "Gate: blessed"):
        assert expected in first_run.output
    assert first_run.record["pushed"]["path"] in first_run.output.replace("\n", "")
    assert first_run.output.count("recommended next") == 3
    summary = first_run.output[first_run.output.index("95% interval") :]
    shown = {
        name: f"{first_run.record['metrics']['test'][name]:.4f}" for name in ("recall@10", "ndcg@10", "coverage@10")
    }
    assert all(re.search(rf"{name} *│ *{value}", summary) for name, value in shown.items())
    assert "best baseline" in summary
    assert f"Report: {first_run.root / 'report.html'}" in first_run.output.replace("\n", "")


def test_report_starts_with_the_recorded_verdict(first_run: Run) -> None:
    page = (first_run.left / "report.html").read_text()
    version, metrics = first_run.record["pushed"]["version"], first_run.record["metrics"]
    assert f"Blessed and pushed as version {version}: recall@10 is {metrics['test']['recall@10']:.4f}" in page
    assert page.count('<article aria-labelledby="user-') == 10


def test_first_run_pushes_one_version(first_run: Run) -> None:
    (version,) = (first_run.left / "models").iterdir()
    assert first_run.record["pushed"] == {
        "path": str(first_run.root / "models" / version.name),
        "version": version.name,
    }


def test_pushed_model_has_counts_of_the_whole_log_and_holds_the_judged_model(first_run: Run) -> None:
    """The training split lacks two of a user's interactions, and the first one is no target."""
    served, pushed = first_run.record["served"], first_run.left / "models" / first_run.record["pushed"]["version"]
    assert served["refit"] == "counts"
    assert served["judged"]["targets"] == USERS * (LENGTH - 3)
    assert served["pushed"]["targets"] == USERS * (LENGTH - 1)
    assert served["judged"]["until"] < served["pushed"]["until"]
    assert judged_model(str(pushed)) == str(pushed / "assets.extra" / "judged")
    assert same_fingerprint(judged_model(str(pushed)), first_run.record["artifacts"]["model"])
    assert not same_fingerprint(str(pushed), first_run.record["artifacts"]["model"])
    checks = {check["id"] for check in first_run.record["gate"]["checks"]}
    assert {"validation_recall[refit]", "finite_scores[refit]", "known_items[refit]"} <= checks


def test_pushed_model_has_seen_the_validation_targets(first_run: Run) -> None:
    """The ranking stage reads the counts, whichever stage the run serves."""
    (examples,) = (first_run.left / "artifacts" / "InteractionExampleGen" / "examples").iterdir()
    records = list(read_examples(str(examples / "Split-eval")))
    targets = [targets[0] for targets in read_queries(records).targets]
    pushed = first_run.left / "models" / first_run.record["pushed"]["version"]

    def hits(model: str) -> int:
        found = call_signature(load_model(model), records)["ranking_item_ids"][:, :10]
        return sum(target in items for target, items in zip(targets, found, strict=True))

    assert hits(str(pushed)) > hits(judged_model(str(pushed)))


def test_run_leaves_hardly_any_temporary_files(first_run: Run) -> None:
    left = [path for path in first_run.temporary.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in left) < 1_000_000  # TensorFlow may leave functions that it compiled


def test_tensorboard_files_have_the_epochs(first_run: Run) -> None:
    tags = {
        value.tag
        for path in first_run.left.rglob("events.out.tfevents.*")
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    assert {"epoch_loss", "epoch_recall@10", "epoch_ndcg@10"} <= tags


def test_projector_files_have_every_item(first_run: Run) -> None:
    (config,) = first_run.left.rglob("projector_config.pbtxt")
    shown = (config.parent / "items-metadata.tsv").read_text().split()
    assert sorted(shown) == sorted(f"i{item}" for item in range(ITEMS))
    assert len((config.parent / "items.tsv").read_text().splitlines()) == ITEMS
    assert list(config.parent.glob("events.*"))  # it lies where TensorBoard looks


def test_evaluate_of_the_pushed_model_gives_the_metrics_of_the_run(first_run: Run) -> None:
    model = first_run.record["pushed"]["path"]
    measured = json.loads(temporec("evaluate", "--config", first_run.config, "--model", model, "--json"))
    assert measured["protocol"] == first_run.record["protocol"]
    assert measured["protocol"]["items"] == ITEMS
    for name, metrics in first_run.record["metrics"]["baselines"].items():
        assert measured["metrics"]["baselines"][name] == pytest.approx(metrics, abs=1e-9)
    assert measured["metrics"]["test"] == pytest.approx(first_run.record["metrics"]["test"], abs=1e-9)


def test_changed_training_code_changes_the_parameters_of_the_training_and_later_steps(
    first_run: Run, tmp_path: Path
) -> None:
    """The parameters are part of the cache key."""
    for room in ("schemas", "serving", "trainer", "components", "pipeline"):
        shutil.copytree(REPOSITORY / room, tmp_path / room)
    with (tmp_path / "trainer" / "run_fn.py").open("a") as file:
        file.write("\n# changed\n")

    def parameters(environ: Mapping[str, str]) -> dict[str, Any]:
        output = tmp_path / "pipeline.json"
        where = ("--target", "vertex", "--image", "registry/temporec:1", "--root", "gs://bucket", "--output", output)
        log = ("--set", "data.path=gs://bucket/log.csv", "--set", "data.users=null")
        temporec("compile", "--config", first_run.config, *where, *log, environ=environ)
        tasks = json.loads(output.read_text())["pipelineSpec"]["root"]["dag"]["tasks"]
        return {name: task.get("inputs", {}).get("parameters") for name, task in tasks.items()}

    before, after = parameters({}), parameters({"PYTHONPATH": str(tmp_path)})
    changed = {name for name in before if before[name] != after[name]}
    assert {"Trainer", "Evaluator", "ModelGate"} <= changed
    assert not changed & (INGESTION | {"Transform"})


class TestSecondRun:
    """The steps that a second run in the same root executes; the other steps come from the cache."""

    @pytest.fixture
    def again(self, first_run: Run) -> Callable[..., set[str]]:
        def run(*arguments: object, environ: Mapping[str, str] = MappingProxyType({})) -> set[str]:
            temporec("run", "--config", first_run.config, "--root", first_run.root, *arguments, environ=environ)
            record = read_record(first_run.root)
            assert not LOOKERS & set(record["cached"])
            return set(record["timings_s"]) - set(record["cached"]) - LOOKERS

        return run

    def test_changed_model_setting_repeats_the_training_and_later_steps(
        self, first_run: Run, again: Callable[..., set[str]]
    ) -> None:
        def pushed() -> int:
            return int(read_record(first_run.root)["pushed"]["version"])

        assert again("--set", "beam.workers=2") == set()  # another engine takes everything from the cache
        first = pushed()
        assert first == int(first_run.record["pushed"]["version"])
        assert again("--set", "model.dropout=0.35") == {"Trainer", "Evaluator", "ModelGate", "Refit", "Pusher"}
        # The served model is refitted and has seen the test split; the judged model inside it has not.
        previous, first_test = read_record(first_run.root)["metrics"]["previous"], first_run.record["metrics"]["test"]
        assert previous["recall@10"] == pytest.approx(first_test["recall@10"], abs=1e-9)
        second = pushed()
        again()
        assert first < second < pushed()  # the model of this configuration is served, not the one pushed in between

    def test_refused_model_is_kept_but_not_pushed(self, first_run: Run) -> None:
        versions = set((first_run.root / "models").iterdir())
        ran = attempt(
            "run", "--config", first_run.config, "--root", first_run.root, "--set", "evaluate.gate.floors.recall@10=1"
        )
        assert ran.returncode == GATE_REFUSED, ran.stdout + ran.stderr
        assert "Gate: refused" in ran.stdout
        assert "recall@10: 0.9" in ran.stdout
        assert "required: at least 1" in ran.stdout
        assert read_record(first_run.root)["pushed"] is None
        assert set((first_run.root / "models").iterdir()) == versions

    def test_failed_component_is_named(self, first_run: Run) -> None:
        models = first_run.root / "models"
        aside = models.rename(first_run.root / "aside")
        models.touch()  # nothing can be pushed into a file
        try:
            ran = attempt(
                "run",
                "--config",
                first_run.config,
                "--root",
                first_run.root,
                "--set",
                "evaluate.gate.floors.recall@10=0.4",
            )
        finally:
            models.unlink()
            aside.rename(models)
        assert ran.returncode == FAILED
        assert "Pusher failed" in ran.stderr
        assert "run.log" in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_moved_root_and_another_name_keep_the_cache(self, first_run: Run, tmp_path: Path) -> None:
        former = Path(shutil.copytree(first_run.left, tmp_path / "former"))
        version = read_record(former)["pushed"]["version"]
        (former / "report.html").unlink()
        root = former.rename(tmp_path / "moved")

        temporec("report", "--root", root)
        assert (root / "report.html").is_file()
        temporec("run", "--config", first_run.config, "--root", root, "--set", "name=another")

        record = read_record(root)
        assert set(record["timings_s"]) - set(record["cached"]) == LOOKERS
        assert record["pushed"] == {"path": str(root / "models" / version), "version": version}
        assert record["name"] == "another"

    def test_changed_log_repeats_every_step(self, again: Callable[..., set[str]], first_run: Run) -> None:
        log = first_run.config.parent / "log.csv"
        original = log.read_bytes()
        write_log(log, users=USERS + 1)
        try:
            assert {"InteractionExampleGen", "Transform", "Trainer", "Baselines"} <= again()
        finally:
            log.write_bytes(original)
        assert read_record(first_run.root)["data"]["users"] == USERS + 1
