from __future__ import annotations

import json
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
    output: str
    record: dict[str, Any]


def read_record(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "run.json").read_text()))


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("planted")
    config, root = write_project(folder), folder / "root"
    output = temporec("run", "--config", config, "--root", root)
    return Run(config, root, output, read_record(root))
