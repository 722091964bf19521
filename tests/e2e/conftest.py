from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import temporec
from tests.e2e.planted import write_project


@dataclass(frozen=True)
class Run:
    """A finished run of the planted log."""

    config: Path
    root: Path
    left: Path  # a copy of the root after the run; other runs use `root`
    temporary: Path  # the folder of temporary files
    output: str
    record: dict[str, Any]


def read_record(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "run.json").read_text()))


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("planted")
    config, root = write_project(folder), folder / "root"
    (temporary := folder / "temporary").mkdir()
    output = temporec("run", "--config", config, "--root", root, environ={"TMPDIR": str(temporary)})
    left = Path(shutil.copytree(root, folder / "left"))
    return Run(config, root, left, temporary, output, read_record(root))
