"""Columns of the log and of its tables, and how times are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from schemas.config.section import Section
from schemas.config.time_format import check_time_formats

ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ColumnConfig(Section):
    """A further column: one in addition to user, item and time."""

    column: str = Field(description="Name of the column in the file.")
    kind: Literal["category", "number"] = Field(default="category", description="Kind of the column's values.")


class ItemColumnConfig(ColumnConfig):
    """A further column that may describe an item."""

    separator: str | None = Field(
        default=None, min_length=1, description="Separator between the names in a category of an item."
    )


def split_categories(value: str, separator: str | None) -> list[str]:
    """Return the categories in a value.

    Args:
        value: the text of a category column.
        separator: what separates categories; None if a value is one category.

    Returns:
        The categories without surrounding blanks, each once, in their order. Empty if the value is blank.

    Example:
        >>> split_categories("Comedy| Drama|Comedy", "|")
        ['Comedy', 'Drama']
    """
    parts = value.split(separator) if separator else [value]
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


class TimestampConfig(Section):
    """How the log writes time: a number in a unit, or text in one of several formats.

    `order` is for logs that hold only the order of interactions. It accepts
    any whole number, and does not read a date into it.
    """

    unit: Literal["s", "ms", "us", "ns", "order"] | None = Field(
        default=None,
        description="Unit of a time as a number since 1970; `order` for a log that holds only the order of"
        " interactions, as whole numbers. Give either `unit` or `format`.",
    )
    format: Annotated[str | tuple[str, ...], BeforeValidator(check_time_formats)] | None = Field(
        default=None,
        description="Format of a time as text: `iso8601`, or directives of Python's `strptime`, each at most once and"
        " without %Z. In a list, the first format that reads a time counts. Without a zone the times are UTC.",
    )

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats in the order of their use; empty if the times are numbers."""
        return (self.format,) if isinstance(self.format, str) else self.format or ()

    @model_validator(mode="after")
    def _one_of_both(self) -> TimestampConfig:
        if (self.unit is None) == (self.format is None):
            raise ValueError("give either a unit (s, ms, us, ns, order) or a format, not both")
        return self


def check_settings_of_csv(section: Section, settings: Sequence[str]) -> None:
    """Check that files of another format than `csv` have no settings of `csv`.

    Args:
        section: the description of files, with a `format`.
        settings: the names of the settings that only `csv` has.

    Raises:
        ValueError: a setting differs from its default, and the format is not `csv`.
    """
    fields, kind = type(section).model_fields, section.format  # type: ignore[attr-defined]
    for setting in settings if kind != "csv" else ():
        if getattr(section, setting) != fields[setting].default:
            raise ValueError(f"{setting} is for the format csv: remove it, because files of {kind} have none")
