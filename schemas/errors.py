"""Errors that a user sees as a message, without a traceback."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

_IN_TEXT = re.compile(
    r"InputError: expected: (?P<expected>.+?)\nreceived: (?P<received>.+?)\nremedy:   (?P<remedy>.+?)"
    r"(?= \[while running|\n\n|\nTraceback|\n?\Z)",
    re.DOTALL,
)


class InputError(Exception):
    """A mistake in the user's input: a configuration, a path or data.

    The command line shows the message without a traceback and exits with 2.

    Args:
        expected: what temporec needs, as a noun phrase.
        received: the value that it found instead.
        remedy: what the user can do, as an imperative.
    """

    def __init__(self, *, expected: str, received: str, remedy: str) -> None:
        self.expected = expected
        self.received = received
        self.remedy = remedy
        self._tagged_with_step = True  # with it Beam raises the error unchanged instead of as a RuntimeError
        super().__init__(f"expected: {expected}\nreceived: {received}\nremedy:   {remedy}")

    def __reduce__(self) -> Any:
        """Pickle the three parts, because an exception alone would be called with its message."""
        return partial(InputError, expected=self.expected, received=self.received, remedy=self.remedy), ()


def find_input_error(text: str) -> InputError | None:
    """Return the last `InputError` in the text of another error, or None.

    The error of a worker in another process arrives as the text of its traceback.

    Args:
        text: the text.

    Example:
        >>> error = "InputError: expected: a file\\nreceived: none\\nremedy:   make one"
        >>> find_input_error(f"Traceback ...\\n{error} [while running 'Read']").remedy
        'make one'
    """
    matches = list(_IN_TEXT.finditer(text))
    return InputError(**{name: part.strip() for name, part in matches[-1].groupdict().items()}) if matches else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return a remedy that names the closest known name.

    Args:
        name: the unknown name.
        known: the names that exist.
        otherwise: the remedy where none is close.

    Example:
        >>> did_you_mean("epoch", ["epochs", "seed"], "list the names")
        'did you mean epochs?'
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


class ComponentFailed(Exception):
    """A failure of a pipeline component that the input did not cause: exit code 1."""
