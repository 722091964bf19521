"""`temporec data replay` in a root with the examples of a former run."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.example_gen.counts.report import IngestionReport
from pipeline.commands.replay import EXAMPLE_GEN
from pipeline.runners.local import ComponentRun, LocalRunner, run_locally
from schemas.config import BeamConfig
from schemas.loading import load_config
from tests.e2e.command import attempt, temporec
from tests.e2e.planted import DATA

FILTER = "data.filters=[{column: item, matches: 'i[0-9]'}]"
KEEP = "data.keep_interactions=true"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration of a log with 60 rows: ten of each user, of which two are with the items i10 and i11."""
    rows = "".join(f"u{n // 10},i{n % 10 + 2},{1_600_000_000 + n}\n" for n in range(60))
    (tmp_path / "log.csv").write_text("user,item,time\n" + rows)
    (tmp_path / "planted.yaml").write_text(DATA.format(log=tmp_path / "log.csv"))
    return tmp_path / "planted.yaml"


def read(config: Path, root: Path, *overrides: str) -> ComponentRun:
    """Run the components that read the log."""
    root.mkdir(exist_ok=True)
    runner = LocalRunner(on_start=lambda *_: None, on_end=lambda _: None, beam=BeamConfig())
    return run_locally(load_config(config, overrides), root, runner, last=EXAMPLE_GEN)[-1]


def files(root: Path, run: ComponentRun) -> dict[str, bytes]:
    folder = root / run.outputs["examples"].uri
    parts = ("Split-train", "Split-eval", "Split-test", "rejected", ".")
    paths = [path for part in parts for path in (folder / part).glob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_replay_gives_the_next_run_its_examples_from_the_cache(config: Path, tmp_path: Path) -> None:
    root, whole = tmp_path / "root", tmp_path / "whole"
    read(config, root, KEEP, FILTER)

    text = temporec("data", "replay", "--root", root, "--config", config, "--set", KEEP)

    found = read(config, root, KEEP)
    assert found.cached
    assert IngestionReport.read(str(root / found.outputs["examples"].uri)).rows_accepted == 60
    assert str(root / found.outputs["examples"].uri) in text
    assert files(root, found) == files(whole, read(config, whole, KEEP))
    assert len(files(root, found)) == 6  # the report, two files of counts and three splits: no row is rejected any more


def test_replay_without_kept_interactions_says_how_to_keep_them(config: Path, tmp_path: Path) -> None:
    ran = attempt("data", "replay", "--root", tmp_path, "--config", config)

    assert ran.returncode == 2
    assert "set data.keep_interactions: true" in ran.stderr
