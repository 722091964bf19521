"""Runs of TFX with the real looker, component, cache and metadata."""

from pathlib import Path

import pytest
from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.item_table.component import ItemTable
from components.item_table.item_report import ItemTableReport
from schemas.errors import InputError
from tests.components.item_table.test_write_items import ROWS
from tests.components.item_table.test_write_items import examples as write_examples
from tests.components.item_tables import row, settings, write
from tests.components.table_runs import run_reader


@component
def Ingest(examples: OutputArtifact[standard_artifacts.Examples]):  # type: ignore[no-untyped-def]
    """Write the counts of a log with two items."""
    write_examples(Path(examples.uri), "a", "x")


def test_item_table_is_read_again_only_after_a_change(tmp_path: Path) -> None:
    root, path = tmp_path / "root", write(tmp_path / "items.jsonl", "jsonl", ROWS)
    root.mkdir()
    config = settings(path, "jsonl")

    first, second = (run_reader(root, Ingest(), ItemTable, config, config.items) for _ in range(2))
    write(path, "jsonl", [*ROWS, row("x")])
    third = run_reader(root, Ingest(), ItemTable, config, config.items)

    assert [found.cached for found in (first, second, third)] == [False, True, False]
    reports = [ItemTableReport.read(found.outputs["items"].uri) for found in (first, third)]
    assert [(each.rows_accepted, each.not_in_table) for each in reports] == [(3, 1), (4, 0)]


def test_item_table_of_other_files_than_the_listed_ones_is_refused(tmp_path: Path) -> None:
    config = settings(write(tmp_path / "items.jsonl", "jsonl", ROWS), "jsonl")
    with pytest.raises(InputError, match=r"items\.jsonl that were listed at the start of the run: 2 files"):
        run_reader(tmp_path, Ingest(), ItemTable, config, config.items, listed="2 files, 7 bytes, sha256 0")
