"""From a YAML file and `--set` overrides to a `Config`, with every error listed at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.config import Config
from schemas.errors import InputError


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Reads and validates a configuration.

    Args:
        path: a YAML file.
        overrides: `a.b=value` settings, in YAML, that go over the file's.

    Raises:
        InputError: the file is missing or no YAML mapping, an override is not
            of that form, or any key or value is wrong; all of them are named.
    """
    tree = _read(Path(path))
    for override in overrides:
        _override(tree, override)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        problems = list(_problems(error))
        raise InputError(
            expected=f"a configuration that temporec knows, in {path}",
            received="\n".join([f"{len(problems)} problem{'s' * (len(problems) > 1)}", *problems]),
            remedy="correct the keys named above; docs/configuration.md lists all of them",
        ) from None


class _Loader(yaml.SafeLoader):
    """YAML in which no key stands twice; PyYAML would keep the last and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands there twice", key.start_mark)
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
    except (yaml.YAMLError, ValueError) as error:  # a date that does not exist is a mere ValueError
        raise InputError(expected=f"YAML in {path}", received=str(error), remedy="correct the file's syntax") from None
    if not isinstance(tree, dict):
        raise InputError(
            expected=f"keys and values in {path}",
            received=f"a {type(tree).__name__}" if tree is not None else "an empty file",
            remedy="start from a file of pipeline/configs/",
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
            remedy="write the key's full path, an equals sign and the value, without spaces",
        )
    *parents, leaf = path.split(".")
    for parent in parents:
        child = tree.get(parent)
        tree[parent] = dict(child) if isinstance(child, Mapping) else {}
        tree = tree[parent]
    tree[leaf] = value


def _problems(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        first, *rest = detail["loc"] or ("(top level)",)
        # Between `split` and its keys pydantic names the kind.
        path = [first, *(rest[1:] if first == "split" else rest)]
        yield f"  {'.'.join(map(str, path))}: {_message(detail)}"


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "extra_forbidden":
        known = _keys_beside(detail["loc"])
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        return "unknown key; " + (f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}")
    message = detail["msg"].removeprefix("Value error, ")
    # A whole section would drown the sentence, which names what is wrong in it.
    return message if isinstance(detail["input"], Mapping) else f"{message} (received {detail['input']!r})"


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """The keys known to the section that holds the last key of `location`."""
    sections: list[type[BaseModel]] = [Config]
    for part in location[:-1]:
        tagged = [section for section in sections if "kind" in section.model_fields and part in _tags(section)]
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        sections = tagged or [nested for field in fields for nested in _sections(field.annotation)] or sections
    return sorted({key for section in sections for key in section.model_fields})


def _tags(section: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(section.model_fields["kind"].annotation)


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The sections that an annotation may hold: of `Items | None`, `[Items]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in get_args(annotation) for section in _sections(argument)]
