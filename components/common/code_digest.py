"""A digest of source files. It makes a change of the code part of TFX's cache key."""

import hashlib
from pathlib import Path
from types import ModuleType


def code_digest(*packages: ModuleType) -> str:
    """Return the SHA-256 of the names and contents of Python files, in order of their names.

    Every change counts, also that of a comment. Files of another kind do not count: their content
    must reach a component as a parameter, as that of `schemas/history.pbtxt` does.

    Args:
        packages: imported packages; all Python files below their folders count.

    Returns:
        The digest in hexadecimal.
    """
    digest = hashlib.sha256()
    for package in packages:
        for folder in package.__path__:
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(f"{package.__name__}/{path.relative_to(folder).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
