"""The table of users: what an evaluation can be sliced by. No model reads it."""

from __future__ import annotations

from components.example_gen.side_tables import EMPTY, LookupTable, read_table
from schemas.config.log import DataConfig
from schemas.features import user_key


def read_users(data: DataConfig) -> LookupTable:
    """The columns of the users, by the names of their features; nothing where there is no table.

    Raises:
        InputError: a file cannot be read or lacks a column, or what is to be a number is none.
    """
    if data.users is None:
        return EMPTY
    known = read_table(data.users, data.null_values)
    return known._replace(names=[user_key(name) for name in known.names])
