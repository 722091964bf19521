"""The looker for what the log is compared with: the previous run's counts, and logged requests."""

from __future__ import annotations

import json
from typing import ClassVar

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.common.looker import SEEN, Looker, LookerDriver, LookerExecutor
from components.common.stores import list_files
from components.common.tfx_types import Artifacts, Properties
from components.data_validator.previous import previous_counts
from components.example_gen.counts.interaction_counts import COUNTS_FILE
from components.example_gen.listing import Listing, describe_listing, find_file


class _ComparedDataLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """Find the counts and list the requests.

        Args:
            inputs: `examples`, with the counts of this run.
            properties: the folder of the earlier counts, as `folder`, and the glob of the requests or "", as
                `requests`.

        Returns:
            A JSON object with `previous`, the path of the counts, and `requests`, a description of the files. Each is
            "" if there is nothing.
        """
        counts = f"{artifact_utils.get_single_uri(inputs['examples'])}/{COUNTS_FILE}"
        pattern = properties["requests"]
        logged = list_files(pattern) if pattern else []  # a new server has none yet
        found = [file for file in map(find_file, logged) if file]
        requests = describe_listing(Listing(found, [])) if found else ""
        return json.dumps({"previous": previous_counts(properties["folder"], counts), "requests": requests})


class ComparedDataDriver(_ComparedDataLooker, LookerDriver):
    """Driver that looks for the data."""


class ComparedDataExecutor(_ComparedDataLooker, LookerExecutor):
    """Executor that looks for the data."""


class ComparedDataSpec(ComponentSpec):
    """The parameters, the input and the output of `ComparedData`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        name: ExecutionParameter(type=str) for name in ("folder", "requests")
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {SEEN: ChannelParameter(type=standard_artifacts.String)}


class ComparedData(BaseComponent):
    """The component that finds what `DataValidator` compares the log with.

    Args:
        examples: the output of ExampleGen.
        folder: the folder with the counts of earlier runs.
        requests: a glob of logged requests, or "".

    Example:
        >>> examples = Channel(type=standard_artifacts.Examples)
        >>> list(ComparedData(examples, folder="runs/shop/counts", requests="").outputs)
        ['seen']
    """

    SPEC_CLASS = ComparedDataSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ComparedDataExecutor)
    DRIVER_CLASS = ComparedDataDriver

    def __init__(self, examples: BaseChannel, folder: str, requests: str) -> None:
        seen = Channel(type=standard_artifacts.String)
        super().__init__(ComparedDataSpec(examples=examples, folder=folder, requests=requests, seen=seen))
