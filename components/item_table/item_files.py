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
from components.example_gen.listing import Listing, describe_listing, find_log_file
from components.example_gen.tables.item_rows import match_items
from schemas.config.tables import ItemsTableConfig
from schemas.errors import InputError


def describe_files(items: ItemsTableConfig) -> str:
    """Return a text that differs whenever a name, a size or a version of a file of the table differs.

    Args:
        items: the configuration of the table.

    Raises:
        InputError: no file matches.
    """
    return describe_listing(Listing([file for path in match_items(items) if (file := find_log_file(path))], []))


def check_unchanged(items: ItemsTableConfig, described: str) -> None:
    """Check that the files of the table are those of an earlier listing.

    Args:
        items: the configuration of the table.
        described: the output of `describe_files`.

    Raises:
        InputError: a file has changed, has vanished or is new.
    """
    now = describe_files(items)
    if now != described:
        raise InputError(
            expected=f"files of {items.path} ({items.setting}.path) that stay the same during the run: {described}",
            received=now,
            remedy="run again when no file is written",
        )


class _ItemFilesLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """List the files.

        Args:
            inputs: empty.
            properties: an `ItemsTableConfig` as JSON, as `items`.

        Returns:
            The text of `describe_files`.
        """
        return describe_files(ItemsTableConfig.model_validate_json(properties["items"]))


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
