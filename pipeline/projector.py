"""The items of a model in TensorBoard's embedding projector, by their titles and categories."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector

from components.systems import load_model
from pipeline.titles import read_labels
from schemas.features import VOCABULARY
from schemas.log import Items

POINTS = 10_000  # the most popular items: more the projector samples by itself, after the browser has loaded them all
_TENSORS, _METADATA = "items.tsv", "items-metadata.tsv"


def write_projector(log_dir: Path, model: Path, items: Items | None) -> None:
    """Writes what the projector shows of a training.

    Titles are no input of a training, so this follows each run, also where the model comes from the cache.

    Args:
        log_dir: of the training.
        model: the saved model.
        items: their table, if there is one.
    """
    with (model / "assets" / VOCABULARY).open(encoding="utf-8", newline="\n") as vocabulary:  # most frequent first
        shown = [line.rstrip("\n") for line in islice(vocabulary, POINTS)]
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
