"""Slices: divisions of the queries into groups. A query can be in any number of a slice's groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.evaluator.item_columns import ItemValues
from components.evaluator.queries import Queries
from schemas.config.columns import split_categories
from schemas.config.evaluation import Slice
from trainer.metrics.lists import Catalogue

Groups = list[list[str]]  # the groups of each query

_LENGTHS = (1, 5, 10, 20, 50, 100, 200)  # the lower ends of the groups of lengths
_DAY_S, _QUARTERS = 86_400, ("00-06 UTC", "06-12 UTC", "12-18 UTC", "18-24 UTC")
_PARTS = ("head", "middle", "tail")  # each has a third of the interactions, most popular items first


class SliceContext(NamedTuple):
    """The inputs of slices other than the queries."""

    catalogue: Catalogue
    columns: Sequence[Slice]
    times: bool  # whether the log's times are times of day
    item_values: ItemValues = MappingProxyType({})  # of the columns of the table of items


def history_length(queries: Queries, context: SliceContext) -> Groups:
    """Group queries by the number of interactions in the history.

    Args:
        queries: the queries.
        context: further inputs.

    Returns:
        The groups of each query.
    """
    return [[_range(len(history), _LENGTHS)] for history in queries.histories]


def activity(queries: Queries, context: SliceContext) -> Groups:
    """Group queries by the number of the user's interactions in the training split.

    Args:
        queries: the queries.
        context: further inputs.

    Returns:
        The groups of each query; `new` without such interactions.
    """
    return [["new" if not count else _range(count, _LENGTHS)] for count in queries.train_interactions.tolist()]


def target_popularity(queries: Queries, context: SliceContext) -> Groups:
    """Group queries by the popularity of their targets in the training split.

    Args:
        queries: the queries.
        context: further inputs.

    Returns:
        The groups of each query. `head`, `middle` and `tail` each have a third of the training interactions, most
        popular items first. An item without training interactions is `new`.
    """
    interactions = context.catalogue.interactions
    order = np.argsort(-interactions, kind="stable")
    before = np.cumsum(interactions[order]) - interactions[order]
    parts = np.empty(len(interactions) + 1, dtype=object)
    parts[order] = np.array(_PARTS, dtype=object)[np.minimum(3 * before // max(interactions.sum(), 1), 2)]
    parts[:-1][interactions == 0] = "new"
    parts[-1] = "new"  # for index -1, an item that is not in the catalogue
    targets = np.array([target for query in queries.targets for target in query], dtype=object)
    ends = np.cumsum([len(query) for query in queries.targets], dtype=np.int64)
    by_query = np.split(parts[context.catalogue.indices(targets)], ends)[:-1]  # the last part comes after all queries
    return [sorted({*query}) for query in by_query]


def hour(queries: Queries, context: SliceContext) -> Groups:
    """Group queries by the quarter of the day.

    Args:
        queries: the queries.
        context: further inputs.

    Returns:
        The groups of each query; none if the log has no times of day.
    """
    if not context.times:
        return [[] for _ in queries.histories]
    quarters: npt.NDArray[np.int64] = queries.times_s % _DAY_S // (_DAY_S // 4)
    return [[_QUARTERS[quarter]] for quarter in quarters]


SLICES: Mapping[str, Callable[[Queries, SliceContext], Groups]] = {
    "history_length": history_length,
    "activity": activity,
    "target_popularity": target_popularity,
    "hour": hour,
}


def slices(queries: Queries, context: SliceContext) -> dict[str, Groups]:
    """Return the groups of each query in every slice.

    Args:
        queries: the queries.
        context: further inputs.

    Returns:
        Slice -> groups of each query, for `SLICES` and for the configured columns.
    """
    found = {name: groups(queries, context) for name, groups in SLICES.items()}
    return {**found, **{each.name: _of_column(_values(queries, each, context), each) for each in context.columns}}


def _values(queries: Queries, column: Slice, context: SliceContext) -> Sequence[Sequence[str]]:
    """Return the values of each query; those of a column of items are the values of the first target."""
    if column.feature is not None:
        return queries.columns[column.feature]
    values = context.item_values[column.name]
    return [values.get(targets[0], ()) for targets in queries.targets]


def _of_column(values: Sequence[Sequence[str]], column: Slice) -> Groups:
    if column.boundaries:
        # Examples have float32 numbers: 9.99 must not be below a boundary of 9.99.
        return [[_range(np.float32(value), column.boundaries) for value in some if value != "nan"] for some in values]
    return [sorted({name for value in some for name in split_categories(value, column.separator)}) for some in values]


def _range(number: float | np.float32, starts: Sequence[float]) -> str:
    """Return the name of a number's group: `10-19`, `200 or more`, `below 18`.

    Example:
        >>> _range(19, (10, 20)), _range(20, (10, 20)), _range(9, (10, 20)), _range(0.5, (0, 0.5, 1))
        ('10-19', '20 or more', 'below 10', '0.5 to below 1')
    """
    place = int(np.searchsorted(np.asarray(starts, np.float32), number, side="right"))
    if place == 0:
        return f"below {_plain(starts[0])}"
    if place == len(starts):
        return f"{_plain(starts[-1])} or more"
    low, high = starts[place - 1], starts[place]
    if not all(float(start).is_integer() for start in starts):
        return f"{_plain(low)} to below {_plain(high)}"
    return _plain(low) if high - low == 1 else f"{_plain(low)}-{_plain(high - 1)}"


def _plain(number: float) -> str:
    """Return a number with all of its digits."""
    return f"{number:.15g}"
