"""The features that are compared: counts of two logs under the same labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp

from components.data_validator.thresholds import Distance, jensen_shannon, l_infinity
from components.example_gen.counts.interaction_counts import EVERYONE, HOUR, ITEM, POSITION, USERS

SHOWN_VALUES = 1_000  # of each side; TFDV keeps as many by default
OTHER = "(other)"
HEAVIEST = 2.0  # times the interactions of the reference's heaviest user: more are a bot's
WEEKDAY = "weekday"
OUT_OF_RANGE = "not a time"  # only requests have such times: they are rejected rows in a log
COMPARATORS: Mapping[str, Distance] = {"l_infinity": l_infinity, "jensen_shannon": jensen_shannon}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY, _WEEK = 24, 168  # hours
_RECENT_WEEKS = 4
_Rows: TypeAlias = pd.DataFrame  # the columns label, user and count


class ComparedFeature(NamedTuple):
    """A feature of two logs.

    Args:
        name: the name.
        comparator: a key of `COMPARATORS`.
        labels: the values that occur, with what is rare in one label.
        reference: counts of the reference [labels].
        counts: counts of the other log [labels].
        sample: counts of single users [users, labels], from which unchanged data are drawn.
    """

    name: str
    comparator: str
    labels: list[str]
    reference: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    sample: sp.csr_matrix


@dataclass(frozen=True)
class LogCounts:
    """The counts of a log.

    Args:
        table: the counts, see `components.example_gen.counts.interaction_counts.SCHEMA`.
    """

    table: pd.DataFrame

    @staticmethod
    def of(table: pa.Table) -> LogCounts:
        """Return the counts of a table of that schema."""
        return LogCounts(table.to_pandas())

    @property
    def users(self) -> int:
        """The number of users."""
        return int(self.table.loc[self.table["feature"] == USERS, "count"].sum())

    @cached_property
    def sample(self) -> pd.Series:
        """The number of interactions of each user in the sample, by user."""
        items = self.rows(ITEM)
        return items[items["user"] != EVERYONE].groupby("user")["count"].sum()

    @property
    def columns(self) -> list[str]:
        """The further columns."""
        return sorted({*self.table["feature"].unique()} - {USERS, ITEM, POSITION, HOUR})

    def rows(self, feature: str) -> _Rows:
        """Return the counts of a feature."""
        found = self.table[self.table["feature"] == feature]
        return found[["value", "user", "count"]].rename(columns={"value": "label"})


def compared_features(reference: LogCounts, log: LogCounts, longest: int | None = None) -> Iterator[ComparedFeature]:
    """Yield the features that both logs have.

    The largest difference of a share suits categories: it finds one that has changed. The divergence suits hours and
    lengths, where a change moves many values a little.

    Args:
        reference: the counts of the reference, with a sample.
        log: the counts of the other log.
        longest: the history's length from which on lengths are one value; None for no limit.
    """
    both = reference, log
    for name in (ITEM, *reference.columns):
        yield from _feature(name, "l_infinity", both, _frequent(reference.rows(name), log.rows(name)))
    yield from _feature(POSITION, "jensen_shannon", both, lambda rows: _lengths(rows, longest))
    yield from _feature(HOUR, "jensen_shannon", both, _hours)
    yield from _feature(HOUR, "l_infinity", both, _weekdays, WEEKDAY)


def _feature(
    source: str,
    comparator: str,
    both: tuple[LogCounts, LogCounts],
    label: Callable[[_Rows], _Rows],
    name: str | None = None,
) -> Iterator[ComparedFeature]:
    rows = [label(side.rows(source)) for side in both]
    before, after = (side[side["user"] == EVERYONE] for side in rows)
    if not len(before) or not len(after):
        return
    labels = sorted({*before["label"], *after["label"]})
    samples = [
        _of_users(side[side["user"].isin(users)], users, labels)
        for side, users in zip(rows, _drawn_users(*both), strict=True)
    ]
    yield ComparedFeature(
        name or source, comparator, labels, _sum(before, labels), _sum(after, labels), sp.vstack(samples, format="csr")
    )


def _drawn_users(reference: LogCounts, log: LogCounts) -> tuple[pd.Index, pd.Index]:
    """Return the users of both logs from which unchanged data are drawn.

    A user of the other log with far more interactions than any of the reference is a change, and not one of them.
    """
    most = HEAVIEST * reference.sample.max()
    return reference.sample.index, log.sample.index[log.sample <= most]


def _of_users(rows: _Rows, users: pd.Index, labels: list[str]) -> sp.csr_matrix:
    cells = (users.get_indexer(rows["user"]), pd.Index(labels).get_indexer(rows["label"]))
    return sp.csr_matrix((rows["count"].to_numpy(np.float64), cells), shape=(len(users), len(labels)))


def _sum(rows: _Rows, labels: list[str]) -> npt.NDArray[np.int64]:
    counts: npt.NDArray[np.int64] = rows.groupby("label")["count"].sum().reindex(labels, fill_value=0).to_numpy()
    return counts


def _frequent(*both: _Rows) -> Callable[[_Rows], _Rows]:
    """Return a function that keeps the most frequent values of both logs, and puts the others under one label."""
    shown: set[str] = set()
    for rows in both:
        everyone = rows[rows["user"] == EVERYONE].sort_values(["count", "label"], ascending=[False, True])
        shown.update(everyone["label"].head(SHOWN_VALUES))
    return lambda rows: rows.assign(label=rows["label"].where(rows["label"].isin(shown), OTHER))


def _lengths(rows: _Rows, longest: int | None) -> _Rows:
    exponents = rows["label"].astype(np.int64)
    last = exponents.max() if longest is None else int(np.log2(longest))
    labels = {0: "1"} | {exponent: f"{2**exponent} to {2 ** (exponent + 1) - 1}" for exponent in range(1, 64)}
    if longest is not None:
        labels[last] = f"{2**last}+"
    return rows.assign(label=exponents.clip(upper=last).map(labels))


def _hours(rows: _Rows) -> _Rows:
    recent, wrong = _whole_period(rows), rows[rows["label"] == OUT_OF_RANGE]
    of_day = recent["label"].astype(np.int64).mod(_DAY).map("{:02}:00".format)
    return pd.concat([recent.assign(label=of_day), wrong])


def _weekdays(rows: _Rows) -> _Rows:
    """Return the weekdays of whole weeks; none if the log is shorter than a week."""
    recent = _whole_period(rows, least=_WEEK)
    days = recent["label"].astype(np.int64) // _DAY + 3  # 1970 began on a Thursday
    return recent.assign(label=days.mod(7).map(dict(enumerate(_WEEKDAYS))))


def _whole_period(rows: _Rows, least: int = _DAY) -> _Rows:
    """Return the rows of the last weeks if there is a whole one, or of the last whole days.

    Parts of a week or day would be a change of their own. Half a night without visitors still makes a whole one.
    """
    rows = rows[rows["label"] != OUT_OF_RANGE]
    hours = rows["label"].astype(np.int64)
    length = int(hours.max() - hours.min()) + 1 if len(hours) else 0
    weeks, days = min((length + _DAY // 2) // _WEEK, _RECENT_WEEKS), (length + _DAY // 4) // _DAY
    period = weeks * _WEEK or days * _DAY
    return rows[hours > hours.max() - period] if period >= least else rows[:0]
