"""Ragged arrays: lists of different lengths in one array. List i is between offsets i and i + 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def to_offsets(lengths: npt.NDArray[Any]) -> Ints:
    """Return the offsets of lists of the given lengths.

    Args:
        lengths: integers [lists].

    Returns:
        Offsets [lists + 1], from 0 on.

    Example:
        >>> to_offsets(np.array([2, 0, 3])).tolist()
        [0, 2, 2, 5]
    """
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def ragged_indices(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Return the concatenation of ranges of indices.

    Args:
        start: the first index of each range [ranges].
        end: the end of each range [ranges], exclusive, not before its start.

    Returns:
        The indices, and the offsets [ranges + 1] of the ranges in them.

    Example:
        >>> indices, offsets = ragged_indices(np.array([5, 0, 2]), np.array([8, 0, 4]))
        >>> indices.tolist(), offsets.tolist()
        ([5, 6, 7, 2, 3], [0, 3, 3, 5])
    """
    offsets = to_offsets(end - start)
    return np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], end - start), offsets


def distinct_in_order(codes: Ints, offsets: Ints) -> tuple[Ints, Ints]:
    """Keep the first occurrence of each code in each list.

    Args:
        codes: the codes of all lists, small integers from 0 on.
        offsets: the offsets [lists + 1] of the lists.

    Returns:
        The positions in `codes` that are kept, ascending, and the offsets [lists + 1] of the lists in them.

    Example:
        >>> positions, offsets = distinct_in_order(np.array([7, 3, 7, 3, 3]), np.array([0, 3, 5]))
        >>> positions.tolist(), offsets.tolist()
        ([0, 1, 3], [0, 2, 3])
    """
    lists = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    _, first = np.unique(_keys(lists, codes, _limit(codes)), return_index=True)
    return np.sort(first), to_offsets(np.bincount(lists[first], minlength=len(offsets) - 1))


def excluded(codes: Ints, begin: Ints, start: Ints, first: Ints) -> tuple[Ints, Ints]:
    """Return the codes that were seen before each example's history and are not in it.

    The memory grows with the sum of `first - begin`. Call this for some of the examples at a time if
    many of them share a long past.

    Args:
        codes: the codes of all interactions, small integers from 0 on.
        begin: where the earlier interactions of each example begin [examples].
        start: where they end, and the history begins [examples].
        first: where the history ends [examples].

    Returns:
        The distinct codes of each example, ascending, and the offsets [examples + 1] of the examples in them.

    Example:
        >>> one = np.array([4, 2, 9, 2, 4, 5]), np.array([0]), np.array([4]), np.array([6])
        >>> found, offsets = excluded(*one)  # 4, 2, 9 and 2 are before the history 4, 5
        >>> found.tolist(), offsets.tolist()
        ([2, 9], [0, 2])
    """
    limit = _limit(codes)
    rows = np.flatnonzero(begin < start)  # the history of other examples does not matter

    def keys(begin: Ints, end: Ints) -> Ints:
        indices, _ = ragged_indices(begin[rows], end[rows])
        return _keys(np.repeat(rows, end[rows] - begin[rows]), codes[indices], limit)

    examples, kept = np.divmod(np.setdiff1d(keys(begin, start), keys(start, first)), limit)
    return kept, to_offsets(np.bincount(examples, minlength=len(begin)))


def _keys(lists: Ints, codes: Ints, limit: int) -> Ints:
    """Return a number for each pair of a list and a code. The numbers have the order of the pairs."""
    return lists * limit + codes


def _limit(codes: Ints) -> int:
    """Return a number greater than all codes. Its product with the number of lists fits into int64."""
    return int(codes.max(initial=0)) + 1
