"""The section `data.impressions`: a log of lists that users were shown, and how to read it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.config.columns import Character, Share, TimestampConfig, check_settings_of_csv
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
        default=None,
        description="Column with the list of the items that the user had clicked before, oldest first. Without it, the"
        " history is that of the user's test example; the split `session` needs it.",
    )


class PositionBiasConfig(Section):
    """The probability that a user looks at a position: known, or estimated from impressions before the test span."""

    propensities: tuple[Annotated[float, Field(gt=0.0, le=1.0)], ...] | None = Field(
        default=None,
        min_length=1,
        description="Probability that a user looks at each position, first position first. Give either this or"
        " `estimate`.",
    )
    estimate: Literal["shuffled", "by_item"] | None = Field(
        default=None,
        description="Estimate from the impressions before the test span: `shuffled` if all their lists had a random"
        " order, `by_item` if the same items were at several positions for reasons other than the user. See"
        " docs/impressions.md#propensities.",
    )
    clip: float | None = Field(
        default=None,
        gt=0.0,
        description="Maximum weight of a click. By default weights are not clipped. See docs/impressions.md#clipping.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> PositionBiasConfig:
        if (self.propensities is None) == (self.estimate is None):
            raise ValueError("give either propensities, one for each position, or estimate, not both")
        return self


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

    setting: ClassVar[str] = "data.impressions"  # the path of the section in the configuration

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
        description="Separator between the items of a list that is a text. Several blanks separate as one does.",
    )
    clicked_suffix: str | None = Field(
        default=None, min_length=1, description="End of a shown item that was clicked, like `-1` in `N55689-1`."
    )
    not_clicked_suffix: str = Field(
        default="", description="End of a shown item that was not clicked, like `-0`; empty if it has no mark."
    )
    position_bias: PositionBiasConfig | None = Field(
        default=None,
        description="Correction of an evaluation for the positions of shown items. Leave it out if the order of a list"
        " is not that on the screen.",
    )

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns of the files that the configuration reads."""
        return tuple(name for name in self.columns.model_dump().values() if name is not None)

    @property
    def list_columns(self) -> frozenset[str]:
        """The columns whose values may be lists, in formats that have lists."""
        if self.format not in ("jsonl", "parquet"):
            return frozenset()
        columns = self.columns
        return frozenset(name for name in (columns.shown, columns.clicked, columns.history) if name is not None)

    @property
    def time_column(self) -> str:
        """The column of times."""
        return self.columns.timestamp

    @property
    def time_unit(self) -> str | None:
        """The unit of the times; None if they are texts."""
        return self.timestamp.unit

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
        for name in self.read_columns:
            if self.read_columns.count(name) > 1:
                raise ValueError(f"the column {name!r} is given twice in columns")
        return self


class ImpressionLogConfig(Section):
    """The settings that, with the examples, determine the artifact of the impressions."""

    impressions: ImpressionsConfig = Field(description="The log of impressions.")
    max_rejected_share: float = Field(description="Maximum fraction of rejected rows.")
    max_rejected_share_by_reason: dict[str, Share] = Field(description="Maximum fraction of rejected rows by reason.")


class ImpressionEvaluatorConfig(Section):
    """The settings that, with impressions and a model, determine an evaluation by impression."""

    bootstrap_samples: int = Field(description="Number of bootstrap samples.")
    clip: float | None = Field(description="Maximum weight of a click; None for no clipping.")
