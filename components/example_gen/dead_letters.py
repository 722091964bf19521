"""Dead letters: the rejected rows as files."""

from __future__ import annotations

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

Letters = tuple[int, str]  # line of the log, JSON lines from there on


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
    texts: dict[str, list[str]] = defaultdict(list)
    first_lines: dict[str, int] = {}
    for row in batch.to_pylist():
        name = _name(row["file"], row["line"])
        first_lines.setdefault(name, row["line"])
        texts[name].append(json.dumps(row, ensure_ascii=False) + "\n")
    for name, lines in texts.items():
        yield name, (first_lines[name], "".join(lines))


def _name(file: str, line: int) -> str:
    """Return the file name for a line; the checksum distinguishes log files of one name in several folders."""
    return f"{posixpath.basename(file)}-{zlib.crc32(file.encode('utf-8')):08x}-{line // LINES_PER_FILE:05d}.jsonl"


def _write(file: tuple[str, Iterable[Letters]], directory: str, scratch: str) -> str:
    name, letters = file
    path = f"{directory}/{REJECTED_FOLDER}/{name}"
    with atomic_write(path, scratch) as unfinished, tf.io.gfile.GFile(unfinished, "w") as output:
        for _, text in sorted(letters):
            output.write(text)
    return path
