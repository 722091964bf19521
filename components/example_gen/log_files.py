"""The first component: it lists the files of the log and its tables, so that a change of them is noticed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from apache_beam.io.filesystems import FileSystems
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.common.looker import SEEN, Looker, LookerDriver, LookerExecutor
from components.common.stores import is_remote
from components.common.tfx_types import Artifacts, Properties
from components.example_gen.files import ENDINGS, match_files
from schemas.config.log import DataConfig


class LogFile(NamedTuple):
    """A file as the listing shows it."""

    path: str
    size: int  # bytes
    version: str  # the time of its last change in nanoseconds; on an object store the store's checksum


def file_settings(data: DataConfig) -> dict[str, str]:
    """Return the paths of the log and of its tables whose columns are read.

    Args:
        data: the description of the log.

    Returns:
        Configuration key -> path or glob.
    """
    tables = {"data.items.path": data.items, "data.users.path": data.users}
    return {"data.path": data.path, **{name: table.path for name, table in tables.items() if table}}


def list_files(settings: Mapping[str, str], endings: Sequence[str] = ()) -> list[LogFile]:
    """List the files that some settings name.

    Args:
        settings: configuration key -> path or glob.
        endings: the endings of the log's files if `data.path` is a folder.

    Returns:
        The files of each setting in the order of their names.

    Raises:
        InputError: no file matches a setting, or what matches cannot be read as a log.
    """
    return [
        _log_file(name)
        for setting, path in settings.items()
        for name in match_files(path, setting, endings if setting == "data.path" else ())
    ]


def describe_files(files: list[LogFile]) -> str:
    """Return a text that differs whenever a name, a size or a version differs.

    Args:
        files: the listing.

    Returns:
        The number of files, their size and the SHA-256 of the listing.

    Example:
        >>> describe_files([LogFile("a.csv", 10, "1"), LogFile("b.csv", 5, "1")])[:24]
        '2 files, 15 bytes, sha25'
    """
    listing = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    return f"{len(files)} files, {sum(file.size for file in files)} bytes, sha256 {listing}"


def _log_file(path: str) -> LogFile:
    if is_remote(path):
        return LogFile(path, FileSystems.get_filesystem(path).size(path), str(FileSystems.checksum(path)))
    found = os.stat(path)
    return LogFile(path, found.st_size, str(found.st_mtime_ns))


class _LogFilesLooker(Looker):
    @staticmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """List the files.

        Args:
            inputs: empty.
            properties: the paths by configuration key as JSON, as `paths`, and `data.format`, as `format`.

        Returns:
            The text of `describe_files`.
        """
        return describe_files(list_files(json.loads(properties["paths"]), ENDINGS[properties["format"]]))


class LogFilesDriver(_LogFilesLooker, LookerDriver):
    """Driver that lists the files."""


class LogFilesExecutor(_LogFilesLooker, LookerExecutor):
    """Executor that lists the files."""


class LogFilesSpec(ComponentSpec):
    """The parameters and the output of `LogFiles`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        name: ExecutionParameter(type=str) for name in ("paths", "format")
    }
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
        paths = json.dumps(file_settings(data))
        super().__init__(LogFilesSpec(paths=paths, format=data.format, seen=Channel(type=standard_artifacts.String)))
