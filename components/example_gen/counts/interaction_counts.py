"""Counts of the interactions: their distributions over all users, and those of each user in a sample.

The distributions show whether a log differs from another one. The sample shows how much they differ by chance.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorflow as tf

from components.common.atomic_write import atomic_write
from components.example_gen.interactions.ragged import Ints
from components.example_gen.interactions.spill import hashes_of
from components.example_gen.interactions.timelines import Timelines
from schemas.config.log import DataConfig
from schemas.features import HISTORY_LENGTH

COUNTS_FILE = "interactions.parquet"
SAMPLED_PER_BUCKET = 4  # users in the sample, of each of the 256 buckets
EVERYONE = 0  # in place of a user's hash: the count of all users

USERS, ITEM, POSITION, HOUR = "", "item_id", HISTORY_LENGTH, "hour"
# `count` interactions of `user` have the `value`. The feature USERS has one row, with the number of users.
SCHEMA = pa.schema(
    [
        pa.field("feature", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("user", pa.uint64(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)
_KEYS = SCHEMA.names[:-1]


class _Codes(NamedTuple):
    """A feature of each interaction as an integer from 0."""

    codes: Ints  # [interactions]
    names: Callable[[Ints], pa.Array]  # returns the values of some integers as strings


def count_interactions(timelines: Timelines, data: DataConfig) -> pa.Table:
    """Count the values of the interactions' features: item, position in the history, hour and categories.

    The value of a position is the exponent of the power of two below it. An hour is the number of hours since 1970. The
    sample has the users with the lowest hashes of each bucket, so that it does not depend on the shards.

    Args:
        timelines: all interactions of some users.
        data: the further columns of the log, and whether it has times.

    Returns:
        The counts of `SCHEMA`.
    """
    tables = [_table(USERS, pa.array([""]), np.array([EVERYONE]), np.array([len(timelines.user_ids)]))]
    if len(timelines.items):
        sampled = _sample(hashes_of(timelines.user_ids))
        rows = np.flatnonzero((sampled != EVERYONE)[timelines.users])
        users, owners = np.unique(sampled[timelines.users[rows]], return_inverse=True)
        for feature, found in _features(timelines, data).items():
            tables.append(_count_all(feature, found))
            tables.append(_count_by_user(feature, found._replace(codes=found.codes[rows]), users, owners))
    return pa.concat_tables(tables)


def merge_counts(parts: Sequence[pa.Table]) -> pa.Table:
    """Return the sum of counts of different users, in one order.

    Args:
        parts: counts of `SCHEMA`, in any order.
    """
    table = pa.concat_tables([SCHEMA.empty_table(), *parts]).combine_chunks()
    summed = table.group_by(_KEYS).aggregate([("count", "sum")])
    columns = [summed.column(name) for name in (*_KEYS, "count_sum")]
    merged = pa.Table.from_arrays(columns, schema=SCHEMA)
    return merged.sort_by([(name, "ascending") for name in ("feature", "user", "value")])


def write_counts(counts: pa.Table, directory: str, scratch: str) -> str:
    """Write counts to `COUNTS_FILE` in a folder.

    Args:
        counts: the counts of `SCHEMA`.
        directory: the folder of the examples.
        scratch: see `atomic_write`.

    Returns:
        The path of the file.
    """
    path = f"{directory}/{COUNTS_FILE}"
    content = io.BytesIO()
    pq.write_table(counts, content, compression="zstd")
    with atomic_write(path, scratch) as unfinished, tf.io.gfile.GFile(unfinished, "wb") as file:
        file.write(content.getvalue())
    return path


class LogItems(NamedTuple):
    """The items of a log."""

    ids: pa.Array  # strings, each once
    interactions: Ints  # [items]


def read_log_items(examples: str) -> LogItems:
    """Return the items in the interactions of a log.

    Args:
        examples: the folder of the examples.
    """
    with tf.io.gfile.GFile(f"{examples}/{COUNTS_FILE}", "rb") as file:
        counts = pq.read_table(io.BytesIO(file.read()))
    is_item = pc.and_(pc.equal(counts["feature"], ITEM), pc.equal(counts["user"], pa.scalar(EVERYONE, pa.uint64())))
    items = counts.filter(is_item).combine_chunks()
    return LogItems(items["value"].combine_chunks(), items["count"].to_numpy())


def _sample(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the hash of each user in the sample, and `EVERYONE` for the others."""
    order = np.argsort(hashes)
    buckets = hashes[order] >> np.uint64(56)
    ranks = np.arange(len(order)) - np.searchsorted(buckets, buckets)
    chosen = order[ranks < SAMPLED_PER_BUCKET]
    sampled = np.full(len(hashes), EVERYONE, np.uint64)
    sampled[chosen] = hashes[chosen]
    return sampled


def _features(timelines: Timelines, data: DataConfig) -> Mapping[str, _Codes]:
    positions = np.arange(len(timelines.items)) - timelines.offsets[timelines.users] + 1
    found = {
        ITEM: _Codes(timelines.items, lambda codes: timelines.item_ids.take(pa.array(codes))),
        POSITION: _Codes(np.frexp(positions)[1].astype(np.int64) - 1, _digits),  # 2 and 3 are 0.5 and 0.75 times 2**2
    }
    if data.timestamp.unit != "order":
        found[HOUR] = _Codes(np.floor(timelines.timestamps_s / 3600).astype(np.int64), _digits)
    for name in counted_columns(data):
        encoded = timelines.further[name].dictionary_encode()
        found[name] = _Codes(encoded.indices.to_numpy().astype(np.int64), _taker(encoded.dictionary))
    return found


def counted_columns(data: DataConfig) -> list[str]:
    """Return the names of the further columns that are counted: the categories of interactions.

    Args:
        data: the further columns.
    """
    return [each.name for each in data.features if (each.of, each.kind) == ("interaction", "category")]


def _digits(codes: Ints) -> pa.Array:
    return pa.array(codes).cast(pa.string())


def _taker(values: pa.Array) -> Callable[[Ints], pa.Array]:
    return lambda codes: values.take(pa.array(codes))


def _count_all(feature: str, found: _Codes) -> pa.Table:
    counts = np.bincount(found.codes)
    codes = np.flatnonzero(counts)
    return _table(feature, found.names(codes), np.full(len(codes), EVERYONE), counts[codes])


def _count_by_user(feature: str, found: _Codes, users: npt.NDArray[np.uint64], owners: Ints) -> pa.Table:
    width = int(found.codes.max(initial=0)) + 1
    pairs, counts = np.unique(owners * width + found.codes, return_counts=True)
    return _table(feature, found.names(pairs % width), users[pairs // width], counts)


def _table(feature: str, values: pa.Array, users: npt.NDArray[np.uint64], counts: Ints) -> pa.Table:
    names = pa.array([feature]).take(pa.array(np.zeros(len(counts), np.int64)))
    return pa.Table.from_arrays(
        [names, values.cast(pa.string()), pa.array(users, pa.uint64()), pa.array(counts, pa.int64())], schema=SCHEMA
    )
