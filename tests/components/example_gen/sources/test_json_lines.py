"""The quick way and the exact way give the same rows."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.example_gen.sources.csv_rows import whole_lines
from components.example_gen.sources.json_lines import json_columns, parse_exactly, read_json_pieces
from schemas.errors import InputError
from tests.components.logs import data

NUMBERS = ["7", "7.0", "7.00", "-0", "0", "-0.0", "1e3", "1E+3", "1e400", "123456789012345678901234567890"]
STRINGS = ['"u"', '""', '"é"', r'"\u00e9"', r'"\ud800"', r'"a\u0000"', '"-0"', '"\t"', '"\xff"']
OTHERS = ["true", "false", "null", "[1]", "[]", '{"b": 7.50}', '{"b": null}', '{"b": [1]}', "{}"]
BROKEN = ["NaN", "01", "+1", "1.", "nul"]
VALUES = st.sampled_from([*NUMBERS, *STRINGS, *OTHERS, *BROKEN])
KEYS = st.sampled_from(['"a"', '"b"', '"a.b"', r'"a\u002eb"', '"other"'])
OBJECTS = st.lists(st.tuples(KEYS, VALUES), max_size=4).map(
    lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
)
NO_OBJECTS = ["", " ", "\r", "[]", "7", '"malformed"', "{", "{} {}", "\ufeff{}"]
LINES = st.one_of(OBJECTS, OBJECTS, st.sampled_from(NO_OBJECTS))
TEXTS: dict[Any, str] = {None: "", True: "true", False: "false"}


def read(path: Path, columns: list[str], block_bytes: int = 1_000) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    content = path.read_bytes()
    blocks = [content[start : start + block_bytes] for start in range(0, len(content), block_bytes)]
    for rows in read_json_pieces(whole_lines(blocks), columns):
        texts = [column.to_pylist() for column in rows.columns]
        found += zip(rows.lines.to_pylist(), rows.errors.to_pylist(), *texts, strict=True)
    return found


def _number(text: str) -> tuple[str]:
    return (text,)  # not a string, because no other text may become a number


def expected(line: bytes) -> tuple[str | None, ...] | None:
    """Return the error and the texts of the columns `a`, `b` and `a.b`, from the json module alone; None for no row."""
    if not line.strip(b" \t\r"):
        return None
    try:
        row = json.loads(line.decode(), parse_int=_number, parse_float=_number, parse_constant=lambda _: 1 / 0)
        assert isinstance(row, dict)
    except UnicodeDecodeError:
        return ("bad_encoding", None, None, None)
    except (ValueError, ZeroDivisionError, AssertionError):
        return ("malformed", None, None, None)
    inside = row.get("a")
    nested = inside.get("b") if isinstance(inside, dict) else [] if inside is not None else None
    values: list[Any] = [row.get("a"), row.get("b"), row.get("a.b", nested)]
    texts: list[str] = []
    for value in values:
        if isinstance(value, list | dict) or (isinstance(value, str) and "\0" in value):
            return ("malformed", None, None, None)
        texts.append(value[0] if isinstance(value, tuple) else TEXTS.get(value, value))
    return ("bad_encoding" if "\ud800" in "".join(texts) else None, *texts)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES, min_size=1, max_size=8), size=st.integers(1, 100))
def test_rows_are_those_of_the_json_module(tmp_path: Path, lines: list[str], size: int) -> None:
    codecs = ["latin-1" if "\xff" in line else "utf-8" for line in lines]  # "\xff" is not UTF-8
    content = [line.encode(codec, "replace") for line, codec in zip(lines, codecs, strict=True)]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(content))

    found = read(tmp_path / "log.jsonl", ["a", "b", "a.b"], size)

    rows = []
    for number, line in enumerate(content, 1):
        # A byte order mark at the beginning of the file is no part of the first line.
        row = expected(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
        if row is not None:
            error, *texts = row
            rows.append((number, error, *(texts if error is None else [None] * 3)))
    assert found == rows


@pytest.mark.parametrize("number", NUMBERS)
def test_number_keeps_its_text(tmp_path: Path, number: str) -> None:
    (tmp_path / "log.jsonl").write_text(f'{{"a": {number}, "b": {{"c": {number}}}}}\n{{"a": "x", "b": {{"c": 1}}}}')

    assert read(tmp_path / "log.jsonl", ["a", "b.c"]) == [(1, None, number, number), (2, None, "x", "1")]


def test_key_with_a_dot_comes_before_a_path(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"a": {"b": 1}, "a.b": null}\n{"a": {"b": 1}}\n{"a": 5}\n{"a": null}\n')

    assert read(tmp_path / "log.jsonl", ["a.b"]) == [
        (1, None, ""),
        (2, None, "1"),
        (3, "malformed", None),
        (4, None, ""),
    ]


def test_lines_that_are_no_rows_are_counted(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b'\xef\xbb\xbf\n{"a": 1}\r\n  \n{"a": \x00}\n{"a": "\xff"}\n[1]\n{"a": "x"}')

    found = read(tmp_path / "log.jsonl", ["a"])

    assert found == [
        (2, None, "1"),
        (4, "malformed", None),
        (5, "bad_encoding", None),
        (6, "malformed", None),
        (7, None, "x"),
    ]


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deeply_nested_line_is_a_row_or_rejected(tmp_path: Path, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    (tmp_path / "log.jsonl").write_text(f'{{"a": 1.50, "x": {nested}}}\n{{"a": 1.50}}\n')

    first, second = read(tmp_path / "log.jsonl", ["a"])

    assert first == ((1, None, "1.50") if depth == 100 else (1, "malformed", None))
    assert second == (2, None, "1.50")


def test_json_columns_are_the_keys_and_paths_of_the_first_lines(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"a": {"b": 1}}\nbroken\n{"c": 1, "a": 2}\n')
    (tmp_path / "empty.jsonl").write_text("\n\n")

    assert json_columns(str(tmp_path / "log.jsonl"), data()) == ("a", "a.b", "c")
    assert json_columns(str(tmp_path / "empty.jsonl"), data()) is None


def test_json_columns_of_an_array_asks_for_lines(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text('[\n  {"a": 1},\n  {"a": 2}\n]\n')

    with pytest.raises(InputError, match=r"write one object a line: jq -c '\.\[\]'"):
        json_columns(str(tmp_path / "log.json"), data())


@pytest.mark.parametrize("line", [b"NaN", b"[1]", b"", b'{"a": Infinity}', b'{"a": 1'])
def test_parse_exactly_of_another_text_is_malformed(line: bytes) -> None:
    assert parse_exactly(line) == "malformed"
