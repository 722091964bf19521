"""Attacks on the gate: each model goes through the real pipeline, and the right check refuses it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.cli import GATE_REFUSED
from tests.e2e.command import attempt
from tests.e2e.conftest import Run, read_record

REPOSITORY = Path(__file__).parents[2]
ATTACKS = {
    "constant": {"distinct_scores"},
    "nan": {"finite_scores"},
    "nan_vectors": {"finite_scores"},
    "reversed_order": {"export_parity"},
    "shuffled": {"export_parity"},
    "popular": {"beats[popularity]", "personalized_lists"},
    "leaking": {"no_test_leakage"},
}


@pytest.fixture(params=ATTACKS)
def attacked(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """Return an attack, and the path of a temporec whose trainer exports it."""
    for room in ("schemas", "serving", "trainer", "components", "pipeline"):
        shutil.copytree(REPOSITORY / room, tmp_path / room)
    shutil.copy(Path(__file__).with_name("attacks.py"), tmp_path / "trainer" / "attacks.py")
    with (tmp_path / "trainer" / "run_fn.py").open("a") as file:
        file.write(f"\n\nfrom trainer import attacks\n\nrun_fn = attacks.run_fn_of(attacks.{request.param})\n")
    return request.param, tmp_path


def refused(first_run: Run, *arguments: object, path: Path | None = None) -> set[str]:
    """Run, expect the gate to refuse the model and the served version to stay, and return the ids of failed checks."""
    versions = set((first_run.root / "models").iterdir())
    command = ("run", "--config", first_run.config, "--root", first_run.root, *arguments)
    ran = attempt(*command, environ={"PYTHONPATH": str(path)} if path else {})
    assert ran.returncode == GATE_REFUSED, ran.stdout + ran.stderr
    assert "Gate: refused" in ran.stdout
    assert set((first_run.root / "models").iterdir()) == versions
    record = read_record(first_run.root)
    assert record["pushed"] is None
    failed = {check["id"]: check["title"] for check in record["gate"]["checks"] if not check["passed"]}
    assert all(title in ran.stdout for title in failed.values())
    assert f"Report: {first_run.root / 'report.html'}" in ran.stdout.replace("\n", "")
    return set(failed)


def test_attack_fails_the_check_that_is_meant_for_it(first_run: Run, attacked: tuple[str, Path]) -> None:
    name, path = attacked
    assert ATTACKS[name] <= refused(first_run, "--set", "train.epochs=3", path=path)


def test_undertrained_model_fails_no_regression(first_run: Run) -> None:
    settings = (
        "train.epochs=1",
        "train.learning_rate=0.0001",
        "model.reranker.cooccurrence=false",
        "evaluate.gate.floors={}",
    )
    failed = refused(first_run, *(part for each in settings for part in ("--set", each)))
    assert "no_regression" in failed
