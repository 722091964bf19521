"""Rejected rows in messages, and the limits on how many there may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.rejection import RejectionReason

SAMPLES = 3  # rejected rows kept of each reason
SAMPLE_CHARACTERS = 200
_SHOWN_CHARACTERS = 100


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
    data: DataConfig,
    table: str | None = None,
) -> None:
    """Check the share of rejected rows, in all and by reason.

    Args:
        rows_read: the number of rows.
        rejected: the rejected ones by reason.
        samples: some of them by reason.
        data: the limits.
        table: the name of the table that has the rows, `items` or `users`; None for the log.

    Raises:
        InputError: a limit is exceeded; the message names it, and the reasons.
    """
    rows = f"the rows of data.{table}" if table else "the rows"
    counted = {reason: count for reason, count in rejected.items() if reason != RejectionReason.FILTERED.value}
    above = {
        reason: share
        for reason, share in data.max_rejected_share_by_reason.items()
        if rejected.get(reason, 0) > share * rows_read
    }
    if sum(counted.values()) > data.max_rejected_share * rows_read:
        expected = f"at most {data.max_rejected_share:.2%} of {rows} rejected (data.max_rejected_share)"
    elif above:
        shares = ", ".join(f"{share:.2%} as {reason}" for reason, share in above.items())
        expected = f"of {rows} rejected at most {shares} (data.max_rejected_share_by_reason)"
        counted = {reason: rejected[reason] for reason in above}
    else:
        return
    raise InputError(
        expected=expected,
        received=f"{sum(counted.values()):,} of {rows_read:,} rows rejected"
        + describe_rejected(counted, samples, table),
        remedy=remedy_for(counted, table),
    )


def describe_rejected(
    rejected: Mapping[str, int], samples: Mapping[str, Sequence[RejectedRow]], table: str | None = None
) -> str:
    """Return lines for a message: each reason with its count, what to change and examples, the most frequent first.

    Args:
        rejected: counts by reason.
        samples: rejected rows by reason.
        table: the name of the table that has the rows, `items` or `users`; None for the log.

    Returns:
        Lines that each begin with a line break.
    """
    lines = []
    for reason, count in sorted(rejected.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"\n  {reason}: {count:,} row{'s' * (count != 1)}; {remedy_for({reason: count}, table)}")
        lines += [f"\n    {row.file}:{row.line}: {_shortened(row.raw)}" for row in samples.get(reason, ())]
    return "".join(lines)


def remedy_for(rejected: Mapping[str, int], table: str | None = None) -> str:
    """Return what to do about the most frequent reason.

    Args:
        rejected: counts by reason.
        table: the name of the table that has the rows, `items` or `users`; None for the log.

    Returns:
        An instruction that names the settings to check.
    """
    reason = RejectionReason(max(sorted(rejected), key=lambda reason: rejected[reason]))
    if table is None or reason is RejectionReason.BAD_ENCODING:
        return reason.remedy
    return f"check data.{table}.quote (null if the table does not quote) and data.{table}.delimiter"


def _shortened(raw: str) -> str:
    return repr(raw[:_SHOWN_CHARACTERS]) + "..." * (len(raw) > _SHOWN_CHARACTERS)
