"""What TFX's Trainer calls: from transformed examples to an exported model."""

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
from trainer.data.feature_spec import read_feature_spec
from trainer.network.model_info import input_contract, write_model_info
from trainer.training.fit import fit
from trainer.training.strategy import is_chief, make_strategy, wait_for_all


def run_fn(fn_args: Any) -> None:
    """Trains and exports to `fn_args.serving_model_dir`; of several workers one exports, and all end after it.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` holds a `TrainerConfig` as JSON
            (`training`), the digest of the code (`code`), the folder of what the
            baselines counted (`counts`) and one for what an interrupted training
            left (`checkpoints`). TensorBoard's files go to `model_run_dir`.
    """
    training = TrainerConfig.model_validate_json(fn_args.custom_config["training"])
    history, train, serving, ranking = training.history, training.train, training.serving, training.model.reranker
    strategy = make_strategy(train.strategy)  # TensorFlow's workers find each other before anything is computed
    # A request gets k of what is reordered, so as many are validated, and their weights fitted to them.
    ranking = ranking.model_copy(update={"candidates": max(ranking.candidates, serving.k)})
    transform = tft.TFTransformOutput(fn_args.transform_output)
    vocabulary_file = transform.vocabulary_file_by_name(VOCABULARY)
    counts = fn_args.custom_config["counts"]
    checkpoints = _checkpoints(fn_args)
    model = fit(
        fn_args.train_files,
        fn_args.eval_files,
        transform.vocabulary_size_by_name(VOCABULARY),
        history,
        training.model.model_copy(update={"reranker": ranking}),
        train,
        log_dir=fn_args.model_run_dir,
        checkpoint_dir=checkpoints,
        remove_seen=serving.remove_seen,
        columns=read_feature_spec(
            transform.vocabulary_file_by_name, fn_args.train_files, training.model, training.features
        ),
        recent_popularity=read_popularity(counts, "recent_popularity", vocabulary_file),
        strategy=strategy,
    )
    if is_chief(strategy):
        export(
            model,
            fn_args.serving_model_dir,
            vocabulary_file=vocabulary_file,
            popularity=read_popularity(counts, serving.fallback, vocabulary_file),
            k=serving.k,
            remove_seen=serving.remove_seen,
        )
        write_model_info(fn_args.serving_model_dir, model.model_info, input_contract(training))
        if tf.io.gfile.exists(checkpoints):
            tf.io.gfile.rmtree(checkpoints)
    wait_for_all(strategy)  # TFX looks for the model in every worker


def _checkpoints(fn_args: Any) -> str:
    """A folder that only a training of the same code, settings and examples has."""
    config = fn_args.custom_config
    parts = [config["code"], config["training"], *fn_args.train_files, *fn_args.eval_files]
    return f"{config['checkpoints']}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
