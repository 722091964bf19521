"""The Trainer with two more inputs: the baselines' counts, and the table of items."""

from typing import Any

import pytest
from tfx.components.trainer import executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from components.trainer.component import COUNTS, ITEMS, TrainerExecutor


@pytest.mark.parametrize("items", ["", "gs://bucket/ItemTable/items/6"])
def test_executor_passes_the_uris_of_its_inputs_to_run_fn(monkeypatch: pytest.MonkeyPatch, items: str) -> None:
    received: dict[str, Any] = {}

    def do(_: Any, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        received.update(exec_properties)

    monkeypatch.setattr(executor.GenericExecutor, "Do", do)
    counts, table = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelEvaluation()
    counts.uri, table.uri = "gs://bucket/Baselines/counts/7", items
    properties = {
        "custom_config": json_utils.dumps({"checkpoints": "runs/checkpoints"}),
        "run_fn": "trainer.run_fn.run_fn",
    }

    TrainerExecutor().Do({COUNTS: [counts], **({ITEMS: [table]} if items else {})}, {}, properties)

    assert json_utils.loads(received["custom_config"]) == {
        "checkpoints": "runs/checkpoints",
        "counts": "gs://bucket/Baselines/counts/7",
        "items": items,
        "impressions": "",
    }
    assert received["run_fn"] == "trainer.run_fn.run_fn"
