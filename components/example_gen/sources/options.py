"""What a source needs to know about files: the log, the table of items and the log of impressions all say it."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class FileOptions(Protocol):
    """Where files are."""

    @property
    def path(self) -> str:
        """A file, a folder or a glob."""

    @property
    def setting(self) -> str:
        """The path of the section in the configuration, for messages."""

    @property
    def format(self) -> str:
        """A format of `SOURCES`."""


class LogOptions(FileOptions, Protocol):
    """Where the files of a log are."""

    @property
    def num_spans(self) -> int | None:
        """The number of spans to read, if the path has spans."""


class FileLocation(NamedTuple):
    """Where files are: `LogOptions` and no more."""

    path: str
    setting: str
    format: str
    num_spans: int | None = None  # None if the path of the files cannot have spans

    @staticmethod
    def of(table: FileOptions) -> FileLocation:
        """Return where the files of a table are.

        Args:
            table: the path and the format.
        """
        return FileLocation(table.path, table.setting, table.format)


class ReadingOptions(FileOptions, Protocol):
    """How files are read. `DataConfig`, `ItemsTableConfig` and `ImpressionsConfig` are such options."""

    @property
    def delimiter(self) -> str:
        """The character between fields of `csv`."""

    @property
    def quote(self) -> str | None:
        """The character around fields of `csv`; None if nothing is quoted."""

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """The names of all columns of `csv`; None if they are in a header line."""

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns to read; a column may be there more than once."""

    @property
    def list_columns(self) -> frozenset[str]:
        """The columns whose values may be lists. The text of a value of `jsonl` and `parquet` is JSON there."""

    @property
    def time_column(self) -> str | None:
        """The column of times."""

    @property
    def time_unit(self) -> str | None:
        """The unit of times; None if they are texts."""
