"""Saved models as a command is given them: whether temporec exported them, and whether a log fits them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.evaluator.systems import load_model
from schemas.config import Config, HistoryConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from serving.server.servable import SAVED_MODEL_FILE
from trainer.network.model_info import read_model_info

Abouts = Mapping[
    Path, dict[str, Any]
]  # by the model's folder, as `trainer.network.model_info.read_model_info` gives it


def check_model(model: Path) -> dict[str, Any]:
    """What a model says of itself.

    Raises:
        InputError: the folder holds no saved model, or none that temporec exported.
    """
    if not (model / SAVED_MODEL_FILE).is_file():
        versions = sorted(path.parent.name for path in model.glob(f"*/{SAVED_MODEL_FILE}"))
        raise InputError(
            expected=f"a saved model in {model}",
            received=f"a folder of versions: {', '.join(versions)}" if versions else f"no {SAVED_MODEL_FILE} there",
            remedy=f"give one version: {model / versions[-1]}"
            if versions
            else "give a folder like ROOT/models/VERSION",
        )
    signatures = load_model(str(model)).signatures
    if "evaluate" not in signatures:
        raise InputError(
            expected="a model that temporec exported, with the signature evaluate",
            received=f"signatures {', '.join(signatures) or 'none'}",
            remedy="give a model that `temporec run` pushed",
        )
    return read_model_info(str(model))


def as_they_were_trained(config: Config, abouts: Abouts) -> Config:
    """A configuration whose histories are as long as models read them, and that treats seen items as they do.

    Raises:
        InputError: the log does not tell what a model reads, or the models do not treat seen items alike.
    """
    for model, about in abouts.items():
        _check_log(config.data, model, about)
    (removes, *others) = {about["remove_seen"] for about in abouts.values()}
    if others:
        raise InputError(
            expected="models that treat seen items alike",
            received=", ".join(
                f"{model}, which {'leaves them out' if about['remove_seen'] else 'keeps them'}"
                for model, about in abouts.items()
            ),
            remedy="measure each by itself: their lists are of other items",
        )
    length = max(about["max_length"] for about in abouts.values())
    serving = config.serving.model_copy(update={"remove_seen": removes})
    return config.model_copy(update={"history": HistoryConfig(max_length=length), "serving": serving})


def _check_log(data: DataConfig, model: Path, about: Mapping[str, Any]) -> None:
    """Raises InputError where the log does not tell what a model reads: it would answer, as if nothing were known."""
    told = {feature.name: feature.kind for feature in data.features if feature.of == "interaction"}
    missing = [f"{name}, a {kind}" for name, kind in about["columns"].items() if told.get(name) != kind]
    if {"time", "query_time"}.intersection(about["reads"]) and data.timestamp.unit == "order":
        missing.append("times, not only their order")
    if missing:
        raise InputError(
            expected=f"a log that tells what {model} reads: {'; '.join(missing)}",
            received="; ".join(f"{name}, a {kind}" for name, kind in told.items()) or "items and their order alone",
            remedy="describe the columns under data as the model's own configuration did",
        )
