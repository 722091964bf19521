"""Variables of a saved model that have a row for each item, so that items can be added to it."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple, get_args

import tensorflow as tf

# The row of a new item: the weighted mean of similar items' rows, with its boost added to the last number or not; the
# row of the most similar item; its boost; its time of publication; zeros. The last three are the parts of a sparse
# table of pairs of items, which all have the table's name.
Growth = Literal["mean", "boosted_mean", "nearest", "boost", "published", "zeros", "ends", "columns", "values"]
_NAME = re.compile(rf"(?:^|/)per_item/({'|'.join(get_args(Growth))})/([^/:]*)")


class GrowingVariable(NamedTuple):
    """What the name of a variable says about the row of a new item."""

    growth: Growth
    name: str


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


def growing_variable(name: str) -> GrowingVariable | None:
    """Return what the name of a variable says; None for a variable without a row for each item.

    Args:
        name: the name, perhaps with a scope before it.
    """
    found = _NAME.search(name)
    if found is None:
        return None
    growth: Any = found[1]
    return GrowingVariable(growth, found[2])
