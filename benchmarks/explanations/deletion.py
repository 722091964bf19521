"""The deletion test: does an explanation name items without which the score is lower?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.explanations.leave_one_out import Mask, losses, one_left_out, weights
from trainer.metrics.lists import Floats

TOGETHER = 3  # items that the second test removes at once
_DRAWS = 20  # of random items, for each explanation of a user

Positions = npt.NDArray[np.int64]


class PassedShares(NamedTuple):
    """The probabilities that explanations of one recommendation pass, by method.

    Args:
        one: if the item named first is removed. For `leave_one_out` it is 1 unless losses are equal, because this
            method names the item with the greatest loss.
        three: if the `TOGETHER` items named first are removed at once; NaN for a history with fewer than twice as many
            items. Losses do not add up, so no method passes by its definition.
    """

    one: dict[str, float]
    three: dict[str, float]


def compare_explanations(
    length: int, attended: Sequence[float], log_probability: Callable[[Mask], Floats], generator: np.random.Generator
) -> PassedShares:
    """Compare explanations of one recommendation.

    Args:
        length: the number of interactions in the history, at least 2.
        attended: the attention to each of them, [length].
        log_probability: takes the positions that parts of the history keep, bool [parts, length], and returns the
            logarithm of the item's probability after each part, [parts].
        generator: draws the random items.
    """
    values = log_probability(one_left_out(length))
    lost = losses(values[:, np.newaxis])
    by_method = {
        "leave_one_out": weights(lost)[:, 0],
        "attention": np.asarray(attended),
        "newest": np.arange(1.0, length + 1),
    }
    one = {}
    for method, found in by_method.items():
        first = named_positions(found, 1)
        one[method] = passed_share(lost[first[0], 0], np.delete(lost[:, 0], first)) if first else 0.0
    if length < 2 * TOGETHER:
        return PassedShares(one, dict.fromkeys(by_method, np.nan))
    return PassedShares(one, _remove_together(values[0], length, by_method, log_probability, generator))


def _remove_together(
    whole: float,
    length: int,
    by_method: Mapping[str, Floats],
    log_probability: Callable[[Mask], Floats],
    generator: np.random.Generator,
) -> dict[str, float]:
    named = {method: named_positions(found, TOGETHER) for method, found in by_method.items()}
    others = {method: draw_others(length, some, _DRAWS, generator) for method, some in named.items()}
    removed = [positions for method in named for positions in (named[method], *others[method])]
    lost = np.split(whole - log_probability(without(length, removed)), len(named))
    return {
        method: passed_share(of_method[0], of_method[1:]) if named[method] else 0.0
        for method, of_method in zip(named, lost, strict=True)
    }


def named_positions(weights: Sequence[float] | Floats, count: int) -> list[int]:
    """Return the positions that an explanation names first.

    Args:
        weights: the weight of each position, [length].
        count: the greatest number of positions.

    Returns:
        The positions with the greatest weights above 0, the greatest first, and the newest first among equal weights.

    Example:
        >>> named_positions([0.2, 0.0, 0.5, 0.2], 3)
        [2, 3, 0]
    """
    positions = sorted(range(len(weights)), key=lambda position: (-weights[position], -position))
    return [position for position in positions if weights[position] > 0][:count]


def draw_others(length: int, named: Sequence[int], draws: int, generator: np.random.Generator) -> Positions:
    """Draw as many other positions as an explanation names.

    Args:
        length: the number of positions, at least twice as many as named ones.
        named: the named positions.
        draws: how often to draw.
        generator: draws.

    Returns:
        [draws, named]: in each row different positions, none of which is named.
    """
    others = np.setdiff1d(np.arange(length), np.asarray(named, np.int64))
    shuffled = generator.permuted(np.tile(others, (draws, 1)), axis=1)
    return np.asarray(shuffled[:, : len(named)], np.int64)


def without(length: int, removed: Sequence[Sequence[int]] | Positions) -> Mask:
    """Return which positions are kept.

    Args:
        length: the number of positions.
        removed: the removed positions of each history.

    Returns:
        bool [histories, length].

    Example:
        >>> without(3, [[0], [1, 2]]).tolist()
        [[False, True, True], [True, False, False]]
    """
    kept = np.ones((len(removed), length), np.bool_)
    for row, positions in zip(kept, removed, strict=True):
        row[np.asarray(positions, np.int64)] = False
    return kept


def passed_share(lost: float, lost_by_others: Floats) -> float:
    """Return the probability that removing the named items lowers the score more than removing random others.

    Args:
        lost: the loss without the named items.
        lost_by_others: the losses without others, one for each draw, or for each other item.

    Returns:
        The fraction of the draws that lose less. Equal losses do not count.

    Example:
        >>> passed_share(2.0, np.array([1.0, 2.0, -1.0, 0.5]))
        0.75
    """
    return float(np.mean(lost_by_others < lost))
