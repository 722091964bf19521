"""The filters of a log, by column."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.values.text_numbers import read_numbers
from schemas.config.filters import FilterConfig

Mask = npt.NDArray[np.bool_]


def first_failed_filters(texts: Sequence[pa.Array], filters: Sequence[FilterConfig], rows: int) -> npt.NDArray[np.intp]:
    """Return the index of the first filter that each row does not pass.

    Args:
        texts: the column of each filter, string arrays without null.
        filters: as many filters.
        rows: the number of rows.

    Returns:
        Indices [rows]; `len(filters)` for a row that passes all of them.
    """
    failed = np.full(rows, len(filters))
    for index in reversed(range(len(filters))):
        failed[~_passes(texts[index], filters[index])] = index
    return failed


def _passes(text: pa.Array, rule: FilterConfig) -> Mask:
    if rule.one_of is not None:
        return _numpy(pc.is_in(text, value_set=pa.array(rule.one_of, pa.string())))
    if rule.matches is not None:
        pattern = re.compile(rule.matches)
        distinct = text.dictionary_encode()
        full = [pattern.fullmatch(value) is not None for value in distinct.dictionary.to_pylist()]
        return np.array(full or [False], dtype=np.bool_)[distinct.indices.to_numpy()]
    numbers = read_numbers(text)
    passes = ~np.isnan(numbers)
    if rule.above is not None:
        passes &= numbers > rule.above
    if rule.at_least is not None:
        passes &= numbers >= rule.at_least
    if rule.below is not None:
        passes &= numbers < rule.below
    if rule.at_most is not None:
        passes &= numbers <= rule.at_most
    return passes


def _numpy(mask: pa.Array) -> Mask:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)
