"""A cache for Beam, which inspects all methods of a step about ten times before the step gets its first element."""

from __future__ import annotations

from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

import apache_beam as beam
from apache_beam.transforms import userstate

_inspect = userstate.get_dofn_specs
_inspected: WeakKeyDictionary[type[beam.DoFn], Any] = WeakKeyDictionary()


def inspect_steps_once() -> None:
    """Let Beam look for the state and the timers of each class of steps once."""
    userstate.get_dofn_specs = _inspect_once


def _inspect_once(step: beam.DoFn) -> Any:
    if any(isinstance(value, MethodType | beam.DoFn) for value in vars(step).values()):
        return _inspect(step)  # it may take state for a method of another object
    kind = type(step)
    if kind not in _inspected:
        _inspected[kind] = _inspect(step)
    return _inspected[kind]
