"""A pushed version of a small model with random weights that reads a table of items."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from pyarrow import parquet

from components.item_table.write_items import write_items
from schemas import config
from tests.components.item_table.test_write_items import examples
from tests.components.item_tables import row, settings, write
from trainer.baselines.constants import ITEMS_FILE
from trainer.data.item_features import ItemFeatures, read_item_features
from trainer.data.training_set_stats import TrainingSetStats
from trainer.network.model import NextItemModel
from trainer.network.model_info import ModelInfo, input_contract, write_model_info
from trainer.network.model_parts import make_lifetimes
from trainer.run_fn import export_model

SEEN, COUNT, LENGTH, K = 30, 33, 6, 10
ITEMS = [f"i{number:02}" for number in range(COUNT)]
UNSEEN, _, NOT_IN_TABLE = ITEMS[SEEN:]  # in no training example; the last one has no row in the table
COLUMNS = ("genres", "price", "image")
VERSION = "1700000000"


def content(number: int) -> dict[str, Any]:
    """Return the content of an item, some of it missing."""
    return {
        "genres": [] if number % 7 == 3 else [f"g{number % 5}", f"h{number % 3}"],
        "price": None if number % 8 == 5 else str(number % 11),
        "image": None if number % 6 == 1 else np.cos(number * np.arange(1.0, 4.0)).tolist(),
        "name": None if number % 9 == 2 else f"Title {number % 6} of {number % 4}",
        "abstract": f"word{number % 5}",
    }


TEXT = {"kind": "hierarchical", "columns": ("title", "abstract"), "token_dim": 4, "units": 6}


def write_version(
    root: Path,
    *,
    of_table: bool = True,
    reranked: bool = True,
    text: Mapping[str, Any] = TEXT,
    expire_after_s: int | None = None,
) -> Path:
    """Export a model to `root/models/VERSION`, and return this folder.

    Args:
        root: an empty folder.
        of_table: whether the model reads the table.
        reranked: whether the lists of the ranking task are served.
        text: the section `model.items.text`, if the model reads the table.
        expire_after_s: the setting of the model. The items were published on 13 September 2020.
    """
    vocabulary, table, version = root / "items", root / "artifact", root / "models" / VERSION
    vocabulary.write_text("".join(f"{item}\n" for item in ITEMS))
    rows = [row(item, **content(number)) for number, item in enumerate(ITEMS) if item != NOT_IN_TABLE]
    items = write(root / "table.jsonl", "jsonl", rows)
    write_items(settings(items, "jsonl"), examples(root / "examples", *ITEMS), str(table))
    seen = np.arange(COUNT) < SEEN
    counts = {"item_id": ITEMS, "interactions": np.where(seen, 2.0, 0.0), "recent": np.where(seen, 1.0, 0.0)}
    parquet.write_table(pa.table(counts), root / ITEMS_FILE)
    columns = COLUMNS if of_table else ()
    network = config.ModelConfig.model_validate(
        {
            "dim": 8,
            "encoder": {"units": 8},
            "items": {"text": text if of_table else {}},
            "reranker": {"candidates": 12},
        }
    )
    reads = (COLUMNS, network.items.text, str(vocabulary))
    features = read_item_features(str(table), *reads) if of_table else ItemFeatures()
    settled = config.TrainerConfig(
        history=config.HistoryConfig(max_length=LENGTH),
        model=network,
        train=config.TrainConfig(),
        serving=config.ServingConfig(k=K, expire_after_s=expire_after_s),
        item_columns=columns,
    )
    model = _random_model(settled, features)
    weights = np.linspace(1.0, 0.1, len(model.score_names)).astype(np.float32)
    model.set_reranker(weights, None, serve=reranked)
    export_model(model, str(version), str(root), str(table), settled, str(vocabulary))
    metrics = {"recall@10": 0.5, "ndcg@10": 0.25}
    info = ModelInfo("ranking", {"retrieval": metrics, "ranking": metrics}, metrics, 1, {}, {}, {})
    write_model_info(str(version), info, input_contract(settled))
    return version


def _random_model(settled: config.TrainerConfig, features: ItemFeatures) -> NextItemModel:
    tf.keras.utils.set_random_seed(0)
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    generator = np.random.default_rng(0)
    fractions = np.where(np.arange(COUNT) < SEEN, 1 / SEEN, 0.0).astype(np.float32)
    sequences = [1 + generator.permutation(SEEN) for _ in range(3)]
    stats = TrainingSetStats(1, fractions, sequences, {})
    lifetimes = make_lifetimes(features, settled)
    model = NextItemModel(stats, LENGTH, settled.model, settled.train, item_features=features, lifetimes=lifetimes)
    model.rank(model.encode(tf.constant([[1]], tf.int64)), tf.constant([[1]], tf.int64))  # creates all weights
    for weight in model.trainable_variables:
        weight.assign_add(0.3 * generator.normal(size=weight.shape))
    return model
