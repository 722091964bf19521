"""The retrieval scores in the answer of the signature `score`."""

from pathlib import Path

import tensorflow as tf

from tests.serving.successor import LOWEST


def test_retrieval_scores_are_those_of_the_search(model: Path) -> None:
    score = tf.saved_model.load(str(model)).signatures["score"]

    found = score(
        item_ids=tf.constant([["a", "c"], ["", "nope"]]),
        candidate_ids=tf.constant([["f", "nope", "c", "d"]]),
        timestamps_s=tf.zeros([1, 1], tf.int64),
    )

    # After "c" come d e f a b c with 0 -1 -2 -3 -4 -5, also for seen items. An empty history has the popularities.
    assert found["retrieval_scores"].numpy().tolist() == [[-2.0, LOWEST, -5.0, 0.0], [0.0, LOWEST, 0.0625, 0.5]]
