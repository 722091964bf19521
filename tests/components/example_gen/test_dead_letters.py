import json
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest

from components.example_gen import dead_letters
from components.example_gen.dead_letters import WriteRejected
from schemas.interaction import REJECTED
from tests.components.logs import local_pipeline


def rejected(file: str, lines: list[int]) -> pa.RecordBatch:
    rows = [{"reason": "no_user", "file": file, "line": line, "raw": f'é "{line}"\n'} for line in lines]
    arrays = [pa.array([row[field.name] for row in rows], field.type) for field in REJECTED]
    return pa.RecordBatch.from_arrays(arrays, schema=REJECTED)


def write(directory: Path, batches: list[pa.RecordBatch]) -> dict[str, list[tuple[str, int, str]]]:
    """Return the file, line and raw text of the rows in each written file."""
    with local_pipeline() as pipeline:
        _ = pipeline | beam.Create(batches) | WriteRejected(str(directory), f"{directory}/scratch")
    found = {}
    for path in sorted((directory / "rejected").glob("*")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert all(row["reason"] == "no_user" for row in rows)
        found[path.name] = [(row["file"], row["line"], row["raw"]) for row in rows]
    return found


def test_write_rejected_orders_the_dead_letters_of_each_file(tmp_path: Path) -> None:
    batches = [rejected("a/log.csv", [7, 9]), rejected("b/log.csv", [2]), rejected("a/log.csv", [3, 8])]

    found = write(tmp_path, batches)

    assert sorted(found.values()) == [
        [("a/log.csv", line, f'é "{line}"\n') for line in (3, 7, 8, 9)],
        [("b/log.csv", 2, 'é "2"\n')],
    ]
    assert all(name.startswith("log.csv-") and name.endswith("-00000.jsonl") for name in found)


def test_write_rejected_of_a_long_log_writes_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "LINES_PER_FILE", 10)

    found = write(tmp_path, [rejected("log.csv", [3, 9, 10, 25])])

    assert [[line for _, line, _ in rows] for rows in found.values()] == [[3, 9], [10], [25]]
    assert [name[-12:] for name in found] == ["-00000.jsonl", "-00001.jsonl", "-00002.jsonl"]


def test_write_rejected_without_rows_writes_no_file(tmp_path: Path) -> None:
    assert write(tmp_path, []) == {}
