"""A log that changes while it is read: the ingestion fails with the file named, or is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from tfx.types import standard_artifacts

from components.example_gen.component import ExampleGenExecutor
from components.example_gen.counts.report import IngestionReport
from components.example_gen.ingest import ingest
from components.example_gen.listing import describe_files, log_locations, unchanged_files
from components.example_gen.sources import files
from components.example_gen.sources.source import SOURCES, read_log_file
from schemas.config import ExampleGenConfig, HistoryConfig, LeaveOneOutConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from tests.components.log_writers import WRITERS, Table
from tests.components.logs import DAY_S, START_S, data, local_pipeline

TABLE: Table = [{"user": f"u{i % 5}", "item": f"i{i % 7}", "time": START_S + i * DAY_S} for i in range(40)]


def run(settings: DataConfig, folder: Path, pipelines: Iterator[Callable[[], object]]) -> IngestionReport:
    """Ingest a log. Before each of its pipelines runs, the next function is called."""

    def make_pipeline() -> beam.Pipeline:
        next(pipelines)()
        return local_pipeline()

    ingest(make_pipeline, settings, LeaveOneOutConfig(), HistoryConfig(max_length=3), str(folder / "out"))
    return IngestionReport.read(str(folder / "out"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    WRITERS["csv"](tmp_path / "log-1.csv", TABLE)
    WRITERS["csv"](tmp_path / "log-2.csv", TABLE)
    return tmp_path / "log-2.csv"


def nothing() -> None:
    pass


def test_log_that_does_not_change_is_complete(log: Path, tmp_path: Path) -> None:
    report = run(data(tmp_path / "log-*.csv"), tmp_path, iter([nothing]))
    assert (report.rows_read, report.spans, report.late_rows) == (80, [], {})


@pytest.mark.parametrize("pattern", ["log-2.csv", "log-*.csv", "log-{SPAN}.csv"])
def test_file_that_vanishes_before_it_is_read_is_named(log: Path, tmp_path: Path, pattern: str) -> None:
    with pytest.raises(InputError, match=rf"received: {log} has vanished"):
        run(data(tmp_path / pattern, num_spans=1 + ("{" in pattern)), tmp_path, iter([log.unlink]))


@pytest.mark.parametrize("pattern", ["log-*.csv", "log-{SPAN}.csv"])
def test_file_that_changes_between_two_pipelines_is_named(log: Path, tmp_path: Path, pattern: str) -> None:
    settings = data(tmp_path / pattern, min_item_interactions=2)
    with pytest.raises(InputError, match=rf"received: {log} has changed"):
        run(settings, tmp_path, iter([nothing, lambda: log.write_text("user,item,time\n"), *[nothing] * 9]))


def test_span_that_arrives_while_the_log_is_read_is_left_to_the_next_run(log: Path, tmp_path: Path) -> None:
    report = run(
        data(tmp_path / "log-{SPAN}.csv"), tmp_path, iter([lambda: WRITERS["csv"](tmp_path / "log-3.csv", TABLE[:9])])
    )
    assert (report.rows_read, report.spans) == (40, ["2"])


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("change", ["append", "cut", "replace", "unlink"])
def test_file_that_changes_between_two_batches_is_named(
    kind: str, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "READ_BYTES", 1 << 12)  # smaller than the file
    path = tmp_path / "log"
    WRITERS[kind](path, TABLE * 500)
    settings = data(path, format=kind)
    content = path.read_bytes()
    WRITERS[kind](tmp_path / "new", TABLE * 400)

    def read() -> None:
        with unchanged_files(log_locations(settings)):
            batches = read_log_file(str(path), settings)
            next(batches)
            changes[change]()
            for _ in batches:
                pass

    changes: dict[str, Callable[[], object]] = {
        "append": lambda: path.write_bytes(content + b"u1,i1,1600000000\n"),
        "cut": lambda: path.write_bytes(content[: len(content) // 2]),
        "replace": lambda: (tmp_path / "new").replace(path),
        "unlink": path.unlink,
    }
    with pytest.raises(InputError, match=rf"received: {path} has"):
        read()


@pytest.mark.parametrize("kind", SOURCES)
def test_file_that_is_gone_when_it_is_opened_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "gone"
    with pytest.raises(InputError, match=rf"a file that can be read at {path}"):
        next(read_log_file(str(path), data(path, format=kind)))


def execute(settings: DataConfig, listed: str, folder: Path) -> IngestionReport:
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "out")
    config = ExampleGenConfig(data=settings, split=LeaveOneOutConfig(), history=HistoryConfig(max_length=3))
    context = ExampleGenExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    properties = {"settings": config.model_dump_json(), "files": listed, "code": ""}
    ExampleGenExecutor(context).Do({}, {"examples": [examples]}, properties)
    return IngestionReport.read(examples.uri)


def test_component_reads_the_spans_that_were_listed(log: Path, tmp_path: Path) -> None:
    settings = data(tmp_path / "log-{SPAN}.csv")
    listed = describe_files(log_locations(settings))
    WRITERS["csv"](tmp_path / "log-3.csv", TABLE[:9])
    assert execute(settings, listed, tmp_path).spans == ["2"]


def test_component_refuses_a_log_that_has_changed_since_the_listing(log: Path, tmp_path: Path) -> None:
    settings = data(log)
    listed = describe_files(log_locations(settings))
    WRITERS["csv"](log, TABLE[:20])
    with pytest.raises(InputError, match="run again, because a file has changed since"):
        execute(settings, listed, tmp_path)
    assert not (tmp_path / "out").exists()
