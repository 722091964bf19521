"""`temporec init`: writes a configuration to start from, with a comment on each guess."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.example_gen.guesses.guess_log import LogGuess, guess_log
from schemas.errors import InputError

_WIDTH = 110
_SETTINGS = ("path", "format", "delimiter", "quote", "column_names")
_ROLES = ("user", "session", "item", "timestamp", "event", "value")
_REPEATED = 0.1  # the fraction of repeated items from which it is suggested to recommend seen items


def init_config(log: str, output: Path | None = None) -> tuple[Path, LogGuess]:
    """Look at a log and write a configuration for it.

    Args:
        log: a file, a folder or a glob.
        output: the file to write; by default it is named after the log, in the working directory.

    Returns:
        The file that was written, and the guesses in it.

    Raises:
        InputError: the output exists or cannot be written, or the log is none; see `guess_log`.

    Example:
        ```python
        path, guess = init_config("orders/*.csv.gz")
        print(path, guess.rows, guess.rejected)
        ```
    """
    name = config_name(log)
    target = output or Path(f"{name}.yaml")
    guess = guess_log(log)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(render_config(name, target, guess))
    except FileExistsError:
        raise InputError(
            expected=f"no file at {target} yet",
            received="a file, which is not overwritten",
            remedy="give another file in --output, or remove this one",
        ) from None
    except OSError as error:
        raise InputError(
            expected=f"a file that can be written at {target}",
            received=error.strerror or str(error),
            remedy="give another file in --output, in a folder that exists",
        ) from None
    return target, guess


def config_name(log: str) -> str:
    """Return a name for the pipeline of a log.

    Args:
        log: a file, a folder or a glob.

    Example:
        >>> config_name("data/Online Retail/invoices.csv.gz"), config_name("clicks/dt=*/part-*.parquet")
        ('invoices', 'clicks')
    """
    parts = [part for part in log.split("/") if not re.search(r"[*?\[\]=:]", part) and part.strip(". ")]
    stem = parts[-1].lstrip(".").split(".")[0] if parts else ""
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower())[:63].strip("-")
    return name or "my-log"


def render_config(name: str, target: Path, guess: LogGuess) -> str:
    """Return the text of a configuration, with a comment above each guess.

    Args:
        name: the name of the pipeline.
        target: the file of the configuration, for the command in its first comment.
        guess: the description of the log.
    """
    return "\n".join(_lines(name, target, guess)) + "\n"


def _lines(name: str, target: Path, guess: LogGuess) -> Iterator[str]:
    settings = guess.data.model_dump(exclude_unset=True)
    yield from _comment(
        f"Guessed by `temporec init` from {guess.rows:,} rows. Each comment says what a guess is based on.", 0
    )
    yield from _comment(f"Check the guesses, then run: temporec validate --config {target}", 0)
    yield f"name: {name}"
    yield "data:"
    for key in _SETTINGS:
        if key in settings:
            yield from _setting(key, settings[key], guess.comments, 2)
    yield "  columns:"
    for role in _ROLES:
        if settings["columns"].get(role) is not None:
            yield from _setting(role, settings["columns"][role], guess.comments, 4, "columns.")
    yield from _further(guess)
    for key in ("timestamp", "null_values", "max_rejected_share"):
        if key in settings:
            yield from _setting(key, settings[key], guess.comments, 2)
    if guess.repeated > _REPEATED:
        yield from _comment(
            f"{guess.repeated:.0%} of the rows repeat an item of the same user. To recommend such items again:", 0
        )
        yield "# serving: {remove_seen: false}"


def _setting(key: str, value: Any, comments: Mapping[str, str], indent: int, prefix: str = "") -> Iterator[str]:
    yield from _comment(comments.get(prefix + key, ""), indent)
    yield f"{' ' * indent}{key}: {_flow(value)}"


def _further(guess: LogGuess) -> Iterator[str]:
    if not guess.further:
        return
    yield from _comment(
        "Further columns, which the model can read (docs/inputs.md). To use one, remove the # before it and before"
        " context.",
        4,
    )
    yield "    # context:"
    for column in guess.further:
        yield f"    #   {column.name}: {_flow(column.setting)}  # {column.comment}"


def _comment(text: str, indent: int) -> Iterator[str]:
    margin = f"{' ' * indent}# "
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=margin, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    dumped = yaml.safe_dump([plain], default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return str(dumped).strip()[1:-1]
