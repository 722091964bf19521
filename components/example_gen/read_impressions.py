"""Impressions from the files of a log, in any format that has a source."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.interactions.spill import hashes_of
from components.example_gen.sources.source import match_table, read_log_file
from components.example_gen.validation.columns import Mask, named_column
from components.example_gen.validation.impressions import validate_impressions
from schemas.config.impressions import ImpressionsConfig
from schemas.impression import IMPRESSION
from schemas.interaction import FILE, LINE, RAW, REJECTED
from schemas.rejection import ImpressionRejection

_SEPARATOR = "\n"  # no id has one


def read_impressions(impressions: ImpressionsConfig) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the impressions of a log and the rows that are rejected, also those that repeat an impression.

    A row repeats an impression if id, user and time are those of an accepted row that was read before it. Ids alone are
    not enough, because they often start at 1 again in each file. One process keeps a hash of 64 bits for each
    impression.

    Args:
        impressions: the reading options of the log.

    Yields:
        A batch of `IMPRESSION` and one of `REJECTED`, in the order of the files' names.

    Raises:
        InputError: no file matches, or a file cannot be read or lacks a column.

    Example:
        >>> accepted, rejected = next(read_impressions(config.data.impressions))  # doctest: +SKIP
        >>> accepted.schema == IMPRESSION  # doctest: +SKIP
        True
    """
    seen: set[int] = set()
    for path in match_table(impressions):
        for batch in read_log_file(path, impressions):
            accepted, rejected = validate_impressions(batch, impressions)
            repeated = _find_repeated(accepted, seen)
            if repeated.any():
                duplicates = _as_rejected(batch, accepted.filter(pa.array(repeated)))
                (rejected,) = pa.Table.from_batches([rejected, duplicates], REJECTED).combine_chunks().to_batches()
                accepted = accepted.filter(pa.array(~repeated))
            yield accepted, rejected


def read_impression_file(path: str, impressions: ImpressionsConfig) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the impressions of a file, and the rows that are rejected. Repeated impressions are accepted.

    Args:
        path: the file.
        impressions: the reading options of the log.

    Yields:
        A batch of `IMPRESSION` and one of `REJECTED`, as `validate_impressions` returns them. The line tells the order
        of the rows.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    for batch in read_log_file(path, impressions):
        yield validate_impressions(batch, impressions)


def _find_repeated(accepted: pa.RecordBatch, seen: set[int]) -> Mask:
    """Return which rows repeat an impression, and add the others to `seen`."""
    ids, users, times = (named_column(accepted, name) for name in IMPRESSION.names[:3])
    keys = pc.binary_join_element_wise(ids, users, times.cast(pa.string()), _SEPARATOR)
    repeated = np.zeros(len(keys), np.bool_)
    for row, key in enumerate(hashes_of(keys).tolist()):
        repeated[row] = key in seen
        seen.add(key)
    return repeated


def _as_rejected(batch: pa.RecordBatch, duplicates: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows of a batch that became these impressions as `REJECTED`."""
    found = batch.filter(pc.is_in(named_column(batch, LINE), value_set=named_column(duplicates, "line")))
    reasons = pa.array([ImpressionRejection.DUPLICATE_IMPRESSION.value] * found.num_rows, pa.string())
    origin = [named_column(found, FILE).dictionary_decode(), named_column(found, LINE), named_column(found, RAW)]
    return pa.RecordBatch.from_arrays([reasons, *origin], schema=REJECTED)
