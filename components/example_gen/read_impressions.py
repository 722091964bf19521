"""Impressions from the files of a log, in any format that has a source."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from components.example_gen.sources.source import read_log_file
from components.example_gen.validation.impressions import validate_impressions
from schemas.config.impressions import ImpressionsConfig
from schemas.config.log import ColumnsConfig, DataConfig, LogColumnConfig


def read_impression_file(path: str, impressions: ImpressionsConfig) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the impressions of a file, and the rows that are rejected.

    Args:
        path: the file.
        impressions: the reading options of the log.

    Yields:
        A batch of `IMPRESSION` and one of `REJECTED`, as `validate_impressions` returns them. The line tells the order
        of the rows.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    for batch in read_log_file(path, as_log(impressions)):
        yield validate_impressions(batch, impressions)


def as_log(impressions: ImpressionsConfig) -> DataConfig:
    """Return the reading options in the form that sources take: the list of shown items is the item.

    Args:
        impressions: the reading options of the log.
    """
    columns = impressions.columns
    further = {"impression": columns.impression, "clicked": columns.clicked, "history": columns.history}
    return DataConfig(
        path=impressions.path,
        format=impressions.format,
        delimiter=impressions.delimiter,
        quote=impressions.quote,
        column_names=impressions.column_names,
        columns=ColumnsConfig(
            user=columns.user,
            item=columns.shown,
            timestamp=columns.timestamp,
            context={name: LogColumnConfig(column=column) for name, column in further.items() if column is not None},
        ),
        timestamp=impressions.timestamp,
    )
