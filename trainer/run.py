"""What TFX's Trainer calls: from transformed examples to an exported model."""

from __future__ import annotations

from typing import Any

import tensorflow_transform as tft

from schemas.config import Training
from schemas.features import VOCABULARY
from serving.export import export
from trainer.training import fit


def run_fn(fn_args: Any) -> None:
    """Trains and exports to `fn_args.serving_model_dir`.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config["training"]` holds a `Training`
            as JSON; TensorBoard's files go to `model_run_dir`.
    """
    training = Training.model_validate_json(fn_args.custom_config["training"])
    transform = tft.TFTransformOutput(fn_args.transform_output)
    item_count = transform.vocabulary_size_by_name(VOCABULARY)
    trained = fit(
        train_files=fn_args.train_files,
        eval_files=fn_args.eval_files,
        item_count=item_count,
        history=training.history,
        model=training.model,
        train=training.train,
        log_dir=fn_args.model_run_dir,
    )
    export(
        trained.model,
        fn_args.serving_model_dir,
        vocabulary_file=transform.vocabulary_file_by_name(VOCABULARY),
        popularity=trained.popularity,
        k=training.serving.k,
        remove_seen=training.serving.remove_seen,
    )
