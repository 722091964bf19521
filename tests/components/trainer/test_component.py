"""The Trainer with one more input: the baselines' counts."""

from typing import Any

import pytest
from tfx.components.trainer import executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from components.trainer.component import COUNTS, TrainerExecutor


def test_executor_passes_the_uri_of_the_counts_to_run_fn(monkeypatch: pytest.MonkeyPatch) -> None:
    received: dict[str, Any] = {}

    def do(_: Any, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        received.update(exec_properties)

    monkeypatch.setattr(executor.GenericExecutor, "Do", do)
    counts = standard_artifacts.ModelEvaluation()
    counts.uri = "gs://bucket/Baselines/counts/7"
    properties = {
        "custom_config": json_utils.dumps({"checkpoints": "runs/checkpoints"}),
        "run_fn": "trainer.run_fn.run_fn",
    }

    TrainerExecutor().Do({COUNTS: [counts]}, {}, properties)

    assert json_utils.loads(received["custom_config"]) == {
        "checkpoints": "runs/checkpoints",
        "counts": "gs://bucket/Baselines/counts/7",
    }
    assert received["run_fn"] == "trainer.run_fn.run_fn"
