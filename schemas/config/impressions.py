"""A log of impressions: what it is and how to read it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from schemas.config.columns import Character, TimestampConfig, check_settings_of_csv
from schemas.config.section import Section


class ImpressionColumnsConfig(Section):
    """The columns of the log that hold an impression."""

    impression: str = Field(description="Column with the impression's id.")
    user: str = Field(description="Column with the user's id.")
    timestamp: str = Field(description="Column with the time.")
    shown: str = Field(description="Column with the list of the items that were shown, first position first.")
    clicked: str | None = Field(
        default=None,
        description="Column with the list of the items that were clicked; null if suffixes in `shown` say it.",
    )
    history: str | None = Field(
        default=None, description="Column with the list of the items that the user had clicked before, oldest first."
    )


class ImpressionsConfig(Section):
    """A log with one row for each list of items that a user was shown.

    The file form of MIND's `behaviors.tsv` has these settings:

        path: behaviors.tsv
        delimiter: "\\t"
        quote: null
        column_names: [impression, user, time, history, shown]
        columns: {impression: impression, user: user, timestamp: time, history: history, shown: shown}
        timestamp: {format: "%m/%d/%Y %I:%M:%S %p"}
        clicked_suffix: "-1"
        not_clicked_suffix: "-0"
    """

    path: str = Field(min_length=1, description="A file, a folder or a glob, as in `data.path`.")
    format: Literal["csv", "jsonl", "parquet", "avro", "tfrecord"] = Field(
        default="csv", description="Format of the files."
    )
    delimiter: Character = Field(default=",", description="Character between fields of `csv`.")
    quote: Character | None = Field(
        default='"', description="Character around fields of `csv`; null if the log does not quote."
    )
    column_names: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="Names of all columns, for files of `csv` without a header line."
    )
    columns: ImpressionColumnsConfig = Field(description="The columns of an impression.")
    timestamp: TimestampConfig = Field(description="How the log writes time.")
    separator: str = Field(
        default=" ",
        min_length=1,
        description="Separator between the items of a list. Several blanks separate as one does.",
    )
    clicked_suffix: str | None = Field(
        default=None, min_length=1, description="End of a shown item that was clicked, like `-1` in `N55689-1`."
    )
    not_clicked_suffix: str = Field(
        default="", description="End of a shown item that was not clicked, like `-0`; empty if it has no mark."
    )

    @model_validator(mode="after")
    def _clicks_are_given_once(self) -> ImpressionsConfig:
        if (self.columns.clicked is None) == (self.clicked_suffix is None):
            raise ValueError("give either columns.clicked, a list of the clicked items, or clicked_suffix, not both")
        if self.not_clicked_suffix and self.clicked_suffix is None:
            raise ValueError("not_clicked_suffix needs clicked_suffix")
        if self.clicked_suffix and self.not_clicked_suffix.endswith(self.clicked_suffix):
            raise ValueError(
                f"not_clicked_suffix {self.not_clicked_suffix!r} must not end with clicked_suffix"
                f" {self.clicked_suffix!r}, because every shown item would be clicked"
            )
        return self

    @model_validator(mode="after")
    def _settings_of_csv(self) -> ImpressionsConfig:
        check_settings_of_csv(self, ("delimiter", "quote", "column_names"))
        return self

    @model_validator(mode="after")
    def _columns_differ(self) -> ImpressionsConfig:
        names = [name for name in self.columns.model_dump().values() if name is not None]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the column {name!r} is given twice in columns")
        return self
