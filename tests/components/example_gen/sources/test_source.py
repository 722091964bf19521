import pytest

from components.example_gen.sources.source import needed_columns
from schemas.config.filters import FilterConfig
from schemas.interaction import ERROR, FILE, LINE, RAW
from tests.components.logs import csv_batches, data


def test_needed_columns_are_those_of_the_configuration() -> None:
    filters = (FilterConfig(column="event", matches="buy"), FilterConfig(column="time", above=3))

    assert needed_columns(data(filters=filters)) == ["user", "item", "time", "event"]


def test_read_csv_blocks_finds_columns_by_name() -> None:
    batches = csv_batches([b"time,price,user,item\n5,1.5,u,i\n", b"6,u\n"], data(), "a.csv")

    assert [row for batch in batches for row in batch.to_pylist()] == [
        {"user": "u", "item": "i", "time": "5", FILE: "a.csv", LINE: 2, RAW: b"5,1.5,u,i\n", ERROR: None},
        {"user": None, "item": None, "time": None, FILE: "a.csv", LINE: 3, RAW: b"6,u\n", ERROR: "wrong_field_count"},
    ]


def test_read_csv_blocks_without_a_header_begins_on_line_one() -> None:
    (batch,) = csv_batches([b"u,i,5\n"], data(column_names=("user", "item", "time")), "a.csv")

    assert [(row["user"], row["time"], row[LINE]) for row in batch.to_pylist()] == [("u", "5", 1)]


def test_read_csv_blocks_of_an_empty_file_is_empty() -> None:
    assert list(csv_batches([], data(), "a.csv")) == []


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        (b"user,item,time\n", 1),
        (b"\xef\xbb\xbfuser,item,time\r\n", 1),
        (b"\n\nuser,item,time\n", 3),  # blank lines
        (b'user,item,time,"a\nb\n"\n', 3),
    ],
)
@pytest.mark.parametrize("size", [1, 1_000])
def test_read_csv_blocks_after_a_header_counts_its_lines(header: bytes, lines: int, size: int) -> None:
    text = header + b"u,i,5" + b",x" * header.count(b'"\n') + b"\n"
    blocks = [text[start : start + size] for start in range(0, len(text), size)]

    (batch,) = csv_batches(blocks, data(), "a.csv")

    assert [(row["user"], row["time"], row[LINE]) for row in batch.to_pylist()] == [("u", "5", lines + 1)]


@pytest.mark.parametrize("text", [b"user,item,time", b"user,item,time\n", b"user,item,time\n\n\r\n"])
def test_read_csv_blocks_of_a_header_alone_is_empty(text: bytes) -> None:
    assert list(csv_batches([text], data(), "a.csv")) == []
