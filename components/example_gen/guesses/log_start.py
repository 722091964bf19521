"""The first rows of a log whose format is unknown: its files, its format, and the texts of all its columns."""

from __future__ import annotations

import codecs
from collections import Counter
from contextlib import closing
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.guesses.guess_csv import Dialect, guess_dialect, has_header
from components.example_gen.sources.csv_rows import column_indices
from components.example_gen.sources.csv_source import read_csv_blocks
from components.example_gen.sources.files import ENDINGS, match_files, open_file, read_blocks
from components.example_gen.sources.json_lines import parse_exactly
from components.example_gen.sources.partitions import partition_values
from components.example_gen.sources.parts import whole_file
from components.example_gen.sources.source import SOURCES, refuse_both
from components.example_gen.sources.text_files import first_lines
from components.example_gen.sources.text_rows import TextRows
from components.example_gen.sources.tfrecord_source import read_records
from schemas.config.log import DataConfig
from schemas.errors import InputError

_FILES = 20  # whose columns are compared
_EXPORT = "export it as CSV or Parquet"
_OTHER = "give the file of the log: CSV, JSON lines, Parquet, Avro or TFRecord"
_KINDS: dict[bytes, tuple[str, str]] = {  # by the first bytes: what the file is, and what to do
    b"\x89PNG": ("a PNG image", _OTHER),
    b"\xff\xd8\xff": ("a JPEG image", _OTHER),
    b"GIF8": ("a GIF image", _OTHER),
    b"%PDF": ("a PDF document", _OTHER),
    b"PK\x03\x04": ("a ZIP archive or an Excel sheet", f"unpack the archive, or open the sheet and {_EXPORT}"),
    b"SQLite format 3": ("an SQLite database", _EXPORT),
    b"ARROW1": ("an Arrow file", _EXPORT),
    b"ORC": ("an ORC file", _EXPORT),
    b"\x89HDF": ("an HDF5 file", _EXPORT),
    b"\x1f\x8b": ("gzip", "let its name end in .gz"),
    b"BZh": ("bzip2", "let its name end in .bz2"),
    b"\xfd7zXZ": ("xz", "let its name end in .xz"),
    b"\x28\xb5\x2f\xfd": ("Zstandard", "let its name end in .zst"),
}
_FORMATS = {b"PAR1": "parquet", b"Obj\x01": "avro"}  # by the first bytes


class LogStart(NamedTuple):
    """The first rows of a log, with all columns that have a text."""

    path: str  # as it was given
    files: tuple[str, ...]  # all files of the log
    file: str  # whose rows these are
    format: str
    dialect: Dialect | None  # of a text file with a delimiter
    has_header: bool
    rows: TextRows  # of the file
    columns: dict[str, pa.Array]  # string arrays of equal length; "" for a value that cannot be read
    lists: dict[str, str]  # columns whose values are no texts, and their type


def read_start(path: str) -> LogStart:
    """Read the first rows of a log.

    Args:
        path: a file, a folder or a glob.

    Returns:
        The rows of the first file that is not empty, at most about a megabyte of text.

    Raises:
        InputError: no file is there, or it is none of the formats that temporec reads.
    """
    files = _files(path)
    file, block = next(((name, block) for name in files if (block := _first_block(name))), (files[0], b""))
    if not block:
        raise InputError(
            expected=f"a log with rows in {path}", received="an empty file", remedy="give a file with interactions"
        )
    kind = _format(file, block)
    if len(files) > 1 or files[0] != path:
        files = match_files(path, "LOG", ENDINGS[kind])  # as the configuration will name them
    start = _read_text(path, files, file) if kind == "csv" else _read_typed(path, files, file, kind)
    _check_same_columns(start)
    refuse_both(list(start.columns), file)
    constant = {name: pa.array([value] * len(start.rows.lines)) for name, value in partition_values(file).items()}
    return start._replace(columns={**start.columns, **constant})


def reading_options(start: LogStart) -> dict[str, Any]:
    """Return the settings of `data` that describe the format.

    Args:
        start: the first rows of the log.
    """
    options: dict[str, Any] = {"path": start.path, "format": start.format}
    if start.dialect:
        options |= {"delimiter": start.dialect.delimiter, "quote": start.dialect.quote}
        if not start.has_header:
            options["column_names"] = list(start.columns)[: start.dialect.width]
    return options


def _files(path: str) -> tuple[str, ...]:
    """Return the files of a path; of a folder those of the format with the most files."""
    files = match_files(path, "LOG", tuple(ending for endings in ENDINGS.values() for ending in endings))
    if path in files:
        return files
    kinds = Counter(_format_by_name(name) for name in files)
    most = kinds.most_common(1)[0][0]
    return tuple(name for name in files if _format_by_name(name) == most)


def _format_by_name(name: str) -> str | None:
    lower = name.lower()
    return next((kind for kind, endings in ENDINGS.items() if any(ending in lower for ending in endings)), None)


def _first_block(name: str) -> bytes:
    with closing(read_blocks(name)) as blocks:
        return next(blocks, b"").removeprefix(codecs.BOM_UTF8)


def _format(file: str, block: bytes) -> str:
    """Return the format of a file by its content."""
    for magic, (what, remedy) in _KINDS.items():
        if block.startswith(magic):
            raise InputError(expected=f"a log in {file}", received=what, remedy=remedy)
    for magic, kind in _FORMATS.items():
        if block.startswith(magic):
            return kind
    if b"\0" in block[:12] and _is_tfrecord(file):
        return "tfrecord"
    text = first_lines(file)[0].removeprefix(codecs.BOM_UTF8)  # refuses what is not text in lines
    if not text.lstrip().startswith((b"{", b"[")):
        return "csv"
    first = next(line for line in text.split(b"\n") if line.strip())
    if text.lstrip().startswith(b"{") and isinstance(parse_exactly(first), str):
        several = not first.rstrip().endswith(b"}")
        raise InputError(
            expected=f"an object of JSON on each line of {file}",
            received=f"{'a document over several lines' if several else 'the first line'}:"
            f" {first[:80].decode('utf-8', 'backslashreplace')!r}",
            remedy="write one object a line: jq -c ." if several else "correct the line; JSON has no NaN or Infinity",
        )
    return "jsonl"


def _is_tfrecord(file: str) -> bool:
    try:
        return next(read_records(read_blocks(file), file), None) is not None
    except InputError:
        return False


def _read_text(path: str, files: tuple[str, ...], file: str) -> LogStart:
    text = first_lines(file)[0]
    dialect = guess_dialect(text, file)
    names = [f"column_{index + 1}" for index in range(dialect.width)]
    settings = _any_columns({"delimiter": dialect.delimiter, "quote": dialect.quote, "column_names": names}, names[0])
    rows = _in_order(list(read_csv_blocks([text], settings, names, file)))
    header = has_header(rows.columns)
    if header:
        names = [column[0].as_py() for column in rows.columns]
        rows = _slice(rows, 1)
    if not len(rows.lines):
        raise InputError(
            expected=f"rows after the header line in {file}",
            received=f"one line: {', '.join(map(repr, names))}"[:300],
            remedy="give a file with interactions",
        )
    # An empty or repeated name cannot be configured.
    columns = {name: rows.columns[i] for i, name in enumerate(names) if name and names.count(name) == 1}
    return LogStart(path, files, file, "csv", dialect, header, rows, columns, {})


def _read_typed(path: str, files: tuple[str, ...], file: str, kind: str) -> LogStart:
    """Read each column on its own, because one without a text ends the reading of all."""
    columns: dict[str, pa.Array] = {}
    lists: dict[str, str] = {}
    errors: list[InputError] = []
    rows = None
    for name in SOURCES[kind].columns(file, _any_columns({"format": kind}, "any")) or ():
        try:
            settings = _any_columns({"format": kind}, name)
            with open_file(file) as opened:
                read = next(SOURCES[kind].read(opened, whole_file(file), settings, [name]), None)
        except InputError as error:
            lists[name] = error.received
            errors.append(error)
            continue
        if read is None:
            raise InputError(
                expected=f"rows in {file}", received="columns without rows", remedy="give a file with interactions"
            )
        if pc.all(pc.is_valid(read.errors)).as_py():
            lists[name] = "lists or objects"
            continue
        rows = rows or read
        columns[name] = pc.fill_null(read.columns[0], "")
    if rows is None:
        if len({error.received for error in errors}) == 1:
            raise errors[0]  # it concerns the file and not its columns
        raise InputError(
            expected=f"columns of text, numbers or times in {file}",
            received=", ".join(f"{name!r} with {what}" for name, what in lists.items())[:500] or "no column",
            remedy=_OTHER,
        )
    # The fields of an object are columns of their own.
    lists = {name: what for name, what in lists.items() if not any(other.startswith(f"{name}.") for other in columns)}
    return LogStart(path, files, file, kind, None, True, rows, columns, lists)


def _any_columns(options: dict[str, Any], column: str) -> DataConfig:
    """Return settings that read a column as it is, and times as seconds."""
    columns = {"user": column, "item": column, "timestamp": column}
    return DataConfig.model_validate({"path": "LOG", "columns": columns, "timestamp": {"unit": "s"}} | options)


def _in_order(batches: list[TextRows]) -> TextRows:
    """Return the rows of batches in the order of their lines."""
    columns = [pa.concat_arrays(parts) for parts in zip(*(batch.columns for batch in batches), strict=True)]
    lines, raw, errors = (pa.concat_arrays([batch[i] for batch in batches]) for i in (1, 2, 3))
    order = pc.sort_indices(lines)
    filled = [pc.fill_null(column.take(order), "") for column in columns]
    return TextRows(filled, lines.take(order), raw.take(order), errors.take(order))


def _slice(rows: TextRows, first: int) -> TextRows:
    columns = [column.slice(first) for column in rows.columns]
    return TextRows(columns, rows.lines.slice(first), rows.raw.slice(first), rows.errors.slice(first))


def _check_same_columns(start: LogStart) -> None:
    """Check that the first files have the columns of the one that was read."""
    source = SOURCES[start.format]
    if source.optional or not start.has_header:
        return
    settings = _any_columns(reading_options(start), "any")
    for name in start.files[:_FILES]:
        found = source.columns(name, settings)
        if found is not None:
            column_indices(found, list(start.columns), name)
