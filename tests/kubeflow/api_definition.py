"""The definition of Kubeflow's API v2beta1, as the package kfp-server-api has it.

Kubeflow generates that package from its OpenAPI definition: a class for each schema, with the names and types of its
fields. Both dependency sets have the package in the version that belongs to their client.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import kfp_server_api

_PLAIN: dict[str, type | tuple[type, ...]] = {"str": str, "bool": bool, "float": (int, float), "object": object}


def violations(value: Any, schema: str, path: str = "body") -> list[str]:
    """Return where a JSON value is not what a schema says.

    Args:
        value: the value.
        schema: a name like V2beta1Run, or a type like list[str].
        path: the name of the value, for the messages.
    """
    return list(_violations(value, schema, path))


def _violations(value: Any, schema: str, path: str) -> Iterator[str]:
    if schema.startswith("list[") and isinstance(value, list):
        for each in value:
            yield from _violations(each, schema[5:-1], f"{path}[]")
    elif schema.startswith("dict(") and isinstance(value, dict):
        for name, each in value.items():
            yield from _violations(each, schema.split(", ")[1][:-1], f"{path}.{name}")
    elif hasattr(kfp_server_api, schema):
        yield from _object_violations(value, getattr(kfp_server_api, schema), path)
    elif not _is_plain(value, schema):
        yield f"{path} is no {schema}: {value!r}"


def _object_violations(value: Any, model: Any, path: str) -> Iterator[str]:
    types = {key: model.openapi_types[name] for name, key in model.attribute_map.items()}
    if hasattr(model, "allowable_values"):
        if value not in model.allowable_values:
            yield f"{path} is none of {model.allowable_values}: {value!r}"
    elif not isinstance(value, dict):
        yield f"{path} is no object: {value!r}"
    else:
        for key, each in value.items():
            if key in types:
                yield from _violations(each, types[key], f"{path}.{key}")
            else:
                yield f"{path}.{key} is unknown"


def _is_plain(value: Any, schema: str) -> bool:
    if schema == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if schema == "datetime":
        try:
            datetime.datetime.fromisoformat(re.sub("Z$", "+00:00", value))
        except (TypeError, ValueError):
            return False
        return True
    return schema in _PLAIN and isinstance(value, _PLAIN[schema])
