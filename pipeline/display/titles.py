"""What people are told of items: titles and categories."""

from __future__ import annotations

from components.example_gen.side_tables import read_table_rows
from schemas.config.log import ItemsTableConfig


def read_titles(items: ItemsTableConfig | None) -> dict[str, str]:
    """Titles by item id; none where the configuration names no table."""
    if items is None:
        return {}
    return {item: title for _, _, (item, title) in read_table_rows(items, [items.id, items.title])}


def read_labels(items: ItemsTableConfig) -> tuple[list[str], dict[str, list[str]]]:
    """What the table says of each item in words: `title` and its categories, and by item id a text for each of them."""
    categories = {name: column.column for name, column in items.columns.items() if column.kind == "category"}
    rows = read_table_rows(items, [items.id, items.title, *categories.values()])
    return ["title", *categories], {item: texts for _, _, (item, *texts) in rows}
