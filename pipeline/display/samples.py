"""Sample recommendations of the exported model for a few users of the test split."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import tensorflow as tf

from components.common.example_batches import read_examples
from components.evaluator.systems import load_model
from pipeline.display.titles import read_titles
from schemas.config.tables import ItemsTableConfig
from schemas.features import ITEM_IDS, USER_ID


def sample_recommendations(
    model: Path, examples: Path, items: ItemsTableConfig | None, users: int = 3, last: int = 5
) -> Iterator[tuple[str, list[str], list[tuple[str, float]]]]:
    """Yield sample recommendations.

    Args:
        model: the folder of the saved model.
        examples: the folder of the test examples.
        items: the configuration of the items table, for titles.
        users: the number of users.
        last: the largest number of history items to return.

    Yields:
        User id, titles of the last items (newest first), and recommended titles with their scores.
    """
    titles = read_titles(items)
    serialized = list(islice(read_examples(str(examples)), users))
    answers = load_model(str(model)).signatures["serving_default"](examples=tf.constant(serialized))
    for row, record in enumerate(serialized):
        features = tf.train.Example.FromString(record).features.feature
        history = [item.decode() for item in features[ITEM_IDS].bytes_list.value][-last:][::-1]
        recommended = [item.decode() for item in answers["item_ids"][row].numpy()]
        yield (
            features[USER_ID].bytes_list.value[0].decode(),
            [titles.get(item, item) for item in history],
            [
                (titles.get(item, item), float(score))
                for item, score in zip(recommended, answers["scores"][row].numpy(), strict=True)
                if item
            ],
        )
