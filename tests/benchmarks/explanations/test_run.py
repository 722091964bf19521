from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.explanations.run import measure
from tests.components.examples import example
from tests.pipeline.additive import Additive
from tests.serving.successor import ITEMS, write_model


def test_explanations_of_a_model_are_compared_for_each_user(tmp_path: Path) -> None:
    """Each letter multiplies the odds of the third one after it with 8, and attention prefers the last letter.

    After a b c the odds of d, e and f are 8, 8 and 8, and d comes first. Without a they are 1, 8 and 8, so d loses.
    Without b or c the sum is 8 + 1 + 8, so d gains equally. Leave-one-out names a, and the other two name c.
    """
    factors = [np.roll([1, 1, 8, 1, 1, 1], 1 + place).tolist() for place in range(len(ITEMS))]
    model = tf.saved_model.load(str(write_model(tmp_path / "model", Additive(factors), k=3)))
    histories = {"u": "abc", "v": "a", "w": "bcd"}  # one letter is too short
    examples = [example([*letters, "f"], user=user) for user, letters in histories.items()]

    found = measure(model, "ranking", examples, np.array(ITEMS, dtype=object), seed=1)

    assert [each.one for each in found] == [{"leave_one_out": 1.0, "attention": 0.0, "newest": 0.0}] * 2
