"""Dead letters: the rejected rows as files."""

from __future__ import annotations

import itertools
import json
import posixpath
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf

from components.common.atomic_write import atomic_write
from components.example_gen.report import REJECTED_FOLDER

LINES_PER_FILE = 1_000_000  # of the log

Letters = list[tuple[int, str]]  # line of the log, and its JSON line


class WriteRejected(beam.PTransform):
    """Sink of `REJECTED` batches: JSON lines with reason, file, line and raw text, in `<directory>/rejected/`.

    There is one file of dead letters for each million lines of a log file. Its rows are in the
    order of the lines, and are in one worker's memory.

    Args:
        directory: the folder of the examples.
        scratch: see `atomic_write`.
    """

    def __init__(self, directory: str, scratch: str) -> None:
        super().__init__()
        self._directory = directory
        self._scratch = scratch

    def expand(self, rejected: beam.PCollection) -> beam.PCollection:
        """Return the paths of the files, after they are written."""
        return (
            rejected
            | "ToJson" >> beam.FlatMap(_letters).with_output_types(tuple[str, Letters])
            | "GroupByFile" >> beam.GroupByKey()
            | "WriteFile" >> beam.Map(_write, self._directory, self._scratch)
        )


def _letters(batch: pa.RecordBatch) -> Iterator[tuple[str, Letters]]:
    letters: dict[str, Letters] = defaultdict(list)
    for row in batch.to_pylist():
        text = json.dumps(row, ensure_ascii=False) + "\n"
        letters[_name(row["file"], row["line"])].append((row["line"], text))
    yield from letters.items()


def _name(file: str, line: int) -> str:
    """Return the file name for a line; the checksum distinguishes log files of one name in several folders."""
    return f"{posixpath.basename(file)}-{zlib.crc32(file.encode('utf-8')):08x}-{line // LINES_PER_FILE:05d}.jsonl"


def _write(file: tuple[str, Iterable[Letters]], directory: str, scratch: str) -> str:
    name, letters = file
    path = f"{directory}/{REJECTED_FOLDER}/{name}"
    with atomic_write(path, scratch) as unfinished, tf.io.gfile.GFile(unfinished, "w") as output:
        for _, text in sorted(itertools.chain.from_iterable(letters)):  # the lines of two batches may alternate
            output.write(text)
    return path
