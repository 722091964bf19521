"""`temporec validate` and `temporec evaluate`: the log without the pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.baselines.count_pipeline import count_baselines
from components.baselines.tables import read_catalogue
from components.evaluator.beam_evaluation import evaluate
from components.evaluator.summary import read_summary, write_evaluation_summary
from components.evaluator.systems import Sources, require_common_items
from components.example_gen.ingest import ingest
from components.example_gen.preflight import check_log
from components.example_gen.report import IngestionReport
from pipeline.commands.saved_models import as_they_were_trained, check_model
from pipeline.records.protocol import data_counts, metrics, protocol
from pipeline.runners.beam_options import BEAM_ARGS
from schemas.config import Config
from schemas.errors import InputError
from schemas.features import TEST


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
        config: the log, the split, and what to measure. How long histories are, and whether seen items are left out,
            the model says itself.
        model: the saved model.
        previous: another one, measured beside it on the same queries.
        output: where what was measured of each query is kept; nowhere, if there is none.

    Raises:
        InputError: what `validate_log` raises; there is no saved model of temporec's, the log
            does not fit it, or the other one does not; or the output is no folder that can be made.
    """
    abouts = {path: check_model(path) for path in filter(None, (model, previous))}
    config = as_they_were_trained(config, abouts)
    if output is not None:
        _check_new(output)
    with _ingested(config) as (folder, report):
        kept, counts = str(output or f"{folder}/evaluation"), f"{folder}/counts"
        with _local_pipeline() as pipeline:
            count_baselines(pipeline, folder, counts, config.data.features)
        items = read_catalogue(counts)
        for path in abouts:
            require_common_items(str(path), items)
        sources = Sources(counts, str(model), str(previous) if previous else None)
        with _local_pipeline() as pipeline:
            evaluate(
                pipeline,
                config.evaluator_config,
                f"{folder}/Split-{TEST}",
                sources,
                len(items),
                config.evaluate.gate.floors,
                kept,
            )
        write_evaluation_summary(kept, items, config.evaluator_config)
        return metrics(read_summary(kept)), protocol(config, abouts[model]["reads"], report, len(items))


def _check_new(output: Path) -> None:
    try:
        output.mkdir(parents=True)
        output.rmdir()  # it is there when there is something in it
    except OSError as error:
        raise InputError(
            expected=f"a new folder as --output: {output}",
            received=error.strerror or str(error),
            remedy="name one that is not there yet, where you may write",
        ) from None


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
