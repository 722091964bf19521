"""Rows of a table of BigQuery, through Beam's own connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.gcp.bigquery import BigQueryQueryPriority
from apache_beam.options.pipeline_options import GoogleCloudOptions

from components.example_gen.sources.bigquery_tables import log_query, query_project
from components.example_gen.sources.source import needed_columns, to_record_batch
from components.example_gen.sources.typed_rows import typed_rows
from schemas.config.log import DataConfig
from schemas.interaction import NO_LINE

BATCH_ROWS = 32_768


class ReadTable(beam.PTransform):
    """Source of the rows of a table or view. BigQuery runs the query, and Beam's workers read its result in streams.

    Args:
        data: the table, as `bigquery://project.dataset.table`, and the reading options.
    """

    def __init__(self, data: DataConfig) -> None:
        super().__init__()
        self._data = data

    def expand(self, pbegin: Any) -> beam.PCollection:
        """Return batches of `raw_schema(needed_columns(data))`. Each row has the table as file, and `NO_LINE`."""
        options, project = pbegin.pipeline.options.view_as(GoogleCloudOptions), query_project(self._data.path)
        # Without this option the connector does not remove the data set of the query's result.
        options.project = options.project or project
        return (
            pbegin
            | "ReadFromBigQuery"
            >> beam.io.ReadFromBigQuery(
                method=beam.io.ReadFromBigQuery.Method.DIRECT_READ,
                query=log_query(self._data.path, needed_columns(self._data)),
                project=project,
                use_standard_sql=True,
                use_native_datetime=True,
                query_priority=BigQueryQueryPriority.INTERACTIVE,
            )
            | "Batch" >> beam.BatchElements(min_batch_size=BATCH_ROWS, max_batch_size=BATCH_ROWS)
            | "ToText" >> beam.Map(table_rows, self._data)
        )


def table_rows(rows: Sequence[Mapping[str, Any]], data: DataConfig) -> pa.RecordBatch:
    """Return rows of the query as text.

    Args:
        rows: the rows of `log_query`.
        data: the table and the reading options.

    Returns:
        A batch of `raw_schema(needed_columns(data))`.

    Raises:
        InputError: the type of a column has no text.
    """
    columns = needed_columns(data)
    values = {column: pa.array([row[f"c{index}"] for row in rows]) for index, column in enumerate(columns)}
    texts = typed_rows(values, NO_LINE, data, data.path)
    return to_record_batch(texts._replace(lines=pa.array(np.full(len(rows), NO_LINE))), columns, data, data.path)
