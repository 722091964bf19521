"""The split protocols: which of a user's interactions are for training, validation and test."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from components.common.beam_combiners import ValueCounts
from schemas.config import LeaveOneOutConfig, SessionSplitConfig, SplitConfig, TimeCutsConfig
from schemas.features import EVAL, TEST, TRAIN

SplitTimes = tuple[float, float]  # the start of validation and the start of test, in unix seconds

# The roles of an interaction; the first that applies counts. A target's history may hold interactions of any role.
TARGETS = {EVAL: "eval_targets", TEST: "test_targets"}
NO_HISTORY = "targets_without_history"  # the first of its user or session: it has no history and no example
TRAINED_ON = "trained_on"
HISTORY_ONLY = "history_only"  # in the history of an eval or test target
IN_NO_EXAMPLE = "in_no_example"
INTERACTION_ROLES = (TRAINED_ON, *TARGETS.values(), NO_HISTORY, HISTORY_ONLY, IN_NO_EXAMPLE)


class Span(NamedTuple):
    """Range of indices in a timeline."""

    start: int
    end: int  # exclusive


class Targets(NamedTuple):
    """Indices of one example of validation or test: its history, then its targets."""

    split: str
    start: int  # of the history, which ends before `first`
    first: int  # of the targets
    end: int  # of the targets, exclusive


class UserSplit(NamedTuple):
    """Split of a timeline. No two parts share a target."""

    train: list[Span]  # sequences; every interaction of one except its first is a target
    targets: list[Targets]  # in ascending order

    @property
    def train_interactions(self) -> int:
        """Number of the user's interactions in the training part."""
        return sum(end - start for start, end in self.train)


def split_history(timestamps_s: Sequence[float], split: SplitConfig, split_times_s: SplitTimes | None) -> UserSplit:
    """Split a user's interactions into training sequences, validation targets and test targets.

    This is the only place that decides what is predicted from what: `BuildHistories` calls it for
    each user. The history of a target holds only interactions before it.

    Args:
        timestamps_s: a user's times, ascending.
        split: the protocol and its settings.
        split_times_s: the start of validation and of test; None for leave-one-out.

    Returns:
        The parts, as indices of `timestamps_s`.

    Example:
        >>> split_history([10.0, 20.0, 30.0, 40.0], LeaveOneOutConfig(), None).train
        [Span(start=0, end=2)]
    """
    if isinstance(split, LeaveOneOutConfig) or split_times_s is None:
        return leave_one_out(len(timestamps_s))
    if isinstance(split, SessionSplitConfig):
        return session(timestamps_s, split_times_s, split.gap_s)
    return temporal(timestamps_s, split_times_s, every_target=split.targets == "all")


def leave_one_out(count: int) -> UserSplit:
    """Return a test target, the last interaction, a validation target before it, and the rest for training.

    A user needs two interactions for a test example, three for a validation example as well, and
    four for a training example.

    Args:
        count: the number of the user's interactions.

    Returns:
        The split.

    Example:
        >>> leave_one_out(4).targets
        [Targets(split='eval', start=0, first=2, end=3), Targets(split='test', start=0, first=3, end=4)]
    """
    first = {EVAL: count - 2, TEST: count - 1}
    return UserSplit(
        _spans(0, max(count - 2, 0)),
        [Targets(split, 0, target, target + 1) for split, target in first.items() if target >= 0],
    )


def temporal(timestamps_s: Sequence[float], split_times_s: SplitTimes, *, every_target: bool) -> UserSplit:
    """Return the interactions before the first split time for training, and at most one example for each later part.

    The validation target is the first interaction between the split times. The test targets are
    the first interaction from the second split time on, or all of them. So each user has the same weight.

    Args:
        timestamps_s: a user's times, ascending.
        split_times_s: the start of validation and the start of test.
        every_target: whether all interactions from the start of test on are targets, or only the first.

    Returns:
        The split.

    Example:
        >>> temporal([10.0, 20.0, 30.0, 40.0], (25.0, 35.0), every_target=False).targets
        [Targets(split='eval', start=0, first=2, end=3), Targets(split='test', start=0, first=3, end=4)]
    """
    validation, test = (bisect.bisect_left(timestamps_s, time) for time in split_times_s)
    end = len(timestamps_s)
    targets = []
    if validation < test:
        targets.append(Targets(EVAL, 0, validation, validation + 1))
    if test < end:
        targets.append(Targets(TEST, 0, test, end if every_target else test + 1))
    return UserSplit(_spans(0, validation), targets)


def session(timestamps_s: Sequence[float], split_times_s: SplitTimes, gap_s: float | None) -> UserSplit:
    """Return whole sessions for training, and the interactions of later sessions as targets, one by one.

    The history of a target is the part of its session before it (Hidasi et al. 2016; Ludewig and
    Jannach 2018). So every interaction of a session except its first is a target once.

    Args:
        timestamps_s: a user's times, ascending.
        split_times_s: the start of validation and the start of test. A session belongs to the part
            in which its first interaction lies.
        gap_s: a longer pause ends a session; None for one session a user.

    Returns:
        The split.

    Example:
        >>> session([10.0, 11.0, 50.0, 51.0], (40.0, 60.0), gap_s=5.0)
        UserSplit(train=[Span(start=0, end=2)], targets=[Targets(split='eval', start=2, first=3, end=4)])
    """
    train, targets = [], []
    for start, end in sessions(timestamps_s, gap_s):
        split = (TRAIN, EVAL, TEST)[bisect.bisect_right(split_times_s, timestamps_s[start])]
        if split == TRAIN:
            train.append(Span(start, end))
        else:
            targets += [Targets(split, start, target, target + 1) for target in range(start + 1, end)]
    return UserSplit(train, targets)


def sessions(timestamps_s: Sequence[float], gap_s: float | None) -> list[Span]:
    """Return a timeline's sessions.

    Args:
        timestamps_s: a user's times, ascending.
        gap_s: a longer pause ends a session; None for one session a user.

    Returns:
        Ranges that cover all indices, in order.

    Example:
        >>> sessions([10.0, 11.0, 50.0], gap_s=5.0)
        [Span(start=0, end=2), Span(start=2, end=3)]
    """
    pauses = [later - earlier for earlier, later in pairwise(timestamps_s)]
    breaks = [] if gap_s is None else [index for index, pause in enumerate(pauses, start=1) if pause > gap_s]
    return [Span(start, end) for start, end in pairwise([0, *breaks, len(timestamps_s)]) if start < end]


def _spans(start: int, end: int) -> list[Span]:
    return [Span(start, end)] if start < end else []


def windows(span: Span, max_length: int) -> Iterator[tuple[int, int]]:
    """Cut a training sequence into windows, so that every interaction except the first is a target once.

    The model reads the interactions `start` to `target - 1` of a window and predicts the successor
    of each. The last successor is at `target`. Windows are cut from the end backwards, so that the
    most recent one has the full length.

    Args:
        span: the sequence.
        max_length: the most interactions that a window reads.

    Yields:
        (start, target), the most recent first.

    Example:
        >>> list(windows(Span(0, 6), max_length=3))
        [(2, 5), (0, 2)]
    """
    target = span.end - 1
    while target > span.start:
        start = max(target - max_length, span.start)
        yield start, target
        target = start


def count_roles(count: int, user_split: UserSplit) -> Counter[str]:
    """Count a timeline's interactions by their role.

    Args:
        count: the number of the user's interactions.
        user_split: their split.

    Returns:
        Counts by `INTERACTION_ROLES`, whose sum is `count`.

    Example:
        >>> sorted(count_roles(4, leave_one_out(4)).items())
        [('eval_targets', 1), ('test_targets', 1), ('trained_on', 2)]
    """
    roles = [IN_NO_EXAMPLE] * count
    # Targets ascend, so the last target with one start has the longest history.
    histories = {targets.start: targets.first for targets in user_split.targets}
    for start, end in histories.items():
        roles[start:end] = [HISTORY_ONLY] * (end - start)
    for start, end in user_split.train:
        if end - start > 1:
            roles[start:end] = [TRAINED_ON] * (end - start)
    for split, start, first, end in user_split.targets:
        roles[first:end] = [TARGETS[split] if start < first else NO_HISTORY] * (end - first)
    return Counter(roles)


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
