"""Transform: ids to integers, with one vocabulary for histories and targets."""

import tensorflow as tf
import tensorflow_transform as tft

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID, VOCABULARY


def preprocessing_fn(inputs: dict[str, tf.Tensor | tf.RaggedTensor]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """Maps item ids to 1..n by falling frequency, unknown ones to n + 1; 0 stays free for padding."""
    histories, targets, excluded = inputs[ITEM_IDS], inputs[TARGET_ID], inputs[EXCLUDE_IDS]
    vocabulary = tft.vocabulary(
        tf.concat([histories.flat_values, tf.reshape(targets, [-1]), excluded.flat_values], axis=0),
        vocab_filename=VOCABULARY,
    )

    def to_ids(items: tf.Tensor) -> tf.Tensor:
        return tft.apply_vocabulary(items, vocabulary, num_oov_buckets=1) + 1

    return {
        ITEM_IDS: tf.ragged.map_flat_values(to_ids, histories),
        EXCLUDE_IDS: tf.ragged.map_flat_values(to_ids, excluded),
        TARGET_ID: to_ids(targets),
    }
