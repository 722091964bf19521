"""Make the environment of `train.py`: `python3.10 make_env.py DIR`. Standard library only."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PYTHON = (3, 10)  # the last version with wheels of PyTorch 1.12.1
STAMP = ".ready"
MARKER = "pyvenv.cfg"  # the standard library's venv writes it into each environment


def main() -> None:
    """Parse the arguments, check the folder, and make the environment."""
    parser = argparse.ArgumentParser(description="Make RecBole's environment, unless it is current.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder for the environment")
    folder = parser.parse_args().folder.absolute()
    if sys.version_info[:2] != PYTHON:
        parser.error(f"expected: Python 3.10, received: {sys.version.split()[0]}, remedy: run it with `python3.10`")
    if folder.exists() and not (folder / MARKER).exists():
        parser.error(f"expected: a new folder or an environment, received: {folder}, remedy: give another DIR")
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if _stamp(folder) == digest:
        print(f"{folder} is current")
        return
    make(folder, digest)


def make(folder: Path, digest: str) -> None:
    """Make the environment from nothing.

    The stamp is written last, so that an incomplete environment is made again.

    Args:
        folder: folder for the environment; an old one is removed.
        digest: digest of the requirements, for the stamp.
    """
    if folder.exists():
        shutil.rmtree(folder)
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin/python"), "-m", "pip", "install", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*install, "--disable-pip-version-check", "-r", str(REQUIREMENTS)], check=True)
    (folder / STAMP).write_text(digest, encoding="utf-8")
    print(f"{folder} is ready")


def _stamp(folder: Path) -> str:
    """Return the digest in an environment's stamp; an empty string if the stamp is missing."""
    stamp = folder / STAMP
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


if __name__ == "__main__":
    main()
