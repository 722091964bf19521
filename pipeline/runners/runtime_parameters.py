"""The parameters of a compiled pipeline: one file serves every night, with another log, seed or destination."""

from __future__ import annotations

import json
from typing import Any

from pipeline.containers.placeholders import PARAMETERS, placeholder
from pipeline.create_pipeline import Locations
from schemas.config import Config

# Numbers that stand for a setting until the pipeline is compiled, because a setting of type int cannot be a text.
_EPOCHS, _SEED = 2_000_000_011, 2_000_000_033
_TYPES = {str: "STRING", int: "NUMBER_INTEGER"}


def with_placeholders(config: Config) -> tuple[Config, Locations]:
    """Return a configuration and folders with a placeholder for each parameter.

    Args:
        config: the configuration.

    Returns:
        Both, for `create_pipeline`.
    """
    train = config.train.model_copy(update={"epochs": _EPOCHS, "seed": _SEED})
    data = config.data.model_copy(update={"path": placeholder("data_path")})
    return (
        config.model_copy(update={"data": data, "train": train}),
        Locations(root=placeholder("root"), models=placeholder("models_path")),
    )


def declare_parameters(specification: dict[str, Any], config: Config, locations: Locations) -> None:
    """Declare the parameters with their defaults, and give each task those that its texts name.

    Args:
        specification: the pipeline specification, compiled from the result of `with_placeholders`.
        config: the configuration before.
        locations: the folders.
    """
    values = (config.data.path, locations.root, locations.models, config.train.epochs, config.train.seed)
    defaults: dict[str, str | int] = dict(zip(PARAMETERS, values, strict=True))
    specification["root"]["inputDefinitions"] = {
        "parameters": {
            name: {"parameterType": _TYPES[type(value)], "defaultValue": value, "isOptional": True}
            for name, value in defaults.items()
        }
    }
    for task in specification["root"]["dag"]["tasks"].values():
        given = task.get("inputs", {}).get("parameters", {})
        for each in given.values():
            constant = each.get("runtimeValue", {}).get("constant")
            if isinstance(constant, str):
                constant = constant.replace(str(_EPOCHS), placeholder("epochs"))
                each["runtimeValue"]["constant"] = constant.replace(str(_SEED), placeholder("seed"))
        text = json.dumps(given)
        for name in (name for name in PARAMETERS if placeholder(name) in text):
            given[name] = {"componentInputParameter": name}
            declared = specification["components"][task["componentRef"]["name"]]["inputDefinitions"]["parameters"]
            declared[name] = {"parameterType": _TYPES[type(defaults[name])]}
