"""What validations share: the columns of a batch of rows, and masks over its rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.interaction import ERROR

LONGEST_FIELD = 131_072  # characters; the csv module has this limit, and other formats must not differ

Mask = npt.NDArray[np.bool_]


def named_column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return the column of that name."""
    return batch.column(batch.schema.get_field_index(name))


def trimmed(batch: pa.RecordBatch, column: str) -> pa.Array:
    """Return the column's text without white space around it; "" for a row that could not be split."""
    return pc.fill_null(pc.utf8_trim_whitespace(named_column(batch, column)), "")


def to_mask(booleans: pa.Array) -> Mask:
    """Return Arrow booleans without null as NumPy's."""
    return np.asarray(booleans.to_numpy(zero_copy_only=False), dtype=np.bool_)


def has_error(batch: pa.RecordBatch, reason: str) -> Mask:
    """Return for which rows the source gives that reason."""
    return to_mask(pc.fill_null(pc.equal(named_column(batch, ERROR), reason), False))


def has_line_break(text: pa.Array) -> Mask:
    """Return which texts have a line break in them; the array has no null."""
    return to_mask(pc.match_substring_regex(text, r"[\r\n]"))


def is_too_long(text: pa.Array) -> Mask:
    """Return which texts have more than `LONGEST_FIELD` characters."""
    longest = pc.max(pc.binary_length(text)).as_py() or 0  # in bytes, of which a character has at least one
    if longest <= LONGEST_FIELD:
        return np.zeros(len(text), np.bool_)
    return to_mask(pc.fill_null(pc.greater(pc.utf8_length(text), LONGEST_FIELD), False))


def filter_rows(columns: list[pa.Array], keep: Mask, schema: pa.Schema) -> pa.RecordBatch:
    """Return the rows of the mask; dictionaries become plain values."""
    mask = pa.array(keep)
    return pa.RecordBatch.from_arrays([_decoded(column.filter(mask)) for column in columns], schema=schema)


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
