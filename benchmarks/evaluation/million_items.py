"""Make a log and a random model of a million items, to measure the cost of a large catalogue.

    .venv/bin/python -m benchmarks.evaluation.million_items FOLDER

writes the files that `measure_once.py` reads: `config.json`, `examples`, `counts` and `model`.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from components.baselines.count_pipeline import count_baselines
from components.baselines.tables import read_catalogue
from components.example_gen.ingest import ingest
from pipeline.runners.beam_options import beam_args
from schemas.config import BeamConfig, Config
from serving.export.export import export
from serving.export.feature_encoding import FeatureEncodings
from serving.export.lifetimes import ItemLifetimes

ITEMS, DIM, LENGTH = 1_000_000, 64, 50
TRAINED, TESTED = 25_000, 10_000  # users in training only, and users with a test target


class Encoded(NamedTuple):
    """A history as the model encodes it."""

    query: tf.Tensor
    attention: tf.Tensor


class Random(tf.Module):
    """A model with random item vectors. The query of a history is the vector of its last item."""

    encodings = FeatureEncodings()
    lifetimes = ItemLifetimes()
    max_length, serves_reranked, rerank_depth = LENGTH, True, 200

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        vectors = np.random.default_rng(seed).normal(size=(ITEMS, DIM)).astype(np.float32)
        self.table = tf.Variable(vectors, trainable=False)

    def encode(self, item_ids: tf.Tensor, codes: Mapping[str, tf.Tensor]) -> Encoded:
        """Return the vector of the last item."""
        last = tf.reduce_sum(tf.cast(item_ids != 0, tf.int32), axis=1) - 1
        items = tf.gather(item_ids, tf.maximum(last, 0), batch_dims=1)
        query = tf.gather(self.table, tf.maximum(items - 1, 0))
        return Encoded(query, tf.cast(item_ids != 0, tf.float32))

    def candidates(self) -> tf.Tensor:
        """Return the vectors of all items."""
        return self.table

    def extra_candidates(self, history: Encoded) -> tf.Tensor:
        """Return no candidates in addition to retrieval's."""
        return tf.zeros([tf.shape(history.query)[0], 1], tf.int64)

    def rank(self, history: Encoded, candidate_ids: tf.Tensor) -> tf.Tensor:
        """Return retrieval's scores with the opposite sign."""
        vectors = tf.gather(self.table, tf.maximum(candidate_ids - 1, 0))
        return -tf.einsum("bd,bnd->bn", history.query, vectors)


def write_log(path: Path, seed: int = 1) -> None:
    """Write each item at least once, in histories of `LENGTH`, with the test targets after the split time."""
    random = np.random.default_rng(seed)
    users = TRAINED + TESTED
    items = np.concatenate([random.permutation(ITEMS), random.integers(ITEMS, size=users * LENGTH - ITEMS)])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", "timestamp"])
        for place, item in enumerate(items.tolist()):
            user = place // LENGTH
            late = user >= TRAINED and place % LENGTH == LENGTH - 1
            writer.writerow([f"u{user}", f"i{item}", 2_000_000_000 if late else 1_600_000_000 + place])


def main(folder: Path) -> None:
    """Write the log, the configuration, the examples, the counts and the model."""
    folder.mkdir(parents=True, exist_ok=True)
    write_log(folder / "log.csv")
    config = Config.model_validate(
        {
            "name": "large",
            "data": {
                "path": str(folder / "log.csv"),
                "columns": {"user": "user_id", "item": "item_id", "timestamp": "timestamp"},
                "timestamp": {"unit": "s"},
            },
            "split": {"kind": "temporal", "test_from": "2030-01-01", "validation_from": "2020-10-02"},
        }
    )
    (folder / "config.json").write_text(config.model_dump_json())
    options = PipelineOptions(beam_args(BeamConfig()))
    make_pipeline = partial(beam.Pipeline, options=options)
    ingest(make_pipeline, config.data, config.split, config.history, str(folder / "examples"))
    with beam.Pipeline(options=options) as pipeline:
        count_baselines(pipeline, str(folder / "examples"), str(folder / "counts"), config.data.features)
    items = read_catalogue(str(folder / "counts"))
    (folder / "items").write_text("".join(f"{item}\n" for item in items))
    popularity = np.full(len(items), 1.0 / len(items), np.float32)
    export(
        Random(),
        str(folder / "model"),
        vocabulary_file=str(folder / "items"),
        popularity=popularity,
        k=10,
        remove_seen=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
