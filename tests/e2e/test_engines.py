"""Runs on other engines of Beam give what the run in one process gives."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from tests.e2e.command import attempt, temporec
from tests.e2e.conftest import Run, read_record
from tests.e2e.engines import prism
from tests.e2e.planted import DATA, write_log


def digests(root: Path, artifact: str) -> dict[str, str]:
    """Return the SHA-256 of each file of a component's last output."""
    folder = max((root / "artifacts" / artifact).iterdir(), key=lambda each: int(each.name))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_other_engine_repeats_no_component(first_run: Run) -> None:
    output = temporec("run", "--config", first_run.config, "--root", first_run.root, "--set", "beam.workers=2")
    assert output.count("unchanged, taken from the cache") == 13  # all except the three lookers


def test_portable_runner_gives_equal_examples_counts_and_metrics(first_run: Run, tmp_path: Path) -> None:
    root = tmp_path / "root"
    with prism(tmp_path) as engine:
        temporec("run", "--config", first_run.config, "--root", root, *engine.settings)
    for artifact in ("InteractionExampleGen/examples", "Baselines/counts"):
        assert digests(root, artifact) == digests(first_run.left, artifact)
    assert read_record(root)["metrics"] == first_run.record["metrics"]


def test_mistake_that_a_worker_process_finds_has_its_message(tmp_path: Path) -> None:
    """The log is too large to be ingested before the run, and damaged at its end."""
    write_log(tmp_path / "log.csv", users=4_000)
    packed = gzip.compress((tmp_path / "log.csv").read_bytes())
    (tmp_path / "log.csv.gz").write_bytes(packed[:-2_000])
    (tmp_path / "c.yaml").write_text(DATA.format(log=tmp_path / "log.csv.gz"))

    ran = attempt("run", "--config", tmp_path / "c.yaml", "--root", tmp_path / "root", "--set", "beam.workers=2")

    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "log.csv.gz" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
