"""What TFX's Trainer calls: from transformed examples to an exported model."""

from __future__ import annotations

from typing import Any

import tensorflow_transform as tft

from schemas.config import Training
from schemas.features import VOCABULARY
from serving.export import export
from trainer.data import target_shares, train_batches
from trainer.training import fit


def run_fn(fn_args: Any) -> None:
    """Trains and exports to `fn_args.serving_model_dir`.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config["training"]` holds a `Training`
            as JSON; TensorBoard's files go to `model_run_dir`.
    """
    training = Training.model_validate_json(fn_args.custom_config["training"])
    history, train, serving = training.history, training.train, training.serving
    transform = tft.TFTransformOutput(fn_args.transform_output)
    item_count = transform.vocabulary_size_by_name(VOCABULARY)
    model = fit(
        fn_args.train_files,
        fn_args.eval_files,
        item_count,
        history,
        training.model,
        train,
        log_dir=fn_args.model_run_dir,
        remove_seen=serving.remove_seen,
    )
    batches = train_batches(fn_args.train_files, item_count, history.max_length, train.batch_size, train.seed)
    export(
        model,
        fn_args.serving_model_dir,
        vocabulary_file=transform.vocabulary_file_by_name(VOCABULARY),
        popularity=target_shares(batches, item_count),
        k=serving.k,
        remove_seen=serving.remove_seen,
    )
