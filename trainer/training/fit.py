"""Fits the model: seeds, data, checkpoints, boards, progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import HistoryConfig, ModelConfig, TrainConfig
from schemas.config.evaluation import K
from schemas.config.section import Section
from schemas.errors import InputError
from trainer.data.batches import eval_batches, train_batches
from trainer.data.feature_spec import FeatureSpec
from trainer.data.training_set_stats import scan_training_set
from trainer.network.attention import HOLD_PAIRS
from trainer.network.model import NextItemModel
from trainer.network.model_info import ModelInfo
from trainer.training.callbacks.attention_images import HeatMaps
from trainer.training.callbacks.tensorboard import (
    RUN,
    TRAIN,
    VALIDATION,
    Histograms,
    Profile,
    Scalars,
    Settings,
    TrainingCallback,
    Writers,
    adopt_interrupted_logs,
)
from trainer.training.callbacks.wandb import Tracking
from trainer.training.checkpoints import Checkpoints
from trainer.training.optimizer import optimizer
from trainer.training.reranker import (
    RerankExamples,
    cross_validated_ranks,
    fit_conditional_logit,
    ranks,
    recall_and_ndcg,
)
from trainer.training.strategy import distribute, is_chief

_EVAL_BATCH_SIZE = 256  # at most
_EVAL_NUMBERS = 1 << 25  # held at once of a batch of validation, at most: 128 MB
_NO_HYPER_PARAMETERS = ("train.profile", "train.wandb")  # settings of what is shown
_WEIGHED = 20_480  # validation examples that the weights of the ranking task's scores are fitted to


def fit(
    train_files: Sequence[str],
    eval_files: Sequence[str],
    item_count: int,
    history: HistoryConfig,
    model: ModelConfig,
    train: TrainConfig,
    log_dir: str,
    checkpoint_dir: str,
    remove_seen: bool = True,
    columns: FeatureSpec = FeatureSpec(),  # noqa: B008 - it never changes
    recent_popularity: npt.NDArray[np.float32] | None = None,
    strategy: tf.distribute.Strategy | None = None,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> NextItemModel:
    """Trains a model and gives it the weights of its best epoch.

    The same files, settings and seed give the same weights on the same
    machine, also where a run was killed and taken up again. For that, the
    process's seeds are set and its operations made deterministic.

    Args:
        train_files: TFRecord.gz files of transformed training examples, or patterns of them.
        eval_files: the same of validation examples.
        item_count: items of the vocabulary.
        history: how long histories are.
        model: the network.
        train: how to fit it.
        log_dir: where TensorBoard finds the run.
        checkpoint_dir: where the state is saved after each epoch, and taken
            up from: a folder for these files and settings alone.
        remove_seen: whether validation leaves out what the user has seen, as the served model will.
        columns: what is read beside the items.
        recent_popularity: as of `NextItemModel`.
        strategy: of `make_strategy`, before anything is computed; one device where there is none.
        callbacks: Keras callbacks beside those for checkpoints, logs and progress.

    Raises:
        InputError: a split has no example, or none whose items are known; or
            the loss is not finite.
    """
    tf.keras.utils.set_random_seed(train.seed)
    tf.config.experimental.enable_op_determinism()
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if train.mixed_precision else "float32")
    strategy = strategy or tf.distribute.get_strategy()
    data = (train_files, item_count, history.max_length, train.batch_size)
    training = train_batches(*data, train.seed, columns.batch_columns)
    surveyed = scan_training_set(*data, list(columns.item_encodings))
    batch_size = _eval_batch_size(item_count, history, model)
    validation = eval_batches(eval_files, item_count, batch_size, columns.batch_columns)
    validation_steps = sum(1 for _ in validation)
    _check(surveyed.steps, "training example with a known item before a known target", train_files)
    _check(validation_steps, "validation example", eval_files)
    checkpoints = Checkpoints(checkpoint_dir, train)
    with strategy.scope():
        tf.random.set_global_generator(tf.random.Generator.from_seed(train.seed, alg="philox"))
        network = NextItemModel(surveyed, history.max_length, model, train, remove_seen, columns, recent_popularity)
        network.compile(optimizer=optimizer(train, surveyed.steps * train.epochs))
        # Tracing it builds the network.
        loss = tf.function(network.compute_loss, autograph=False).get_concrete_function(training.element_spec)
        done = checkpoints.restore(network)
        boards: list[TrainingCallback] = []
        if is_chief(strategy):
            adopt_interrupted_logs(log_dir, checkpoint_dir)
            writers = Writers(log_dir, done, done * surveyed.steps)
            with writers[RUN].as_default():
                tf.summary.graph(loss.graph)  # Keras 2's own callback writes none with this TensorFlow
            settings = _flat(history, model, train)
            boards = _boards(writers, validation, settings, model, train, log_dir, resumed=done > 0)
    network.fit(
        # The order that an undisturbed run would have from here on.
        distribute(strategy, training.repeat().skip(done * surveyed.steps)),
        validation_data=distribute(strategy, validation),
        initial_epoch=done,
        epochs=train.epochs,
        steps_per_epoch=surveyed.steps,
        validation_steps=validation_steps,
        verbose=0,
        # Boards before checkpoints: an epoch that is saved has been shown.
        callbacks=[*boards, checkpoints, Progress(train.epochs), *callbacks],
    )
    _weigh(network, validation.take(_WEIGHED // batch_size))
    for board in boards:
        board.finish(network.model_info)
    return network


def _eval_batch_size(item_count: int, history: HistoryConfig, model: ModelConfig) -> int:
    """Histories whose scores of all items, and whose attention, are held at once."""
    numbers = item_count
    if model.attention.kind in HOLD_PAIRS:
        queries = max(history.max_length, model.reranker.candidates)
        numbers = max(numbers, queries * history.max_length * max(model.dim, model.encoder.units))
    return max(1, min(_EVAL_BATCH_SIZE, _EVAL_NUMBERS // numbers))


def _boards(
    writers: Writers,
    validation: tf.data.Dataset,
    settings: dict[str, bool | int | float | str],
    model: ModelConfig,
    train: TrainConfig,
    log_dir: str,
    resumed: bool,
) -> list[TrainingCallback]:
    """What shows the training, for the one process that does."""
    boards: list[TrainingCallback] = [Scalars(writers), Histograms(writers[TRAIN]), Settings(writers[RUN], settings)]
    if model.attention.blocks:
        boards.append(HeatMaps(writers[VALIDATION], next(iter(validation))))
    if train.profile is not None:
        boards.append(Profile(log_dir, *train.profile))
    if train.wandb is not None:
        boards.append(Tracking(train.wandb, settings, log_dir, resumed))
    return boards


def _weigh(network: NextItemModel, validation: tf.data.Dataset) -> None:
    """Fits the weights of the ranking task's scores to validation, and decides whose order is served."""
    choices_of = tf.function(network.rerank_examples, autograph=False, reduce_retracing=True)
    parts = [[part.numpy() for part in choices_of(batch)] for batch in validation]
    choices = RerankExamples(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    start = network.score_weights.numpy()
    orders = {
        "retrieval": recall_and_ndcg(ranks(choices, start)),
        "ranking": recall_and_ndcg(cross_validated_ranks(choices, start)),
    }
    weights = fit_conditional_logit(choices, start)
    network.score_weights.assign(weights)
    network.serves_reranked = orders["ranking"][f"ndcg@{K}"] > orders["retrieval"][f"ndcg@{K}"]
    network.model_info = ModelInfo(
        served="ranking" if network.serves_reranked else "retrieval",
        validation=orders,
        exported=recall_and_ndcg(ranks(choices, weights)) if network.serves_reranked else orders["retrieval"],
        parameters=sum(int(weight.shape.num_elements()) for weight in network.trainable_variables),
        score_weights=dict(zip(network.score_names, weights.tolist(), strict=True)),
    )
    logging.getLogger("temporec.progress").info(
        "%s order is served: in validation retrieval reaches %s, ranking %s",
        network.model_info.served,
        *(", ".join(f"{name} {value:.4f}" for name, value in found.items()) for found in orders.values()),
    )


class Progress(tf.keras.callbacks.Callback):
    """Logs a line an epoch to `temporec.progress`, its parts as `extra` fields of the record.

    Args:
        epochs: epochs planned; early stopping may end before.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._done = 0  # by this process, which may have taken up what another began
        self._logger = logging.getLogger("temporec.progress")

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Starts the clock."""
        self._begin_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Logs the epoch's loss, validation metrics, and the time it leaves."""
        self._done += 1
        done = epoch + 1
        elapsed_s = time.monotonic() - self._begin_s
        left_s = elapsed_s / self._done * (self._epochs - done)
        values = {name: (logs or {}).get(name, float("nan")) for name in ("loss", f"val_recall@{K}", f"val_ndcg@{K}")}
        self._logger.info(
            "epoch %d/%d  %s  %.0f s, at most %.0f s left",
            done,
            self._epochs,
            "  ".join(f"{name} {value:.4f}" for name, value in values.items()),
            elapsed_s,
            left_s,
            extra={"epoch": done, "epochs": self._epochs, "elapsed_s": elapsed_s, "left_s": left_s, "values": values},
        )


def _check(count: int, what: str, files: Sequence[str]) -> None:
    if count == 0:
        raise InputError(
            expected=f"at least one {what}",
            received=f"none in {', '.join(files)}",
            remedy="check the split and the minimum interactions of users and items: too little is left",
        )


def _flat(history: HistoryConfig, model: ModelConfig, train: TrainConfig) -> dict[str, bool | int | float | str]:
    """The settings that decide what the model becomes, each under its path: the hyper-parameters of boards."""
    flat: dict[str, bool | int | float | str] = {}

    def add(prefix: str, section: Section) -> None:
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, Section):
                add(f"{prefix}.{name}", value)
            else:
                flat[f"{prefix}.{name}"] = value if isinstance(value, bool | int | float | str) else str(value)

    for name, section in (("history", history), ("model", model), ("train", train)):
        add(name, section)
    return {name: value for name, value in flat.items() if name not in _NO_HYPER_PARAMETERS}
