import gzip
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from components.common.beam_combiners import sum_counters
from components.example_gen.progress import Progress, read_progress
from components.example_gen.read_interactions import ReadInteractions
from schemas.errors import InputError
from tests.components.logs import START_S, data, local_pipeline


def first_and_last(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """Return a column and the file of each row: the user of an interaction, the reason of a rejected row."""
    return [(row[batch.schema.names[0]], row["file"]) for row in batch.to_pylist()]


def test_every_row_of_plain_and_compressed_files_is_accepted_or_rejected(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv.gz"
    first.write_text(f"user,item,time\nu1,i1,{START_S}\n,i,{START_S}\n")
    second.write_bytes(gzip.compress(f"time,item,user\n{START_S},i2,u2\nbad\n".encode()))
    (tmp_path / "other.txt").write_text("not read")

    with local_pipeline() as pipeline:
        rows = pipeline | ReadInteractions(data(tmp_path / "*.csv*"), progress=str(tmp_path / "progress"))
        accepted = rows.accepted | "Accepted" >> beam.FlatMap(first_and_last)
        rejected = rows.rejected | "Rejected" >> beam.FlatMap(first_and_last)
        assert_that(accepted, equal_to([("u1", str(first)), ("u2", str(second))]), label="Users")
        assert_that(rejected, equal_to([("no_user", str(first)), ("wrong_field_count", str(second))]), label="Reasons")
        read = {("rows_read", str(first)): 2, ("rows_read", str(second)): 2}
        assert_that(rows.counts | beam.CombineGlobally(sum_counters), equal_to([read]), label="Read")

    size = first.stat().st_size + second.stat().st_size
    assert read_progress(str(tmp_path / "progress")) == Progress(bytes=size, rows=4, rejected=2)


def test_parts_of_a_file_have_its_rows_and_its_progress(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\n" + "".join(f"u{i},i,{START_S}\nbad\n" for i in range(100)))

    with local_pipeline() as pipeline:
        rows = pipeline | ReadInteractions(data(path), progress=str(tmp_path / "progress"), part_bytes=200)
        users = rows.accepted | "Accepted" >> beam.FlatMap(first_and_last) | beam.Keys()
        assert_that(users, equal_to([f"u{i}" for i in range(100)]), label="Users")
        read = {("rows_read", str(path)): 200}
        assert_that(rows.counts | beam.CombineGlobally(sum_counters), equal_to([read]), label="Read")

    assert read_progress(str(tmp_path / "progress")) == Progress(path.stat().st_size, rows=200, rejected=100)


@pytest.mark.parametrize("name", ["log.csv", "*.csv"])
def test_missing_log_stops_the_pipeline(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"expected: a file at .*data\.path"), local_pipeline() as pipeline:
        _ = pipeline | ReadInteractions(data(tmp_path / name))


def test_missing_column_stops_the_pipeline_and_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("usr,item,time\nu1,i1,1\n")

    with pytest.raises(InputError, match="did you mean 'usr'"), local_pipeline() as pipeline:
        _ = pipeline | ReadInteractions(data(tmp_path / "log.csv"))
