"""Late rows: interactions before the day of their span. They are counted, and used as all others."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from components.example_gen.sources.spans import find_span
from schemas.config.log import DataConfig
from schemas.config.span_pattern import has_dates


def has_late_rows(data: DataConfig) -> bool:
    """Return whether rows of a log can be late: its spans are dates, and its times are too.

    Args:
        data: the path of the log and the unit of its times.
    """
    return has_dates(data.path) and data.timestamp.unit != "order"


def count_late_rows(batch: pa.RecordBatch, data: DataConfig) -> Counter[str]:
    """Count the interactions before the day of their span, in UTC.

    Args:
        batch: interactions of one file, at least one.
        data: the path of the log and the unit of its times.

    Returns:
        The count by the name of the span. It is empty if no row can be late.
    """
    if not has_late_rows(data):
        return Counter()
    span = find_span(batch.column("file")[0].as_py(), data.path)
    return Counter({span.name: int(np.count_nonzero(batch.column("timestamp_s").to_numpy() < span.start_s))})
