"""A validator for the part of JSON schema that pydantic writes, independent of pydantic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
# Keywords without a meaning for validation.
NOTES = {"$schema", "$defs", "title", "description", "default", "discriminator"}


def schema_errors(value: Any, node: Node, root: Node, path: str = "") -> Iterator[str]:
    """Yield what is wrong with a value: `path: keyword`.

    Args:
        value: a value from JSON or YAML.
        node: the schema of the value.
        root: the schema that holds the definitions.
        path: where the value is.
    """
    for keyword, rule in node.items():
        if keyword in NOTES:
            continue
        if keyword == "$ref":
            yield from schema_errors(value, root["$defs"][rule.removeprefix("#/$defs/")], root, path)
        elif keyword in ("anyOf", "oneOf"):
            fits = [not list(schema_errors(value, each, root)) for each in rule]
            if not (any(fits) if keyword == "anyOf" else sum(fits) == 1):
                yield f"{path}: {keyword}"
        elif keyword in ("properties", "patternProperties", "additionalProperties", "propertyNames"):
            if isinstance(value, dict):
                yield from _property_errors(value, keyword, node, root, path)
        elif keyword in ("items", "prefixItems"):
            if isinstance(value, list):
                schemas = rule if keyword == "prefixItems" else [rule] * len(value)
                for i, (each, schema) in enumerate(zip(value, schemas, strict=False)):
                    yield from schema_errors(each, schema, root, f"{path}[{i}]")
        elif not _holds(keyword, rule, value):
            yield f"{path}: {keyword}"


def _property_errors(value: dict[str, Any], keyword: str, node: Node, root: Node, path: str) -> Iterator[str]:
    properties, patterns = node.get("properties", {}), node.get("patternProperties", {})
    for name, each in value.items():
        matching = [schema for pattern, schema in patterns.items() if re.search(pattern, name)]
        if keyword == "propertyNames":
            yield from schema_errors(name, node[keyword], root, f"{path}.{name}")
        elif keyword == "properties" and name in properties:
            yield from schema_errors(each, properties[name], root, f"{path}.{name}")
        elif keyword == "patternProperties":
            for schema in matching:
                yield from schema_errors(each, schema, root, f"{path}.{name}")
        elif keyword == "additionalProperties" and name not in properties and not matching:
            if node[keyword] is False:
                yield f"{path}.{name}: additionalProperties"
            elif node[keyword] is not True:
                yield from schema_errors(each, node[keyword], root, f"{path}.{name}")


def _holds(keyword: str, rule: Any, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    checks = {
        "type": lambda: isinstance(value, TYPES[rule]) and (rule == "boolean") == isinstance(value, bool),
        "const": lambda: value == rule,
        "enum": lambda: value in rule,
        "required": lambda: not isinstance(value, dict) or set(rule) <= set(value),
        "minProperties": lambda: not isinstance(value, dict) or len(value) >= rule,
        "minItems": lambda: not isinstance(value, list) or len(value) >= rule,
        "maxItems": lambda: not isinstance(value, list) or len(value) <= rule,
        "minLength": lambda: not isinstance(value, str) or len(value) >= rule,
        "maxLength": lambda: not isinstance(value, str) or len(value) <= rule,
        "pattern": lambda: not isinstance(value, str) or re.search(rule, value) is not None,
        "minimum": lambda: not number or value >= rule,
        "maximum": lambda: not number or value <= rule,
        "exclusiveMinimum": lambda: not number or value > rule,
        "exclusiveMaximum": lambda: not number or value < rule,
    }
    return bool(checks[keyword]())  # a KeyError is a keyword that this validator does not know
