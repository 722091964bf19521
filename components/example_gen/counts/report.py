"""Counts of an ingestion, and the checks that they must pass before training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from apache_beam.io.filesystems import FileSystems

from components.example_gen.sources.diagnosis import remedy_for_times
from components.example_gen.sources.rejected_rows import (
    Limits,
    RejectedRow,
    check_limits,
    describe_rejected,
    log_remedies,
    remedy_for,
    table_remedies,
)
from components.example_gen.validation.rejection_details import TIME_REASONS
from schemas.config import SplitConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.features import EVAL, SPLITS, TEST, TRAIN
from schemas.rejection import RejectionReason

REPORT_FILE = "ingestion.json"
_NEEDED = {  # what one user needs for an example, by the kind of the split
    "leave_one_out": {TRAIN: "4 interactions", EVAL: "3 interactions", TEST: "2 interactions"},
    "temporal": {
        TRAIN: "2 interactions before validation starts",
        EVAL: "an interaction between the split times and one before it",
        TEST: "an interaction after test starts and one before it",
    },
    "session": {
        TRAIN: "a session of 2 interactions that begins before validation starts",
        EVAL: "a session of 2 interactions that begins between the split times",
        TEST: "a session of 2 interactions that begins after test starts",
    },
}


LEFT_OUT = {  # the setting of each rule that leaves out valid rows, in the order of their application
    "bots": "data.cleaning.max_per_day",
    "duplicates": "data.cleaning.drop_duplicates",
    "returned": "data.cleaning.returns",
    "returns": "data.cleaning.returns",
    "other_events": "data.events",
    "repeats": "data.cleaning.repeat_gap_s",
    "older": "data.cleaning.keep_last",
    "below_item_minimum": "data.min_item_interactions",
    "below_user_minimum": "data.min_user_interactions",
}


@dataclass(frozen=True)
class TableRows:
    """Counts of the rows of a table of items or users, over all its files."""

    rows_read: int  # without headers
    rows_rejected: dict[str, int]  # by reason, only reasons that occurred
    rejected_samples: dict[str, list[RejectedRow]]  # by reason, the first few


@dataclass(frozen=True)
class IngestionReport:
    """Exact counts of an ingestion.

    `rows_read = rows_accepted + sum(rows_rejected)`, `rows_rejected["filtered"] =
    sum(rows_filtered)`, and `rows_accepted = sum(left_out) + sum(roles)`. Users,
    items, interactions and times are those that are not left out.
    """

    spans: list[str]  # the names of the spans, oldest first; empty for a log without spans
    late_rows: dict[str, int]  # accepted rows before the day of their span, by span; empty if no row can be late
    rows_read: int
    rows_accepted: int
    rows_rejected: dict[str, int]  # by reason, only reasons that occurred
    rows_filtered: dict[str, int]  # by the condition of each filter: the first one that a row does not pass counts
    rejected_times: dict[str, int]  # sample of the rows that were rejected for their time: their number by its text
    rejected_samples: dict[str, list[RejectedRow]]  # by reason, the first few by file and line
    left_out: dict[str, int]  # accepted rows left out, by the rules of `LEFT_OUT`
    users: int
    items: int
    interactions: int
    ties: int  # interactions at the same time as the user's one before
    first_timestamp_s: float | None
    last_timestamp_s: float | None
    split_times_s: tuple[float, float] | None  # None for leave-one-out
    roles: dict[str, int]  # of the interactions, by `splits.INTERACTION_ROLES`
    examples: dict[str, int]  # by split
    test_users: dict[str, int]  # with a test example: warm, with interactions in the training part, and cold
    users_not_in_table: int  # users that the table of users lacks; 0 without such a table
    tables: dict[str, TableRows]  # users, if there is such a table

    @staticmethod
    def read(directory: str) -> IngestionReport:
        """Read the report of the ingestion that wrote this directory."""
        with FileSystems.open(f"{directory}/{REPORT_FILE}") as file:
            values = json.load(file)
        times = values.pop("split_times_s")
        tables = values.pop("tables")
        return IngestionReport(
            **with_samples(values),
            split_times_s=tuple(times) if times else None,
            tables={name: TableRows(**with_samples(table)) for name, table in tables.items()},
        )

    def to_json(self) -> str:
        """Return the content of the report's file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def check(self, data: DataConfig, split: SplitConfig) -> None:
        """Check that there are enough examples to train, validate and test.

        Args:
            data: the reading options of the log.
            split: the split of the log.

        Raises:
            InputError: a split has no example, or too many rows of the log or a table were rejected.
        """
        if not self.rows_read:
            raise no_rows(data)
        self._check_rejected(data)
        check_table_rows(self.tables, data)
        self._check_users(data)
        self._check_split_times(data)
        self._check_examples(split)

    def _check_rejected(self, data: DataConfig) -> None:
        remedies = self.remedies(data)
        if self.rows_accepted:
            check_limits(self.rows_read, self.rows_rejected, self.rejected_samples, data, remedies)
            return
        raise InputError(
            expected="rows that are interactions",
            received=f"{self.rows_read:,} of {self.rows_read:,} rows rejected"
            + describe_rejected(self.rows_rejected, self.rejected_samples, remedies),
            remedy=remedy_for(self.rows_rejected, remedies),
        )

    def remedies(self, data: DataConfig) -> dict[str, str]:
        """Return what to do about the rejected rows of the log, by reason.

        Args:
            data: the reading options of the log.
        """
        remedies = log_remedies()
        for reason in TIME_REASONS if self.rejected_times else ():
            remedies[reason.value] = remedy_for_times(self.rejected_times, data, self.rows_accepted)
        if self.rows_filtered:
            condition = max(self.rows_filtered, key=lambda condition: self.rows_filtered[condition])
            remedies[RejectionReason.FILTERED.value] = (
                f"check data.filters: {condition!r} rejects {self.rows_filtered[condition]:,} rows"
            )
        return remedies

    def _check_users(self, data: DataConfig) -> None:
        if data.users and self.users_not_in_table and self.users_not_in_table == self.users:
            raise InputError(
                expected=f"users of the log in column {data.users.id!r} of {data.users.path}",
                received="none of them",
                remedy="check data.users.id",
            )

    def _check_split_times(self, data: DataConfig) -> None:
        if self.split_times_s is None or self.first_timestamp_s is None or self.last_timestamp_s is None:
            return
        if self.first_timestamp_s < self.split_times_s[0] and self.split_times_s[1] <= self.last_timestamp_s:
            return
        times = (self.first_timestamp_s, self.last_timestamp_s, *self.split_times_s)
        first, last, validation, test = (moment(time, dates=data.timestamp.unit != "order") for time in times)
        raise InputError(
            expected=f"a log that begins before validation starts, {validation}, and ends after test starts, {test}",
            received=f"interactions from {first} to {last}",
            remedy="set split.validation_from and split.test_from to times between these, "
            "or leave them out and give split.validation_share and split.test_share, neither too small",
        )

    def _check_examples(self, split: SplitConfig) -> None:
        missing = [part for part in SPLITS if not self.examples[part]]
        if not missing:
            return
        raise InputError(
            expected="\n".join(
                ["examples of every split; for one, a user needs"]
                + [f"  {part}: {_NEEDED[split.kind][part]}" for part in missing]
            ),
            received=f"no {' and no '.join(missing)} examples from {self.users:,} users"
            f" with {self.interactions:,} interactions"
            + (
                f"; split at {self.split_times_s[0]:.0f} and {self.split_times_s[1]:.0f} s"
                if self.split_times_s
                else ""
            )
            + "".join(f"; {n:,} rows left out by {LEFT_OUT[rule]}" for rule, n in self.left_out.items() if n),
            remedy="give a log with more interactions a user, lower the minimums, or change the split",
        )


def with_samples(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a report's JSON with `RejectedRow` objects.

    Args:
        values: the fields of the report, with `rejected_samples` as JSON can hold it.
    """
    samples = {reason: [RejectedRow(**row) for row in rows] for reason, rows in values["rejected_samples"].items()}
    return {**values, "rejected_samples": samples}


def check_table_rows(tables: Mapping[str, TableRows], limits: Limits) -> None:
    """Check that few rows of the tables were rejected, with the limits of the log.

    Args:
        tables: counts by the name of the table: items, users.
        limits: the limits, which are those of the log.

    Raises:
        InputError: a limit is exceeded.
    """
    for name, rows in tables.items():
        check_limits(
            rows.rows_read, rows.rows_rejected, rows.rejected_samples, limits, table_remedies(name), table=name
        )


def moment(time: float, *, dates: bool) -> str:
    """Return a time of a log for a message.

    Args:
        time: Unix seconds, or a number of an order.
        dates: whether the log has times of day.
    """
    return datetime.fromtimestamp(time, timezone.utc).isoformat() if dates else f"{time:.0f}"


def no_rows(data: DataConfig) -> InputError:
    """Return the error of a log without rows."""
    return InputError(
        expected=f"interactions in {data.path}",
        received="no rows",
        remedy="check data.path"
        + "; a file's first line is its header unless data.column_names is set" * (data.format == "csv"),
    )
