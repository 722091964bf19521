"""Training from files to a fitted model: seeds, data, network, callbacks, re-ranker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config import ModelConfig, TrainConfig, TrainerConfig
from schemas.config.section import Section
from schemas.errors import InputError
from trainer.data.batches import eval_batches, train_batches
from trainer.data.feature_spec import FeatureSpec
from trainer.data.item_features import ItemFeatures
from trainer.data.training_set_stats import TrainingSetStats, scan_training_set
from trainer.network.attention import PAIRWISE
from trainer.network.dropout import DropoutRates
from trainer.network.model import NextItemModel
from trainer.network.model_info import ModelInfo
from trainer.network.model_parts import make_lifetimes
from trainer.training.callbacks.attention_images import AttentionImages
from trainer.training.callbacks.attention_scalars import AttentionScalars
from trainer.training.callbacks.tensorboard import (
    RUN,
    TRAIN,
    VALIDATION,
    HistogramLogger,
    HParamsLogger,
    ScalarLogger,
    StepProfiler,
    SummaryWriters,
    TrainingCallback,
    adopt_interrupted_logs,
)
from trainer.training.callbacks.wandb import WandbLogger
from trainer.training.checkpoints import Checkpoints
from trainer.training.chief import is_chief
from trainer.training.optimizer import make_optimizer
from trainer.training.progress import TrainingProgress
from trainer.training.reranker import FittedReranker, fit_reranker
from trainer.training.strategy import distribute
from trainer.training.trained_state import TrainingCourse

_MAX_EVAL_BATCH_SIZE = 256
_MAX_EVAL_VALUES = 1 << 25  # held at once for a batch of validation: 128 MB
_NOT_HYPERPARAMETERS = ("train.profile", "train.wandb", "train.refit")  # logs only, or after the training
_MAX_RERANK_EXAMPLES = 20_480  # validation examples that the re-ranker is fitted to

Hyperparameters = dict[str, bool | int | float | str]


@dataclass(frozen=True)
class FitData:
    """The data of a training.

    Attributes:
        training: transformed training examples, from `read_examples`.
        validation: the same for validation examples.
        item_count: items of the vocabulary.
        feature_spec: the times and further columns that the model reads.
        recent_popularity: float32 [items], as for `NextItemModel`.
        item_features: the content of the items, from their table.
    """

    training: tf.data.Dataset
    validation: tf.data.Dataset
    item_count: int
    feature_spec: FeatureSpec = field(default_factory=FeatureSpec)
    recent_popularity: npt.NDArray[np.float32] | None = None
    item_features: ItemFeatures = field(default_factory=ItemFeatures)


@dataclass(frozen=True)
class FitResult:
    """A trained model, its metrics and the ranks of the targets in validation, and the course of its training."""

    model: NextItemModel
    model_info: ModelInfo
    reranker: FittedReranker
    course: TrainingCourse

    @property
    def stage(self) -> str:
        """The stage whose ranking is served: `retrieval`, or `ranking` for the re-ranked candidates."""
        return self.model_info.served


def fit(
    data: FitData,
    config: TrainerConfig,
    log_dir: str,
    checkpoint_dir: str,
    strategy: tf.distribute.Strategy | None = None,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> FitResult:
    """Train a model, restore the weights of its best epoch, and fit its re-ranker.

    The same examples, settings and seed give the same weights on the same
    machine, also if a run was killed and resumed. Therefore this sets the
    seeds of the process and makes its operations deterministic.

    Args:
        data: transformed examples, and what is known about their features.
        config: the network, and how to train it.
        log_dir: where TensorBoard finds the run.
        checkpoint_dir: where the state is saved after each epoch, and resumed
            from. It must belong to these examples and settings alone.
        strategy: from `make_strategy`, made before any computation. None for one device.
        callbacks: Keras callbacks in addition to those for checkpoints, logs and progress.

    Returns:
        The model, and its metrics in validation.

    Raises:
        InputError: a split has no example, or none with known items; or the
            loss is not finite.

    Example:
        Two epochs::

            config = load_config("config.yaml", ["train.epochs=2"]).trainer_config
            training, validation = (read_examples([f"{split}/*.gz"], transform) for split in ("train", "eval"))
            data = FitData(training, validation, item_count=1_682)
            result = fit(data, config, log_dir="logs", checkpoint_dir="checkpoints")
            print(result.stage, result.model_info.validation)
    """
    train = config.train
    make_deterministic(train)
    strategy = strategy or tf.distribute.get_strategy()
    splits = _read_splits(data, config)
    checkpoints = Checkpoints(checkpoint_dir, train)
    with strategy.scope():
        model, graph = build_model(data, config, splits.stats, splits.training.element_spec)
        done = checkpoints.restore(model)
        loggers: list[TrainingCallback] = []
        if is_chief():
            adopt_interrupted_logs(log_dir, checkpoint_dir)
            loggers = _loggers(graph, splits, _hyperparameters(config, model.dropout), config, log_dir, done)
    # Loggers come before checkpoints, so a saved epoch has been logged.
    _train(model, splits, train, strategy, done, [*loggers, checkpoints, TrainingProgress(train.epochs), *callbacks])
    reranker = fit_reranker(model, splits.validation.take(_MAX_RERANK_EXAMPLES // splits.eval_batch_size))
    info = replace(reranker.info, tasks=model.measure_tasks(splits.validation))
    for logger in loggers:
        logger.finish(info)
    return FitResult(model, info, reranker, TrainingCourse(splits.stats.steps, checkpoints.rate_scales))


@dataclass(frozen=True)
class _Splits:
    training: tf.data.Dataset
    stats: TrainingSetStats
    validation: tf.data.Dataset
    validation_steps: int
    eval_batch_size: int


def make_deterministic(train: TrainConfig) -> None:
    """Seed all random numbers of the process, and set its precision.

    Args:
        train: the seed and the precision.
    """
    tf.keras.utils.set_random_seed(train.seed)
    tf.config.experimental.enable_op_determinism()
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if train.mixed_precision else "float32")


def _read_splits(data: FitData, config: TrainerConfig) -> _Splits:
    spec, batch_size = data.feature_spec, eval_batch_size(data.item_count, config.history.max_length, config.model)
    source = (data.training, data.item_count, config.history.max_length, config.train.batch_size)
    training = train_batches(*source, config.train.seed, spec.batch_columns)
    stats = scan_training_set(*source, list(spec.item_encodings))
    validation = eval_batches(
        data.validation, data.item_count, batch_size, spec.batch_columns, query_times=config.reads_lifetimes
    )
    validation_steps = sum(1 for _ in validation)
    _check(stats.steps, "training example with a known item before a known target")
    _check(validation_steps, "validation example")
    return _Splits(training, stats, validation, validation_steps, batch_size)


def build_model(
    data: FitData, config: TrainerConfig, stats: TrainingSetStats, batch_spec: Any
) -> tuple[NextItemModel, tf.Graph]:
    """Return a compiled model with all its weights, and the graph of its loss.

    Args:
        data: what is known about the items and the features.
        config: the network, and how to train it.
        stats: the statistics of the training examples.
        batch_spec: the types and shapes of a training batch.

    Returns:
        The model with its initial weights, and the graph.
    """
    train = config.train
    tf.random.set_global_generator(tf.random.Generator.from_seed(train.seed, alg="philox"))
    model = NextItemModel(
        stats,
        config.history.max_length,
        config.model,
        train,
        config.serving.remove_seen,
        data.feature_spec,
        data.recent_popularity,
        data.item_features,
        make_lifetimes(data.item_features, config),
    )
    model.compile(optimizer=make_optimizer(train, stats.steps * train.epochs))
    # Tracing the loss creates the weights.
    loss = tf.function(model.compute_loss, autograph=False).get_concrete_function(batch_spec)
    return model, loss.graph


def _train(
    model: NextItemModel,
    splits: _Splits,
    train: TrainConfig,
    strategy: tf.distribute.Strategy,
    done: int,
    callbacks: Sequence[tf.keras.callbacks.Callback],
) -> None:
    """Train the epochs after the completed ones."""
    model.fit(
        # An undisturbed run would have the same order from here on.
        distribute(strategy, splits.training.repeat().skip(done * splits.stats.steps)),
        validation_data=distribute(strategy, splits.validation),
        initial_epoch=done,
        epochs=train.epochs,
        steps_per_epoch=splits.stats.steps,
        validation_steps=splits.validation_steps,
        verbose=0,
        callbacks=list(callbacks),
    )


def eval_batch_size(item_count: int, max_length: int, model: ModelConfig) -> int:
    """Return how many histories of validation are scored at once, in bounded memory.

    Args:
        item_count: scores of a history.
        max_length: interactions of the longest history.
        model: its attention and re-ranking, which may need more values than the scores.
    """
    values = item_count
    if model.attention.kind in PAIRWISE:
        queries = max(max_length, model.reranker.candidates)
        values = max(values, queries * max_length * model.dim)
    return max(1, min(_MAX_EVAL_BATCH_SIZE, _MAX_EVAL_VALUES // values))


def _loggers(
    graph: tf.Graph,
    splits: _Splits,
    settings: Hyperparameters,
    config: TrainerConfig,
    log_dir: str,
    done: int,
) -> list[TrainingCallback]:
    """Return the callbacks that log a training after its completed epochs, for the one process that writes."""
    train = config.train
    writers = SummaryWriters(log_dir, done, done * splits.stats.steps)
    with writers[RUN].as_default():
        tf.summary.graph(graph)  # Keras 2's own callback writes none with this TensorFlow
    loggers: list[TrainingCallback] = [
        ScalarLogger(writers),
        HistogramLogger(writers[TRAIN]),
        HParamsLogger(writers[RUN], settings),
    ]
    if config.model.attention.blocks:
        batch = next(iter(splits.validation))
        loggers += [AttentionImages(writers[VALIDATION], batch), AttentionScalars(writers[VALIDATION], batch)]
    if train.profile is not None:
        loggers.append(StepProfiler(log_dir, *train.profile))
    if train.wandb is not None:
        loggers.append(WandbLogger(train.wandb, settings, log_dir, resumed=done > 0))
    return loggers


def _check(count: int, what: str) -> None:
    if count == 0:
        raise InputError(
            expected=f"at least one {what}",
            received="none",
            remedy="check the split and the minimum interactions of users and items: they leave too few examples",
        )


def _hyperparameters(config: TrainerConfig, dropout: DropoutRates) -> Hyperparameters:
    """Return the settings that determine the model, by path, with the rates of dropout that training has chosen."""
    flat: Hyperparameters = {}

    def add(prefix: str, section: Section) -> None:
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, Section):
                add(f"{prefix}.{name}", value)
            else:
                flat[f"{prefix}.{name}"] = value if isinstance(value, bool | int | float | str) else str(value)

    for name in ("history", "model", "train"):
        add(name, getattr(config, name))
    flat |= {f"model.dropout.{name}": rate for name, rate in dropout._asdict().items()}
    return {name: value for name, value in flat.items() if name not in _NOT_HYPERPARAMETERS}
