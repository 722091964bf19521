"""Variables of a saved model that have a row for each item, so that items can be added to it."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

import tensorflow as tf

# The row of a new item: its vector, its bias, or both next to each other; its time of publication; zeros; the first
# row, which is that of padding and of items without counts; the last row again.
Growth = Literal["vector", "bias", "candidate", "published", "zeros", "first", "last"]
_NAME = re.compile(rf"(?:^|/)per_item/({'|'.join(get_args(Growth))})/")


def per_item_variable(values: Any, name: str, growth: Growth) -> tf.Variable:
    """Return a variable whose first axis is the items. The number of items is not fixed in a graph that reads it.

    Its name describes the row of a new item. So `serving.export.grow` extends the variables of any saved model, without
    knowing the network.

    Args:
        values: the initial value, [rows, ...].
        name: the variable's name, without a "/".
        growth: the row of a new item.

    Example:
        >>> per_item_variable(tf.zeros([3, 2]), "neighbours", "zeros").shape
        TensorShape([None, 2])
    """
    initial = tf.convert_to_tensor(values)
    shape = tf.TensorShape([None, *initial.shape[1:]])
    return tf.Variable(initial, trainable=False, shape=shape, name=f"per_item/{growth}/{name}")


def growth_of(name: str) -> Growth | None:
    """Return the growth in the name of a variable; None for a variable without a row for each item.

    Args:
        name: the name, perhaps with a scope before it.
    """
    found = _NAME.search(name)
    growth: Any = found[1] if found else None
    return growth
