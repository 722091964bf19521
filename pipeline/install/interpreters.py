"""Find the Pythons of this machine by running them.

Standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs.

    Args:
        executable: its path, outside of any virtual environment.
        version: the full version, like `3.13.5`.
        include: the folder of its C headers.
        has_headers: whether `Python.h` is in that folder.
        has_venv: whether it can make virtual environments that contain pip.
    """

    executable: str
    version: str
    include: str
    has_headers: bool
    has_venv: bool

    @property
    def series(self) -> str:
        """Major and minor version, like `3.13`."""
        return ".".join(self.version.split(".")[:2])


def find_interpreters(environ: Mapping[str, str], wanted: Sequence[str]) -> list[Interpreter]:
    """Find every working Python of the wanted series.

    Args:
        environ: the environment variables that say where to search: `PATH`, then pyenv's versions, then uv's Pythons.
        wanted: the series, like `3.13`, the preferred one first.

    Returns:
        The Pythons in the order of the search; one with several names appears once.
    """
    found: dict[str, Interpreter] = {}
    for path in _candidates(environ, wanted):
        interpreter = probe(path)
        if interpreter and interpreter.series in wanted:
            found.setdefault(os.path.realpath(interpreter.executable), interpreter)
    return list(found.values())


def _candidates(environ: Mapping[str, str], wanted: Sequence[str]) -> Iterator[Path]:
    home = Path(environ.get("HOME") or "/")
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    for series in wanted:
        yield from (Path(part) / f"python{series}" for part in environ.get("PATH", "").split(os.pathsep) if part)
        yield from sorted(pyenv.glob(f"versions/{series}.*/bin/python"), reverse=True)
        yield from sorted(uv.glob(f"cpython-{series}.*/bin/python{series}"), reverse=True)


_PROBE = """
import importlib.util, json, os, platform, sys, sysconfig
include = sysconfig.get_path("include")
executable = sys.executable
if sys.prefix != sys.base_prefix:  # a virtual environment, which setup may remove
    executable = os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2])
print(json.dumps({
    "executable": executable,
    "version": platform.python_version(),
    "include": include,
    "has_headers": os.path.isfile(os.path.join(include, "Python.h")),
    "has_venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
    "usable": sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED"),
}))
"""


def probe(executable: Path) -> Interpreter | None:
    """Run a Python and return what it reports about itself.

    Args:
        executable: the file to run.

    Returns:
        The Python; None when it does not run (as some of pyenv's shims) or has no wheels (PyPy, free-threaded builds).
    """
    if not os.access(executable, os.X_OK):
        return None
    try:
        command = [str(executable), "-I", "-c", _PROBE]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        facts = json.loads(answer)
        usable = facts.pop("usable")
        return Interpreter(**facts) if usable else None
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError, AttributeError):
        return None  # not a working Python
