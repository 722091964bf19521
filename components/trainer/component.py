"""TFX's Trainer, given as well what the baselines counted: it is served where there is no history to go by."""

from __future__ import annotations

from typing import Any, ClassVar

from tfx.components.trainer import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter
from tfx.utils import json_utils

from components.common.tfx_types import Artifacts, Properties

COUNTS = "counts"  # the further input, and where custom_config has its URI


class TrainerSpec(standard_component_specs.TrainerSpec):
    """TFX's, with one more input."""

    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        **standard_component_specs.TrainerSpec.INPUTS,
        COUNTS: ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }


class TrainerExecutor(executor.GenericExecutor):
    """TFX's, which tells `run_fn` of its own inputs only."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Calls `run_fn`; its `custom_config` says where the counts are."""
        config = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        config[COUNTS] = artifact_utils.get_single_uri(input_dict[COUNTS])
        told = {standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(config)}
        super().Do(input_dict, output_dict, {**exec_properties, **told})


class Trainer(base_component.BaseComponent):
    """TFX's Trainer with the executor above.

    Args:
        examples: transformed examples.
        transform_graph: how they were transformed.
        counts: of `Baselines`.
        run_fn: the path of a function of TFX's `FnArgs`.
        train_split: what to learn from.
        eval_split: what to choose by.
        custom_config: what else to tell `run_fn`.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(TrainerExecutor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        counts: BaseChannel,
        run_fn: str,
        train_split: str,
        eval_split: str,
        custom_config: dict[str, Any],
    ) -> None:
        spec = TrainerSpec(
            examples=examples,
            transform_graph=transform_graph,
            counts=counts,
            run_fn=run_fn,
            train_args=trainer_pb2.TrainArgs(splits=[train_split]),
            eval_args=trainer_pb2.EvalArgs(splits=[eval_split]),
            custom_config=json_utils.dumps(custom_config),
            model=Channel(type=standard_artifacts.Model),
            model_run=Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
