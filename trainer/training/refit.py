"""The refit: a trained model with counts of other training examples, or a network that is trained on them as well."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from schemas.config import TrainerConfig
from trainer.data.batches import train_batches
from trainer.data.training_set_stats import TrainingSetStats, scan_training_set
from trainer.network.model import NextItemModel
from trainer.training.checkpoints import check_finite, seed_epoch
from trainer.training.fit import FitData, build_model, make_deterministic
from trainer.training.progress import LOGGER
from trainer.training.trained_state import TrainedState, TrainingCourse, restore, set_reranker


def recount(data: FitData, config: TrainerConfig, state: TrainedState) -> NextItemModel:
    """Rebuild a trained model with counts of the given training examples.

    The network and the re-ranker keep their weights. The co-occurrence tables, the popularities and the categories of
    the items in the log come from the examples. An item that only these examples have keeps a vector of its content
    alone. With the examples of the training, the result is the trained model itself.

    Args:
        data: the examples to count; those of validation are not read.
        config: the configuration that the model was trained with.
        state: the trained part of the model.

    Returns:
        The model.

    Example:
        Counts of a whole log::

            state = read_trained_state("artifacts/Trainer/model_run/7")
            training, validation = (read_examples([f"Split-{name}/*"], transform) for name in ("refit", "eval"))
            model = recount(FitData(training, validation, item_count=1_682), config, state)
    """
    batches, stats = _read(data, config)
    model, _ = build_model(data, config, stats, batches.element_spec)
    restore(model, state)
    return model


def retrain(data: FitData, config: TrainerConfig, state: TrainedState) -> NextItemModel:
    """Train a new network on the given examples, for as many steps as the best epoch of the judged one had.

    Seed, learning rates and the number of steps are those of the judged training, and no validation stops it. The
    re-ranker keeps its weights: a fit to validation needs targets that the counts have not seen. With the examples of
    the judged training, the result is the judged model itself.

    It starts from initial weights. A start from the judged weights would give the newest interactions a learning rate
    and a number of passes that nothing has validated.

    Args:
        data: the examples; those of validation are not read.
        config: the configuration of the judged training.
        state: its result, with the course of the training.

    Returns:
        The model.

    Raises:
        InputError: the loss is not finite.
    """
    batches, stats = _read(data, config)
    # The schedule of the learning rate is that of the judged training, which may have had fewer steps in an epoch.
    model, _ = build_model(data, config, stats._replace(steps=state.course.steps_per_epoch), batches.element_spec)
    model.fit(
        batches.repeat(),
        epochs=len(state.course.rate_scales),
        steps_per_epoch=state.course.steps_per_epoch,
        verbose=0,
        callbacks=[_FollowCourse(config.train.seed, state.course)],
    )
    set_reranker(model, state)
    return model


class _FollowCourse(tf.keras.callbacks.Callback):
    """Random numbers and learning rates of a former training."""

    def __init__(self, seed: int, course: TrainingCourse) -> None:
        super().__init__()
        self._seed = seed
        self._course = course
        self._now = 0  # the epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._now = epoch
        seed_epoch(self._seed, epoch)
        self.model.optimizer.schedule.scale.assign(self._course.rate_scales[epoch])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        check_finite(logs["loss"], self.model, batch, self._now)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        LOGGER.info("refit: epoch %d/%d  loss %.4f", epoch + 1, len(self._course.rate_scales), logs["loss"])


def _read(data: FitData, config: TrainerConfig) -> tuple[tf.data.Dataset, TrainingSetStats]:
    make_deterministic(config.train)
    spec, train = data.feature_spec, config.train
    source = (data.training, data.item_count, config.history.max_length, train.batch_size)
    batches = train_batches(*source, train.seed, spec.batch_columns)
    return batches, scan_training_set(*source, list(spec.item_encodings))
