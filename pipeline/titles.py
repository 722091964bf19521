"""Titles of items, for people."""

from __future__ import annotations

from components.items import read_columns
from schemas.log import Items


def read_titles(items: Items | None) -> dict[str, str]:
    """Titles by item id; none where the configuration names no table."""
    if items is None:
        return {}
    return {item: title for _, _, (item, title) in read_columns(items, [items.id, items.title])}
