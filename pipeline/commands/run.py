"""`temporec run`: checks the input, runs the pipeline in a root, and records the results."""

from __future__ import annotations

import glob
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.commands.run_results import show_run
from pipeline.commands.run_steps import follow_steps
from pipeline.notify.messages import Message, failure_message, record_message, skipped_message
from pipeline.notify.send import check_variables, send
from pipeline.records.open_root import exclusive, output_to
from pipeline.records.run_root import RECORD, write_text
from schemas.config import Config
from schemas.config.span_pattern import has_spans
from schemas.file_patterns import refuse_wildcards


def run(config: Config, root: Path, console: Console) -> dict[str, Any]:
    """Run the whole pipeline and write `<root>/run.json`.

    If the path of the log has spans, and the root has processed the newest ones with this configuration, nothing runs.

    Args:
        config: the configuration; its paths may be relative to the working directory.
        root: the folder for artifacts, metadata, models and logs.
        console: where the run shows its progress and results.

    Returns:
        The content of `run.json`: that of the last run if nothing runs.

    Raises:
        InputError: the log, the split, the root or the section `notify` cannot be used; no model has been trained.
        ComponentFailed: a component failed; the log file in the root has the details.

    Example:
        ```python
        record = run(load_config("pipeline/configs/quickstart.yaml"), Path("runs/quickstart"), Console())
        print(record["metrics"]["test"]["recall@10"])
        ```
    """
    check_variables(config.notify)
    root = root.absolute()
    try:
        processed = _find_processed(config, root)
        record = processed or _run_in_root(config, root, console)
    except Exception as error:
        _notify(config, failure_message(config.name, str(root), error), console)
        raise
    message = skipped_message(config.name, str(root), processed) if processed else record_message(record)
    if processed:
        console.print(*message.lines, markup=False, highlight=False, soft_wrap=True)
    _notify(config, message, console)
    return record


def _find_processed(config: Config, root: Path) -> dict[str, Any] | None:
    if not has_spans(config.data.path):
        return None  # the caches decide, so that another model in `models/` is replaced
    from pipeline.records.processed import processed_record

    return processed_record(with_absolute_paths(config), root)


def _run_in_root(config: Config, root: Path, console: Console) -> dict[str, Any]:
    refuse_wildcards(str(root), "a run")
    _check(config)
    config = with_absolute_paths(config)
    log_file = root / "logs" / "run.log"
    with exclusive(root), output_to(log_file, console) as terminal:
        record = _run(config, root, terminal, log_file)
        write_text(root / RECORD, json.dumps(record, indent=2) + "\n")
        show_run(config, record, root, terminal)
    return record


def _notify(config: Config, message: Message, console: Console) -> None:
    """Send a message about the end of the run. A message that cannot be sent does not change the run's result."""
    for problem in send(config.notify, message):
        console.print(problem, markup=False, highlight=False, soft_wrap=True)


def _check(config: Config) -> None:
    """Refuse wrong input before TFX is imported, which takes many seconds."""
    from components.example_gen.preflight import check_log

    if check_log(config.data).whole:
        from pipeline.commands.evaluate import validate_log

        validate_log(config)  # the log is small: this takes a second
    if config.beam.job_endpoint is not None:
        from pipeline.runners.job_server import check_job_server

        check_job_server(config.beam)
    for encoder in config.sentence_encoders:
        from trainer.data.encoder_files import find_encoder

        find_encoder(encoder)
    if config.train.wandb is not None:
        from trainer.training.callbacks.wandb import load_wandb

        load_wandb()


def _run(config: Config, root: Path, console: Console, log_file: Path) -> dict[str, Any]:
    started_at = _now()
    with follow_steps(console, log_file) as steps:
        from pipeline.records.run_record import run_record
        from pipeline.runners.local import LocalRunner, run_locally

        steps.step = "the pipeline"
        runs = run_locally(config, root, LocalRunner(steps.start, steps.end, config.beam))
        steps.step = "the record of the run"
        return run_record(config, root, runs, started_at=started_at, finished_at=_now())


def with_absolute_paths(config: Config) -> Config:
    """Return the configuration with absolute paths of all files that it names.

    Args:
        config: the configuration; a relative path starts in the working directory.

    Returns:
        The same configuration, except for relative paths. A path is a glob pattern, so the wildcards in the name of
        the working directory are escaped.
    """

    def absolute(path: str | None) -> str | None:
        if path is None or "://" in path:
            return path
        return os.path.normpath(os.path.join(glob.escape(os.getcwd()), path))

    def with_path(section: Any) -> Any:
        return section.model_copy(update={"path": absolute(section.path)})

    def with_encoder(section: Any) -> Any:
        is_folder = not section.encoder.isidentifier()
        return section.model_copy(update={"encoder": os.path.abspath(section.encoder)}) if is_folder else section

    data = config.data
    if data.items and data.items.sentence_vectors:
        encoded = {name: with_encoder(each) for name, each in data.items.sentence_vectors.items()}
        data = data.model_copy(update={"items": data.items.model_copy(update={"sentence_vectors": encoded})})
    others = {"items": data.items, "users": data.users, "impressions": data.impressions}
    tables = {name: with_path(table) for name, table in others.items() if table}
    checks = data.checks.model_copy(
        update={
            "serving_requests": absolute(data.checks.serving_requests),
            "schema_file": data.checks.schema_file and os.path.abspath(data.checks.schema_file),
        }
    )
    tower = config.model.items
    model = config.model.model_copy(update={"items": tower.model_copy(update={"text": with_encoder(tower.text)})})
    data = with_path(data).model_copy(update={**tables, "checks": checks})
    return config.model_copy(update={"data": data, "model": model})


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
