"""Checks of a saved model in a command: temporec exported it, and the log fits it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.common.buckets import check_bucket
from components.common.stores import file_exists
from components.common.versions import whole_versions
from components.evaluator.systems import load_model
from schemas.config import Config, HistoryConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.features import ITEM_AGE
from serving.server.servable import SAVED_MODEL_FILE
from trainer.network.model_info import read_model_info

ModelInfos = Mapping[Path, dict[str, Any]]  # the result of `read_model_info`, by the model's folder


def check_model(model: Path) -> dict[str, Any]:
    """Return the info of a saved model.

    Args:
        model: the folder of the model.

    Returns:
        The content of its `about.json`.

    Raises:
        InputError: the folder holds no saved model, or temporec did not export it.
    """
    check_graph(str(model))
    signatures = load_model(str(model)).signatures
    if "evaluate" not in signatures:
        raise InputError(
            expected="a model exported by temporec, with the signature evaluate",
            received=f"signatures {', '.join(signatures) or 'none'}",
            remedy="give a model pushed by `temporec run`",
        )
    return read_model_info(str(model))


def check_graph(model: str) -> None:
    """Check that a folder has the graph of a saved model.

    Args:
        model: the folder, on any file system that Beam knows.

    Raises:
        InputError: it has none, or it is in a bucket that cannot be listed.
    """
    check_bucket(model, "--model")
    if not file_exists(f"{model}/{SAVED_MODEL_FILE}"):
        versions = [str(version) for version in sorted(whole_versions(model))]
        raise InputError(
            expected=f"a saved model in {model}",
            received=f"a folder of versions: {', '.join(versions)}" if versions else f"no {SAVED_MODEL_FILE}",
            remedy=f"give one version: {model}/{versions[-1]}"
            if versions
            else "give a folder like ROOT/models/VERSION",
        )


def with_model_settings(config: Config, infos: ModelInfos) -> Config:
    """Return the configuration with the settings of the models: length of histories, seen items and expiry.

    Args:
        config: the configuration.
        infos: the infos of one or more models.

    Returns:
        The same configuration with the models' settings.

    Raises:
        InputError: the log lacks an input of a model, or the models exclude different items.
    """
    for model, info in infos.items():
        _check_log(config.data, model, info)
    excluded = {_what_it_excludes(info): info for info in infos.values()}
    if len(excluded) > 1:
        raise InputError(
            expected="models that exclude the same items",
            received="; ".join(f"{model}, which {_what_it_excludes(info)}" for model, info in infos.items()),
            remedy="evaluate each model on its own, because their lists cannot be compared",
        )
    (info,) = excluded.values()
    length = max(info["max_length"] for info in infos.values())
    serving = config.serving.model_copy(update={name: info[name] for name in ("remove_seen", "expire_after_s")})
    return config.model_copy(update={"history": HistoryConfig(max_length=length), "serving": serving})


def _what_it_excludes(info: Mapping[str, Any]) -> str:
    seen, expires = "removes" if info["remove_seen"] else "keeps", info["expire_after_s"]
    return (
        f"{seen} seen items and {'lets no item expire' if expires is None else f'lets items expire after {expires} s'}"
    )


def _check_log(data: DataConfig, model: Path, info: Mapping[str, Any]) -> None:
    """Refuse a log without an input of the model. The model would treat the input as unknown."""
    columns = {feature.name: feature.kind for feature in data.features if feature.of == "interaction"}
    missing = [f"{name}, a {kind}" for name, kind in info["columns"].items() if columns.get(name) != kind]
    if {"time", "query_time", ITEM_AGE}.intersection(info["reads"]) and data.timestamp.unit == "order":
        missing.append("times instead of an order")
    if missing:
        raise InputError(
            expected=f"a log with the inputs of {model}: {'; '.join(missing)}",
            received="; ".join(f"{name}, a {kind}" for name, kind in columns.items()) or "items and their order only",
            remedy="describe the columns under data as in the model's own configuration",
        )
