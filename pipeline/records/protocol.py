"""The sections of `run.json` that `temporec validate` and `temporec evaluate` also print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.evaluator.query_metrics import MODEL, PREVIOUS
from components.example_gen.counts.report import IngestionReport
from schemas.config import Config, TemporalSplitConfig
from schemas.features import TEST
from serving.export.recommender import STAGES


def data_counts(report: IngestionReport) -> dict[str, Any]:
    """Return the section `data`: the counts of rows, interactions, users, items and examples.

    `rows_read = rows_accepted + sum(rows_rejected)`, `rows_rejected["filtered"] = sum(rows_filtered)`, and
    `rows_accepted = sum(rows_left_out) + sum(interactions)`.

    Args:
        report: the report of the ingestion.

    Returns:
        Counts by name.
    """
    return {
        "spans": report.spans,
        "late_rows": report.late_rows,
        "rows_read": report.rows_read,
        "rows_accepted": report.rows_accepted,
        "rows_rejected": report.rows_rejected,
        "rows_filtered": report.rows_filtered,
        "rows_left_out": report.left_out,
        "interactions": report.roles,
        "users": report.users,
        "items": report.items,
        "ties_in_time": report.ties,
        "users_not_in_table": report.users_not_in_table,
        "tables": {
            name: {"rows_read": rows.rows_read, "rows_rejected": rows.rows_rejected}
            for name, rows in report.tables.items()
        },
        "examples": report.examples,
        "test_users": report.test_users,
    }


def metrics(summary: Mapping[str, Any], by_impression: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the section `metrics`: the means of the model, its two stages, the previous model and the baselines.

    Args:
        summary: the summary of an evaluation.
        by_impression: the summary of an evaluation by impression; None without impressions.

    Returns:
        Means by metric, the 95% intervals of the model, the number of targets that have expired, and the summary by
        impression.
    """
    systems: dict[str, dict[str, float]] = {
        system: {name: value[0] for name, value in found.items() if value[0] is not None}
        for system, found in summary["systems"].items()
    }
    return {
        "test": systems.pop(MODEL),
        "expired_targets": summary["expired_targets"],
        "intervals": {name: value[1:] for name, value in summary["systems"][MODEL].items() if None not in value},
        "orders": {stage: systems.pop(stage) for stage in STAGES},
        "previous": systems.pop(PREVIOUS, None),
        "baselines": systems,
        "impressions": by_impression,
    }


def protocol(config: Config, reads: Sequence[str], report: IngestionReport, items: int) -> dict[str, Any]:
    """Return the section `protocol`: how the metrics were measured.

    Args:
        config: the configuration of the run.
        reads: the inputs of the model in addition to the items and their order.
        report: the report of the ingestion.
        items: the number of ranked items.

    Returns:
        The split, the candidates, the inputs and the numbers of examples, users and items.
    """
    return {
        "split": config.split.kind,
        "targets": "all" if isinstance(config.split, TemporalSplitConfig) and config.split.targets == "all" else "next",
        "candidates": "full" if config.serving.expire_after_s is None else "unexpired",
        "seen_items": "removed" if config.serving.remove_seen else "kept",
        "reads": ["order", *reads],
        "examples": report.examples[TEST],
        "users": sum(report.test_users.values()),
        "items": items,
    }
