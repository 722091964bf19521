"""The size of the batches in which TFX's components read examples."""

from __future__ import annotations

from absl import flags
from tfx_bsl.coders import batch_util  # noqa: F401 - it defines the flag

_FLAG = "tfxio_use_byte_size_batching"


def read_large_batches() -> None:
    """Let StatisticsGen and Transform read batches of 20 MB or 8,192 examples.

    By default Beam begins with one example and doubles the batches while it measures their times. Each batch costs both
    components a partial result, and the results of two runs differ.
    """
    flags.FLAGS.set_default(_FLAG, True)
