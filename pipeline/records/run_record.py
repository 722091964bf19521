"""`run.json`: the data, metrics, verdict and pushed model of a run. Its keys are a public contract."""

from __future__ import annotations

import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import metadata as distributions
from pathlib import Path
from typing import Any

from components.baselines.tables import read_catalogue, read_counted_split
from components.data_validator.verdict import read_drift
from components.evaluator.summary import read_summary
from components.example_gen.counts.file_counts import FILES_FILE
from components.example_gen.counts.report import IngestionReport
from components.example_gen.validation.dead_letters import REJECTED_FOLDER
from components.gate.verdict import GateVerdict, read_verdict
from components.impressions.impression_report import ImpressionReport
from components.item_table.item_report import ItemTableReport
from pipeline.records.processed import pipeline_code, schema_digest
from pipeline.records.protocol import data_counts, metrics, protocol
from pipeline.runners.local import ComponentRun
from schemas.config import Config
from trainer.network.model_info import read_model_info

STACK = ("tfx", "tensorflow", "tensorflow-recommenders", "apache-beam", "tensorflow-serving-api")


def run_record(
    config: Config, root: Path, runs: Sequence[ComponentRun], started_at: str, finished_at: str
) -> dict[str, Any]:
    """Return the record of a finished run.

    Args:
        config: the configuration of the run.
        root: the absolute path of the root; relative URIs of artifacts start there.
        runs: the runs of all components.
        started_at: when the run started, in ISO 8601.
        finished_at: when the run finished, in ISO 8601.

    Returns:
        The content of `run.json`, with absolute paths.
    """
    outputs = {f"{run.component}.{key}": artifact for run in runs for key, artifact in run.outputs.items()}
    folders = {name: str(root / artifact.uri) for name, artifact in outputs.items()}
    examples, evaluation = folders["InteractionExampleGen.examples"], folders["Evaluator.evaluation"]
    artifacts = _artifacts(folders)
    report, info = IngestionReport.read(examples), read_model_info(str(artifacts["model"]))
    pushed = _pushed(root, outputs["Pusher.pushed_model"].custom_properties)
    blessing = folders["ModelGate.blessing" if config.train.refit == "none" else "Refit.blessing"]
    items, impressions, by_impression = (artifacts[name] for name in ("items", "impressions", "impression_evaluation"))
    return {
        "name": config.name,
        "root": str(root),
        "config": config.model_dump(mode="json"),
        "code": pipeline_code(),
        "started_at": started_at,
        "finished_at": finished_at,
        "stack": {"python": platform.python_version(), **{name: distributions.version(name) for name in STACK}},
        "data": {
            "path": config.data.path,
            "files": _seen(folders, "LogFiles"),
            "table_files": {"items": _seen(folders, "ItemFiles"), "impressions": _seen(folders, "ImpressionFiles")},
            "schema_digest": schema_digest(config),
            **data_counts(report),
            "rejected_path": f"{examples}/{REJECTED_FOLDER}",
            "files_path": f"{examples}/{FILES_FILE}",
            "item_table": ItemTableReport.read(items).counts if items else None,
            "impressions": asdict(ImpressionReport.read(impressions)) if impressions else None,
        },
        "drift": [asdict(each) for each in read_drift(folders["DataValidator.drift"])],
        "metrics": metrics(read_summary(evaluation), read_summary(by_impression) if by_impression else None),
        "evaluation": evaluation,
        "artifacts": artifacts,
        "order": info,
        "protocol": protocol(config, info["reads"], report, len(read_catalogue(folders["Baselines.counts"]))),
        "gate": _gate(read_verdict(blessing)),
        "pushed": pushed,
        "served": _served(config, folders, pushed is not None),
        "timings_s": {run.component: round(run.seconds, 3) for run in runs},
        "cached": [run.component for run in runs if run.cached],
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _seen(folders: Mapping[str, str], looker: str) -> str | None:
    """Return which files a component has listed; None if the configuration does not need it."""
    path = folders.get(f"{looker}.seen")
    return Path(path).read_text(encoding="utf-8") if path else None


def _artifacts(folders: Mapping[str, str]) -> dict[str, str | None]:
    """Return the folders that a report reads; None for a component that the configuration does not need."""
    return {
        "examples": folders["InteractionExampleGen.examples"],
        "statistics": folders["StatisticsGen.statistics"],
        "interaction_statistics": folders["DataValidator.statistics"],
        "model": f"{folders['Trainer.model']}/Format-Serving",
        "model_run": folders["Trainer.model_run"],
        "counts": folders["Baselines.counts"],
        "items": folders.get("ItemTable.items"),
        "impressions": folders.get("Impressions.impressions"),
        "impression_evaluation": folders.get("ImpressionEvaluator.evaluation"),
    }


def _gate(verdict: GateVerdict) -> dict[str, Any]:
    checks = [asdict(check) for check in verdict.checks]
    return {"blessed": verdict.blessed, "reasons": verdict.reasons, "checks": checks}


def _served(config: Config, folders: Mapping[str, str], pushed: bool) -> dict[str, Any]:
    """Return what the judged model and the pushed model have counted."""
    counts = folders["Baselines.counts" if config.train.refit == "none" else "RefitBaselines.counts"]
    return {
        "refit": config.train.refit,
        "judged": _trained_on(config, folders["Baselines.counts"]),
        "pushed": _trained_on(config, counts) if pushed else None,
    }


def _trained_on(config: Config, counts: str) -> dict[str, int | str | None]:
    """Return the number of training targets that were counted, and the time of the last one."""
    targets, last_time_s = read_counted_split(counts)
    timed = last_time_s is not None and config.data.timestamp.unit != "order"
    until = datetime.fromtimestamp(last_time_s or 0, timezone.utc).isoformat(timespec="seconds") if timed else None
    return {"targets": targets, "until": until}


def _pushed(root: Path, properties: Mapping[str, Any]) -> dict[str, str] | None:
    if not properties["pushed"].int_value:
        return None
    return {
        "path": str(root / properties["pushed_destination"].string_value),
        "version": properties["pushed_version"].string_value,
    }
