"""The pipeline: which components there are and how they are wired, for every orchestrator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tfx import v1 as tfx

import components
import schemas
import serving
import trainer
from components.baselines.component import Baselines
from components.common.code_digest import code_digest
from components.evaluator.component import Evaluator
from components.example_gen.component import InteractionExampleGen
from components.gate.component import ModelGate
from components.pusher.component import AtomicPusher
from components.resolver.last_pushed_model import previous_model
from components.schema_gen.component import HistorySchema, history_schema_text
from components.trainer.component import Trainer
from schemas.config import Config
from schemas.features import EVAL, TEST, TRAIN


@dataclass(frozen=True)
class Locations:
    """Where a pipeline keeps what it makes."""

    artifacts: str  # what the components write, a folder each
    models: str  # the base path that TensorFlow Serving watches


def create_pipeline(
    config: Config,
    locations: Locations,
    *,
    compare_with: type[tfx.dsl.experimental.ResolverStrategy],
    metadata_connection_config: Any = None,
    beam_args: tuple[str, ...] = (),
) -> tfx.dsl.Pipeline:
    """From a log to a pushed model.

    Args:
        config: what to build; `data.path` must be readable where the pipeline runs.
        locations: where to write, likewise.
        compare_with: the strategy that chooses the previous model; see `components.resolver.last_pushed_model`.
        metadata_connection_config: the metadata store, where the orchestrator brings none.
        beam_args: options for the Beam runner.
    """
    ingestion_code = code_digest(components, schemas)
    training_code = code_digest(trainer, serving, schemas)
    evaluation_code = code_digest(components, trainer, serving, schemas)

    example_gen = InteractionExampleGen(config.example_gen_config, code=ingestion_code)
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    history_schema = HistorySchema(text=history_schema_text(config.data))
    schema = history_schema.outputs["schema"]
    example_validator = tfx.components.ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    transform = tfx.components.Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        # The catalogue is every item of the log: one seen only as a target is a candidate like the others.
        splits_config=tfx.proto.SplitsConfig(analyze=[TRAIN, EVAL, TEST], transform=[TRAIN, EVAL]),
        disable_statistics=True,  # StatisticsGen has them
        custom_config={
            "times": config.data.timestamp.unit != "order",
            "features": [feature.model_dump_json() for feature in config.data.features],
            "code": code_digest(components, serving, schemas),  # only there to be part of the cache key
        },
    )
    baselines = Baselines(
        examples=examples,
        features=json.dumps([feature.model_dump() for feature in config.data.features if feature.of == "item"]),
        code=code_digest(components, trainer, schemas),
    )
    counts = baselines.outputs["counts"]
    model_trainer = Trainer(
        run_fn="trainer.run_fn.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        counts=counts,
        train_split=TRAIN,
        eval_split=EVAL,
        custom_config={
            "code": training_code,
            "training": config.trainer_config.model_dump_json(),
            "checkpoints": f"{locations.artifacts}/Trainer/checkpoints",
        },
    )
    model = model_trainer.outputs["model"]
    compared_with = previous_model(compare_with, candidate=model, models=locations.models)
    evaluator = Evaluator(
        examples=examples,
        model=model,
        previous=compared_with.outputs["model"],
        counts=counts,
        settings=config.evaluator_config.model_dump_json(),
        floors=json.dumps(config.evaluate.gate.floors),
        code=evaluation_code,
    )
    gate = ModelGate(
        examples=examples,
        model=model,
        counts=counts,
        evaluation=evaluator.outputs["evaluation"],
        gate=config.evaluate.gate.model_dump_json(),
        remove_seen=config.serving.remove_seen,
        code=evaluation_code,
    )
    pusher = AtomicPusher(
        model=model,
        model_blessing=gate.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=locations.models)
        ),
    ).with_id("Pusher")
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=locations.artifacts,
        components=[
            example_gen,
            statistics_gen,
            history_schema,
            example_validator,
            transform,
            baselines,
            model_trainer,
            compared_with,
            evaluator,
            gate,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_args),
    )
