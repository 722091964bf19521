"""The entry point of TFX's Trainer: from examples and the graph that transforms them to an exported model."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schemas.config import TrainerConfig
from schemas.features import VOCABULARY
from serving.export.export import export
from trainer.baselines.read_popularity import read_popularity
from trainer.data.feature_spec import numbers_read, read_feature_spec
from trainer.data.transformed_examples import Features, Transform, read_boundaries, read_examples
from trainer.network.model_info import input_contract, write_model_info
from trainer.training.chief import is_chief
from trainer.training.fit import FitData, FitResult, fit
from trainer.training.strategy import make_strategy, wait_for_all


def run_fn(fn_args: Any) -> None:
    """Train a model and export it to `fn_args.serving_model_dir`.

    With several workers, all of them train, one exports, and all return after it.

    Args:
        fn_args: TFX's `FnArgs`. TensorBoard's files go to `model_run_dir`. `custom_config` holds
            `training` (a `TrainerConfig` as JSON), `code` (the digest of the code), `counts` (the folder of
            the baselines' counts), and `checkpoints` (a folder for the state of interrupted trainings).

    Raises:
        InputError: a split has no usable example, the loss is not finite, or the environment variable of the
            strategy is invalid.

    Example:
        TFX calls it by its dotted path::

            Trainer(
                examples=example_gen.outputs["examples"],
                transform_graph=transform.outputs["transform_graph"],
                counts=baselines.outputs["counts"],
                run_fn="trainer.run_fn.run_fn",
                train_split="train",
                eval_split="eval",
                custom_config={
                    "training": config.trainer_config.model_dump_json(),
                    "code": code_digest(),
                    "checkpoints": "runs/quickstart/checkpoints",
                },
            )
    """
    config = TrainerConfig.model_validate_json(fn_args.custom_config["training"])
    strategy = make_strategy(config.train.strategy)  # TensorFlow's workers connect before any computation
    transform = tft.TFTransformOutput(fn_args.transform_output)
    checkpoints = _checkpoint_dir(fn_args)
    result = fit(
        _fit_data(fn_args, config, transform),
        _with_enough_candidates(config),
        log_dir=fn_args.model_run_dir,
        checkpoint_dir=checkpoints,
        strategy=strategy,
    )
    if is_chief():
        _export(result, fn_args, config, transform)
        if tf.io.gfile.exists(checkpoints):
            tf.io.gfile.rmtree(checkpoints)
    wait_for_all(strategy)  # every worker's TFX expects the model to exist


def _fit_data(fn_args: Any, config: TrainerConfig, transform: Any) -> FitData:
    vocabulary_file, function = transform.vocabulary_file_by_name(VOCABULARY), transform_function(transform)
    boundaries = read_boundaries(fn_args.train_files, function, numbers_read(config.model, config.features))
    return FitData(
        read_examples(fn_args.train_files, function),
        read_examples(fn_args.eval_files, function),
        transform.vocabulary_size_by_name(VOCABULARY),
        read_feature_spec(
            transform.vocabulary_file_by_name, boundaries, config.model, config.features, config.event_weights
        ),
        read_popularity(fn_args.custom_config["counts"], "recent_popularity", vocabulary_file),
    )


def transform_function(transform: tft.TFTransformOutput) -> Transform:
    """Return the function that transforms serialized examples.

    Args:
        transform: the output of Transform.

    Returns:
        A function for `read_examples`.
    """
    spec = transform.raw_feature_spec()

    def function(records: tf.Tensor) -> Features:
        return dict(transform.transform_raw_features(tf.io.parse_example(records, spec)))

    return function


def _with_enough_candidates(config: TrainerConfig) -> TrainerConfig:
    """Return the configuration with at least `serving.k` candidates.

    `serving.k` may exceed `candidates`: re-rank at least k items in validation too, so that training matches serving.
    """
    reranker = config.model.reranker
    reranker = reranker.model_copy(update={"candidates": max(reranker.candidates, config.serving.k)})
    return config.model_copy(update={"model": config.model.model_copy(update={"reranker": reranker})})


def _export(result: FitResult, fn_args: Any, config: TrainerConfig, transform: Any) -> None:
    serving, vocabulary_file = config.serving, transform.vocabulary_file_by_name(VOCABULARY)
    export(
        result.model,
        fn_args.serving_model_dir,
        vocabulary_file=vocabulary_file,
        popularity=read_popularity(fn_args.custom_config["counts"], serving.fallback, vocabulary_file),
        k=serving.k,
        remove_seen=serving.remove_seen,
    )
    write_model_info(fn_args.serving_model_dir, result.model_info, input_contract(config))


def _checkpoint_dir(fn_args: Any) -> str:
    """Return a folder that belongs to this code, these settings and these examples alone."""
    config = fn_args.custom_config
    parts = [config["code"], config["training"], fn_args.transform_output, *fn_args.train_files, *fn_args.eval_files]
    return f"{config['checkpoints']}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
