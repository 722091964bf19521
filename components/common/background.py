"""A task that is repeated in the background, as long as a block runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeated(
    task: Callable[[], None], interval_s: float, log: logging.Logger, failure: str, *, at_end: bool = False
) -> Iterator[None]:
    """Repeat a task in a thread until the block ends. An error is logged, and the task is tried again.

    Args:
        task: what to do.
        interval_s: the time between two repetitions, in seconds.
        log: where errors are logged.
        failure: what an error means, for its message.
        at_end: whether to do it once more when the block has ended.

    Yields:
        Nothing.
    """
    ended = threading.Event()

    def attempt() -> None:
        try:
            task()
        except Exception as error:  # of any store
            log.warning("%s: %s", failure, error)

    def repeat() -> None:
        while not ended.wait(interval_s):
            attempt()
        if at_end:
            attempt()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
