"""The gate's verdict: a list of checks, kept beside the blessing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import tensorflow as tf

from components.gate.metric_checks import GateCheck

FILE_NAME = "verdict.json"


@dataclass(frozen=True)
class GateVerdict:
    """What the gate found; a model that fails any check is refused."""

    checks: tuple[GateCheck, ...]

    @property
    def blessed(self) -> bool:
        """Whether the model may be pushed."""
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """A line for each check, failed ones first."""
        ordered = sorted(self.checks, key=lambda check: check.passed)
        return [
            f"{'ok' if check.passed else 'FAILED'}: {check.name}: {check.measured}; {check.required}"
            for check in ordered
        ]


def write_verdict(folder: str, verdict: GateVerdict) -> None:
    """Writes `verdict.json`."""
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}", "w") as file:
        content = {"blessed": verdict.blessed, "checks": [asdict(check) for check in verdict.checks]}
        file.write(json.dumps(content, indent=1) + "\n")


def read_verdict(folder: str) -> GateVerdict:
    """Reads `verdict.json`."""
    with tf.io.gfile.GFile(f"{folder}/{FILE_NAME}") as file:
        return GateVerdict(tuple(GateCheck(**check) for check in json.load(file)["checks"]))
