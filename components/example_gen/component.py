"""ExampleGen for logs: the TFX adaptor around `ingest`."""

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
from components.example_gen.ingest import ingest
from components.example_gen.report import IngestionReport
from schemas.config import ExampleGenConfig
from schemas.errors import InputError
from schemas.features import SPLITS


class ExampleGenExecutor(BaseBeamExecutor):
    """Reads the log, and writes histories, rejected rows and the ingestion report."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Fills the `examples` artifact.

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
    """Histories from an interaction log.

    Its driver is TFX's own for files: it takes the sizes and times of the
    log's files, and of the tables that it reads, into the cache key, here and
    on a cluster.

    Args:
        ingestion: the log, the split and the histories to build.
        code: a digest of the sources that ingestion runs.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ExampleGenExecutor)

    def __init__(self, ingestion: ExampleGenConfig, code: str) -> None:
        data = ingestion.data
        tables = {"items": data.items, "users": data.users}
        paths = {"log": data.path, **{name: table.path for name, table in tables.items() if table}}
        folder, patterns = split_globs(list(paths.values()))
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
    """Splits paths into the folder that they share, before any wildcard, and the rest of each.

    Raises:
        InputError: they share no file system.
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
            expected="the log and its tables in folders of one folder",
            received=" and ".join(paths),
            remedy="write all paths from the root, or all from the working directory, in one bucket",
        )
    return folder, [path[len(folder) :].lstrip("/") for path in paths]


def _pack(ingestion: ExampleGenConfig, code: str) -> example_gen_pb2.CustomConfig:
    # The code's digest has no reader: it is there to be part of the cache key.
    packed = example_gen_pb2.CustomConfig()
    packed.custom_config.Pack(wrappers_pb2.StringValue(value=f"{code}\n{ingestion.model_dump_json()}"))
    return packed


def _unpack(custom_config: str) -> ExampleGenConfig:
    packed, settings = example_gen_pb2.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(custom_config, packed)
    packed.custom_config.Unpack(settings)
    return ExampleGenConfig.model_validate_json(settings.value.partition("\n")[2])
