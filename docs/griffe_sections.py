"""An extension of Griffe, which reads the docstrings for the API reference: it adapts them to our style.

Griffe knows the section "Examples", but not "Example". It documents the fields of a NamedTuple as attributes. And it
does not know the arguments of a class that inherits them from another package, so it must not report them as unknown.
"""

from __future__ import annotations

import re
from typing import Any

import griffe


class DocstringStyle(griffe.Extension):
    """Adapts docstrings before Griffe parses them."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rename the sections of one object's docstring.

        Args:
            obj: a module, class, function or attribute.
        """
        if obj.docstring:
            named_tuple = obj.is_class and any("NamedTuple" in str(base) for base in obj.bases)
            obj.docstring.value = rename_sections(obj.docstring.value, named_tuple=named_tuple)

    def on_class_members(self, *, cls: Any, **_: Any) -> None:
        """Silence the check of documented arguments for a class that inherits all its arguments.

        Args:
            cls: the class, with its members.
        """
        own = "__init__" in cls.members or any("dataclass" in str(each.value) for each in cls.decorators)
        if cls.docstring and not own:
            options = {"warn_unknown_params": False, "warn_missing_types": False}
            cls.docstring.parser_options = {**cls.docstring.parser_options, **options}


def rename_sections(docstring: str, *, named_tuple: bool) -> str:
    """Return a docstring with the section names that Griffe knows.

    Args:
        docstring: the text, without indentation.
        named_tuple: whether it describes a NamedTuple.

    Returns:
        The text with renamed sections.

    Example:
        >>> rename_sections("Example:\\n    >>> 1 + 1\\n    2", named_tuple=False)
        'Examples:\\n    >>> 1 + 1\\n    2'
        >>> rename_sections("Args:\\n    x: float.", named_tuple=True)
        'Attributes:\\n    x: float.'
    """
    docstring = re.sub(r"^Example:$", "Examples:", docstring, flags=re.MULTILINE)
    return re.sub(r"^Args:$", "Attributes:", docstring, flags=re.MULTILINE) if named_tuple else docstring
