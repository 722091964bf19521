"""`temporec compare`: a comparison of two runs."""

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

_SHOWN_SLICES = 10


def compare_roots(first: Path, second: Path, metric: str, k: int) -> Comparison:
    """Compare the evaluations of the last runs in two roots.

    Args:
        first: the root of the first run.
        second: the root of the second run.
        metric: the metric for the comparison of slices.
        k: the length of the compared lists.

    Returns:
        The comparison on the queries that both evaluations have.

    Raises:
        InputError: a root has no finished run, a root lacks folders of its run, or the runs cannot be compared.

    Example:
        ```python
        comparison = compare_roots(Path("runs/fast"), Path("runs/best"), metric="recall@10", k=10)
        print([(row.of, row.difference.mean) for row in comparison.metrics])
        ```
    """
    before, after = read_record(first), read_record(second)
    evaluation = recorded_config(before).evaluator_config
    return compare(_side(first, before), _side(second, after), evaluation, metric, k)


def to_json(comparison: Comparison) -> str:
    """Return the comparison as JSON. An interval is a list of mean, low and high; NaN becomes null."""
    return json.dumps(to_json_value(asdict(comparison)), indent=2)


def tables(comparison: Comparison, metric: str, k: int) -> Iterator[RenderableType]:
    """Yield the comparison as tables and lines for the terminal.

    Args:
        comparison: the comparison.
        metric: the metric for the comparison of slices.
        k: the length of the compared lists.

    Yields:
        Tables and lines.
    """
    yield (
        f"{comparison.queries:,} queries of {comparison.users:,} users are in both evaluations"
        + (
            f"; only the first has {comparison.only_first:,} more, only the second {comparison.only_second:,}"
            if comparison.only_first or comparison.only_second
            else ""
        )
    )
    yield _rows_table("Metrics with 95% intervals", comparison.metrics)
    yield _rows_table(f"Slices with the largest changes of {metric}", comparison.slices[:_SHOWN_SLICES])
    yield f"For {comparison.same_lists:.1%} of the queries the first {k} items are the same, in the same order."
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
    """Return the mean with its 95% interval on a second line, or a dash if there is no mean."""
    mean, low, high = (f"{value:{sign}.4f}" for value in interval)
    if math.isnan(interval.mean):
        return Text("-")
    return Text(mean) if math.isnan(interval.low) else Text.assemble(mean, "\n", (f"{low} to {high}", "dim"))


def _changes_table(comparison: Comparison, k: int) -> Table:
    table = Table(title="Users whose lists changed most")
    table.add_column("user")
    table.add_column(f"removed of {k}", justify="right")
    table.add_column("first")
    table.add_column("second")
    for change in comparison.changes:
        table.add_row(*map(Text, (change.user, str(change.removed), _items(change.first), _items(change.second))))
    return table


def _items(items: Sequence[str], most: int = 5) -> str:
    return ", ".join(items[:most]) + (", ..." if len(items) > most else "")
