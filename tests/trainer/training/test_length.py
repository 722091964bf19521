"""The number of epochs by the number of targets that an item has."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from schemas.config import TrainConfig
from tests.trainer.examples import planted, read, write_examples
from tests.trainer.fitting import ITEMS, LENGTH, MODEL, TRAIN, trainer_config
from trainer.training.fit import FitData, fit
from trainer.training.length import training_epochs
from trainer.training.refit import retrain
from trainer.training.trained_state import read_trained_state, write_trained_state


@pytest.mark.parametrize(
    ("targets_per_item", "expected"),
    [
        (1_000.0, 10),
        (35.0, 10),
        (420 / 23.5, 20),  # halfway between 1/35 and 1/12, where the factor is 2
        (12.0, 30),
        (5.0, 30),
        (0.0, 30),
    ],
)
def test_epochs_grow_with_the_inverse_of_the_targets_per_item(targets_per_item: float, expected: int) -> None:
    assert training_epochs(TrainConfig(epochs=10, sparse_factor=3.0), targets_per_item) == expected
    assert training_epochs(TrainConfig(epochs=10, sparse_factor=1.0), targets_per_item) == 10


def test_training_on_a_sparse_log_is_longer_and_its_refit_as_long(tmp_path: Path) -> None:
    """40 sequences of 10 items have 9 targets for each of 40 items."""
    sequences = planted(40, ITEMS, LENGTH)
    train_file = write_examples(tmp_path / "train.gz", [(s[:-2], s[-2], []) for s in sequences])
    eval_file = write_examples(tmp_path / "eval.gz", [(s[:-1], s[-1], []) for s in sequences])
    config = trainer_config(MODEL, TRAIN.model_copy(update={"epochs": 2, "sparse_factor": 2.5, "patience": 9}))
    data = FitData(read(train_file), read(eval_file), ITEMS)
    epochs: list[int] = []
    count = tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))

    result = fit(data, config, str(tmp_path / "logs"), str(tmp_path / "checkpoints"), callbacks=[count])
    write_trained_state(str(tmp_path / "run"), result.model, result.course)
    state = read_trained_state(str(tmp_path / "run"))

    assert epochs == [0, 1, 2, 3, 4]
    assert state.course.epochs == 5
    # The refit follows the same schedule of the learning rate, bit by bit.
    for found, expected in zip(
        retrain(data, config, state).trainable_variables, result.model.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(found, expected)
