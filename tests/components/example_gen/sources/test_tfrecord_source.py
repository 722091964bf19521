import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.example_gen.sources import tfrecord_source
from components.example_gen.sources.files import open_file, read_blocks
from components.example_gen.sources.parts import whole_file
from components.example_gen.sources.tfrecord_source import read_records, read_tfrecord, tfrecord_columns
from schemas.errors import InputError
from tests.components.log_writers import example
from tests.components.logs import data


def write(path: Path, records: list[bytes]) -> str:
    with tf.io.TFRecordWriter(str(path)) as file:
        for record in records:
            file.write(record)
    return str(path)


def read(path: str, columns: list[str]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    with open_file(path) as file:
        batches = list(read_tfrecord(file, whole_file(path), data(format="tfrecord"), columns))
    for rows in batches:
        texts = [column.to_pylist() for column in rows.columns]
        found += zip(rows.lines.to_pylist(), rows.errors.to_pylist(), rows.raw.to_pylist(), *texts, strict=True)
    return found


def records_of(path: str) -> list[bytes]:
    return list(read_records(read_blocks(path), path))


def test_feature_with_several_values_is_malformed(tmp_path: Path) -> None:
    rows: list[dict[str, list[Any]]] = [
        {"a": ["é"], "b": [1]},
        {"a": ["x", b"\xff"], "b": [2]},
        {"a": [], "b": [2**63 - 1]},
        {"b": [4, 5]},
        {"a": [b"\xff"]},
    ]
    path = write(tmp_path / "log", list(map(example, rows)))

    found = read(path, ["a", "b", "never"])

    assert [(line, error, *texts) for line, error, _, *texts in found] == [
        (1, None, "é", "1", ""),
        (2, "malformed", None, None, None),
        (3, None, "", "9223372036854775807", ""),
        (4, "malformed", None, None, None),
        (5, "bad_encoding", None, None, None),
    ]
    assert json.loads(found[1][2]) == {"a": ["x", "\\xff"], "b": [2], "never": None}
    assert json.loads(found[4][2]) == {"a": "\\xff", "b": "", "never": ""}


def test_feature_of_several_types_keeps_its_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "log", [example({"a": [value]}) for value in ("x", 7, 0.1, "7", 7.0)])

    assert [row[3] for row in read(path, ["a"])] == ["x", "7", "0.1", "7", "7.0"]
    assert [row[0] for row in read(path, ["a"])] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("size", [1, 100, 1_000_000])
def test_batches_of_any_size_have_all_rows(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord_source, "READ_BYTES", size)
    path = write(tmp_path / "log", [example({"a": [number]}) for number in range(50)])

    assert [(row[0], row[3]) for row in read(path, ["a"])] == [(number + 1, str(number)) for number in range(50)]


def test_columns_are_the_features_of_the_first_records(tmp_path: Path) -> None:
    path = write(tmp_path / "log", [example({"a": [1]}), example({"b": ["x"], "a": ["y"]})])
    (tmp_path / "empty").touch()

    assert set(tfrecord_columns(path, data()) or ()) == {"a", "b"}
    assert tfrecord_columns(str(tmp_path / "empty"), data()) is None
    assert read(str(tmp_path / "empty"), ["a"]) == []


def test_record_that_is_no_example_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "log", [example({"a": [1]}), example({"a": [1]}), b"\xff\xff"])

    with pytest.raises(InputError, match=rf"records of tf.Example in {path}\nreceived: record 3"):
        read(path, ["a"])


def test_records_longer_than_a_block_are_read(tmp_path: Path) -> None:
    records = [b"x" * 3_000_000, b"", b"y"]

    assert records_of(write(tmp_path / "log", records)) == records
    (tmp_path / "log.gz").write_bytes(gzip.compress((tmp_path / "log").read_bytes()))
    assert records_of(str(tmp_path / "log.gz")) == records


def test_every_changed_byte_and_every_cut_is_found(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "log", [b"first", b"second"]))
    content = path.read_bytes()
    for index in range(len(content)):
        for damaged in (content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :], content[:index]):
            path.write_bytes(damaged)
            if damaged in (b"", content[: 16 + len(b"first")]):  # whole records
                continue
            with pytest.raises(InputError, match=f"a whole TFRecord file at {path}"):
                records_of(str(path))
