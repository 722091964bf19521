"""The wheel: it is complete, requires the tested packages, and works in an environment without the clone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.install.dependency_sets import DEPENDENCY_SETS, DependencySet
from pipeline.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("schemas", "serving", "trainer", "components", "pipeline")
INSTALLED = (".py", ".pbtxt", ".yaml", ".j2", ".css", ".js")


def files_of(*paths: str) -> list[str]:
    """The files of the clone below some paths, without those that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *paths]
    listed = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def run(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run(command, check=False, cwd=cwd, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the clone: a `build/` left in the clone could hide a missing package."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in files_of(*ROOMS, "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", output, source, cwd=source)
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"temporec-{VERSION}.dist-info/METADATA").decode())


def test_wheel_contains_every_file_of_the_rooms(wheel: Path) -> None:
    expected = {name for name in files_of(*ROOMS) if name.endswith(INSTALLED)}
    with zipfile.ZipFile(wheel) as archive:
        contained = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert len(expected) > 100
    assert contained == expected


def test_wheel_names_version_licence_and_python(metadata: Message) -> None:
    assert metadata["Version"] == VERSION
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Requires-Python"] == "<3.14,>=3.10"


def versions_for(dependency_set: DependencySet, series: str) -> dict[str, str]:
    """The versions in a lock file that apply to a Python series."""
    lines = (ROOT / dependency_set.lock).read_text(encoding="utf-8").splitlines()
    entries = [Requirement(line.rstrip("\\").strip()) for line in lines if line[:1].isalpha()]
    return {
        canonicalize_name(entry.name): next(iter(entry.specifier)).version
        for entry in entries
        if entry.marker is None or entry.marker.evaluate(python(series))
    }


def python(series: str) -> dict[str, str]:
    return {"python_version": series, "python_full_version": f"{series}.9", "extra": ""}


@pytest.mark.parametrize(
    ("dependency_set", "series"),
    [(each, series) for each in DEPENDENCY_SETS.values() for series in each.pythons],
    ids=lambda value: getattr(value, "name", value),
)
def test_wheel_requires_only_packages_of_the_lock_file(
    metadata: Message, dependency_set: DependencySet, series: str
) -> None:
    locked = versions_for(dependency_set, series)
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    applying = [each for each in requirements if each.marker is None or each.marker.evaluate(python(series))]

    assert {"tfx", "tensorflow", "tf-keras", "apache-beam", "kfp"} <= {
        canonicalize_name(each.name) for each in applying if str(each.specifier).startswith("==")
    }
    assert [str(each) for each in applying if locked[canonicalize_name(each.name)] not in each.specifier] == []


def test_wheel_works_in_an_environment_without_the_clone(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, symlinks=True)
    executable = environment / "bin/python"
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", executable, "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel, cwd=tmp_path)
    # Python ignores .pth files in a folder that a .pth file adds, so the editable clone stays invisible.
    packages = sysconfig.get_path("purelib")
    (next(environment.glob("lib/python*/site-packages")) / "packages.pth").write_text(packages, encoding="utf-8")
    config = "name: wheel\ndata:\n  path: log.csv\n  columns: {user: user, item: item, timestamp: time}\n"
    config += "  timestamp: {unit: s}\n"
    (tmp_path / "good.yaml").write_text(config)
    read = f"""
from pathlib import Path
import schemas, serving, trainer, components, pipeline
from schemas.loading import load_config
for room in (schemas, serving, trainer, components, pipeline):
    assert Path(room.__file__).is_relative_to({str(environment)!r}), room.__file__
print(load_config(Path("good.yaml")).name, (Path(pipeline.__file__).parent / "configs/quickstart.yaml").is_file())
"""

    assert run(environment / "bin/temporec", "--version", cwd=tmp_path) == f"{VERSION}\n"
    assert "Usage: temporec" in run(environment / "bin/temporec", "--help", cwd=tmp_path)
    assert run(executable, "-c", read, cwd=tmp_path) == "wheel True\n"
