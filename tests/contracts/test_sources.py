"""The contract of every source of `SOURCES`. A new format adds a line to `WRITERS`."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from components.example_gen.source import SOURCES, needed_columns
from schemas.config.log import ColumnsConfig, DataConfig, FilterConfig, TimestampConfig
from schemas.interaction import ERROR, FILE, LINE, RAW, raw_schema
from tests.components.logs import local_pipeline

Table = list[dict[str, str]]


def write_csv(path: Path, table: Table) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


WRITERS: dict[str, Callable[[Path, Table], None]] = {"csv": write_csv}
TABLE: Table = [
    {"time": str(i), "user": f"ü{i}", "note": 'a "quoted",\nlong one', "item": f"i {i}", "event": "buy"}
    for i in range(20_000)
]


def data(path: Path, kind: str) -> DataConfig:
    return DataConfig.model_validate(
        {
            "path": str(path),
            "format": kind,
            "columns": ColumnsConfig(user="user", item="item", timestamp="time"),
            "timestamp": TimestampConfig(unit="order"),
            "filters": (FilterConfig(column="event", matches="buy"),),
        }
    )


def rows(batch: pa.RecordBatch) -> list[tuple[str, ...]]:
    assert batch.schema.equals(raw_schema(["user", "item", "time", "event"]))
    assert 0 < batch.num_rows < 100_000
    names = ("user", "item", "time", "event", ERROR)
    return [tuple(row[name] for name in names) for row in batch.to_pylist()]


def origins(batch: pa.RecordBatch) -> list[tuple[str, int]]:
    assert all(batch.column(batch.schema.get_field_index(RAW)).to_pylist())
    return [(row[FILE], row[LINE]) for row in batch.to_pylist()]


@pytest.mark.parametrize("kind", SOURCES)
def test_source_yields_every_row_once_with_the_needed_columns(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "log", TABLE)
    settings = data(tmp_path / "log", kind)
    assert needed_columns(settings) == ["user", "item", "time", "event"]

    with local_pipeline() as pipeline:
        batches = pipeline | SOURCES[kind](settings)
        expected = [(row["user"], row["item"], row["time"], row["event"], None) for row in TABLE]
        assert_that(batches | beam.FlatMap(rows), equal_to(expected))


@pytest.mark.parametrize("kind", SOURCES)
def test_source_of_several_files_gives_each_row_its_file_and_line(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "log-1", TABLE[:2])
    WRITERS[kind](tmp_path / "plain", TABLE[2:4])
    (tmp_path / "log-2.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))

    with local_pipeline() as pipeline:
        found = pipeline | SOURCES[kind](data(tmp_path / "log-*", kind)) | beam.FlatMap(origins)
        names = found | beam.Keys()
        assert_that(names, equal_to([f"{tmp_path}/log-1"] * 2 + [f"{tmp_path}/log-2.gz"] * 2), label="Files")
        assert_that(found | beam.Distinct() | beam.combiners.Count.Globally(), equal_to([4]), label="Origins")
