"""Rejected rows in messages, and the limits on how many there may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.errors import InputError
from schemas.rejection import ITEM_REASONS, ImpressionRejection, RejectionReason

SAMPLES = 3  # rejected rows kept of each reason
SAMPLE_CHARACTERS = 200
_SHOWN_CHARACTERS = 100


_ITEM_REMEDIES = {
    RejectionReason.MALFORMED.value: "check data.items.quote (null if the table does not quote), data.items.delimiter"
    " and data.items.format",
    RejectionReason.NO_ITEM.value: "check data.items.id and data.null_values",
    RejectionReason.BAD_TIMESTAMP.value: "check data.items.published and data.items.timestamp",
    RejectionReason.TIMESTAMP_OUT_OF_RANGE.value: "check data.items.timestamp.unit",
    RejectionReason.BAD_NUMBER.value: "check the kind of data.items.columns, and data.null_values",
    **{reason.value: reason.remedy for reason in ITEM_REASONS},
}


class Limits(Protocol):
    """How many rows may be rejected. `DataConfig`, `ItemTableConfig` and `ImpressionLogConfig` say so."""

    @property
    def max_rejected_share(self) -> float:
        """The maximum fraction of the rows read."""

    @property
    def max_rejected_share_by_reason(self) -> Mapping[str, float]:
        """The maximum fraction of the rows read, by reason."""


@dataclass(frozen=True)
class RejectedRow:
    """A rejected row, as an example of its reason."""

    file: str
    line: int
    raw: str  # the first `SAMPLE_CHARACTERS` characters


def check_limits(
    rows_read: int,
    rejected: Mapping[str, int],
    samples: Mapping[str, Sequence[RejectedRow]],
    limits: Limits,
    remedies: Mapping[str, str],
    table: str | None = None,
) -> None:
    """Check the share of rejected rows, in all and by reason.

    Args:
        rows_read: the number of rows.
        rejected: the rejected ones by reason.
        samples: some of them by reason.
        limits: the limits.
        remedies: what to do, by reason.
        table: the name of the table that has the rows, see `table_remedies`; None for the log.

    Raises:
        InputError: a limit is exceeded; the message names it, and the reasons.
    """
    rows = f"the rows of data.{table}" if table else "the rows"
    counted = {reason: count for reason, count in rejected.items() if reason != RejectionReason.FILTERED.value}
    above = {
        reason: share
        for reason, share in limits.max_rejected_share_by_reason.items()
        if rejected.get(reason, 0) > share * rows_read
    }
    if sum(counted.values()) > limits.max_rejected_share * rows_read:
        expected = f"at most {limits.max_rejected_share:.2%} of {rows} rejected (data.max_rejected_share)"
    elif above:
        shares = ", ".join(f"{share:.2%} as {reason}" for reason, share in above.items())
        expected = f"of {rows} rejected at most {shares} (data.max_rejected_share_by_reason)"
        counted = {reason: rejected[reason] for reason in above}
    else:
        return
    raise InputError(
        expected=expected,
        received=f"{sum(counted.values()):,} of {rows_read:,} rows rejected"
        + describe_rejected(counted, samples, remedies),
        remedy=remedy_for(counted, remedies),
    )


def describe_rejected(
    rejected: Mapping[str, int], samples: Mapping[str, Sequence[RejectedRow]], remedies: Mapping[str, str]
) -> str:
    """Return lines for a message: each reason with its count, what to change and examples, the most frequent first.

    Args:
        rejected: counts by reason.
        samples: rejected rows by reason.
        remedies: what to do, by reason.

    Returns:
        Lines that each begin with a line break.
    """
    lines = []
    for reason, count in sorted(rejected.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"\n  {reason}: {count:,} row{'s' * (count != 1)}; {remedies[reason]}")
        lines += [f"\n    {row.file}:{row.line}: {_shortened(row.raw)}" for row in samples.get(reason, ())]
    return "".join(lines)


def most_frequent(rejected: Mapping[str, int]) -> RejectionReason:
    """Return the reason with the most rows, of several the first by name."""
    return RejectionReason(_most_frequent_name(rejected))


def remedy_for(rejected: Mapping[str, int], remedies: Mapping[str, str]) -> str:
    """Return what to do about the most frequent reason.

    Args:
        rejected: counts by reason.
        remedies: what to do, by reason.
    """
    return remedies[_most_frequent_name(rejected)]


def log_remedies() -> dict[str, str]:
    """Return what to do about rejected rows of a log, by reason."""
    return {reason.value: reason.remedy for reason in RejectionReason}


def table_remedies(name: str) -> dict[str, str]:
    """Return what to do about rejected rows of a table, by reason.

    Args:
        name: `items`, `users` or `impressions`.
    """
    if name == "impressions":
        return {reason.value: reason.remedy for reason in ImpressionRejection}
    check = f"check data.{name}.quote (null if the table does not quote) and data.{name}.delimiter"
    encoding = RejectionReason.BAD_ENCODING
    remedies = {**dict.fromkeys(log_remedies(), check), encoding.value: encoding.remedy}
    return {**remedies, **_ITEM_REMEDIES} if name == "items" else remedies


def _most_frequent_name(rejected: Mapping[str, int]) -> str:
    return max(sorted(rejected), key=lambda reason: rejected[reason])


def _shortened(raw: str) -> str:
    return repr(raw[:_SHOWN_CHARACTERS]) + "..." * (len(raw) > _SHOWN_CHARACTERS)
