"""When an environment counts as ready, and which settings the installers get. No test installs one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from pipeline.install import environment
from pipeline.install.dependency_sets import TFX_1_16
from pipeline.install.environment import cache_dir, environment_digest, find_ready_set, pip_settings
from tests.pipeline.install.test_interpreters import program

PYPROJECT = """\
[project]
name = "temporec"

[tool.ruff]
line-length = 120

[tool.setuptools.dynamic]
version = { attr = "pipeline.version.VERSION" }
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a ready environment, whose Python reports that all packages can be imported."""
    root = tmp_path / "clone"
    (root / "requirements").mkdir(parents=True)
    (root / TFX_1_16.lock).write_text("numpy==1.26.4\n", encoding="utf-8")
    (root / "setup.py").write_text("setup()\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    program(root / ".venv/bin/python", "echo 3.10.13")
    stamp(root)
    return root


def stamp(root: Path) -> None:
    content = {"set": "tfx-1.16", "digest": environment_digest(root, TFX_1_16, "3.10.13")}
    (root / ".venv" / environment.STAMP).write_text(json.dumps(content), encoding="utf-8")


def test_complete_and_current_environment_is_ready(clone: Path) -> None:
    assert find_ready_set(clone) is TFX_1_16


def test_missing_environment_is_not_ready(tmp_path: Path) -> None:
    assert find_ready_set(tmp_path) is None


def test_environment_without_a_stamp_is_not_ready(clone: Path) -> None:
    (clone / ".venv" / environment.STAMP).unlink()

    assert find_ready_set(clone) is None


def test_environment_with_a_damaged_stamp_is_not_ready(clone: Path) -> None:
    for content in ("", "{", "[]", '{"set": "tfx-2", "digest": ""}', '{"set": "tfx-1.16"}'):
        (clone / ".venv" / environment.STAMP).write_text(content, encoding="utf-8")
        assert find_ready_set(clone) is None


@pytest.mark.parametrize("changed", [TFX_1_16.lock, "setup.py", "pyproject.toml"])
def test_environment_with_a_changed_lock_file_or_package_is_not_ready(clone: Path, changed: str) -> None:
    (clone / changed).write_text("changed\n", encoding="utf-8")

    assert find_ready_set(clone) is None


@pytest.mark.parametrize(
    ("old", "new", "ready"),
    [
        ('name = "temporec"', 'name = "other"', False),
        ("pipeline.version", "pipeline.other", False),
        ("line-length = 120", "line-length = 100", True),
    ],
)
def test_only_the_package_tables_of_pyproject_make_an_environment_outdated(
    clone: Path, old: str, new: str, ready: bool
) -> None:
    (clone / "pyproject.toml").write_text(PYPROJECT.replace(old, new), encoding="utf-8")

    assert (find_ready_set(clone) is TFX_1_16) is ready


def test_environment_of_a_moved_clone_is_not_ready(clone: Path) -> None:
    assert find_ready_set(clone.rename(clone.with_name("moved"))) is None


@pytest.mark.parametrize("body", ["exit 127", "echo 3.10.14", "echo tensorflow,tfx"])
def test_environment_with_a_broken_changed_or_incomplete_python_is_not_ready(clone: Path, body: str) -> None:
    program(clone / ".venv/bin/python", body)

    assert find_ready_set(clone) is None


def test_environment_without_its_python_is_not_ready(clone: Path) -> None:
    shutil.rmtree(clone / ".venv/bin")

    assert find_ready_set(clone) is None


def test_pip_settings_give_uv_the_registry_and_certificates() -> None:
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


def test_pip_settings_prefer_the_environment_variable_in_any_order() -> None:
    lines = ["global.index-url='https://file.example'", ":env:.index-url='https://variable.example'"]

    for listing in ("\n".join(lines), "\n".join(reversed(lines))):
        assert pip_settings(listing) == {"UV_DEFAULT_INDEX": "https://variable.example"}


def test_pip_settings_of_an_empty_listing_are_empty() -> None:
    assert pip_settings("") == {}


def test_cache_is_shared_between_clones_except_in_ci(tmp_path: Path) -> None:
    inside = tmp_path / ".venv/.uv-cache"

    assert cache_dir(tmp_path, {"HOME": str(tmp_path)}) is None
    assert cache_dir(tmp_path, {"HOME": str(tmp_path), "CI": "true"}) == inside


def test_cache_is_in_the_clone_when_the_home_is_on_another_disk(tmp_path: Path) -> None:
    elsewhere = next((p for p in ("/dev/shm", "/proc") if os.stat(p).st_dev != tmp_path.stat().st_dev), None)
    assert elsewhere, "this machine has only one file system"

    assert cache_dir(tmp_path, {"XDG_CACHE_HOME": elsewhere}) == tmp_path / ".venv/.uv-cache"


def test_cache_folder_of_the_user_is_kept(tmp_path: Path) -> None:
    assert cache_dir(tmp_path, {"UV_CACHE_DIR": "/mine", "CI": "true"}) is None
