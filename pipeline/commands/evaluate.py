"""`temporec validate` and `temporec evaluate`: they read the log without the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apache_beam as beam

from components.baselines.count_pipeline import count_baselines
from components.baselines.tables import read_catalogue
from components.common.versions import judged_model
from components.evaluator.beam_evaluation import evaluate
from components.evaluator.expiry import read_expiry
from components.evaluator.summary import read_summary, write_evaluation_summary
from components.evaluator.systems import Sources, load_model, require_common_items
from components.example_gen.counts.report import IngestionReport
from components.example_gen.ingest import ingest
from components.example_gen.preflight import check_log
from components.example_gen.validation.dead_letters import REJECTED_FOLDER
from components.impression_evaluator.evaluate_impressions import evaluate_impressions
from components.impressions.impression_report import ImpressionReport
from components.impressions.write_impressions import write_impressions
from components.item_table.item_report import ItemTableReport
from components.item_table.write_items import write_items
from pipeline.commands.folders import check_new_folder, copy_rejected, temporary_folder
from pipeline.commands.saved_models import check_model, with_model_settings
from pipeline.records.protocol import metrics, protocol
from pipeline.runners.beam_options import beam_args, make_pipeline
from schemas.config import BeamConfig, Config
from schemas.features import TEST

_ITEMS = "items"  # the folder of the items
_SHOWN = "impressions"  # the folder of the impressions, and that of their metrics

_Settings = TypeVar("_Settings")
_Report = TypeVar("_Report")


class ValidatedLogs(NamedTuple):
    """The counts of the log of interactions, and those of the items and impressions if there are any."""

    interactions: IngestionReport
    items: ItemTableReport | None
    impressions: ImpressionReport | None


def validate_log(config: Config, rejected: Path | None = None) -> ValidatedLogs:
    """Read the whole log, its tables and the log of impressions, and count rows, users, items and examples.

    Args:
        config: the log, the split and the histories.
        rejected: a new folder for the rejected rows; by default they are not kept.

    Returns:
        The counts, and examples of rejected rows.

    Raises:
        InputError: a log cannot be read, has too many rejected rows, or has too few users or impressions for the
            split; or the folder cannot be made. The folder has the rejected rows also if there are too many.

    Example:
        ```python
        counts = validate_log(load_config("pipeline/configs/quickstart.yaml")).interactions
        print(counts.rows_read, counts.rows_rejected)
        ```
    """
    if rejected is not None:
        check_new_folder(rejected, "--rejected")
    with _ingested(config, rejected) as (folder, report):
        items = _read_items(config, folder, rejected)
        return ValidatedLogs(report, items, _read_impressions(config, folder, rejected))


def evaluate_model(
    config: Config, model: Path, previous: Path | None = None, output: Path | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Evaluate a saved model and the baselines on the test split of a log, and on the test impressions.

    Args:
        config: the log, the split and the metrics. The length of histories and the removal of seen items come from
            the model instead.
        model: the folder of the saved model. Of a refitted one the judged model inside it is measured, because the
            refitted one has seen the test split.
        previous: the folder of a second model, evaluated on the same queries.
        output: a new folder for the metrics of each query; by default they are not kept.

    Returns:
        The sections `metrics` and `protocol` of `run.json`.

    Raises:
        InputError: the log cannot be used (see `validate_log`), a folder holds no saved model of temporec, a model
            does not fit the log or the other model, or the output folder cannot be made.

    Example:
        ```python
        config = load_config("pipeline/configs/quickstart.yaml")
        metrics, protocol = evaluate_model(config, Path("runs/quickstart/models/1764400000"))
        print(metrics["test"]["recall@10"], metrics["baselines"]["popularity"]["recall@10"])
        ```
    """
    model, previous = Path(judged_model(str(model))), previous and Path(judged_model(str(previous)))
    infos = {path: check_model(path) for path in filter(None, (model, previous))}
    config = with_model_settings(config, infos)
    if output is not None:
        check_new_folder(output, "--output")
    with _ingested(config) as (folder, report):
        kept, counts = str(output or f"{folder}/evaluation"), f"{folder}/counts"
        with _local_pipeline() as pipeline:
            half_life_s = config.train.recent_half_life_s
            count_baselines(pipeline, folder, counts, config.data.features, half_life_s=half_life_s)
        items = read_catalogue(counts)
        for path in infos:
            require_common_items(str(path), items)
        _read_items(config, folder)
        sources = Sources(counts, str(model), str(previous) if previous else None, f"{folder}/{_ITEMS}")
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
        write_evaluation_summary(kept, items, config.evaluator_config, read_expiry(load_model(str(model)), items))
        by_impression = None
        if _read_impressions(config, folder):
            shown, settings = f"{folder}/{_SHOWN}", config.impression_evaluator_config
            evaluate_impressions(shown, str(model), counts, settings, f"{kept}/{_SHOWN}")
            by_impression = read_summary(f"{kept}/{_SHOWN}")
        measured = metrics(read_summary(kept), by_impression)
        return measured, protocol(config, infos[model]["reads"], report, len(items))


def _read_items(config: Config, folder: str, rejected: Path | None = None) -> ItemTableReport | None:
    """Write the artifact of the items next to the examples, if there is a table of items."""
    return _write(write_items, config.data.item_table_config, folder, _ITEMS, rejected)


def _read_impressions(config: Config, folder: str, rejected: Path | None = None) -> ImpressionReport | None:
    """Write the artifact of the impressions next to the examples, if they are configured."""
    return _write(write_impressions, config.data.impression_log_config, folder, _SHOWN, rejected)


def _write(
    write: Callable[[_Settings, str, str], _Report],
    settings: _Settings | None,
    folder: str,
    name: str,
    rejected: Path | None,
) -> _Report | None:
    if settings is None:
        return None
    try:
        return write(settings, folder, f"{folder}/{name}")
    finally:
        if rejected is not None:
            copy_rejected(Path(folder, name, REJECTED_FOLDER), rejected)


def _local_pipeline() -> beam.Pipeline:
    return make_pipeline(beam_args(BeamConfig()))


@contextmanager
def _ingested(config: Config, rejected: Path | None = None) -> Iterator[tuple[str, IngestionReport]]:
    check_log(config.data)
    with temporary_folder() as folder:
        ingest(_local_pipeline, config.data, config.split, config.history, folder)
        if rejected is not None:
            copy_rejected(Path(folder, REJECTED_FOLDER), rejected)
        report = IngestionReport.read(folder)
        report.check(config.data, config.split)
        yield folder, report
