"""The artifact of the items: `items.parquet`, `settings.json`, `report.json` and the rejected rows."""

from __future__ import annotations

import tempfile
from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.common.atomic_write import atomic_write
from components.example_gen.counts.interaction_counts import read_log_items
from components.example_gen.tables.item_rows import ItemRows, read_item_rows
from components.example_gen.validation.dead_letters import Letters, letters_by_file, write_letters
from components.item_table.item_report import ItemTableReport, check_items, item_report
from schemas.config.tables import ItemTableConfig
from schemas.items import ITEM_REPORT_FILE, ITEM_SETTINGS_FILE, ITEM_TABLE_FILE

_GROUP_ROWS = 65_536  # of a row group, so that a reader need not hold the whole file


def write_items(settings: ItemTableConfig, examples: str, folder: str) -> ItemTableReport:
    """Read a table of items and write the artifact.

    Equal tables give equal bytes of `items.parquet`, for any format, order of the rows and division into files. The
    report is written last, so that a folder with it is complete.

    Args:
        settings: the table, its columns and the limits.
        examples: the folder of the examples, with the counts of the log's items.
        folder: the folder of the artifact, on a file system that TensorFlow can write to.

    Returns:
        The counts.

    Raises:
        InputError: the table cannot be read, has too many rejected rows, or has no item of the log.
    """
    scratch = f"{folder}/unfinished"
    rows = read_validated_items(settings, folder, scratch)
    report = item_report(rows, read_log_items(examples))
    check_items(report, rows, settings)
    with tempfile.NamedTemporaryFile(suffix=ITEM_TABLE_FILE) as local:
        pq.write_table(rows.items, local.name, compression="zstd", row_group_size=_GROUP_ROWS)
        with atomic_write(f"{folder}/{ITEM_TABLE_FILE}", scratch) as unfinished:
            tf.io.gfile.copy(local.name, unfinished)
    written = {ITEM_SETTINGS_FILE: settings.model_dump_json(indent=2) + "\n", ITEM_REPORT_FILE: report.to_json()}
    for name, text in written.items():
        with atomic_write(f"{folder}/{name}", scratch) as unfinished, tf.io.gfile.GFile(unfinished, "w") as output:
            output.write(text)
    return report


def read_validated_items(settings: ItemTableConfig, folder: str, scratch: str) -> ItemRows:
    """Read a table of items, and write its rejected rows to the folder `rejected`.

    Args:
        settings: the table and its columns.
        folder: the parent of this folder, which is made with its first file.
        scratch: a folder for unfinished files, on the same file system.

    Returns:
        The items and the counts.

    Raises:
        InputError: the table cannot be read.
    """
    rejected: dict[str, list[Letters]] = defaultdict(list)

    def keep(batch: pa.RecordBatch) -> None:
        for name, letters in letters_by_file(batch):
            rejected[name].append(letters)

    rows = read_item_rows(settings, keep)
    for file in rejected.items():
        write_letters(file, folder, scratch)
    return rows
