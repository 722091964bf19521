"""What a saved model needs to make vectors of new items: its item tower, next to the files that a server loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from schemas.config.tables import ItemTableConfig
from schemas.errors import InputError
from serving.export.grow import NewItems
from trainer.data.item_content import ItemContent
from trainer.data.item_features import ItemEncoding, Rows
from trainer.network.item_tower import ItemTower

_FOLDER = "assets.extra/content"
_DESCRIPTION, _TOWER = f"{_FOLDER}/content.json", f"{_FOLDER}/tower"
_AT_ONCE = 10_000  # items


@dataclass(frozen=True, eq=False)
class ContentModel:
    """The content that a model reads of an item, and how it becomes the item's vector.

    Args:
        table: the settings of the table of items in the training, with the path of another table.
        encoding: the encoding of the columns that the model reads.
        sources: the names of the tower's sources: these columns, and columns of the log.
        tower: the saved tower, with the function `content_vectors`.
    """

    table: ItemTableConfig
    encoding: ItemEncoding
    sources: tuple[str, ...]
    tower: Any

    def new_items(self, items: ItemContent, rows: Rows) -> NewItems:
        """Return some items of a table with the vectors of their content.

        Args:
            items: the table, with the columns of `table`.
            rows: rows of the table.

        Returns:
            The items in the order of `rows`.
        """
        parts = [self._vectors(items, rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
        vectors, biases = (np.concatenate(part) for part in zip(*parts, strict=True))
        return NewItems([str(items.ids[row]) for row in rows], vectors, biases, items.published_of(rows))

    def _vectors(self, items: ItemContent, rows: Rows) -> tuple[Any, Any]:
        content = self.encoding.encode(items, rows).by_source
        # A column of the log describes no item that the log lacks.
        none = np.zeros([len(rows), 1], np.int64)
        given = {name: tf.constant(content.get(name, none)) for name in self.sources}
        vectors, biases = self.tower.content_vectors(given)
        return vectors.numpy(), biases.numpy()


def write_content_model(model: str, tower: ItemTower, table: Mapping[str, Any]) -> None:
    """Write the item tower of a model into the folder of its saved model.

    Args:
        model: the folder of the saved model.
        tower: the tower of a model that reads columns of a table of items.
        table: the settings of this table, an `ItemTableConfig` as JSON can hold it.
    """
    saved = tf.Module()
    saved.content_vectors = tf.function(tower.content_vectors, input_signature=[tower.content_specs()], autograph=False)
    saved.read = list(saved.content_vectors.get_concrete_function().variables)
    tf.saved_model.save(saved, f"{model}/{_TOWER}", signatures={})
    # The path leads to a folder of the machine that trained.
    table = {**table, "items": {**table["items"], "path": ""}}
    content = {"table": table, "encoding": tower.encoding.to_json(), "sources": list(tower.content_specs())}
    with tf.io.gfile.GFile(f"{model}/{_DESCRIPTION}", "w") as file:
        file.write(json.dumps(content, indent=1) + "\n")


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
    return ContentModel(
        ItemTableConfig.model_validate(table),
        ItemEncoding.from_json(content["encoding"]),
        tuple(content["sources"]),
        tf.saved_model.load(f"{model}/{_TOWER}"),
    )
