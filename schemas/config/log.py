"""The section `data`: what the log is and how to read it."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from schemas.config.checks import ChecksConfig
from schemas.config.cleaning import CleaningConfig
from schemas.config.columns import (
    Character,
    ColumnName,
    ItemColumnConfig,
    Share,
    TimestampConfig,
    check_settings_of_csv,
)
from schemas.config.filters import FilterConfig
from schemas.config.impressions import ImpressionLogConfig, ImpressionsConfig
from schemas.config.section import Section
from schemas.config.span_pattern import check_span_pattern, has_spans
from schemas.config.tables import ItemsTableConfig, ItemTableConfig, UsersTableConfig
from schemas.errors import did_you_mean
from schemas.features import (
    EVENT,
    FEATURE_NAMES,
    HISTORY_LENGTH,
    ITEM_AGE,
    SESSION,
    TIME_CODES,
    UNITS,
    USER_ID,
    VALUE,
    VOCABULARY,
    target_key,
    user_key,
)
from schemas.rejection import RejectionReason

BIGQUERY = "bigquery://"  # the beginning of the path of a table

Category = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$")]  # without white space around it
Weight = Annotated[float, Field(gt=0.0)]


class LogColumnConfig(ItemColumnConfig):
    """A further column of the log."""

    of: Literal["interaction", "item"] = Field(
        default="interaction",
        description="What the column describes: `item` if it has the same value in all interactions of an item.",
    )


class ColumnsConfig(Section):
    """The columns of the log that hold an interaction."""

    user: str | None = Field(
        default=None, description="Column with the user's id. Only a log with `session` may have none."
    )
    session: str | None = Field(
        default=None,
        description="Column with the session's id. Without `user`, each session is a user of its own. With it, the"
        " split `session` takes each user's sessions from this column.",
    )
    item: str = Field(description="Column with the item's id.")
    timestamp: str = Field(description="Column with the time.")
    event: str | None = Field(default=None, description="Column with the user's action, a category.")
    value: str | None = Field(
        default=None,
        description="Column with the value of the interaction, a number: a rating, a price paid, a time spent.",
    )
    context: dict[ColumnName, LogColumnConfig] = Field(
        default={}, description="Further columns, each under a `name` of your own."
    )

    @property
    def sequence(self) -> str:
        """The column whose id all interactions of a history share: the user's, or the session's without users."""
        return str(self.user or self.session)

    @model_validator(mode="after")
    def _has_sequences(self) -> ColumnsConfig:
        if not self.user and not self.session:
            raise ValueError("give user, the column with the user's id; a log without users needs session instead")
        return self


class Feature(Section):
    """A further column of the log under its name in the examples."""

    name: str = Field(description="Name of the feature.")
    column: str = Field(description="Name of the column in the file.")
    kind: Literal["category", "number"] = Field(description="Kind of the column's values.")
    of: Literal["interaction", "item"] = Field(description="What the column describes.")
    separator: str | None = Field(description="Separator between the names in a category of an item.")


class DataConfig(Section):
    """The log and how to read it."""

    setting: ClassVar[str] = "data"  # the path of the section in the configuration
    list_columns: ClassVar[frozenset[str]] = frozenset()  # a value of a log is never a list

    path: Annotated[str, AfterValidator(check_span_pattern)] = Field(
        min_length=1,
        description="A file, a folder or a glob, plain or compressed (.gz, .bz2, .xz, .zst), local or on a file system"
        " that Beam knows. `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}`, stand for the number or the date of a span. For"
        " `bigquery` a table or view, as `bigquery://project.dataset.table`.",
    )
    num_spans: int = Field(
        default=1, ge=1, description="Maximum number of spans to read, the newest ones, if `path` has spans."
    )
    format: Literal["csv", "jsonl", "parquet", "avro", "tfrecord", "bigquery"] = Field(
        default="csv", description="Format of the log's files, or `bigquery`."
    )
    delimiter: Character = Field(default=",", description="Character between fields of `csv`.")
    quote: Character | None = Field(
        default='"', description="Character around fields of `csv`; null if the log does not quote."
    )
    column_names: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="Names of all columns, for files of `csv` without a header line."
    )
    columns: ColumnsConfig = Field(description="The columns of an interaction.")
    timestamp: TimestampConfig = Field(description="How the log writes time.")
    null_values: tuple[str, ...] = Field(
        default=("",),
        description='Texts that mean "no user", "no item", and a missing value in a further column.',
    )
    filters: tuple[FilterConfig, ...] = Field(default=(), description="Conditions for rows to keep.")
    max_rejected_share: float = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        description="Maximum fraction of the rows read that may be rejected; filtered rows do not count.",
    )
    max_rejected_share_by_reason: dict[str, Share] = Field(
        default={},
        description="Maximum fraction of the rows read that may be rejected for a reason, by the name of the"
        " reason, like `{bad_timestamp: 0.01}`. docs/data.md lists the reasons; `filtered` is one of them.",
    )
    keep_interactions: bool = Field(
        default=False,
        description="Whether the accepted rows are kept, so that `temporec data replay` need not read them again.",
    )
    cleaning: CleaningConfig = Field(default=CleaningConfig(), description="Rules for valid rows to leave out.")
    events: dict[Category, Weight] | None = Field(
        default=None,
        min_length=1,
        description="Events to keep, with the weight of a target in the training loss: `{view: 1.0, purchase: 5.0}`."
        " Interactions with another event in `columns.event` are left out.",
    )
    min_item_interactions: int = Field(
        default=1,
        ge=1,
        description="Minimum number of interactions of an item. Items and users are left out until both minimums hold.",
    )
    min_user_interactions: int = Field(default=1, ge=1, description="Minimum number of interactions of a user.")
    items: ItemsTableConfig | None = Field(default=None, description="Table of items.")
    users: UsersTableConfig | None = Field(default=None, description="Table of users.")
    impressions: ImpressionsConfig | None = Field(
        default=None, description="Log of the lists that users were shown; see docs/impressions.md."
    )
    checks: ChecksConfig = Field(default=ChecksConfig(), description="Checks of the data before training.")

    @property
    def features(self) -> tuple[Feature, ...]:
        """All further columns of the log, in the order in which they are configured."""
        of_log = dict(self.columns.context)
        if self.columns.value is not None:
            of_log = {VALUE: LogColumnConfig(column=self.columns.value, kind="number"), **of_log}
        if self.columns.event is not None:
            of_log = {EVENT: LogColumnConfig(column=self.columns.event), **of_log}
        return tuple(Feature(name=name, **column.model_dump()) for name, column in of_log.items())

    @property
    def carried(self) -> tuple[Feature, ...]:
        """The further columns of an interaction: those that are features, then those that are not."""
        others = {}
        if self.cleaning.returns:
            others[UNITS] = LogColumnConfig(column=self.cleaning.returns.column, kind="number")
        if self.columns.user and self.columns.session:
            others[SESSION] = LogColumnConfig(column=self.columns.session)
        return self.features + tuple(Feature(name=name, **column.model_dump()) for name, column in others.items())

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns of the log that the configuration reads; a column may be there more than once."""
        columns = self.columns
        further = (*(feature.column for feature in self.carried), *(rule.column for rule in self.filters))
        return (columns.sequence, columns.item, columns.timestamp, *further)

    @property
    def time_column(self) -> str:
        """The column of times."""
        return self.columns.timestamp

    @property
    def time_unit(self) -> str | None:
        """The unit of the times; None if they are texts."""
        return self.timestamp.unit

    @property
    def item_table_config(self) -> ItemTableConfig | None:
        """The settings that determine the artifact of the items; None without a table of items."""
        if self.items is None:
            return None
        return ItemTableConfig(
            items=self.items.model_copy(update={"sentence_vectors": {}}),  # they are a component of their own
            null_values=self.null_values,
            max_rejected_share=self.max_rejected_share,
            max_rejected_share_by_reason=self.max_rejected_share_by_reason,
        )

    @property
    def impression_log_config(self) -> ImpressionLogConfig | None:
        """The settings that determine the artifact of the impressions; None without impressions."""
        if self.impressions is None:
            return None
        return ImpressionLogConfig(
            impressions=self.impressions,
            max_rejected_share=self.max_rejected_share,
            max_rejected_share_by_reason=self.max_rejected_share_by_reason,
        )

    @field_validator("max_rejected_share_by_reason")
    @classmethod
    def _reasons_exist(cls, shares: dict[str, float]) -> dict[str, float]:
        known = [reason.value for reason in RejectionReason]
        for reason in shares:
            if reason not in known:
                raise ValueError(
                    f"unknown reason {reason}; " + did_you_mean(reason, known, f"known: {', '.join(known)}")
                )
        return shares

    @model_validator(mode="after")
    def _columns_are_there(self) -> DataConfig:
        if self.events and self.columns.event is None:
            raise ValueError("events needs columns.event, the column with the user's action")
        if self.items and self.items.timestamp and (self.items.time_unit == "order") != (self.time_unit == "order"):
            raise ValueError("the unit order is for both data.timestamp and data.items.timestamp, or for neither")
        if self.impressions and (self.impressions.time_unit == "order") != (self.time_unit == "order"):
            raise ValueError("the unit order is for both data.timestamp and data.impressions.timestamp, or for neither")
        if self.users and self.columns.user is None:
            raise ValueError("users is a table of users, and the log has no columns.user")
        return self

    @model_validator(mode="after")
    def _path_of_bigquery(self) -> DataConfig:
        is_table = self.path.startswith(BIGQUERY)
        if is_table != (self.format == "bigquery"):
            raise ValueError("a path bigquery://project.dataset.table and format: bigquery belong together")
        if is_table and not re.fullmatch(r"bigquery://[^./]+\.[^./]+\.[^./]+", self.path):
            raise ValueError(f"path must be bigquery://project.dataset.table; it is {self.path!r}")
        return self

    @model_validator(mode="after")
    def _settings_of_csv(self) -> DataConfig:
        check_settings_of_csv(self, ("delimiter", "quote", "column_names"))
        return self

    @model_validator(mode="after")
    def _spans_are_there(self) -> DataConfig:
        if self.num_spans > 1 and not has_spans(self.path):
            raise ValueError("num_spans is for a path with {SPAN}, or with {YYYY}, {MM} and {DD}")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> DataConfig:
        names = [*self.columns.context, *(self.items.content if self.items else ())]
        of_users = [user_key(name) for name in self.users.columns] if self.users else []
        if USER_ID in of_users:
            raise ValueError(f"a column of users cannot be called 'id': {USER_ID} is taken")
        taken = {EVENT, VALUE, HISTORY_LENGTH, VOCABULARY, ITEM_AGE, "time", "query_time"}
        taken |= {*FEATURE_NAMES, *TIME_CODES, *of_users}
        for name in names:
            if {name, target_key(name)} & taken or name.startswith("target_") or names.count(name) > 1:
                raise ValueError(f"a further column cannot be called {name!r}: the name is taken")
        if self.timestamp.unit == "order" and (self.cleaning.max_per_day or self.cleaning.repeat_gap_s):
            raise ValueError("cleaning.max_per_day and cleaning.repeat_gap_s need times, and timestamp.unit is order")
        for name, column in {**self.columns.context, **(self.items.columns if self.items else {})}.items():
            of_item = not isinstance(column, LogColumnConfig) or column.of == "item"
            if column.separator is not None and not (of_item and column.kind == "category"):
                raise ValueError(f"separator is for categories of items, which {name!r} is not")
        return self
