"""`temporec run`: checks the input, runs the pipeline under a root, and records what came of it."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.display import tables as view
from pipeline.records.run_root import RECORD, REPORT, write_whole
from schemas.config import Config
from schemas.errors import ComponentFailed, InputError


def run(config: Config, root: Path, console: Console) -> dict[str, Any]:
    """Runs the whole pipeline and writes `<root>/run.json`.

    Args:
        config: what to build; its paths may be relative to the working directory.
        root: the folder for artifacts, metadata, models and logs.
        console: where a person follows the run.

    Returns:
        The content of `run.json`.

    Raises:
        InputError: the log, the split or the root is not usable; nothing has been trained.
        ComponentFailed: a component failed; the log under the root says why.
    """
    _check(config)
    root = root.absolute()
    with _exclusive(root), _output_to(root / "logs" / "run.log", console) as terminal:
        return _run(with_absolute_paths(config), root, terminal)


def _check(config: Config) -> None:
    """Refuses what cannot work before TFX, which takes its time to import, is asked."""
    from components.example_gen.preflight import check_log

    if check_log(config.data).whole:
        from pipeline.commands.evaluate import validate_log

        validate_log(config)  # all of it: that takes a second
    if config.train.wandb is not None:
        from trainer.training.callbacks.wandb import load_wandb

        load_wandb()


def _run(config: Config, root: Path, console: Console) -> dict[str, Any]:
    progress = view.RunProgress(console)
    started_at = _now()
    with progress.following():
        from pipeline.records import run_record
        from pipeline.runners import local

        current = [""]

        def on_start(component: str, index: int, count: int) -> None:
            current[0] = component
            progress.start(component, index, count)

        runner = local.LocalRunner(
            on_start=on_start, on_end=lambda run: progress.end(run.component, run.cached, run.seconds)
        )
        try:
            runs = local.run_locally(config, root, runner)
        except InputError:
            raise
        except Exception as error:
            logging.exception("component %s failed", current[0])
            reason = (str(error).strip().splitlines() or ["no message"])[0]
            raise ComponentFailed(
                f"{current[0]} failed: {type(error).__name__}: {reason}\n"
                f"the whole story is in {root / 'logs' / 'run.log'}"
            ) from error
        record = run_record.run_record(config, runs, started_at=started_at, finished_at=_now())
    write_whole(root / RECORD, json.dumps(record, indent=2) + "\n")
    show_run(config, record, root, console)
    return record


def show_run(config: Config, record: dict[str, Any], root: Path, console: Console) -> None:
    """Writes and shows all that people see of a run: it has its result by now, and keeps it, whatever fails here."""
    made = record["artifacts"]
    with _kept("Items in TensorBoard's projector", root, console):
        from pipeline.display.projector import write_projector

        write_projector(Path(made["model_run"]), Path(made["model"]), made["counts"], config.data.items)
    with _kept("Data", root, console):
        console.print(view.data_table(record["data"]))
        if record["data"]["rows_rejected"]:
            console.print(f"Rejected rows: {record['data']['rejected_path']}", markup=False, soft_wrap=True)
    with _kept("Recommendations", root, console):
        from pipeline.display.samples import sample_recommendations

        examples = Path(made["examples"]) / "Split-test"
        for sample in sample_recommendations(Path(made["model"]), examples, config.data.items):
            console.print(view.recommendation_table(*sample))
    with _kept("Metrics", root, console):
        console.print(view.summary_table(record))
    with _kept("Verdict", root, console):
        for line in view.verdict_lines(record):
            console.print(line)
    show_report(root, console)


def show_report(root: Path, console: Console) -> None:
    """Writes the report, and says where it is, or why there is none."""
    with _kept("Report", root, console, again=f"temporec report --root {root}"):
        (root / REPORT).unlink(missing_ok=True)  # of the run before
        from pipeline.report.write import write_report

        console.print(f"Report: {write_report(root)}", markup=False, soft_wrap=True)


@contextmanager
def _kept(what: str, root: Path, console: Console, again: str | None = None) -> Iterator[None]:
    """Keeps an error in what is shown of a run from ending it; says that there is none of it, and where to read why."""
    try:
        yield
    except Exception as error:
        logging.exception("%s failed", what)
        console.print(f"[bold red]{what}: none[/], for {type(error).__name__}; all else of the run stays as it is")
        console.print(f"  why: {root / 'logs' / 'run.log'}", markup=False, soft_wrap=True)
        if again:
            console.print(f"  again: {again}", markup=False, soft_wrap=True)


def with_absolute_paths(config: Config) -> Config:
    """The paths of the log and of its tables as absolute ones, unless they are URIs."""

    def absolute(section: Any) -> Any:
        return (
            section.model_copy(update={"path": os.path.abspath(section.path)}) if "://" not in section.path else section
        )

    tables = {"items": config.data.items, "users": config.data.users}
    data = absolute(config.data).model_copy(update={name: absolute(table) for name, table in tables.items() if table})
    return config.model_copy(update={"data": data})


@contextmanager
def _exclusive(root: Path) -> Iterator[None]:
    """Holds the root for this process; the system lets go of it when the process ends, however it ends."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise InputError(
            expected=f"a root that can be written: {root}",
            received=error.strerror or str(error),
            remedy="choose another --root, or change its permissions",
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                expected=f"a root that no other run uses: {root}",
                received="a run is under way there",
                remedy="wait for it to end, or choose another --root",
            ) from None
        yield


@contextmanager
def _output_to(path: Path, console: Console) -> Iterator[Console]:
    """Sends what the frameworks print to a file, from Python and from below it; gives a console that still shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with path.open("a") as file, os.fdopen(os.dup(1), "w") as shown:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield Console(file=shown, width=console.width if not console.is_terminal else None)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, number in zip(saved, (1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
