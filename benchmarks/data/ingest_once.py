"""Ingest a log once, and print time and memory.

    python -m benchmarks.data.ingest_once CONFIG FILES OUTPUT WORKERS

`run.py` starts a process for each measurement, also with the sources of an earlier commit on PYTHONPATH.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from tfx.types import standard_artifacts

from components.example_gen.component import ExampleGenExecutor
from pipeline.runners.beam_options import beam_args
from schemas.config import BeamConfig
from schemas.loading import load_config


def main(config_file: str, files: str, output: str, workers: str) -> None:
    """Ingest and print.

    Args:
        config_file: a configuration.
        files: the output of `LogFiles`.
        output: a folder for the examples.
        workers: the number of processes.
    """
    config = load_config(config_file)
    examples = standard_artifacts.Examples()
    examples.uri = output
    context = ExampleGenExecutor.Context(
        beam_pipeline_args=beam_args(BeamConfig(workers=int(workers))), tmp_dir=f"{output}.tmp", unique_id="1"
    )
    started = time.perf_counter()
    settings = config.example_gen_config.model_dump_json()
    ExampleGenExecutor(context).Do({}, {"examples": [examples]}, {"settings": settings, "files": files, "code": ""})
    seconds = time.perf_counter() - started
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(
        json.dumps(
            {
                "seconds": round(seconds, 2),
                "processor_s": round(sum(each.ru_utime + each.ru_stime for each in (own, children)), 1),
                "peak_mb": max(own.ru_maxrss, children.ru_maxrss) >> 10,  # of the largest process
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
