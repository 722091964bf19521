import base64
import csv
import gzip
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.example_gen.counts.file_counts import FILES_FILE
from components.example_gen.counts.report import LEFT_OUT, IngestionReport
from components.example_gen.ingest import ingest
from components.example_gen.preflight import check_log
from components.example_gen.sources.rejected_rows import RejectedRow
from schemas.config import HistoryConfig, LeaveOneOutConfig, SessionSplitConfig, SplitConfig, TemporalSplitConfig
from schemas.config.columns import TimestampConfig
from schemas.config.filters import FilterConfig
from schemas.config.log import ColumnsConfig, DataConfig
from schemas.errors import InputError
from tests.components.history_example import read_examples
from tests.components.logs import DAY_S, START_S, data, local_pipeline

RETAIL = Path(__file__).parents[4] / "shared" / "data" / "online-retail" / "invoices.csv.gz"
LOO = LeaveOneOutConfig()
GOOD = [f"u{i % 5},i{i % 7},{START_S + i * DAY_S}" for i in range(40)]
BAD = {
    "malformed": ['u1,"i"1,5', "u1,i\0,5"],
    "wrong_field_count": ["u1,i1", "u1,i1,5,5"],
    "bad_encoding": ["u1,caf\udce9,5"],
    "no_user": [" ,i1,5"],
    "no_item": ["u1,,5"],
    "bad_timestamp": ["u1,i1,yesterday"],
    "timestamp_out_of_range": ["u1,i1,1600000000000", "u1,i1,0", "u1,i1,1", "u1,i1,2"],
    "filtered": ["u1,bot,1600000000"],
}
FILTERS = (FilterConfig(column="item", matches="(?!bot).*"),)


def write(path: Path, lines: list[str]) -> Path:
    content = "\n".join(["user,item,time", *lines, ""]).encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def run(directory: Path, settings: DataConfig, split: SplitConfig = LOO, max_length: int = 3) -> IngestionReport:
    ingest(local_pipeline, settings, split, HistoryConfig(max_length=max_length), str(directory))
    return IngestionReport.read(str(directory))


def letters(directory: Path) -> list[dict[str, Any]]:
    files = sorted((directory / "rejected").glob("*.jsonl.gz"))
    return [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]


def test_ingest_accepts_or_rejects_every_row(tmp_path: Path) -> None:
    lines = [*GOOD, *(line for rows in BAD.values() for line in rows)]
    path = write(tmp_path / "log.csv", lines)

    report = run(tmp_path / "out", data(path, filters=FILTERS))

    assert report.rows_read == len(lines)
    assert report.rows_accepted == len(GOOD)
    assert report.rows_rejected == {reason: len(rows) for reason, rows in BAD.items()}
    assert report.rows_read == report.rows_accepted + sum(report.rows_rejected.values())
    assert report.rows_filtered == {"item matches (?!bot).*": 1}
    assert report.rejected_times == {"yesterday": 1, "1600000000000": 1, "0": 1, "1": 1, "2": 1}
    assert report.rows_accepted == sum(report.roles.values())
    rejected = letters(tmp_path / "out")
    bad_bytes = base64.b64encode(b"u1,caf\xe9,5").decode()
    assert [letter.pop("raw_base64", None) for letter in rejected if letter["reason"] == "bad_encoding"] == [bad_bytes]
    expected = [
        {"reason": reason, "file": str(path), "line": lines.index(line) + 2, "raw": line.replace("\udce9", r"\xe9")}
        for reason, rows in BAD.items()
        for line in rows
    ]
    assert rejected == expected
    assert report.rejected_samples["timestamp_out_of_range"] == [
        RejectedRow(str(path), lines.index(line) + 2, line) for line in BAD["timestamp_out_of_range"][:3]
    ]


def test_ingest_leaves_out_returns_and_other_events_and_examples_lack_their_units(tmp_path: Path) -> None:
    lines = ["user,item,time,action,n"]
    for user in ("u1", "u2"):
        lines += [f"{user},i{i},{START_S + i},buy,1" for i in range(6)]
        lines += [f"{user},i0,{START_S + 9},buy,-1", f"{user},i1,{START_S + 9},view,"]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    settings = data(
        tmp_path / "log.csv",
        further={"event": "action"},
        events={"buy": 1.0},
        cleaning={"returns": {"column": "n"}},
    )

    report = run(tmp_path / "out", settings)

    assert report.left_out == {**dict.fromkeys(LEFT_OUT, 0), "returned": 2, "returns": 2, "other_events": 2}
    assert report.rows_accepted == 16 == sum(report.left_out.values()) + sum(report.roles.values())
    for example in read_examples(tmp_path / "out"):
        assert "i0" not in example.item_ids
        assert list(example.further) == ["event"]


def test_ingest_splits_by_the_sessions_of_the_log(tmp_path: Path) -> None:
    """Each session begins at once with the next one of the same user, and ends after it."""
    lines = ["user,item,time,visit"]
    for start, name in ((0, "a"), (1, "b"), (100, "c"), (200, "d")):
        lines += [f"u,{name}{step},{START_S + start + 10 * step},{name}" for step in range(3)]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    cuts = {"validation_from": START_S + 100, "test_from": START_S + 200}
    split = SessionSplitConfig.model_validate({"kind": "session", **cuts})

    report = run(tmp_path / "out", data(tmp_path / "log.csv", further={"session": "visit"}), split)

    found = [(each.split, each.item_ids, each.target_ids) for each in read_examples(tmp_path / "out")]
    assert sorted(found) == [
        ("eval", ["c0"], ["c1"]),
        ("eval", ["c0", "c1"], ["c2"]),
        ("test", ["d0"], ["d1"]),
        ("test", ["d0", "d1"], ["d2"]),
        ("train", ["a0", "a1"], ["a2"]),
        ("train", ["b0", "b1"], ["b2"]),
    ]
    assert (report.users, report.interactions) == (1, 12)
    assert all(not each.further for each in read_examples(tmp_path / "out"))


def test_ingest_reports_the_counts_of_its_files(tmp_path: Path) -> None:
    report = run(tmp_path / "out", data(write(tmp_path / "log.csv", GOOD)))

    # Five users have eight interactions each. Six are for training: the first, and windows of three and two targets.
    assert report.examples == {"train": 5 * 2, "eval": 5, "test": 5}
    for split, count in report.examples.items():
        files = tf.io.gfile.glob(f"{tmp_path}/out/Split-{split}/*")
        assert sum(1 for _ in tf.data.TFRecordDataset(files, compression_type="GZIP")) == count
    assert (report.users, report.items, report.interactions, report.ties) == (5, 7, 40, 0)
    assert (report.first_timestamp_s, report.last_timestamp_s) == (START_S, START_S + 39 * DAY_S)
    assert report.split_times_s is None
    report.check(data(), LOO)


def test_check_of_a_log_with_most_times_in_another_unit_after_good_rows_names_the_unit(tmp_path: Path) -> None:
    lines = [f"u{i % 5},i{i % 7},{START_S + i}" for i in range(12_000)]  # the first check reads 10,000 rows
    lines += [f"u,i,{START_S + i}{'000' if i % 5 < 3 else ''}" for i in range(10_000)]
    settings = data(write(tmp_path / "log.csv", lines))

    assert check_log(settings).rejected == {}
    with pytest.raises(InputError, match=r"timestamp_out_of_range: 6,000 rows; (.|\n)*set data\.timestamp\.unit: ms; "):
        run(tmp_path / "out", settings).check(settings, LOO)


def test_ingest_of_a_temporal_split_reports_its_split_times(tmp_path: Path) -> None:
    split = TemporalSplitConfig(kind="temporal", validation_share=0.25, test_share=0.25)

    report = run(tmp_path / "out", data(write(tmp_path / "log.csv", GOOD)), split)

    assert list(report.split_times_s or ()) == [START_S + 20 * DAY_S, START_S + 30 * DAY_S]
    assert report.examples == {"train": 5, "eval": 5, "test": 5}
    report.check(data(), split)


@pytest.mark.parametrize(
    "split",
    [LOO, TemporalSplitConfig(kind="temporal", targets="all"), SessionSplitConfig(kind="session", gap_s=3 * DAY_S)],
    ids=["leave_one_out", "temporal", "session"],
)
def test_ingest_gives_every_interaction_a_role(tmp_path: Path, split: SplitConfig) -> None:
    lines = [*GOOD, *(f"u{i % 9},rare{i % 3},{START_S + i * DAY_S // 2}" for i in range(6)), "once,i1,1600000000"]
    settings = data(write(tmp_path / "log.csv", lines), min_item_interactions=3, min_user_interactions=2)

    report = run(tmp_path / "out", settings, split)

    assert report.rows_accepted == len(lines)
    # three items with two interactions
    assert report.left_out == {**dict.fromkeys(LEFT_OUT, 0), "below_item_minimum": 6, "below_user_minimum": 1}
    assert report.rows_accepted == 6 + 1 + sum(report.roles.values())


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.parent.name != "rejected" and path.name != FILES_FILE
    }


def test_ingest_of_the_same_rows_in_other_files_gives_the_same_bytes(tmp_path: Path) -> None:
    shuffled = random.Random(3).sample(GOOD, len(GOOD))
    write(tmp_path / "a.csv", shuffled[:13])
    write(tmp_path / "b.csv.gz", shuffled[13:])

    run(tmp_path / "1", data(write(tmp_path / "whole.txt", GOOD)))
    run(tmp_path / "2", data(tmp_path / "*.csv*"))

    assert sorted(files(tmp_path / "1")) == [
        "Split-eval/data_tfrecord-00000-of-00001.gz",
        "Split-test/data_tfrecord-00000-of-00001.gz",
        "Split-train/data_tfrecord-00000-of-00001.gz",
        "ingestion.json",
        "interactions.parquet",
    ]
    assert files(tmp_path / "1") == files(tmp_path / "2")


def test_ingest_into_the_same_directory_replaces_its_files(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", GOOD)
    run(tmp_path / "out", data(path))
    before = files(tmp_path / "out")

    run(tmp_path / "out", data(path))

    assert files(tmp_path / "out") == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "Split-eval",
        "Split-test",
        "Split-train",
        "files.jsonl",
        "ingestion.json",
        "interactions.parquet",
    }


def test_ingest_of_a_log_without_rows_reports_none(tmp_path: Path) -> None:
    report = run(tmp_path / "out", data(write(tmp_path / "log.csv", [])))

    assert (report.rows_read, report.interactions) == (0, 0)
    assert json.loads((tmp_path / "out" / FILES_FILE).read_text())["rows_read"] == 0
    with pytest.raises(InputError, match="received: no rows"):
        report.check(data(), LOO)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_check_with_too_few_interactions_for_the_split_raises(tmp_path: Path, rows: int) -> None:
    report = run(tmp_path / "out", data(write(tmp_path / "log.csv", GOOD[: rows * 5])))

    with pytest.raises(InputError, match="no train"):
        report.check(data(), LOO)


@pytest.mark.skipif(not RETAIL.exists(), reason="needs ../shared/data/online-retail")
def test_ingest_of_a_real_log_counts_its_bad_rows(tmp_path: Path) -> None:
    columns = ColumnsConfig(user="CustomerID", item="StockCode", timestamp="InvoiceDate")
    settings = DataConfig(
        path=str(RETAIL),
        columns=columns,
        timestamp=TimestampConfig(format="%Y-%m-%d %H:%M:%S"),
        null_values=("", "0.0"),
        filters=(FilterConfig(column="Quantity", above=0),),
        max_rejected_share=0.3,
    )
    with gzip.open(RETAIL, "rt", encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    known = [row for row in table if row["CustomerID"] not in ("", "0.0")]
    bought = [row for row in known if float(row["Quantity"]) > 0]
    baskets = Counter(row["CustomerID"] for row in bought)

    report = run(tmp_path / "out", settings, max_length=50)

    assert report.rows_read == len(table)
    assert report.rows_accepted == len(bought)
    assert report.rows_rejected.get("filtered", 0) == len(known) - len(bought)
    assert report.rows_rejected["no_user"] == len(table) - len(known)
    assert report.rows_accepted == sum(report.roles.values())
    assert report.users == len(baskets)
    assert report.items == len({row["StockCode"].strip() for row in bought})
    assert report.examples["test"] == sum(count >= 2 for count in baskets.values())
    assert report.examples["eval"] == sum(count >= 3 for count in baskets.values())
    assert report.examples["train"] == sum(-(-(count - 3) // 50) for count in baskets.values() if count >= 4)
    report.check(settings, LOO)
