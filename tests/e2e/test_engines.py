"""Errors of a run with several worker processes."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.e2e.command import attempt
from tests.e2e.planted import DATA, write_log


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
