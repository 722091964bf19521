"""JSON lines: orjson parses the lines, and the json module gives the text of numbers that orjson rounds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import orjson
import pyarrow as pa

from components.example_gen.sources.csv_rows import whole_lines
from components.example_gen.sources.list_texts import json_text
from components.example_gen.sources.options import ReadingOptions
from components.example_gen.sources.parts import Part, divide_lines, find_line, part_blocks
from components.example_gen.sources.text_files import first_lines
from components.example_gen.sources.text_rows import TextRows
from schemas.errors import InputError
from schemas.rejection import RejectionReason

_MALFORMED, _BAD_ENCODING = RejectionReason.MALFORMED.value, RejectionReason.BAD_ENCODING.value
_NO_SCALAR: list[Any] = []  # like a list, it makes its row malformed

Find = Callable[[dict[str, Any]], Any]


def read_json_lines(file: BinaryIO, part: Part, data: ReadingOptions, columns: list[str]) -> Iterator[TextRows]:
    """Yield the rows of a part of a file of JSON lines; see `read_json_pieces`.

    Args:
        file: the open file.
        part: the part, which begins with a line.
        data: the reading options.
        columns: keys, or paths with dots into objects.
    """
    pieces = whole_lines(part_blocks(file, part), at_start=part.start == 0)
    return read_json_pieces(pieces, columns, part.first_line, data.list_columns)


def divide_json_lines(whole: Part, data: ReadingOptions, part_bytes: int) -> list[Part]:
    """Divide a file of JSON lines.

    Args:
        whole: the file, which is not compressed.
        data: the reading options.
        part_bytes: about how many bytes a part has.
    """
    return divide_lines(whole, part_bytes, find_line)


def read_json_pieces(
    pieces: Iterable[bytes], columns: list[str], first_line: int = 1, list_columns: frozenset[str] = frozenset()
) -> Iterator[TextRows]:
    """Yield the rows of JSON lines. A line with white space only is no row.

    Args:
        pieces: the output of `whole_lines`.
        columns: keys, or paths with dots into objects; a key with dots in it comes before a path.
        first_line: the number of the first line in its file.
        list_columns: those whose values may be lists; the text of each value is JSON.

    Yields:
        The rows of each block, in their order.
    """
    finders = [_finder(column) for column in columns]
    as_json = [column in list_columns for column in columns]
    for piece in pieces:
        lines = piece.split(b"\n")
        if not lines[-1]:
            lines.pop()
        rows = _parse_lines(lines, finders, first_line, piece, as_json)
        if len(rows.lines):
            yield rows
        first_line += len(lines)


def reread_json_lines(
    raw: Sequence[bytes], reasons: Sequence[str], path: str, data: ReadingOptions, columns: list[str]
) -> TextRows:
    """Return rejected rows again.

    Args:
        raw: the bytes of each row; its line end is white space.
        reasons: not used, because the bytes tell them.
        path: not used.
        data: not used.
        columns: see `read_json_lines`.

    Returns:
        As many rows; `lines` are their indices.
    """
    del reasons, path, data
    return _parse_lines(list(raw), [_finder(column) for column in columns], 0, b"".join(raw), [False] * len(columns))


def json_columns(path: str, data: ReadingOptions) -> tuple[str, ...] | None:
    """Return the keys and the paths of the objects in the first lines of a file.

    Args:
        path: the file.
        data: the reading options.

    Returns:
        The names, each once; None if there is no line.

    Raises:
        InputError: the file is not text in lines, or is a JSON array.
    """
    lines = [line for line in first_lines(path)[0].split(b"\n") if line.strip()]
    if lines and lines[0].lstrip().startswith(b"["):
        raise InputError(
            expected=f"an object on each line of {path}",
            received=f"an array: {lines[0][:80].decode('utf-8', 'backslashreplace')!r}",
            remedy="write one object a line: jq -c '.[]'",
        )
    names: dict[str, None] = {}
    for line in lines:
        row = parse_exactly(line)
        if isinstance(row, dict):
            names.update(dict.fromkeys(_names(row, "")))
    return tuple(names) if lines else None


def parse_exactly(line: bytes) -> dict[str, Any] | str:
    """Parse a line, with numbers as their text.

    Args:
        line: the line; its end is white space.

    Returns:
        The object, or the reason why it is none: a member of `RejectionReason`.

    Example:
        >>> parse_exactly(b'{"id": 7.0, "big": 123456789012345678901234567890}')
        {'id': '7.0', 'big': '123456789012345678901234567890'}
    """
    try:
        row = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError:
        return _BAD_ENCODING
    except (ValueError, RecursionError):
        return _MALFORMED
    return row if isinstance(row, dict) else _MALFORMED


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)


def _names(row: dict[str, Any], prefix: str) -> Iterator[str]:
    for key, value in row.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{key}.")


def _finder(column: str) -> Find:
    """Return a function from an object to the value of a column; None if it is missing."""
    if "." not in column:
        return lambda row: row.get(column)
    parts = column.split(".")

    def find(row: dict[str, Any]) -> Any:
        if column in row:
            return row[column]
        value: Any = row
        for part in parts:
            if not isinstance(value, dict):
                return None if value is None else _NO_SCALAR
            value = value.get(part)
        return value

    return find


def _parse_lines(
    lines: list[bytes], finders: list[Find], first_line: int, piece: bytes, as_json: list[bool]
) -> TextRows:
    """Return the rows of whole lines; `piece` has their bytes, and the columns of `as_json` may be lists."""
    rows: list[dict[str, Any] | str] = []  # a str is a reason
    numbers: list[int] = []
    for number, line in enumerate(lines):
        try:
            row = orjson.loads(line)
            if type(row) is not dict:
                row = _MALFORMED
        except orjson.JSONDecodeError:
            if not line.strip(b" \t\r"):
                continue
            row = parse_exactly(line)  # orjson refuses 1e400 and half a surrogate pair
        rows.append(row)
        numbers.append(number)
    errors = [row if isinstance(row, str) else None for row in rows]
    objects = [{} if isinstance(row, str) else row for row in rows]
    columns = [list(map(find, objects)) for find in finders]
    scalars = [values for values, may_be_list in zip(columns, as_json, strict=True) if not may_be_list]
    inexact = _inexact(scalars, [lines[number] for number in numbers], b"-0" in piece)
    for index, row in zip(inexact, _parse_valid([lines[numbers[index]] for index in inexact]), strict=True):
        if isinstance(row, str):  # it is nested too deeply for the json module
            errors[index] = row
        for find, values, may_be_list in zip(finders, columns, as_json, strict=True):
            if not may_be_list:
                values[index] = find(row) if isinstance(row, dict) else ""
    texts = [
        _json_texts(values, errors) if may_be_list else _texts(values, errors, may_have_nul=b"\\u0000" in piece)
        for values, may_be_list in zip(columns, as_json, strict=True)
    ]
    wrong = [index for index, error in enumerate(errors) if error]
    for index in wrong:
        for text in texts:
            text[index] = None
    return TextRows(
        [pa.array(text, pa.string()) for text in texts],
        pa.array([number + first_line for number in numbers], pa.int64()),
        pa.array([lines[number] for number in numbers], pa.binary()),
        pa.array(errors, pa.string()),
    )


def _inexact(columns: list[list[Any]], lines: list[bytes], may_have_minus_zero: bool) -> list[int]:
    """Return the rows with a number whose text orjson does not keep: 7.00, 1e3, -0 and those beyond 64 bits."""
    found: set[int] = set()
    for values in columns:
        kinds = set(map(type, values))
        if float in kinds:
            found.update(index for index, value in enumerate(values) if type(value) is float)
        if int in kinds and may_have_minus_zero:
            found.update(i for i, value in enumerate(values) if type(value) is int and not value and b"-0" in lines[i])
    return sorted(found)


def _parse_valid(lines: list[bytes]) -> list[dict[str, Any] | str]:
    """Return what `parse_exactly` gives for lines that are JSON objects, in one call."""
    try:
        return _DECODER.decode(f"[{b','.join(lines).decode('utf-8')}]")
    except RecursionError:
        return [parse_exactly(line) for line in lines]


def _texts(values: list[Any], errors: list[str | None], may_have_nul: bool) -> list[Any]:
    """Return the texts of a column, and set the errors of the values that have none."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return list(map(str, values))
    if kinds != {str}:
        for index, value in enumerate(values):
            if type(value) in (list, dict):
                errors[index] = _MALFORMED
        values = list(map(_text, values))
    for index, value in enumerate(values) if may_have_nul else ():
        if "\0" in value:
            errors[index] = _MALFORMED
    try:
        "".join(values).encode("utf-8")
    except UnicodeEncodeError:
        for index, value in enumerate(values):
            if not _is_text(value):
                errors[index] = errors[index] or _BAD_ENCODING
    return values


def _json_texts(values: list[Any], errors: list[str | None]) -> list[Any]:
    """Return the values of a column as JSON, and set the errors of objects and of texts that are not Unicode."""
    texts: list[Any] = []
    for index, value in enumerate(values):
        try:
            texts.append("" if value is None else json_text(value))
        except TypeError:  # half a surrogate pair, like "\\ud800"
            texts.append("")
            errors[index] = errors[index] or _BAD_ENCODING
        if type(value) is dict or value is _NO_SCALAR:
            errors[index] = _MALFORMED
    return texts


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    return str(value)


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, like "\ud800"
        return False
    return True
