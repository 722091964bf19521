"""The steps of a run: their progress, and the error of the one that fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline.display.progress import RunProgress
from schemas.errors import ComponentFailed, InputError, find_input_error

if TYPE_CHECKING:
    from pipeline.runners.local import ComponentRun

_IMPORT = "the import of TFX"  # the first step of a run
_WORKER_LOST = ("Channel closed prematurely", "SDK worker disconnected")  # in the errors of Beam's runners


class Steps:
    """The current step, and its progress.

    Args:
        progress: where the progress of components is shown.
    """

    def __init__(self, progress: RunProgress) -> None:
        self.step = _IMPORT
        self._progress = progress

    def start(self, component: str, index: int, count: int) -> None:
        """Begin a component; see `LocalRunner`.

        Args:
            component: its name.
            index: its index, from 0.
            count: the number of components.
        """
        self.step = component
        self._progress.start(component, index, count)

    def end(self, run: ComponentRun) -> None:
        """End a component; see `LocalRunner`.

        Args:
            run: its run.
        """
        self._progress.end(run.component, run.cached, run.seconds)


@contextmanager
def follow_steps(console: Console, log_file: Path) -> Iterator[Steps]:
    """Show the progress of the block, and name its step in the error if it fails.

    Args:
        console: where to show it.
        log_file: the file that gets the details of an error.

    Raises:
        InputError: the block raised it, in this process or in a worker.
        ComponentFailed: the block raised another error.
    """
    progress = RunProgress(console)
    steps = Steps(progress)
    with progress.following():
        try:
            yield steps
        except InputError:
            raise
        except Exception as error:
            raise _failure(error, steps.step, log_file) from error


def _failure(error: Exception, step: str, log_file: Path) -> InputError | ComponentFailed:
    """Log an unexpected error, and return the one that the user sees."""
    logging.exception("%s failed", step)
    if found := find_input_error(str(error)):  # of a worker in another process
        return found
    reason = (str(error).strip().splitlines() or ["no message"])[0]
    if any(sign in str(error) for sign in _WORKER_LOST):
        reason = f"a worker of Beam was killed or ran out of memory ({reason})"
    remedy = "\nremedy:   run `temporec doctor`, then `make setup`" if step == _IMPORT else ""
    return ComponentFailed(f"{step} failed: {type(error).__name__}: {reason}\ndetails:  {log_file}{remedy}")
