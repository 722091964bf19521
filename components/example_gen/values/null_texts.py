"""Texts of which some are missing."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def with_nulls(text: pa.Array, missing: pa.Array) -> pa.Array:
    """Return texts that are null where they are missing.

    With a scalar for the null, pyarrow 18 damages a text that is a slice of another one.

    Args:
        text: str [n].
        missing: bool [n], without nulls.

    Returns:
        str [n].

    Example:
        >>> with_nulls(pa.array(["a", "b"]), pa.array([False, True])).to_pylist()
        ['a', None]
    """
    return pc.if_else(missing, pa.nulls(len(text), pa.string()), text)
