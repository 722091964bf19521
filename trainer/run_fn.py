"""The entry point of TFX's Trainer: from examples and the graph that transforms them to an exported model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schemas.config import TrainerConfig
from schemas.features import TARGET_TIMESTAMP_S, VOCABULARY
from serving.export.export import export
from trainer.baselines.read_popularity import read_popularity
from trainer.data.feature_spec import numbers_read, read_feature_spec
from trainer.data.impressions import ShownItemLog, read_shown_items
from trainer.data.item_content import read_table_settings
from trainer.data.item_features import ItemFeatures, read_item_features
from trainer.data.transformed_examples import Features, Transform, read_boundaries, read_examples
from trainer.network.content_model import write_content_model
from trainer.network.model import NextItemModel
from trainer.network.model_info import input_contract, write_model_info
from trainer.network.shown_scorer import ShownItemScorer, ShownItemWeights, write_shown_weights
from trainer.training.chief import is_chief
from trainer.training.fit import FitData, fit
from trainer.training.shown_items import check_shown_items, fit_shown_items
from trainer.training.strategy import make_strategy, wait_for_all
from trainer.training.trained_state import write_trained_state


def run_fn(fn_args: Any) -> None:
    """Train a model and export it to `fn_args.serving_model_dir`.

    With several workers, all of them train, one exports, and all return after it.

    Args:
        fn_args: TFX's `FnArgs`. TensorBoard's files and the weights go to `model_run_dir`. `custom_config` holds
            `training` (a `TrainerConfig` as JSON), `code` (the digest of the code), `counts` (the folder of
            the baselines' counts), `items` (that of the table of items, "" if the model reads no column of it),
            `impressions` (the artifact of the impressions, "" if nothing is learnt from them), and `checkpoints` (a
            folder for the state of interrupted trainings).

    Raises:
        InputError: a split has no usable example, the loss is not finite, or the environment variable of the
            strategy is invalid.

    Example:
        TFX calls it by its dotted path::

            Trainer(
                examples=example_gen.outputs["examples"],
                transform_graph=transform.outputs["transform_graph"],
                counts=baselines.outputs["counts"],
                items=item_table.outputs["items"],
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
    counts, items, impressions = (fn_args.custom_config[name] for name in ("counts", "items", "impressions"))
    shown_log = _read_shown(impressions, config)
    result = fit(
        read_fit_data(fn_args.train_files, fn_args.eval_files, counts, items, config, transform),
        _with_enough_candidates(config),
        log_dir=fn_args.model_run_dir,
        checkpoint_dir=checkpoints,
        strategy=strategy,
    )
    if is_chief():
        folder, vocabulary_file = fn_args.serving_model_dir, transform.vocabulary_file_by_name(VOCABULARY)
        info, shown = result.model_info, None
        if shown_log is not None and config.train.impressions:
            fitted = fit_shown_items(result.model, vocabulary_file, impressions, shown_log, config.train.impressions)
            info, shown = replace(info, shown_items=fitted.info), fitted.weights
            write_shown_weights(fn_args.model_run_dir, shown)
        export_model(result.model, folder, counts, items, config, vocabulary_file, shown)
        write_model_info(folder, info, input_contract(config))
        write_trained_state(fn_args.model_run_dir, result.model, result.course)
        if tf.io.gfile.exists(checkpoints):
            tf.io.gfile.rmtree(checkpoints)
    wait_for_all(strategy)  # every worker's TFX expects the model to exist


def _read_shown(folder: str, config: TrainerConfig) -> ShownItemLog | None:
    """Return the impressions to learn from, if any, before the training that comes first."""
    if config.train.impressions is None:
        return None
    log = read_shown_items(folder)
    check_shown_items(log, config.train.impressions)
    return log


def read_fit_data(
    train_files: Sequence[str],
    eval_files: Sequence[str],
    counts: str,
    items: str,
    config: TrainerConfig,
    transform: Any,
) -> FitData:
    """Return the data of a training.

    Args:
        train_files: patterns of the files of training examples.
        eval_files: patterns of the files of validation examples.
        counts: the folder of the baselines' counts.
        items: the folder of the table of items; it is not read if the model reads no column of it.
        config: the inputs of the network.
        transform: the output of Transform, a `TFTransformOutput`.

    Returns:
        The data, which is read when it is used.

    Raises:
        InputError: a pattern matches no file, or there is no training example.
    """
    vocabulary_file, function = transform.vocabulary_file_by_name(VOCABULARY), transform_function(transform)
    boundaries = read_boundaries(train_files, function, numbers_read(config.model, config.features))
    return FitData(
        read_examples(train_files, function),
        read_examples(eval_files, function),
        transform.vocabulary_size_by_name(VOCABULARY),
        read_feature_spec(
            transform.vocabulary_file_by_name, boundaries, config.model, config.features, config.event_weights
        ),
        read_popularity(counts, "recent_popularity", vocabulary_file),
        read_item_features(
            items, config.item_columns, config.model.items.text, vocabulary_file, config.model.label_columns
        )
        if config.reads_items
        else ItemFeatures(),
    )


def transform_function(transform: tft.TFTransformOutput) -> Transform:
    """Return the function that transforms serialized examples.

    Args:
        transform: the output of Transform.

    Returns:
        A function for `read_examples`. It also returns the time of the target as it is.
    """
    spec = transform.raw_feature_spec()

    def function(records: tf.Tensor) -> Features:
        raw = tf.io.parse_example(records, spec)
        return {**transform.transform_raw_features(raw), TARGET_TIMESTAMP_S: raw[TARGET_TIMESTAMP_S]}

    return function


def _with_enough_candidates(config: TrainerConfig) -> TrainerConfig:
    """Return the configuration with at least `serving.k` candidates.

    `serving.k` may exceed `candidates`: re-rank at least k items in validation too, so that training matches serving.
    """
    reranker = config.model.reranker
    reranker = reranker.model_copy(update={"candidates": max(reranker.candidates, config.serving.k)})
    return config.model_copy(update={"model": config.model.model_copy(update={"reranker": reranker})})


def export_model(
    model: NextItemModel,
    folder: str,
    counts: str,
    items: str,
    config: TrainerConfig,
    vocabulary_file: str,
    shown: ShownItemWeights | None = None,
) -> None:
    """Write a trained model as a SavedModel, with its item tower next to it if it reads a table of items.

    Args:
        model: the model.
        folder: the folder to write.
        counts: the folder of the baselines' counts, for requests without a known item.
        items: the folder of the table of items; it is not read if the model reads no column of it.
        config: the answers of the exported model.
        vocabulary_file: the vocabulary, one item per line.
        shown: what training learnt from impressions; None if nothing.
    """
    serving = config.serving
    model.items.freeze()  # an answer looks up the vectors of items
    export(
        model,
        folder,
        vocabulary_file=vocabulary_file,
        popularity=read_popularity(counts, serving.fallback, vocabulary_file),
        k=serving.k,
        remove_seen=serving.remove_seen,
        shown=None if shown is None else ShownItemScorer(model, shown),
    )
    if config.item_columns or config.model.items.text.columns:
        known = read_item_features(items, config.item_columns, config.model.items.text, vocabulary_file)
        write_content_model(folder, known, model.items.seen.numpy(), read_table_settings(items))


def _checkpoint_dir(fn_args: Any) -> str:
    """Return a folder that belongs to this code, these settings and these examples alone."""
    config = fn_args.custom_config
    inputs = [
        fn_args.transform_output,
        config["items"],
        config["impressions"],
        *fn_args.train_files,
        *fn_args.eval_files,
    ]
    parts = [config["code"], config["training"], *inputs]
    return f"{config['checkpoints']}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
