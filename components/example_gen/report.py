"""What became of every row of a log, and whether that is good enough to go on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from apache_beam.io.filesystems import FileSystems

from schemas.config import SplitConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.features import EVAL, SPLITS, TEST, TRAIN
from schemas.interaction import RejectionReason

FILE_NAME = "ingestion.json"
REJECTED_FOLDER = "rejected"

_REMEDIES = {
    RejectionReason.MALFORMED: "check data.quote (null where the log does not quote) and data.delimiter",
    RejectionReason.WRONG_FIELD_COUNT: "check data.delimiter, data.quote and data.column_names",
    RejectionReason.BAD_ENCODING: "convert the log to UTF-8, for instance with iconv",
    RejectionReason.NO_USER: "check data.columns.user and data.null_values",
    RejectionReason.NO_ITEM: "check data.columns.item and data.null_values",
    RejectionReason.BAD_TIMESTAMP: "check data.columns.timestamp and data.timestamp",
    RejectionReason.TIMESTAMP_OUT_OF_RANGE: "check data.timestamp.unit: times must lie between 1980 and 2100",
    RejectionReason.FILTERED: "check data.filters",
    RejectionReason.BAD_NUMBER: "check data.columns.value, the kind of data.columns.context, and data.null_values",
}
_NEEDED = {  # of one user, for an example, by the kind of the split
    "leave_one_out": {TRAIN: "4 interactions", EVAL: "3 interactions", TEST: "2 interactions"},
    "temporal": {
        TRAIN: "2 interactions before the validation cut",
        EVAL: "an interaction between the cuts and one before it",
        TEST: "an interaction after the test cut and one before it",
    },
    "session": {
        TRAIN: "a session of 2 interactions that begins before the validation cut",
        EVAL: "a session of 2 interactions that begins between the cuts",
        TEST: "a session of 2 interactions that begins after the test cut",
    },
}


@dataclass(frozen=True)
class RejectedRow:
    """A sample of what was rejected."""

    file: str
    line: int
    raw: str  # the first 200 characters


@dataclass(frozen=True)
class IngestionReport:
    """Exact counts of an ingestion.

    `rows_read = rows_accepted + sum(rows_rejected)`, and `rows_accepted =
    below_item_minimum + below_user_minimum + sum(uses)`. Users, items,
    interactions and times are what is left after the minimums.
    """

    rows_read: int
    rows_accepted: int
    rows_rejected: dict[str, int]  # by reason, only those that occurred
    rejected_samples: dict[str, list[RejectedRow]]  # by reason, the first few by file and line
    below_item_minimum: int  # accepted rows left out
    below_user_minimum: int
    users: int
    items: int
    interactions: int
    ties: int  # interactions at the same time as the user's one before
    first_timestamp_s: float | None
    last_timestamp_s: float | None
    cuts_s: tuple[float, float] | None  # None for leave-one-out
    uses: dict[str, int]  # what became of the interactions, by `splits.USES`
    examples: dict[str, int]  # by split
    test_users: dict[str, int]  # that have a test example: warm, with interactions in the training part, and cold
    not_in_table: int  # interactions whose item the table of items lacks; 0 where nothing is read of it
    users_not_in_table: int  # users that the table of users lacks; 0 where there is none

    @staticmethod
    def read(directory: str) -> IngestionReport:
        """Reads the report of the ingestion that wrote this directory."""
        with FileSystems.open(f"{directory}/{FILE_NAME}") as file:
            values = json.load(file)
        samples = values.pop("rejected_samples")
        cuts = values.pop("cuts_s")
        return IngestionReport(
            **values,
            rejected_samples={reason: [RejectedRow(**row) for row in rows] for reason, rows in samples.items()},
            cuts_s=tuple(cuts) if cuts else None,
        )

    def to_json(self) -> str:
        """The report as it is written."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def check(self, data: DataConfig, split: SplitConfig) -> None:
        """Tells whether there is enough to train, validate and test on.

        Args:
            data: how the log was read.
            split: how it was divided.

        Raises:
            InputError: there is not, or too much of the log was rejected.
        """
        if not self.rows_read:
            raise no_rows(data)
        self._check_rejected(data)
        self._check_tables(data)
        self._check_cuts(data)
        self._check_examples(split)

    def _check_rejected(self, data: DataConfig) -> None:
        rejected = {reason: n for reason, n in self.rows_rejected.items() if reason != RejectionReason.FILTERED.value}
        if self.rows_accepted and sum(rejected.values()) <= data.max_rejected_share * self.rows_read:
            return
        reasons = rejected if self.rows_accepted else self.rows_rejected
        raise InputError(
            expected=f"at most {data.max_rejected_share:.2%} of the rows rejected (data.max_rejected_share)"
            if self.rows_accepted
            else "rows that are interactions",
            received=f"{sum(reasons.values()):,} of {self.rows_read:,} rows rejected"
            + describe_rejected(reasons, self.rejected_samples),
            remedy=remedy_for(reasons),
        )

    def _check_tables(self, data: DataConfig) -> None:
        for table, lacking, count in (
            (data.items, self.not_in_table, self.interactions),
            (data.users, self.users_not_in_table, self.users),
        ):
            if table and lacking and lacking == count:
                raise InputError(
                    expected=f"{table.setting.removeprefix('data.')} of the log in column {table.id!r} of {table.path}",
                    received="none of them",
                    remedy=f"check {table.setting}.id",
                )

    def _check_cuts(self, data: DataConfig) -> None:
        if self.cuts_s is None or self.first_timestamp_s is None or self.last_timestamp_s is None:
            return
        if self.first_timestamp_s < self.cuts_s[0] and self.cuts_s[1] <= self.last_timestamp_s:
            return
        times = (self.first_timestamp_s, self.last_timestamp_s, *self.cuts_s)
        first, last, validation, test = (_moment(time, dates=data.timestamp.unit != "order") for time in times)
        raise InputError(
            expected=f"a log that begins before the validation cut, {validation}, and goes on to the test cut, {test}",
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
            + (f"; cut at {self.cuts_s[0]:.0f} and {self.cuts_s[1]:.0f} s" if self.cuts_s else "")
            + (f"; {self.below_item_minimum:,} rows below data.min_item_interactions" * bool(self.below_item_minimum))
            + (f"; {self.below_user_minimum:,} rows below data.min_user_interactions" * bool(self.below_user_minimum)),
            remedy="give a log with more interactions a user, lower the minimums, or change the split",
        )


def _moment(time: float, *, dates: bool) -> str:
    return datetime.fromtimestamp(time, timezone.utc).isoformat() if dates else f"{time:.0f}"


def no_rows(data: DataConfig) -> InputError:
    """The error of a log without rows."""
    return InputError(
        expected=f"interactions in {data.path}",
        received="no rows",
        remedy="check data.path; a file's first line is its header unless data.column_names is set",
    )


def describe_rejected(rejected: Mapping[str, int], samples: Mapping[str, list[RejectedRow]]) -> str:
    """Lines for a message: each reason with its count and one row, the most frequent first."""
    lines = []
    for reason, count in sorted(rejected.items(), key=lambda item: (-item[1], item[0])):
        row = samples[reason][0]
        lines.append(f"\n  {reason}: {count:,}, like {row.file}:{row.line}: {row.raw[:100]!r}")
    return "".join(lines)


def remedy_for(rejected: Mapping[str, int]) -> str:
    """What to check where rows are rejected for these reasons, by the most frequent one."""
    return _REMEDIES[RejectionReason(max(sorted(rejected), key=lambda reason: rejected[reason]))]
