"""Trainings on logs that are smaller than the settings assume."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas import config
from tests.trainer.examples import Example, read, write_examples
from trainer.training.fit import FitData, FitResult, fit

ITEMS = 5
UNKNOWN = ITEMS + 1


def trained(folder: Path, examples: list[Example], train: dict[str, Any], **model: Any) -> FitResult:
    path = write_examples(folder / "examples.gz", examples)
    return fit(
        FitData(read(path), read(path), ITEMS),
        config.TrainerConfig.model_validate(
            {
                "history": {"max_length": 4},
                "model": {"dim": 8, "encoder": {"units": 8}, **model},
                "train": {"epochs": 2, **train},
                "serving": {},
            }
        ),
        str(folder / "logs"),
        str(folder / "checkpoints"),
    )


@pytest.mark.parametrize(
    "train",
    [
        {"batch_size": 1_000, "accumulation": 3},
        {"loss": {"kind": "sampled", "negatives": 1_000, "in_batch": 1_000}},
        {"loss": {"kind": "sampled", "negatives": 3, "in_batch": 0}},
        {"batch_size": 1_000, "accumulation": 7, "loss": {"kind": "sampled", "negatives": 3, "in_batch": 4}},
        {"loss": {"kind": "in_batch"}},
        {"loss": {"kind": "binary", "negatives": 1_000}},
    ],
    ids=str,
)
def test_fit_with_settings_larger_than_the_log_is_finite(tmp_path: Path, train: dict[str, Any]) -> None:
    """Batches, parts, negatives and candidates outnumber five items and three users; k is ten."""
    result = trained(tmp_path, [([1, 2], 3, []), ([2, 4, 1], 5, [3]), ([3], 4, [])], train)

    assert all(np.isfinite(weight.numpy()).all() for weight in result.model.trainable_variables)
    assert 0 <= result.model_info.validation["ranking"]["recall@10"] <= 1


def test_fit_with_short_and_unknown_histories_counts_unknown_targets_as_misses(tmp_path: Path) -> None:
    examples: list[Example] = [([1], 2, []), ([UNKNOWN], 3, []), ([UNKNOWN, UNKNOWN], UNKNOWN, []), ([4], UNKNOWN, [])]
    result = trained(tmp_path, examples, {})

    # Half of the targets are unknown, and count as misses.
    assert result.model_info.validation["retrieval"]["recall@10"] <= 0.5


def test_fit_with_one_item_has_recall_zero(tmp_path: Path) -> None:
    result = trained(tmp_path, [([1, 1], 1, [])], {"loss": {"kind": "sampled"}})

    assert result.model_info.validation["retrieval"]["recall@10"] == 0  # the item is seen, so it is not recommended
