"""TFX's executor operator for components with Beam: absolute paths, and options that are not in the cache key."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import apache_beam as beam
from google.protobuf.message import Message
from tfx.orchestration.portable.beam_executor_operator import BeamExecutorOperator
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration import execution_result_pb2, placeholder_pb2

from components.common.stores import absolute
from pipeline.runners.beam_options import make_pipeline


class BeamOperator(BeamExecutorOperator):
    """TFX's operator, with options and parameters that the pipeline does not contain, and with absolute paths.

    The paths in ML Metadata are relative to the root. Workers in other processes have other working directories.

    Args:
        executor_spec: the specification of the executor.
        platform_config: unused; part of TFX's interface.
        args: options of Beam.
        parameters: parameters for the executors.
    """

    def __init__(
        self,
        executor_spec: Message,
        platform_config: Message | None = None,
        *,
        args: Sequence[str] = (),
        parameters: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(executor_spec, platform_config)
        self._parameters = parameters
        for arg in args:
            placeholder = placeholder_pb2.PlaceholderExpression()
            placeholder.value.string_value = arg
            self.beam_pipeline_args.append(placeholder)

    def run_executor(
        self, execution_info: ExecutionInfo, make_beam_pipeline_fn: Callable[[], Any] | None = None
    ) -> execution_result_pb2.ExecutorOutput:
        """Run the executor with absolute paths, and return its outputs with relative ones.

        Args:
            execution_info: the inputs, the outputs and the parameters.
            make_beam_pipeline_fn: a maker of Beam pipelines; by default one with the operator's options.

        Returns:
            The outputs.
        """
        moved = copy.deepcopy(execution_info)
        for artifacts in (*moved.input_dict.values(), *moved.output_dict.values()):
            for artifact in artifacts:
                artifact.uri = absolute(artifact.uri)
        moved.tmp_dir = absolute(execution_info.tmp_dir)
        moved.exec_properties.update(self._parameters)
        result = super().run_executor(moved, make_beam_pipeline_fn or self._make_pipeline)
        for name, artifacts in execution_info.output_dict.items():
            for artifact, written in zip(artifacts, result.output_artifacts[name].artifacts, strict=True):
                written.uri = artifact.uri
        return result

    def _make_pipeline(self) -> beam.Pipeline:
        return make_pipeline(self.beam_pipeline_args)  # resolved by now, and with the labels of TFX's executor
