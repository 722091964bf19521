"""`temporec report`: a self-contained HTML report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.records.run_root import REPORT, read_record, require_folders, write_text


def write_report(root: Path, output: Path | None = None) -> Path:
    """Write the report of the last run in a root.

    Args:
        root: the root of a run.
        output: the file to write; `report.html` in the root by default.

    Returns:
        The path of the report.

    Raises:
        InputError: the root has no finished run, another version of temporec wrote it, or its files are missing.

    Example:
        ```python
        print(write_report(Path("runs/quickstart")))
        ```
    """
    record = _record(root)
    # After the check, because this takes ten seconds.
    from pipeline.report.gather import gather
    from pipeline.report.render import render

    path = output or root / REPORT
    write_text(path, render(gather(record)))
    return path


def _record(root: Path) -> dict[str, Any]:
    record = read_record(root)
    require_folders(root, [record["evaluation"], *record["artifacts"].values()])
    return record
