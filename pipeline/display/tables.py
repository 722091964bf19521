"""Tables and lines of a run in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from components.data_validator.drift import Drift, describe
from components.example_gen.counts.report import IngestionReport, TableRows
from components.example_gen.sources.rejected_rows import describe_rejected, table_remedies
from components.item_table.item_report import ItemTableReport
from pipeline.display.metric_names import MAIN, main_metrics
from schemas.config.log import DataConfig

_SUMMARY = tuple(name for name in MAIN if name != "mrr")


def data_table(data: Mapping[str, Any]) -> Table:
    """Return the counts of the log's rows, users, items and examples.

    Args:
        data: the section `data` of `run.json`.
    """
    return counts_table("Data", _data_rows(data))


def counts_table(title: str, counts: Iterable[tuple[str, int]]) -> Table:
    """Return counts with their labels.

    Args:
        title: the title of the table.
        counts: labels and counts, in the order of the rows.
    """
    table = Table(title=title, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for label, count in counts:
        table.add_row(Text(label), f"{count:,}")
    return table


def _data_rows(data: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield from _log_rows(data)
    yield "users", data["users"]
    if data["users_not_in_table"]:
        yield "users missing from the users table", data["users_not_in_table"]
    yield "items", data["items"]
    tables = {**data["tables"], **({"items": data["item_table"]} if data.get("item_table") else {})}
    for name, rows in tables.items():
        for reason, count in rows["rows_rejected"].items():
            yield f"{name} table, rejected: {reason}", count
    if data.get("item_table"):
        yield from _item_table_rows(data["item_table"])
    if data.get("impressions"):
        yield from _impression_rows(data["impressions"])
    for split, count in data["examples"].items():
        yield f"{split} examples", count
    for kind, count in data["test_users"].items():
        yield f"test users: {kind}", count


def _item_table_rows(counts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield what the table of items and the log have in common."""
    yield "items table, accepted", counts["rows_accepted"]
    if counts["rows_merged"]:
        yield "items table, merged: equal rows", counts["rows_merged"]
    if counts["missing"]["title"]:
        yield "items table, without a title", counts["missing"]["title"]
    for name, count in counts["cut"].items():
        yield f"items table, cut: {name}", count
    yield "items of the log missing from the items table", counts["not_in_table"]
    if counts["interactions_not_in_table"]:
        yield "interactions with items missing from the items table", counts["interactions_not_in_table"]
    yield "items of the items table missing from the log", counts["not_in_log"]


def _impression_rows(counts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield what became of the rows of the log of impressions."""
    for reason, count in counts["rows_rejected"].items():
        yield f"impressions, rejected: {reason}", count
    for split, count in counts["impressions"].items():
        yield f"{split} impressions", count
    if counts["test_without_history"]:
        yield "test impressions without a history", counts["test_without_history"]
    yield "items of the impressions missing from the log", counts["items_not_in_log"]


def _log_rows(data: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield what became of the rows of the log."""
    if spans := data["spans"]:
        yield f"spans: {spans[0]} to {spans[-1]}" if len(spans) > 1 else f"span: {spans[0]}", len(spans)
    yield "rows read", data["rows_read"]
    yield "accepted", data["rows_accepted"]
    for span, count in data["late_rows"].items():
        if count:
            yield f"late rows of span {span}", count
    for reason, count in data["rows_rejected"].items():
        yield f"rejected: {reason}", count
    for condition, count in data["rows_filtered"].items():
        yield f"filtered: {condition}", count
    for rule, count in data["rows_left_out"].items():
        if count:
            yield f"left out: {rule.replace('_', ' ')}", count


def rejected_text(report: IngestionReport, data: DataConfig, items: ItemTableReport | None = None) -> Iterator[str]:
    """Yield, for the log and each table, its rejected rows by reason: counts, what to change, and examples.

    Args:
        report: the report of an ingestion.
        data: the reading options of the log.
        items: the report of the table of items; None without such a table.
    """
    if report.rows_rejected:
        yield "Rejected rows" + describe_rejected(report.rows_rejected, report.rejected_samples, report.remedies(data))
    tables: Mapping[str, TableRows | ItemTableReport] = {**report.tables, **({"items": items} if items else {})}
    for name, rows in tables.items():
        if rows.rows_rejected:
            yield f"Rejected rows of data.{name}" + describe_rejected(
                rows.rows_rejected, rows.rejected_samples, table_remedies(name)
            )


def guess_table(data: DataConfig, rows: int, rejected: Mapping[str, int]) -> Table:
    """Return the guesses about a log, and what they make of its first rows.

    Args:
        data: the guessed description.
        rows: the number of rows that were read.
        rejected: the number of rejected ones, by reason.
    """
    table = Table(title="Guesses", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("format", data.format)
    for role, column in data.columns.model_dump(exclude_unset=True).items():
        table.add_row(role, escape(column))
    table.add_row("times", data.timestamp.unit or escape(str(data.timestamp.format)))
    table.add_row("rows read", f"{rows:,}")
    for reason, count in rejected.items():
        table.add_row(f"rejected: {reason}", f"{count:,}")
    return table


def metrics_table(metrics: Mapping[str, Any], protocol: Mapping[str, Any], metric: str, ks: Sequence[int]) -> Table:
    """Return the metrics of the model, of its retrieval stage, of the previous model and of the baselines.

    Args:
        metrics: the section `metrics` of `run.json`.
        protocol: the section `protocol` of `run.json`.
        metric: the gate's metric, shown first.
        ks: the configured lengths of lists.

    Returns:
        A table with one row for each model; the best value of each metric is bold.
    """
    rows = {"model": metrics["test"], "retrieval only": metrics["orders"]["retrieval"]}
    if metrics["previous"]:
        rows["previous model"] = metrics["previous"]
    rows |= {name.replace("_", " "): values for name, values in metrics["baselines"].items()}
    shown = main_metrics(metric, ks, metrics["test"])
    best = {name: max(values.get(name, 0.0) for values in rows.values()) for name in shown}
    table = Table(title=_describe_protocol(protocol))
    table.add_column(no_wrap=True)
    for name in shown:
        table.add_column(name, justify="right")
    for label, values in rows.items():
        table.add_row(
            label,
            *(_bold(f"{values[name]:.4f}", values[name] == best[name]) if name in values else "" for name in shown),
        )
    table.add_row("model, 95% interval", *(_interval(metrics["intervals"].get(name)) for name in shown))
    return table


def summary_table(record: Mapping[str, Any]) -> Table:
    """Return the main metrics of a run's model next to the served model and the best baseline.

    Args:
        record: the content of `run.json`.

    Returns:
        A table with one row for each metric. The best baseline is the best one by the gate's metric. It is left out
        if no baseline has this metric.
    """
    metrics, evaluate = record["metrics"], record["config"]["evaluate"]
    metric = evaluate["gate"]["metric"]
    baselines = {name: values for name, values in metrics["baselines"].items() if metric in values}
    others = {"served model": metrics["previous"]} if metrics["previous"] else {}
    if baselines:
        best = max(baselines, key=lambda name: baselines[name][metric])
        others[f"best baseline, {best.replace('_', ' ')}"] = baselines[best]
    table = Table(title=_describe_protocol(record["protocol"]))
    table.add_column(no_wrap=True)
    for heading in ("model", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right")
    for name in main_metrics(metric, evaluate["ks"], metrics["test"], _SUMMARY):
        table.add_row(
            name,
            f"[bold]{metrics['test'][name]:.4f}[/bold]",
            _interval(metrics["intervals"].get(name)),
            *(f"{values[name]:.4f}" if name in values else "" for values in others.values()),
        )
    return table


def impressions_table(shown: Mapping[str, Any]) -> Table:
    """Return the metrics by impression of the model and the popularity baselines.

    Args:
        shown: `impressions` of the section `metrics` of `run.json`.

    Returns:
        A table with one row for each system, the interval of the model, and that of its difference from popularity.
    """
    systems = shown["systems"]
    table = Table(title=f"Shown items: {shown['impressions']:,} test impressions of {shown['users']:,} users")
    table.add_column(no_wrap=True)
    for name in systems["model"]:
        table.add_column(name, justify="right")
    for system, values in systems.items():
        table.add_row(system.replace("_", " "), *(_mean(value) for value in values.values()))
    for label, values in (
        ("model, 95% interval", systems["model"]),
        ("model minus popularity, 95% interval", shown["above_popularity"]),
    ):
        table.add_row(label, *(_interval(None if None in value else value[1:]) for value in values.values()))
    return table


def _mean(value: Sequence[float | None]) -> str:
    return "" if value[0] is None else f"{value[0]:.4f}"


def _describe_protocol(protocol: Mapping[str, Any]) -> str:
    inputs = protocol["reads"][1:]
    users = f"{protocol['users']:,} users"
    if protocol["examples"] != protocol["users"]:
        users = f"{protocol['examples']:,} histories of {users}"
    reads = f"with {', '.join(inputs)}" if inputs else "sequence only"
    ranked = f"{'all' if protocol['candidates'] == 'full' else 'the unexpired of'} {protocol['items']:,} items ranked"
    return f"Test split: {users}, {ranked}, seen items {protocol['seen_items']}, {reads}"


def _interval(low_high: Sequence[float] | None) -> str:
    return f"{low_high[0]:.4f} to {low_high[1]:.4f}" if low_high else ""


def _bold(text: str, best: bool) -> str:
    return f"[bold]{text}[/bold]" if best else text


def drift_lines(record: Mapping[str, Any]) -> Iterator[Text]:
    """Yield a line for each alarm about drift.

    Args:
        record: the content of `run.json`.

    Yields:
        Lines for the terminal.
    """
    for each in record["drift"]:
        if each["alarm"]:
            yield Text(f"Drift: {describe(Drift(**each))}", style="yellow")


def verdict_lines(record: Mapping[str, Any]) -> Iterator[Text]:
    """Yield the gate's verdict, one line for each failed check, and the pushed version.

    Args:
        record: the content of `run.json`.

    Yields:
        Lines for the terminal.
    """
    gate = record["gate"]
    checks = gate["checks"]
    failed = [check for check in checks if not check["passed"]]
    if gate["blessed"]:
        yield Text.from_markup(f"[bold green]Gate: blessed[/], all {len(checks)} checks passed")
    else:
        yield Text.from_markup(f"[bold red]Gate: refused[/], {len(failed)} of {len(checks)} checks failed")
    for check in failed:
        yield Text(f"  {check['title']}: {check['measured']}; required: {check['required']}")
    if record["pushed"]:
        refit = "" if record["served"]["refit"] == "none" else f" (refit on the whole log: {record['served']['refit']})"
        yield Text(f"Pushed: {record['pushed']['path']}{refit}")
    else:
        unchanged = "; the served model does not change" if record["metrics"]["previous"] else ""
        yield Text(f"Pushed: nothing{unchanged}")


def recommendation_table(user: str, history: Sequence[str], recommended: Sequence[tuple[str, float]]) -> Table:
    """Return a user's last items next to the recommended items.

    Args:
        user: the user's id.
        history: titles, newest first.
        recommended: titles and scores, best first.
    """
    table = Table(title=Text(f"User {user}"))
    table.add_column("last items (newest first)")
    table.add_column("recommended next")
    table.add_column("score", justify="right")
    for row in range(max(len(history), len(recommended))):
        title, score = recommended[row] if row < len(recommended) else ("", None)
        seen = Text(history[row] if row < len(history) else "")
        table.add_row(seen, Text(title), "" if score is None else f"{score:.2f}")
    return table


def answer_table(item_ids: Sequence[str], scores: Sequence[float], fallback: bool, titles: Mapping[str, str]) -> Table:
    """Return the items that a server recommends after a history.

    Args:
        item_ids: ids, best first; an empty id is padding.
        scores: their scores.
        fallback: whether the server answered with popular items.
        titles: titles by item id; without any, the table has no column for them.
    """
    table = Table(title="popular items: the history is empty or unknown" if fallback else "recommended next")
    table.add_column("item")
    if titles:
        table.add_column("title")
    table.add_column("score", justify="right")
    for item, score in zip(item_ids, scores, strict=True):
        if item:
            table.add_row(Text(item), *([Text(titles.get(item, ""))] if titles else []), f"{score:.4f}")
    return table
