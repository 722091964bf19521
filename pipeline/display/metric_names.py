"""Names of the metrics that a person sees first, out of all that an evaluation measures."""

from __future__ import annotations

from collections.abc import Container, Sequence

MAIN = ("recall", "ndcg", "mrr", "coverage")


def list_length(metric: str, ks: Sequence[int]) -> int:
    """Return the length of the lists that a metric judges.

    Args:
        metric: the gate's metric, like `recall@10`.
        ks: all configured lengths; the middle one counts for a metric without a length, like `auc`.

    Returns:
        The number of items in a list.

    Example:
        >>> list_length("recall@10", [5, 10, 20]), list_length("auc", [1, 5, 20])
        (10, 5)
    """
    _, _, k = metric.partition("@")
    return int(k) if k else sorted(ks)[len(ks) // 2]


def main_metrics(metric: str, ks: Sequence[int], measured: Container[str], names: Sequence[str] = MAIN) -> list[str]:
    """Return the gate's metric and the main metrics on lists of the same length.

    Args:
        metric: the gate's metric.
        ks: all configured lengths of lists.
        measured: the metrics that have a value.
        names: the main metrics, without their length.

    Returns:
        Each measured metric once, the gate's metric first.

    Example:
        >>> main_metrics("mrr@5", [5, 10], {"mrr@5", "recall@5", "recall@10"})
        ['mrr@5', 'recall@5']
    """
    wanted = dict.fromkeys((metric, *(f"{name}@{list_length(metric, ks)}" for name in names)))
    return [name for name in wanted if name in measured]
