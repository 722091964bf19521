"""A tiny BERT in the files of the Sentence Transformers library, with random weights."""

import json
from collections.abc import Mapping
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
