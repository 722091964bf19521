"""Make the environment `.venv`, and tell whether it is complete and current.

Standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from pipeline.atomic_file import write_atomically
from pipeline.install import machine_checks
from pipeline.install.dependency_sets import DEPENDENCY_SETS, DependencySet, InstallationPlan

STAMP = ".temporec-ready"
RERUN = "Then run the same command again: it repairs the environment."
_IMPORTABLE = """
import importlib.util, platform
missing = [name for name in ("tensorflow", "tfx", "kfp", "pip", "pipeline") if not importlib.util.find_spec(name)]
print(",".join(missing) or platform.python_version())
"""


class StepFailed(Exception):
    """A failed installation step; the message names the step and the remedy."""


def environment_digest(root: Path, dependency_set: DependencySet, python_version: str) -> str:
    """Return a hash of everything that an environment depends on.

    Args:
        root: the repository; its path counts, because the editable installation contains it.
        dependency_set: the installed set, whose lock file counts.
        python_version: the full version of the environment's Python.

    Returns:
        64 hexadecimal digits.
    """
    parts = [dependency_set.name.encode(), (root / dependency_set.lock).read_bytes(), python_version.encode()]
    parts += [(root / "setup.py").read_bytes(), _distribution(root).encode(), os.fsencode(root)]
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def _distribution(root: Path) -> str:
    """Return the tables of pyproject.toml that define the package, without the settings of linters."""
    tables = re.split(r"^(?=\[)", (root / "pyproject.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return "".join(table for table in tables if table.startswith(("[build-system", "[project", "[tool.setuptools")))


def find_ready_set(root: Path) -> DependencySet | None:
    """Return the dependency set of the environment `.venv`.

    Args:
        root: the repository.

    Returns:
        The set; None when there is no environment, or it is not complete and current.
    """
    venv = root / ".venv"
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        dependency_set = DEPENDENCY_SETS[stamp["set"]]
        command = [str(venv / "bin/python"), "-I", "-c", _IMPORTABLE]
        version = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
        return dependency_set if stamp["digest"] == environment_digest(root, dependency_set, version) else None
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return None  # setup replaces an environment with any damage


def pip_settings(listing: str) -> dict[str, str]:
    """Return the environment variables that give uv pip's registry settings, because uv does not read pip's own.

    Args:
        listing: the output of `pip config list`. A setting from pip's
            environment variables replaces the same setting from its files.

    Returns:
        The values of `UV_DEFAULT_INDEX`, `SSL_CERT_FILE` and `UV_INSECURE_HOST` that pip has a setting for.

    Example:
        >>> pip_settings("global.index-url='https://mirror.example/simple'")
        {'UV_DEFAULT_INDEX': 'https://mirror.example/simple'}
    """
    variables = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE", "trusted-host": "UV_INSECURE_HOST"}
    found = {}
    lines = sorted(listing.splitlines(), key=lambda line: line.startswith(":env:"))
    for line in lines:
        key, separator, value = line.partition("=")
        variable = variables.get(key.split(".")[-1])
        if separator and variable and key.split(".")[0] in (":env:", "global", "install"):
            found[variable] = " ".join(str(ast.literal_eval(value)).split())
    return found


def cache_dir(root: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the folder in which uv keeps its downloads.

    uv's default folder serves all clones, by hard links. The folder is inside
    the environment in two cases: in CI (`CI=true`), which writes only to its
    clone, and where hard links from the default folder are not possible.

    Args:
        root: the repository.
        environ: the environment variables.

    Returns:
        The folder inside the environment; None for uv's default or the user's own `UV_CACHE_DIR`.
    """
    if environ.get("UV_CACHE_DIR"):
        return None
    usual = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or "/") / ".cache")
    while not usual.exists():
        usual = usual.parent
    linkable = usual.stat().st_dev == root.stat().st_dev and os.access(usual, os.W_OK)
    return None if linkable and environ.get("CI", "").lower() != "true" else root / ".venv" / ".uv-cache"


class Installation:
    """A new environment in `root/.venv`, made in steps that print their time.

    Args:
        root: the repository.
        plan: the dependency set and the Python.
        environ: the environment variables of the tools.
        lock: a file descriptor that the tools inherit. A tool that outlives a
            killed setup thus still locks the clone.
    """

    def __init__(self, root: Path, plan: InstallationPlan, environ: Mapping[str, str], lock: int) -> None:
        self._root, self._plan, self._lock = root, plan, lock
        self._venv = root / ".venv"
        self._python = str(self._venv / "bin/python")
        self._environ = {key: value for key, value in environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}

    def run(self) -> None:
        """Remove the old environment and make a new one.

        Raises:
            StepFailed: a step failed; later steps were not started.
        """
        self._remove()
        self._make()
        self._configure()
        self._install()
        self._finish()

    def _remove(self) -> None:
        if not os.path.lexists(self._venv):
            return
        print("removing .venv, which is not complete and current", flush=True)
        if self._venv.is_symlink() or not self._venv.is_dir():
            self._venv.unlink()
            return
        (self._venv / STAMP).unlink(missing_ok=True)  # first, so that a killed removal leaves no stamp
        shutil.rmtree(self._venv)

    def _make(self) -> None:
        command = [self._plan.interpreter.executable, "-I", "-m", "venv", str(self._venv)]
        self._step(
            "1/4 virtual environment .venv",
            command,
            "The Python above cannot make virtual environments. Install its venv package.",
        )

    def _configure(self) -> None:
        settings = subprocess.run(
            [self._python, "-m", "pip", "config", "list"],
            check=False,
            capture_output=True,
            text=True,
            env=self._environ,
        ).stdout
        for variable, value in {**pip_settings(settings), "UV_SYSTEM_CERTS": "1"}.items():
            self._environ.setdefault(variable, value)
        cache = cache_dir(self._root, self._environ)
        if cache:
            print(f"uv keeps its downloads in {cache.relative_to(self._root)}", flush=True)
            self._environ.update(UV_CACHE_DIR=str(cache), PIP_NO_CACHE_DIR="1")
        self._environ.update(machine_checks.find_compiler(self._environ) or {})

    def _install(self) -> None:
        registry = "make PyPI reachable, or set a mirror as for pip (`pip config set global.index-url URL`)."
        pip = [self._python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
        self._step(
            "2/4 uv",
            [*pip, "--require-hashes", "-r", str(self._root / "requirements/uv.txt")],
            f"pip could not download uv from the registry: {registry}",
        )
        quiet = [] if sys.stderr.isatty() else ["--quiet"]
        install = [str(self._venv / "bin/uv"), "pip", "install", "--python", self._python, *quiet]
        lock = str(self._root / self._plan.dependency_set.lock)
        self._step(
            f"3/4 packages of {self._plan.dependency_set.name} (downloads about 1.5 GB the first time)",
            # Many containers set PYTHONDONTWRITEBYTECODE: without this option every command compiles all packages.
            [*install, "--compile-bytecode", "--require-hashes", "--build-constraints", lock, "-r", lock],
            f"uv's message above shows the cause. For a connection error, {registry}",
        )
        self._step(
            "4/4 temporec itself",
            [*install, "--no-deps", "--no-build-isolation", "--editable", str(self._root)],
            "The message above shows the cause.",
        )

    def _step(self, title: str, command: list[str], remedy: str) -> None:
        print(f"[{title}]", flush=True)
        started = time.monotonic()
        done = subprocess.run(command, check=False, env=self._environ, cwd=self._root, pass_fds=[self._lock])
        if done.returncode:
            if shutil.disk_usage(self._root).free < 300e6:
                remedy = (
                    f"The disk is full: setup needs {machine_checks.ENVIRONMENT_GB:g} GB on the disk of {self._root}."
                )
            raise StepFailed(f"step {title.split(' (', 1)[0]} failed.\n{remedy}\n{RERUN}")
        print(f"    done in {time.monotonic() - started:.0f} s", flush=True)

    def _finish(self) -> None:
        chosen = self._plan.dependency_set
        digest = environment_digest(self._root, chosen, self._plan.interpreter.version)
        write_atomically(self._venv / STAMP, json.dumps({"set": chosen.name, "digest": digest}).encode())
        if find_ready_set(self._root) is None:
            raise StepFailed(f"the environment was installed, but its packages cannot be imported.\n{RERUN}")
