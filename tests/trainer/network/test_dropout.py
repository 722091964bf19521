import pytest

from schemas.config import DropoutConfig
from trainer.network.dropout import DropoutRates, dropout_rates


@pytest.mark.parametrize(("targets_per_item", "rate"), [(1_000.0, 0.1), (70.0, 0.1), (28.0, 0.25), (10.0, 0.4)])
def test_items_with_fewer_targets_get_more_dropout(targets_per_item: float, rate: float) -> None:
    """7 / 28 is 0.25; 7 / 1,000 and 7 / 10 are out of bounds."""
    assert dropout_rates(DropoutConfig(), targets_per_item) == pytest.approx((rate, rate, 0.0, rate))


def test_configured_rates_are_kept() -> None:
    config = DropoutConfig(embedding=0.0, recurrence=0.9, attention=0.3, hidden=0.4)
    assert dropout_rates(config, 5.0) == DropoutRates(embedding=0.0, recurrence=0.9, attention=0.3, hidden=0.4)
