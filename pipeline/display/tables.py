"""What a person sees of a run: progress while it goes, tables when it is done."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

METRICS = ("recall@10", "ndcg@10", "mrr@10", "coverage@10")  # those that are measured
SUMMARY = ("recall@10", "ndcg@10", "coverage@10")  # beside the gate's


def data_table(data: Mapping[str, Any]) -> Table:
    """Rows read, accepted and rejected by reason."""
    table = Table(title="Data", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("rows read", f"{data['rows_read']:,}")
    table.add_row("accepted", f"{data['rows_accepted']:,}")
    for reason, count in data["rows_rejected"].items():
        table.add_row(f"rejected: {reason}", f"{count:,}")
    for kind, count in data["rows_below_minimum"].items():
        if count:
            table.add_row(f"left out: {kind} with too few interactions", f"{count:,}")
    table.add_row("users", f"{data['users']:,}")
    if data["users_not_in_table"]:
        table.add_row("users that the table of users lacks", f"{data['users_not_in_table']:,}")
    table.add_row("items", f"{data['items']:,}")
    for name, rows in data["tables"].items():
        for reason, count in rows["rows_rejected"].items():
            table.add_row(f"table of {name}, rejected: {reason}", f"{count:,}")
    for split, count in data["examples"].items():
        table.add_row(f"{split} examples", f"{count:,}")
    for kind, count in data["test_users"].items():
        table.add_row(f"test users: {kind}", f"{count:,}")
    return table


def metrics_table(metrics: Mapping[str, Any], protocol: Mapping[str, Any]) -> Table:
    """The model with its intervals, its retrieval alone, the model before it, and the baselines."""
    rows = {"model": metrics["test"], "retrieval alone": metrics["orders"]["retrieval"]}
    if metrics["previous"]:
        rows["previous model"] = metrics["previous"]
    rows |= {name.replace("_", " "): values for name, values in metrics["baselines"].items()}
    shown = [name for name in METRICS if name in metrics["test"]]
    best = {name: max(values.get(name, 0.0) for values in rows.values()) for name in shown}
    table = Table(title=_measured_on(protocol))
    table.add_column(no_wrap=True)
    for name in shown:
        table.add_column(name, justify="right")
    for label, values in rows.items():
        table.add_row(label, *(_bold(f"{values[name]:.4f}", values[name] == best[name]) for name in shown))
    low_high = (metrics["intervals"].get(name) for name in shown)
    table.add_row("model, 95 % between", *(f"{each[0]:.4f} and {each[1]:.4f}" if each else "" for each in low_high))
    return table


def summary_table(record: Mapping[str, Any]) -> Table:
    """The gate's metric and some more of the model with their intervals, beside the last model's and a baseline's.

    The baseline is the best one by the gate's metric; none where no baseline has it.
    """
    metrics, decisive = record["metrics"], record["config"]["evaluate"]["gate"]["metric"]
    baselines = {name: values for name, values in metrics["baselines"].items() if decisive in values}
    beside = {"last blessed model": metrics["previous"]} if metrics["previous"] else {}
    if baselines:
        best = max(baselines, key=lambda name: baselines[name][decisive])
        beside[f"best baseline, {best.replace('_', ' ')}"] = baselines[best]
    table = Table(title=_measured_on(record["protocol"]))
    table.add_column(no_wrap=True)
    for heading in ("model", "95 % between"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in beside:
        table.add_column(heading, justify="right")
    for name in (name for name in dict.fromkeys((decisive, *SUMMARY)) if name in metrics["test"]):
        low_high = metrics["intervals"].get(name)
        table.add_row(
            name,
            f"[bold]{metrics['test'][name]:.4f}[/bold]",
            f"{low_high[0]:.4f} and {low_high[1]:.4f}" if low_high else "",
            *(f"{values[name]:.4f}" if name in values else "" for values in beside.values()),
        )
    return table


def _measured_on(protocol: Mapping[str, Any]) -> str:
    beside_order = protocol["reads"][1:]
    users = f"{protocol['users']:,} users"
    if protocol["examples"] != protocol["users"]:
        users = f"{protocol['examples']:,} histories of {users}"
    reads = f"with {', '.join(beside_order)}" if beside_order else "order only"
    return f"Test split: {users}, all {protocol['items']:,} items ranked, seen items {protocol['seen_items']}, {reads}"


def _bold(text: str, best: bool) -> str:
    return f"[bold]{text}[/bold]" if best else text


def verdict_lines(record: Mapping[str, Any]) -> Iterator[Text]:
    """The gate's verdict in a line, what failed, and where the model went."""
    gate = record["gate"]
    checks = gate["checks"]
    failed = [check for check in checks if not check["passed"]]
    if gate["blessed"]:
        yield Text.from_markup(f"[bold green]Gate: blessed[/], all of {len(checks)} checks passed")
    else:
        yield Text.from_markup(f"[bold red]Gate: refused[/], {len(failed)} of {len(checks)} checks failed")
    for check in failed:
        yield Text(f"  {check['title']}: {check['measured']}; required: {check['required']}")
    pushed = record["pushed"]
    yield Text(f"Pushed: {pushed['path']}" if pushed else "Pushed: nothing; what was served before stays")


def recommendation_table(user: str, history: Sequence[str], recommended: Sequence[tuple[str, float]]) -> Table:
    """A user's last items beside what the model recommends next."""
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
    """What a server recommends after a history."""
    table = Table(title="popular items: the history is empty or unknown" if fallback else "recommended next")
    table.add_column("item")
    if titles:
        table.add_column("title")
    table.add_column("score", justify="right")
    for item, score in zip(item_ids, scores, strict=True):
        if item:
            table.add_row(Text(item), *([Text(titles.get(item, ""))] if titles else []), f"{score:.4f}")
    return table


class RunProgress:
    """Follows a run: a bar on a terminal, a line a step elsewhere.

    Args:
        console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, detail="")

    @contextmanager
    def following(self) -> Iterator[None]:
        """Shows progress, and epochs as they are logged, while the block runs."""
        handler = _ProgressHandler(self)
        logger = logging.getLogger("temporec.progress")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            with self._bar:
                yield
        finally:
            logger.removeHandler(handler)

    def start(self, component: str, index: int, count: int) -> None:
        """A component begins."""
        self._bar.update(self._task, description=f"[{index + 1}/{count}] {component}", total=None, detail="")
        if not self._console.is_terminal:
            self._console.print(f"[{index + 1}/{count}] {component} ...", markup=False)

    def end(self, component: str, cached: bool, seconds: float) -> None:
        """A component is done."""
        how = "unchanged, taken from the cache" if cached else f"{seconds:.1f} s"
        self._console.print(f"  {component}: {how}", markup=False, highlight=False)

    def epoch(self, message: str, epoch: int, epochs: int) -> None:
        """An epoch of training is done."""
        self._bar.update(self._task, total=epochs, completed=epoch, detail=message)
        if not self._console.is_terminal:
            self.note(message)

    def note(self, message: str) -> None:
        """Something about a component that stays to be read."""
        self._console.print(f"    {message}", markup=False, highlight=False, soft_wrap=True)


class _ProgressHandler(logging.Handler):
    def __init__(self, progress: RunProgress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        values = vars(record)
        if "epoch" in values:
            self._progress.epoch(record.getMessage(), values["epoch"], values["epochs"])
        else:
            self._progress.note(record.getMessage())
