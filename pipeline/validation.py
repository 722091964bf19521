"""`temporec validate` and `temporec evaluate`: the log without the pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.baseline_counts import count_baselines
from components.baseline_tables import read_catalogue
from components.evaluation import evaluate
from components.ingestion import ingest
from components.ingestion_report import IngestionReport
from components.preflight import check_log
from components.results import QUERIES, read_results
from components.summary import read_summary, summarize, write_summary
from components.systems import Sources
from pipeline.beam import BEAM_ARGS
from pipeline.contract import data_counts, metrics, protocol
from schemas.config import Config
from schemas.errors import InputError
from schemas.features import TEST
from serving.servable import SAVED_MODEL_FILE, signature_names


def validate_log(config: Config) -> dict[str, Any]:
    """Reads the whole log and counts, as `run.json` has it under `data`.

    Raises:
        InputError: the log cannot be read, has too many bad rows, or too few users for the split.
    """
    with _ingested(config) as (_, report):
        return data_counts(report)


def evaluate_model(
    config: Config, model: Path, previous: Path | None = None, output: Path | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures a saved model on the test split: `metrics` and `protocol` as `run.json` has them.

    Args:
        config: the log, the split, and what to measure.
        model: the saved model.
        previous: another one, measured beside it on the same queries.
        output: where what was measured of each query is kept; nowhere, if there is none.

    Raises:
        InputError: what `validate_log` raises, there is no saved model of
            temporec's, or the output is there already.
    """
    for path in filter(None, (model, previous)):
        _check_model(path)
    if output is not None and output.exists():
        raise InputError(
            expected=f"a new folder as --output: {output}",
            received="it is there already",
            remedy="name another, or remove it",
        )
    with _ingested(config) as (folder, report):
        kept, counts = str(output or f"{folder}/evaluation"), f"{folder}/counts"
        with _local_pipeline() as pipeline:
            count_baselines(pipeline, folder, counts, config.data.features)
        items = read_catalogue(counts)
        sources = Sources(counts, str(model), str(previous) if previous else None)
        with _local_pipeline() as pipeline:
            evaluate(
                pipeline,
                config.evaluation,
                f"{folder}/Split-{TEST}",
                sources,
                len(items),
                config.evaluate.gate.floors,
                kept,
            )
        write_summary(kept, summarize(read_results(f"{kept}/{QUERIES}"), items, config.evaluation))
        return metrics(read_summary(kept)), protocol(config, report, len(items))


def _check_model(model: Path) -> None:
    if not (model / SAVED_MODEL_FILE).is_file():
        versions = sorted(path.parent.name for path in model.glob(f"*/{SAVED_MODEL_FILE}"))
        raise InputError(
            expected=f"a saved model in {model}",
            received=f"a folder of versions: {', '.join(versions)}" if versions else f"no {SAVED_MODEL_FILE} there",
            remedy=f"give one version: {model / versions[-1]}"
            if versions
            else "give a folder like ROOT/models/VERSION",
        )
    signatures = signature_names(model)
    if "evaluate" not in signatures:
        raise InputError(
            expected="a model that temporec exported, with the signature evaluate",
            received=f"signatures {', '.join(signatures) or 'none'}",
            remedy="give a model that `temporec run` pushed",
        )


def _local_pipeline() -> beam.Pipeline:
    return beam.Pipeline(options=PipelineOptions(list(BEAM_ARGS)))


@contextmanager
def _ingested(config: Config) -> Iterator[tuple[str, IngestionReport]]:
    check_log(config.data)
    with tempfile.TemporaryDirectory(prefix="temporec-") as folder:
        with _local_pipeline() as pipeline:
            ingest(pipeline, config.data, config.split, config.history, folder)
        report = IngestionReport.read(folder)
        report.check(config.data, config.split)
        yield folder, report
