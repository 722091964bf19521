"""`temporec compare`: two runs side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from components.baselines.tables import read_catalogue
from components.evaluator.comparison import Comparison, EvaluatedModel, MetricRow, compare
from components.evaluator.query_results import QUERIES, read_results
from components.evaluator.statistics import Interval
from components.evaluator.summary import to_json_value
from pipeline.records.run_root import read_record, recorded_config, require_folders

_SHOWN = 10  # slices


def compare_roots(first: Path, second: Path, metric: str, k: int) -> Comparison:
    """Compares the evaluations of two roots' last runs.

    Raises:
        InputError: a root has no finished run, or lacks what it measured, or the runs cannot be compared.
    """
    before, after = read_record(first), read_record(second)
    evaluation = recorded_config(before).evaluator_config
    return compare(_side(first, before), _side(second, after), evaluation, metric, k)


def to_json(comparison: Comparison) -> str:
    """All of it; an interval is mean, low and high, and what is no number is null."""
    return json.dumps(to_json_value(asdict(comparison)), indent=2)


def tables(comparison: Comparison, metric: str, k: int) -> Iterator[RenderableType]:
    """What a person sees of it."""
    yield (
        f"{comparison.queries:,} queries of {comparison.users:,} users are in both evaluations"
        + (
            f"; left out are {comparison.only_first:,} and {comparison.only_second:,} that only one has"
            if comparison.only_first or comparison.only_second
            else ""
        )
    )
    yield _rows_table("Metrics, and below each its 95 % interval", comparison.metrics)
    yield _rows_table(f"{metric} where it moved most", comparison.slices[:_SHOWN])
    yield f"Of {comparison.same_lists:.1%} of the queries the first {k} items are the same, in the same order."
    yield _changes_table(comparison, k)


def _side(root: Path, record: Mapping[str, Any]) -> EvaluatedModel:
    evaluation, counts = record["evaluation"], record["artifacts"]["counts"]
    require_folders(root, [evaluation, counts])
    return EvaluatedModel(read_results(f"{evaluation}/{QUERIES}"), read_catalogue(counts))


def _rows_table(title: str, rows: Iterable[MetricRow]) -> Table:
    table = Table(title=title)
    table.add_column()
    for column in ("first", "second", "difference", "adjusted p"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            Text(row.name),
            _with_interval(row.first),
            _with_interval(row.second),
            _with_interval(row.difference, sign="+"),
            f"{row.p_value:.3f}",
            style="" if row.p_value >= 0.05 else "bold green" if row.difference.mean > 0 else "bold red",
        )
    return table


def _with_interval(interval: Interval, sign: str = "") -> Text:
    """The mean, and below it where it lies with 95 % confidence; a dash for none."""
    mean, low, high = (f"{value:{sign}.4f}" for value in interval)
    if math.isnan(interval.mean):
        return Text("-")
    return Text(mean) if math.isnan(interval.low) else Text.assemble(mean, "\n", (f"{low} to {high}", "dim"))


def _changes_table(comparison: Comparison, k: int) -> Table:
    table = Table(title="Users whose lists changed most")
    table.add_column("user")
    table.add_column(f"of {k} gone", justify="right")
    table.add_column("first")
    table.add_column("second")
    for change in comparison.changes:
        table.add_row(*map(Text, (change.user, str(change.removed), _items(change.first), _items(change.second))))
    return table


def _items(items: Sequence[str], most: int = 5) -> str:
    return ", ".join(items[:most]) + (", ..." if len(items) > most else "")
