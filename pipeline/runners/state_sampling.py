"""The period in which Beam's workers sample the state of a stage."""

from __future__ import annotations

from apache_beam.runners.worker.statesampler import StateSampler

_PERIOD_MS = 5


def end_stages_promptly() -> None:
    """Let Beam sample states every 5 ms instead of every 200 ms. A stage waits for the next sample before it ends."""
    StateSampler.__init__.__defaults__ = (_PERIOD_MS,)
