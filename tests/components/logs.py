"""Logs for the tests of this folder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import apache_beam as beam
import pyarrow as pa

from components.example_gen.sources.csv_source import read_csv_blocks
from components.example_gen.sources.source import needed_columns, to_record_batch
from schemas.config.columns import TimestampConfig
from schemas.config.log import ColumnsConfig, DataConfig
from schemas.interaction import interaction_schema
from tests.components.history_example import HistoryExample

DAY_S = 86_400
START_S = 1_600_000_000  # 2020-09-13


def data(path: str | Path = "log.csv", **settings: Any) -> DataConfig:
    """Return a configuration for logs with the columns user, item and time (unix seconds), and `further` columns."""
    settings.setdefault("timestamp", TimestampConfig(unit="s"))
    further = settings.pop("further", {})
    columns = ColumnsConfig.model_validate({"user": "user", "item": "item", "timestamp": "time", **further})
    return DataConfig(path=str(path), columns=columns, **settings)


def csv_batches(blocks: Iterable[bytes], settings: DataConfig, name: str = "log.csv") -> Iterator[pa.RecordBatch]:
    """Yield the rows of delimited text as a source gives them."""
    columns = needed_columns(settings)
    for rows in read_csv_blocks(blocks, settings, columns, name):
        yield to_record_batch(rows, columns, settings, name)


def local_pipeline() -> beam.Pipeline:
    """Return a pipeline that runs in this process; Beam's default runner would download a job server."""
    return beam.Pipeline(runner="FnApiRunner")


def interactions(rows: list[tuple[str, str, float]], file: str = "log.csv", first_line: int = 2) -> pa.RecordBatch:
    """Return a batch of interactions from rows of (user, item, time), on successive lines."""
    users, items, times = zip(*rows, strict=True) if rows else ((), (), ())
    lines = range(first_line, first_line + len(rows))
    columns = [users, items, [float(time) for time in times], [file] * len(rows), lines]
    schema = interaction_schema([])
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def history(
    split: str,
    user_id: str,
    item_ids: Sequence[str],
    timestamps_s: Sequence[int],
    target_ids: Sequence[str],
    target_timestamp_s: int,
    exclude_ids: Sequence[str] = (),
    train_interactions: int = 0,
    of_user: Mapping[str, Any] = MappingProxyType({}),
) -> HistoryExample:
    """Return an example of a log without further columns."""
    return HistoryExample(
        split=split,
        user_id=user_id,
        item_ids=list(item_ids),
        timestamps_s=list(timestamps_s),
        target_ids=list(target_ids),
        target_timestamp_s=target_timestamp_s,
        exclude_ids=list(exclude_ids),
        further={},
        target_further={},
        train_interactions=train_interactions,
        of_user=dict(of_user),
    )
