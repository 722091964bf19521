"""Titles of items, for people."""

from __future__ import annotations

import csv

from schemas.config import Items


def read_titles(items: Items | None) -> dict[str, str]:
    """Titles by item id; none where the configuration names no table."""
    if items is None:
        return {}
    with open(items.path, newline="", encoding="utf-8", errors="replace") as file:
        return {row[items.id]: row[items.title] for row in csv.DictReader(file, delimiter=items.delimiter)}
