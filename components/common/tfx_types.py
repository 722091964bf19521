"""Types of the arguments that TFX passes to an executor."""

from typing import Any

from tfx.types import Artifact

Artifacts = dict[str, list[Artifact]]  # by the name of the input or output
Properties = dict[str, Any]
