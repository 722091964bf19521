"""Settings of the table of items that contradict each other."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.config.log import DataConfig
from schemas.config.tables import ItemsTableConfig

TABLE: dict[str, Any] = {"path": "items", "id": "sku", "title": "name"}
VECTORS = {"image": {"column": "image", "length": 3}}
NUMBER = {"column": "image", "kind": "number"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"published": "date"}, "give published, .* and timestamp, or neither"),
        ({"timestamp": {"unit": "s"}}, "give published, .* and timestamp, or neither"),
        ({"vectors": VECTORS}, "vectors are for the formats jsonl and parquet"),
        ({"texts": ["title"]}, "'title' names two columns"),
        ({"texts": ["image"], "format": "jsonl", "vectors": VECTORS}, "'image' names two columns"),
        ({"format": "jsonl", "columns": {"id": {"column": "x"}}}, "'id' names two columns"),
        ({"format": "jsonl", "columns": {"size": NUMBER}, "vectors": VECTORS}, "column 'image' is read as"),
        ({"format": "parquet", "delimiter": ";"}, "delimiter is for the format csv"),
        ({"format": "jsonl", "quote": None}, "quote is for the format csv"),
        ({"format": "jsonl", "vectors": {"image": {"column": "image", "length": 0}}}, "greater than or equal to 1"),
        ({"format": "avro"}, "'csv', 'jsonl' or 'parquet'"),
    ],
)
def test_contradictory_settings_of_items_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ItemsTableConfig.model_validate(TABLE | settings)


@pytest.mark.parametrize(("log", "items"), [("order", "s"), ("s", "order")])
def test_order_and_times_in_one_configuration_are_refused(log: str, items: str) -> None:
    columns = {"user": "user", "item": "item", "timestamp": "time"}
    table = TABLE | {"published": "date", "timestamp": {"unit": items}}

    with pytest.raises(ValidationError, match="the unit order is for both"):
        DataConfig.model_validate({"path": "log", "columns": columns, "timestamp": {"unit": log}, "items": table})


def test_lists_are_read_from_categories_and_vectors_of_formats_with_types() -> None:
    settings = {"columns": {"kind": {"column": "kind"}, "size": {"column": "size", "kind": "number"}}}
    typed = ItemsTableConfig.model_validate(TABLE | settings | {"format": "parquet", "vectors": VECTORS})

    assert typed.list_columns == {"kind", "image"}
    assert typed.read_columns == ("sku", "name", "kind", "size", "image")
    assert ItemsTableConfig.model_validate(TABLE | settings).list_columns == frozenset()
