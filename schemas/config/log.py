"""The part of a configuration that says what the log is and how to read it."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.features import EVENT, FEATURE_NAMES, TIME_CODES, USER_ID, VALUE, VOCABULARY, target_key, user_key

ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A part of the tree: unknown keys are errors, numbers are finite, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ColumnConfig(Section):
    """A further column, which tells more than who did something with what, and when."""

    column: str
    kind: Literal["category", "number"] = "category"


class ItemColumnConfig(ColumnConfig):
    """A further column that may describe an item."""

    separator: Annotated[str, StringConstraints(min_length=1)] | None = None  # of a category with several names in it


def split_categories(value: str, separator: str | None) -> list[str]:
    """The names in a category's value, each once; a value without any is in no category."""
    parts = value.split(separator) if separator else [value]
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


class LogColumnConfig(ItemColumnConfig):
    """A further column of the log."""

    of: Literal["interaction", "item"] = "interaction"  # whether it is the same wherever the item comes


class ColumnsConfig(Section):
    """Which columns of the log hold an interaction."""

    user: str
    item: str
    timestamp: str
    event: str | None = None  # what the user did, a category
    value: str | None = None  # how much it was worth, a number: a rating, a price paid, a time spent
    context: dict[ColumnName, LogColumnConfig] = {}  # anything else


class Feature(Section):
    """What is known of an interaction beside its user, item and time, by the name that it has from here on."""

    name: str
    column: str
    kind: Literal["category", "number"]
    of: Literal["interaction", "item"]
    separator: str | None
    in_table: bool  # of items, or in the log


class TimestampConfig(Section):
    """How the log writes time: a number in a unit, or text in a format.

    `order` is for logs that hold only the order of interactions: any whole
    number is taken, and no date is read into it.
    """

    unit: Literal["s", "ms", "us", "ns", "order"] | None = None
    format: str | None = None  # strptime's directives; without %z the times are UTC

    @model_validator(mode="after")
    def _one_of_both(self) -> TimestampConfig:
        if (self.unit is None) == (self.format is None):
            raise ValueError("give either a unit (s, ms, us, ns, order) or a format, not both")
        return self


class FilterConfig(Section):
    """Rows to keep; the others are counted as rejected, reason `filtered`."""

    column: str
    matches: str | None = None  # a regular expression that the whole value must match
    above: float | None = None  # the value, as a number, must be greater than this

    @model_validator(mode="after")
    def _one_of_both(self) -> FilterConfig:
        if (self.matches is None) == (self.above is None):
            raise ValueError("give either matches or above")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is no regular expression: {error}") from None
        return self


class SideTableConfig(Section):
    """A delimited file beside the log, with a header line and an id in each row."""

    setting: ClassVar[str]  # its place in the configuration

    path: str
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    id: str


class ItemsTableConfig(SideTableConfig):
    """A table of items: titles for people, and what the model may know of them."""

    setting = "data.items"

    title: str
    columns: dict[ColumnName, ItemColumnConfig] = {}


class UsersTableConfig(SideTableConfig):
    """A table of users, by whose columns an evaluation can be sliced; no model reads it."""

    setting = "data.users"

    columns: Annotated[dict[ColumnName, ColumnConfig], Field(min_length=1)]


class DataConfig(Section):
    """The log and how to read it."""

    path: str  # a file or a glob, plain or compressed (.gz), local or on a file system Beam knows
    format: Literal["csv"] = "csv"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    quote: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = '"'
    column_names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None  # for files without a header line
    columns: ColumnsConfig
    timestamp: TimestampConfig
    null_values: tuple[str, ...] = ("",)  # what stands for "no user" and "no item"
    filters: tuple[FilterConfig, ...] = ()
    max_rejected_share: Share = 0.05  # of the rows read; filtered rows do not count
    min_item_interactions: Annotated[int, Field(ge=1)] = 1  # applied before the users' minimum
    min_user_interactions: Annotated[int, Field(ge=1)] = 1
    items: ItemsTableConfig | None = None
    users: UsersTableConfig | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """All further columns, in the order in which they are configured."""
        of_log = dict(self.columns.context)
        if self.columns.value is not None:
            of_log = {VALUE: LogColumnConfig(column=self.columns.value, kind="number"), **of_log}
        if self.columns.event is not None:
            of_log = {EVENT: LogColumnConfig(column=self.columns.event), **of_log}
        of_table = self.items.columns if self.items else {}
        return tuple(
            [Feature(name=name, in_table=False, **column.model_dump()) for name, column in of_log.items()]
            + [Feature(name=name, in_table=True, of="item", **column.model_dump()) for name, column in of_table.items()]
        )

    @model_validator(mode="after")
    def _features_can_be_told_apart(self) -> DataConfig:
        context, table = self.columns.context, self.items.columns if self.items else {}
        names = [*context, *table]
        of_users = [user_key(name) for name in self.users.columns] if self.users else []
        if USER_ID in of_users:
            raise ValueError(f"a column of users cannot be called 'id': {USER_ID} is taken")
        taken = {EVENT, VALUE, VOCABULARY, "time", "query_time", *FEATURE_NAMES, *TIME_CODES, *of_users}
        for name in names:
            if {name, target_key(name)} & taken or name.startswith("target_") or names.count(name) > 1:
                raise ValueError(f"a further column cannot be called {name!r}: the name is taken")
        for feature in self.features:
            if feature.separator is not None and (feature.kind, feature.of) != ("category", "item"):
                raise ValueError(f"separator is for categories of items, which {feature.name!r} is not")
        return self
