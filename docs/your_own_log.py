"""Runs the commands of docs/your-own-log.md, and writes their output into it.

    .venv/bin/python -m docs.your_own_log --log invoices.csv.gz --work runs/your-own-log

A block of commands and the block after it, with their output, belong together. A block of YAML with a file name in its
first line is written to that file. A run takes about ten minutes on two cores; `--quick` stops before it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DOCUMENT = Path(__file__).with_name("your-own-log.md")
_BLOCKS = re.compile(
    r"^```sh\n(?P<commands>.*?)^```\n\n```(?P<kind>text|yaml)\n(?P<output>.*?)^```\n"
    r"|^```yaml\n# (?P<file>\S+\.yaml)\n(?P<content>.*?)^```\n",
    re.M | re.S,
)
_COLUMNS = "100"  # the width of tables
_USER_TABLE = r"(?m)^(?= +User \S+ *$)"
_MOST_EPOCHS = 3  # lines of epochs before they are left out


def blocks(document: str) -> Iterator[re.Match[str]]:
    """Yield the blocks of commands with their output, and those of files.

    Args:
        document: the text of the document.
    """
    return _BLOCKS.finditer(document)


def run_commands(commands: str, folder: Path) -> str:
    """Run commands of a block, and return what they print.

    Args:
        commands: lines for a shell.
        folder: the working directory.

    Raises:
        CalledProcessError: a command failed.
    """
    environ = {**os.environ, "COLUMNS": _COLUMNS, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-ec", commands]
    ran = subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.PIPE, text=True)
    return shorten(ran.stdout.replace(f"{folder}/", ""))


def shorten(output: str) -> str:
    """Return the output of a command with its first epochs and its first table of a user only.

    Args:
        output: what a command printed.

    Example:
        >>> print(shorten("  epoch 1/9\\n  epoch 2/9\\n  epoch 3/9\\n  epoch 4/9\\n  epoch 5/9\\ndone  \\n"))
          epoch 1/9
          epoch 2/9
          epoch 3/9
            ...
        done
        <BLANKLINE>
    """
    first, *others = re.split(_USER_TABLE, output)
    if others:
        output = first + others[0] + re.sub(r"(?s)^.*?└[^\n]*\n", "    ...\n", others[-1]) if others[1:] else output
    lines: list[str] = []
    epochs = 0
    for line in map(str.rstrip, output.splitlines()):
        epochs += line.lstrip().startswith("epoch ")
        if not line.lstrip().startswith("epoch ") or epochs <= _MOST_EPOCHS:
            lines.append(line)
        elif epochs == _MOST_EPOCHS + 1:
            lines.append("    ...")
    return "\n".join(lines) + "\n"


def rewrite(document: str, folder: Path, *, quick: bool = False) -> str:
    """Run all blocks in their order, and return the document with their output.

    Args:
        document: the text of the document.
        folder: the working directory, with the log.
        quick: whether the outputs from `temporec run` on stay as they are.
    """
    server: subprocess.Popen[str] | None = None
    parts, end = [], 0
    try:
        for block in blocks(document):
            if block["file"]:
                (folder / block["file"]).write_text(block["content"], encoding="utf-8")
                continue
            if quick and block["commands"].startswith("temporec run "):
                break
            if "temporec serve" in block["commands"]:
                command = [Path(sys.executable).with_name("temporec"), *block["commands"].split()[1:]]
                server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
                output = server.stdout.readline() if server.stdout else ""
            else:
                output = run_commands(block["commands"], folder)
            parts += [document[end : block.start("output")], output]
            end = block.end("output")
    finally:
        if server:
            server.terminate()
    return "".join([*parts, document[end:]])


def main() -> None:
    """Rewrite the outputs in docs/your-own-log.md."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--log", type=Path, required=True, help="file of UCI's invoices")
    parser.add_argument("--work", type=Path, required=True, help="working directory of the commands")
    parser.add_argument("--quick", action="store_true", help="stop before temporec run")
    arguments = parser.parse_args()
    folder = arguments.work.resolve()
    target = folder / "data" / "online-retail" / "invoices.csv.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(arguments.log.resolve())
    (folder / "guessed.yaml").unlink(missing_ok=True)  # temporec init does not overwrite it
    document = rewrite(DOCUMENT.read_text(encoding="utf-8"), folder, quick=arguments.quick)
    DOCUMENT.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
