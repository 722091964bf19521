"""Why rows of a log are filtered, and which times cannot be used: more than the counts by reason tell."""

from __future__ import annotations

import heapq
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.rejection import RejectionReason

TIME_REASONS = (RejectionReason.BAD_TIMESTAMP, RejectionReason.TIMESTAMP_OUT_OF_RANGE)
SAMPLED_TIMES = 100
_CHARACTERS = 100


class RejectionDetails(NamedTuple):
    """Counts of filtered rows, and a sample of the times of rows that were rejected for their time."""

    filtered: Counter[str]  # rows by the condition of the first filter that they do not pass
    times: Counter[str]  # rows by text, for at most `SAMPLED_TIMES` texts


def merge_details(parts: Iterable[RejectionDetails]) -> RejectionDetails:
    """Return the sum of counts, for `beam.CombineGlobally`. It does not depend on how the rows are divided."""
    filtered: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for part in parts:
        filtered.update(part.filtered)
        times.update(part.times)
    return RejectionDetails(filtered, _sample(times))


def count_times(texts: pa.Array) -> Counter[str]:
    """Return a sample of texts with the exact number of each.

    Args:
        texts: string array without null.

    Returns:
        At most `SAMPLED_TIMES` texts, of which only the beginning is kept.
    """
    counts = pc.value_counts(pc.utf8_slice_codeunits(texts, 0, _CHARACTERS))
    return _sample(Counter(dict(zip(*(counts.field(i).to_pylist() for i in range(2)), strict=True))))


def _sample(counts: Counter[str]) -> Counter[str]:
    """Return the texts with the smallest checksums. A text in the sample of all rows is in that of each part."""
    if len(counts) <= SAMPLED_TIMES:
        return counts
    kept = set(heapq.nsmallest(SAMPLED_TIMES, counts, key=lambda text: (zlib.crc32(text.encode()), text)))
    return Counter({text: count for text, count in counts.items() if text in kept})
