"""How far the attention of the exported model spreads, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.metrics.attention_shares import attention_shares

USERS = 256  # that are asked
SATURATED = 0.9  # the median of the users' greatest weights above which attention reads one position only


class AttentionSummary(NamedTuple):
    """The last attention block at the end of the histories of some users.

    Args:
        users: the number of users with at least three items in the history, of which the last reads the others.
        entropy: the mean of the normalized entropies; see `AttentionShares`.
        largest: the median of the users' greatest weights.
        newest: the mean weight of the position before the last one.
    """

    users: int
    entropy: float
    largest: float
    newest: float

    @property
    def saturated(self) -> bool:
        """Whether half of the users give more than `SATURATED` of the weight to one position."""
        return self.largest > SATURATED


def summarize_attention(weights: Sequence[Sequence[float]]) -> AttentionSummary | None:
    """Summarize the attention to the histories of some users.

    Args:
        weights: the weights of each user, [length]; that of the last position is 0.

    Returns:
        The summary; None without attention, or if no history has three items.

    Example:
        >>> summarize_attention([[0.0, 1.0, 0.0], [0.25, 0.25, 0.25, 0.25, 0.0], [1.0, 0.0]])
        AttentionSummary(users=2, entropy=0.5, largest=0.625, newest=0.625)
    """
    lengths = np.array([len(row) for row in weights], np.int64)
    padded = np.zeros((len(weights), int(lengths.max(initial=0))))
    for row, values in zip(padded, weights, strict=True):
        row[: len(values)] = values
    shares = attention_shares(padded, lengths - 1)
    if not len(shares.entropy):
        return None
    means = (float(shares.entropy.mean()), float(np.median(shares.largest)), float(shares.newest.mean()))
    return AttentionSummary(len(shares.entropy), *means)


def attention_text(summary: AttentionSummary | None) -> str:
    """Return sentences on the attention.

    Args:
        summary: the output of `summarize_attention`.
    """
    if summary is None:
        return "The network has no attention, or no history in the test split has three items."
    measured = (
        f"For {summary.users:,} users of the test split, the normalized entropy of the last attention block's weights "
        f"is {summary.entropy:.2f} on average. It is 0 if all weight is on one position, and 1 if all positions have "
        f"equal weights. The last interaction reads those before it, and gives the newest {summary.newest:.0%} of the "
        "weight."
    )
    if not summary.saturated:
        return f"{measured} Half of the users give at most {summary.largest:.0%} of the weight to one position."
    return f"{saturation(summary)} {measured}"


def saturation(summary: AttentionSummary) -> str:
    """Return the sentences on saturated attention.

    Args:
        summary: a summary with saturated attention.
    """
    return (
        f"The attention is saturated: half of the users give at least {summary.largest:.0%} of the weight to one "
        "position. So it hardly reads the rest of the history."
    )
