"""Looker: the files of a table or of the log of impressions, so that a change of them is noticed."""

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
from components.example_gen.sources.options import FileOptions, TableLocation


class _TableFilesLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """List the files.

        Args:
            inputs: empty.
            properties: the texts of a `TableLocation`, by their names.

        Returns:
            The text of `describe_table_files`.
        """
        return describe_table_files(TableLocation(*(properties[name] for name in TableLocation._fields)))


class TableFilesDriver(_TableFilesLooker, LookerDriver):
    """Driver that lists the files."""


class TableFilesExecutor(_TableFilesLooker, LookerExecutor):
    """Executor that lists the files."""


class TableFilesSpec(ComponentSpec):
    """The parameters and the output of `TableFiles`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        name: ExecutionParameter(type=str) for name in TableLocation._fields
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {SEEN: ChannelParameter(type=standard_artifacts.String)}


class TableFiles(BaseComponent):
    """The component that lists the files of a table. The component that reads them takes its output as a parameter.

    Args:
        table: where the files are.

    Example:
        >>> list(TableFiles(TableLocation("items.csv", "data.items", "csv")).outputs)
        ['seen']
    """

    SPEC_CLASS = TableFilesSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(TableFilesExecutor)
    DRIVER_CLASS = TableFilesDriver

    def __init__(self, table: FileOptions) -> None:
        location = {name: getattr(table, name) for name in TableLocation._fields}
        super().__init__(TableFilesSpec(**location, seen=Channel(type=standard_artifacts.String)))
