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
    "top_k_winners": "top_k",
    "sparsemax": "top_k",
    "CircuitLayer": "layers",
    "random_input_weights": "corridor",
    "corridor_drive": "corridor",
    "corridor_code": "corridor",
    "corridor_session": "corridor",
    "PlaceInput": "inputs",
    "WeightDrift": "drift",
    "run_sessions": "sessions",
    "feedforward_drive": "bridge",
    "bridged": "bridge",
    "code_overlap": "bridge",
    "fit": "fitting",
    "Fit": "fit_result",
}

__all__ = list(_PLACES)

if TYPE_CHECKING:
    from circuits.bridge import bridged, code_overlap, feedforward_drive
    from circuits.competitive import Majani
    from circuits.corridor import corridor_code, corridor_drive, corridor_session, random_input_weights
    from circuits.count_control import CountControl
    from circuits.drift import WeightDrift
    from circuits.explaining_away import ExplainingAway
    from circuits.fit_result import Fit
    from circuits.fitting import fit
    from circuits.inputs import PlaceInput
    from circuits.kinds import CIRCUITS
    from circuits.layers import CircuitLayer
    from circuits.linear import LinearInterneuron
    from circuits.random_interneurons import RandomInterneurons
    from circuits.saturating import SaturatingUnits
    from circuits.sessions import run_sessions
    from circuits.settling import cartesian, settle
    from circuits.threshold import ThresholdInterneuron
    from circuits.top_k import sparsemax, top_k_winners


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'circuits' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"circuits.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
