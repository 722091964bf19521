"""Log files as Arrow record batches of text. Every row has the file and line that it came from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from components.example_gen.csv_batches import BatchReader
from components.example_gen.csv_rows import column_indices, decode_lines, read_header, read_rows, whole_lines
from components.example_gen.files import match_files, read_blocks
from schemas.config.log import DataConfig
from schemas.interaction import raw_schema


def needed_columns(data: DataConfig) -> list[str]:
    """Return the columns of the log that the configuration reads, each once."""
    columns = data.columns
    further = [feature.column for feature in data.features if not feature.in_table]
    return list(
        dict.fromkeys([columns.user, columns.item, columns.timestamp, *further, *(f.column for f in data.filters)])
    )


def read_record_batches(blocks: Iterable[bytes], data: DataConfig, name: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one delimited file in batches.

    Args:
        blocks: the content of the file, cut anywhere.
        data: the reading options of the log.
        name: the file, which becomes the origin of the rows.

    Yields:
        Record batches of `raw_schema(needed_columns(data))`, at most two for each block. LINE tells
        the order of the rows, which is not that of the batches.

    Raises:
        InputError: the header cannot be read or lacks a column.
    """
    pieces = whole_lines(blocks)
    header, line, rest = _read_header(pieces, data, name)
    if header is None:
        return
    columns = needed_columns(data)
    reader = BatchReader(data.delimiter, data.quote, len(header), column_indices(header, columns, name))
    schema = raw_schema(columns)
    for rows in reader.read(itertools.chain([rest], pieces), line):
        count = len(rows.lines)
        files = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [name])
        yield pa.RecordBatch.from_arrays([*rows.columns, files, rows.lines, rows.raw, rows.errors], schema=schema)


def _read_header(pieces: Iterator[bytes], data: DataConfig, name: str) -> tuple[tuple[str, ...] | None, int, bytes]:
    """Return the header of a file, the number of the line after it, and the text that was read after it."""
    if data.column_names is not None:
        return data.column_names, 1, b""
    read: list[bytes] = []
    first = next(read_rows(decode_lines(_remember(pieces, read)), data.delimiter, data.quote), None)
    header = read_header(iter([first] if first else []), data, name)
    if first is None:
        return None, 1, b""
    count = first.line + first.raw.count("\n")  # of lines, with the header
    after = b"".join(read).split(b"\n", count)[count:]
    return header, count + 1, b"".join(after)


def _remember(pieces: Iterator[bytes], read: list[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        read.append(piece)
        yield piece


def _read_file(path: str, data: DataConfig) -> Iterator[pa.RecordBatch]:
    return read_record_batches(read_blocks(path), data, path)


class CsvSource(beam.PTransform):
    """Source of delimited text files. A file is read as a whole, because quoted fields may span lines.

    Args:
        data: the path of the log and its reading options.
    """

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._data = data

    def expand(self, pbegin: Any) -> beam.PCollection:
        """Return record batches of `raw_schema(needed_columns(data))`."""
        return (
            pbegin
            | "Path" >> beam.Create([self._data.path])
            | "MatchFiles" >> beam.FlatMap(match_files, "data.path")
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadRows" >> beam.FlatMap(_read_file, self._data)
        )


# By `data.format`. tests/contracts/test_sources.py runs the contract of a source for each of them.
SOURCES = {"csv": CsvSource}
