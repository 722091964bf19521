"""The job server of Beam's Python SDK, with as many workers as the option `direct_num_workers` of a job says.

    python -m benchmarks.beam.job_server --port=PORT

Beam's own command starts one worker for a job, and so does Prism.
"""

from __future__ import annotations

import sys
from typing import Any

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners.portability import local_job_service, local_job_service_main
from apache_beam.runners.portability.fn_api_runner import fn_runner


class _SeveralWorkers(fn_runner.FnApiRunner):
    def run_via_runner_api(self, pipeline_proto: Any, options: PipelineOptions) -> Any:
        self._num_workers = int(options.view_as(DirectOptions).direct_num_workers)  # the job has it as text
        return super().run_via_runner_api(pipeline_proto, options)


if __name__ == "__main__":
    local_job_service.fn_runner.FnApiRunner = _SeveralWorkers
    local_job_service_main.run(sys.argv[1:])
