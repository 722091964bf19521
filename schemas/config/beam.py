"""The section `beam`: where the Beam pipelines inside the components run."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from schemas.config.section import Section

OptionValue = bool | int | float | str
_OWN = ("runner", "job_endpoint", "environment_type", "environment_config")
_OF_LOCAL = ("direct_num_workers", "direct_running_mode")
_DATAFLOW = ("project", "region", "temp_location", "sdk_container_image")


class BeamConfig(Section):
    """The engine of the Beam pipelines. It has no influence on results, so a change of it repeats no component."""

    runner: Literal["local", "portable", "flink", "spark", "dataflow"] = Field(
        default="local",
        description="Engine: `local` in the process of the component, `portable` by the job server at `job_endpoint`,"
        " `flink`, `spark` or `dataflow`. See docs/beam.md.",
    )
    workers: int = Field(default=1, ge=1, description="Number of processes of `local`; one needs no further process.")
    job_endpoint: str | None = Field(
        default=None, description="Job server as HOST:PORT. `portable` needs one; `flink` and `spark` may have one."
    )
    environment: Literal["LOOPBACK", "EXTERNAL", "PROCESS", "DOCKER"] | None = Field(
        default=None,
        description="Place of the workers, for runners with a job server: in this process, in a pool of workers, as"
        " processes of the engine, or in containers. Default: `LOOPBACK` with a job endpoint.",
    )
    environment_config: str | None = Field(
        default=None,
        description="Detail of `environment`: HOST:PORT of the pool, the process as JSON, or the image.",
    )
    options: dict[str, OptionValue] = Field(
        default={}, description="Further options of Beam, like `parallelism: 8`. True is for options without a value."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> BeamConfig:
        for name in self.options:
            own = name in _OWN or (self.runner == "local" and name in _OF_LOCAL)
            if own or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"beam.options: {name!r} is "
                    + ("a key of beam itself" if own else "no name of an option: write small letters and _")
                )
        if self.runner in ("local", "dataflow"):
            for key in ("job_endpoint", "environment", "environment_config"):
                if getattr(self, key) is not None:
                    raise ValueError(f"beam.{key} is for runners with a job server, and the runner is {self.runner}")
        if self.runner != "local" and self.workers != 1:
            raise ValueError(f"beam.workers is for the runner local; give an option of the engine to {self.runner}")
        missing = self._missing()
        if missing:
            raise ValueError(f"the runner {self.runner} needs {', '.join(missing)}")
        if self.job_endpoint and not re.fullmatch(r"[^\s:/]+:\d{1,5}", self.job_endpoint):
            raise ValueError(f"beam.job_endpoint must be HOST:PORT, like localhost:8099; it is {self.job_endpoint!r}")
        if self.environment in ("EXTERNAL", "PROCESS", "DOCKER") and not self.environment_config:
            raise ValueError(f"the environment {self.environment} needs environment_config")
        return self

    def _missing(self) -> list[str]:
        """Return what the runner needs and has not."""
        if self.runner == "dataflow":
            return [f"options.{name}" for name in _DATAFLOW if name not in self.options]
        if self.job_endpoint or self.runner == "local":
            return []
        address = {"flink": "flink_master", "spark": "spark_master_url"}.get(self.runner)
        return [] if address in self.options else ["job_endpoint" + (f", or options.{address}" if address else "")]
