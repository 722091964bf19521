"""A digest of source files, for TFX's cache: it does not look at code by itself."""

import hashlib
from pathlib import Path
from types import ModuleType


def code_digest(*packages: ModuleType) -> str:
    """SHA-256 over the names and contents of the packages' Python files, in order of name."""
    digest = hashlib.sha256()
    for package in packages:
        for folder in package.__path__:
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(f"{package.__name__}/{path.relative_to(folder).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
