"""`temporec report`: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.records.run_root import REPORT, read_record, require_folders, write_whole
from pipeline.report.gather import gather
from pipeline.report.render import render


def write_report(root: Path, output: Path | None = None) -> Path:
    """Writes the report of the last run of a root, and returns its path.

    Args:
        root: the folder that `temporec run` wrote.
        output: where to write; `report.html` in the root by default.

    Raises:
        InputError: there was no run, or another version's, or what it wrote is gone.
    """
    path = output or root / REPORT
    write_whole(path, render(gather(_record(root))))
    return path


def _record(root: Path) -> dict[str, Any]:
    record = read_record(root)
    require_folders(root, [record["evaluation"], *record["artifacts"].values()])
    return record
