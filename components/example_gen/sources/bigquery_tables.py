"""Tables of BigQuery before they are read: the query is checked, and a change of a table is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import requests
from google.api_core.exceptions import BadRequest, Forbidden, GoogleAPICallError, NotFound, Unauthorized
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud import bigquery

from components.example_gen.sources.csv_rows import column_indices
from schemas.config.log import BIGQUERY
from schemas.errors import InputError

_TIMEOUT_S = 10
_WITHOUT_TEXT = ("RECORD", "STRUCT", "TIME", "INTERVAL", "RANGE", "GEOGRAPHY")
_CREDENTIALS = "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the file of a key"


class TableVersion(NamedTuple):
    """A table that a query reads, as BigQuery describes it."""

    name: str
    bytes: int
    version: str  # the time of the last change of its rows or its columns


def log_query(path: str, columns: Sequence[str]) -> str:
    """Return the query that reads a log.

    Args:
        path: the table or view, as `bigquery://project.dataset.table`.
        columns: names, or paths with dots into records.

    Returns:
        A query in GoogleSQL. Its columns are `c0`, `c1` and so on, because a path has no name of its own.

    Example:
        >>> log_query("bigquery://shop.events.clicks", ["user", "visitor.id"])
        'SELECT `user` AS c0, `visitor`.`id` AS c1 FROM `shop.events.clicks`'
    """
    names = [".".join(map(_quoted, column.split("."))) for column in columns]
    selected = ", ".join(f"{name} AS c{index}" for index, name in enumerate(names))
    return f"SELECT {selected} FROM {_quoted(path.removeprefix(BIGQUERY))}"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def query_project(path: str) -> str:
    """Return the project that runs and pays for queries: that of GOOGLE_CLOUD_PROJECT, or the table's own.

    Args:
        path: the table, as `bigquery://project.dataset.table`.
    """
    return os.environ.get("GOOGLE_CLOUD_PROJECT") or path.removeprefix(BIGQUERY).split(".")[0]


def check_query(path: str, columns: Sequence[str]) -> None:
    """Let BigQuery check the query of a log, without running it.

    Args:
        path: the table, as `bigquery://project.dataset.table`.
        columns: names, or paths with dots into records.

    Raises:
        InputError: there are no credentials or no permission, no such table or column, or a column without a text.
    """
    try:
        with _answers(path) as client:
            found = _dry_run(client, log_query(path, columns)).schema
    except BadRequest as error:
        with _answers(path) as client:
            fields = _dry_run(client, f"SELECT * FROM {_quoted(path.removeprefix(BIGQUERY))}").schema
        column_indices(tuple(_names(fields, "")), columns, path)
        raise InputError(
            expected=f"a table that can be read at {path}",
            received=error.message,
            remedy="check data.path and data.columns",
        ) from None
    for column, field in zip(columns, found, strict=True):
        if field.mode == "REPEATED" or field.field_type in _WITHOUT_TEXT:
            raise InputError(
                expected=f"a column {column!r} of text, numbers or times in {path}",
                received=f"the type {field.mode.lower()} {field.field_type}",
                remedy="name a column of another type, or a field in it, like 'visitor.id'",
            )


def table_versions(path: str) -> list[TableVersion]:
    """Return the tables that a table or view reads.

    Args:
        path: the table or view, as `bigquery://project.dataset.table`.

    Raises:
        InputError: there are no credentials or no permission, or there is no such table.
    """
    with _answers(path) as client:
        job = _dry_run(client, f"SELECT COUNT(*) FROM {_quoted(path.removeprefix(BIGQUERY))}")
        tables = [client.get_table(table, retry=None, timeout=_TIMEOUT_S) for table in job.referenced_tables]
    return sorted(
        TableVersion(f"{BIGQUERY}{table.full_table_id.replace(':', '.')}", table.num_bytes or 0, str(table.modified))
        for table in tables
    )


def _dry_run(client: bigquery.Client, query: str) -> bigquery.QueryJob:
    options = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
    return client.query(query, job_config=options, retry=None, job_retry=None, timeout=_TIMEOUT_S)


def _names(fields: Sequence[bigquery.SchemaField], prefix: str) -> Iterator[str]:
    for field in fields:
        yield prefix + field.name
        if field.mode != "REPEATED":
            yield from _names(field.fields, f"{prefix}{field.name}.")


@contextmanager
def _answers(path: str) -> Iterator[bigquery.Client]:
    """Yield a client, and turn what it refuses into an `InputError`, except for a wrong query."""
    try:
        yield bigquery.Client(project=query_project(path))
    except BadRequest:
        raise
    except NotFound as error:
        raise _refused(path, error.message, "check data.path: bigquery://PROJECT.DATASET.TABLE") from None
    except (Unauthorized, Forbidden) as error:
        remedy = "give the account the roles BigQuery Job User, Data Viewer and Read Session User"
        raise _refused(path, error.message, remedy) from None
    except DefaultCredentialsError as error:
        raise _refused(path, str(error), _CREDENTIALS) from None
    except (TransportError, requests.exceptions.RequestException) as error:
        raise _refused(path, str(error), "check the network and its proxy") from None
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise _refused(path, str(error), _CREDENTIALS) from None


def _refused(path: str, received: str, remedy: str) -> InputError:
    return InputError(
        expected=f"a table of BigQuery that can be read at {path}", received=received[:500], remedy=remedy
    )
