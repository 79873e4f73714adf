"""Networks that keep learning under noise, and the measures of what becomes of their code."""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

# In the order in which data flow: recipe, run, measures, files. Modules are loaded when a name is first used.
_PLACES = {
    "Experiment": "experiment",
    "CorridorTask": "tasks",
    "RandomTask": "tasks",
    "SmoothedTask": "tasks",
    "RandomAutoencoderTask": "tasks",
    "SmoothedAutoencoderTask": "tasks",
    "PredictiveTask": "tasks",
    "ImageTask": "tasks",
    "TextTask": "tasks",
    "StoredTask": "tasks",
    "Network": "networks",
    "DenoisingNetwork": "networks",
    "Transformer": "networks",
    "TopK": "networks.inhibition",
    "SigmoidWindow": "networks.inhibition",
    "SampledTopK": "networks.inhibition",
    "ExplainingAway": "networks.inhibition",
    "Interneuron": "networks.inhibition",
    "SGD": "learners",
    "Adam": "learners",
    "StochasticErrorDescent": "learners",
    "InputNoise": "noise",
    "ImplicitNoise": "noise",
    "LabelNoise": "noise",
    "UpdateNoise": "noise",
    "OnOff": "noise",
    "Linear": "noise",
    "train": "training",
    "measure": "measurement",
    "counted_events": "event_counting",
    "observe": "observation",
    "published_design": "designs",
    "frozen_code": "null_models",
    "wrong_registration": "null_models",
    "changed_behaviour": "null_models",
    "compare": "comparison",
    "comparison_table": "comparison_table",
    "report": "report",
    "cross": "sweep",
    "sample": "sweep_presets",
    "run_sweep": "sweep",
    "open_sweep": "sweep",
    "phases": "theory.phases",
    "noise_monitor": "theory.noise_monitor",
    "predict": "theory.drift_prediction",
    "estimate": "theory.drift_estimation",
    "save": "store",
    "load": "store",
    "check": "schema",
    "stream": "streams",
    "RefusedInputError": "errors",
    "SchemaError": "errors",
}

__all__ = list(_PLACES)

if TYPE_CHECKING:
    from drift.comparison import compare
    from drift.comparison_table import comparison_table
    from drift.designs import published_design
    from drift.errors import RefusedInputError, SchemaError
    from drift.event_counting import counted_events
    from drift.experiment import Experiment
    from drift.learners import SGD, Adam, StochasticErrorDescent
    from drift.measurement import measure
    from drift.networks import DenoisingNetwork, Network, Transformer
    from drift.networks.inhibition import ExplainingAway, Interneuron, SampledTopK, SigmoidWindow, TopK
    from drift.noise import ImplicitNoise, InputNoise, LabelNoise, Linear, OnOff, UpdateNoise
    from drift.null_models import changed_behaviour, frozen_code, wrong_registration
    from drift.observation import observe
    from drift.report import report
    from drift.schema import check
    from drift.store import load, save
    from drift.streams import stream
    from drift.sweep import cross, open_sweep, run_sweep
    from drift.sweep_presets import sample
    from drift.tasks import (
        CorridorTask,
        ImageTask,
        PredictiveTask,
        RandomAutoencoderTask,
        RandomTask,
        SmoothedAutoencoderTask,
        SmoothedTask,
        StoredTask,
        TextTask,
    )
    from drift.theory.drift_estimation import estimate
    from drift.theory.drift_prediction import predict
    from drift.theory.noise_monitor import noise_monitor
    from drift.theory.phases import phases
    from drift.training import train


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'drift' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"drift.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})


class _Package(types.ModuleType):
    """A package whose functions keep their names, although some modules share them: the import system may not bind those."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PLACES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

if "xarray" in sys.modules:  # otherwise with the first Dataset: ``drift.schema`` registers ``dataset.drift``
    import drift.accessor
