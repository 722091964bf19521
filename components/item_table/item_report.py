"""Counts of the table of items, and the checks that they must pass before training."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from components.example_gen.counts.interaction_counts import LogItems
from components.example_gen.counts.report import check_table_rows, with_samples
from components.example_gen.sources.rejected_rows import RejectedRow
from components.example_gen.tables.item_rows import ItemRows
from schemas.config.tables import ItemTableConfig
from schemas.errors import InputError
from schemas.items import CATEGORY, ITEM_REPORT_FILE, ROLE


@dataclass(frozen=True)
class ItemTableReport:
    """Exact counts of a table of items.

    `rows_read = rows_accepted + rows_merged + sum(rows_rejected)`, and `rows_accepted - not_in_log = log_items -
    not_in_table`, the items that are in both.
    """

    rows_read: int
    rows_accepted: int  # the items in the artifact
    rows_merged: int  # equal to an accepted row
    rows_rejected: dict[str, int]  # by reason, only reasons that occurred
    missing: dict[str, int]  # accepted items without a title, text, category, number, time or vector, by column
    cut: dict[str, int]  # texts that were cut, by column, only columns with any
    one_value: list[str]  # columns of categories with the same single category in all items that have one
    rejected_samples: dict[str, list[RejectedRow]]  # by reason, the first few
    log_items: int  # in the examples of the log
    not_in_table: int  # of the items of the log
    interactions_not_in_table: int  # interactions with these
    not_in_log: int  # of the items of the table

    @staticmethod
    def read(folder: str) -> ItemTableReport:
        """Read the report of an artifact.

        Args:
            folder: the folder of the artifact.
        """
        with tf.io.gfile.GFile(f"{folder}/{ITEM_REPORT_FILE}") as file:
            return ItemTableReport(**with_samples(json.loads(file.read())))

    @property
    def counts(self) -> dict[str, Any]:
        """The fields without rejected rows."""
        return {name: value for name, value in asdict(self).items() if name != "rejected_samples"}

    def to_json(self) -> str:
        """Return the content of the report's file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def warnings(self) -> list[str]:
        """Return a sentence for each column of categories that distinguishes no item."""
        return [
            f"data.items.columns.{name} has one value only, so that it distinguishes no items"
            for name in self.one_value
        ]


def item_report(rows: ItemRows, log: LogItems) -> ItemTableReport:
    """Count the items of a table, and compare them with those of the log.

    Args:
        rows: the rows of the table.
        log: the items of the log.
    """
    items = rows.items
    known = pc.is_in(log.ids.cast(pa.large_string()), value_set=items["id"].combine_chunks())
    both = int(pc.sum(known).as_py() or 0)
    return ItemTableReport(
        rows_read=rows.counts.rows_read,
        rows_accepted=items.num_rows,
        rows_merged=rows.merged,
        rows_rejected=rows.counts.rows_rejected,
        missing={field.name: _count_missing(items[field.name], field) for field in items.schema if field.name != "id"},
        cut=rows.cut,
        one_value=[
            field.name
            for field in items.schema
            if (field.metadata or {}).get(ROLE) == CATEGORY and len(pc.unique(pc.list_flatten(items[field.name]))) == 1
        ],
        rejected_samples=rows.counts.rejected_samples,
        log_items=len(log.ids),
        not_in_table=len(log.ids) - both,
        interactions_not_in_table=int(log.interactions[~known.to_numpy(zero_copy_only=False)].sum()),
        not_in_log=items.num_rows - both,
    )


def check_items(report: ItemTableReport, rows: ItemRows, settings: ItemTableConfig) -> None:
    """Check that few rows were rejected, and that the table has items of the log.

    Args:
        report: the counts.
        rows: the rows of the table.
        settings: the table and the limits.

    Raises:
        InputError: a limit is exceeded, or the table has no item of the log.
    """
    check_table_rows({"items": rows.counts}, settings)
    if report.log_items == report.not_in_table:
        items = settings.items
        shown = ", ".join(map(repr, rows.items["id"][:3].to_pylist())) or "no item"
        raise InputError(
            expected=f"items of the log in column {items.id!r} of {items.path}",
            received=f"none of the {report.log_items:,} items of the log among {report.rows_accepted:,}: {shown}",
            remedy=f"check {items.setting}.id: it must be the column with the ids of data.columns.item",
        )


def _count_missing(column: pa.ChunkedArray, field: pa.Field) -> int:
    if (field.metadata or {}).get(ROLE) == CATEGORY:
        return int(pc.sum(pc.equal(pc.list_value_length(column), 0)).as_py() or 0)
    return int(column.null_count)
