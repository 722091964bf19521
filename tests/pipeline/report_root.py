"""A finished run whose metrics a reader can compute by hand. Everything is real except for the training.

Thirty users have four of six letters each, one after the other: `abcd`, `bcde` and so on. For the last six users
the fourth letter skips one. The model recommends the next letter first, so it finds 24 of 30 targets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_data_validation as tfdv
from apache_beam.options.pipeline_options import PipelineOptions
from ml_metadata.proto import metadata_store_pb2
from tfx.types import standard_artifacts

from components.baselines.count_pipeline import count_baselines
from components.baselines.tables import read_tables
from components.common.looker import SEEN
from components.data_validator.drift import Drift
from components.data_validator.verdict import write_drift
from components.evaluator.queries import read_queries
from components.evaluator.query_metrics import measure, to_table
from components.evaluator.query_results import QUERIES, read_results
from components.evaluator.slices import SliceContext, slices
from components.evaluator.summary import read_summary, write_evaluation_summary
from components.evaluator.systems import Sources, load_systems
from components.example_gen.ingest import ingest
from components.example_gen.input_files import InputFilesExecutor
from components.example_gen.listing import log_locations
from components.gate.metric_checks import check_metrics
from components.gate.verdict import GateVerdict, write_verdict
from components.item_table.write_items import write_items
from pipeline.records.run_record import run_record
from pipeline.records.run_root import RECORD
from pipeline.runners.beam_options import beam_args
from pipeline.runners.local import ComponentRun
from schemas.config import BeamConfig, Config
from schemas.features import SPLITS
from tests.serving.successor import ITEMS, write_model
from trainer.network.model_info import InputContract, ModelInfo, write_model_info

EXAMPLES = ("examples", "statistics", "interactions")  # folders of the ingestion and of what checks it
USERS, WALKERS, LENGTH = 30, 24, 4
SCRIPT = "<script>document.title = 'taken'</script>"
IMAGE = "</script><img src=x onerror=\"document.title = 'taken'\">"
TITLES = {"a": "Ape & Co.", "b": SCRIPT, "c": IMAGE, "d": "<b>Dodo</b>", "e": "Emu", "f": "Fox"}
LOSSES, RECALLS = (3.0, 2.0, 1.5), (0.25, 0.5, 0.4)
START_S = 1_600_000_000  # 2020-09-13
VALIDATION = {"recall@10": RECALLS[1], "ndcg@10": 0.25}
ABOUT = ModelInfo(
    "retrieval",
    {"retrieval": VALIDATION, "ranking": VALIDATION},
    VALIDATION,
    36,
    {"retrieval": 1.0},
    {"low": -0.01},
    {"hidden": 0.25},
)
DRIFT = [
    Drift("previous_run", "item_id", "l_infinity", 0.25, 0.125, True, SCRIPT, (0.5, 0.25)),
    Drift("serving_requests", "hour", "jensen_shannon", 0.0625, 0.125, False, "19:00", (0.25, 0.3)),
]
TERMS = InputContract(reads=(), columns={}, max_length=3, remove_seen=True)


def config(folder: Path) -> Config:
    """Return the configuration of the log and the table that `write_log` writes to this folder."""
    return Config.model_validate(
        {
            "name": "alphabet",
            "data": {
                "path": str(folder / "log.csv"),
                "columns": {"user": "user", "item": "item", "timestamp": "time"},
                "timestamp": {"unit": "s"},
                "items": {
                    "path": str(folder / "items.csv"),
                    "id": "id",
                    "title": "title",
                    "columns": {"kind": {"column": "kind", "separator": "|"}},
                },
            },
            "history": {"max_length": 3},
            "evaluate": {
                "ks": [1, 3, 10],
                "fairness": ["history_length"],
                "gate": {"metric": "recall@1", "beat": ["popularity"], "min_users": 20},
            },
        }
    )


def write_log(folder: Path) -> None:
    """Write the log, with two rows that are rejected, and the items table."""
    rows = [f",{SCRIPT},{START_S}", "u00,a,yesterday"]
    for user in range(USERS):
        for place in range(LENGTH):
            further = place + (user >= WALKERS and place == LENGTH - 1)
            rows.append(f"u{user:02},{ITEMS[(user + further) % len(ITEMS)]},{START_S + 86_400 * place}")
    (folder / "log.csv").write_text("user,item,time\n" + "".join(f"{row}\n" for row in rows))
    quoted = (title.replace('"', '""') for title in TITLES.values())
    table = (
        f'{item},"{title}",{"vowel|all" if item in "ae" else "<i>consonant</i>|all"}'
        for item, title in zip(ITEMS, quoted, strict=True)
    )
    (folder / "items.csv").write_text("id,title,kind\n" + "".join(f"{row}\n" for row in table))


def write_root(folder: Path) -> Path:
    """Run everything except for the training, and return the root."""
    write_log(folder)
    settings, root = config(folder), folder / "root"
    made = {
        name: str(root / "artifacts" / name)
        for name in (*EXAMPLES, "items", "drift", "counts", "refit_counts", "run", "evaluation", "blessing")
    }
    ingest(_pipeline, settings.data, settings.split, settings.history, made["examples"], refit=True)
    assert settings.data.item_table_config
    write_items(settings.data.item_table_config, made["examples"], made["items"])
    _write_statistics(made["examples"], made["statistics"])
    tf.io.gfile.makedirs(made["interactions"])
    tf.io.gfile.makedirs(made["drift"])
    write_drift(made["drift"], DRIFT)
    for split, counts in (("train", "counts"), ("refit", "refit_counts")):
        with _pipeline() as pipeline:
            count_baselines(pipeline, made["examples"], made[counts], settings.data.features, split)
    trained = root / "artifacts" / "model"
    model = write_model(trained / "Format-Serving", k=10)
    write_model_info(str(model), ABOUT, TERMS)
    write_curves(Path(made["run"]))
    items = read_tables(made["counts"]).items
    _write_queries(
        settings, made["examples"], Sources(made["counts"], str(model), items=made["items"]), Path(made["evaluation"])
    )
    write_evaluation_summary(made["evaluation"], items, settings.evaluator_config)
    results = read_results(f"{made['evaluation']}/{QUERIES}")
    verdict = GateVerdict(tuple(check_metrics(settings.evaluate.gate, results, read_summary(made["evaluation"]))))
    tf.io.gfile.makedirs(made["blessing"])
    write_verdict(made["blessing"], verdict)
    runs = [
        _run("LogFiles", 0.1, seen=list_files(settings, root / "artifacts" / "seen")),
        _run("InteractionExampleGen", 2.5, examples=made["examples"]),
        _run("StatisticsGen", 1.5, cached=True, statistics=made["statistics"]),
        _run("DataValidator", 0.5, statistics=made["interactions"], drift=made["drift"]),
        _run("ItemTable", 0.5, items=made["items"]),
        _run("Trainer", 30.0, model=str(trained), model_run=made["run"]),
        _run("Baselines", 1.0, counts=made["counts"]),
        _run("Evaluator", 4.0, evaluation=made["evaluation"]),
        _run("ModelGate", 3.0, blessing=made["blessing"]),
        _run("RefitBaselines", 1.0, counts=made["refit_counts"]),
        _run("Refit", 2.0, blessing=made["blessing"]),
        _pusher("7"),
    ]
    record = run_record(settings, root, runs, "2026-11-25T12:00:00+00:00", "2026-11-25T12:01:00+00:00")
    (root / RECORD).write_text(json.dumps(record))
    return root


def list_files(settings: Config, path: Path) -> str:
    """Run the component `LogFiles`, and return the file with its output."""
    seen = standard_artifacts.String()
    seen.uri = str(path)
    InputFilesExecutor().Do({}, {SEEN: [seen]}, {"locations": json.dumps(log_locations(settings.data))})
    return seen.uri


def write_curves(folder: Path) -> None:
    """Write the trainer's files for TensorBoard, for three epochs."""
    for split, name, values in (("train", "epoch_loss", LOSSES), ("validation", "epoch_recall@10", RECALLS)):
        with tf.summary.create_file_writer(str(folder / split)).as_default():
            for epoch, value in enumerate(values):
                tf.summary.scalar(name, value, step=epoch)


def _run(component: str, seconds: float, *, cached: bool = False, **outputs: str) -> ComponentRun:
    artifacts = {name: metadata_store_pb2.Artifact(uri=uri) for name, uri in outputs.items()}
    return ComponentRun(component, cached, seconds, artifacts)


def _pusher(version: str) -> ComponentRun:
    run = _run("Pusher", 0.1, pushed_model="")
    properties = run.outputs["pushed_model"].custom_properties
    properties["pushed"].int_value = 1
    properties["pushed_destination"].string_value = f"models/{version}"
    properties["pushed_version"].string_value = version
    return run


def _write_statistics(examples: str, statistics: str) -> None:
    for split in SPLITS:
        found = tfdv.generate_statistics_from_tfrecord(
            f"{examples}/Split-{split}/*", pipeline_options=PipelineOptions(beam_args(BeamConfig()))
        )
        _write(Path(statistics) / f"Split-{split}" / "FeatureStats.pb", found)


def _write_queries(settings: Config, examples: str, sources: Sources, folder: Path) -> None:
    """Write the Evaluator's results of each query, without TFMA's own files, which no report reads."""
    evaluation = settings.evaluator_config
    (file,) = Path(f"{examples}/Split-test").iterdir()
    records = list(tf.data.TFRecordDataset(str(file), compression_type="GZIP").as_numpy_iterator())
    systems, queries = load_systems(sources, evaluation), read_queries(records)
    groups = slices(queries, SliceContext(systems.catalogue, evaluation.slices, evaluation.times, systems.item_values))
    measured = measure(queries, groups, systems.answers(records, queries), systems.catalogue, evaluation.ks)
    (folder / QUERIES).mkdir(parents=True)
    pq.write_table(to_table(measured, evaluation.ks), folder / QUERIES / "part-0.parquet")


def _write(path: Path, message: Any) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(message.SerializeToString())


def _pipeline() -> beam.Pipeline:
    return beam.Pipeline(options=PipelineOptions(beam_args(BeamConfig())))
