"""Split of one user in plain Python: the reference for `components.example_gen.examples.splits`."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from components.example_gen.examples.splits import (
    HISTORY_ONLY,
    IN_NO_EXAMPLE,
    NO_HISTORY,
    TARGETS,
    TRAINED_ON,
    SplitTimes,
)
from schemas.config import LeaveOneOutConfig, SessionSplitConfig, SplitConfig
from schemas.features import EVAL, TEST, TRAIN


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
    """Split of a timeline."""

    train: list[Span]  # sequences; every interaction of one except its first is a target
    targets: list[Targets]  # in ascending order

    @property
    def train_interactions(self) -> int:
        """Number of the user's interactions in the training part."""
        return sum(end - start for start, end in self.train)


class Example(NamedTuple):
    """Indices of one example."""

    split: str
    begin: int  # of the earlier interactions, whose items are excluded
    start: int  # of the history
    first: int  # of the targets
    end: int  # of the targets, exclusive


def split_history(timestamps_s: Sequence[float], split: SplitConfig, split_times_s: SplitTimes | None) -> UserSplit:
    if isinstance(split, LeaveOneOutConfig):
        return leave_one_out(len(timestamps_s))
    assert split_times_s
    if isinstance(split, SessionSplitConfig):
        return session(timestamps_s, split_times_s, split.gap_s)
    return temporal(timestamps_s, split_times_s, every_target=split.targets == "all")


def leave_one_out(count: int) -> UserSplit:
    first = {EVAL: count - 2, TEST: count - 1}
    return UserSplit(
        _spans(0, count - 2), [Targets(split, 0, index, index + 1) for split, index in first.items() if index >= 0]
    )


def temporal(timestamps_s: Sequence[float], split_times_s: SplitTimes, *, every_target: bool) -> UserSplit:
    validation, test = (bisect.bisect_left(timestamps_s, time) for time in split_times_s)
    end = len(timestamps_s)
    targets = []
    if validation < test:
        targets.append(Targets(EVAL, 0, validation, validation + 1))
    if test < end:
        targets.append(Targets(TEST, 0, test, end if every_target else test + 1))
    return UserSplit(_spans(0, validation), targets)


def session(timestamps_s: Sequence[float], split_times_s: SplitTimes, gap_s: float | None) -> UserSplit:
    train, targets = [], []
    for start, end in sessions(timestamps_s, gap_s):
        split = (TRAIN, EVAL, TEST)[bisect.bisect_right(split_times_s, timestamps_s[start])]
        if split == TRAIN:
            train.append(Span(start, end))
        else:
            targets += [Targets(split, start, target, target + 1) for target in range(start + 1, end)]
    return UserSplit(train, targets)


def sessions(timestamps_s: Sequence[float], gap_s: float | None) -> list[Span]:
    """Return a timeline's sessions. A pause longer than `gap_s` ends one."""
    pauses = [later - earlier for earlier, later in pairwise(timestamps_s)]
    breaks = [] if gap_s is None else [index for index, pause in enumerate(pauses, start=1) if pause > gap_s]
    return [Span(start, end) for start, end in pairwise([0, *breaks, len(timestamps_s)]) if start < end]


def _spans(start: int, end: int) -> list[Span]:
    return [Span(start, end)] if start < end else []


def windows(span: Span, max_length: int) -> Iterator[tuple[int, int]]:
    """Yield the history's start and the target of each window of a training sequence, the most recent first."""
    target = span.end - 1
    while target > span.start:
        start = max(target - max_length, span.start)
        yield start, target
        target = start


def examples(user_split: UserSplit, max_length: int) -> list[Example]:
    """Return a user's examples. A target without a history has no example."""
    return [
        Example(TRAIN, start, start, target, target + 1)
        for span in user_split.train
        for start, target in windows(span, max_length)
    ] + [
        Example(split, begin, max(first - max_length, begin), first, end)
        for split, begin, first, end in user_split.targets
        if begin < first
    ]


def count_roles(count: int, user_split: UserSplit) -> Counter[str]:
    """Count a timeline's interactions by `INTERACTION_ROLES`."""
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
