"""The section of an impression log, and the reasons for which its rows are rejected."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from benchmarks.content.mind import BEHAVIORS
from schemas.config import Config
from schemas.rejection import ImpressionRejection, RejectionReason
from tests.components.mind import mind


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"clicked_suffix": None, "not_clicked_suffix": ""}, "give either columns.clicked"),
        ({"columns": BEHAVIORS["columns"] | {"clicked": "clicks"}}, "give either columns.clicked"),
        (
            {"columns": BEHAVIORS["columns"] | {"clicked": "clicks"}, "clicked_suffix": None},
            "not_clicked_suffix needs clicked_suffix",
        ),
        ({"not_clicked_suffix": "x-1"}, "must not end with clicked_suffix '-1'"),
        ({"columns": BEHAVIORS["columns"] | {"history": "shown"}}, "'shown' is given twice"),
        ({"format": "jsonl"}, "delimiter is for the format csv"),
        ({"separator": ""}, "separator"),
        ({"click_suffix": "-1"}, "click_suffix"),
        ({"position_bias": {}}, "give either propensities"),
        ({"position_bias": {"propensities": [1.0], "estimate": "shuffled"}}, "give either propensities"),
        ({"position_bias": {"propensities": [1.0, 0.0]}}, "greater than 0"),
        ({"position_bias": {"propensities": [1.5]}}, "less than or equal to 1"),
        ({"position_bias": {"estimate": "shuffled", "clip": 0.0}}, "greater than 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changed: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        mind(**changed)


def test_reasons_that_a_source_sets_have_one_name() -> None:
    for name in ("MALFORMED", "WRONG_FIELD_COUNT", "BAD_ENCODING"):
        assert ImpressionRejection[name].value == RejectionReason[name].value


def config(
    unit: str = "s", split: dict[str, Any] | None = None, train: dict[str, Any] | None = None, **changed: Any
) -> Config:
    """Return a configuration with impressions in MIND's form."""
    columns = {"user": "user", "item": "item", "timestamp": "time"}
    data = {"path": "log.csv", "columns": columns, "timestamp": {"unit": unit}}
    log = {"path": "behaviors.tsv", **BEHAVIORS, **changed}
    return Config.model_validate(
        {
            "name": "news",
            "data": {**data, "impressions": log},
            "split": split or {"kind": "temporal"},
            "train": train or {},
        }
    )


def test_split_without_times_is_refused_with_impressions() -> None:
    with pytest.raises(ValidationError, match=r"leave_one_out does not have: set split\.kind to temporal or session"):
        config(split={"kind": "leave_one_out"})


def test_split_by_sessions_needs_the_histories_of_impressions() -> None:
    session = {"kind": "session", "gap_s": 60.0}
    columns = {name: column for name, column in BEHAVIORS["columns"].items() if name != "history"}

    assert config(split=session).data.impressions
    with pytest.raises(ValidationError, match=r"data\.impressions\.columns\.history is required"):
        config(split=session, columns=columns)


def test_impressions_and_log_have_both_times_or_both_an_order() -> None:
    assert config("order", timestamp={"unit": "order"}).data.impressions
    with pytest.raises(ValidationError, match="unit order is for both"):
        config("order")


def test_examples_and_training_do_not_depend_on_impressions() -> None:
    one, other = config(), config(path="other.tsv", position_bias={"estimate": "shuffled", "clip": 5.0})

    assert one.example_gen_config == other.example_gen_config
    assert one.trainer_config == other.trainer_config
    assert one.data.impression_log_config != other.data.impression_log_config
    assert (one.impression_evaluator_config.clip, other.impression_evaluator_config.clip) == (None, 5.0)


def test_training_from_impressions_needs_them_and_propensities_for_weights() -> None:
    learnt = config(train={"impressions": {}})

    assert learnt.trainer_config.train.impressions is not None
    assert learnt.trainer_config != config().trainer_config
    with pytest.raises(ValidationError, match=r"set data\.impressions\.position_bias"):
        config(train={"impressions": {"position": "weights"}})
    assert config(train={"impressions": {"position": "weights", "clip": 5}}, position_bias={"propensities": [1.0, 0.5]})
    with pytest.raises(ValidationError, match="clip bounds the weights of clicks"):
        config(train={"impressions": {"position": "feature", "clip": 5}})


def test_settings_of_impressions_without_a_log_of_them_are_refused() -> None:
    data = {
        "path": "log.csv",
        "columns": {"user": "u", "item": "i", "timestamp": "t"},
        "timestamp": {"unit": "s"},
    }

    gate = {"impression_floors": {"auc": 0.6}}
    learnt: dict[str, Any] = {"train": {"impressions": {}}}
    for further in (learnt, {"evaluate": {"gate": gate}}):
        with pytest.raises(ValidationError, match=r"needs a log of impressions: set data\.impressions"):
            Config.model_validate({"name": "news", "data": data, **further})
