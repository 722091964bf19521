"""A run that is killed and resumed ends like an undisturbed one, and a refit changes no metric."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from components.common.versions import judged_model
from tests.e2e.command import TEMPOREC, temporec
from tests.e2e.conftest import Run, read_record

WITHOUT_REFIT = ("--set", "train.refit=none")  # the undisturbed run has one


def kill_at(line: str, config: Path, root: Path) -> None:
    """Start a run, and kill it with all its children when it prints a line that contains this text."""
    command = [TEMPOREC, "run", "--config", str(config), "--root", str(root), *WITHOUT_REFIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        seen = any(line in printed for printed in process.stdout)
        os.killpg(process.pid, signal.SIGKILL)
    assert seen, f"the run ended before it printed {line!r}"
    assert process.returncode == -signal.SIGKILL


def examples(root: Path) -> dict[str, bytes]:
    """Return the TFRecord files of the completed ingestion, by split and name."""
    (done,) = (path.parent for path in root.glob("artifacts/InteractionExampleGen/examples/*/ingestion.json"))
    return {str(path.relative_to(done)): path.read_bytes() for path in done.glob("Split-*/*")}


def test_run_killed_in_ingestion_training_and_pushing_ends_like_an_undisturbed_one(
    first_run: Run, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    kill_at("InteractionExampleGen ...", first_run.config, root)
    assert not (root / "models").exists()
    kill_at("epoch 3/", first_run.config, root)
    assert not (root / "models").exists()
    kill_at("Pusher ...", first_run.config, root)
    assert all((version / "saved_model.pb").is_file() for version in (root / "models").glob("[0-9]*"))

    temporec("run", "--config", first_run.config, "--root", root, *WITHOUT_REFIT)
    record = read_record(root)
    assert record["metrics"] == first_run.record["metrics"]
    paths = {name: record["data"][name] for name in ("rejected_path", "files_path")}
    assert record["data"] == {**first_run.record["data"], **paths}
    undisturbed = examples(first_run.left)
    assert examples(root) == {name: undisturbed[name] for name in undisturbed if not name.startswith("Split-refit")}
    assert {name.split("/")[0] for name in examples(root)} == {"Split-train", "Split-eval", "Split-test"}
    assert [path.name for path in (root / "models").iterdir() if not path.name.isdecimal()] == []
    assert Path(record["pushed"]["path"], "saved_model.pb").is_file()
    assert judged_model(record["pushed"]["path"]) == record["pushed"]["path"]
