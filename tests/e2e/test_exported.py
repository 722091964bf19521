"""The validation metrics in `about.json` are those of the exported model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.common.example_batches import read_examples
from components.evaluator.queries import read_queries
from components.evaluator.systems import call_signature, load_model
from schemas.config import Config
from tests.e2e.conftest import Run
from tests.e2e.trained import train
from trainer.network.model_info import read_model_info


@pytest.mark.parametrize("counts", [True, False])
def test_exported_stages_reach_the_recorded_validation_recall(first_run: Run, tmp_path: Path, counts: bool) -> None:
    config = Config.model_validate(first_run.record["config"])
    # The network learns so little that re-ranking finds more, and k exceeds the candidates of retrieval.
    little = config.train.model_copy(update={"epochs": 1, "learning_rate": 0.0001})
    ranking = config.model.reranker.model_copy(update={"candidates": 10, "cooccurrence": counts})
    few = config.model.model_copy(update={"reranker": ranking})
    many = config.serving.model_copy(update={"k": 50})
    model = str(
        train(
            first_run.left,
            tmp_path,
            config.trainer_config.model_copy(update={"train": little, "model": few, "serving": many}),
        )
    )
    about = read_model_info(model)
    assert about["served"] == ("ranking" if counts else "retrieval")  # without counts both are the same

    (examples,) = (first_run.left / "artifacts" / "InteractionExampleGen" / "examples").iterdir()
    records = list(read_examples(str(examples / "Split-eval")))
    answers, queries = call_signature(load_model(model), records), read_queries(records)

    def recall(lists: str) -> float:
        found = zip(answers[lists][:, :10], queries.targets, strict=True)
        return float(np.mean([targets[0] in items for items, targets in found]))

    assert recall("retrieval_item_ids") == pytest.approx(about["validation"]["retrieval"]["recall@10"])
    assert recall("item_ids") == pytest.approx(about["exported"]["recall@10"])
