"""Options of Beam from the section `beam`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from schemas.config.beam import BeamConfig

_RUNNERS = {"portable": "PortableRunner", "flink": "FlinkRunner", "spark": "SparkRunner", "dataflow": "DataflowRunner"}
# Without an image TFX packs its sources for remote workers in each component. This takes seconds, and leaves 50 MB in
# the folder of temporary files.
_NO_IMAGE = "--sdk_container_image=none"

_View = TypeVar("_View", bound=PipelineOptions)


class CachedOptions(PipelineOptions):
    """Options of Beam whose views are made once.

    Beam asks for a view several times in each step, and each time it makes a parser and parses all options.
    """

    def view_as(self, cls: type[_View]) -> _View:
        """Return the options as those of a subclass.

        Args:
            cls: the subclass.
        """
        views = self.__dict__.setdefault("_views", {})  # an attribute is taken for an option
        if cls not in views:
            views[cls] = super().view_as(cls)
        return cast(_View, views[cls])


def make_pipeline(args: Sequence[str]) -> beam.Pipeline:
    """Return a Beam pipeline without steps.

    Args:
        args: command-line options for Beam.
    """
    return beam.Pipeline(options=CachedOptions(list(args)))


def beam_args(beam: BeamConfig) -> list[str]:
    """Return the command-line options for Beam.

    Args:
        beam: the engine.

    Example:
        >>> beam_args(BeamConfig(runner="dataflow", options={
        ...     "project": "p", "region": "r", "temp_location": "gs://b/t", "sdk_container_image": "i"
        ... }))[:3]
        ['--runner=DataflowRunner', '--project=p', '--region=r']
    """
    further = [_option(name, value) for name, value in beam.options.items() if value is not False]
    image = [] if "sdk_container_image" in beam.options else [_NO_IMAGE]
    if beam.runner == "local":
        mode = "in_memory" if beam.workers == 1 else "multi_processing"
        # Beam's default for local runs needs a job server that would have to be downloaded.
        own = ["--runner=FnApiRunner", f"--direct_running_mode={mode}", f"--direct_num_workers={beam.workers}"]
        return [*own, *image, *further]
    given = {
        "runner": _RUNNERS[beam.runner],
        "job_endpoint": beam.job_endpoint,
        "environment_type": beam.environment or ("LOOPBACK" if beam.job_endpoint else None),
        "environment_config": beam.environment_config,
    }
    return [*(f"--{name}={value}" for name, value in given.items() if value is not None), *image, *further]


def _option(name: str, value: bool | int | float | str) -> str:
    return f"--{name}" if value is True else f"--{name}={value}"
