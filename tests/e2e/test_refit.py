"""The component Refit on the artifacts of a run: a gross fault is refused, and so is a refused model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts

from components.common.versions import whole_versions
from components.gate.verdict import GateCheck, GateVerdict, read_verdict, write_verdict
from components.pusher.component import AtomicPusher
from components.refit.component import Refit
from schemas.config import Config
from tests.e2e.conftest import Run

OUTPUTS = {
    "examples": ("InteractionExampleGen/examples", standard_artifacts.Examples),
    "transform_graph": ("Transform/transform_graph", standard_artifacts.TransformGraph),
    "model": ("Trainer/model", standard_artifacts.Model),
    "model_run": ("Trainer/model_run", standard_artifacts.ModelRun),
    "counts": ("Baselines/counts", standard_artifacts.ModelEvaluation),
    "refit_counts": ("RefitBaselines/counts", standard_artifacts.ModelEvaluation),
    "judgement": ("ModelGate/blessing", standard_artifacts.ModelBlessing),
}


def refit(run: Run, folder: Path, **replaced: Path) -> tuple[GateVerdict, list[int], list[Path]]:
    """Refit the model of a run and push it; return the verdict, the pushed versions and the files of the model."""
    config = Config.model_validate(run.record["config"])
    imported = []
    for name, (output, kind) in OUTPUTS.items():
        (path,) = (run.left / "artifacts" / output).iterdir()
        splits = {"split_names": json.dumps(["train", "eval", "test", "refit"])} if name == "examples" else {}
        source = str(replaced.get(name, path))
        imported.append(Importer(source_uri=source, artifact_type=kind, properties=splits).with_id(name))
    node = Refit(
        **{each.id: each.outputs["result"] for each in imported},
        kind="counts",
        training=config.trainer_config.model_dump_json(),
        gate=config.evaluate.gate.model_dump_json(),
        code="",
    )
    destination = pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "models"))
    pusher = AtomicPusher(
        model=node.outputs["refitted_model"],
        model_blessing=node.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(filesystem=destination),
    )
    pipeline = Pipeline(
        pipeline_name="refits",
        pipeline_root=str(folder),
        components=[*imported, node, pusher],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
    )
    LocalDagRunner().run(pipeline)
    (blessing,), (model,) = ((folder / "Refit" / name).iterdir() for name in ("blessing", "refitted_model"))
    files = [path for path in model.rglob("*") if path.is_file()]
    return read_verdict(str(blessing)), whole_versions(str(folder / "models")), files


def with_weights(run: Run, folder: Path, value: float) -> Path:
    """Write the output of a training that serves retrieval, with one value for all weights of the network."""
    (trained,) = (run.left / "artifacts" / "Trainer" / "model_run").iterdir()
    folder.mkdir()
    arrays = {
        name: np.full_like(array, value) if name.startswith("network_") else array
        for name, array in np.load(trained / "trained.npz").items()
    }
    np.savez(folder / "trained.npz", **{**arrays, "serves_reranked": np.array(False)})
    return folder


@pytest.mark.parametrize(("value", "fault"), [(np.nan, "finite_scores[refit]"), (0.0, "validation_recall[refit]")])
def test_gross_fault_of_a_refit_is_refused(first_run: Run, tmp_path: Path, value: float, fault: str) -> None:
    """With weights of 0 all items have the same score."""
    broken = with_weights(first_run, tmp_path / "broken", value)

    verdict, pushed, files = refit(first_run, tmp_path, model_run=broken)

    assert fault in {check.id for check in verdict.checks if not check.passed}
    assert pushed == []
    assert files  # it is kept for a look at it


def test_refused_model_is_neither_refitted_nor_pushed(first_run: Run, tmp_path: Path) -> None:
    refused = GateVerdict((GateCheck("min_users", "users", "1", "at least 2", False),))
    (tmp_path / "refused").mkdir()
    write_verdict(str(tmp_path / "refused"), refused)

    assert refit(first_run, tmp_path, judgement=tmp_path / "refused") == (refused, [], [])


def test_sound_refit_is_pushed(first_run: Run, tmp_path: Path) -> None:
    verdict, pushed, _ = refit(first_run, tmp_path)
    assert verdict.blessed
    assert len(pushed) == 1
