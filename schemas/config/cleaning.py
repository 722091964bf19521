"""The section `data.cleaning`: valid rows to leave out."""

from __future__ import annotations

from pydantic import Field

from schemas.config.section import Section


class ReturnsConfig(Section):
    """The column that distinguishes returns from purchases."""

    column: str = Field(
        description="Column of numbers, for example a quantity: the units of a purchase, negative in a return. A row"
        " without a number is neither."
    )


class CleaningConfig(Section):
    """Rules for valid rows that are no sign of a user's taste. They apply in this order, and are counted."""

    max_per_day: int | None = Field(
        default=None,
        ge=1,
        description="Maximum number of a user's interactions in a day, in UTC. A user with more is taken for a bot, and"
        " is left out.",
    )
    drop_duplicates: bool = Field(
        default=False,
        description="Whether interactions that equal another one in all configured columns are left out.",
    )
    returns: ReturnsConfig | None = Field(
        default=None,
        description="Returns are left out, and so are the purchases of the same item and user that they cancel.",
    )
    repeat_gap_s: float | None = Field(
        default=None,
        gt=0.0,
        description="Time in seconds within which the same item again, of the same user, is left out.",
    )
    keep_last: int | None = Field(
        default=None, ge=1, description="Number of a user's most recent interactions to keep, after the rules above."
    )
