import gzip
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from components.example_gen.source import ReadLog, needed_columns
from schemas.config.filters import FilterConfig
from schemas.errors import InputError
from schemas.interaction import ERROR, FILE, LINE, RAW
from tests.components.logs import csv_batches, data, local_pipeline


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


def test_read_log_reads_plain_and_compressed_files_of_a_glob(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("user,item,time\nu1,i1,1\n")
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(b"time,item,user\n2,i2,u2\n"))
    (tmp_path / "other.txt").write_text("not read")

    with local_pipeline() as pipeline:
        batches = pipeline | ReadLog(data(tmp_path / "*.csv*"))
        origins = batches | beam.FlatMap(lambda batch: [(row["user"], row[FILE]) for row in batch.to_pylist()])
        assert_that(origins, equal_to([("u1", f"{tmp_path}/1.csv"), ("u2", f"{tmp_path}/2.csv.gz")]))


@pytest.mark.parametrize("name", ["log.csv", "*.csv"])
def test_read_log_of_a_missing_log_stops_the_pipeline(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"expected: a file at .*data\.path"), local_pipeline() as pipeline:
        _ = pipeline | ReadLog(data(tmp_path / name))


def test_read_log_without_a_column_stops_the_pipeline_and_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("usr,item,time\nu1,i1,1\n")

    with pytest.raises(InputError, match="did you mean 'usr'"), local_pipeline() as pipeline:
        _ = pipeline | ReadLog(data(tmp_path / "log.csv"))
