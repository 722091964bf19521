"""The split of a refit: the training examples of a log with nothing held out."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from schemas.config import SessionSplitConfig
from schemas.features import REFIT, SPLITS, TRAIN
from tests.components.example_gen.examples.test_splits import (
    LEAVE_ONE_OUT,
    LENGTHS,
    NEXT,
    PROTOCOLS,
    USERS,
    Protocol,
    Users,
    columns_of,
)


def test_refit_has_windows_of_the_whole_timelines() -> None:
    """Of users with two and five interactions, 0 to 1 and 2 to 6, every one except the first is a target once."""
    found = columns_of([[1.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0]], Protocol(LEAVE_ONE_OUT, None), 3, refit=True)
    windows = found.examples[REFIT]
    assert windows.user.tolist() == [0, 1, 1]
    assert windows.start.tolist() == [0, 2, 3]
    assert windows.first.tolist() == [1, 3, 6]


@given(users=USERS, protocol=PROTOCOLS, max_length=LENGTHS)
def test_refit_is_the_training_split_of_cuts_after_the_log(users: Users, protocol: Protocol, max_length: int) -> None:
    whole = protocol.split if isinstance(protocol.split, SessionSplitConfig) else NEXT
    expected = columns_of(users, Protocol(whole, (100.0, 100.0)), max_length).examples[TRAIN]
    found = columns_of(users, protocol, max_length, refit=True)
    for name, column in found.examples[REFIT]._asdict().items():
        np.testing.assert_array_equal(column, getattr(expected, name))


@given(users=USERS, protocol=PROTOCOLS, max_length=LENGTHS)
def test_refit_changes_no_other_split_and_no_count(users: Users, protocol: Protocol, max_length: int) -> None:
    before, after = (columns_of(users, protocol, max_length, refit=refit) for refit in (False, True))
    for split in SPLITS:
        for column, other in zip(before.examples[split], after.examples[split], strict=True):
            np.testing.assert_array_equal(column, other)
    assert before.examples.keys() | {REFIT} == after.examples.keys()
    assert (before.roles, before.warm, before.cold) == (after.roles, after.warm, after.cold)
