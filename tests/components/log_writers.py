"""Writers of one table in each format of a log."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import tensorflow as tf
from pyarrow import parquet

Table = list[dict[str, Any]]  # texts and integers; None is a missing value
AVRO_TYPES = {str: "string", int: "long", float: "double", bool: "boolean", bytes: "bytes"}
ROW_GROUP = 7_000  # rows of Parquet
AVRO_BLOCK_BYTES = 16_000


def write_csv(path: Path, table: Table) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def write_jsonl(path: Path, table: Table) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table), encoding="utf-8")


def write_parquet(path: Path, table: Table) -> None:
    parquet.write_table(pa.Table.from_pylist(table), path, row_group_size=ROW_GROUP)


def write_avro(path: Path, table: Table) -> None:
    kinds = {name: next((type(row[name]) for row in table if row[name] is not None), str) for name in table[0]}
    fields = [{"name": name, "type": ["null", AVRO_TYPES[kind]]} for name, kind in kinds.items()]
    schema = {"type": "record", "name": "row", "fields": fields}
    with path.open("wb") as file:
        fastavro.writer(file, schema, table, sync_interval=AVRO_BLOCK_BYTES)


def write_tfrecord(path: Path, table: Table) -> None:
    with tf.io.TFRecordWriter(str(path)) as file:
        for row in table:
            file.write(example({name: [] if value is None else [value] for name, value in row.items()}))


def example(row: Mapping[str, list[Any]]) -> bytes:
    """Return a serialized tf.Example."""
    return tf.train.Example(
        features=tf.train.Features(feature={name: _feature(values) for name, values in row.items()})
    ).SerializeToString()


def _feature(values: list[Any]) -> Any:
    kinds = set(map(type, values))
    if kinds == {int}:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    if kinds == {float}:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    content = [value.encode() if isinstance(value, str) else value for value in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=content))


WRITERS: dict[str, Callable[[Path, Table], None]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
    "avro": write_avro,
    "tfrecord": write_tfrecord,
}
COMPRESSED_ITSELF = ("parquet", "avro")
