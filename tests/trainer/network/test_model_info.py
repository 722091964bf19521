from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.config import Config
from schemas.errors import InputError
from trainer.network.model_info import InputContract, ModelInfo, input_contract, read_model_info, write_model_info

ABOUT = ModelInfo(
    "ranking",
    {"retrieval": {"recall@10": 0.25}},
    {"recall@10": 0.5},
    36,
    {"retrieval": 1.0},
    {"low": -0.25},
    {"hidden": 0.25},
)


def configured(**model: Any) -> Config:
    return Config.model_validate(
        {
            "name": "a-log",
            "data": {
                "path": "log.csv",
                "columns": {
                    **{"user": "u", "item": "i", "timestamp": "t", "event": "e", "value": "v"},
                    "context": {"price": {"column": "p", "kind": "number"}, "section": {"column": "s", "of": "item"}},
                },
                "timestamp": {"unit": "s"},
            },
            "history": {"max_length": 7},
            "model": model,
            "serving": {"remove_seen": False},
        }
    )


def test_input_contract_lists_only_columns_of_interactions() -> None:
    config = configured(
        inputs={"query_time": True, "columns": ["event", "price", "section"]},
        reranker={"by_value": True},
    )
    assert input_contract(config.trainer_config) == InputContract(
        reads=("query_time", "event", "price", "section"),
        columns={"event": "category", "price": "number"},
        max_length=7,
        remove_seen=False,
    )


def test_read_model_info_returns_what_was_written(tmp_path: Path) -> None:
    write_model_info(str(tmp_path), ABOUT, input_contract(configured().trainer_config))
    assert read_model_info(str(tmp_path)) == {
        "served": "ranking",
        "validation": {"retrieval": {"recall@10": 0.25}},
        "exported": {"recall@10": 0.5},
        "parameters": 36,
        "score_weights": {"retrieval": 1.0},
        "network_gain": {"low": -0.25},
        "shown_items": {},
        "dropout": {"hidden": 0.25},
        "tasks": {},
        "reads": [],
        "columns": {},
        "max_length": 7,
        "remove_seen": False,
        "expire_after_s": None,
    }


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"served": "ranking"})])
def test_read_model_info_with_missing_fields_is_an_input_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "about.json").write_text(content)
    with pytest.raises(InputError, match="remove_seen"):
        read_model_info(str(tmp_path))
