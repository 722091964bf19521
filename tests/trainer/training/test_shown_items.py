"""The fit of scores of shown items: simulated logs whose truth is known, and the weights of clicks."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.config.train import ImpressionTrainingConfig
from schemas.errors import InputError
from tests.trainer.click_model import PROPENSITIES
from trainer.data.impressions import ShownItemLog, ShownLists
from trainer.training.shown_items import Floats, check_shown_items, click_weights, fit_click_logit

TRUTH = np.array([0.6, -0.4])  # the weights of two features in the logarithm of the relevance
WEIGHTS = ImpressionTrainingConfig(position="weights")


def simulate(seed: int, impressions: int = 30_000) -> tuple[ShownLists, Floats]:
    """Return a log of a position-based model, whose ranker trusts the second feature with the wrong sign."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(impressions, 5, 2))
    logged = features @ np.array([0.0, 1.0]) + generator.normal(size=(impressions, 5))
    order = np.argsort(-logged, axis=1)
    features = np.take_along_axis(features, order[..., np.newaxis], axis=1)
    relevance = 0.04 * np.exp(features @ TRUTH)
    clicked = generator.random((impressions, 5)) < relevance * PROPENSITIES
    positions = np.tile(np.arange(5), impressions)
    lists = ShownLists(np.full(impressions, 5), np.arange(5 * impressions), positions, clicked.ravel())
    return lists, features.reshape(-1, 2)


def test_weights_without_correction_are_biased_and_with_either_correction_are_the_truth() -> None:
    lists, features = simulate(1)
    clicks = lists.clicked.astype(np.float64)
    inverse = click_weights(lists, PROPENSITIES, WEIGHTS).values

    naive, _ = fit_click_logit(lists, features, clicks, fit_positions=False)
    by_position, effects = fit_click_logit(lists, features, clicks, fit_positions=True)
    weighted, _ = fit_click_logit(lists, features, inverse, fit_positions=False)

    assert naive[1] > 0  # the ranking of the log, with the wrong sign
    assert by_position == pytest.approx(TRUTH, abs=0.06)
    assert weighted == pytest.approx(TRUTH, abs=0.12)  # a click at the last position weighs 10
    assert effects[:5] == pytest.approx(PROPENSITIES, rel=0.2)


def test_clipping_moves_the_weights_towards_the_biased_ones() -> None:
    lists, features = simulate(2)

    found = [
        fit_click_logit(lists, features, click_weights(lists, PROPENSITIES, settings).values, False)[0][1]
        for settings in (
            WEIGHTS,
            ImpressionTrainingConfig(position="weights", clip=2.0),
            ImpressionTrainingConfig(position="weights", clip=1.0),
            ImpressionTrainingConfig(),
        )
    ]

    assert found[0] < found[1] < found[2]
    assert found[2] == pytest.approx(found[3])  # a weight of at most 1 is no weight


def test_several_clicks_of_a_list_count_each() -> None:
    # Both clicked items have the feature in two of three lists: 4 clicks with it and 2 without, of 2 such items each.
    clicked = np.array([1, 1, 0, 0] * 2 + [0, 0, 1, 1], np.bool_)
    lists = ShownLists(np.full(3, 4), np.arange(12), np.tile(np.arange(4), 3), clicked)
    features = np.tile([[1.0], [1.0], [0.0], [0.0]], (3, 1))

    weights, _ = fit_click_logit(lists, features, clicked.astype(np.float64), fit_positions=False)

    assert weights == pytest.approx([np.log(4 / 2)], abs=0.02)


def test_clicks_without_a_propensity_are_left_out_and_counted() -> None:
    lists = ShownLists(np.array([3]), np.arange(3), np.arange(3), np.array([True, True, True]))

    found = click_weights(lists, np.array([0.5, np.nan]), WEIGHTS)

    assert found.values.tolist() == [2.0, 0.0, 0.0]
    assert found.without_propensity == 2
    assert click_weights(lists, None, ImpressionTrainingConfig()).values.tolist() == [1.0, 1.0, 1.0]


def test_validation_without_a_negative_is_refused() -> None:
    only_clicks = ShownLists(np.array([2]), np.arange(2), np.arange(2), np.array([True, True]))
    one = only_clicks._replace(clicked=np.array([True, False]))
    ids = np.array(["a", "b"], object)

    check_shown_items(ShownItemLog(ids, only_clicks, one, None), ImpressionTrainingConfig())
    with pytest.raises(InputError, match="validation"):
        check_shown_items(ShownItemLog(ids, one, only_clicks, None), ImpressionTrainingConfig())
    with pytest.raises(InputError, match="validation"):  # the only click has no propensity
        check_shown_items(ShownItemLog(ids, one, one, np.array([np.nan])), WEIGHTS)
