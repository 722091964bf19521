"""The runs: shipped configurations, and settings that replace some of theirs."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.provenance import REPOSITORY

BENCHMARKS, CONFIGS = REPOSITORY / "benchmarks", REPOSITORY / "pipeline" / "configs"


class Run(NamedTuple):
    """A configuration and the settings that replace some of its own."""

    config: str  # a shipped one, or its absolute path
    overrides: tuple[str, ...] = ()
    log: str = "movielens-100k"  # the log that it reads

    def arguments(self, path: str | None) -> list[str]:
        """Return the arguments of `temporec run`.

        Args:
            path: the log's file, unless the configuration names it.

        Returns:
            The options `--config` and `--set` with their values.
        """
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
    "MovieLens-1M, temporal split": Run(
        "movielens-1m.yaml", ("split.kind=temporal", "evaluate.gate.floors={}"), log="movielens-1m"
    ),
    "Amazon Toys": Run(str(BENCHMARKS / "refit" / "toys.yaml"), log="toys"),
    "Online Retail": Run(str(BENCHMARKS / "online-retail.yaml"), log="online-retail"),
    "generated": Run("movielens-1m.yaml", ("model.preset=balanced", "evaluate.gate.floors={}"), log="generated"),
}
