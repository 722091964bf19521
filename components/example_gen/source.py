"""Log files as Arrow record batches of text, every row with the file and line that it came from."""

from __future__ import annotations

import codecs
import csv
import difflib
import gzip
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, cast

import apache_beam as beam
import pyarrow as pa
from apache_beam.io import fileio
from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems

from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.interaction import RejectionReason, raw_schema

BATCH_ROWS = 8_192
READ_BYTES = 1 << 20
MAX_ROW_LINES = 500  # a quoted field that goes on for longer is a quote that was never closed


class RawRow(NamedTuple):
    """A row of a delimited file; `fields` is None where `error` says why it could not be split."""

    line: int  # the first physical line of the row, from 1
    raw: str  # without the line end; bytes that are no UTF-8 are written \\xff
    fields: list[str] | None
    error: str | None


def needed_columns(data: DataConfig) -> list[str]:
    """The columns of the log that the configuration reads, each once."""
    columns = data.columns
    further = [feature.column for feature in data.features if not feature.in_table]
    return list(
        dict.fromkeys([columns.user, columns.item, columns.timestamp, *further, *(f.column for f in data.filters)])
    )


@contextmanager
def open_log(path: str) -> Iterator[BinaryIO]:
    """Opens a file of any Beam file system for reading; `.gz` is decompressed, and checked to its end."""
    if path.endswith(".gz"):
        # Beam's own reader takes a truncated gzip file for a whole one.
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as raw:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    else:
        with FileSystems.open(path) as file:
            yield file


def read_block(file: BinaryIO, name: str) -> bytes:
    """The next `READ_BYTES` of a file that `open_log` opened; less at its end.

    Raises:
        InputError: the file is compressed and damaged.
    """
    try:
        return file.read(READ_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            expected=f"a whole gzip file at {name}", received=str(error), remedy="fetch or compress the file again"
        ) from None


def read_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """The physical lines of UTF-8 text with their line ends (LF or CRLF), without a byte order mark.

    Bytes that are no UTF-8 arrive as lone surrogates.
    """
    parts: list[bytes] = []  # of a line that goes on in the next block
    first = True
    for block in blocks:
        data = block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False
        end = data.rfind(b"\n") + 1
        if end:
            text = b"".join([*parts, data[:end]]).decode("utf-8", "surrogateescape")
            yield from (line + "\n" for line in text[:-1].split("\n"))
            parts = []
        parts.append(data[end:])
    if rest := b"".join(parts).decode("utf-8", "surrogateescape"):
        yield rest


class _Tape:
    """Hands lines to the csv reader, knows which ones the current row took, and takes them back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _Tape:
        return self

    def __next__(self) -> str:
        if len(self.taken) == MAX_ROW_LINES:
            raise StopIteration  # inside quotes, so csv reports it as malformed
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        return line

    def keep_first(self) -> None:
        """Gives all but the first of the row's lines back, to be read again."""
        self._returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def read_rows(lines: Iterable[str], delimiter: str, quote: str | None, width: int | None = None) -> Iterator[RawRow]:
    """Splits lines into rows; every line that is not blank is part of exactly one row.

    A quoted field may span lines. Where its quotes are broken, where it holds
    a NUL, or where the row that it makes has the wrong number of fields, only
    the first line is given up as malformed, and reading goes on at the next:
    a stray quote costs one row, not the rest of the file. So does a field of
    more than 131,072 characters, csv's own limit.

    Args:
        lines: as `read_lines` gives them.
        delimiter: one character.
        quote: one character, or None where the log does not quote.
        width: the number of fields of a row; that of the first row, if None.
    """
    tape = _Tape(lines)
    reader = (
        csv.reader(tape, delimiter=delimiter, quotechar=quote, strict=True)
        if quote
        else csv.reader(tape, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    )
    line = 1
    while True:
        fields: list[str] | None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = None
        text = "".join(tape.taken)
        if fields:
            width = width or len(fields)
            # Python 3.10's csv refuses NUL, later ones take it.
            if "\0" in text or (len(tape.taken) > 1 and len(fields) != width):
                fields = None
        if fields is None:
            tape.keep_first()
            text = tape.taken[0]
        if fields != []:
            yield _row(line, text, fields, width)
        line += len(tape.taken)
        tape.taken.clear()


def _row(line: int, text: str, fields: list[str] | None, width: int | None) -> RawRow:
    raw = text.removesuffix("\n").removesuffix("\r")
    printable = raw if raw.isascii() else raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if fields is None:
        return RawRow(line, printable, None, RejectionReason.MALFORMED.value)
    if len(fields) != width:
        return RawRow(line, printable, None, RejectionReason.WRONG_FIELD_COUNT.value)
    if printable != raw:
        return RawRow(line, printable, None, RejectionReason.BAD_ENCODING.value)
    return RawRow(line, raw, fields, None)


def read_header(rows: Iterator[RawRow], data: DataConfig, name: str) -> tuple[str, ...] | None:
    """The names of a file's columns: configured, or taken off `rows`; None if the file is empty.

    Raises:
        InputError: the header line cannot be read.
    """
    if data.column_names is not None:
        return data.column_names
    row = next(rows, None)
    if row is None:
        return None
    if row.fields is None:
        raise InputError(
            expected=f"a header line in {name}, as text in UTF-8",
            received=f"{row.error} in line {row.line}: {row.raw[:80]!r}",
            remedy="check data.path, data.delimiter and data.quote; a file without a header needs data.column_names",
        )
    return tuple(row.fields)


def column_indices(header: Sequence[str], columns: Sequence[str], name: str) -> list[int]:
    """Where each of the columns stands in a row of the file `name`.

    Raises:
        InputError: a column is not there, or there more than once.
    """
    for column in columns:
        if header.count(column) != 1:
            near = difflib.get_close_matches(column, header, n=1, cutoff=0.0)
            raise InputError(
                expected=f"one column {column!r} in {name}",
                received=f"{header.count(column) or 'none'} among {', '.join(map(repr, header))}"[:500],
                remedy="give each column of the file a name of its own"
                if header.count(column)
                else f"did you mean {near[0]!r}? name columns of the file in the configuration",
            )
    return [header.index(column) for column in columns]


def read_record_batches(lines: Iterable[str], data: DataConfig, name: str) -> Iterator[pa.RecordBatch]:
    """The rows of one delimited file in batches of `raw_schema(needed_columns(data))`.

    Args:
        lines: as `read_lines` gives them.
        data: how the log is written.
        name: the file, as the rows' origin.

    Raises:
        InputError: the header cannot be read or lacks a column.
    """
    rows = read_rows(lines, data.delimiter, data.quote, len(data.column_names) if data.column_names else None)
    header = read_header(rows, data, name)
    if header is None:
        return
    positions = column_indices(header, needed_columns(data), name)
    schema = raw_schema(needed_columns(data))
    unsplit: list[Any] = [None] * len(header)
    batch: list[RawRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield _batch(batch, positions, unsplit, name, schema)
            batch = []
    if batch:
        yield _batch(batch, positions, unsplit, name, schema)


def _batch(
    rows: list[RawRow], positions: list[int], unsplit: list[Any], name: str, schema: pa.Schema
) -> pa.RecordBatch:
    lines, raw, fields, errors = zip(*rows, strict=True)
    split = [unsplit if row is None else row for row in fields]
    columns = [[row[position] for row in split] for position in positions] + [[name] * len(rows), lines, raw, errors]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _read_file(file: FileMetadata, data: DataConfig) -> Iterator[pa.RecordBatch]:
    with open_log(file.path) as handle:
        blocks = iter(lambda: read_block(handle, file.path), b"")
        yield from read_record_batches(read_lines(blocks), data, file.path)


def pattern(path: str) -> str:
    """The path as Beam matches it: it finds no wildcard in the working directory unless that is named."""
    return path if "/" in path else f"./{path}"


def match_files(path: str, setting: str) -> tuple[str, ...]:
    """The files that a path or glob matches, in order.

    Raises:
        InputError: there is none, or the path is a directory, or it has a `**`.
    """
    if os.path.isdir(path):
        raise InputError(
            expected=f"a file or a glob in {setting}",
            received=f"the directory {path}",
            remedy=f"name the files in it, like {os.path.join(path, '*.csv')}",
        )
    if "**" in path:
        # Beam would look below all folders; TFX, which looks whether a file has changed, would not.
        raise InputError(
            expected=f"a glob that names each level of folders in {setting}",
            received=path,
            remedy=f"write one * a level, like {path.replace('**', '*')} or {path.replace('**', '*/*')}",
        )
    try:
        found = tuple(sorted(match.path for match in FileSystems.match([pattern(path)])[0].metadata_list))
    except (OSError, ValueError) as error:
        raise InputError(
            expected=f"a path that can be read in {setting}", received=f"{path}: {error}", remedy="check the path"
        ) from None
    if not found:
        folder, name = os.path.split(path)
        siblings = sorted(os.listdir(folder or ".")) if os.path.isdir(folder or ".") else []
        near = difflib.get_close_matches(name, siblings, n=1, cutoff=0.0)
        raise InputError(
            expected=f"a file at {path} ({setting})",
            received="no such file",
            remedy=f"did you mean {os.path.join(folder, near[0])}?"
            if near
            else "check the path: its folder is not there",
        )
    return found


class CsvSource(beam.PTransform):
    """Delimited text files, read file by file: a quoted line end keeps a file from being cut."""

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._data = data

    def expand(self, pbegin: Any) -> beam.PCollection:
        """From a pipeline to record batches of `raw_schema(needed_columns(data))`."""
        return (
            pbegin
            | "MatchFiles" >> fileio.MatchFiles(pattern(self._data.path), fileio.EmptyMatchTreatment.DISALLOW)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadRows" >> beam.FlatMap(_read_file, self._data)
        )


SOURCES = {"csv": CsvSource}
