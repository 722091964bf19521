"""`temporec validate` and `temporec evaluate`: the log without the pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from components.baseline_metrics import measure_baselines
from components.ingestion import ingest
from components.ingestion_report import IngestionReport
from components.preflight import check_log
from pipeline.beam import BEAM_ARGS
from pipeline.contract import data_counts, protocol
from schemas.config import Config
from schemas.errors import InputError
from schemas.features import TARGET_ID, TEST
from trainer.metrics import K, summary

BATCH = 256  # histories scored at once


def validate_log(config: Config) -> dict[str, Any]:
    """Reads the whole log and counts, as `run.json` has it under `data`.

    Raises:
        InputError: the log cannot be read, has too many bad rows, or too few users for the split.
    """
    with _ingested(config) as (_, report):
        return data_counts(report)


def evaluate_model(config: Config, model: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures a saved model on the test split: `metrics` and `protocol` as `run.json` has them.

    Raises:
        InputError: what `validate_log` raises, or there is no saved model of temporec's.
    """
    recommend = _load(model)
    with _ingested(config) as (folder, report):
        files = sorted(str(path) for path in Path(folder, f"Split-{TEST}").iterdir())
        ranked, targets = [], []
        for batch in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(BATCH):
            ranked.append(recommend(examples=batch)["item_ids"].numpy())
            targets += [
                tf.train.Example.FromString(record).features.feature[TARGET_ID].bytes_list.value[0]
                for record in batch.numpy()
            ]
        metrics = {
            "test": summary(np.concatenate(ranked), np.array(targets, dtype=object), report.items, K),
            "baselines": measure_baselines(folder, remove_seen=config.serving.remove_seen),
        }
        return metrics, protocol(config, report)


def _load(model: Path) -> Any:
    if not (model / "saved_model.pb").is_file():
        versions = sorted(path.parent.name for path in model.glob("*/saved_model.pb"))
        raise InputError(
            expected=f"a saved model in {model}",
            received=f"a folder of versions: {', '.join(versions)}" if versions else "no saved_model.pb there",
            remedy=f"give one version: {model / versions[-1]}"
            if versions
            else "give a folder like ROOT/models/VERSION",
        )
    signatures = tf.saved_model.load(str(model)).signatures
    if "serving_default" not in signatures:
        raise InputError(
            expected="a model that temporec exported, with the signature serving_default",
            received=f"signatures {', '.join(signatures) or 'none'}",
            remedy="give a model that `temporec run` pushed",
        )
    return signatures["serving_default"]


@contextmanager
def _ingested(config: Config) -> Iterator[tuple[str, IngestionReport]]:
    check_log(config.data)
    with tempfile.TemporaryDirectory(prefix="temporec-") as folder:
        with beam.Pipeline(options=PipelineOptions(list(BEAM_ARGS))) as pipeline:
            ingest(pipeline, config.data, config.split, config.history, folder)
        report = IngestionReport.read(folder)
        report.check(config.data)
        yield folder, report
