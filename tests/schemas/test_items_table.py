"""Settings of the table of items: contradictions, and the columns that the model reads."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.config import Config
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


def configured(*columns: str, **vectors: dict[str, Any]) -> Config:
    """Return a configuration whose model reads these columns."""
    log = {"user": "u", "item": "i", "timestamp": "t", "event": "e"}
    further = {"genre": {"column": "g"}, "year": {"column": "y", "kind": "number"}}
    table = TABLE | {"format": "jsonl", "columns": further, "vectors": vectors or VECTORS}
    data = {"path": "log.csv", "columns": log, "timestamp": {"unit": "s"}, "items": table}
    return Config.model_validate({"name": "shop", "data": data, "model": {"inputs": {"columns": columns}}})


def test_trainer_config_names_the_columns_of_the_table_that_the_model_reads() -> None:
    def read(*columns: str) -> tuple[tuple[str, ...], list[str]]:
        training = configured(*columns).trainer_config
        return training.item_columns, [feature.name for feature in training.features]

    assert read() == ((), [])
    assert read("image", "event", "year") == (("year", "image"), ["event"])


def test_model_cannot_read_a_column_that_neither_log_nor_table_has() -> None:
    with pytest.raises(ValidationError, match=r"names 'picture', and .* have 'event', 'genre', 'year', 'image'"):
        configured("picture")


@pytest.mark.parametrize("name", ["gap", "event", "item_ids"])
def test_vectors_cannot_have_the_name_of_a_feature(name: str) -> None:
    with pytest.raises(ValidationError, match="the name is taken"):
        configured(**{name: VECTORS["image"]})


def test_slices_and_categories_name_the_place_of_their_values() -> None:
    section = {"column": "s", "of": "item", "separator": ","}
    columns = {"user": "user", "item": "item", "timestamp": "time", "context": {"section": section}}
    items = TABLE | {"columns": {"genre": {"column": "g", "separator": "|"}, "year": {"column": "y", "kind": "number"}}}
    users = {"path": "users", "id": "id", "columns": {"age": {"column": "a"}}}
    data = {"path": "log", "columns": columns, "timestamp": {"unit": "s"}, "items": items, "users": users}
    slices = [{"column": name} for name in ("section", "genre", "age")]

    found = Config.model_validate({"name": "a", "data": data, "evaluate": {"slices": slices}}).evaluator_config

    assert [(each.name, each.feature, each.separator) for each in found.slices] == [
        ("section", "target_section", ","),
        ("genre", None, None),
        ("age", "user_age", None),
    ]
    assert (found.categories, found.item_categories) == ((("section", ","),), ("genre",))
    assert found.item_columns == ("genre",)


LOG: dict[str, Any] = {
    "path": "log",
    "columns": {"user": "user", "item": "item", "timestamp": "time"},
    "timestamp": {"unit": "s"},
}
PUBLISHED = TABLE | {"published": "date", "timestamp": {"unit": "s"}}
FRESHNESS: list[dict[str, Any]] = [{"model": {"reranker": {"item_age": True}}}, {"serving": {"expire_after_s": 60}}]


def with_freshness(settings: dict[str, Any], **data: Any) -> Config:
    return Config.model_validate({"name": "shop", "data": LOG | data, **settings})


@pytest.mark.parametrize("settings", FRESHNESS)
def test_ages_and_expiry_without_times_of_publication_are_refused(settings: dict[str, Any]) -> None:
    for table in ({}, {"items": TABLE}):
        with pytest.raises(ValidationError, match=r"needs data\.items\.published"):
            with_freshness(settings, **table)
    order = {"items": PUBLISHED | {"timestamp": {"unit": "order"}}, "timestamp": {"unit": "order"}}
    with pytest.raises(ValidationError, match=r"needs times, and data\.timestamp\.unit is order"):
        with_freshness(settings, **order)


@pytest.mark.parametrize("settings", FRESHNESS)
def test_ages_and_expiry_read_the_table_of_items(settings: dict[str, Any]) -> None:
    assert with_freshness(settings, items=PUBLISHED).trainer_config.reads_items
    assert not with_freshness({}, items=PUBLISHED).trainer_config.reads_items


def test_model_that_reads_ages_is_labelled_so() -> None:
    assert with_freshness(FRESHNESS[0], items=PUBLISHED).model.reads == ("item_age",)
    with pytest.raises(ValidationError, match="greater than 0"):
        with_freshness({"serving": {"expire_after_s": 0}}, items=PUBLISHED)


def test_half_life_of_a_log_without_times_is_refused() -> None:
    order = {"timestamp": {"unit": "order"}}
    with pytest.raises(ValidationError, match=r"train\.recent_half_life_s needs times"):
        with_freshness({"train": {"recent_half_life_s": 60}}, **order)
    assert with_freshness({"train": {"recent_half_life_s": 60}}).train.recent_half_life_s == 60
