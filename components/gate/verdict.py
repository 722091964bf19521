"""Checks of the gate, and the verdict that they add up to: `verdict.json`, next to the blessing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import tensorflow as tf

FILE_NAME = "verdict.json"


@dataclass(frozen=True)
class GateCheck:
    """One requirement of the gate, and whether a model meets it.

    Args:
        id: a stable name for programs, with its parameter in brackets: `floor[recall@10]`.
        title: a name for people. It may change from one version to the next.
        measured: the value that was found.
        required: the value that is required.
        passed: whether the model meets the requirement.
        note: further information for a reader, such as the power of a test.
    """

    id: str
    title: str
    measured: str
    required: str
    passed: bool
    note: str = ""


@dataclass(frozen=True)
class GateVerdict:
    """The checks of a model. One failed check refuses the model."""

    checks: tuple[GateCheck, ...]

    @property
    def blessed(self) -> bool:
        """Whether the model may be pushed."""
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """One line for each check, failed checks first."""
        ordered = sorted(self.checks, key=lambda check: check.passed)
        return [
            f"{'ok' if check.passed else 'FAILED'}: {check.title}: {check.measured}; required: {check.required}"
            for check in ordered
        ]


def write_verdict(folder: str, verdict: GateVerdict) -> None:
    """Write `verdict.json` into a folder."""
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}", "w") as file:
        content = {"blessed": verdict.blessed, "checks": [asdict(check) for check in verdict.checks]}
        file.write(json.dumps(content, indent=1) + "\n")


def read_verdict(folder: str) -> GateVerdict:
    """Read `verdict.json` from a folder."""
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}") as file:
        return GateVerdict(tuple(GateCheck(**check) for check in json.load(file)["checks"]))
