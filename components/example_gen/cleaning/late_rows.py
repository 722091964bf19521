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
        batch: interactions of one file or several, at least one.
        data: the path of the log and the unit of its times.

    Returns:
        The count by the name of the span. It is empty if no row can be late.
    """
    counts: Counter[str] = Counter()
    if not has_late_rows(data):
        return counts
    files = batch.column("file").dictionary_encode()
    spans = [find_span(file, data.path) for file in files.dictionary.to_pylist()]
    indices, starts_s = files.indices.to_numpy(), np.array([span.start_s for span in spans])
    is_late = batch.column("timestamp_s").to_numpy() < starts_s[indices]
    for span, number in zip(spans, np.bincount(indices[is_late], minlength=len(spans)).tolist(), strict=True):
        counts[span.name] += number
    return counts
