"""The place of a process among the workers of a training."""

from __future__ import annotations

import json

import pytest

from schemas.errors import InputError
from trainer.training.chief import is_chief

WORKERS = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    ("cluster", "kind", "index", "expected"),
    [
        (WORKERS, "worker", 0, True),
        (WORKERS, "worker", 1, False),
        ({"chief": ["c:1"], **WORKERS}, "worker", 0, False),
        ({"chief": ["c:1"], **WORKERS}, "chief", 0, True),
        ({}, "worker", 1, True),
    ],
)
def test_chief_is_the_task_of_this_name_or_the_first_worker(
    monkeypatch: pytest.MonkeyPatch, cluster: dict[str, list[str]], kind: str, index: int, expected: bool
) -> None:
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}}))
    assert is_chief() is expected


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"cluster": 7, "task": {}}', '{"cluster": {"worker": []}, "task": {"index": "one"}}']
)
def test_other_text_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError) as caught:
        is_chief()
    assert caught.value.received == text
