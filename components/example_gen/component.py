"""ExampleGen for interaction logs: the TFX adaptor of `ingest`."""

from __future__ import annotations

from typing import ClassVar

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.common.tfx_types import Artifacts, Properties
from components.example_gen.cleaning.kept_rows import KeptRows
from components.example_gen.counts.report import IngestionReport
from components.example_gen.ingest import ingest
from components.example_gen.replay import check_replay
from schemas.config import ExampleGenConfig
from schemas.features import REFIT, SPLITS

# A parameter that only a replay passes to the executor. So it is no part of the cache key.
FORMER = "former"
_ORIGIN = ("files", "code")


class ExampleGenExecutor(BaseBeamExecutor):
    """Executor that writes examples, rejected rows and the ingestion report."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Write the `examples` artifact.

        Args:
            input_dict: empty.
            output_dict: the artifact, as `examples`.
            exec_properties: an `ExampleGenConfig` as JSON, as `settings`; the output of `InputFiles`, as `files`; the
                digest of the code, as `code`; in a replay also the folder of the former examples, as `former`.

        Raises:
            InputError: the log has too many bad rows, or too few users for the split, or it has changed since it was
                listed.
        """
        settings = ExampleGenConfig.model_validate_json(exec_properties["settings"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names([*SPLITS, *([REFIT] if settings.refit else [])])
        data, split = settings.data, settings.split
        origin = {name: exec_properties[name] for name in _ORIGIN}
        former = KeptRows.read(exec_properties[FORMER]) if FORMER in exec_properties else None
        if former:
            check_replay(former, data, origin)
        ingest(
            self._make_beam_pipeline,
            data,
            split,
            settings.history,
            examples.uri,
            origin,
            former,
            refit=settings.refit,
        )
        IngestionReport.read(examples.uri).check(data, split)


class InteractionExampleGenSpec(ComponentSpec):
    """The parameters and the output of `InteractionExampleGen`."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        name: ExecutionParameter(type=str) for name in ("settings", "files", "code")
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class InteractionExampleGen(BaseComponent):
    """ExampleGen of histories from an interaction log.

    Args:
        ingestion: the log, the split and the length of histories.
        files: the output of `InputFiles`; it makes the files of the log a part of the cache key.
        code: a digest of the source files that the ingestion runs; see `code_digest`.
    """

    SPEC_CLASS = InteractionExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ExampleGenExecutor)

    def __init__(self, ingestion: ExampleGenConfig, files: Placeholder | str, code: str) -> None:
        super().__init__(
            InteractionExampleGenSpec(
                settings=ingestion.model_dump_json(),
                files=files,
                code=code,
                examples=Channel(type=standard_artifacts.Examples),
            )
        )
