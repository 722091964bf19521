"""The items of a model in TensorBoard's embedding projector, by their titles and categories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector

from components.evaluator.systems import load_model
from pipeline.display.titles import read_labels
from schemas.config.log import ItemsTableConfig
from schemas.features import VOCABULARY
from trainer.baselines.read_popularity import read_popularity

POINTS = 10_000  # the most popular items: more the projector samples by itself, after the browser has loaded them all
_TENSORS, _METADATA = "items.tsv", "items-metadata.tsv"


def write_projector(log_dir: Path, model: Path, counts: str, items: ItemsTableConfig | None) -> None:
    """Writes what the projector shows of a training.

    Titles are no input of a training, so this follows each run, also where the model comes from the cache.

    Args:
        log_dir: of the training.
        model: the saved model.
        counts: the folder of what the baselines counted.
        items: their table, if there is one.
    """
    vocabulary = model / "assets" / VOCABULARY
    every = np.array(vocabulary.read_bytes().decode().split("\n")[:-1], dtype=object)
    popularity = read_popularity(counts, "popularity", str(vocabulary))
    shown = every[np.argsort(-popularity, kind="stable")[:POINTS]].tolist()
    embed = load_model(str(model)).signatures["embed"]
    vectors = embed(item_ids=tf.constant(shown))["embeddings"].numpy()
    # The last number is how popular an item is whatever the history: neighbours are to be alike beside that.
    np.savetxt(log_dir / _TENSORS, vectors[:, :-1], fmt="%.6g", delimiter="\t")
    lines = [[item] for item in shown]
    if items is not None:
        names, labels = read_labels(items)
        none = [""] * (len(names) - 1)
        rows = ((item, labels.get(item, [item, *none])) for item in shown)
        # The title first: the projector takes a column of text for the points' labels.
        lines = [[names[0], "id", *names[1:]], *([title, item, *categories] for item, (title, *categories) in rows)]
    text = "".join("\t".join(" ".join(field.split()) for field in line) + "\n" for line in lines)
    (log_dir / _METADATA).write_text(text, encoding="utf-8")
    config = projector.ProjectorConfig()
    config.embeddings.add(tensor_name="items", tensor_path=_TENSORS, metadata_path=_METADATA)
    projector.visualize_embeddings(str(log_dir), config)
