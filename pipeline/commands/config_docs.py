"""The configuration's JSON schema, and docs/configuration.md: both are written from the models in schemas/config.

    python -m pipeline.commands.config_docs

rewrites the settings in docs/configuration.md. The text around them is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from schemas.config import Config

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
START, END = "<!-- settings: start -->", "<!-- settings: end -->"

Node = Mapping[str, Any]  # of a JSON schema


@dataclass(frozen=True)
class Setting:
    """A key of the configuration: a row of docs/configuration.md."""

    key: str
    default: str
    allowed: str
    meaning: str


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration file, draft 2020-12."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def settings_tables() -> str:
    """Return a heading, a sentence and a table in Markdown for each section of the configuration."""
    schema = Config.model_json_schema()
    parts = []
    for section, node in schema["properties"].items():
        one = {"properties": {section: node}, "required": schema["required"]}
        table = ["| key | default | allowed values | meaning |", "| --- | --- | --- | --- |"]
        table += [
            f"| `{row.key}` | {row.default} | {row.allowed} | {_linked(row.meaning)} |"
            for row in _settings(one, schema["$defs"]).values()
        ]
        described = Config.model_fields[section].description
        parts.append(f"## `{section}`\n\n{described}\n\n" + "\n".join(table))
    return "\n\n".join(parts)


def with_settings(document: str) -> str:
    """Return the text of docs/configuration.md with its settings rewritten."""
    before, rest = document.split(START)
    return f"{before}{START}\n\n{settings_tables()}\n\n{END}{rest.split(END)[1]}"


def _settings(section: Node, definitions: Node, prefix: str = "", table: str = "") -> dict[str, Setting]:
    """Return the settings of a section by key.

    Args:
        section: a JSON schema with properties.
        definitions: JSON schemas by name.
        prefix: the path of the section, with a dot at its end.
        table: the path of the optional section that holds this one, if there is one.
    """
    rows: dict[str, Setting] = {}
    for name, node in section["properties"].items():
        key = prefix + name
        optional = table or (key if _is_optional_section(node, definitions) else "")
        nested = list(_nested(node, definitions))
        for suffix, part in nested:
            inner = list(_settings(part, definitions, f"{key}{suffix}.", optional).values())
            if suffix:  # a list or a map: the first row says what it holds
                inner[0] = replace(inner[0], meaning=f"{node['description']} {inner[0].meaning}")
            for row in inner:
                # The kinds of a split share keys: their allowed values come together.
                known = rows.setdefault(row.key, row)
                if row.allowed not in known.allowed:
                    rows[row.key] = replace(known, allowed=f"{known.allowed}, {row.allowed}")
        if not nested:
            required = f"required with `{table}`" if table else "required"
            default = required if name in section.get("required", ()) else _default(node)
            rows[key] = Setting(key, default, _allowed(node, definitions), node["description"])
    return rows


def _alternatives(node: Node, definitions: Node) -> list[Node]:
    """Return what a node allows, without null, and with references replaced."""
    if "$ref" in node:
        return _alternatives(definitions[node["$ref"].rpartition("/")[2]], definitions)
    choices = node.get("anyOf") or node.get("oneOf")
    if not choices:
        return [] if node.get("type") == "null" else [node]
    return [each for choice in choices for each in _alternatives(choice, definitions)]


def _nested(node: Node, definitions: Node) -> Iterator[tuple[str, Node]]:
    """Yield the sections that a node holds, each with what its key ends with: nothing, `[]` or `.name`."""
    for each in _alternatives(node, definitions):
        if "properties" in each:
            yield "", each
        for suffix, held in (("[]", each.get("items")), (".name", _map_value(each))):
            if held is not None:
                yield from ((suffix, part) for part in _alternatives(held, definitions) if "properties" in part)


def _map_value(node: Node) -> Node | None:
    """Return what a map holds under its keys; None if the node is not a map."""
    found = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return next((each for each in found if isinstance(each, Mapping)), None)


def _is_optional_section(node: Node, definitions: Node) -> bool:
    return "default" in node and node["default"] is None and any(_nested(node, definitions))


def _default(node: Node) -> str:
    return "none" if node["default"] is None else f"`{_yaml(node['default'])}`"


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str) and re.fullmatch(r"[\w@]+", value):
        return value
    return json.dumps(value)


def _allowed(node: Node, definitions: Node) -> str:
    nullable = any(choice.get("type") == "null" for choice in node.get("anyOf", ()))
    allowed = " or ".join(_described(each, definitions) for each in _alternatives(node, definitions))
    return f"{allowed} or null" if nullable and node.get("default") is not None else allowed


def _described(node: Node, definitions: Node) -> str:
    """Return the allowed values of a node without alternatives, in words."""
    values = [node["const"]] if "const" in node else node.get("enum")
    if values:
        return ", ".join(f"`{value}`" for value in values)
    kind = node["type"]
    if kind == "boolean":
        return "`true`, `false`"
    if kind == "array":
        entries = node.get("prefixItems", ())
        entry = entries[0] if entries else node["items"]
        return f"list{f' of {len(entries)}' if entries else ''}: {_allowed(entry, definitions)}"
    if kind == "object":
        return f"map: names to {_allowed(_map_value(node) or {}, definitions)}"
    if kind == "string":
        return "one character" if node.get("maxLength") == 1 else "text"
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    bounds = (f"{sign} {_short(node[bound]):,}" for bound, sign in signs.items() if bound in node)
    return f"{kind} {' and '.join(bounds)}".strip()


def _short(number: float) -> float:
    return int(number) if number == int(number) else number


def _linked(text: str) -> str:
    """Return a description with links in place of paths below docs/."""
    return re.sub(r"docs/([\w-]+\.md)(#[\w-]+)?", lambda found: f"[{found[1]}]({found[1]}{found[2] or ''})", text)


def main() -> None:
    """Rewrite the settings in docs/configuration.md."""
    DOCUMENT.write_text(with_settings(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
