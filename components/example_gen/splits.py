"""The protocols: what of a user's interactions is trained on and what is predicted, on plain numbers."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from components.common.beam_combiners import ValueCounts
from schemas import config
from schemas.features import EVAL, TEST, TRAIN

Cuts = tuple[float, float]  # validation_from, test_from, in unix seconds

# What becomes of an interaction, the first that applies. A target's history may hold interactions of any kind.
TARGETS = {EVAL: "eval_targets", TEST: "test_targets"}
NO_HISTORY = "targets_without_history"  # the user's or session's first, so that there is nothing to predict it from
TRAINED_ON = "trained_on"
HISTORY_ONLY = "history_only"  # of an eval or test target
IN_NO_EXAMPLE = "in_no_example"
INTERACTION_ROLES = (TRAINED_ON, *TARGETS.values(), NO_HISTORY, HISTORY_ONLY, IN_NO_EXAMPLE)


class Span(NamedTuple):
    """Positions in a timeline: those from `start` on and before `end`."""

    start: int
    end: int


class Targets(NamedTuple):
    """What one example of validation or test predicts."""

    split: str
    start: int  # of the history, which ends before the first target
    first: int
    end: int  # of the targets


class UserSplit(NamedTuple):
    """How a timeline is divided; no two parts share a target."""

    train: list[Span]  # sequences, in which every interaction but the first is a target
    targets: list[Targets]  # ascending

    @property
    def train_interactions(self) -> int:
        """How many interactions of the user lie in the training part."""
        return sum(end - start for start, end in self.train)


def split_history(timestamps_s: Sequence[float], split: config.SplitConfig, cuts_s: Cuts | None) -> UserSplit:
    """Decides what of a user is trained on, and what is predicted in validation and in test.

    Args:
        timestamps_s: a user's times, ascending.
        split: the protocol.
        cuts_s: its two cuts; None for leave-one-out, which has none.
    """
    if isinstance(split, config.LeaveOneOutConfig) or cuts_s is None:
        return leave_one_out(len(timestamps_s))
    if isinstance(split, config.SessionSplitConfig):
        return session(timestamps_s, cuts_s, split.gap_s)
    return temporal(timestamps_s, cuts_s, every_target=split.targets == "all")


def leave_one_out(count: int) -> UserSplit:
    """The last interaction is the test target, the one before it validation's, the rest is trained on.

    So a user of two interactions gives a test example, of three validation's
    as well, of four all three.
    """
    first = {EVAL: count - 2, TEST: count - 1}
    return UserSplit(
        _spans(0, max(count - 2, 0)),
        [Targets(split, 0, target, target + 1) for split, target in first.items() if target >= 0],
    )


def temporal(timestamps_s: Sequence[float], cuts_s: Cuts, *, every_target: bool) -> UserSplit:
    """Everything before the first cut is trained on; one example predicts what comes after each cut.

    Validation's target is the first interaction between the cuts. Test's is
    the first from the second cut on, or every one from there on. So users
    weigh the same.

    Args:
        timestamps_s: a user's times, ascending.
        cuts_s: the two cuts.
        every_target: whether test predicts all that follows.
    """
    validation, test = (bisect.bisect_left(timestamps_s, cut) for cut in cuts_s)
    end = len(timestamps_s)
    targets = []
    if validation < test:
        targets.append(Targets(EVAL, 0, validation, validation + 1))
    if test < end:
        targets.append(Targets(TEST, 0, test, end if every_target else test + 1))
    return UserSplit(_spans(0, validation), targets)


def session(timestamps_s: Sequence[float], cuts_s: Cuts, gap_s: float | None) -> UserSplit:
    """Whole sessions are trained on, or revealed step by step: each interaction but the first is a target once.

    The history of a target is what its session holds before it (Hidasi et
    al. 2016; Ludewig and Jannach 2018).

    Args:
        timestamps_s: a user's times, ascending.
        cuts_s: a session belongs to training, validation or test by the time of its first interaction.
        gap_s: a longer pause ends a session; None for one session a user.
    """
    train, targets = [], []
    for start, end in sessions(timestamps_s, gap_s):
        split = (TRAIN, EVAL, TEST)[bisect.bisect_right(cuts_s, timestamps_s[start])]
        if split == TRAIN:
            train.append(Span(start, end))
        else:
            targets += [Targets(split, start, target, target + 1) for target in range(start + 1, end)]
    return UserSplit(train, targets)


def sessions(timestamps_s: Sequence[float], gap_s: float | None) -> list[Span]:
    """A timeline's sessions: a pause longer than `gap_s` ends one."""
    pauses = [later - earlier for earlier, later in pairwise(timestamps_s)]
    breaks = [] if gap_s is None else [place for place, pause in enumerate(pauses, start=1) if pause > gap_s]
    return [Span(start, end) for start, end in pairwise([0, *breaks, len(timestamps_s)]) if start < end]


def _spans(start: int, end: int) -> list[Span]:
    return [Span(start, end)] if start < end else []


def windows(span: Span, max_length: int) -> Iterator[tuple[int, int]]:
    """Cuts a training sequence so that every interaction but the first is a target once.

    A window reads positions `start` to `target - 1` and predicts each one's
    successor, the last of them at `target`. Windows are cut from the end
    backwards, so that the most recent one is full.

    Args:
        span: the sequence.
        max_length: the most interactions that a window reads.

    Yields:
        (start, target), the most recent first.
    """
    target = span.end - 1
    while target > span.start:
        start = max(target - max_length, span.start)
        yield start, target
        target = start


def count_roles(count: int, division: UserSplit) -> Counter[str]:
    """What becomes of a timeline's interactions: by `INTERACTION_ROLES`, with `count` as their sum."""
    uses = [IN_NO_EXAMPLE] * count
    # Targets ascend, so that the last of those with one start has the longest history.
    histories = {targets.start: targets.first for targets in division.targets}
    for start, end in histories.items():
        uses[start:end] = [HISTORY_ONLY] * (end - start)
    for start, end in division.train:
        if end - start > 1:
            uses[start:end] = [TRAINED_ON] * (end - start)
    for split, start, first, end in division.targets:
        uses[first:end] = [TARGETS[split] if start < first else NO_HISTORY] * (end - first)
    return Counter(uses)


def cuts_from_shares(counts: ValueCounts, split: config.TimeCutsConfig) -> Cuts | None:
    """The cuts of a split that is given by shares.

    Each is the earliest second of the log with at most the share of all
    interactions at it or later; where the log's last second alone has more,
    the second after it.

    Args:
        counts: distinct whole seconds, ascending, and the interactions in each.
        split: the shares.

    Returns:
        The cuts; None for an empty log.
    """
    seconds, interactions = counts
    if not seconds.size:
        return None
    at_or_after = np.cumsum(interactions[::-1])[::-1]

    def cut(share: float) -> float:
        # The small addend keeps .7 + .1 of ten from being seven.
        fitting = seconds[at_or_after <= share * at_or_after[0] + 1e-6]
        return float(fitting[0]) if fitting.size else float(seconds[-1]) + 1.0

    return cut(split.validation_share + split.test_share), cut(split.test_share)
