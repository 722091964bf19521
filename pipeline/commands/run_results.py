"""The output of a finished run: tables, sample recommendations and the report.

The result of the run is recorded before. An error in this output does not change it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.display.tables import (
    data_table,
    drift_lines,
    impressions_table,
    recommendation_table,
    summary_table,
    verdict_lines,
)
from pipeline.records.run_root import REPORT
from schemas.config import Config


def show_run(config: Config, record: dict[str, Any], root: Path, console: Console) -> None:
    """Write the report and the projector's files of a run, and show its tables.

    Args:
        config: the configuration of the run.
        record: the content of `run.json`.
        root: the root of the run.
        console: where to show the results.
    """
    artifacts = record["artifacts"]
    with _log_errors("prepare TensorBoard's projector", root, console):
        from pipeline.display.projector import write_projector

        write_projector(Path(artifacts["model_run"]), Path(artifacts["model"]), artifacts["counts"], config.data.items)
    with _log_errors("show the data counts", root, console):
        console.print(data_table(record["data"]))
        if record["data"]["rows_rejected"]:
            console.print(f"Rejected rows: {record['data']['rejected_path']}", markup=False, soft_wrap=True)
        for line in drift_lines(record):
            console.print(line, soft_wrap=True)
    with _log_errors("show sample recommendations", root, console):
        from pipeline.display.samples import sample_recommendations

        examples = Path(artifacts["examples"]) / "Split-test"
        for sample in sample_recommendations(Path(artifacts["model"]), examples, config.data.items):
            console.print(recommendation_table(*sample))
    with _log_errors("show the metrics", root, console):
        console.print(summary_table(record))
        if record["metrics"].get("impressions"):
            console.print(impressions_table(record["metrics"]["impressions"]))
    with _log_errors("show the verdict", root, console):
        for line in verdict_lines(record):
            console.print(line)
    show_report(root, console)


def show_report(root: Path, console: Console) -> None:
    """Write the report of a run, and show its path or the reason why there is none.

    Args:
        root: the root of the run.
        console: where to show the path.
    """
    with _log_errors("write the report", root, console, retry=f"temporec report --root {root}"):
        (root / REPORT).unlink(missing_ok=True)  # the report of an earlier run
        from pipeline.report.write import write_report

        console.print(f"Report: {write_report(root)}", markup=False, soft_wrap=True)


@contextmanager
def _log_errors(task: str, root: Path, console: Console, retry: str | None = None) -> Iterator[None]:
    """Log an error of the block and show a message, instead of ending the run."""
    try:
        yield
    except Exception as error:
        logging.exception("could not %s", task)
        console.print(
            f"[bold red]Could not {task}[/] ({type(error).__name__}). The run itself is complete.", soft_wrap=True
        )
        details = f"  Details: {root / 'logs' / 'run.log'}." + (f" Retry with: {retry}" if retry else "")
        console.print(details, markup=False, soft_wrap=True)
