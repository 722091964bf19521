"""Scores of shown items: learnt from impressions in files, exported, and asked of the saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from schemas.config.train import ImpressionTrainingConfig
from serving.export.export import export
from tests.trainer.impression_files import write_impressions
from tests.trainer.network.test_model import network
from trainer.data.impressions import read_shown_items
from trainer.network.model import NextItemModel
from trainer.network.shown_scorer import (
    FURTHER_FEATURES,
    ShownItemScorer,
    ShownItemWeights,
    read_shown_weights,
    write_shown_weights,
)
from trainer.training.shown_items import FittedShownItems, fit_shown_items

NAMES = [f"i{number}" for number in range(1, 7)]
LOWEST = np.finfo(np.float32).min


@pytest.fixture(scope="module")
def model() -> NextItemModel:
    """Return an untrained network, whose items i5 and i6 have no training interaction."""
    model = network(items=6)
    model.items.seen.assign([False, True, True, True, True, False, False])
    return model


def vocabulary(folder: Path) -> str:
    (folder / "vocabulary").write_text("\n".join(NAMES) + "\n")
    return str(folder / "vocabulary")


def fit(model: NextItemModel, folder: Path, **splits: Any) -> FittedShownItems:
    log = read_shown_items(str(write_impressions(folder, **splits)))
    return fit_shown_items(model, vocabulary(folder), str(folder), log, ImpressionTrainingConfig())


def test_item_that_was_shown_and_not_clicked_scores_below_an_equal_one(model: NextItemModel, tmp_path: Path) -> None:
    # The model knows neither new nor old, so that only their click rates differ.
    lists = [(["i1"], "new old", "new"), (["i2", "i3"], "old new", "new"), ([], "new old", "new")] * 10

    found = fit(model, tmp_path, train=lists, eval=lists)

    rates = dict(zip(found.weights.items, found.weights.log_rates, strict=True))
    assert rates["new"] > 0 > rates["old"]
    assert rates["i1"] == 0  # it was never shown
    assert found.info["weights"]["log_click_rate"] > 0
    assert found.info["impressions"] == {"train": 30, "eval": 30}
    assert found.info["fitted_to"] == 30


def test_saved_model_scores_any_item_and_treats_untrained_ones_equally(model: NextItemModel, tmp_path: Path) -> None:
    weights = np.arange(1.0, 1 + len(model.score_names) + len(FURTHER_FEATURES), dtype=np.float32)
    fitted = ShownItemWeights(
        np.array(["shown", "i1", "i5"], object),
        np.array([0.5, -0.25, 0.0], np.float32),
        np.array([False, True, False]),
        weights,
    )
    export(
        model,
        str(tmp_path / "model"),
        vocabulary_file=vocabulary(tmp_path),
        popularity=np.zeros(6, np.float32),
        k=3,
        remove_seen=False,
        shown=ShownItemScorer(model, fitted),
    )

    score = tf.saved_model.load(str(tmp_path / "model")).signatures["score"]
    found = score(
        timestamps_s=tf.zeros([1, 1], tf.int64),
        item_ids=tf.constant([["i2", "i3"], ["i4", ""]]),
        candidate_ids=tf.constant([["i1", "i5", "shown", "other", ""]]),
    )

    cold, rate = weights[-2:]
    assert found["shown_scores"].shape == (2, 5)
    for row, history in enumerate(([2, 3], [4])):
        encoded = model.encode(tf.constant([history], tf.int64))
        scores = model.scores(encoded, tf.constant([[1]], tf.int64)).numpy()[0, 0]
        expected = [scores @ weights[:-2] - 0.25 * rate, cold, cold + 0.5 * rate, cold, LOWEST]
        assert found["shown_scores"][row].numpy().tolist() == pytest.approx(expected, rel=1e-4)
    assert found["scores"][0, 2] == LOWEST  # the ranking task knows no item outside of its vocabulary


def test_model_without_impressions_has_no_scores_of_shown_items(model: NextItemModel, tmp_path: Path) -> None:
    popularity = np.zeros(6, np.float32)
    export(model, str(tmp_path), vocabulary_file=vocabulary(tmp_path), popularity=popularity, k=3, remove_seen=False)

    assert "shown_scores" not in tf.saved_model.load(str(tmp_path)).signatures["score"].structured_outputs


def test_written_weights_are_read_again(tmp_path: Path) -> None:
    fitted = ShownItemWeights(
        np.array(["a", "ß"], object), np.array([1, 2], np.float32), np.array([True, False]), np.ones(3, np.float32)
    )

    assert read_shown_weights(str(tmp_path)) is None
    write_shown_weights(str(tmp_path), fitted)
    found = read_shown_weights(str(tmp_path))

    assert found is not None
    assert [part.tolist() for part in found] == [part.tolist() for part in fitted]
