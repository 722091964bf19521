"""Dead letters: the rejected rows as files, from which each row can be read again."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import orjson
import pyarrow as pa
import tensorflow as tf

from components.common.atomic_write import atomic_write
from components.example_gen.sources.csv_rows import without_line_end

REJECTED_FOLDER = "rejected"
LINES_PER_FILE = 1_000_000  # of the log
_NAME_CHARACTERS = 50  # of a log file: of at most 4 bytes each, and file systems allow 255 bytes
# 300,000 rows: 0.44 s and 6.0 MB, at level 6 0.81 s and 5.0 MB, as plain text 36 MB.
_LEVEL = 1

Letters = list[tuple[int, bytes]]  # line of the log, and its JSON line


class WriteRejected(beam.PTransform):
    """Sink of `REJECTED` batches: JSON lines in gzip, in `<directory>/rejected/`; see `to_letter`.

    There is one file of dead letters for each million lines of a log file. Its rows are in the
    order of the lines, and are in one worker's memory. Equal rows give equal bytes.

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
            | "ToJson" >> beam.FlatMap(letters_by_file).with_output_types(tuple[str, Letters])
            | "GroupByFile" >> beam.GroupByKey()
            | "WriteFile" >> beam.Map(write_letters, self._directory, self._scratch)
        )


def to_letter(row: dict[str, Any]) -> bytes:
    r"""Return a rejected row as a line of JSON.

    Its `raw` is for people. If the row is not UTF-8, `raw` has such bytes like \\xff, and `raw_base64` has the exact
    ones.

    Args:
        row: a row of `REJECTED`.

    Example:
        >>> to_letter({"reason": "no_user", "file": "log.csv", "line": 7, "raw": b",i1,5\n"})
        b'{"reason":"no_user","file":"log.csv","line":7,"raw":",i1,5"}\n'
    """
    content = without_line_end(row["raw"])
    letter = {**row, "raw": content.decode("utf-8", "backslashreplace")}
    if letter["raw"].encode("utf-8") != content:
        letter["raw_base64"] = base64.b64encode(content).decode("ascii")
    return orjson.dumps(letter, option=orjson.OPT_APPEND_NEWLINE)


def letters_by_file(batch: pa.RecordBatch) -> Iterator[tuple[str, Letters]]:
    """Yield the dead letters of a batch by the name of their file.

    Args:
        batch: rows of `REJECTED`.
    """
    letters: dict[str, Letters] = defaultdict(list)
    for row in batch.to_pylist():
        letters[_name(row["file"], row["line"])].append((row["line"], to_letter(row)))
    yield from letters.items()


def _name(file: str, line: int) -> str:
    """Return the file name for a line; the hash distinguishes log files of one name in 100,000 folders."""
    name = posixpath.basename(file)[:_NAME_CHARACTERS]
    digest = hashlib.blake2b(file.encode("utf-8"), digest_size=8).hexdigest()
    return f"{name}-{digest}-{line // LINES_PER_FILE:05d}.jsonl.gz"


def write_letters(file: tuple[str, Iterable[Letters]], directory: str, scratch: str) -> str:
    """Write a file of dead letters, in the order of the lines.

    Args:
        file: its name and its letters.
        directory: the folder of the artifact.
        scratch: see `atomic_write`.

    Returns:
        The path of the file.
    """
    name, letters = file
    path = f"{directory}/{REJECTED_FOLDER}/{name}"
    lines = sorted(itertools.chain.from_iterable(letters))  # the lines of two batches may alternate
    with (
        atomic_write(path, scratch) as unfinished,
        tf.io.gfile.GFile(unfinished, "wb") as output,
        gzip.GzipFile("", "wb", _LEVEL, output, mtime=0) as compressed,
    ):
        for _, letter in lines:
            compressed.write(letter)
    return path
