"""What the launcher of custom jobs reads of a compiled task: container/v1 in Google Cloud Pipeline Components."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.cloud import aiplatform_v1


def launched_job(
    container: Mapping[str, Any], executor_input: str, values: Mapping[str, str]
) -> aiplatform_v1.CustomJob:
    """Return the job that the launcher creates.

    Args:
        container: of the task in the pipeline specification.
        executor_input: what Vertex AI puts in place of `{{$}}`.
        values: what it puts in place of other placeholders.
    """
    escaped = json.dumps(executor_input)[1:-1]
    arguments = [part.replace("{{$.json_escape[1]}}", escaped) for part in container["args"]]
    for name, value in values.items():
        arguments = [part.replace(f"{{{{$.{name}}}}}", value) for part in arguments]
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert options.keys() == {"--type", "--payload", "--project", "--location", "--gcp_resources"}
    assert options["--type"] == "CustomJob"
    return aiplatform_v1.CustomJob(_without_empty(json.loads(options["--payload"], strict=False)))


def _without_empty(found: Any) -> Any:
    """gcp_launcher/utils/json_util.py."""
    if isinstance(found, dict):
        return {name: _without_empty(each) for name, each in found.items() if each}
    return [_without_empty(each) for each in found] if isinstance(found, list) else found
