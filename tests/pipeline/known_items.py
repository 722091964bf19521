"""Catalogues for the tests of reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from pipeline.report.items import KnownItems


def known_items(
    counts: Mapping[str, int], followed: Mapping[tuple[str, str], int] | None = None, **further: Any
) -> KnownItems:
    """Return a catalogue with counts by id, and counts of direct successors by pair of ids."""
    ids = list(counts)
    matrix = np.zeros((len(ids), len(ids)), np.int64)
    for (before, after), times in (followed or {}).items():
        matrix[ids.index(before), ids.index(after)] = times
    known = {"titles": {}, "categories": {}, **further}
    return KnownItems(
        np.array(ids, dtype=object), np.array(list(counts.values()), np.int64), sparse.csr_matrix(matrix), **known
    )
