"""Looker: the files of a log or a table, so that a change of them is noticed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.common.looker import SEEN, Looker, LookerDriver, LookerExecutor
from components.common.tfx_types import Artifacts, Properties
from components.example_gen.listing import describe_files
from components.example_gen.sources.options import FileLocation


class _InputFilesLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """List the files.

        Args:
            inputs: empty.
            properties: a JSON list of `FileLocation`, as `locations`.

        Returns:
            The text of `describe_files`.
        """
        return describe_files([FileLocation(*each) for each in json.loads(properties["locations"])])


class InputFilesDriver(_InputFilesLooker, LookerDriver):
    """Driver that lists the files."""


class InputFilesExecutor(_InputFilesLooker, LookerExecutor):
    """Executor that lists the files."""


class InputFilesSpec(ComponentSpec):
    """The parameter and the output of `InputFiles`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"locations": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {SEEN: ChannelParameter(type=standard_artifacts.String)}


class InputFiles(BaseComponent):
    """The component that lists files. The component that reads them takes its output as a parameter.

    Args:
        locations: where the files are.

    Example:
        >>> list(InputFiles([FileLocation("items.csv", "data.items", "csv")]).with_id("ItemFiles").outputs)
        ['seen']
    """

    SPEC_CLASS = InputFilesSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(InputFilesExecutor)
    DRIVER_CLASS = InputFilesDriver

    def __init__(self, locations: Sequence[FileLocation]) -> None:
        seen = Channel(type=standard_artifacts.String)
        super().__init__(InputFilesSpec(locations=json.dumps(locations), seen=seen))
