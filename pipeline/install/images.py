"""Build the container images with podman or docker: `make image`.

Standard library only: `make image` calls `python3 -m pipeline.install.images`.
Exit codes: 0 built, 1 the build failed, 2 there is no container engine that answers.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.version import VERSION
from schemas.errors import ComponentFailed, InputError

ENGINES = ("podman", "docker")
TARGETS = {"pipeline": "temporec", "serving": "temporec-serving"}  # of the Dockerfile, and the names of the images
VARIANTS = ("cpu", "cuda")
_TIMEOUT_S = 30


def image_name(target: str, variant: str) -> str:
    """Return the name and the tag of an image.

    Args:
        target: a key of `TARGETS`.
        variant: one of `VARIANTS`.

    Example:
        >>> image_name("serving", "cuda").partition(":")[0]
        'temporec-serving'
    """
    return f"{TARGETS[target]}:{VERSION}" + ("" if variant == "cpu" else f"-{variant}")


def find_engine() -> str:
    """Find a container engine whose service answers.

    Returns:
        The path of its command.

    Raises:
        InputError: there is none.
    """
    reasons = []
    for name in ENGINES:
        path = shutil.which(name)
        reason = "not in PATH" if path is None else _why_silent(path)
        if path and reason is None:
            return path
        reasons.append(f"{name}: {reason}")
    raise InputError(
        expected="podman or docker, with a service that answers",
        received="; ".join(reasons),
        remedy="install one (apt-get install podman), start its service, or join its group (docker)",
    )


def _why_silent(engine: str) -> str | None:
    try:
        asked = subprocess.run([engine, "info"], check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = [*filter(None, asked.stderr.splitlines()), f"exit code {asked.returncode}"]
    return lines[0] if asked.returncode else None


def revision(root: Path) -> str:
    """Return the commit of a clone, with `-dirty` after changes; empty outside of a clone.

    Args:
        root: the repository.
    """
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
            check=False,
            capture_output=True,
            text=True,
        )
    except OSError:
        return ""
    return described.stdout.strip()


def build(engine: str, root: Path, target: str, variant: str, base: str | None = None) -> str:
    """Build an image.

    Args:
        engine: the command of the container engine.
        root: the repository.
        target: a key of `TARGETS`.
        variant: one of `VARIANTS`.
        base: the image to build on, instead of the Dockerfile's.

    Returns:
        The name of the image.

    Raises:
        ComponentFailed: the engine could not build it.
    """
    name = image_name(target, variant)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    arguments = {"VARIANT": variant, "VERSION": VERSION, "REVISION": revision(root), "CREATED": now}
    arguments |= {"BASE": base} if base else {}
    options = [part for each in arguments.items() for part in ("--build-arg", "=".join(each))]
    command = [engine, "build", "--platform", "linux/amd64", "--target", target, "--tag", name, *options, str(root)]
    if subprocess.run(command, check=False).returncode:
        raise ComponentFailed(f"{engine} could not build {name}: its messages above show the cause")
    return name


def main(arguments: Sequence[str] | None = None) -> int:
    """Build both images.

    Args:
        arguments: the command line; None for that of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python3 -m pipeline.install.images", description="Build both images.")
    parser.add_argument("--variant", choices=VARIANTS, default="cpu", help="for CPUs, or with NVIDIA's libraries")
    parser.add_argument("--base", help="build on this copy of the Debian image that the Dockerfile names")
    given = parser.parse_args(arguments)
    try:
        engine = find_engine()
        built = [build(engine, Path(__file__).parents[2], name, given.variant, given.base) for name in TARGETS]
    except (InputError, ComponentFailed) as error:
        print(f"error\n{error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    print(f"built {' and '.join(built)}; give them the name of a registry with: {engine} push NAME REGISTRY/NAME")
    return 0


if __name__ == "__main__":
    sys.exit(main())
