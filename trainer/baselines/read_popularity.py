"""How popular each item is, as the baselines counted it."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import tensorflow as tf

from schemas.config import PopularityKind
from trainer.baselines.recommenders import ITEMS_FILE

_COLUMNS: dict[PopularityKind, str] = {"popularity": "interactions", "recent_popularity": "recent"}


def read_popularity(counts: str, baseline: PopularityKind, vocabulary_file: str) -> npt.NDArray[np.float32]:
    """A score for each item of the vocabulary, float32 [items]; 0 for what was never interacted with in training.

    Args:
        counts: the folder that the baselines were counted into.
        baseline: which of them.
        vocabulary_file: an item a line.
    """
    column = _COLUMNS[baseline]
    with tf.io.gfile.GFile(f"{counts}/{ITEMS_FILE}", "rb") as file:
        table = pq.read_table(io.BytesIO(file.read()), columns=["item_id", column])
    score_of = dict(zip(table["item_id"].to_pylist(), table[column].to_pylist(), strict=True))
    with tf.io.gfile.GFile(vocabulary_file) as file:
        return np.array([score_of.get(line.rstrip("\n"), 0.0) for line in file], np.float32)
