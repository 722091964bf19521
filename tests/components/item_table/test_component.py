"""Runs of TFX with the real looker, component, cache and metadata."""

from pathlib import Path

import pytest
from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.common.looker import SEEN
from components.example_gen.listing import check_table_files, describe_table_files
from components.item_table.component import ItemTable
from components.item_table.item_files import ItemFiles
from components.item_table.item_report import ItemTableReport
from pipeline.runners.local import ComponentRun, LocalRunner
from schemas.config import BeamConfig
from schemas.config.tables import ItemTableConfig
from schemas.errors import InputError
from tests.components.item_table.test_write_items import ROWS
from tests.components.item_table.test_write_items import examples as write_examples
from tests.components.item_tables import row, settings, write


@component
def Ingest(examples: OutputArtifact[standard_artifacts.Examples]):  # type: ignore[no-untyped-def]
    """Write the counts of a log with two items."""
    write_examples(Path(examples.uri), "a", "x")


def run(root: Path, config: ItemTableConfig) -> dict[str, ComponentRun]:
    log, files = Ingest(), ItemFiles(config.items)
    table = ItemTable(
        examples=log.outputs["examples"],
        settings=config.model_dump_json(),
        files=files.outputs[SEEN].future()[0].value,
        code="1",
    )
    pipeline = Pipeline(
        pipeline_name="items",
        pipeline_root=str(root),
        components=[log, files, table],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
    )
    runner = LocalRunner(lambda *_: None, lambda _: None, BeamConfig())
    return {each.component: each for each in runner.run(pipeline)}


def test_item_table_is_read_again_only_after_a_change(tmp_path: Path) -> None:
    root, path = tmp_path / "root", write(tmp_path / "items.jsonl", "jsonl", ROWS)
    root.mkdir()
    config = settings(path, "jsonl")

    first, second = run(root, config), run(root, config)
    write(path, "jsonl", [*ROWS, row("x")])
    third = run(root, config)

    assert [found["ItemTable"].cached for found in (first, second, third)] == [False, True, False]
    reports = [ItemTableReport.read(found["ItemTable"].outputs["items"].uri) for found in (first, third)]
    assert [(each.rows_accepted, each.not_in_table) for each in reports] == [(3, 1), (4, 0)]


def test_check_table_files_after_a_new_file_raises(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", "jsonl", ROWS)
    items = settings(tmp_path, "jsonl").items
    described = describe_table_files(items)
    check_table_files(items, described)

    write(tmp_path / "2.jsonl", "jsonl", ROWS)

    with pytest.raises(InputError, match=r"that stay the same(.|\n)*1 files(.|\n)*2 files"):
        check_table_files(items, described)
