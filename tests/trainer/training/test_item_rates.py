"""Click rates of items, on lists with a computable answer and on simulated logs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.click_model import PROPENSITIES
from trainer.data.impressions import ShownLists
from trainer.training.item_rates import Floats, fit_item_rates


def lists_of(*rows: str) -> ShownLists:
    """Return lists from texts of items a, b, c, ..., where a capital letter is a click."""
    items = [ord(item.lower()) - ord("a") for row in rows for item in row]
    positions = [position for row in rows for position in range(len(row))]
    clicked = [item.isupper() for row in rows for item in row]
    return ShownLists(np.array([len(row) for row in rows]), np.array(items), np.array(positions), np.array(clicked))


def rates_of(lists: ShownLists, items: int, *, fit_positions: bool = False) -> Floats:
    return fit_item_rates(lists, lists.clicked.astype(np.float64), items, fit_positions=fit_positions).items


def test_item_that_was_shown_and_not_clicked_has_a_lower_rate_than_one_that_was_not_shown() -> None:
    rates = rates_of(lists_of("Ab", "Ab"), 3)

    # a has two clicks and one from the prior, b only that of the prior; c is average
    assert rates.tolist() == pytest.approx([1.5, 0.5, 1.0], abs=1e-6)


def test_rate_depends_on_the_items_next_to_it() -> None:
    # b and c each win one list of two, but b won against the strong a.
    rates = rates_of(lists_of(*["Ad"] * 20, "aB", "ab", "dC", "dc"), 4)

    assert rates[1] > rates[2]


def test_rates_maximize_the_likelihood_with_its_prior() -> None:
    lists = lists_of("aBc", "Abc", "cB", "bA", "Cab", "ac")
    rates = rates_of(lists, 3)

    def log_posterior(log_rates: Floats) -> float:
        values = np.exp(log_rates)[lists.items]
        totals = np.bincount(lists.lists, values)[lists.lists]
        likelihood = np.log(values / totals)[lists.clicked].sum()
        return float(likelihood + (log_rates - np.exp(log_rates)).sum())  # a gamma density of log rates

    best = log_posterior(np.log(rates))
    for step in np.eye(3) * 0.01:
        assert best > log_posterior(np.log(rates) + step)
        assert best > log_posterior(np.log(rates) - step)


def test_positions_explain_clicks_that_items_do_not() -> None:
    generator = np.random.default_rng(3)
    truth = np.array([0.4, 0.35, 0.3, 0.25, 0.2, 0.15])
    # The log puts the worst items first in most lists, so that positions hide how good the items are.
    orders = np.argsort(truth + generator.normal(0.0, 0.05, (40_000, 6)), axis=1)[:, :5]
    clicked = generator.random(orders.shape) < truth[orders] * PROPENSITIES
    lists = ShownLists(np.full(len(orders), 5), orders.ravel(), np.tile(np.arange(5), len(orders)), clicked.ravel())
    weights = lists.clicked.astype(np.float64)

    naive = fit_item_rates(lists, weights, 6, fit_positions=False).items
    fitted = fit_item_rates(lists, weights, 6, fit_positions=True)
    weighted = fit_item_rates(lists, weights / PROPENSITIES[lists.positions], 6, fit_positions=False).items

    assert naive[5] > naive[0]  # the wrong order
    for rates in (fitted.items, weighted):
        assert np.log(rates / rates[0]) == pytest.approx(np.log(truth / truth[0]), abs=0.15)
    assert fitted.positions[:5] == pytest.approx(PROPENSITIES, rel=0.15)
