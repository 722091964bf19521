"""Log files as Arrow record batches of text. Every row has the file and line that it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from components.example_gen.csv_rows import RawRow, column_indices, read_header, read_lines, read_rows
from components.example_gen.files import match_files, read_blocks
from schemas.config.log import DataConfig
from schemas.interaction import raw_schema

BATCH_ROWS = 8_192


def needed_columns(data: DataConfig) -> list[str]:
    """Return the columns of the log that the configuration reads, each once."""
    columns = data.columns
    further = [feature.column for feature in data.features if not feature.in_table]
    return list(
        dict.fromkeys([columns.user, columns.item, columns.timestamp, *further, *(f.column for f in data.filters)])
    )


def read_record_batches(lines: Iterable[str], data: DataConfig, name: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one delimited file in batches.

    Args:
        lines: the output of `read_lines`.
        data: the reading options of the log.
        name: the file, which becomes the origin of the rows.

    Yields:
        Record batches of `raw_schema(needed_columns(data))`, with at most `BATCH_ROWS` rows.

    Raises:
        InputError: the header cannot be read or lacks a column.
    """
    rows = read_rows(lines, data.delimiter, data.quote, len(data.column_names) if data.column_names else None)
    header = read_header(rows, data, name)
    if header is None:
        return
    indices = column_indices(header, needed_columns(data), name)
    schema = raw_schema(needed_columns(data))
    unsplit: list[Any] = [None] * len(header)
    batch: list[RawRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield _batch(batch, indices, unsplit, name, schema)
            batch = []
    if batch:
        yield _batch(batch, indices, unsplit, name, schema)


def _batch(rows: list[RawRow], indices: list[int], unsplit: list[Any], name: str, schema: pa.Schema) -> pa.RecordBatch:
    lines, raw, fields, errors = zip(*rows, strict=True)
    split = [unsplit if row is None else row for row in fields]
    columns = [[row[index] for row in split] for index in indices] + [[name] * len(rows), lines, raw, errors]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _read_file(path: str, data: DataConfig) -> Iterator[pa.RecordBatch]:
    return read_record_batches(read_lines(read_blocks(path)), data, path)


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
