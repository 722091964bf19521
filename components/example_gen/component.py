"""ExampleGen for interaction logs: the TFX adaptor of `ingest`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from google.protobuf import wrappers_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components.common.tfx_types import Artifacts, Properties
from components.example_gen.files import file_pattern
from components.example_gen.ingest import ingest
from components.example_gen.report import IngestionReport
from schemas.config import ExampleGenConfig
from schemas.errors import InputError
from schemas.features import SPLITS


class ExampleGenExecutor(BaseBeamExecutor):
    """Executor that writes examples, rejected rows and the ingestion report."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Write the `examples` artifact.

        Args:
            input_dict: empty.
            output_dict: the artifact, as `examples`.
            exec_properties: the packed `ExampleGenConfig`, as `custom_config`.

        Raises:
            InputError: the log has too many bad rows, or too few users for the split.
        """
        settings = _unpack(exec_properties["custom_config"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        with self._make_beam_pipeline() as pipeline:
            ingest(pipeline, settings.data, settings.split, settings.history, examples.uri)
        IngestionReport.read(examples.uri).check(settings.data, settings.split)


class InteractionExampleGen(FileBasedExampleGen):
    """ExampleGen of histories from an interaction log.

    It has the driver of TFX's own file-based components. So the sizes and times of the files, of
    the log and of its tables, are part of the cache key, both locally and on a cluster.

    Args:
        ingestion: the log, the split and the length of histories.
        code: a digest of the source files that the ingestion runs; see `code_digest`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ExampleGenExecutor)

    def __init__(self, ingestion: ExampleGenConfig, code: str) -> None:
        data = ingestion.data
        tables = {"items": data.items, "users": data.users}
        paths = {"log": data.path, **{name: table.path for name, table in tables.items() if table}}
        folder, patterns = split_globs([file_pattern(path) for path in paths.values()])
        super().__init__(
            input_base=folder,
            input_config=example_gen_pb2.Input(
                splits=[
                    example_gen_pb2.Input.Split(name=name, pattern=pattern)
                    for name, pattern in zip(paths, patterns, strict=True)
                ]
            ),
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(
                    splits=[example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=1) for name in SPLITS]
                )
            ),
            custom_config=_pack(ingestion, code),
        )


def split_globs(paths: Sequence[str]) -> tuple[str, list[str]]:
    """Split paths into their common folder, which has no wildcard, and the rest of each path.

    Args:
        paths: paths, globs or URIs.

    Returns:
        The folder, and a pattern below it for each path.

    Raises:
        InputError: the paths are on different file systems.
    """
    folders = [posixpath.dirname(re.split(r"[*?\[]", path, maxsplit=1)[0]) for path in paths]
    shared = []
    for parts in zip(*(folder.split("/") for folder in folders)):  # noqa: B905 - up to where the first ends
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    folder = "/".join(shared) or ("/" if paths[0].startswith("/") else "")
    schemes = {path.partition("://")[0] if "://" in path else path[:1] == "/" for path in paths}
    if folder.endswith(":/") or len(schemes) > 1:
        raise InputError(
            expected="the log and its tables under one common directory",
            received=" and ".join(paths),
            remedy="make all paths absolute, or all relative to the working directory; URIs must be in one bucket",
        )
    return folder, [path[len(folder) :].lstrip("/") for path in paths]


def _pack(ingestion: ExampleGenConfig, code: str) -> example_gen_pb2.CustomConfig:
    # No one reads the digest of the code. It only makes the code part of the cache key.
    packed = example_gen_pb2.CustomConfig()
    packed.custom_config.Pack(wrappers_pb2.StringValue(value=f"{code}\n{ingestion.model_dump_json()}"))
    return packed


def _unpack(custom_config: str) -> ExampleGenConfig:
    packed, settings = example_gen_pb2.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(custom_config, packed)
    packed.custom_config.Unpack(settings)
    return ExampleGenConfig.model_validate_json(settings.value.partition("\n")[2])
