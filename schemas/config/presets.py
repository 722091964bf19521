"""Sets of settings under one name. What a configuration says itself goes over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The defaults of schemas.config are `balanced`. docs/models.md has the evidence for each.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"train": {"epochs": 6}},
    "balanced": {},
    "best": {
        "history": {"max_length": 200},
        "model": {"dim": 128, "encoder": {"units": 128}},
        "train": {"epochs": 30, "learning_rate": 0.002, "warmup_steps": 300},
    },
}


def with_preset(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the settings of its `model.preset` where it has none of its own."""
    model = config.get("model")
    name = model.get("preset") if isinstance(model, Mapping) else None
    preset = PRESETS.get(name, {}) if isinstance(name, str) else {}
    return _merged(preset, config)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        name: _merged(under[name], over[name])
        for name in under.keys() & over.keys()
        if isinstance(under[name], Mapping) and isinstance(over[name], Mapping)
    }
    return {**under, **over, **both}
