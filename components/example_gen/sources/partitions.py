"""Columns in the folders of a path, as Hive and Spark write them: `dt=2026-11-01/part-0.parquet`."""

from __future__ import annotations

from urllib.parse import unquote

from schemas.errors import InputError

_MISSING = "__HIVE_DEFAULT_PARTITION__"  # Hive, Spark and pyarrow write a missing value so


def is_partition(folder: str) -> bool:
    """Return whether the name of a folder has a column and its value.

    Args:
        folder: the name, without the folders above.

    Example:
        >>> is_partition("dt=2026-11-01"), is_partition("logs")
        (True, False)
    """
    return folder.find("=") > 0


def partition_values(path: str) -> dict[str, str]:
    """Return the columns in the folders of a file, with their values.

    Args:
        path: the path or URI of the file.

    Returns:
        Column -> value, both percent-decoded; a missing value is "".

    Raises:
        InputError: a column appears twice, or a name is not UTF-8.

    Example:
        >>> partition_values("log/dt=2026-11-01/country=C%C3%B4te/part-0.csv")
        {'dt': '2026-11-01', 'country': 'Côte'}
    """
    values: dict[str, str] = {}
    for folder in filter(is_partition, path.split("/")[:-1]):
        try:
            column, value = (unquote(part, errors="strict") for part in folder.split("=", 1))
        except UnicodeDecodeError:
            raise _wrong(path, f"the folder {folder!r}, which is not UTF-8") from None
        if column in values:
            raise _wrong(path, f"the column {column!r} twice")
        values[column] = "" if value == _MISSING else value
    return values


def _wrong(path: str, received: str) -> InputError:
    return InputError(
        expected=f"folders like 'column=value', each column once, in {path}",
        received=received,
        remedy="rename the folder",
    )
