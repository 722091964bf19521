"""Runs of TFX with the real looker, component, cache and metadata."""

import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.common.looker import SEEN
from components.impressions.component import Impressions
from components.impressions.impression_files import ImpressionFiles
from components.impressions.impression_report import ImpressionReport
from pipeline.runners.local import ComponentRun, LocalRunner
from schemas.config import BeamConfig
from schemas.config.impressions import ImpressionLogConfig
from tests.components.impression_logs import settings, shown, write_examples, write_shown
from tests.components.impressions.test_write_impressions import ROWS


@component
def Ingest(examples: OutputArtifact[standard_artifacts.Examples]):  # type: ignore[no-untyped-def]
    """Write the examples of a small log."""
    with tempfile.TemporaryDirectory() as folder:
        write_examples(Path(folder), examples.uri)


def run(root: Path, config: ImpressionLogConfig) -> dict[str, ComponentRun]:
    log, files = Ingest(), ImpressionFiles(config.impressions)
    read = Impressions(
        examples=log.outputs["examples"],
        settings=config.model_dump_json(),
        files=files.outputs[SEEN].future()[0].value,
        code="1",
    )
    pipeline = Pipeline(
        pipeline_name="impressions",
        pipeline_root=str(root),
        components=[log, files, read],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
    )
    runner = LocalRunner(lambda *_: None, lambda _: None, BeamConfig())
    return {each.component: each for each in runner.run(pipeline)}


def test_impressions_are_read_again_only_after_a_change(tmp_path: Path) -> None:
    root, path = tmp_path / "root", write_shown(tmp_path / "shown.csv", ROWS)
    root.mkdir()
    config = settings(path)

    first, second = run(root, config), run(root, config)
    write_shown(path, [*ROWS, shown(9, "u1", 22, "a b", "a")])
    third = run(root, config)

    assert [found["Impressions"].cached for found in (first, second, third)] == [False, True, False]
    reports = [ImpressionReport.read(found["Impressions"].outputs["impressions"].uri) for found in (first, third)]
    assert [each.impressions["test"] for each in reports] == [3, 4]
