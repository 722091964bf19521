"""A refit of a model that was trained on a planted rule."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from schemas.errors import InputError
from schemas.features import PADDING_ID
from tests.trainer.examples import planted, read, write_examples
from tests.trainer.fitting import ITEMS, LENGTH, TRAIN, fit_planted, trainer_config
from trainer.network.model import NextItemModel
from trainer.training.fit import FitData
from trainer.training.refit import recount, retrain
from trainer.training.trained_state import TrainedState, read_trained_state, write_trained_state

SHORT = TRAIN.model_copy(update={"epochs": 3, "schedule": "plateau"})
HISTORIES = tf.constant([[1, 28, 15, 2], [5, 8, 0, 0], [7, 0, 0, 0], [PADDING_ID] * 4], tf.int64)
EVERY = tf.tile(tf.range(1, ITEMS + 1, dtype=tf.int64)[tf.newaxis], [4, 1])


class Spoil(tf.keras.callbacks.Callback):
    """Lose all that the first two epochs have learned, so that the third one is not the best."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for weight in self.model.trainable_variables if epoch == 1 else ():
            weight.assign(tf.zeros_like(weight))


class Trained:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        result = fit_planted(folder, [Spoil()], SHORT)
        self.model = result.model
        write_trained_state(str(folder / "run"), self.model, result.course)
        self.state: TrainedState = read_trained_state(str(folder / "run"))
        assert len(self.state.course.rate_scales) < SHORT.epochs

    def refit(self, train_file: str, compute: Callable[..., NextItemModel]) -> NextItemModel:
        data = FitData(read(train_file), read(str(self.folder / "eval.gz")), ITEMS)
        return compute(data, trainer_config(train=SHORT), self.state)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("trained"))


def scores(model: NextItemModel) -> npt.NDArray[np.float32]:
    return np.asarray(model.scores(model.encode(HISTORIES), EVERY))


@pytest.mark.parametrize("compute", [recount, retrain])
def test_refit_on_the_training_examples_gives_the_trained_model(
    trained: Trained, compute: Callable[..., NextItemModel]
) -> None:
    model = trained.refit(str(trained.folder / "train.gz"), compute)
    np.testing.assert_array_equal(scores(model), scores(trained.model))
    np.testing.assert_array_equal(
        model.rank(model.encode(HISTORIES), EVERY), trained.model.rank(trained.model.encode(HISTORIES), EVERY)
    )
    assert model.serves_reranked == trained.model.serves_reranked
    assert model.score_names == trained.model.score_names


def test_refit_on_longer_timelines_changes_the_counts_only(trained: Trained) -> None:
    sequences = planted(300, ITEMS, LENGTH)
    whole = write_examples(trained.folder / "refit.gz", [(s[:-1], s[-1], []) for s in sequences])
    model = trained.refit(whole, recount)
    before, after = scores(trained.model), scores(model)
    names = model.score_names
    counted = names.index("markov")
    np.testing.assert_array_equal(after[..., :counted], before[..., :counted])  # retrieval
    followers = names.index("followers")
    assert (after[..., followers] != before[..., followers]).any()
    assert after[1, :, followers].argmax() + 1 == 35  # the planted successor of 8: 1 + (21 x 7 + 7) modulo 40


def test_retrain_on_longer_timelines_changes_the_network_and_keeps_the_reranker(trained: Trained) -> None:
    whole = write_examples(trained.folder / "longer.gz", [(s[:-1], s[-1], []) for s in planted(300, ITEMS, LENGTH)])
    model = trained.refit(whole, retrain)
    assert (scores(model)[..., 0] != scores(trained.model)[..., 0]).any()
    np.testing.assert_array_equal(model.score_weights, trained.model.score_weights)
    assert (
        int(model.optimizer.iterations) == len(trained.state.course.rate_scales) * trained.state.course.steps_per_epoch
    )


def test_read_trained_state_without_the_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected: .*trained\.npz"):
        read_trained_state(str(tmp_path))
