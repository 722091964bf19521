"""Named sets of settings. A configuration's own settings replace them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# `balanced` is the defaults of schemas.config. docs/models.md has the evidence for each preset.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"train": {"epochs": 6, "batch_size": 8}},
    "balanced": {},
    "best": {
        "history": {"max_length": 200},
        "model": {"dim": 128, "encoder": {"units": 128}},
        "train": {"epochs": 30, "learning_rate": 0.002, "warmup_steps": 300},
    },
}


def with_preset(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with the settings of its `model.preset` added.

    Args:
        config: a configuration that is not validated yet.

    Returns:
        The configuration. Its own settings come before those of the preset.
    """
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
