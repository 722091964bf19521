"""A file that was cut short is refused, unless what is left is a whole file itself."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import fastavro
import pytest

from benchmarks.data.fuzzed_files import COMPRESSORS
from components.example_gen.sources.source import read_log_file
from schemas.config.log import DataConfig
from schemas.errors import InputError
from tests.components.log_writers import WRITERS, Table
from tests.components.logs import START_S

TABLE: Table = [{"user": f"u{i % 7}", "item": f"i{i % 5}", "time": START_S + i} for i in range(40)]
COLUMNS = {"user": "user", "item": "item", "timestamp": "time"}


def read_rows(path: Path, kind: str) -> int | None:
    """Return the number of rows; None for an error that names the file."""
    data = {"path": str(path), "format": kind, "columns": COLUMNS, "timestamp": {"unit": "s"}}
    try:
        return sum(batch.num_rows for batch in read_log_file(str(path), DataConfig.model_validate(data)))
    except InputError as error:
        if str(path) in str(error):
            return None
        raise


def whole_after_cut(path: Path, content: bytes, kind: str) -> dict[int, int]:
    """Cut a file at every place, and return the rows of the cuts that can be read."""
    found = {}
    for length in range(len(content)):
        path.write_bytes(content[:length])
        rows = read_rows(path, kind)
        if rows is not None:
            found[length] = rows
    return found


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_compressed_file_cut_anywhere_is_refused_except_between_its_streams(ending: str, tmp_path: Path) -> None:
    WRITERS["csv"](tmp_path / "plain", TABLE)
    lines = (tmp_path / "plain").read_bytes().splitlines(keepends=True)
    first, second = (COMPRESSORS[ending](b"".join(part)) for part in (lines[:21], lines[21:]))
    path = tmp_path / f"log.csv{ending}"

    found = whole_after_cut(path, first + second, "csv")

    path.write_bytes(first + second)
    assert read_rows(path, "csv") == 40
    assert found == {len(first): 20}


def test_parquet_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    WRITERS["parquet"](tmp_path / "log", TABLE)
    content = (tmp_path / "log").read_bytes()

    assert whole_after_cut(tmp_path / "log", content, "parquet") == {}
    (tmp_path / "log").write_bytes(content[4:])  # the footer alone
    assert read_rows(tmp_path / "log", "parquet") is None


def test_tfrecord_file_cut_anywhere_is_refused_except_between_records(tmp_path: Path) -> None:
    WRITERS["tfrecord"](tmp_path / "log", TABLE)
    content = (tmp_path / "log").read_bytes()
    ends = [0]
    while ends[-1] < len(content):
        ends.append(ends[-1] + 16 + struct.unpack_from("<Q", content, ends[-1])[0])

    assert whole_after_cut(tmp_path / "log", content, "tfrecord") == {end: i for i, end in enumerate(ends[:-1])}


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_avro_file_cut_anywhere_is_refused_except_between_blocks(codec: str, tmp_path: Path) -> None:
    fields = [{"name": name, "type": "long" if name == "time" else "string"} for name in TABLE[0]]
    file = io.BytesIO()
    fastavro.writer(file, {"type": "record", "name": "row", "fields": fields}, TABLE, codec, sync_interval=100)
    blocks = list(fastavro.block_reader(io.BytesIO(file.getvalue())))
    expected, rows = {}, 0
    for block in blocks:
        expected[block.offset] = rows
        rows += block.num_records
    assert len(blocks) > 3

    assert whole_after_cut(tmp_path / "log", file.getvalue(), "avro") == expected
