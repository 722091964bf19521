"""Attacks on the gate: each model goes through the real components, and the right check refuses it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts

from components.common.versions import whole_versions
from components.evaluator.component import Evaluator
from components.gate.component import ModelGate
from components.gate.verdict import read_verdict
from components.pusher.component import AtomicPusher
from pipeline.exit_codes import GATE_REFUSED
from pipeline.runners.beam_options import beam_args
from schemas.config import BeamConfig, Config
from serving.export.export import export
from tests.e2e import attacks
from tests.e2e.command import attempt
from tests.e2e.conftest import Run, read_record
from tests.e2e.trained import train
from trainer import run_fn as genuine

ATTACKS = {
    attacks.constant: {"distinct_scores"},
    attacks.nan: {"finite_scores"},
    attacks.nan_vectors: {"finite_scores"},
    attacks.reversed_order: {"export_parity"},
    attacks.shuffled: {"export_parity"},
    attacks.popular: {"beats[popularity]", "personalized_lists"},
    attacks.leaking: {"no_test_leakage"},
}


class Trained(NamedTuple):
    """A trained model, before its export and after it."""

    model: Any
    arguments: dict[str, Any]  # of the export
    folder: Path
    config: Config


@pytest.fixture(scope="module")
def trained(first_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    config = Config.model_validate(first_run.record["config"])
    training = config.trainer_config
    training = training.model_copy(update={"train": config.train.model_copy(update={"epochs": 3})})
    exported: list[tuple[Any, dict[str, Any]]] = []

    def export_and_keep(model: Any, path: str, **arguments: Any) -> None:
        exported.append((model, arguments))
        export(model, path, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(genuine, "export", export_and_keep)
        folder = train(first_run.left, tmp_path_factory.mktemp("trained"), training)
    return Trained(*exported[0], folder, config)


def release(model: Path, left: Path, folder: Path, config: Config) -> tuple[set[str], list[int]]:
    """Evaluate a model, decide on it and push it; return the ids of failed checks and the pushed versions."""
    (examples,), (counts,) = (
        (left / "artifacts" / output).iterdir() for output in ("InteractionExampleGen/examples", "Baselines/counts")
    )
    splits = {"split_names": json.dumps(["train", "eval", "test"])}
    imported = {
        name: Importer(source_uri=str(path), artifact_type=kind, properties=properties).with_id(name)
        for name, path, kind, properties in (
            ("examples", examples, standard_artifacts.Examples, splits),
            ("model", model, standard_artifacts.Model, {}),
            ("counts", counts, standard_artifacts.ModelEvaluation, {}),
        )
    }
    channels = {name: importer.outputs["result"] for name, importer in imported.items()}
    evaluator = Evaluator(**channels, settings=config.evaluator_config.model_dump_json(), floors="{}", code="")
    gate = ModelGate(
        **channels,
        evaluation=evaluator.outputs["evaluation"],
        gate=config.evaluate.gate.model_dump_json(),
        remove_seen=config.serving.remove_seen,
        code="",
    )
    destination = pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "models"))
    pusher = AtomicPusher(
        model=channels["model"],
        model_blessing=gate.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(filesystem=destination),
    )
    pipeline = Pipeline(
        pipeline_name="attacks",
        pipeline_root=str(folder),
        components=[*imported.values(), evaluator, gate, pusher],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
        beam_pipeline_args=beam_args(BeamConfig()),
    )
    LocalDagRunner().run(pipeline)
    (blessing,) = (folder / "ModelGate" / "blessing").iterdir()
    failed = {check.id for check in read_verdict(str(blessing)).checks if not check.passed}
    return failed, whole_versions(str(folder / "models"))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_attack_fails_the_check_that_is_meant_for_it(
    first_run: Run, trained: Trained, tmp_path: Path, attack: Any
) -> None:
    (examples,) = (first_run.left / "artifacts" / "InteractionExampleGen" / "examples").iterdir()
    folder = shutil.copytree(trained.folder, tmp_path / "model" / "Format-Serving")
    attacked = attack(trained.model, examples=str(examples), **trained.arguments)
    export(attacked, str(folder), **trained.arguments)

    failed, pushed = release(tmp_path / "model", first_run.left, tmp_path, trained.config)

    assert ATTACKS[attack] <= failed
    assert pushed == []


def test_genuine_model_passes_and_is_pushed(first_run: Run, trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained.folder, tmp_path / "model" / "Format-Serving")
    failed, pushed = release(tmp_path / "model", first_run.left, tmp_path, trained.config)
    assert failed == set()
    assert len(pushed) == 1


def test_undertrained_model_fails_no_regression_and_the_served_version_stays(first_run: Run) -> None:
    versions = set((first_run.root / "models").iterdir())
    settings = (
        "train.epochs=1",
        "train.learning_rate=0.0001",
        "model.reranker.cooccurrence=false",
        "evaluate.gate.floors={}",
    )
    overrides = [part for each in settings for part in ("--set", each)]
    ran = attempt("run", "--config", first_run.config, "--root", first_run.root, *overrides)
    assert ran.returncode == GATE_REFUSED, ran.stdout + ran.stderr
    assert "Gate: refused" in ran.stdout
    assert set((first_run.root / "models").iterdir()) == versions
    record = read_record(first_run.root)
    assert record["pushed"] is None
    failed = {check["id"]: check["title"] for check in record["gate"]["checks"] if not check["passed"]}
    assert "no_regression" in failed
    assert all(title in ran.stdout for title in failed.values())
    assert f"Report: {first_run.root / 'report.html'}" in ran.stdout.replace("\n", "")
