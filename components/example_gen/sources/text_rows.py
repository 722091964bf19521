"""Rows of a log file by column, as every format gives them."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa


class TextRows(NamedTuple):
    """Rows of a file, by column."""

    columns: list[pa.Array]  # strings; null where `errors` is set
    lines: pa.Array  # the place of each row in its file, from 1
    raw: pa.Array  # the bytes of each row
    errors: pa.Array  # a member of `RejectionReason`, or null
