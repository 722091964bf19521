"""A small training on sequences with a planted rule, for tests."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from schemas import config
from tests.trainer.examples import planted, read, write_examples
from trainer.training.fit import FitData, FitResult, fit

ITEMS, LENGTH = 40, 12
MODEL = config.ModelConfig.model_validate({"dim": 16, "encoder": {"units": 16}, "dropout": 0.1})
TRAIN = config.TrainConfig(epochs=6, batch_size=32, learning_rate=0.02, warmup_steps=5, patience=6, seed=5)


def write_planted(folder: Path, count: int = 300) -> tuple[str, str]:
    """Write training and validation examples, and return their paths."""
    sequences = planted(count, ITEMS, LENGTH)
    return (
        write_examples(folder / "train.gz", [(s[:-2], s[-2], []) for s in sequences]),
        write_examples(folder / "eval.gz", [(s[:-1], s[-1], []) for s in sequences]),
    )


def trainer_config(model: config.ModelConfig = MODEL, train: config.TrainConfig = TRAIN) -> config.TrainerConfig:
    return config.TrainerConfig(
        history=config.HistoryConfig(max_length=LENGTH), model=model, train=train, serving=config.ServingConfig()
    )


def fit_planted(
    folder: Path,
    callbacks: Sequence[tf.keras.callbacks.Callback],
    train: config.TrainConfig = TRAIN,
    logs: str = "logs",
    model: config.ModelConfig = MODEL,
) -> FitResult:
    """Train on planted examples, with logs in `logs` and checkpoints in `checkpoints` in the folder."""
    train_file, eval_file = write_planted(folder)
    return fit(
        FitData(read(train_file), read(eval_file), ITEMS),
        trainer_config(model, train),
        str(folder / logs),
        str(folder / "checkpoints"),
        callbacks=callbacks,
    )
