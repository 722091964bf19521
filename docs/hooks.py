"""Hooks of the documentation site: show files from outside `docs/` as pages, and adapt the links between them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

# Files of the repository that are pages of the site, with their name there.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "run-benchmarks.md",
}
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the files of the repository that are pages of the site.

    Args:
        files: the files of `docs/`.
        config: the configuration of MkDocs.

    Returns:
        The files of the site.
    """
    root = PurePosixPath(config.config_file_path).parent
    for path, name in PAGES.items():
        files.append(File.generated(config, name, abs_src_path=str(root / path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Adapt the links of a page.

    Args:
        markdown: the text of the page.
        page: the page.
        config: the configuration of MkDocs.
        files: the files of the site.

    Returns:
        The text with links for the site.
    """
    root = PurePosixPath(config.config_file_path).parent
    return adapt_links(markdown, page.file.src_uri, lambda path: os.path.exists(root / path))


def adapt_links(markdown: str, page: str, exists: Callable[[str], bool]) -> str:
    """Replace links between files of the repository by links between pages of the site.

    A link to a file that is not on the site, such as a source file, becomes its
    text. A link to a missing file stays as it is, so that MkDocs reports it.

    Args:
        markdown: the text of a page.
        page: the name of the page on the site.
        exists: whether a path, relative to the repository, exists.

    Returns:
        The text with adapted links.

    Example:
        >>> adapt_links("[Install](docs/install.md#problems)", "index.md", lambda path: True)
        '[Install](install.md#problems)'
        >>> adapt_links("[results](../README.md#results), [code](../setup.py)", "gate.md", lambda path: True)
        '[results](index.md#results), code'
    """
    sources = {name: path for path, name in PAGES.items()}
    source = sources.get(page, f"docs/{page}")

    def adapt(link: re.Match[str]) -> str:
        target = link["target"]
        if re.match(r"[a-z]+:", target) or target.startswith("/"):
            return link[0]
        path = os.path.normpath(os.path.join(os.path.dirname(source), target))
        on_site = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if on_site is None:
            return link["text"] if exists(path) else link[0]
        relative = os.path.relpath(on_site, os.path.dirname(page) or ".")
        return f"{link['image']}[{link['text']}]({relative}{link['anchor'] or ''})"

    return _LINK.sub(adapt, markdown)
