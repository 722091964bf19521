"""The JSON schema of a configuration accepts the valid configurations, and refuses the invalid ones."""

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.commands.config_docs import config_schema
from schemas.config import Config
from schemas.config.section import Section
from tests.schemas.json_schema import schema_errors

SCHEMA = config_schema()
SHIPPED = sorted((Path(__file__).parents[2] / "pipeline" / "configs").glob("*.yaml"))
LARGE: dict[str, Any] = {
    "name": "shop",
    "data": {
        "path": "log/*.csv",
        "quote": None,
        "columns": {
            "user": "u",
            "item": "i",
            "timestamp": "t",
            "context": {"colour": {"column": "c", "of": "item", "separator": "|"}},
        },
        "timestamp": {"format": "%Y"},
        "filters": [{"column": "a", "above": 3}],
        "items": {"path": "items.csv", "id": "i", "title": "t"},
        "users": {"path": "users.csv", "id": "u", "columns": {"age": {"column": "a", "kind": "number"}}},
    },
    "split": {"kind": "temporal", "validation_from": "2024-01-01", "test_from": "2024-02-01T12:00:00"},
    "model": {"dropout": 0.2, "inputs": {"columns": ["colour"]}},
    "train": {"profile": [1, 2], "loss": {"kind": "sampled"}},
    "evaluate": {"slices": [{"column": "age", "boundaries": [18, 30]}], "gate": {"floors": {"recall@10": 0.1}}},
}


def by_own_validator(config: Any) -> bool:
    return not list(schema_errors(config, SCHEMA, SCHEMA))


def by_jsonschema(config: Any) -> bool:
    jsonschema = importlib.import_module("jsonschema")  # only one of the dependency sets has it
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(config))


VALIDATORS = [by_own_validator, *([by_jsonschema] if importlib.util.find_spec("jsonschema") else [])]


@pytest.mark.parametrize("accepts", VALIDATORS)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_json_schema_shipped_configuration_is_accepted(path: Path, accepts: Callable[[Any], bool]) -> None:
    assert accepts(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("accepts", VALIDATORS)
def test_json_schema_configuration_with_all_sections_is_accepted(accepts: Callable[[Any], bool]) -> None:
    config = Config.model_validate(LARGE)

    assert accepts(LARGE)
    assert accepts(json.loads(config.model_dump_json()))


@pytest.mark.parametrize("accepts", VALIDATORS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "ends-with-"),
        ("name", "a" * 64),
        ("data.path", ""),
        ("data.delimiter", "::"),
        ("data.timestamp.unit", "minutes"),
        ("data.colums", {}),
        ("data.users.columns", {}),
        ("data.filters", [{}]),
        ("split.kind", "random"),
        ("split.gap_s", 60),
        ("model.dropout", 1.0),
        ("model.dropout.hidden", -0.1),
        ("model.ranking", {}),
        ("train.epochs", 0),
        ("train.epochs", "many"),
        ("train.seed", 2**32),
        ("train.profile", [1]),
        ("train.profile", [1, 2, 3]),
        ("evaluate.ks", [101]),
        ("evaluate.gate.beat", ["nothing"]),
        ("serving", {"k": 9}),
    ],
)
def test_json_schema_invalid_configuration_is_refused(path: str, value: Any, accepts: Callable[[Any], bool]) -> None:
    config = copy.deepcopy(LARGE)
    *sections, leaf = path.split(".")
    section = config
    for name in sections:
        section[name] = section[name] if isinstance(section.get(name), dict) else {}
        section = section[name]
    section[leaf] = value

    assert not accepts(config)


def all_sections(section: type[Section] = Section) -> set[type[Section]]:
    return {section}.union(*(all_sections(each) for each in section.__subclasses__()))


def test_every_field_of_every_section_has_a_description() -> None:
    fields = {f"{each.__name__}.{name}": field for each in all_sections() for name, field in each.model_fields.items()}
    fields = {name: field for name, field in fields.items() if not name.startswith("Section.")}

    assert len(fields) > 100
    assert [name for name, field in fields.items() if not (field.description or "").endswith(".")] == []
