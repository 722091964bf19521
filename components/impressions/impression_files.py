"""Looker: the files of the log of impressions, so that a change of them is noticed."""

from __future__ import annotations

from typing import ClassVar

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.common.looker import SEEN, Looker, LookerDriver, LookerExecutor
from components.common.tfx_types import Artifacts, Properties
from components.example_gen.listing import describe_table_files
from schemas.config.impressions import ImpressionsConfig


class _ImpressionFilesLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """List the files.

        Args:
            inputs: empty.
            properties: an `ImpressionsConfig` as JSON, as `impressions`.

        Returns:
            The text of `describe_table_files`.
        """
        return describe_table_files(ImpressionsConfig.model_validate_json(properties["impressions"]))


class ImpressionFilesDriver(_ImpressionFilesLooker, LookerDriver):
    """Driver that lists the files."""


class ImpressionFilesExecutor(_ImpressionFilesLooker, LookerExecutor):
    """Executor that lists the files."""


class ImpressionFilesSpec(ComponentSpec):
    """The parameters and the output of `ImpressionFiles`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"impressions": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {SEEN: ChannelParameter(type=standard_artifacts.String)}


class ImpressionFiles(BaseComponent):
    """The component that lists the files of the log of impressions. `Impressions` takes its output as a parameter.

    Args:
        impressions: the configuration of the log.

    Example:
        >>> columns = {"impression": "id", "user": "user", "timestamp": "time", "shown": "shown", "clicked": "clicked"}
        >>> log = {"path": "shown.csv", "columns": columns, "timestamp": {"unit": "s"}}
        >>> list(ImpressionFiles(ImpressionsConfig.model_validate(log)).outputs)
        ['seen']
    """

    SPEC_CLASS = ImpressionFilesSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ImpressionFilesExecutor)
    DRIVER_CLASS = ImpressionFilesDriver

    def __init__(self, impressions: ImpressionsConfig) -> None:
        super().__init__(
            ImpressionFilesSpec(impressions=impressions.model_dump_json(), seen=Channel(type=standard_artifacts.String))
        )
