"""The doctor: what it finds here, and what it would find where something is wrong."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.commands import doctor
from pipeline.install.lanes import LANE_A
from pipeline.install.machine_checks import FAIL, OK, WARN, MachineCheck
from tests.pipeline.install.test_interpreters import program

LOCK = """\
# a comment
numpy==1.26.4 \\
    --hash=sha256:00
scipy==1.18.1 ; python_full_version >= '3.2' and sys_platform == 'linux' \\
    --hash=sha256:00
scipy==1.17.1 ; python_full_version < '3.2' \\
    --hash=sha256:00
Typing_Extensions==4.16.0
"""


def test_the_report_covers_the_machine_and_the_environment() -> None:
    report = doctor.diagnose()

    assert [check.name for check in report.checks] == [
        "platform", "glibc and lane", "Python", "C++ compiler", "Python headers", "disk", "memory", "cores", "packages",
        "TensorFlow", "legacy Keras", "writable",
    ]  # fmt: skip
    assert {check.status for check in report.checks if check.name in ("platform", "Python")} == {OK}
    assert all(check.remedy for check in report.checks if check.status == FAIL)


def test_a_lock_file_is_read_by_the_markers_of_this_python() -> None:
    assert doctor.locked_versions(LOCK) == {"numpy": "1.26.4", "scipy": "1.18.1", "typing-extensions": "4.16.0"}


def test_missing_and_differing_packages_are_listed_and_others_ignored() -> None:
    locked = {"numpy": "1.26.4", "scipy": "1.18.1", "tfx": "1.16.0"}

    assert doctor.compare(locked, {"numpy": "2.0.0", "tfx": "1.16.0", "mine": "1"}) == [
        "numpy 2.0.0 instead of 1.26.4",
        "scipy 1.18.1 missing",
    ]


def test_packages_that_are_as_locked_pass_and_others_fail(tmp_path: Path) -> None:
    lock = tmp_path / LANE_A.lock
    lock.parent.mkdir()
    lock.write_text(f"numpy=={metadata.version('numpy')}\n", encoding="utf-8")
    assert doctor.check_packages(tmp_path, LANE_A).status == OK

    lock.write_text("".join(f"absent-{number}==1.0\n" for number in range(10)), encoding="utf-8")
    check = doctor.check_packages(tmp_path, LANE_A)
    assert (check.status, check.remedy) == (FAIL, "make setup")
    assert "absent-0 1.0 missing" in check.found
    assert "and 2 more" in check.found


def test_without_a_lock_file_the_packages_are_a_warning(tmp_path: Path) -> None:
    assert doctor.check_packages(tmp_path, LANE_A).status == WARN


def test_an_import_that_fails_or_hangs_is_told_in_one_line(tmp_path: Path) -> None:
    broken = program(tmp_path / "broken", "echo 'Traceback'  >&2; echo 'ImportError: no libtensorflow' >&2; exit 1")
    hanging = program(tmp_path / "hanging", "exec sleep 60")

    (failed,) = doctor.check_tensorflow(str(broken))
    (hung,) = doctor.check_tensorflow(str(hanging), timeout_s=0.2)

    assert (failed.status, failed.found) == (FAIL, "its import failed: ImportError: no libtensorflow")
    assert (hung.status, hung.found) == (FAIL, "its import did not end within 0.2 s")


@pytest.mark.parametrize(("module", "status"), [("tf_keras.src.engine.training", OK), ("keras.src.models.model", FAIL)])
def test_the_keras_that_the_trainer_needs_is_told_from_the_other(tmp_path: Path, module: str, status: str) -> None:
    python = program(tmp_path / "python", f"echo 'answer tensorflow 2.16.2 4.2'; echo 'answer keras {module}'")

    tensorflow, keras = doctor.check_tensorflow(str(python))

    assert (tensorflow.status, tensorflow.found) == (OK, "2.16.2, imported in 4.2 s")
    assert keras.status == status


@pytest.mark.parametrize(("statuses", "able"), [([OK, WARN], True), ([OK, FAIL, WARN], False)])
def test_only_a_failure_makes_a_machine_unable(statuses: list[str], able: bool) -> None:
    assert doctor.Diagnosis(tuple(MachineCheck("a", status, "b") for status in statuses)).able is able


def test_a_missing_compiler_does_not_stop_an_environment_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    compiler = next(check for check in doctor.check_toolchain(Path(sys.executable)) if check.name == "C++ compiler")

    assert compiler.status == WARN
    assert "needed by setup only" in compiler.found


def test_the_report_reads_back_from_json() -> None:
    report = doctor.Diagnosis((MachineCheck("disk", FAIL, "0.1 GB free", "free some space"),))

    assert json.loads(doctor.report_json(report)) == {
        "able": False,
        "checks": [{"name": "disk", "status": "fail", "found": "0.1 GB free", "remedy": "free some space"}],
    }


def test_the_table_shows_every_check_with_text_as_it_is() -> None:
    report = doctor.Diagnosis(
        (MachineCheck("disk", FAIL, "[/data] is full", "free some space"), MachineCheck("cores", OK, "2"))
    )
    console = Console(file=StringIO(), width=120)

    console.print(doctor.report_table(report))

    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    for text in ("not able to run", "disk", "[/data] is full", "free some space", "cores"):
        assert text in shown
