"""The quick way and the exact way give the same rows."""

import itertools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.example_gen.sources import csv_batches, csv_rows
from components.example_gen.sources.csv_batches import BatchReader
from components.example_gen.sources.csv_rows import printable, read_lines, read_rows, whole_lines

Row = tuple[int, str, list[str | None], str | None]  # the line, the raw text, the fields, the error


def exactly(text: bytes, delimiter: str, quote: str | None, width: int, indices: Sequence[int]) -> list[Row]:
    """Return the rows that the row reader finds."""
    return [
        (row.line, row.raw, [row.fields[index] if row.fields else None for index in indices], row.error)
        for row in read_rows(read_lines([text]), delimiter, quote, width)
    ]


def quickly(blocks: list[bytes], delimiter: str, quote: str | None, width: int, indices: Sequence[int]) -> list[Row]:
    """Return the rows that the batch reader finds, in the order of their lines."""
    found: list[Row] = []
    for rows in BatchReader(delimiter, quote, width, indices).read(whole_lines(blocks), 1):
        columns = [column.to_pylist() for column in rows.columns]
        assert len(rows.lines) > 0
        for line, raw, error, *fields in zip(
            rows.lines.to_pylist(), rows.raw.to_pylist(), rows.errors.to_pylist(), *columns, strict=True
        ):
            found.append((line, printable(raw), fields, error))
    return sorted(found, key=lambda row: row[0])


@pytest.fixture
def no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test fail where pyarrow does not read each clean line as one row."""
    parse = BatchReader._parse_clean_lines

    def checked(*arguments: Any) -> Any:
        try:
            return parse(*arguments)
        except ValueError as error:
            raise AssertionError(str(error)) from error

    monkeypatch.setattr(BatchReader, "_parse_clean_lines", checked)


@pytest.fixture(params=[3, 500])
def few_lines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the number of lines that a row may have."""
    for module in (csv_rows, csv_batches):
        monkeypatch.setattr(module, "MAX_ROW_LINES", request.param)


DELIMITERS = st.sampled_from([",", "\t", ";", " ", "é", "|", "a"])
QUOTES = st.sampled_from(['"', "'", None, "é", "a"])
BYTES = st.sampled_from([b"\r", b"\n", b"\0", b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xa9", "é".encode(), b"b", b"\xef"])


@st.composite
def texts(draw: st.DrawFn, delimiter: str, quote: str | None) -> bytes:
    """Draw a file of which many lines are clean, many nearly so, and some random bytes."""
    mark, separator = (quote or '"').encode(), delimiter.encode()
    word = st.sampled_from([b"u1", b"", "é中".encode(), b" x ", b"1600000000"])
    quoted = st.lists(word | st.sampled_from([mark * 2, separator, b"\n", b"\r\n", b"\r"]), max_size=3).map(
        lambda parts: mark + b"".join(parts) + mark
    )
    strange = st.lists(st.sampled_from([mark, mark * 2, separator]) | BYTES | word, max_size=4).map(b"".join)
    field = st.one_of(word, word, word, quoted, quoted, strange)
    row = st.lists(field, min_size=2, max_size=2) | st.lists(field, max_size=4)
    end = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"", b"\r", b"\n\n"])
    lines = draw(st.lists(st.tuples(row.map(separator.join), end).map(b"".join), max_size=12))
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + b"".join(lines)


def cut(text: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(text) + 1) for place in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


@given(data=st.data(), delimiter=DELIMITERS, quote=QUOTES, width=st.sampled_from([1, 2, 2, 3]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=250)
@pytest.mark.usefixtures("few_lines", "no_fallback")
def test_batch_reader_of_any_text_returns_the_rows_of_the_row_reader(
    data: st.DataObject, delimiter: str, quote: str | None, width: int
) -> None:
    text = data.draw(texts(delimiter, quote))
    blocks = cut(text, data.draw(st.lists(st.integers(0, 200), max_size=6) | st.just(list(range(201)))))
    indices = data.draw(st.permutations(range(width)))[: data.draw(st.integers(1, width))]
    if delimiter == quote:
        return

    assert quickly(blocks, delimiter, quote, width, indices) == exactly(text, delimiter, quote, width, indices)


@pytest.mark.parametrize("quote", ['"', None])
@pytest.mark.parametrize("size", [1, 1_000, 1 << 20])
def test_batch_reader_of_long_fields_returns_the_rows_of_the_row_reader(quote: str | None, size: int) -> None:
    lengths = (131_070, 131_071, 131_072, 131_073, 200_000) if size > 1 else (2, 131_073)
    lines = [f'u{length},{"i" * length}\nu,"{"é" * (length // 2)}"\n' for length in lengths]
    text = "".join(lines).encode()
    blocks = [text[start : start + size] for start in range(0, len(text), size)]

    assert quickly(blocks, ",", quote, 2, [1, 0]) == exactly(text, ",", quote, 2, [1, 0])


def test_batch_reader_with_a_failing_parser_uses_the_row_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise pa.ArrowInvalid("cannot parse")

    monkeypatch.setattr(BatchReader, "_parse_clean_lines", fail)
    text = b'u1,i1\n\nu2,"i\n2"\nu3\nu4,i4'

    assert quickly([text], ",", '"', 2, [0, 1]) == exactly(text, ",", '"', 2, [0, 1])


def test_batch_reader_of_good_lines_copies_no_text() -> None:
    text = b"u1,i1\nu2,i2\n"

    (rows,) = BatchReader(",", '"', 2, [0, 1]).read([text], 1)

    assert rows.raw.buffers()[2].address == pa.py_buffer(text).address


def test_batch_reader_of_a_bad_line_among_good_ones_parses_only_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = csv_rows.RowParser.parse
    rows: list[Any] = []

    def recorded(*arguments: Any) -> Any:
        rows.append(parse(*arguments))
        return rows[-1]

    monkeypatch.setattr(csv_rows.RowParser, "parse", recorded)
    text = b"u1,i1\n" * 1_000 + b'u2,"open\n' + b"u3,i3\n" * 1_000

    found = quickly([text], ",", '"', 2, [0, 1])

    assert [row.error for row in rows] == ["malformed"]
    assert found == exactly(text, ",", '"', 2, [0, 1])
