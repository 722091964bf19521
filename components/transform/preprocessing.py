"""Transform: item ids to integers, with one vocabulary for all, and times and further columns to codes."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schemas.config.log import Feature
from schemas.features import (
    EXCLUDE_IDS,
    GAP,
    ITEM_IDS,
    SPLIT,
    TARGET_ID,
    TARGET_IDS,
    TARGET_TIMESTAMP_S,
    TIMESTAMPS_S,
    TRAIN,
    VOCABULARY,
    boundaries_key,
    codes_key,
    target_key,
)
from serving.export.feature_encoding import bucketize, time_deltas, time_feature_ids

BUCKETS = 32  # of a number, with a similar number of values in each
_ROUNDED_BITS = 13  # of the 23 of a float32: it differs by at most 1 part in 1,024 from the rounded number

Inputs = dict[str, tf.Tensor | tf.RaggedTensor]


def preprocessing_fn(inputs: Inputs, custom_config: dict[str, Any]) -> Inputs:
    """Map item ids, times and further columns to integers, for TFX's Transform.

    Item ids become 1..n in an order that is independent of their frequency. Unknown ids become
    n + 1, and 0 is left for padding. The vocabulary has the items of all splits, because each of
    them may be recommended. Buckets and categories come from the training split alone.

    Args:
        inputs: the features of `schemas.features`, as Transform parses them.
        custom_config: the further columns as JSON (`features`), and whether times are times
            (`times`); a log with the unit `order` has none.

    Returns:
        `item_ids` and `exclude_ids`, int64 [batch, (length)]; `target_id`, int64 [batch]; a code for
        each interaction and the target, int64 [batch, (length + 1)]; and the boundaries of the
        buckets, float32 [batch, BUCKETS - 1], which are equal in all rows.

    Example:
        >>> config = {"times": False, "features": []}  # doctest: +SKIP
        >>> tft_beam.AnalyzeAndTransformDataset(lambda inputs: preprocessing_fn(inputs, config))  # doctest: +SKIP
    """
    outputs = _item_ids(inputs)
    trained_on = inputs[SPLIT] == TRAIN

    def of_training(values: tf.RaggedTensor) -> tf.Tensor:
        return tf.boolean_mask(values.flat_values, tf.repeat(trained_on, values.row_lengths()))

    boundaries = {}
    if custom_config["times"]:
        times = _with_target(inputs[TIMESTAMPS_S], inputs[TARGET_TIMESTAMP_S])
        boundaries[GAP] = _boundaries(of_training(time_deltas(times)))
        outputs |= {codes_key(name): codes for name, codes in time_feature_ids(times, boundaries[GAP]).items()}
    for feature in (Feature.model_validate_json(text) for text in custom_config["features"]):
        values = _with_target(inputs[feature.name], inputs[target_key(feature.name)])
        if feature.kind == "category":
            codes = _category_codes(feature.name, values.flat_values, of_training(values))
        else:
            boundaries[feature.name] = _boundaries(of_training(values))
            codes = bucketize(values.flat_values, boundaries[feature.name])
        outputs[codes_key(feature.name)] = values.with_flat_values(codes)
    for name, numbers in boundaries.items():
        # The trainer needs the boundaries as numbers. See "Bucket boundaries" in docs/decisions.md.
        outputs[boundaries_key(name)] = tf.tile(numbers[tf.newaxis], [inputs[ITEM_IDS].nrows(), 1])
    return outputs


def _item_ids(inputs: Inputs) -> Inputs:
    """Return the integer ids of histories, excluded items and targets."""
    histories, targets, excluded = inputs[ITEM_IDS], inputs[TARGET_IDS], inputs[EXCLUDE_IDS]
    items = tf.concat([histories.flat_values, targets.flat_values, excluded.flat_values], axis=0)
    vocabulary = tft.vocabulary(
        tf.unique(items).y,  # Beam counts each value on its own, and the order below does not depend on counts
        vocab_filename=VOCABULARY,
        fingerprint_shuffle=True,  # in the order of frequency, ids would leak how often an item is a test target
    )

    def to_ids(items: tf.Tensor) -> tf.Tensor:
        return tft.apply_vocabulary(items, vocabulary, num_oov_buckets=1) + 1

    return {
        ITEM_IDS: tf.ragged.map_flat_values(to_ids, histories),
        EXCLUDE_IDS: tf.ragged.map_flat_values(to_ids, excluded),
        TARGET_ID: to_ids(inputs[TARGET_ID]),
    }


def _with_target(history: tf.RaggedTensor, target: tf.Tensor) -> tf.RaggedTensor:
    return tf.concat([history, tf.reshape(target, [-1, 1])], axis=1)


def _category_codes(name: str, values: tf.Tensor, trained_on: tf.Tensor) -> tf.Tensor:
    vocabulary = tft.vocabulary(tf.boolean_mask(trained_on, trained_on != ""), vocab_filename=name)
    return tf.where(values != "", 1 + tft.apply_vocabulary(values, vocabulary, num_oov_buckets=1), 0)


def _boundaries(values: tf.Tensor) -> tf.Tensor:
    """Return the boundaries of buckets with a similar number of values, float32 [BUCKETS - 1]; NaN is in no bucket.

    `tft.quantiles` is an approximation that depends on how Beam divides the examples. Counts of rounded numbers do not.
    """
    known = tf.boolean_mask(values, tf.math.is_finite(values))
    keys, counts = tft.count_per_key(tf.strings.as_string(_to_rounded_code(known)))
    # 0 is there without a count, for a split without a known number.
    codes = tf.concat([tf.strings.to_number(keys, tf.int32), [0]], axis=0)
    order = tf.argsort(codes)
    ranks = tf.cumsum(tf.gather(tf.concat([counts, [0]], axis=0), order))
    # The smallest number that has at least i/BUCKETS of all numbers at or below it.
    at_least = tf.range(1, BUCKETS, dtype=tf.int64) * ranks[-1]
    return _from_rounded_code(tf.gather(codes, tf.gather(order, tf.searchsorted(BUCKETS * ranks, at_least))))


def _to_rounded_code(numbers: tf.Tensor) -> tf.Tensor:
    """Return integers in the order of the numbers, int32. Equal rounded numbers share one."""
    return tf.bitwise.right_shift(_swap_negative(tf.bitcast(numbers + 0.0, tf.int32)), _ROUNDED_BITS)


def _from_rounded_code(codes: tf.Tensor) -> tf.Tensor:
    """Return the smallest number of each code, float32."""
    return tf.bitcast(_swap_negative(tf.bitwise.left_shift(codes, _ROUNDED_BITS)), tf.float32)


def _swap_negative(bits: tf.Tensor) -> tf.Tensor:
    """Invert the bits of negative numbers, so that the bits are in the order of the numbers, and back."""
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, 0x7FFFFFFF), bits)
