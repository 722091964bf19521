"""What is run: configurations as they are shipped, and where the log must be given, its option."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.provenance import REPOSITORY

CONFIGS = REPOSITORY / "pipeline" / "configs"


class Run(NamedTuple):
    """A configuration and the settings that go over it."""

    config: str
    overrides: tuple[str, ...] = ()
    log: str = "movielens-100k"  # which log it reads

    def arguments(self, path: str | None) -> list[str]:
        """Of `temporec run`; the path is that of the log, where the configuration does not know it."""
        overrides = self.overrides if path is None else (*self.overrides, f"data.path={path}")
        return ["--config", str(CONFIGS / self.config), *(part for each in overrides for part in ("--set", each))]


RUNS = {
    "MovieLens-100K": Run("movielens-100k.yaml"),
    "MovieLens-100K, preset fast": Run("quickstart.yaml"),
    "MovieLens-100K, with query time": Run(
        "movielens-100k.yaml", ("model.inputs.time=true", "model.inputs.query_time=true")
    ),
    "MovieLens-1M": Run("movielens-1m.yaml", log="movielens-1m"),
    "MovieLens-100K, temporal split": Run("quickstart.yaml", ("model.preset=balanced", "split.kind=temporal")),
    "Online Retail": Run("online-retail.yaml", log="online-retail"),
    "generated": Run("movielens-1m.yaml", ("model.preset=balanced", "evaluate.gate.floors={}"), log="generated"),
}
