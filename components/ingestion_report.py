"""What became of every row of a log, and whether that is good enough to go on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from apache_beam.io.filesystems import FileSystems

from schemas.errors import InputError
from schemas.features import EVAL, SPLITS, TEST
from schemas.interaction import Reason
from schemas.log import Data

FILE_NAME = "ingestion.json"
REJECTED_FOLDER = "rejected"

_REMEDIES = {
    Reason.MALFORMED: "check data.quote (null where the log does not quote) and data.delimiter",
    Reason.WRONG_FIELD_COUNT: "check data.delimiter, data.quote and data.column_names",
    Reason.BAD_ENCODING: "convert the log to UTF-8, for instance with iconv",
    Reason.NO_USER: "check data.columns.user and data.null_values",
    Reason.NO_ITEM: "check data.columns.item and data.null_values",
    Reason.BAD_TIMESTAMP: "check data.columns.timestamp and data.timestamp",
    Reason.TIMESTAMP_OUT_OF_RANGE: "check data.timestamp.unit: times must lie between 1980 and 2100",
    Reason.FILTERED: "check data.filters",
    Reason.BAD_NUMBER: "check data.columns.value, the kind of data.columns.context, and data.null_values",
}
_NEEDED = {  # of one user, for an example: leave-one-out, temporal
    "train": ("4 interactions", "2 interactions before the validation cut"),
    EVAL: ("3 interactions", "an interaction between the cuts and one before it"),
    TEST: ("2 interactions", "an interaction after the test cut and one before it"),
}


@dataclass(frozen=True)
class RejectedRow:
    """A sample of what was rejected."""

    file: str
    line: int
    raw: str  # the first 200 characters


@dataclass(frozen=True)
class IngestionReport:
    """Exact counts of an ingestion; `rows_read = rows_accepted + sum(rows_rejected)`.

    Users, items, interactions and times are what is left after the minimums.
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
    cuts_s: tuple[float, float] | None  # of a temporal split
    examples: dict[str, int]  # by split
    not_in_table: int  # interactions whose item the table of items lacks; 0 where nothing is read of it
    targets_without_history: int  # eval and test targets that are the user's first interaction, so no example

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

    def check(self, data: Data) -> None:
        """Tells whether there is enough to train, validate and test on.

        Raises:
            InputError: there is not, or too much of the log was rejected.
        """
        if not self.rows_read:
            raise no_rows(data)
        rejected = {reason: n for reason, n in self.rows_rejected.items() if reason != Reason.FILTERED.value}
        if not self.rows_accepted or sum(rejected.values()) > data.max_rejected_share * self.rows_read:
            reasons = rejected if self.rows_accepted else self.rows_rejected
            raise InputError(
                expected=f"at most {data.max_rejected_share:.2%} of the rows rejected (data.max_rejected_share)"
                if self.rows_accepted
                else "rows that are interactions",
                received=f"{sum(reasons.values()):,} of {self.rows_read:,} rows rejected"
                + describe_rejected(reasons, self.rejected_samples),
                remedy=remedy_for(reasons),
            )
        if data.items and self.not_in_table and self.not_in_table == self.interactions:
            raise InputError(
                expected=f"items of the log in column {data.items.id!r} of {data.items.path}",
                received="none of them",
                remedy="check data.items.id",
            )
        missing = [split for split in SPLITS if not self.examples[split]]
        if missing:
            raise InputError(
                expected="\n".join(
                    ["examples of every split; for one, a user needs"]
                    + [f"  {split}: {_NEEDED[split][self.cuts_s is not None]}" for split in missing]
                ),
                received=f"no {' and no '.join(missing)} examples from {self.users:,} users"
                f" with {self.interactions:,} interactions"
                + (f"; cut at {self.cuts_s[0]:.0f} and {self.cuts_s[1]:.0f} s" if self.cuts_s else "")
                + (
                    f"; {self.below_item_minimum:,} rows below data.min_item_interactions"
                    * bool(self.below_item_minimum)
                )
                + (
                    f"; {self.below_user_minimum:,} rows below data.min_user_interactions"
                    * bool(self.below_user_minimum)
                ),
                remedy="give a log with more interactions a user, lower the minimums, or change the split",
            )


def no_rows(data: Data) -> InputError:
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
    return _REMEDIES[Reason(max(sorted(rejected), key=lambda reason: rejected[reason]))]
