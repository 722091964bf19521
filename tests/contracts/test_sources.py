"""The contract of every source of `SOURCES`. A new format adds a line to `WRITERS`."""

import gzip
import itertools
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.example_gen.counts.report import REPORT_FILE
from components.example_gen.ingest import ingest
from components.example_gen.preflight import SAMPLE_ROWS, check_log
from components.example_gen.sources.files import DECOMPRESSORS, ENDINGS, match_log
from components.example_gen.sources.source import SOURCES, needed_columns, read_log_file
from components.example_gen.validation.rows import validate
from schemas.config import HistoryConfig, LeaveOneOutConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.interaction import ERROR, FILE, LINE, RAW, raw_schema
from tests.components.log_writers import COMPRESSED_ITSELF, WRITERS, Table
from tests.components.logs import DAY_S, START_S, local_pipeline
from tests.components.small_pieces import small_pieces

TABLE: Table = [
    {"time": str(i), "user": f"ü{i}", "note": 'a "quoted",\nlong one', "item": f"i {i}", "event": "buy"}
    for i in range(20_000)
]
TYPED: Table = [
    {"user": i % 9, "item": f"i{i % 7}", "time": START_S + i * DAY_S, "event": None if i % 4 == 0 else "view"}
    for i in range(60)
]
TIED: Table = [{**row, "time": START_S + i // 20 * DAY_S} for i, row in enumerate(TYPED)]  # the order of the log counts


def data(path: Path | str, kind: str, **settings: Any) -> DataConfig:
    return DataConfig.model_validate(
        {
            "path": str(path),
            "format": kind,
            "columns": {"user": "user", "item": "item", "timestamp": "time"} | settings.pop("columns", {}),
            "timestamp": {"unit": "order"},
            "filters": [{"column": "event", "matches": "buy"}],
        }
        | settings
    )


def typed(path: Path, kind: str, **settings: Any) -> DataConfig:
    return data(path, kind, **({"columns": {"event": "event"}, "timestamp": {"unit": "s"}, "filters": []} | settings))


def rows(batch: pa.RecordBatch) -> list[tuple[str, ...]]:
    assert batch.schema.equals(raw_schema(["user", "item", "time", "event"]))
    assert 0 < batch.num_rows < 100_000
    names = ("user", "item", "time", "event", ERROR)
    return [tuple(row[name] for name in names) for row in batch.to_pylist()]


def origins(batch: pa.RecordBatch) -> list[tuple[str, int]]:
    assert all(batch.column(batch.schema.get_field_index(RAW)).to_pylist())
    return [(row[FILE], row[LINE]) for row in batch.to_pylist()]


def read(settings: DataConfig, path: Path) -> list[dict[str, Any]]:
    return [row for batch in read_log_file(str(path), settings) for row in batch.to_pylist()]


def test_every_format_has_a_source_a_writer_and_endings() -> None:
    assert set(SOURCES) == set(WRITERS) == set(ENDINGS)


@pytest.mark.parametrize("kind", SOURCES)
def test_source_yields_every_row_once_with_the_needed_columns(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "log", TABLE)
    settings = data(tmp_path / "log", kind)
    assert needed_columns(settings) == ["user", "item", "time", "event"]

    found = Counter(row for batch in read_log_file(str(tmp_path / "log"), settings) for row in rows(batch))

    assert found == Counter((row["user"], row["item"], row["time"], row["event"], None) for row in TABLE)


@pytest.mark.parametrize("kind", SOURCES)
def test_source_of_several_files_gives_each_row_its_file_and_line(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "log-1", TABLE[:2])
    WRITERS[kind](tmp_path / "plain", TABLE[2:4])
    second = "log-2" if kind in COMPRESSED_ITSELF else "log-2.gz"
    content = (tmp_path / "plain").read_bytes()
    (tmp_path / second).write_bytes(gzip.compress(content) if second.endswith(".gz") else content)

    settings = data(tmp_path / "log-*", kind)
    found = [each for name in match_log(settings) for batch in read_log_file(name, settings) for each in origins(batch)]

    assert [name for name, _ in found] == [f"{tmp_path}/log-1"] * 2 + [f"{tmp_path}/{second}"] * 2
    assert len(set(found)) == 4


@pytest.mark.parametrize("kind", SOURCES)
def test_lines_are_the_numbers_of_rows_in_the_file(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "log", [{**row, "note": ""} for row in TABLE])

    found = read(data(tmp_path / "log", kind), tmp_path / "log")

    header = kind == "csv"
    assert {row[LINE]: row["user"] for row in found} == {i + 1 + header: row["user"] for i, row in enumerate(TABLE)}


@pytest.mark.parametrize("kind", SOURCES)
def test_missing_value_and_integer_have_the_same_text(kind: str, tmp_path: Path) -> None:
    big = {"user": 2**63 - 1, "item": "i", "time": START_S, "event": "buy"}
    WRITERS[kind](tmp_path / "log", [*TYPED, big])

    found = read(typed(tmp_path / "log", kind), tmp_path / "log")

    texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in [*TYPED, big]]
    assert [{name: row[name] for name in texts[0]} for row in found] == texts
    assert {row[ERROR] for row in found} == {None}


def ingested(log: Path, kind: str, output: Path) -> dict[str, bytes]:
    """Return the examples and the report of a log, by file."""
    ingest(local_pipeline, typed(log, kind), LeaveOneOutConfig(), HistoryConfig(max_length=3), str(output))
    return {
        str(path.relative_to(output)): path.read_bytes() for path in (output / REPORT_FILE, *output.glob("Split-*/*"))
    }


@pytest.fixture(scope="module")
def examples_of_csv(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("csv")
    WRITERS["csv"](folder / "log.csv", TIED)
    found = ingested(folder / "log.csv", "csv", folder / "out")
    assert json.loads(found[REPORT_FILE])["ties"] > 20
    assert any(name.startswith("Split-train/") for name in found)
    return found


@pytest.mark.parametrize("cuts", [(0, 60), (0, 1, 31, 60)], ids=["whole", "divided"])
@pytest.mark.parametrize("kind", SOURCES)
def test_examples_of_any_format_and_division_are_equal(
    kind: str, cuts: tuple[int, ...], examples_of_csv: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    with small_pieces(random.Random(len(cuts)), shards=False):
        for number, (start, end) in enumerate(itertools.pairwise(cuts)):
            WRITERS[kind](tmp_path / "log" / f"part-{number}{ENDINGS[kind][0]}", TIED[start:end])

        assert ingested(tmp_path / "log", kind, tmp_path / "out") == examples_of_csv


@pytest.mark.parametrize("kind", SOURCES)
def test_folder_with_partitions_gives_their_values_as_columns(kind: str, tmp_path: Path) -> None:
    for month, names in {"2026-10": ["a"], "2026-11": ["b", "c"]}.items():
        for country in ("DE", "C%C3%B4te %2F"):
            folder = tmp_path / "log" / f"dt={month}" / f"country={country}"
            folder.mkdir(parents=True)
            for name in names:
                WRITERS[kind](folder / f"{name}{ENDINGS[kind][-1].upper()}", TYPED[:2])
            (folder / "_SUCCESS").touch()
    columns = {"timestamp": "dt", "context": {"land": {"column": "country"}}}

    def counts(path: Path) -> Counter[tuple[str, str]]:
        settings = data(path, kind, columns=columns, filters=[], timestamp={"format": "%Y-%m"})
        assert check_log(settings).accepted == 2
        found = [row for name in match_log(settings) for row in read(settings, Path(name))]
        return Counter((row["dt"], row["country"]) for row in found)

    november = {("2026-11", "DE"): 4, ("2026-11", "Côte /"): 4}
    assert counts(tmp_path / "log") == {("2026-10", "DE"): 2, ("2026-10", "Côte /"): 2} | november
    assert counts(tmp_path / "log" / "dt=2026-11*") == november


@pytest.mark.parametrize("kind", SOURCES)
def test_only_the_newest_spans_are_read(kind: str, tmp_path: Path) -> None:
    for number in (8, 9, 10):
        (tmp_path / str(number)).mkdir()
        WRITERS[kind](tmp_path / str(number) / f"log{ENDINGS[kind][0]}", TYPED[:number])

    for num_spans, rows in ((1, 10), (2, 19), (3, 27)):
        settings = typed(tmp_path / "{SPAN}", kind, num_spans=num_spans)
        assert sum(len(read(settings, Path(name))) for name in match_log(settings)) == rows


@pytest.mark.parametrize("kind", SOURCES)
def test_column_in_the_file_and_in_its_path_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "event=buy").mkdir()
    path = tmp_path / "event=buy" / f"log{ENDINGS[kind][0]}"
    WRITERS[kind](path, TABLE[:2])

    for settings in (data(tmp_path, kind), data(path, kind)):
        with pytest.raises(InputError, match="the column 'event' either in the file"):
            check_log(settings)
        with pytest.raises(InputError, match="the column 'event' either in the file"):
            read(settings, path)


@pytest.mark.parametrize("kind", [kind for kind, source in SOURCES.items() if not source.optional])
def test_check_log_finds_a_column_in_a_later_file_and_its_path(kind: str, tmp_path: Path) -> None:
    without = [{name: text for name, text in row.items() if name != "event"} for row in TABLE[:2]]
    for value, table in {"buy": without, "view": TABLE[:2]}.items():
        (tmp_path / f"event={value}").mkdir()
        WRITERS[kind](tmp_path / f"event={value}" / f"log{ENDINGS[kind][0]}", table)

    with pytest.raises(InputError, match="the column 'event' either in the file"):
        check_log(data(tmp_path, kind))


@pytest.mark.parametrize("kind", SOURCES)
def test_check_log_counts_the_first_rows(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "short", TABLE[:30])
    WRITERS[kind](tmp_path / "long", TABLE)

    short, long = check_log(data(tmp_path / "short", kind)), check_log(data(tmp_path / "long", kind))

    assert (short.rows, short.accepted, short.whole) == (30, 30, True)
    assert SAMPLE_ROWS <= long.rows < 2 * SAMPLE_ROWS
    assert (long.accepted, long.whole) == (long.rows, False)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("setting", ["column", "filter"])
def test_check_log_with_a_wrong_column_names_the_closest(kind: str, setting: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "log", TABLE[:30])
    wrong: dict[str, Any] = (
        {"columns": {"user": "usr"}} if setting == "column" else {"filters": [{"column": "evnt", "matches": "buy"}]}
    )

    with pytest.raises(InputError, match=f"did you mean '{'user' if setting == 'column' else 'event'}'"):
        check_log(data(tmp_path / "log", kind, **wrong))


@pytest.mark.parametrize("kind", SOURCES)
def test_check_log_with_times_in_another_unit_names_it(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "log", TYPED)

    with pytest.raises(InputError, match=r"set data.timestamp.unit: s"):
        check_log(typed(tmp_path / "log", kind, timestamp={"unit": "ms"}))


@pytest.mark.parametrize("kind", SOURCES)
def test_check_log_finds_good_rows_after_many_bad_ones(kind: str, tmp_path: Path) -> None:
    bad = {"user": None, "item": "i", "time": START_S, "event": "x"}
    WRITERS[kind](tmp_path / "mixed", [*[bad] * 30_000, *TYPED * 200])
    WRITERS[kind](tmp_path / "bad", [bad] * 30_000)

    assert check_log(typed(tmp_path / "mixed", kind)).accepted == 0
    with pytest.raises(InputError, match=r"no_user: 1\d,\d{3}"):
        check_log(typed(tmp_path / "bad", kind))


@pytest.mark.parametrize("kind", SOURCES)
def test_rejected_row_shows_its_needed_values(kind: str, tmp_path: Path) -> None:
    row = {"user": 'a "b" \\ é', "item": "", "time": START_S, "event": "view", "note": "n"}
    WRITERS[kind](tmp_path / "log", [row])

    (batch,) = read_log_file(str(tmp_path / "log"), typed(tmp_path / "log", kind))
    (rejected,) = validate(batch, typed(tmp_path / "log", kind))[1].to_pylist()

    assert rejected["reason"] == "no_item"
    if kind not in ("csv", "jsonl"):
        shown = {name: str(row[name]) for name in ("user", "item", "time", "event")}
        assert json.loads(rejected["raw"]) == shown
    assert "é" in rejected["raw"].decode()


@pytest.mark.parametrize("kind", COMPRESSED_ITSELF)
@pytest.mark.parametrize("ending", DECOMPRESSORS)
def test_compressed_file_of_a_format_that_compresses_itself_is_refused(kind: str, ending: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "plain", TABLE[:2])
    path = tmp_path / f"log{ENDINGS[kind][0]}{ending}"
    path.write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))

    with pytest.raises(InputError, match="remedy:   decompress the file"):
        check_log(data(tmp_path, kind))


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("other", SOURCES)
def test_file_of_another_format_is_refused(kind: str, other: str, tmp_path: Path) -> None:
    WRITERS[other](tmp_path / "log", TABLE[:30])

    if kind != other:
        with pytest.raises(InputError):
            check_log(data(tmp_path / "log", kind))


@pytest.mark.parametrize("kind", SOURCES)
def test_value_of_more_characters_than_the_csv_module_reads_is_malformed(kind: str, tmp_path: Path) -> None:
    table: Table = [{**TYPED[0], "event": "é" * length} for length in (131_072, 131_073, 1)]
    WRITERS[kind](tmp_path / "log", table)
    settings = typed(tmp_path / "log", kind)

    tables = [validate(batch, settings) for batch in read_log_file(str(tmp_path / "log"), settings)]

    assert sum(accepted.num_rows for accepted, _ in tables) == 2
    rejected = [row for _, batch in tables for row in batch.to_pylist()]
    assert [(row["reason"], row["line"]) for row in rejected] == [("malformed", 2 + (kind == "csv"))]
