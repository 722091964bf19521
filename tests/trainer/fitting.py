"""A small training on sequences with a planted rule, for the tests of this folder."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from schemas import config
from tests.trainer.examples import planted, write_examples
from trainer.network.model import NextItemModel
from trainer.training.fit import fit

ITEMS, LENGTH = 40, 12
MODEL = config.ModelConfig.model_validate(
    {"dim": 16, "encoder": {"units": 16}, "dropout": 0.1, "reranker": {"hidden": [8]}}
)
TRAIN = config.TrainConfig(epochs=6, batch_size=32, learning_rate=0.02, warmup_steps=5, patience=6, seed=5)


def write_planted(folder: Path, count: int = 300) -> tuple[str, str]:
    """Writes training and validation examples, and returns their paths."""
    sequences = planted(count, ITEMS, LENGTH)
    return (
        write_examples(folder / "train.gz", [(s[:-2], s[-2], []) for s in sequences]),
        write_examples(folder / "eval.gz", [(s[:-1], s[-1], []) for s in sequences]),
    )


def fit_planted(
    folder: Path,
    callbacks: Sequence[tf.keras.callbacks.Callback],
    train: config.TrainConfig = TRAIN,
    logs: str = "logs",
    model: config.ModelConfig = MODEL,
) -> NextItemModel:
    """Trains on them; what is logged goes to `logs`, checkpoints to `checkpoints` in the folder."""
    train_file, eval_file = write_planted(folder)
    return fit(
        [train_file],
        [eval_file],
        ITEMS,
        config.HistoryConfig(max_length=LENGTH),
        model,
        train,
        str(folder / logs),
        str(folder / "checkpoints"),
        callbacks=callbacks,
    )
