"""What a saved model needs to place new items: the content of its items, next to the files that a server loads."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config.tables import ItemTableConfig
from schemas.errors import InputError
from serving.export.grow import NewItems
from trainer.data.content_similarity import nearest_known
from trainer.data.item_content import ItemContent
from trainer.data.item_features import ItemEncoding, ItemFeatures, Rows

_FOLDER = "assets.extra/content"
_DESCRIPTION, _KNOWN = f"{_FOLDER}/content.json", f"{_FOLDER}/known.npz"


@dataclass(frozen=True, eq=False)
class ContentModel:
    """The content that a model reads of items, and that of the items that it was trained with.

    Args:
        table: the settings of the table of items in the training, with the path of another table.
        encoding: the encoding of the columns that the model reads.
        known: the content of the model's items; only those with interactions in the training have any.
        similar: how many known items count for a new one.
    """

    table: ItemTableConfig
    encoding: ItemEncoding
    known: ItemFeatures
    similar: int = 10

    def new_items(self, items: ItemContent, rows: Rows, boost: float) -> NewItems:
        """Return those items of a table that have anything in common with a known one.

        Args:
            items: the table, with the columns of `table`.
            rows: rows of the table.
            boost: what is added to the scores of the items.

        Returns:
            The items in the order of `rows`.
        """
        padded = np.concatenate([[-1], rows])  # row 0 of the content is padding
        likeness = nearest_known(self.known, self.encoding.encode(items, padded), self.similar)
        placed = np.flatnonzero(likeness.getnnz(axis=1))
        ids = [str(items.ids[row]) for row in rows[placed]]
        return NewItems(ids, likeness[placed], boost, items.published_of(rows[placed]))


def write_content_model(
    model: str, known: ItemFeatures, trained: npt.NDArray[np.bool_], table: Mapping[str, Any]
) -> None:
    """Write the content of a model's items into the folder of its saved model.

    Args:
        model: the folder of the saved model.
        known: the content that the model reads of a table of items.
        trained: bool [1 + items], whether the training has interactions with an item. A new item must not be like the
            others, whose vectors nobody's behaviour has placed.
        table: the settings of this table, an `ItemTableConfig` as JSON can hold it.
    """
    # The path leads to a folder of the machine that trained.
    table = {**table, "items": {**table["items"], "path": ""}}
    tf.io.gfile.makedirs(f"{model}/{_FOLDER}")
    with tf.io.gfile.GFile(f"{model}/{_DESCRIPTION}", "w") as file:
        file.write(json.dumps({"table": table, "encoding": known.encoding.to_json()}, indent=1) + "\n")
    content = io.BytesIO()
    np.savez_compressed(content, **{name: _emptied(rows, ~trained) for name, rows in known.by_source.items()})
    with tf.io.gfile.GFile(f"{model}/{_KNOWN}", "wb") as file:
        file.write(content.getvalue())


def _emptied(content: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Return the content of items with no value in the chosen rows."""
    emptied = content.copy()
    emptied[chosen] = np.nan if content.dtype.kind == "f" else 0
    return emptied


def read_content_model(model: str, path: str) -> ContentModel:
    """Read what `write_content_model` wrote.

    Args:
        model: the folder of a saved model, on a file system that TensorFlow can read.
        path: the table with new items.

    Raises:
        InputError: the model reads no column of a table of items.
    """
    description = f"{model}/{_DESCRIPTION}"
    if not tf.io.gfile.exists(description):
        raise InputError(
            expected=f"a model that reads the content of items, with the file {_DESCRIPTION}",
            received="a model that knows an item by its id only",
            remedy="train with a table in data.items, and name its columns in model.inputs.columns",
        )
    with tf.io.gfile.GFile(description) as file:
        content = json.loads(file.read())
    table = content["table"]
    table["items"]["path"] = path
    encoding = ItemEncoding.from_json(content["encoding"])
    with tf.io.gfile.GFile(f"{model}/{_KNOWN}", "rb") as file:
        known = ItemFeatures.from_sources(dict(np.load(io.BytesIO(file.read()))), encoding)
    return ContentModel(ItemTableConfig.model_validate(table), encoding, known)
