"""Makes the environment that `train.py` runs in: `python3.10 make_env.py DIR`. Standard library only."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PYTHON = (3, 10)  # the last that PyTorch 1.12.1 has wheels for
STAMP = ".ready"
MARKER = "pyvenv.cfg"  # what the standard library's venv leaves in every environment


def main() -> None:
    """Parses, checks, makes."""
    parser = argparse.ArgumentParser(description="Makes RecBole's environment; a current one is left alone.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the environment is to be")
    folder = parser.parse_args().folder.absolute()
    if sys.version_info[:2] != PYTHON:
        parser.error(f"expected Python 3.10, received {sys.version.split()[0]}; run it with `python3.10`")
    if folder.exists() and not (folder / MARKER).exists():
        parser.error(f"expected no folder or an environment made before, received {folder}; give another DIR")
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if _stamp(folder) == digest:
        print(f"{folder} is current")
        return
    make(folder, digest)


def make(folder: Path, digest: str) -> None:
    """Makes the environment from nothing; it is stamped last, so that one that was killed is made again."""
    if folder.exists():
        shutil.rmtree(folder)
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin/python"), "-m", "pip", "install", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*install, "--disable-pip-version-check", "-r", str(REQUIREMENTS)], check=True)
    (folder / STAMP).write_text(digest, encoding="utf-8")
    print(f"{folder} is ready")


def _stamp(folder: Path) -> str:
    """What the environment in a folder was made from; empty where there is none, or it is not complete."""
    stamp = folder / STAMP
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


if __name__ == "__main__":
    main()
