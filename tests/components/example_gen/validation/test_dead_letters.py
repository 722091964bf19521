import base64
import gzip
import json
import zlib
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.validation import dead_letters
from components.example_gen.validation.dead_letters import WriteRejected, to_letter
from schemas.interaction import REJECTED
from tests.components.logs import local_pipeline


def rejected(file: str, lines: list[int]) -> pa.RecordBatch:
    rows = [{"reason": "no_user", "file": file, "line": line, "raw": f'é "{line}"\n'.encode()} for line in lines]
    arrays = [pa.array([row[field.name] for row in rows], field.type) for field in REJECTED]
    return pa.RecordBatch.from_arrays(arrays, schema=REJECTED)


def write(directory: Path, batches: list[pa.RecordBatch]) -> dict[str, list[tuple[str, int, str]]]:
    """Return the file, line and raw text of the rows in each written file."""
    with local_pipeline() as pipeline:
        _ = pipeline | beam.Create(batches) | WriteRejected(str(directory), f"{directory}/scratch")
    found = {}
    for path in sorted((directory / "rejected").glob("*")):
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        assert all(row["reason"] == "no_user" for row in rows)
        found[path.name] = [(row["file"], row["line"], row["raw"]) for row in rows]
    return found


def test_write_rejected_orders_the_dead_letters_of_each_file(tmp_path: Path) -> None:
    batches = [rejected("a/log.csv", [7, 9]), rejected("b/log.csv", [2]), rejected("a/log.csv", [3, 8])]

    found = write(tmp_path, batches)

    assert sorted(found.values()) == [
        [("a/log.csv", line, f'é "{line}"') for line in (3, 7, 8, 9)],
        [("b/log.csv", 2, 'é "2"')],
    ]
    assert all(name.startswith("log.csv-") and name.endswith("-00000.jsonl.gz") for name in found)


def test_write_rejected_of_two_files_with_one_name_and_checksum_writes_two_files(tmp_path: Path) -> None:
    paths = ["ff81d0f447/log.csv", "69d19deb1c/log.csv"]
    assert len({zlib.crc32(path.encode()) for path in paths}) == 1

    found = write(tmp_path, [rejected(path, [2]) for path in paths])

    assert sorted(found.values()) == [[(path, 2, 'é "2"')] for path in sorted(paths)]


def test_write_rejected_of_a_long_log_writes_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "LINES_PER_FILE", 10)

    found = write(tmp_path, [rejected("log.csv", [3, 9, 10, 25])])

    assert [[line for _, line, _ in rows] for rows in found.values()] == [[3, 9], [10], [25]]
    assert [name[-15:] for name in found] == ["-00000.jsonl.gz", "-00001.jsonl.gz", "-00002.jsonl.gz"]


def test_write_rejected_of_the_same_rows_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "1", [rejected("log.csv", [7, 9]), rejected("log.csv", [3, 8])])
    write(tmp_path / "2", [rejected("log.csv", [3, 7, 8, 9])])

    (one,), (two,) = [list((tmp_path / number / "rejected").glob("*")) for number in ("1", "2")]
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes()[4:8] == bytes(4)  # the time in the header of gzip


def test_write_rejected_without_rows_writes_no_file(tmp_path: Path) -> None:
    assert write(tmp_path, []) == {}


def test_to_letter_of_bytes_that_are_not_utf8_has_them_in_base64() -> None:
    letter = json.loads(to_letter({"reason": "bad_encoding", "file": "a", "line": 1, "raw": b"caf\xe9,\\xe9\r\n"}))

    assert letter["raw"] == r"caf\xe9,\xe9"
    assert base64.b64decode(letter["raw_base64"]) == b"caf\xe9,\\xe9"


@given(st.binary())
def test_to_letter_loses_no_byte(raw: bytes) -> None:
    line = to_letter({"reason": "malformed", "file": "a", "line": 1, "raw": raw + b"\n"})

    assert line.count(b"\n") == 1
    letter = json.loads(line)
    found = base64.b64decode(letter["raw_base64"]) if "raw_base64" in letter else letter["raw"].encode()
    assert raw in (found, found + b"\r")
