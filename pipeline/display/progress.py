"""Progress of a run: a bar on a terminal, one line for each step elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_LOGGED, _LIVE = "temporec.progress", "temporec.live_progress"  # loggers: lines to keep, and lines to replace


class RunProgress:
    """The progress of a run on a console.

    Args:
        console: where to write.
        description: what is shown until a component starts.
    """

    def __init__(self, console: Console, description: str = "starting") -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(description, total=None, detail="")

    @contextmanager
    def following(self) -> Iterator[None]:
        """Show progress, with rows and epochs as they are logged, while the block runs."""
        handler = _ProgressHandler(self)
        loggers = [logging.getLogger(name) for name in (_LOGGED, _LIVE)]
        for logger in loggers:
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
        try:
            with self._bar:
                yield
        finally:
            for logger in loggers:
                logger.removeHandler(handler)

    def start(self, component: str, index: int, count: int) -> None:
        """Show that a component starts.

        Args:
            component: its name.
            index: its index, from 0.
            count: the number of components.
        """
        self._bar.update(self._task, description=f"[{index + 1}/{count}] {component}", total=None, detail="")
        if not self._console.is_terminal:
            self._console.print(f"[{index + 1}/{count}] {component} ...", markup=False)

    def end(self, component: str, cached: bool, seconds: float) -> None:
        """Show that a component has ended.

        Args:
            component: its name.
            cached: whether its outputs come from the cache.
            seconds: the time that it took.
        """
        how = "unchanged, taken from the cache" if cached else f"{seconds:.1f} s"
        self._console.print(f"  {component}: {how}", markup=False, highlight=False)

    def epoch(self, message: str, epoch: int, epochs: int) -> None:
        """Show that an epoch of the training has ended.

        Args:
            message: the epoch's loss and metrics.
            epoch: its number, from 1.
            epochs: the largest number of epochs.
        """
        self._bar.update(self._task, total=epochs, completed=epoch, detail=message)
        if not self._console.is_terminal:
            self.note(message)

    def reading(self, message: str, done: int, total: int, *, live: bool) -> None:
        """Show how far a log is read.

        Args:
            message: the rows and the time left.
            done: the bytes that have been read.
            total: the bytes of the log.
            live: whether the next message replaces this one, which needs a terminal.
        """
        ended = done >= total
        self._bar.update(self._task, total=None if ended else total, completed=done, detail="" if ended else message)
        if not live and not self._console.is_terminal:
            self.note(message)

    def note(self, message: str) -> None:
        """Print a line about a component, which stays on the terminal."""
        self._console.print(f"    {message}", markup=False, highlight=False, soft_wrap=True)


class _ProgressHandler(logging.Handler):
    def __init__(self, progress: RunProgress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        values = vars(record)
        if "epoch" in values:
            self._progress.epoch(record.getMessage(), values["epoch"], values["epochs"])
        elif "done_bytes" in values:
            message, done, total = record.getMessage(), values["done_bytes"], values["total_bytes"]
            self._progress.reading(message, done, total, live=record.name == _LIVE)
        else:
            self._progress.note(record.getMessage())
