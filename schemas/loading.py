"""Loading of a `Config` from a YAML file and `--set` overrides, with all errors listed at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.config import Config
from schemas.errors import InputError


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Read and validate a configuration.

    Args:
        path: a YAML file.
        overrides: settings of the form `a.b=value`, with the value in YAML. They replace those of the file.

    Returns:
        The validated configuration, with the settings of its preset and the defaults filled in.

    Raises:
        InputError: the file is missing or is not a YAML mapping, an override
            does not have that form, or a key or value is wrong. The message
            lists all wrong keys and values.

    Example:
        >>> config = load_config("pipeline/configs/quickstart.yaml", ["train.epochs=3"])
        >>> config.name, config.train.epochs
        ('quickstart', 3)
    """
    tree = _read(Path(path))
    for override in overrides:
        _override(tree, override)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        problems = list(_problems(error))
        raise InputError(
            expected=f"a valid configuration in {path}{' with --set' if overrides else ''}",
            received="\n".join([f"{len(problems)} problem{'s' * (len(problems) > 1)}", *problems]),
            remedy="correct the keys named above; docs/configuration.md lists all keys",
        ) from None


class _Loader(yaml.SafeLoader):
    """A YAML loader that refuses repeated keys. PyYAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is set twice", key.start_mark)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise InputError(
            expected=f"a configuration file at {path}",
            received=error.strerror or str(error),
            remedy="check the path; pipeline/configs/ has configurations to start from",
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # PyYAML raises ValueError for a date that does not exist
        raise InputError(
            expected=f"YAML in {path}",
            received=re.sub(r'\s*in "<unicode string>", ', ", ", str(error)),
            remedy="correct the syntax of the file",
        ) from None
    if not isinstance(tree, dict):
        raise InputError(
            expected=f"keys and values in {path}",
            received=f"a {type(tree).__name__}" if tree is not None else "an empty file",
            remedy="start from a file in pipeline/configs/",
        )
    return tree


def _override(tree: dict[str, Any], override: str) -> None:
    path, separator, text = override.partition("=")
    try:
        value = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:
        value, separator, override = None, "", f"{override}: {error}"
    if not separator or not all(path.split(".")):
        raise InputError(
            expected="--set with a key and a YAML value, like --set train.epochs=5",
            received=f"--set {override}",
            remedy="write the full path of the key, an equals sign and the value, without spaces",
        )
    *parents, leaf = path.split(".")
    for parent in parents:
        child = tree.get(parent)
        tree[parent] = dict(child) if isinstance(child, Mapping) else {}
        tree = tree[parent]
    tree[leaf] = value


# Old keys are refused, never translated. These are their new names.
_RENAMED_KEYS = {
    "model.ranking": "model.reranker",
    "model.reranker.counts": "model.reranker.cooccurrence",
    "model.reranker.suggest": "model.reranker.candidate_sources",
    "model.attention.place": "model.attention.position",
    "evaluate.samples": "evaluate.bootstrap_samples",
}


def _problems(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        first, *rest = detail["loc"] or ("(top level)",)
        # Between `split` and its keys pydantic names the kind.
        path = ".".join(map(str, [first, *(rest[1:] if first == "split" else rest)]))
        if path in _RENAMED_KEYS:
            yield from _renamed(path, _RENAMED_KEYS[path], detail["input"])
        else:
            yield f"  {path}: {_message(detail)}"


def _renamed(old: str, new: str, value: Any) -> Iterator[str]:
    """Yield the new name of a key, and of each renamed key in the section that it holds."""
    yield f"  {old}: unknown key; it is now called {new}"
    for key in value if isinstance(value, Mapping) else ():
        if inner := _RENAMED_KEYS.get(f"{new}.{key}"):
            yield f"  {old}.{key}: unknown key; it is now called {inner}"


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "extra_forbidden":
        known = _sibling_keys(detail["loc"])
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        return "unknown key; " + (f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}")
    message = detail["msg"].removeprefix("Value error, ")
    # The message names what is wrong in a section. The whole section would bury it.
    return message if isinstance(detail["input"], Mapping) else f"{message} (received {detail['input']!r})"


def _sibling_keys(location: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys of the section that holds the last key of `location`."""
    sections: list[type[BaseModel]] = [Config]
    for part in location[:-1]:
        tagged = [section for section in sections if "kind" in section.model_fields and part in _tags(section)]
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        sections = tagged or [nested for field in fields for nested in _sections(field.annotation)] or sections
    return sorted({key for section in sections for key in section.model_fields})


def _tags(section: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(section.model_fields["kind"].annotation)


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections that an annotation may hold: `[Items]` for `Items | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in get_args(annotation) for section in _sections(argument)]
