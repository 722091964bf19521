"""The first component: it lists the files of the log and its tables, so that a change of them is noticed."""

from __future__ import annotations

from typing import ClassVar

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.common.looker import SEEN, Looker, LookerDriver, LookerExecutor
from components.common.tfx_types import Artifacts, Properties
from components.example_gen.listing import describe_listing, list_log
from schemas.config.log import DataConfig


class _LogFilesLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """List the files.

        Args:
            inputs: empty.
            properties: a `DataConfig` as JSON, as `data`.

        Returns:
            The text of `describe_listing`.
        """
        return describe_listing(list_log(DataConfig.model_validate_json(properties["data"])))


class LogFilesDriver(_LogFilesLooker, LookerDriver):
    """Driver that lists the files."""


class LogFilesExecutor(_LogFilesLooker, LookerExecutor):
    """Executor that lists the files."""


class LogFilesSpec(ComponentSpec):
    """The parameters and the output of `LogFiles`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"data": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {SEEN: ChannelParameter(type=standard_artifacts.String)}


class LogFiles(BaseComponent):
    """The component that lists the files of a log. `InteractionExampleGen` takes its output as a parameter.

    Args:
        data: the description of the log.

    Example:
        >>> from schemas.config.log import DataConfig
        >>> columns = {"user": "user", "item": "item", "timestamp": "time"}
        >>> data = DataConfig.model_validate({"path": "log.csv", "columns": columns, "timestamp": {"unit": "s"}})
        >>> list(LogFiles(data).outputs)
        ['seen']
    """

    SPEC_CLASS = LogFilesSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(LogFilesExecutor)
    DRIVER_CLASS = LogFilesDriver

    def __init__(self, data: DataConfig) -> None:
        super().__init__(LogFilesSpec(data=data.model_dump_json(), seen=Channel(type=standard_artifacts.String)))
