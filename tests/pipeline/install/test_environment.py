"""When an environment counts as ready, and what the installers are told. No test installs one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from pipeline.install import environment
from pipeline.install.environment import cache_dir, digest, pip_settings, ready_lane
from pipeline.install.lanes import LANE_A
from tests.pipeline.install.test_interpreters import program


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a ready environment whose Python says that all imports are there."""
    root = tmp_path / "clone"
    (root / "requirements").mkdir(parents=True)
    (root / LANE_A.lock).write_text("numpy==1.26.4\n", encoding="utf-8")
    (root / "setup.py").write_text("setup()\n", encoding="utf-8")
    program(root / ".venv/bin/python", "echo 3.10.13")
    stamp(root)
    return root


def stamp(root: Path) -> None:
    content = {"lane": "A", "digest": digest(root, LANE_A, "3.10.13")}
    (root / ".venv" / environment.STAMP).write_text(json.dumps(content), encoding="utf-8")


def test_a_complete_and_current_environment_is_ready(clone: Path) -> None:
    assert ready_lane(clone) is LANE_A


def test_no_environment_is_not_ready(tmp_path: Path) -> None:
    assert ready_lane(tmp_path) is None


def test_a_killed_installation_left_no_stamp_and_is_not_ready(clone: Path) -> None:
    (clone / ".venv" / environment.STAMP).unlink()

    assert ready_lane(clone) is None


def test_a_damaged_stamp_is_not_ready(clone: Path) -> None:
    for content in ("", "{", "[]", '{"lane": "C", "digest": ""}', '{"lane": "A"}'):
        (clone / ".venv" / environment.STAMP).write_text(content, encoding="utf-8")
        assert ready_lane(clone) is None


@pytest.mark.parametrize("changed", [LANE_A.lock, "setup.py"])
def test_a_changed_lock_file_or_distribution_is_not_ready(clone: Path, changed: str) -> None:
    (clone / changed).write_text("changed\n", encoding="utf-8")

    assert ready_lane(clone) is None


def test_a_moved_clone_is_not_ready(clone: Path) -> None:
    assert ready_lane(clone.rename(clone.with_name("moved"))) is None


@pytest.mark.parametrize("body", ["exit 127", "echo 3.10.14", "echo tensorflow,tfx"])
def test_a_python_that_broke_or_changed_or_misses_packages_is_not_ready(clone: Path, body: str) -> None:
    program(clone / ".venv/bin/python", body)

    assert ready_lane(clone) is None


def test_a_python_that_was_removed_is_not_ready(clone: Path) -> None:
    shutil.rmtree(clone / ".venv/bin")

    assert ready_lane(clone) is None


def test_uv_is_told_the_registry_and_certificates_that_pip_was_given() -> None:
    listing = "\n".join(
        [
            "global.cert='/etc/ssl/own.crt'",
            "global.index-url='https://mirror.example/simple'",
            "global.trusted-host='one.example\\ntwo.example'",
            "global.timeout='60'",
            "freeze.index-url='https://other.example/simple'",
        ]
    )

    assert pip_settings(listing) == {
        "SSL_CERT_FILE": "/etc/ssl/own.crt",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INSECURE_HOST": "one.example two.example",
    }


def test_pips_variable_goes_over_its_file_whatever_the_order() -> None:
    lines = ["global.index-url='https://file.example'", ":env:.index-url='https://variable.example'"]

    for listing in ("\n".join(lines), "\n".join(reversed(lines))):
        assert pip_settings(listing) == {"UV_DEFAULT_INDEX": "https://variable.example"}


def test_no_settings_of_pip_are_no_variables() -> None:
    assert pip_settings("") == {}


def test_downloads_are_shared_between_clones_except_in_ci(tmp_path: Path) -> None:
    inside = tmp_path / ".venv/.uv-cache"

    assert cache_dir(tmp_path, {"HOME": str(tmp_path)}) is None
    assert cache_dir(tmp_path, {"HOME": str(tmp_path), "CI": "true"}) == inside


def test_downloads_stay_in_the_clone_where_no_hard_link_reaches_the_home(tmp_path: Path) -> None:
    elsewhere = next((p for p in ("/dev/shm", "/proc") if os.stat(p).st_dev != tmp_path.stat().st_dev), None)
    assert elsewhere, "this machine has a single file system"

    assert cache_dir(tmp_path, {"XDG_CACHE_HOME": elsewhere}) == tmp_path / ".venv/.uv-cache"


def test_a_cache_of_the_users_own_is_respected(tmp_path: Path) -> None:
    assert cache_dir(tmp_path, {"UV_CACHE_DIR": "/mine", "CI": "true"}) is None
