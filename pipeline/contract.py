"""The parts of `run.json` that `validate` and `evaluate` print too."""

from __future__ import annotations

from typing import Any

from components.ingestion_report import IngestionReport
from schemas.config import Config
from schemas.features import TEST


def data_counts(report: IngestionReport) -> dict[str, Any]:
    """What became of the log's rows; `rows_read = rows_accepted + sum(rows_rejected)`."""
    return {
        "rows_read": report.rows_read,
        "rows_accepted": report.rows_accepted,
        "rows_rejected": report.rows_rejected,
        "rows_below_minimum": {"item": report.below_item_minimum, "user": report.below_user_minimum},
        "users": report.users,
        "items": report.items,
        "ties_in_time": report.ties,
        "interactions_not_in_table": report.not_in_table,
        "examples": report.examples,
    }


def protocol(config: Config, report: IngestionReport) -> dict[str, Any]:
    """How the metrics were measured; `reads` is what of the log the model was given beside the items."""
    return {
        "split": config.split.kind,
        "candidates": "full",
        "seen_items": "removed" if config.serving.remove_seen else "kept",
        "reads": ["order", *config.model.reads],
        "users": report.examples[TEST],
        "items": report.items,
    }
