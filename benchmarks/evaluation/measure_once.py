"""Evaluate a saved model once, as the Evaluator does, and print time and memory.

    .venv/bin/python -m benchmarks.evaluation.measure_once CONFIG EXAMPLES COUNTS MODEL OUTPUT

`run.py` starts a process for each evaluation, so that peak memory is that of one.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.baselines.tables import read_catalogue
from components.evaluator.beam_evaluation import evaluate
from components.evaluator.summary import write_evaluation_summary
from components.evaluator.systems import Sources
from pipeline.runners.beam_options import beam_args
from schemas.config import BeamConfig, Config
from schemas.features import TEST


def main(config_file: str, examples: str, counts: str, model: str, output: str) -> None:
    """Evaluate and print.

    Args:
        config_file: a configuration as JSON.
        examples: folder of ingested examples.
        counts: folder of the baselines' counts.
        model: folder of the saved model.
        output: folder for the Evaluator's files.
    """
    config = Config.model_validate_json(Path(config_file).read_text())
    started = time.perf_counter()
    catalogue = read_catalogue(counts)
    with beam.Pipeline(options=PipelineOptions(beam_args(BeamConfig()))) as pipeline:
        evaluate(
            pipeline,
            config.evaluator_config,
            f"{examples}/Split-{TEST}",
            Sources(counts, model),
            len(catalogue),
            config.evaluate.gate.floors,
            output,
        )
    measured_s = time.perf_counter() - started
    summary = write_evaluation_summary(output, catalogue, config.evaluator_config)
    found = {
        "queries": summary["queries"],
        "items": len(catalogue),
        "systems": len(summary["systems"]),
        "metrics": len(summary["systems"]["model"]),
        "groups": sum(map(len, summary["slices"].values())),
        "samples": config.evaluator_config.bootstrap_samples,
        "measured_s": round(measured_s, 1),
        "summed_up_s": round(time.perf_counter() - started - measured_s, 1),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
