"""Looker: the files of the table of items, so that a change of them is noticed."""

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
from schemas.config.tables import ItemsTableConfig


class _ItemFilesLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """List the files.

        Args:
            inputs: empty.
            properties: an `ItemsTableConfig` as JSON, as `items`.

        Returns:
            The text of `describe_table_files`.
        """
        return describe_table_files(ItemsTableConfig.model_validate_json(properties["items"]))


class ItemFilesDriver(_ItemFilesLooker, LookerDriver):
    """Driver that lists the files."""


class ItemFilesExecutor(_ItemFilesLooker, LookerExecutor):
    """Executor that lists the files."""


class ItemFilesSpec(ComponentSpec):
    """The parameters and the output of `ItemFiles`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"items": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {SEEN: ChannelParameter(type=standard_artifacts.String)}


class ItemFiles(BaseComponent):
    """The component that lists the files of the table of items. `ItemTable` takes its output as a parameter.

    Args:
        items: the configuration of the table.

    Example:
        >>> list(ItemFiles(ItemsTableConfig(path="items.csv", id="sku", title="name")).outputs)
        ['seen']
    """

    SPEC_CLASS = ItemFilesSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ItemFilesExecutor)
    DRIVER_CLASS = ItemFilesDriver

    def __init__(self, items: ItemsTableConfig) -> None:
        super().__init__(ItemFilesSpec(items=items.model_dump_json(), seen=Channel(type=standard_artifacts.String)))
