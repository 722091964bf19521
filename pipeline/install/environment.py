"""The environment `.venv`: whether it is complete and current, and how it is made.

Standard library only, for it runs before anything is installed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from pipeline.install import lanes, machine_checks

STAMP = ".temporec-ready"
RERUN = "Run the same command again afterwards: it repairs the environment."
_IMPORTABLE = """
import importlib.util, platform
missing = [name for name in ("tensorflow", "tfx", "kfp", "pip", "pipeline") if not importlib.util.find_spec(name)]
print(",".join(missing) or platform.python_version())
"""


class StepFailed(Exception):
    """An installation step failed; the message says which and what to do."""


def digest(root: Path, lane: lanes.Lane, python_version: str) -> str:
    """What an environment depends on: lane, lock file, Python, distribution, and where the clone lies."""
    parts = [lane.name.encode(), (root / lane.lock).read_bytes(), python_version.encode()]
    parts += [(root / "setup.py").read_bytes(), os.fsencode(root)]
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def ready_lane(root: Path) -> lanes.Lane | None:
    """The lane of the environment in `root/.venv`; None when there is none, or it is not complete and current."""
    venv = root / ".venv"
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        lane = lanes.LANES[stamp["lane"]]
        command = [str(venv / "bin/python"), "-I", "-c", _IMPORTABLE]
        version = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
        return lane if stamp["digest"] == digest(root, lane, version) else None
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return None  # whatever is broken in it, it is made again


def pip_settings(listing: str) -> dict[str, str]:
    """uv's variables for the registry that pip was set up with; uv does not read pip's configuration.

    Args:
        listing: the output of `pip config list`; of equal keys the last line
            wins (it lists the environment's first, so that one is put last).
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
    """Where uv keeps what it downloads; None for its usual place.

    The usual place serves all clones, by hard links. In CI (`CI=true`), which
    leaves nothing outside its clone, and where no hard link can reach or write
    the usual place, it is inside the environment.
    """
    if environ.get("UV_CACHE_DIR"):
        return None
    usual = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or "/") / ".cache")
    while not usual.exists():
        usual = usual.parent
    linkable = usual.stat().st_dev == root.stat().st_dev and os.access(usual, os.W_OK)
    return None if linkable and environ.get("CI", "").lower() != "true" else root / ".venv" / ".uv-cache"


class Installation:
    """Makes `root/.venv`, step by step, each announced with the time it took.

    Args:
        root: the repository.
        choice: the lane and the Python.
        environ: the variables that the tools see.
        lock: the descriptor that the tools keep open, so that an orphan of a
            killed setup still holds the clone.
    """

    def __init__(self, root: Path, choice: lanes.Choice, environ: Mapping[str, str], lock: int) -> None:
        self._root, self._choice, self._lock = root, choice, lock
        self._venv = root / ".venv"
        self._python = str(self._venv / "bin/python")
        self._environ = {key: value for key, value in environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}

    def run(self) -> None:
        """Raises `StepFailed` at the first step that fails."""
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
        (self._venv / STAMP).unlink(missing_ok=True)  # first: what is left of a killed removal must not look ready
        shutil.rmtree(self._venv)

    def _make(self) -> None:
        command = [self._choice.interpreter.executable, "-I", "-m", "venv", str(self._venv)]
        self._step("1/4 virtual environment .venv", command, "The Python above cannot make environments.")

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
            print(f"downloads are kept in {cache.relative_to(self._root)}", flush=True)
            self._environ.update(UV_CACHE_DIR=str(cache), PIP_NO_CACHE_DIR="1")
        self._environ.update(machine_checks.find_compiler(self._environ) or {})

    def _install(self) -> None:
        registry = "reach PyPI, or set a mirror of it as for pip (`pip config set global.index-url URL`)."
        pip = [self._python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
        self._step(
            "2/4 uv",
            [*pip, "--require-hashes", "-r", str(self._root / "requirements/uv.txt")],
            f"pip got no uv from the registry: {registry}",
        )
        quiet = [] if sys.stderr.isatty() else ["--quiet"]
        install = [str(self._venv / "bin/uv"), "pip", "install", "--python", self._python, *quiet]
        lock = str(self._root / self._choice.lane.lock)
        self._step(
            f"3/4 packages of lane {self._choice.lane.name} (about 1.5 GB to download, some minutes the first time)",
            # Where Python is told to write no bytecode, as in many containers, each command would compile it all again.
            [*install, "--compile-bytecode", "--require-hashes", "--build-constraints", lock, "-r", lock],
            f"uv's message above has the cause. If it is the connection, {registry}",
        )
        self._step(
            "4/4 temporec itself",
            [*install, "--no-deps", "--no-build-isolation", "--editable", str(self._root)],
            "The message above has the cause.",
        )

    def _step(self, title: str, command: list[str], remedy: str) -> None:
        print(f"[{title}]", flush=True)
        started = time.monotonic()
        done = subprocess.run(command, check=False, env=self._environ, cwd=self._root, pass_fds=[self._lock])
        if done.returncode:
            if shutil.disk_usage(self._root).free < 300e6:
                remedy = f"The disk is full: {machine_checks.ENVIRONMENT_GB:g} GB are needed where {self._root} lies."
            raise StepFailed(f"step {title.split(' (', 1)[0]} failed.\n{remedy}\n{RERUN}")
        print(f"    done in {time.monotonic() - started:.0f} s", flush=True)

    def _finish(self) -> None:
        lane = self._choice.lane
        stamp = {"lane": lane.name, "digest": digest(self._root, lane, self._choice.interpreter.version)}
        partial = self._venv / f"{STAMP}.part"
        partial.write_text(json.dumps(stamp), encoding="utf-8")
        partial.replace(self._venv / STAMP)
        if ready_lane(self._root) is None:
            raise StepFailed(f"the environment was installed but does not import.\n{RERUN}")
