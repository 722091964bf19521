"""The split protocols, applied to many users at once: what is predicted from what, as columns of indices.

The interactions of all users are in one array, user by user, each user's in order of time.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.common.beam_combiners import ValueCounts
from components.example_gen.interactions.ragged import Ints, ragged_indices
from schemas.config import LeaveOneOutConfig, SessionSplitConfig, SplitConfig, TimeCutsConfig
from schemas.features import EVAL, REFIT, TEST, TRAIN

Floats = npt.NDArray[np.float64]
SplitTimes = tuple[float, float]  # the start of validation and the start of test, in unix seconds

# The roles of an interaction; the first that applies counts. A target's history may hold interactions of any role.
TARGETS = {EVAL: "eval_targets", TEST: "test_targets"}
NO_HISTORY = "targets_without_history"  # the first of its user or session: it has no history and no example
TRAINED_ON = "trained_on"
HISTORY_ONLY = "history_only"  # in the history of an eval or test target
IN_NO_EXAMPLE = "in_no_example"
INTERACTION_ROLES = (TRAINED_ON, *TARGETS.values(), NO_HISTORY, HISTORY_ONLY, IN_NO_EXAMPLE)


class Examples(NamedTuple):
    """Examples of one split, in order of user and time.

    Each column is int64 [examples]. All columns except `user` are indices of interactions.
    """

    user: Ints  # the index of the user
    begin: Ints  # of the earlier interactions, whose items are excluded; they end before `start`
    start: Ints  # of the history, which ends before `first`
    first: Ints  # of the targets
    end: Ints  # of the targets, exclusive


class SplitColumns(NamedTuple):
    """Split of many users. No two splits share a target."""

    examples: dict[str, Examples]  # by `SPLITS`, and `REFIT` if it is wanted
    train_interactions: Ints  # [users], the number of each user's interactions in the training part
    roles: Counter[str]  # the number of interactions by `INTERACTION_ROLES`
    warm: int  # users with a test example and with training interactions
    cold: int  # users with a test example and without training interactions


class _Sequences(NamedTuple):
    """Training sequences. Every interaction of one except its first is a target."""

    user: Ints
    start: Ints
    end: Ints  # exclusive


class _Targets(NamedTuple):
    """Targets of validation or test. Those without a history become no example."""

    user: Ints
    begin: Ints  # of the interactions before the targets
    first: Ints
    end: Ints  # exclusive


_Parts = tuple[_Sequences, dict[str, _Targets]]


def split_timelines(
    timestamps_s: Floats,
    offsets: Ints,
    split: SplitConfig,
    split_times_s: SplitTimes | None,
    max_length: int,
    sessions: Ints | None = None,
    *,
    refit: bool = False,
) -> SplitColumns:
    """Split the interactions of many users into examples of training, validation and test.

    This is the only place that decides what is predicted from what. The history of a target holds
    only interactions before it. A target without a history has no example.

    Args:
        timestamps_s: the times of all interactions, each user's ascending; with `sessions`, each session's.
        offsets: where each user's interactions begin, and the end of the last [users + 1].
        split: the protocol and its settings.
        split_times_s: the start of validation and of test; None for leave-one-out and for an empty log.
        max_length: the most interactions of an example's history.
        sessions: the session of each interaction, from `take_sessions`.
        refit: whether to return the split `REFIT` as well: the training examples with nothing held out.

    Returns:
        The examples and the counts.

    Raises:
        ValueError: the protocol needs split times and there are none.

    Example:
        >>> times_s, offsets = np.arange(7.0), np.array([0, 2, 7])  # users with two and five interactions
        >>> columns = split_timelines(times_s, offsets, LeaveOneOutConfig(), None, max_length=3)
        >>> test = columns.examples["test"]
        >>> test.begin.tolist(), test.start.tolist(), test.first.tolist()
        ([0, 2], [0, 3], [1, 6])
    """
    if isinstance(split, LeaveOneOutConfig) or not len(timestamps_s):
        train, targets = _leave_one_out(offsets)
    elif split_times_s is None:
        raise ValueError(f"expected split times for {split.kind!r}; received None; compute them from the log")
    elif isinstance(split, SessionSplitConfig):
        train, targets = _session(timestamps_s, offsets, split_times_s, split.gap_s, sessions)
    else:
        train, targets = _temporal(timestamps_s, offsets, split_times_s, every_target=split.targets == "all")
    examples = {TRAIN: _windows(train, max_length)}
    examples |= {name: _with_history(part, max_length) for name, part in targets.items()}
    if refit:
        examples[REFIT] = _windows(_nothing_held_out(timestamps_s, offsets, split, sessions), max_length)
    train_interactions = np.zeros(len(offsets) - 1, np.int64)
    np.add.at(train_interactions, train.user, train.end - train.start)
    tested = np.unique(examples[TEST].user)
    warm = int(np.count_nonzero(train_interactions[tested]))
    roles = _count_roles(len(timestamps_s), train, targets)
    return SplitColumns(examples, train_interactions, roles, warm, len(tested) - warm)


def _leave_one_out(offsets: Ints) -> _Parts:
    """Take each user's last interaction for test, the one before it for validation, and the rest for training.

    A user needs two interactions for a test example, three for a validation example as well, and
    four for a training example.
    """
    begin, end = offsets[:-1], offsets[1:]
    first = {EVAL: end - 2, TEST: end - 1}
    train = _Sequences(np.arange(len(begin)), begin, np.maximum(end - 2, begin))
    return train, {name: _one_each(target >= begin, begin, target, target + 1) for name, target in first.items()}


def _temporal(timestamps_s: Floats, offsets: Ints, split_times_s: SplitTimes, *, every_target: bool) -> _Parts:
    """Take the interactions before the first split time for training, and at most one example for each later part.

    The validation target is a user's first interaction between the split times. The test targets
    are the first interaction from the second split time on, or all of them.
    """
    begin, end = offsets[:-1], offsets[1:]
    earlier = (np.append(0, np.cumsum(timestamps_s < time)) for time in split_times_s)
    validation, test = (begin + count[end] - count[begin] for count in earlier)
    return _Sequences(np.arange(len(begin)), begin, validation), {
        EVAL: _one_each(validation < test, begin, validation, validation + 1),
        TEST: _one_each(test < end, begin, test, end if every_target else test + 1),
    }


def _one_each(exists: npt.NDArray[np.bool_], begin: Ints, first: Ints, end: Ints) -> _Targets:
    user = np.flatnonzero(exists)
    return _Targets(user, begin[user], first[user], end[user])


def _session(
    timestamps_s: Floats, offsets: Ints, split_times_s: SplitTimes, gap_s: float | None, sessions: Ints | None
) -> _Parts:
    """Take whole sessions for training, and the interactions of later sessions as targets, one by one.

    A session belongs to the part in which its first interaction is. The history of a target is the
    part of its session before it (Hidasi et al. 2016; Ludewig and Jannach 2018).
    """
    user, start, end = _all_sessions(timestamps_s, offsets, gap_s, sessions)
    part = np.searchsorted(split_times_s, timestamps_s[start], side="right")

    def steps(chosen: npt.NDArray[np.bool_]) -> _Targets:
        first, _ = ragged_indices(start[chosen] + 1, end[chosen])
        session = np.repeat(np.flatnonzero(chosen), (end - start)[chosen] - 1)
        return _Targets(user[session], start[session], first, first + 1)

    trained = part == 0
    train = _Sequences(user[trained], start[trained], end[trained])
    return train, {EVAL: steps(part == 1), TEST: steps(part == 2)}


def _all_sessions(timestamps_s: Floats, offsets: Ints, gap_s: float | None, sessions: Ints | None) -> _Sequences:
    border = np.zeros(len(timestamps_s) + 1, np.bool_)
    border[offsets] = True
    if gap_s is not None:
        border[1:-1] |= np.diff(timestamps_s) > gap_s
    if sessions is not None:
        border[1:-1] |= np.diff(sessions) != 0
    borders = np.flatnonzero(border)
    user = np.searchsorted(offsets, borders[:-1], side="right") - 1
    return _Sequences(user, borders[:-1], borders[1:])


def _nothing_held_out(timestamps_s: Floats, offsets: Ints, split: SplitConfig, sessions: Ints | None) -> _Sequences:
    """Return the training sequences of a log without validation and test: whole sessions, or whole timelines."""
    if isinstance(split, SessionSplitConfig):
        return _all_sessions(timestamps_s, offsets, split.gap_s, sessions)
    return _Sequences(np.arange(len(offsets) - 1), offsets[:-1], offsets[1:])


def _windows(train: _Sequences, max_length: int) -> Examples:
    """Cut training sequences into windows, so that every interaction except a sequence's first is a target once.

    The model reads the interactions `start` to `first - 1` of a window and predicts the successor of
    each. The last successor is at `first`. Windows are cut from the end backwards, so that the most
    recent one has the full length.
    """
    count = -(-np.maximum(train.end - train.start - 1, 0) // max_length)
    sequence = np.repeat(np.arange(len(count)), count)
    later = np.cumsum(count)[sequence] - 1 - np.arange(len(sequence))  # windows after it in its sequence
    first = train.end[sequence] - 1 - later * max_length
    start = np.maximum(first - max_length, train.start[sequence])
    return Examples(train.user[sequence], start, start, first, first + 1)


def _with_history(targets: _Targets, max_length: int) -> Examples:
    user, begin, first, end = (column[targets.begin < targets.first] for column in targets)
    return Examples(user, begin, np.maximum(first - max_length, begin), first, end)


def _count_roles(interactions: int, train: _Sequences, targets: dict[str, _Targets]) -> Counter[str]:
    """Count the interactions by `INTERACTION_ROLES`. The sum of the counts is `interactions`."""
    trained_on = train.end - train.start > 1
    starts, ends = [train.start[trained_on]], [train.end[trained_on]]
    roles = Counter({TRAINED_ON: _total(starts[0], ends[0]), NO_HISTORY: 0})
    for name, (_, begin, first, end) in targets.items():
        has_history = begin < first
        roles[TARGETS[name]] = _total(first[has_history], end[has_history])
        roles[NO_HISTORY] += _total(first[~has_history], end[~has_history])
        starts.append(first)
        ends.append(end)
    other_role = _covered(starts, ends, interactions)
    in_history = _covered([part.begin for part in targets.values()], starts[1:], interactions)
    roles[HISTORY_ONLY] = int(np.count_nonzero(in_history & ~other_role))
    roles[IN_NO_EXAMPLE] = interactions - roles.total()
    return roles


def _total(start: Ints, end: Ints) -> int:
    return int((end - start).sum())


def _covered(starts: list[Ints], ends: list[Ints], size: int) -> npt.NDArray[np.bool_]:
    """Return whether each index below `size` is in at least one of the ranges."""
    depth = np.bincount(np.concatenate(starts), minlength=size + 1)
    depth -= np.bincount(np.concatenate(ends), minlength=size + 1)
    return np.cumsum(depth, out=depth)[:size] > 0


def split_times_from_shares(counts: ValueCounts, split: TimeCutsConfig) -> SplitTimes | None:
    """Return the split times of a split that is given by fractions of the interactions.

    A split time is the earliest second of the log for which at most the given fraction of all
    interactions lies at it or later. If the log's last second alone has more, it is the second after it.

    Args:
        counts: distinct whole seconds, ascending, and the interactions in each.
        split: the fractions.

    Returns:
        The split times; None for an empty log.
    """
    seconds, interactions = counts
    if not seconds.size:
        return None
    at_or_after = np.cumsum(interactions[::-1])[::-1]

    def split_time(share: float) -> float:
        # 0.7 + 0.1 of ten is less than eight in float64; the small addend corrects that.
        fitting = seconds[at_or_after <= share * at_or_after[0] + 1e-6]
        return float(fitting[0]) if fitting.size else float(seconds[-1]) + 1.0

    return split_time(split.validation_share + split.test_share), split_time(split.test_share)
