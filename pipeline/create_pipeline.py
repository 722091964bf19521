"""The pipeline: its components and their connections, for every orchestrator."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from tensorflow_data_validation import StatsOptions
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, transform_pb2
from tfx.types.channel import BaseChannel

import components
import schemas
import serving
import trainer
from components.baselines.component import Baselines
from components.common.code_digest import code_digest
from components.common.looker import SEEN
from components.data_validator.compared_data import ComparedData
from components.data_validator.component import DataValidator
from components.evaluator.component import Evaluator
from components.example_gen.component import InteractionExampleGen
from components.example_gen.input_files import InputFiles
from components.example_gen.listing import log_locations
from components.example_gen.sources.options import FileLocation, FileOptions
from components.gate.component import ModelGate
from components.impression_evaluator.component import ImpressionEvaluator
from components.impressions.component import Impressions
from components.item_table.component import ItemTable
from components.pusher.component import AtomicPusher
from components.refit.component import Refit
from components.schema_gen.component import HistorySchema, history_schema_text
from components.schema_gen.given_schema import with_given_schema
from components.sentence_vectors.component import SentenceVectors
from components.served_model.component import ServedModel
from components.trainer.component import Trainer
from schemas.config import Config
from schemas.config.log import DataConfig
from schemas.config.section import Section
from schemas.features import EVAL, REFIT, TEST, TRAIN

LOOKERS = (
    "LogFiles",
    "ItemFiles",
    "ImpressionFiles",
    "ComparedData",
    "ServedModel",
)  # they look at the outside world, so they must run every time


@dataclass(frozen=True)
class Locations:
    """The folders of a pipeline.

    Args:
        root: for all that the pipeline writes, except for pushed models; "" is the working directory.
        models: the base path that TensorFlow Serving watches.
    """

    root: str
    models: str

    @property
    def artifacts(self) -> str:
        """The folder for the outputs of the components, one folder each."""
        return os.path.join(self.root, "artifacts")

    @property
    def interactions(self) -> str:
        """The folder for counts of each run's interactions, which the next run is compared with."""
        return os.path.join(self.root, "interactions")


@dataclass(frozen=True)
class _DataNodes:
    """The components that read the log and its items and prepare them for training, in their order."""

    log_files: InputFiles
    example_gen: InteractionExampleGen
    statistics_gen: StatisticsGen
    history_schema: Any
    example_validator: ExampleValidator
    compared_data: ComparedData
    data_validator: Any
    item_files: InputFiles | None  # None without a table of items, as the next one
    item_table: Any
    sentence_vectors: Any  # None unless the model reads some
    impression_files: InputFiles | None  # None without impressions, as the next one
    impressions: Any
    transform: Transform
    baselines: Any


def create_pipeline(
    config: Config,
    locations: Locations,
    *,
    pipeline_name: str | None = None,
    metadata_connection_config: Any = None,
    last: str | None = None,
) -> Pipeline:
    """Create the pipeline from a log to a pushed model.

    The same components run on every orchestrator. Only the arguments differ.

    Args:
        config: the configuration; `data.path` must be readable where the pipeline runs.
        locations: the folders for artifacts and models, writable where the pipeline runs.
        pipeline_name: the name in ML Metadata; the configuration's `name` by default.
        metadata_connection_config: the metadata store, if the orchestrator has none of its own.
        last: the id of the last component; None for the whole pipeline.

    Returns:
        A TFX pipeline with caching enabled.

    Example:
        ```python
        pipeline = create_pipeline(
            load_config("pipeline/configs/quickstart.yaml"),
            Locations(root="gs://bucket/shop", models="gs://bucket/shop/models"),
        )
        ```
    """
    data = _data_nodes(config, locations)
    trainer_node = _trainer_node(config, locations, data)
    release = _release_nodes(config, locations, data, trainer_node)
    nodes = [*(node for node in vars(data).values() if node is not None), trainer_node, *release]
    count = len(nodes) if last is None else [node.id for node in nodes].index(last) + 1
    return Pipeline(
        pipeline_name=pipeline_name or config.name,
        pipeline_root=locations.artifacts,
        components=nodes[:count],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
    )


def _data_nodes(config: Config, locations: Locations) -> _DataNodes:
    log_files = InputFiles(log_locations(config.data)).with_id("LogFiles")
    example_gen = InteractionExampleGen(
        config.example_gen_config, files=_seen(log_files), code=code_digest(components, schemas)
    )
    examples = example_gen.outputs["examples"]
    # The examples of a refit are those of the other splits in other windows.
    statistics_gen = StatisticsGen(
        examples=examples,
        stats_options=_statistics_options(),
        exclude_splits=[REFIT] if config.train.refit != "none" else [],
    )
    derived = history_schema_text(config.data)
    history_schema = HistorySchema(text=with_given_schema(derived, config.data.checks.schema_file))
    schema = history_schema.outputs["schema"]
    example_validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    compared_data, data_validator = _check_nodes(config, locations, examples, example_validator)
    item_files, item_table, impression_files, impressions = _table_nodes(config.data, examples)
    sentence_vectors = _sentence_vectors_node(config, item_table)
    transform = Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        # The catalogue has every item of the log: an item that is only a target is also a candidate.
        splits_config=transform_pb2.SplitsConfig(analyze=[TRAIN, EVAL, TEST]),
        materialize=False,  # the order and the bytes of transformed examples would depend on the Beam runner
        disable_statistics=True,  # StatisticsGen computes them
        disable_analyzer_cache=True,  # it is for spans that are analyzed again, and takes a quarter of the time
        custom_config={
            "times": config.data.timestamp.unit != "order",
            "features": [feature.model_dump_json() for feature in config.data.features],
            "code": code_digest(components, serving, schemas),  # unused, but part of the cache key
        },
    )
    baselines = _baselines_node(config, examples, TRAIN)
    return _DataNodes(
        log_files,
        example_gen,
        statistics_gen,
        history_schema,
        example_validator,
        compared_data,
        data_validator,
        item_files,
        item_table,
        sentence_vectors,
        impression_files,
        impressions,
        transform,
        baselines,
    )


def _baselines_node(config: Config, examples: BaseChannel, split: str) -> Any:
    return Baselines(
        examples=examples,
        features=json.dumps([feature.model_dump() for feature in config.data.features if feature.of == "item"]),
        split=split,
        code=code_digest(components, trainer, schemas),
        half_life_s=config.train.recent_half_life_s or 0.0,
    )


def _check_nodes(
    config: Config, locations: Locations, examples: BaseChannel, example_validator: ExampleValidator
) -> tuple[ComparedData, Any]:
    """Return the components that find what to compare the log with, and compare."""
    checks = config.data.checks
    compared_data = ComparedData(examples, folder=locations.interactions, requests=checks.serving_requests or "")
    data_validator = DataValidator(
        examples=examples,
        anomalies=example_validator.outputs["anomalies"],
        checks=checks.model_copy(update={"schema_file": None}).model_dump_json(),
        max_length=config.history.max_length,
        compared=_seen(compared_data),
        folder=locations.interactions,
        code=code_digest(components, schemas, serving),
    )
    return compared_data, data_validator


def _table_nodes(data: DataConfig, examples: BaseChannel) -> tuple[InputFiles | None, Any, InputFiles | None, Any]:
    """Return the components that list and read the table of items, then those of the log of impressions."""
    items, impressions = data.item_table_config, data.impression_log_config
    of_items, of_impressions = code_digest(components, schemas), code_digest(components, trainer, schemas)
    return (
        *_reader_nodes("ItemFiles", ItemTable, data.items, items, examples, of_items),
        *_reader_nodes("ImpressionFiles", Impressions, data.impressions, impressions, examples, of_impressions),
    )


def _reader_nodes(
    files_id: str,
    reader: Any,
    table: FileOptions | None,
    settings: Section | None,
    examples: BaseChannel,
    code: str,
) -> tuple[InputFiles | None, Any]:
    """Return the components that list the files of a table and read them, or None twice without a table."""
    if table is None or settings is None:
        return None, None
    files = InputFiles([FileLocation.of(table)]).with_id(files_id)
    return files, reader(examples=examples, settings=settings.model_dump_json(), files=_seen(files), code=code)


def _sentence_vectors_node(config: Config, item_table: Any) -> Any:
    """Return the component that encodes texts of the items, or None if the model reads no such vectors."""
    configured = config.data.items.sentence_vectors if config.data.items else {}
    read = {name: each.model_dump() for name, each in configured.items() if name in config.model.inputs.columns}
    if not read:
        return None
    return SentenceVectors(
        items=item_table.outputs["items"], settings=json.dumps(read), code=code_digest(components, trainer, schemas)
    )


def _statistics_options() -> StatsOptions:
    """Return options with which the most frequent values are counted by batch; Beam counts each one on its own."""
    return StatsOptions(experimental_use_sketch_based_topk_uniques=True)


def _trainer_node(config: Config, locations: Locations, data: _DataNodes) -> Trainer:
    node = Trainer(
        run_fn="trainer.run_fn.run_fn",
        examples=data.example_gen.outputs["examples"],
        transform_graph=data.transform.outputs["transform_graph"],
        counts=data.baselines.outputs["counts"],
        items=_read_items(config, data),
        impressions=data.impressions.outputs["impressions"] if config.train.impressions else None,
        train_split=TRAIN,
        eval_split=EVAL,
        custom_config={
            "code": code_digest(trainer, serving, schemas),
            "training": config.trainer_config.model_dump_json(),
            "checkpoints": f"{locations.artifacts}/Trainer/checkpoints",
        },
    )
    node.add_upstream_node(data.data_validator)  # it ends the run before training
    for table in (data.item_table, data.impressions):  # so do the table of items and the log of impressions
        if table is not None:
            node.add_upstream_node(table)
    return node


def _release_nodes(
    config: Config,
    locations: Locations,
    data: _DataNodes,
    trainer_node: Trainer,
) -> list[BaseNode]:
    """Return the components that evaluate a model, decide on it, refit it and push it."""
    model = trainer_node.outputs["model"]
    code = code_digest(components, trainer, serving, schemas)
    examples, counts = data.example_gen.outputs["examples"], data.baselines.outputs["counts"]
    served_model = ServedModel(model, models=locations.models)
    evaluator = Evaluator(
        examples=examples,
        model=model,
        previous=_seen(served_model),
        counts=counts,
        settings=config.evaluator_config.model_dump_json(),
        floors=json.dumps(config.evaluate.gate.floors),
        code=code,
        **({"items": data.item_table.outputs["items"]} if config.evaluator_config.item_columns else {}),
    )
    by_impression = [] if data.impressions is None else [_impression_evaluator(config, data, model, code)]
    gate = ModelGate(
        examples=examples,
        model=model,
        counts=counts,
        evaluation=evaluator.outputs["evaluation"],
        gate=config.evaluate.gate.model_dump_json(),
        remove_seen=config.serving.remove_seen,
        code=code,
        **({"by_impression": by_impression[0].outputs["evaluation"]} if config.evaluate.gate.impression_floors else {}),
    )
    pushed, blessing, refit_nodes = model, gate.outputs["blessing"], []
    if config.train.refit != "none":
        refit_nodes = _refit_nodes(config, data, trainer_node, gate)
        pushed, blessing = (refit_nodes[-1].outputs[key] for key in ("refitted_model", "blessing"))
    pusher = AtomicPusher(
        model=pushed,
        model_blessing=blessing,
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=locations.models)
        ),
    ).with_id("Pusher")
    return [served_model, evaluator, *by_impression, gate, *refit_nodes, pusher]


def _impression_evaluator(config: Config, data: _DataNodes, model: BaseChannel, code: str) -> Any:
    return ImpressionEvaluator(
        impressions=data.impressions.outputs["impressions"],
        model=model,
        counts=data.baselines.outputs["counts"],
        settings=config.impression_evaluator_config.model_dump_json(),
        code=code,
    )


def _refit_nodes(config: Config, data: _DataNodes, trainer_node: Trainer, gate: Any) -> list[Any]:
    """Return the components that count the whole log, and refit the model if it is blessed."""
    examples, items = data.example_gen.outputs["examples"], _read_items(config, data)
    baselines = _baselines_node(config, examples, REFIT).with_id("RefitBaselines")
    baselines.add_upstream_node(gate)  # only a blessed model is refitted, and training need not wait for these counts
    refit = Refit(
        examples=examples,
        transform_graph=data.transform.outputs["transform_graph"],
        model=trainer_node.outputs["model"],
        model_run=trainer_node.outputs["model_run"],
        counts=data.baselines.outputs["counts"],
        refit_counts=baselines.outputs["counts"],
        judgement=gate.outputs["blessing"],
        kind=config.train.refit,
        training=config.trainer_config.model_dump_json(),
        gate=config.evaluate.gate.model_dump_json(),
        code=code_digest(components, trainer, serving, schemas),
        **({"items": items} if items else {}),
    )
    return [baselines, refit]


def _read_items(config: Config, data: _DataNodes) -> BaseChannel | None:
    """Return the table of items if the model reads columns of it: another title alone needs no training."""
    if data.sentence_vectors is not None:
        return data.sentence_vectors.outputs["described_items"]
    return data.item_table.outputs["items"] if config.trainer_config.reads_items else None


def _seen(looker: BaseNode) -> Any:
    """Return the text of a looker as a parameter of later components."""
    return looker.outputs[SEEN].future()[0].value
