"""Parameters that a user may set for one run of a compiled pipeline.

The compiled text of a task names such a parameter by a placeholder of Kubeflow Pipelines. Kubeflow's launcher replaces
it in the whole command line. Where nobody has replaced it, the entry point does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.errors import InputError

PARAMETERS = ("data_path", "root", "models_path", "epochs", "seed")
_UNSAFE = re.compile(r'["\\\x00-\x1f]')  # it would end the JSON string that contains the placeholder


def placeholder(name: str) -> str:
    """Return the text that stands for a parameter.

    Args:
        name: one of `PARAMETERS`.

    Example:
        >>> placeholder("seed")
        "{{$.inputs.parameters['seed']}}"
    """
    return f"{{{{$.inputs.parameters['{name}']}}}}"


def resolve(text: str, values: Mapping[str, str | float]) -> str:
    """Replace the placeholders in a text.

    Args:
        text: a parameter of a task.
        values: the values by name; JSON has no integers, so 12 may be 12.0.

    Returns:
        The text with the values.

    Raises:
        InputError: a number is not whole, or a text has a quotation mark, a backslash or a control character.

    Example:
        >>> resolve('{"epochs": ' + placeholder("epochs") + "}", {"epochs": 12.0})
        '{"epochs": 12}'
    """
    for name, value in values.items():
        if placeholder(name) in text:
            text = text.replace(placeholder(name), _as_text(name, value))
    return text


def _as_text(name: str, value: str | float) -> str:
    if isinstance(value, str) and not _UNSAFE.search(value):
        return value
    if not isinstance(value, str) and float(value).is_integer():
        return str(int(value))
    raise InputError(
        expected=f"a whole number, or a text without quotation marks and backslashes, for the parameter {name}",
        received=repr(value),
        remedy="submit the pipeline with another value",
    )
