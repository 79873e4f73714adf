"""Rate-based interneuron circuits that compute an approximate Top-K."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Modules are loaded when a name is first used; Brian2 only when a circuit settles.
_PLACES = {
    "LinearInterneuron": "linear",
    "ThresholdInterneuron": "threshold",
    "SaturatingUnits": "saturating",
    "RandomInterneurons": "random_interneurons",
    "CountControl": "count_control",
    "Majani": "competitive",
    "ExplainingAway": "explaining_away",
    "CIRCUITS": "kinds",
    "cartesian": "settling",
    "settle": "settling",
}

__all__ = list(_PLACES)

if TYPE_CHECKING:
    from circuits.competitive import Majani
    from circuits.count_control import CountControl
    from circuits.explaining_away import ExplainingAway
    from circuits.kinds import CIRCUITS
    from circuits.linear import LinearInterneuron
    from circuits.random_interneurons import RandomInterneurons
    from circuits.saturating import SaturatingUnits
    from circuits.settling import cartesian, settle
    from circuits.threshold import ThresholdInterneuron


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'circuits' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"circuits.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
