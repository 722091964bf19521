"""A tiny BERT in the files of the Sentence Transformers library, with random weights, and its equations in NumPy."""

import json
from collections.abc import Mapping
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcd", "##a", "##b", "rain", "##bow", "!", "東"]
DIM, HEADS, LAYERS, HIDDEN, LONGEST = 8, 2, 2, 12, 6
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": DIM,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 10,
}
POOLING = {"pooling_mode_mean_tokens": True}

Weights = dict[str, npt.NDArray[np.float32]]
Array = npt.NDArray[np.float64]


def random_weights() -> Weights:
    """Return the weights by the names of BERT's own code; a matrix is [outputs, inputs]."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(PIECES), DIM),
        "embeddings.position_embeddings.weight": (10, DIM),
        "embeddings.token_type_embeddings.weight": (2, DIM),
        "embeddings.LayerNorm.weight": (DIM,),
        "embeddings.LayerNorm.bias": (DIM,),
    }
    for layer in (f"encoder.layer.{index}" for index in range(LAYERS)):
        for name, outputs, inputs in (
            *((f"attention.self.{part}", DIM, DIM) for part in ("query", "key", "value")),
            ("attention.output.dense", DIM, DIM),
            ("intermediate.dense", HIDDEN, DIM),
            ("output.dense", DIM, HIDDEN),
        ):
            shapes |= {f"{layer}.{name}.weight": (outputs, inputs), f"{layer}.{name}.bias": (outputs,)}
        for name in ("attention.output", "output"):
            shapes |= {f"{layer}.{name}.LayerNorm.{part}": (DIM,) for part in ("weight", "bias")}
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write_model(folder: Path, weights: Weights, config: Mapping[str, Any] = CONFIG) -> Path:
    """Write a model into a folder, and return the folder."""
    (folder / "1_Pooling").mkdir(parents=True)
    files = {"config.json": config, "sentence_bert_config.json": {"max_seq_length": LONGEST}}
    for name, content in (files | {"1_Pooling/config.json": POOLING}).items():
        (folder / name).write_text(json.dumps(content))
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    numbers = b""
    for name, weight in weights.items():
        header[name] = {
            "dtype": "F32",
            "shape": weight.shape,
            "data_offsets": [len(numbers), len(numbers) + weight.nbytes],
        }
        numbers += weight.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    return folder


def oracle(weights: Weights, ids: list[int], layers: int = LAYERS, heads: int = HEADS) -> Array:
    """Return the vector of one text by the equations of BERT, in NumPy."""
    w: dict[str, Any] = {name: weight.astype(float) for name, weight in weights.items()}

    def norm(name: str, x: Array) -> Array:
        centered = x - x.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centered**2).mean(axis=1, keepdims=True))
        return centered / deviation * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    def dense(name: str, x: Array) -> Array:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    gelu = np.vectorize(lambda x: x * (1 + erf(x / 2**0.5)) / 2)
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm("embeddings", x + w["embeddings.token_type_embeddings.weight"][0])
    for layer in (f"encoder.layer.{index}" for index in range(layers)):
        query, key, value = (dense(f"{layer}.attention.self.{part}", x) for part in ("query", "key", "value"))
        contexts = []
        for columns in np.split(np.arange(x.shape[1]), heads):
            scores = np.exp(query[:, columns] @ key[:, columns].T / len(columns) ** 0.5)
            contexts.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, columns])
        attended = dense(f"{layer}.attention.output.dense", np.concatenate(contexts, axis=1))
        x = norm(f"{layer}.attention.output", x + attended)
        grown = gelu(dense(f"{layer}.intermediate.dense", x))
        x = norm(f"{layer}.output", x + dense(f"{layer}.output.dense", grown))
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)
