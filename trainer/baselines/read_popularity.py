"""The popularity of each item, read from the baselines' counts."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import tensorflow as tf

from schemas.config import PopularityKind
from trainer.baselines.constants import ITEMS_FILE

_COLUMNS: dict[PopularityKind, str] = {"popularity": "interactions", "recent_popularity": "recent"}


def read_popularity(counts: str, baseline: PopularityKind, vocabulary_file: str) -> npt.NDArray[np.float32]:
    """Return the popularity of each item of the vocabulary.

    Args:
        counts: the folder of the baselines' tables.
        baseline: the baseline whose counts to read.
        vocabulary_file: the vocabulary, one item per line.

    Returns:
        float32 [items]; 0 for an item without interactions in the training split.
    """
    column = _COLUMNS[baseline]
    with tf.io.gfile.GFile(f"{counts}/{ITEMS_FILE}", "rb") as file:
        table = pq.read_table(io.BytesIO(file.read()), columns=["item_id", column])
    score_of = dict(zip(table["item_id"].to_pylist(), table[column].to_pylist(), strict=True))
    with tf.io.gfile.GFile(vocabulary_file) as file:
        return np.array([score_of.get(line.rstrip("\n"), 0.0) for line in file], np.float32)
