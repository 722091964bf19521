"""Logs that are smaller than the settings were made for are trained on all the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas import config
from tests.trainer.examples import Example, write_examples
from trainer.network.model import NextItemModel
from trainer.training.fit import fit

ITEMS = 5
UNKNOWN = ITEMS + 1


def trained(folder: Path, examples: list[Example], train: dict[str, Any], **model: Any) -> NextItemModel:
    path = write_examples(folder / "examples.gz", examples)
    return fit(
        [path],
        [path],
        ITEMS,
        config.HistoryConfig(max_length=4),
        config.ModelConfig.model_validate({"dim": 8, "encoder": {"units": 8}, "reranker": {"hidden": [4]}, **model}),
        config.TrainConfig.model_validate({"epochs": 2, **train}),
        str(folder / "logs"),
        str(folder / "checkpoints"),
    )


@pytest.mark.parametrize(
    "train",
    [
        {"batch_size": 1_000},
        {"batch_size": 1_000, "accumulation": 3},
        {"loss": {"kind": "sampled", "negatives": 1_000, "in_batch": 1_000}},
        {"loss": {"kind": "sampled", "negatives": 3, "in_batch": 0}},
        {"batch_size": 1_000, "accumulation": 7, "loss": {"kind": "sampled", "negatives": 3, "in_batch": 4}},
        {"loss": {"kind": "in_batch"}},
        {"loss": {"kind": "binary", "negatives": 1_000}},
    ],
    ids=str,
)
def test_more_than_there_is_may_be_asked_for(tmp_path: Path, train: dict[str, Any]) -> None:
    """Batches, parts, negatives and candidates outnumber five items and three users; k is ten."""
    model = trained(tmp_path, [([1, 2], 3, []), ([2, 4, 1], 5, [3]), ([3], 4, [])], train)

    assert all(np.isfinite(weight.numpy()).all() for weight in model.trainable_variables)
    assert 0 <= model.model_info.validation["ranking"]["recall@10"] <= 1


def test_histories_of_one_item_and_of_none_that_is_known(tmp_path: Path) -> None:
    examples: list[Example] = [([1], 2, []), ([UNKNOWN], 3, []), ([UNKNOWN, UNKNOWN], UNKNOWN, []), ([4], UNKNOWN, [])]
    model = trained(tmp_path, examples, {})

    # Half of the targets are unknown, and nobody finds these.
    assert model.model_info.validation["retrieval"]["recall@10"] <= 0.5


def test_a_log_of_one_item_has_nothing_to_choose_from(tmp_path: Path) -> None:
    model = trained(tmp_path, [([1, 1], 1, [])], {"loss": {"kind": "sampled"}})

    assert model.model_info.validation["retrieval"]["recall@10"] == 0  # it is seen, so it is not recommended
