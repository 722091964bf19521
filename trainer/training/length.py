"""The length of a training: more epochs on a sparse log."""

from __future__ import annotations

from schemas.config import TrainConfig

_DENSE, _SPARSE = 35.0, 12.0  # targets of an item, between which a log needs more and more epochs


def training_epochs(train: TrainConfig, targets_per_item: float) -> int:
    """Return the maximum number of epochs.

    From 35 targets of an item on they are `epochs`, and up to 12 targets `sparse_factor` times as many. In between,
    they grow with the inverse of the number of targets. An epoch of a sparse log says little about an item, and strong
    dropout hides much of that.

    Args:
        train: the configured numbers.
        targets_per_item: the mean number of targets of an item in the training split.

    Example:
        >>> train = TrainConfig(epochs=20, sparse_factor=4.0)
        >>> [training_epochs(train, targets) for targets in (100.0, 35.0, 17.9, 12.0, 9.0)]
        [20, 20, 50, 80, 80]
    """
    sparse = (1.0 / max(targets_per_item, 1.0) - 1.0 / _DENSE) / (1.0 / _SPARSE - 1.0 / _DENSE)
    return round(train.epochs * (1.0 + (train.sparse_factor - 1.0) * min(1.0, max(0.0, sparse))))
