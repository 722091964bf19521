"""Titles and categories of items, for people."""

from __future__ import annotations

from components.example_gen.tables.item_rows import read_item_texts
from schemas.config.tables import ItemsTableConfig


def read_titles(items: ItemsTableConfig | None) -> dict[str, str]:
    """Return titles by item id.

    Args:
        items: the configuration of the items table; without it there are no titles.

    Returns:
        Titles by item id.

    Raises:
        InputError: the table cannot be read.
    """
    if items is None:
        return {}
    return dict(read_item_texts(items, [items.id, items.title]))


def read_labels(items: ItemsTableConfig) -> tuple[list[str], dict[str, list[str]]]:
    """Return the title and the categories of each item as texts.

    Args:
        items: the configuration of the items table.

    Returns:
        The names of the columns, `title` first, and by item id one text for each column.

    Raises:
        InputError: the table cannot be read.
    """
    categories = {name: column.column for name, column in items.columns.items() if column.kind == "category"}
    rows = read_item_texts(items, [items.id, items.title, *categories.values()])
    return ["title", *categories], {item: texts for item, *texts in rows}
