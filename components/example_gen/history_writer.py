"""Examples as TFRecord files in the layout of TFX. Equal input gives equal bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import apache_beam as beam
import tensorflow as tf

from components.common.atomic_write import atomic_write
from components.example_gen.histories import HistoryExample, to_example
from schemas.features import SPLITS

EXAMPLES_PER_FILE = 50_000  # approximately: users are assigned to files by a checksum of their ids

Record = tuple[str, int, bytes]  # user id, target time, serialized example: the order within a file


class WriteHistories(beam.PTransform):
    """Sink of examples: `<directory>/Split-<split>/data_tfrecord-<i>-of-<n>.gz`, at least one file a split.

    All examples of one user and split are in one file, in order. The examples of one file are in
    one worker's memory.

    Args:
        directory: the folder of the examples.
        scratch: see `atomic_write`.
    """

    def __init__(self, directory: str, scratch: str) -> None:
        super().__init__()
        self._directory = directory
        self._scratch = scratch

    def expand(self, histories: beam.PCollection) -> beam.PCollection:
        """Write `HistoryExample` elements, and return the paths of the files after they are written."""
        records = histories | "Serialize" >> beam.Map(_record).with_output_types(tuple[str, Record])
        counts = records | "SplitNames" >> beam.Keys() | "CountExamples" >> beam.combiners.Count.PerElement()
        files = beam.pvalue.AsDict(counts | "CountFiles" >> beam.MapTuple(lambda split, n: (split, _files(n))))
        # A file without a user is written as well, empty.
        names = (
            histories.pipeline
            | "Splits" >> beam.Create(SPLITS)
            | "FileNames" >> beam.FlatMap(_all_names, files).with_output_types(tuple[str, None])
        )
        sharded = records | "AssignFile" >> beam.Map(_assign_file, files).with_output_types(tuple[str, Record])
        return (
            {"records": sharded, "names": names}
            | "GroupByFile" >> beam.CoGroupByKey()
            | "WriteFile" >> beam.Map(_write, self._directory, self._scratch)
        )


def _record(history: HistoryExample) -> tuple[str, Record]:
    return history.split, (history.user_id, history.target_timestamp_s, to_example(history))


def _files(examples: int) -> int:
    return -(-examples // EXAMPLES_PER_FILE)


def _name(split: str, index: int, files: int) -> str:
    return f"Split-{split}/data_tfrecord-{index:05d}-of-{files:05d}.gz"


def _all_names(split: str, files: dict[str, int]) -> Iterator[tuple[str, None]]:
    count = files.get(split, 1)
    yield from ((_name(split, index, count), None) for index in range(count))


def _assign_file(record: tuple[str, Record], files: dict[str, int]) -> tuple[str, Record]:
    split, (user_id, *_) = record
    # crc32, unlike hash(), is the same in every process.
    return _name(split, zlib.crc32(user_id.encode("utf-8")) % files[split], files[split]), record[1]


def _write(file: tuple[str, dict[str, Iterable[Record]]], directory: str, scratch: str) -> str:
    name, grouped = file
    path = f"{directory}/{name}"
    with atomic_write(path, scratch) as unfinished, tf.io.TFRecordWriter(unfinished, "GZIP") as writer:
        for *_, example in sorted(grouped["records"]):
            writer.write(example)
    return path
