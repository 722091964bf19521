"""A replay of the rejected rows gives what a run on the whole log gives."""

from __future__ import annotations

import json
import operator
import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from components.example_gen.cleaning.kept_rows import KEPT_FOLDER, KeptRows
from components.example_gen.counts.report import IngestionReport
from components.example_gen.ingest import ingest
from components.example_gen.listing import describe_files, log_locations
from components.example_gen.replay import check_replay, read_letters
from components.example_gen.sources.csv_rows import without_line_end
from components.example_gen.sources.source import SOURCES
from components.example_gen.validation.dead_letters import to_letter
from components.example_gen.validation.rows import validate
from schemas.config import HistoryConfig, LeaveOneOutConfig, TemporalSplitConfig
from schemas.config.columns import TimestampConfig
from schemas.config.filters import FilterConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from tests.components.example_gen.sources.test_csv_rows import GARBAGE
from tests.components.log_writers import WRITERS
from tests.components.logs import DAY_S, START_S, csv_batches, data, local_pipeline
from tests.components.small_pieces import small_pieces

ORIGIN = {"files": "2 files", "code": "abc"}
POSITIVE = FilterConfig(column="amount", above=0)
ABOVE_MINUS_TWO = FilterConfig(column="amount", above=-2)
KNOWN = FilterConfig(column="item", matches="i.*")
# Amounts from -3 to 3, a fifth of the items unknown. Each user has 24 rows.
TABLE: list[dict[str, Any]] = [
    {
        "user": f"u{i % 5}",
        "item": f"{'i' if i % 5 else 'x'}{i % 11}",
        "time": str(START_S + i * DAY_S),
        "amount": str(i % 7 - 3),
        "note": "café",
    }
    for i in range(120)
]
TABLE[3] |= {"user": ""}
TABLE[4] |= {"item": None}
TABLE[5] |= {"time": "soon"}
TABLE[6] |= {"time": "7"}
TABLE[8] |= {"amount": "many", "item": 'i "8" \\ é'}
LINES = {
    "csv": b'"u1","i"1,5,1,n\nu1,i1,5\nu2,caf\xe9,1600000000,1,n\n'
    b'u2,"i\n2",1600000000,-1,n\nu3,i3,1600000000,-1,"a\r\nb"\n',
    "jsonl": b'{"user": "u1"\n[7]\n{"user": "u2", "item": "caf\xe9"}\n'
    b'{"user": "u3", "item": "i3", "time": "1600000000", "amount": -1}\r\n'
    b'{"user": "u3", "item": "i3", "time": "1600000001", "amount": {"gross": 1}}\n',
}


def write(path: Path, kind: str) -> DataConfig:
    """Write a log with rows of each reason, and return its configuration with two filters."""
    malformed = [] if kind == "csv" else [{**TABLE[7], "item": "i\0", "amount": "1"}]  # Python 3.10 writes no NUL
    WRITERS[kind](path, TABLE + malformed)
    with path.open("ab") as file:
        file.write(LINES.get(kind, b""))
    return data(path, format=kind, filters=(POSITIVE, KNOWN), keep_interactions=True)


def run(directory: Path, settings: DataConfig, former: Path | None = None, **changes: Any) -> IngestionReport:
    origin = {**ORIGIN, "files": describe_files(log_locations(settings))}
    kept = KeptRows.read(str(former)) if former else None
    if kept:
        check_replay(kept, settings, origin)
    split = changes.pop("split", LeaveOneOutConfig())
    ingest(local_pipeline, settings, split, HistoryConfig(max_length=3), str(directory), origin, kept)
    return IngestionReport.read(str(directory))


def files(directory: Path) -> dict[str, bytes]:
    """Return the examples, the report and the dead letters."""
    paths = [path for path in directory.rglob("*") if path.is_file() and path.parent.name != KEPT_FOLDER]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("kind", SOURCES)
def test_replay_after_a_filter_was_removed_and_one_widened_equals_a_run_on_the_whole(kind: str, tmp_path: Path) -> None:
    settings = write(tmp_path / "log", kind)
    wider = settings.model_copy(update={"filters": (ABOVE_MINUS_TWO,)})

    with small_pieces(random.Random(len(kind))):
        former = run(tmp_path / "former", settings)
        report = run(tmp_path / "replayed", wider, tmp_path / "former")
        run(tmp_path / "whole", wider)

    assert former.rows_accepted < report.rows_accepted
    reasons = {"malformed", "no_user", "no_item", "bad_timestamp", "timestamp_out_of_range", "filtered"}
    assert reasons <= report.rows_rejected.keys()
    assert files(tmp_path / "replayed") == files(tmp_path / "whole")


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DataConfig]:
    """Return the examples of a log in CSV and its configuration."""
    folder = tmp_path_factory.mktemp("former")
    settings = write(folder / "log", "csv")
    run(folder / "out", settings)
    return folder / "out", settings


def test_replay_of_a_replay_equals_a_run_on_the_whole(former: tuple[Path, DataConfig], tmp_path: Path) -> None:
    directory, settings = former
    wider, none = (settings.model_copy(update={"filters": filters}) for filters in ((ABOVE_MINUS_TWO, KNOWN), ()))

    reports = [
        IngestionReport.read(str(directory)),
        run(tmp_path / "1", wider, directory),
        run(tmp_path / "2", none, tmp_path / "1"),
    ]
    run(tmp_path / "whole", none)

    assert [report.rows_read for report in reports] == [125] * 3
    assert reports[0].rows_accepted < reports[1].rows_accepted < reports[2].rows_accepted
    assert files(tmp_path / "2") == files(tmp_path / "whole")


def test_replay_applies_changed_limits_minimums_cleaning_split_and_history(
    former: tuple[Path, DataConfig], tmp_path: Path
) -> None:
    directory, settings = former
    changes = {"filters": (), "min_item_interactions": 9, "cleaning": {"keep_last": 15}, "max_rejected_share": 0.5}
    fixed = DataConfig.model_validate({**settings.model_dump(), **changes})
    split = TemporalSplitConfig(kind="temporal", validation_share=0.25, test_share=0.25)

    report = run(tmp_path / "replayed", fixed, directory, split=split)
    run(tmp_path / "whole", fixed, split=split)

    assert report.left_out["below_item_minimum"]
    assert report.left_out["older"]
    assert files(tmp_path / "replayed") == files(tmp_path / "whole")


def test_replay_with_a_lost_file_of_dead_letters_is_refused(former: tuple[Path, DataConfig], tmp_path: Path) -> None:
    shutil.copytree(former[0], tmp_path / "former")
    (path,) = (tmp_path / "former" / "rejected").glob("*")
    path.unlink()

    with pytest.raises(InputError, match=r"expected: \d+ rejected rows in .*rejected\nreceived: 0"):
        run(tmp_path / "replayed", former[1], tmp_path / "former")


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_replay_with_damaged_kept_interactions_is_refused(
    damage: str, former: tuple[Path, DataConfig], tmp_path: Path
) -> None:
    shutil.copytree(former[0], tmp_path / "former")
    (path,) = (tmp_path / "former" / KEPT_FOLDER).glob("*.arrow")
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])

    with pytest.raises(InputError, match=r"interactions in .*\.arrow(.|\n)*run on the whole log"):
        run(tmp_path / "replayed", former[1], tmp_path / "former")


def rows_of(batches: Iterable[pa.RecordBatch], settings: DataConfig) -> tuple[list[Any], list[pa.RecordBatch]]:
    """Return the interactions, and the batches of rejected rows."""
    accepted, rejected = [], []
    for batch in batches:
        good, bad = validate(batch, settings)
        accepted += good.to_pylist()
        rejected.append(bad)
    return accepted, rejected


def shown(rejected: Iterable[pa.RecordBatch]) -> list[Any]:
    rows = [{**row, "raw": without_line_end(row["raw"])} for batch in rejected for row in batch.to_pylist()]
    return sorted(rows, key=lambda row: row["line"])


@given(GARBAGE, st.sampled_from(['"', None]))
@examples(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_replay_of_any_text_gives_the_rows_of_the_text(tmp_path: Path, text: str, quote: str | None) -> None:
    before = data(
        column_names=("user", "item", "time"), quote=quote, filters=(FilterConfig(column="user", matches="a"),)
    )
    after = before.model_copy(update={"filters": ()})
    content = [text.encode("utf-8", "surrogateescape")]

    kept_rows, rejected = rows_of(csv_batches(content, before), before)
    letters = b"".join(to_letter(row) for batch in rejected for row in batch.to_pylist())
    (tmp_path / "letters.jsonl").write_bytes(letters)
    now, still = rows_of(read_letters(str(tmp_path / "letters.jsonl"), after), after)

    expected, expected_rejected = rows_of(csv_batches(content, after), after)
    line = operator.itemgetter("line")
    assert sorted(kept_rows + now, key=line) == sorted(expected, key=line)
    assert shown(still) == shown(expected_rejected)


def test_replay_of_spans_and_an_empty_file_equals_a_run_on_the_whole(tmp_path: Path) -> None:
    """The table begins on September 13, with a row a day. Before October there are 18, of which 4 are always rejected.

    The second half begins on November 12, 19 days before December.
    """
    WRITERS["csv"](tmp_path / "log-2020-10-01-a.csv", TABLE[:60])
    WRITERS["csv"](tmp_path / "log-2020-12-01-a.csv", TABLE[60:])
    (tmp_path / "log-2020-12-01-b.csv").write_text("user,item,time,amount,note\n")
    settings = data(tmp_path / "log-{YYYY}-{MM}-{DD}-*.csv", num_spans=2, filters=(POSITIVE,), keep_interactions=True)
    fixed = settings.model_copy(update={"filters": ()})

    run(tmp_path / "former", settings)
    report = run(tmp_path / "replayed", fixed, tmp_path / "former")
    run(tmp_path / "whole", fixed)

    assert report.late_rows == {"2020-10-01": 18 - 4, "2020-12-01": 19}
    assert files(tmp_path / "replayed") == files(tmp_path / "whole")


def test_replay_without_rejected_rows_equals_the_former_run(tmp_path: Path) -> None:
    WRITERS["csv"](tmp_path / "log", TABLE[10:])
    settings = data(tmp_path / "log", keep_interactions=True)

    run(tmp_path / "former", settings)
    report = run(tmp_path / "replayed", settings, tmp_path / "former")

    assert report.rows_rejected == {}
    assert files(tmp_path / "replayed") == files(tmp_path / "former")


def test_ingest_keeps_no_interactions_unless_it_is_configured(tmp_path: Path) -> None:
    settings = write(tmp_path / "log", "csv")

    run(tmp_path / "out", settings.model_copy(update={"keep_interactions": False}))

    assert not (tmp_path / "out" / KEPT_FOLDER).exists()
    with pytest.raises(InputError, match=r"set data\.keep_interactions: true"):
        KeptRows.read(str(tmp_path / "out"))


def test_ingest_removes_interactions_that_a_retried_worker_left(tmp_path: Path) -> None:
    settings = write(tmp_path / "log", "csv")
    left = tmp_path / "out" / KEPT_FOLDER / "left.arrow"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    report = run(tmp_path / "out", settings)

    assert not left.exists()
    assert sum(spill.rows for spill in KeptRows.read(str(tmp_path / "out")).interactions) == report.rows_accepted


def kept(tmp_path: Path, settings: DataConfig, rejected: dict[str, int]) -> KeptRows:
    """Return what a run has kept that has rejected some rows."""
    folder = tmp_path / "kept"
    folder.mkdir()
    fields = dict.fromkeys(IngestionReport.__dataclass_fields__, 0)
    values = {**fields, "rows_rejected": rejected, "rejected_samples": {}, "tables": {}}
    (folder / "ingestion.json").write_text(json.dumps(values))
    return KeptRows(str(folder), settings.model_dump(mode="json"), ORIGIN, ())


FORMER: dict[str, Any] = {
    "timestamp": TimestampConfig(format=("%Y", "%d.%m.%Y")),
    "filters": (
        POSITIVE,
        KNOWN,
        FilterConfig(column="item", one_of=("i", "j")),
        FilterConfig(column="amount", at_least=1, below=8),
    ),
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"filters": []},
        {"filters": [KNOWN]},
        {"filters": [POSITIVE, POSITIVE, KNOWN]},
        {"filters": [ABOVE_MINUS_TWO]},
        {"max_rejected_share": 1.0, "max_rejected_share_by_reason": {"no_user": 0.1}},
        {"cleaning": {"drop_duplicates": True}, "min_item_interactions": 5, "min_user_interactions": 5},
        {"users": {"path": "users.csv", "id": "id", "columns": {"age": {"column": "age"}}}},
        {"keep_interactions": False},
        {"timestamp": {"format": ["%Y", "%d.%m.%Y", "iso8601"]}},
        {"filters": [{"column": "item", "one_of": ["i", "j", "k"]}, {"column": "amount", "at_least": 0, "below": 9}]},
        {"filters": [{"column": "amount", "at_least": 1}]},
    ],
    ids=str,
)
def test_check_replay_with_changes_that_leave_accepted_rows_as_they_are_passes(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    settings = data(**FORMER)

    check_replay(kept(tmp_path, settings, {}), DataConfig.model_validate({**settings.model_dump(), **changes}), ORIGIN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "other.csv"),
        ("format", "jsonl"),
        ("delimiter", ";"),
        ("quote", None),
        ("column_names", ["user", "item", "time", "amount"]),
        ("columns", {"user": "user", "item": "user", "timestamp": "time"}),
        ("columns", {"user": "user", "item": "item", "timestamp": "time", "value": "amount"}),
        ("timestamp", {"unit": "s"}),
        ("null_values", ["", "none"]),
        ("filters", [POSITIVE, KNOWN, {"column": "user", "matches": "u.*"}]),
        ("filters", [{"column": "amount", "above": 1}]),
        ("filters", [{"column": "item", "above": -5}]),
        ("filters", [{"column": "item", "matches": ".*"}]),
        ("filters", [{"column": "item", "one_of": ["i"]}]),
        ("filters", [{"column": "amount", "at_least": 1, "below": 7}]),
        ("filters", [{"column": "amount", "at_least": 1, "at_most": 8}]),
        ("timestamp", {"format": ["%d.%m.%Y", "%Y"]}),
        ("timestamp", {"format": "%Y"}),
    ],
    ids=str,
)
def test_check_replay_with_a_change_that_may_alter_accepted_rows_names_the_setting(
    name: str, value: Any, tmp_path: Path
) -> None:
    settings = data(**FORMER)
    changed = DataConfig.model_validate({**settings.model_dump(), name: value})

    with pytest.raises(InputError, match=rf"data\.{name}: .*, before .*\nremedy:   run on the whole log"):
        check_replay(kept(tmp_path, settings, {}), changed, ORIGIN)


def test_check_replay_shows_the_former_value_of_a_changed_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'data\.delimiter: ";", before ","'):
        check_replay(kept(tmp_path, data(), {}), data(delimiter=";"), ORIGIN)


@pytest.mark.parametrize("name", ORIGIN)
def test_check_replay_with_other_files_or_code_is_refused(name: str, tmp_path: Path) -> None:
    settings = data()

    with pytest.raises(InputError, match=f"the same {name} (.|\n)*received: new"):
        check_replay(kept(tmp_path, settings, {}), settings, {**ORIGIN, name: "new"})


@pytest.mark.parametrize("kind", SOURCES)
def test_check_replay_without_a_column_that_made_rows_unreadable_needs_their_bytes(kind: str, tmp_path: Path) -> None:
    settings = data(format=kind, filters=(POSITIVE, KNOWN))
    fixed = settings.model_copy(update={"filters": (KNOWN,)})
    former = kept(tmp_path, settings, {"bad_encoding": 1})

    check_replay(former, settings, former.origin)
    if SOURCES[kind].exact:
        check_replay(former, fixed, former.origin)
    else:
        with pytest.raises(InputError, match="bad_encoding, maybe in the column 'amount'"):
            check_replay(former, fixed, former.origin)


@pytest.mark.parametrize("kind", ["csv", "parquet"])  # their letters have bytes, and JSON
def test_replay_with_a_further_time_format_equals_a_run_on_the_whole(kind: str, tmp_path: Path) -> None:
    texts = [
        {**row, "time": f"{1 + n % 28:02}.0{1 + n % 7}.2021" if n % 9 else "2021-02-30T7"}
        for n, row in enumerate(TABLE)
    ]
    texts = [{**row, "time": f"2021-03-{n:02}"} if n in (20, 21, 22) else row for n, row in enumerate(texts)]
    WRITERS[kind](tmp_path / "log", texts)
    former = data(tmp_path / "log", format=kind, timestamp={"format": "%d.%m.%Y"}, keep_interactions=True)
    fixed = former.model_copy(update={"timestamp": TimestampConfig(format=("%d.%m.%Y", "%Y-%m-%d"))})

    before = run(tmp_path / "former", former)
    report = run(tmp_path / "replayed", fixed, tmp_path / "former")
    run(tmp_path / "whole", fixed)

    assert report.rows_accepted == before.rows_accepted + 3
    assert files(tmp_path / "replayed") == files(tmp_path / "whole")
