"""Which model a candidate is compared with."""

from __future__ import annotations

from typing import Any

from tfx import v1 as tfx

from components.artifacts import Artifacts


class LastOtherBlessedModel(tfx.dsl.experimental.ResolverStrategy):
    """The model blessed last, the candidate aside.

    TFX's `LatestBlessedModelStrategy` gives the candidate itself as soon as it
    has been blessed, so a second run of an unchanged pipeline would evaluate
    it again, against itself. Inputs: `model` and `model_blessing`, all of
    them, and `candidate`, the model about to be evaluated.
    """

    def resolve_artifacts(self, store: Any, input_dict: Artifacts) -> Artifacts:
        """Keeps the model and its blessing, or nothing where there is none."""
        candidates = {candidate.id for candidate in input_dict["candidate"]}
        others = [model for model in input_dict["model"] if model.id not in candidates]
        latest = tfx.dsl.experimental.LatestBlessedModelStrategy().resolve_artifacts(
            store, {"model": others, "model_blessing": input_dict["model_blessing"]}
        )
        return {**(latest or {"model": [], "model_blessing": []}), "candidate": input_dict["candidate"]}
