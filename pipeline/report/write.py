"""`temporec report`: a self-contained HTML report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.records.run_root import REPORT, read_record, require_folders, write_text
from schemas.errors import InputError


def write_report(root: Path, output: Path | None = None) -> Path:
    """Write the report of the last run in a root.

    Args:
        root: the root of a run.
        output: the file to write; `report.html` in the root by default.

    Returns:
        The path of the report.

    Raises:
        InputError: the output is a folder, the root has no finished run, another version of temporec wrote it, or its
            files are missing.

    Example:
        ```python
        print(write_report(Path("runs/quickstart")))
        ```
    """
    path = output or root / REPORT
    if path.is_dir():
        raise InputError(
            expected="a file to write", received=f"{path}: Is a directory", remedy=f"give a file: {path / REPORT}"
        )
    record = _record(root)
    # After the checks, because this takes ten seconds.
    from pipeline.report.gather import gather
    from pipeline.report.render import render

    write_text(path, render(gather(record)))
    return path


def _record(root: Path) -> dict[str, Any]:
    record = read_record(root)
    folders = [record["evaluation"], *record["artifacts"].values()]
    require_folders(root, filter(None, folders))  # without a table of items there is no folder of items
    return record
