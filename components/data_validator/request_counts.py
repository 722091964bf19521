"""Counts of logged serving requests, to compare them with the interactions of the log."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import pyarrow as pa

from components.data_validator.features import OUT_OF_RANGE
from components.example_gen.counts.interaction_counts import EVERYONE, HOUR, ITEM, POSITION, SCHEMA, USERS
from components.example_gen.sources.files import read_blocks
from components.example_gen.sources.tfrecord_source import read_records
from components.example_gen.values.times import EARLIEST_S, LATEST_S
from schemas.errors import InputError
from serving.server.request_log import LoggedHistory, read_histories

MAX_REQUESTS = 100_000


def count_requests(files: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Count the last interaction of each history: an application asks for recommendations after an interaction.

    Of more than `MAX_REQUESTS` requests those with the lowest hashes count. Requests do not say who the user is. Those
    whose histories begin with the same interaction count as one user's.

    Args:
        files: TFRecord files of `PredictionLog`.
        columns: the further columns to count.

    Returns:
        Counts without a sample, see `components.example_gen.counts.interaction_counts.SCHEMA`.

    Raises:
        InputError: a file is damaged, or has other records.
    """
    counts: Counter[tuple[str, str]] = Counter()
    users = set()
    for history in _histories(_chosen(files)):
        users.add((history.item_ids[0], history.timestamps_s[0] if history.timestamps_s else None))
        counts.update(_values(history, columns))
    counts[(USERS, "")] = len(users)
    rows = sorted(counts.items())
    arrays = [
        [feature for (feature, _), _ in rows],
        [value for (_, value), _ in rows],
        [EVERYONE] * len(rows),
        [count for _, count in rows],
    ]
    return pa.Table.from_arrays(
        [pa.array(values, field.type) for values, field in zip(arrays, SCHEMA, strict=True)], schema=SCHEMA
    )


def _chosen(files: Sequence[str]) -> Iterable[tuple[bytes, str]]:
    """Return the requests with the lowest hashes, and the file of each."""
    records = chain.from_iterable(
        ((record, file) for record in read_records(read_blocks(file), file)) for file in files
    )
    return heapq.nsmallest(MAX_REQUESTS, records, key=lambda each: hashlib.blake2b(each[0], digest_size=8).digest())


def _histories(records: Iterable[tuple[bytes, str]]) -> Iterator[LoggedHistory]:
    for record, file in records:
        try:
            yield from read_histories(record)
        except ValueError as error:
            raise InputError(
                expected=f"requests that TensorFlow Serving has logged in {file}: records of PredictionLog",
                received=f"a record of {len(record):,} bytes: {error}",
                remedy="check data.checks.serving_requests",
            ) from None


def _values(history: LoggedHistory, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield ITEM, history.item_ids[-1].decode("utf-8", "replace")
    yield POSITION, str(len(history.item_ids).bit_length() - 1)
    if history.timestamps_s:
        time_s = history.timestamps_s[-1]
        yield HOUR, str(time_s // 3600) if EARLIEST_S <= time_s < LATEST_S else OUT_OF_RANGE
    for name in set(columns) & set(history.further):
        yield name, history.further[name][-1].decode("utf-8", "replace")
