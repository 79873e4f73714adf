"""Rate-based interneuron circuits that compute an approximate Top-K.

Modules are loaded when a name is first used; Brian2 only when a circuit settles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.faces import lazily

if TYPE_CHECKING:  # kinds, rest and settling, wandering weights, use in networks, fits
    from circuits.kinds.linear import LinearInterneuron
    from circuits.kinds.threshold import ThresholdInterneuron
    from circuits.kinds.saturating import SaturatingUnits
    from circuits.kinds.random_interneurons import RandomInterneurons
    from circuits.kinds.count_control import CountControl
    from circuits.kinds.competitive import Majani
    from circuits.kinds.explaining_away import ExplainingAway
    from circuits.kinds.table import CIRCUITS, circuit_class, circuit_names
    from circuits.simulation.settle import cartesian, settle
    from circuits.rest.winners import top_k_winners, sparsemax
    from circuits.rest.layers import CircuitLayer
    from circuits.wandering.corridor import (
        random_input_weights,
        corridor_drive,
        corridor_code,
        corridor_session,
    )
    from circuits.wandering.inputs import PlaceInput
    from circuits.wandering.context import PlaceContextInput
    from circuits.wandering.wandering_weights import WeightDrift
    from drift.networks.excitability import Excitability
    from circuits.wandering.sessions import run_sessions
    from circuits.wandering.drifting_circuit import DriftingCircuit, run_circuits
    from circuits.wandering.simulator import CircuitSimulator
    from circuits.wandering.readouts import (
        FixedReadout,
        LeastMeanSquares,
        HebbianHomeostasis,
        read_out,
    )
    from circuits.wandering.recorded import recorded_circuit
    from circuits.bridge import feedforward_drive, bridged, code_overlap
    from circuits.fitting.fitting import fit
    from circuits.fitting.held_out import held_out
    from circuits.fitting.result import Fit

__getattr__, __dir__ = lazily(__name__)
