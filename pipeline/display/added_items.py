"""The result of `temporec index add` in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table

from components.example_gen.sources.rejected_rows import describe_rejected, table_remedies
from pipeline.display.tables import counts_table

if TYPE_CHECKING:
    from pipeline.commands.add_items import AddedItems


def added_items_table(found: AddedItems) -> Table:
    """Return the counts of the table of items.

    Args:
        found: the result of the command.
    """
    return counts_table("Items", _counts(found))


def result_text(found: AddedItems) -> Iterator[str]:
    """Yield the rejected rows by reason, the failed checks, and the new version.

    Args:
        found: the result of the command.
    """
    rows = found.rows
    if rows.rows_rejected:
        yield "Rejected rows" + describe_rejected(rows.rows_rejected, rows.rejected_samples, table_remedies("items"))
    if found.version is None:
        yield from found.verdict.reasons
        yield "Nothing is written."
    else:
        yield f"Written: {found.version}"


def _counts(found: AddedItems) -> Iterator[tuple[str, int]]:
    yield "rows read", found.rows.rows_read
    for reason, count in found.rows.rows_rejected.items():
        yield f"rejected: {reason}", count
    if found.merged:
        yield "merged: equal rows", found.merged
    yield "known, unchanged", found.known
    if found.expired:
        yield "expired, not added", found.expired
    if found.unlike:
        yield "unlike every known item, not added", found.unlike
    yield "added" if found.version else "new", found.added
    for name, count in found.missing.items():
        yield f"new, without {name}", count
    for name, count in found.unknown_categories.items():
        yield f"ignored categories of {name}, which the training has not seen", count
