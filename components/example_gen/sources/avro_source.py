"""Avro files as rows of text, one block after the other."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import fastavro
import pyarrow as pa

from components.example_gen.sources.csv_rows import column_indices
from components.example_gen.sources.files import open_file
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.sources.parquet_source import refuse_compressed
from components.example_gen.sources.parts import Part
from components.example_gen.sources.text_rows import TextRows
from components.example_gen.sources.typed_rows import typed_rows
from schemas.errors import InputError

BATCH_ROWS = 8_192

_TYPES = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "fixed": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
}
_TIMES = {
    "timestamp-millis": pa.timestamp("ms"),
    "timestamp-micros": pa.timestamp("us"),
    "timestamp-nanos": pa.timestamp("ns"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
    "local-timestamp-nanos": pa.timestamp("ns"),
    "date": pa.date32(),
}
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    pa.ArrowException,
    struct.error,
    zlib.error,
    fastavro.schema.SchemaParseException,
    fastavro.schema.UnknownType,
)


def read_avro(file: BinaryIO, part: Part, data: ReadingOptions, columns: list[str]) -> Iterator[TextRows]:
    """Yield the rows of an Avro file.

    Args:
        file: the open file.
        part: the whole file.
        data: the reading options.
        columns: names, or paths with dots into records.

    Yields:
        The rows in their order.

    Raises:
        InputError: the file is damaged, lacks a column, or has a column whose type has no text.
    """
    path = part.path
    with _parsed(file, path) as blocks:
        fields = _fields(blocks.writer_schema)
        column_indices(list(fields), columns, path)
        kinds = {column: _kind(fields[column], column, path) for column in columns}
        # Logical types would become Python's dates, which lack times that a log may have by mistake.
        _strip_logical_types(blocks.writer_schema)
        first_row = part.first_line
        for records in _batches(blocks, path):
            values = {column: _values(records, column, kind) for column, kind in kinds.items()}
            yield typed_rows(values, first_row, data, path)
            first_row += len(records)


def avro_columns(path: str, data: ReadingOptions) -> tuple[str, ...]:
    """Return the names of the fields of an Avro file, and the paths of those in records.

    Args:
        path: the file.
        data: the reading options.

    Raises:
        InputError: the file is not an Avro file.
    """
    with open_file(path) as file, _parsed(file, path) as blocks:
        return tuple(_fields(blocks.writer_schema))


@contextmanager
def _parsed(file: BinaryIO, path: str) -> Iterator[Any]:
    refuse_compressed(path, "Avro")
    try:
        yield fastavro.block_reader(file, handle_unicode_errors="surrogateescape")
    except InputError:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from None


def _damaged(path: str, error: Exception) -> InputError:
    if "you need to install" in str(error):  # fastavro, about a compression
        return InputError(
            expected=f"an Avro file at {path} in a compression that this environment reads",
            received=str(error),
            remedy="install the named package, or write the file with the codec deflate or snappy",
        )
    return InputError(
        expected=f"a whole Avro file at {path}",
        received=f"{type(error).__name__}: {error}"[:500],
        remedy="write or fetch the file again, or check data.format",
    )


def _batches(blocks: Iterator[Any], path: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the records of whole blocks, because blocks are short."""
    records: list[dict[str, Any]] = []
    while True:
        try:
            records.extend(next(blocks))
        except StopIteration:
            break
        except Exception as error:  # each codec has its own: LZMAError, ZstdError and others
            raise _damaged(path, error) from None
        if len(records) >= BATCH_ROWS:
            yield records
            records = []
    if records:
        yield records


def _fields(schema: Any, prefix: str = "") -> dict[str, Any]:
    """Return the schema of each field, by its path."""
    fields: dict[str, Any] = {}
    kind = _alternatives(schema)[0] if len(_alternatives(schema)) == 1 else {}
    for field in kind.get("fields", ()) if isinstance(kind, dict) else ():
        fields[prefix + field["name"]] = field["type"]
        fields.update(_fields(field["type"], f"{prefix}{field['name']}."))
    return fields


def _alternatives(schema: Any) -> list[Any]:
    """Return the types that a value may have, without null."""
    return [
        kind for kind in (schema if isinstance(schema, list) else [schema]) if kind not in ("null", {"type": "null"})
    ]


def _kind(schema: Any, column: str, name: str) -> dict[str, Any]:
    """Return the type of a column as a dictionary with `arrow`, and what a decimal needs."""
    kinds = _alternatives(schema) or ["null"]
    kind = kinds[0] if isinstance(kinds[0], dict) else {"type": kinds[0]}
    if len(kinds) > 1 or kind["type"] not in _TYPES:
        raise InputError(
            expected=f"a column {column!r} of text, numbers or times in {name}",
            received=f"the type {schema}"[:500],
            remedy="name a column of another type, or a field in it, like 'visitor.id'",
        )
    logical = str(kind.get("logicalType"))
    arrow = _TIMES.get(logical, _TYPES[kind["type"]]) if kind["type"] in ("int", "long") else _TYPES[kind["type"]]
    is_decimal = logical == "decimal" and kind["type"] in ("bytes", "fixed")
    return {"arrow": pa.string() if is_decimal else arrow, "scale": kind.get("scale", 0) if is_decimal else None}


def _strip_logical_types(schema: Any) -> None:
    if isinstance(schema, dict):
        schema.pop("logicalType", None)
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _strip_logical_types(part)


def _values(records: list[dict[str, Any]], column: str, kind: dict[str, Any]) -> pa.Array:
    values: list[Any] = records
    for part in column.split("."):
        values = [None if value is None else value[part] for value in values]
    if kind["scale"] is not None:
        values = [None if value is None else _decimal_text(value, kind["scale"]) for value in values]
    try:
        return pa.array(values, kind["arrow"])
    except UnicodeEncodeError:  # bytes that are not UTF-8 are surrogates
        return pa.array([value and value.encode("utf-8", "surrogateescape") for value in values], pa.binary())


def _decimal_text(content: bytes, scale: int) -> str:
    unscaled = int.from_bytes(content, "big", signed=True)
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{text}" if unscaled < 0 else text
