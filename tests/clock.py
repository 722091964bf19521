"""The clock in TensorFlow: a process whose operations are deterministic, as in training, may not read it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.python.framework import config


@contextmanager
def deterministic(on: bool = True) -> Iterator[None]:
    """Make operations deterministic, or allow the clock, until the end of a block."""
    before = config.is_op_determinism_enabled()
    try:
        (config.enable_op_determinism if on else config.disable_op_determinism)()
        yield
    finally:
        (config.enable_op_determinism if before else config.disable_op_determinism)()


clock_allowed = deterministic(False)  # a decorator of tests
