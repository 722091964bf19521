"""The columns of items in an evaluation: those of the log from the counts, and those of the table of items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from schemas.config.columns import split_categories
from schemas.config.evaluation import EvaluatorConfig
from trainer.baselines.tables import ItemCounts
from trainer.data.item_content import read_items

# By column of the table and item: the categories, or the number as text, "nan" if it is missing.
ItemValues = Mapping[str, Mapping[str, Sequence[str]]]


def read_item_values(folder: str | None, evaluation: EvaluatorConfig) -> ItemValues:
    """Read the columns of the table of items that an evaluation reads.

    Args:
        folder: the artifact of the component ItemTable; it may be None if the evaluation reads no column.
        evaluation: the settings.

    Returns:
        The values of each column, by item.
    """
    if not evaluation.item_columns:
        return {}
    assert folder is not None
    items = read_items(folder, evaluation.item_columns)
    numbers = {name: [[str(number)] for number in values.tolist()] for name, values in items.numbers.items()}
    columns: Mapping[str, Sequence[Sequence[str]]] = {**items.categories, **numbers}
    return {name: dict(zip(items.ids.tolist(), values, strict=True)) for name, values in columns.items()}


def item_categories(
    counts: ItemCounts, values: ItemValues, evaluation: EvaluatorConfig
) -> Iterator[tuple[int, str, str]]:
    """Yield the categories of the items of a log, from the columns of the log and then from those of the table.

    Args:
        counts: the items, with the columns of the log that describe them.
        values: the columns of the table.
        evaluation: the settings, with the columns that are categories.

    Yields:
        The index of the item in the counts, the column, and the category.
    """
    for name, separator in evaluation.categories:
        for row, text in enumerate(counts.features[name]):
            yield from ((row, name, category) for category in split_categories(text, separator))
    for name in evaluation.item_categories:
        for row, item in enumerate(counts.items):
            yield from ((row, name, category) for category in values[name].get(item, ()))
