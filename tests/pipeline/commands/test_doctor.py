"""The checks of `temporec doctor`, on this machine and on broken ones."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.commands import doctor
from pipeline.install.dependency_sets import TFX_1_16
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


def test_locked_versions_follow_the_markers_of_this_python() -> None:
    assert doctor.locked_versions(LOCK) == {"numpy": "1.26.4", "scipy": "1.18.1", "typing-extensions": "4.16.0"}


def test_package_differences_list_missing_and_differing_packages_only() -> None:
    locked = {"numpy": "1.26.4", "scipy": "1.18.1", "tfx": "1.16.0"}

    assert doctor.package_differences(locked, {"numpy": "2.0.0", "tfx": "1.16.0", "mine": "1"}) == [
        "numpy 2.0.0 instead of 1.26.4",
        "scipy 1.18.1 missing",
    ]


def test_packages_as_locked_pass_and_others_fail(tmp_path: Path) -> None:
    lock = tmp_path / TFX_1_16.lock
    lock.parent.mkdir()
    lock.write_text(f"numpy=={metadata.version('numpy')}\n", encoding="utf-8")
    assert doctor.check_packages(tmp_path, TFX_1_16).status == OK

    lock.write_text("".join(f"absent-{number}==1.0\n" for number in range(10)), encoding="utf-8")
    check = doctor.check_packages(tmp_path, TFX_1_16)
    assert (check.status, check.remedy) == (FAIL, "make setup")
    assert "absent-0 1.0 missing" in check.found
    assert "and 2 more" in check.found


def test_packages_without_a_lock_file_warn(tmp_path: Path) -> None:
    assert doctor.check_packages(tmp_path, TFX_1_16).status == WARN


def test_failing_or_hanging_import_is_reported_in_one_line(tmp_path: Path) -> None:
    broken = program(tmp_path / "broken", "echo 'Traceback'  >&2; echo 'ImportError: no libtensorflow' >&2; exit 1")
    hanging = program(tmp_path / "hanging", "exec sleep 60")

    (failed,) = doctor.check_imports(str(broken))
    (hung,) = doctor.check_imports(str(hanging), timeout_s=0.2)

    assert (failed.status, failed.found) == (FAIL, "its import failed: ImportError: no libtensorflow")
    assert (hung.status, hung.found) == (FAIL, "its import did not end within 0.2 s")


@pytest.mark.parametrize(("module", "status"), [("tf_keras.src.engine.training", OK), ("keras.src.models.model", FAIL)])
def test_keras_3_in_place_of_legacy_keras_fails(tmp_path: Path, module: str, status: str) -> None:
    python = program(tmp_path / "python", f"echo 'answer tensorflow 2.16.2 4.2'; echo 'answer keras {module}'; exit 1")

    tensorflow, keras, tfx = doctor.check_imports(str(python))

    assert (tensorflow.status, tensorflow.found) == (OK, "2.16.2, imported after 4.2 s")
    assert keras.status == status
    assert (tfx.status, tfx.found) == (FAIL, "its import failed: exit code 1")


@pytest.mark.parametrize(("statuses", "able"), [([OK, WARN], True), ([OK, FAIL, WARN], False)])
def test_only_a_failed_check_makes_a_machine_unable(statuses: list[str], able: bool) -> None:
    assert doctor.Diagnosis(tuple(MachineCheck("a", status, "b") for status in statuses)).able is able


def test_missing_compiler_only_warns_in_an_installed_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    compiler = next(check for check in doctor.check_toolchain(Path(sys.executable)) if check.name == "C++ compiler")

    assert compiler.status == WARN
    assert "needed by setup only" in compiler.found


def test_diagnosis_json_reads_back() -> None:
    diagnosis = doctor.Diagnosis((MachineCheck("disk", FAIL, "0.1 GB free", "free some space"),))

    assert json.loads(doctor.diagnosis_json(diagnosis)) == {
        "able": False,
        "checks": [{"name": "disk", "status": "fail", "found": "0.1 GB free", "remedy": "free some space"}],
    }


def test_diagnosis_table_shows_every_check_literally() -> None:
    diagnosis = doctor.Diagnosis(
        (MachineCheck("disk", FAIL, "[/data] is full", "free some space"), MachineCheck("cores", OK, "2"))
    )
    console = Console(file=StringIO(), width=120)

    console.print(doctor.diagnosis_table(diagnosis))

    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    for text in ("cannot run", "disk", "[/data] is full", "free some space", "cores"):
        assert text in shown


def test_deleted_working_directory_fails_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted = tmp_path / "deleted"
    deleted.mkdir()
    monkeypatch.chdir(deleted)
    deleted.rmdir()

    (check,) = doctor.check_working_directory()

    assert (check.name, check.status, check.found) == ("working directory", FAIL, "it was deleted")
    assert "change to an existing folder" in check.remedy


@pytest.mark.parametrize(("answered", "failed"), [("tfx", "trainer"), ("keras", "TFX")])
def test_import_that_fails_after_tensorflow_makes_the_machine_unable(
    tmp_path: Path, answered: str, failed: str
) -> None:
    answers = {"tensorflow": "2.16.2 4.2", "keras": "tf_keras.src.engine.training", "tfx": "1.16.0 9.9"}
    names = list(answers)[: list(answers).index(answered) + 1]
    lines = "; ".join(f"echo 'answer {name} {answers[name]}'" for name in names)
    python = program(tmp_path / "python", f"{lines}; echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1")

    checks = doctor.check_imports(str(python))

    assert [check.status for check in checks] == [OK] * len(names) + [FAIL]
    assert (checks[-1].name, checks[-1].found) == (
        failed,
        "its import failed: ModuleNotFoundError: No module named 'torch'",
    )
    assert not doctor.Diagnosis(tuple(checks)).able


def test_import_that_hangs_keeps_the_checks_before_it(tmp_path: Path) -> None:
    python = program(tmp_path / "python", "echo 'answer tensorflow 2.16.2 4.2'; exec sleep 60")

    tensorflow, keras = doctor.check_imports(str(python), timeout_s=2)

    assert (tensorflow.status, keras.status) == (OK, FAIL)
    assert keras.found == "its import did not end within 2 s"
