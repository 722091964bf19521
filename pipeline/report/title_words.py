"""The words of the items' titles."""

from __future__ import annotations

import tensorflow as tf

from pipeline.report.items import KnownItems
from trainer.data.tokens import tokenize

_WORDS = 32  # of a title


def title_words(items: KnownItems) -> dict[str, set[str]]:
    """Return the words of each title, as the model's tokenizer finds them in any language.

    Args:
        items: the catalogue.

    Returns:
        The words by item id, only for items with a title.
    """
    titled = {item: title for item in items.ids if (title := items.titles.get(item))}
    if not titled:
        return {}
    rows = tokenize(tf.constant(list(titled.values())), _WORDS).to_list()
    return {item: {word.decode() for word in words} for item, words in zip(titled, rows, strict=True)}
