"""The section `data.checks`: what is checked before training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.config.section import Section


class ChecksConfig(Section):
    """Checks of the data before training. See docs/drift.md."""

    schema_file: str | None = Field(
        default=None,
        min_length=1,
        description="File with a schema of TensorFlow Metadata in text format. Its features are checked in addition to"
        " what the configuration says about the examples.",
    )
    serving_requests: str | None = Field(
        default=None,
        min_length=1,
        description="Files of requests that TensorFlow Serving has logged, as a glob. They are compared with the log.",
    )
    on_drift: Literal["warn", "stop"] = Field(
        default="warn", description="What an alarm about drift does: `stop` ends the run before training."
    )
    min_drift: float = Field(
        default=0.002,
        ge=0.0,
        le=1.0,
        description="Smallest distance that is an alarm. In a large log smaller ones are no chance, but matter little.",
    )
