"""The items of a model in TensorBoard's embedding projector, with their titles and categories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector

from components.evaluator.systems import load_model
from pipeline.display.titles import read_labels
from schemas.config.tables import ItemsTableConfig
from schemas.features import VOCABULARY
from trainer.baselines.read_popularity import read_popularity

POINTS = 10_000  # the most popular items; the browser loads more, but the projector shows only a sample of them
_TENSORS, _METADATA = "items.tsv", "items-metadata.tsv"


def write_projector(log_dir: Path, model: Path, counts: str, items: ItemsTableConfig | None) -> None:
    """Write the projector's files into the logs of a training.

    Titles are not an input of the training. So every run writes these files, even if its model comes from the cache.

    Args:
        log_dir: the log folder of the training.
        model: the folder of the saved model.
        counts: the folder of the baselines' counts.
        items: the configuration of the items table, if there is one.
    """
    vocabulary = model / "assets" / VOCABULARY
    every = np.array(vocabulary.read_bytes().decode().split("\n")[:-1], dtype=object)
    popularity = read_popularity(counts, "popularity", str(vocabulary))
    shown = every[np.argsort(-popularity, kind="stable")[:POINTS]].tolist()
    embed = load_model(str(model)).signatures["embed"]
    vectors = embed(item_ids=tf.constant(shown))["embeddings"].numpy()
    # The last value is the item's popularity, which is the same for every history. Neighbours must not depend on it.
    np.savetxt(log_dir / _TENSORS, vectors[:, :-1], fmt="%.6g", delimiter="\t")
    lines = [[item] for item in shown]
    if items is not None:
        names, labels = read_labels(items)
        none = [""] * (len(names) - 1)
        rows = ((item, labels.get(item, [item, *none])) for item in shown)
        # The title comes first: the projector labels points with the first text column.
        lines = [[names[0], "id", *names[1:]], *([title, item, *categories] for item, (title, *categories) in rows)]
    text = "".join("\t".join(" ".join(field.split()) for field in line) + "\n" for line in lines)
    (log_dir / _METADATA).write_text(text, encoding="utf-8")
    config = projector.ProjectorConfig()
    config.embeddings.add(tensor_name="items", tensor_path=_TENSORS, metadata_path=_METADATA)
    projector.visualize_embeddings(str(log_dir), config)
