"""A run of TFX with the real component and metadata."""

import json
import shutil
import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.impression_evaluator.component import ImpressionEvaluator
from components.impressions.write_impressions import write_impressions
from pipeline.runners.local import LocalRunner
from schemas.config import BeamConfig
from schemas.config.impressions import ImpressionEvaluatorConfig
from tests.components.impression_evaluator.test_evaluate_impressions import FIRST_ONLY, ROWS, NextLetter
from tests.components.impression_logs import settings, write_counts, write_examples, write_shown
from tests.serving.successor import write_model


@component
def Inputs(  # type: ignore[no-untyped-def]
    impressions: OutputArtifact[standard_artifacts.ModelEvaluation],
    model: OutputArtifact[standard_artifacts.Model],
    counts: OutputArtifact[standard_artifacts.ModelEvaluation],
):
    """Write the artifacts of a small log, and a model."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        examples = write_examples(folder, more=FIRST_ONLY)
        write_impressions(settings(write_shown(folder / "shown.csv", ROWS)), examples, impressions.uri)
        shutil.copytree(write_counts(folder, examples), counts.uri, dirs_exist_ok=True)
    write_model(Path(model.uri) / "Format-Serving", NextLetter())


def test_component_evaluates_the_model_of_the_artifact(tmp_path: Path) -> None:
    inputs = Inputs()
    evaluator = ImpressionEvaluator(
        **{name: inputs.outputs[name] for name in ("impressions", "model", "counts")},
        settings=ImpressionEvaluatorConfig(bootstrap_samples=100, clip=None).model_dump_json(),
        code="1",
    )
    pipeline = Pipeline(
        pipeline_name="shown",
        pipeline_root=str(tmp_path),
        components=[inputs, evaluator],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite")),
    )

    runs = {each.component: each for each in LocalRunner(lambda *_: None, lambda _: None, BeamConfig()).run(pipeline)}

    summary = json.loads(Path(runs["ImpressionEvaluator"].outputs["evaluation"].uri, "summary.json").read_text())
    assert summary["systems"]["model"]["auc"][0] == 0.5
