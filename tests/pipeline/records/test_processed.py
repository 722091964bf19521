"""A run that could only repeat the last one of its root ends at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from components.common.versions import ORIGIN
from pipeline.commands.run import run
from pipeline.records.processed import describe_tables, processed_record, schema_digest
from pipeline.records.run_root import RECORD
from schemas.config import Config
from tests.pipeline.notify.servers import webhook
from tests.pipeline.report_root import config, list_files, write_log

FINISHED = "2026-11-25T12:01:00+00:00"


def settings(folder: Path, **others: Any) -> Config:
    """Return the configuration of the log in spans."""
    tree = config(folder).model_dump()
    return Config.model_validate(tree | {"data": tree["data"] | {"path": f"{folder}/log-{{SPAN}}.csv"}} | others)


@pytest.fixture
def root(finished_root: Path, tmp_path: Path) -> Path:
    """The root of a finished run of span 7, the newest one, in a folder with the log."""
    write_log(tmp_path)
    (tmp_path / "log.csv").rename(tmp_path / "log-7.csv")
    (tmp_path / "log-6.csv").write_text("user,item,time\n")
    root = tmp_path / "root"
    (root / "models" / "7").mkdir(parents=True)
    (root / "models" / "7" / "saved_model.pb").touch()
    record = json.loads((finished_root / RECORD).read_text())
    record["root"] = str(root)
    (root / RECORD).write_text(json.dumps(record))
    finish(root, settings(tmp_path))
    return root


def finish(root: Path, config: Config) -> None:
    """Let the last run of a root be one with this configuration and the files of now."""
    listed = Path(list_files(config, root.parent / "seen")).read_text()
    record = json.loads((root / RECORD).read_text())
    data = record["data"] | {"files": listed, "table_files": describe_tables(config), "spans": ["7"]}
    data |= {"schema_digest": schema_digest(config)}
    edit(root, config=config.model_dump(mode="json"), data=data)


def edit(root: Path, **values: Any) -> None:
    record = json.loads((root / RECORD).read_text())
    (root / RECORD).write_text(json.dumps(record | values))


def add(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("user,item,time\n")


def test_record_of_the_same_run_is_found(root: Path, tmp_path: Path) -> None:
    add(tmp_path / "log-6.csv")  # no file of the window
    record = processed_record(settings(tmp_path), root)
    assert record
    assert (record["data"]["spans"], record["finished_at"]) == (["7"], FINISHED)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: add(root.parent / "log-8.csv"),
        lambda root: add(root.parent / "log-7.csv"),
        lambda root: add(root.parent / "items.csv"),
        lambda root: (root.parent / "log-7.csv").unlink(),
        lambda root: (root.parent / "log-7.csv").rename(root.parent / "log-x.csv"),
        lambda root: (root / "models" / "7" / "saved_model.pb").unlink(),
        lambda root: add(root / "models" / "8" / "saved_model.pb"),
        lambda root: edit(root, pushed=None),
        lambda root: edit(root, code="of another version"),
        lambda root: (root / RECORD).unlink(),
        lambda root: (root / RECORD).write_text("{"),
        lambda root: (root / RECORD).write_text('{"config": {}}'),
    ],
    ids=[
        "new span", "changed file", "changed table", "older span is the newest", "file without a span",
        "model removed", "another model served", "refused", "other code", "no record", "damaged record", "old record",
    ],
)  # fmt: skip
def test_anything_that_has_changed_runs(root: Path, tmp_path: Path, change: Callable[[Path], object]) -> None:
    change(root)
    assert processed_record(settings(tmp_path), root) is None


def test_changed_titles_and_impressions_run(root: Path, tmp_path: Path) -> None:
    columns = {"impression": "n", "user": "u", "timestamp": "t", "shown": "s", "clicked": "c"}
    tables: dict[str, dict[str, Any]] = {
        "items": {"path": f"{tmp_path}/items.csv", "id": "id", "title": "title"},
        "impressions": {"path": f"{tmp_path}/shown.csv", "columns": columns, "timestamp": {"unit": "s"}},
    }
    data = settings(tmp_path).data.model_dump()
    for name, table in tables.items():
        add(Path(table["path"]))
        changed = settings(tmp_path, data={**data, "items": None, name: table}, split={"kind": "temporal"})
        assert processed_record(changed, root) is None
        finish(root, changed)
        assert processed_record(changed, root)
        with Path(table["path"]).open("a") as file:
            file.write("7,new\n")
        assert processed_record(changed, root) is None


def test_changed_schema_runs(root: Path, tmp_path: Path) -> None:
    schema, data = tmp_path / "schema.pbtxt", settings(tmp_path).data.model_dump()
    schema.write_text("")
    changed = settings(tmp_path, data={**data, "checks": {"schema_file": str(schema)}})
    finish(root, changed)
    assert processed_record(changed, root)
    schema.write_text('feature { name: "item_ids" }')
    assert processed_record(changed, root) is None


def test_version_with_added_items_counts_as_the_pushed_one(root: Path, tmp_path: Path) -> None:
    grown = root / "models" / "8"
    for path, text in {
        root / "models" / "7" / "fingerprint.pb": "trained",
        grown / "saved_model.pb": "",
        grown / "fingerprint.pb": "grown",
        grown / ORIGIN: "trained",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert processed_record(settings(tmp_path), root)
    (grown / ORIGIN).write_text("another")
    assert processed_record(settings(tmp_path), root) is None


def test_changed_setting_runs(root: Path, tmp_path: Path) -> None:
    assert processed_record(settings(tmp_path, train={"epochs": 3}), root) is None


def test_run_without_a_new_span_names_the_newest_one_and_changes_nothing(root: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    console = Console(record=True, width=40)

    record = run(settings(tmp_path), root, console)

    assert record["pushed"]["version"] == "7"
    text = f"No new span: the newest one is 7, which was processed on {FINISHED}. Nothing is trained.\n"
    assert console.export_text() == text
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize(("events", "outcomes"), [({}, []), ({"events": ["success", "skipped"]}, ["skipped"])])
def test_run_without_a_new_span_is_reported_if_its_event_is_configured(
    root: Path, tmp_path: Path, events: dict[str, list[str]], outcomes: list[str]
) -> None:
    with webhook() as (url, got):
        notified = settings(tmp_path, notify={"webhook": {"url": url, **events}})
        finish(root, notified)
        run(notified, root, Console(quiet=True))

    assert [message["outcome"] for _, message in got] == outcomes
    for _, message in got:
        assert message["text"] == (
            "temporec alphabet has no new span\n"
            f"No new span: the newest one is 7, which was processed on {FINISHED}. Nothing is trained.\nroot: {root}"
        )


def test_command_without_a_new_span_exits_with_0_and_imports_no_tfx(root: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump(settings(tmp_path).model_dump(mode="json", exclude_unset=True))
    )
    code = f"""
import sys
from pipeline.cli import app
code = app(["run", "--config", "config.yaml", "--root", "{root}"], standalone_mode=False)
print(code, [name for name in ("tfx", "tensorflow_transform", "ml_metadata") if name in sys.modules])
"""

    ran = subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True)

    first, second = ran.stdout.splitlines()
    assert first.startswith("No new span: the newest one is 7,")
    assert second == "0 []"
