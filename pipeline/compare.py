"""`temporec compare`: two runs side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from components.comparison import Comparison, Row, compare
from components.results import QUERIES, Results, read_results
from pipeline.root import read_record, require_folders

_SHOWN = 10  # slices


def compare_roots(first: Path, second: Path, metric: str, k: int) -> Comparison:
    """Compares the evaluations of two roots' last runs.

    Raises:
        InputError: a root has no finished run, or lacks what it measured, or the runs cannot be compared.
    """
    return compare(_results(first), _results(second), metric, k)


def to_json(comparison: Comparison) -> str:
    """All of it."""
    return json.dumps(asdict(comparison), indent=2)


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
    yield _rows_table("Metrics", comparison.metrics)
    yield _rows_table(f"{metric} where it moved most", comparison.slices[:_SHOWN])
    yield f"Of {comparison.same_lists:.1%} of the queries the first {k} items are the same, in the same order."
    yield _changes_table(comparison, k)


def _results(root: Path) -> Results:
    folder = read_record(root)["evaluation"]
    require_folders(root, [folder])
    return read_results(f"{folder}/{QUERIES}")


def _rows_table(title: str, rows: Iterable[Row]) -> Table:
    table = Table(title=title)
    table.add_column(no_wrap=True)
    for column in ("first", "second", "difference", "95 % interval", "p, adjusted"):
        table.add_column(column, justify="right")
    for row in rows:
        interval = row.difference.interval()
        style = "" if row.p_value >= 0.05 else "bold green" if interval.mean > 0 else "bold red"
        table.add_row(
            Text(row.of),
            f"{row.first:.4f}",
            f"{row.second:.4f}",
            f"{interval.mean:+.4f}",
            f"{interval.low:+.4f} to {interval.high:+.4f}",
            f"{row.p_value:.3f}",
            style=style,
        )
    return table


def _changes_table(comparison: Comparison, k: int) -> Table:
    table = Table(title="Users whose lists changed most")
    table.add_column("user")
    table.add_column(f"of {k} gone", justify="right")
    table.add_column("first")
    table.add_column("second")
    for change in comparison.changes:
        table.add_row(*map(Text, (change.user, str(change.gone), _items(change.first), _items(change.second))))
    return table


def _items(items: Sequence[str], most: int = 5) -> str:
    return ", ".join(items[:most]) + (", ..." if len(items) > most else "")
