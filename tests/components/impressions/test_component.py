"""Runs of TFX with the real looker, component, cache and metadata."""

import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.impressions.component import Impressions
from components.impressions.impression_report import ImpressionReport
from tests.components.impression_logs import settings, shown, write_examples, write_shown
from tests.components.impressions.test_write_impressions import ROWS
from tests.components.table_runs import run_reader


@component
def Ingest(examples: OutputArtifact[standard_artifacts.Examples]):  # type: ignore[no-untyped-def]
    """Write the examples of a small log."""
    with tempfile.TemporaryDirectory() as folder:
        write_examples(Path(folder), examples.uri)


def test_impressions_are_read_again_only_after_a_change(tmp_path: Path) -> None:
    root, path = tmp_path / "root", write_shown(tmp_path / "shown.csv", ROWS)
    root.mkdir()
    config = settings(path)

    first, second = (run_reader(root, Ingest(), Impressions, config, config.impressions) for _ in range(2))
    write_shown(path, [*ROWS, shown(9, "u1", 22, "a b", "a")])
    third = run_reader(root, Ingest(), Impressions, config, config.impressions)

    assert [found.cached for found in (first, second, third)] == [False, True, False]
    reports = [ImpressionReport.read(found.outputs["impressions"].uri) for found in (first, third)]
    assert [each.impressions["test"] for each in reports] == [3, 4]
