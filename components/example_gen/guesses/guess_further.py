"""Further columns of a log that a model or an evaluation may read, as suggestions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.guesses.guess_columns import Column, LogColumns
from components.example_gen.guesses.log_start import LogStart
from schemas.config.log import DataConfig

_MANY = 1_000  # distinct texts
_OF_ITEM = 1.02  # values an item, on average, of a column that describes it


class FurtherColumn(NamedTuple):
    """A further column: a member of `data.columns.context`."""

    name: str
    setting: dict[str, str]
    comment: str


def further_columns(
    start: LogStart, columns: LogColumns, data: DataConfig, names: Mapping[str, str]
) -> list[FurtherColumn]:
    """Return the columns without a role whose values repeat, or are numbers.

    Args:
        start: the first rows of the log.
        columns: the columns with a role.
        data: their configuration.
        names: the names of the columns of a file without a header, by those of `start`.
    """
    chosen = {choice.column for choice in columns[:6] if isinstance(choice, tuple)}
    found: list[FurtherColumn] = []
    for name, column in columns.measured.items():
        if name in chosen or not _is_useful(column):
            continue
        setting = {"column": names.get(name, name), **({"kind": "number"} if column.numeric else {})}
        items = start.columns[columns.item.column] if columns.item else None
        if items is not None and _describes(items, start.columns[name]):
            setting["of"] = "item"
        suggestion = FurtherColumn(_feature_name(name), setting, f"{column.distinct:,} values, like {column.example!r}")
        if _is_valid(data, [*found, suggestion]):
            found.append(suggestion)
    return found


def _is_useful(column: Column) -> bool:
    repeats = column.numeric or column.distinct <= _MANY
    return column.distinct > 1 and repeats and not (column.is_row_id or column.is_list)


def _describes(items: pa.Array, text: pa.Array) -> bool:
    """Return whether a column has one value for each item, and different items."""
    known = pc.not_equal(text, "")
    items, text = items.filter(known), text.filter(known)
    pairs = pc.unique(pc.binary_join_element_wise(items, text, "\x1f"))
    distinct = len(pc.unique(items))
    return distinct * 2 < len(items) and len(pairs) <= _OF_ITEM * distinct


def _feature_name(column: str) -> str:
    plain = re.sub(r":(token|float)(_seq)?$", "", column)
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", plain)
    name = "_".join(part.lower() for part in parts) or "column"
    return name if name[0].isalpha() else f"column_{name}"


def _is_valid(data: DataConfig, further: list[FurtherColumn]) -> bool:
    settings = data.model_dump()
    settings["columns"]["context"] = {each.name: each.setting for each in further}
    try:
        DataConfig.model_validate(settings)
    except ValueError:  # the name is taken
        return False
    return len({each.name for each in further}) == len(further)
