"""TFX's Trainer with three more inputs: the baselines' counts, the table of items and the impressions.

The counts answer requests without a history. The table and the impressions are optional.
"""

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
from components.trainer.checkpoint_mirror import local_checkpoints

# The additional inputs, and the keys of their URIs in custom_config.
COUNTS, ITEMS, IMPRESSIONS = "counts", "items", "impressions"
CHECKPOINTS = "checkpoints"  # the key of their folder in custom_config


class TrainerSpec(standard_component_specs.TrainerSpec):
    """TFX's specification with the additional inputs."""

    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        **standard_component_specs.TrainerSpec.INPUTS,
        COUNTS: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        ITEMS: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        IMPRESSIONS: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
    }


class TrainerExecutor(executor.GenericExecutor):
    """TFX's executor, which alone would not pass the additional inputs to `run_fn`, nor keep checkpoints on `s3://`."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Call `run_fn` with the URIs of the additional inputs and a folder for checkpoints in its `custom_config`.

        Args:
            input_dict: artifacts by input, the counts among them, and perhaps the table of items and the impressions.
            output_dict: artifacts by output.
            exec_properties: TFX's properties of a Trainer.
        """
        config = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        config[COUNTS] = artifact_utils.get_single_uri(input_dict[COUNTS])
        for name in (ITEMS, IMPRESSIONS):
            config[name] = artifact_utils.get_single_uri(input_dict[name]) if input_dict.get(name) else ""
        with local_checkpoints(config[CHECKPOINTS]) as config[CHECKPOINTS]:
            custom_config = {standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(config)}
            super().Do(input_dict, output_dict, {**exec_properties, **custom_config})


class Trainer(base_component.BaseComponent):
    """TFX's Trainer with `TrainerExecutor`.

    Args:
        examples: the output of ExampleGen.
        transform_graph: Transform's output, which transforms the examples while they are read.
        counts: the output of `Baselines`.
        items: the output of `ItemTable`; None if the model reads no column of it.
        impressions: the output of `Impressions`; None if nothing is learnt from them.
        run_fn: the dotted path of a function that takes TFX's `FnArgs`.
        train_split: the split to train on.
        eval_split: the split to choose weights by.
        custom_config: further arguments of `run_fn`.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(TrainerExecutor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        counts: BaseChannel,
        items: BaseChannel | None,
        impressions: BaseChannel | None,
        run_fn: str,
        train_split: str,
        eval_split: str,
        custom_config: dict[str, Any],
    ) -> None:
        spec = TrainerSpec(
            examples=examples,
            transform_graph=transform_graph,
            counts=counts,
            items=items,
            impressions=impressions,
            run_fn=run_fn,
            train_args=trainer_pb2.TrainArgs(splits=[train_split]),
            eval_args=trainer_pb2.EvalArgs(splits=[eval_split]),
            custom_config=json_utils.dumps(custom_config),
            model=Channel(type=standard_artifacts.Model),
            model_run=Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
