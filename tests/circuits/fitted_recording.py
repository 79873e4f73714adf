"""Recordings of circuits whose parameters are known, seen through a lens as an experimenter
would."""

from __future__ import annotations

import numpy as np
import xarray as xr

import drift
from circuits.base import Circuit
from circuits.wandering.inputs import PlaceInput
from circuits.wandering.sessions import run_sessions
from circuits.wandering.weight_drift import WeightDrift

PLACES, BIN = 24, 4.0
WIDTH, LIFETIME = 8.0, 10.0


def lens_of(cells: int, sessions: int, seconds: float, units: str = "day") -> xr.Dataset:
    """A recording design: one animal on a track, mean event rates that are log-normal over
    cells."""
    rates = 0.4 * np.exp(np.random.default_rng(1).standard_normal(cells))
    pair = ("subject", "session")
    coords = {
        "subject": ["animal"], "session": np.arange(sessions), "unit": np.arange(cells),
        "place": ("place", (np.arange(PLACES) + 0.5) * BIN, {"units": "cm"}),
        "elapsed": (pair, np.arange(float(sessions))[np.newaxis], {"units": units}),
        "environment": (pair, np.full((1, sessions), "A")), "unit_identity": (pair, np.full((1, sessions), "tracked")),
    }  # fmt: skip
    variables = {
        "rate": (
            (*pair, "unit", "place"),
            np.ones((1, sessions, cells, PLACES)) * rates[:, np.newaxis],
        ),
        "occupancy": ((*pair, "place"), np.full((1, sessions, PLACES), seconds / PLACES)),
        "recorded": ((*pair, "unit"), np.ones((1, sessions, cells), dtype="int8")),
    }
    return xr.Dataset(
        variables,
        coords=coords,
        attrs={"bin_size": BIN, "minimum_speed": 1.0, "geometry": "linear", "source": "a design"},
    )


def recorded_circuit(
    circuit: Circuit, seed: int, cells: int = 300, sessions: int = 10, seconds: float = 600.0
) -> xr.Dataset:
    """Simulate the circuit, observe it and measure what was observed."""
    inputs = PlaceInput(places=PLACES, length=PLACES * BIN, width=WIDTH)
    run = run_sessions(
        [circuit], inputs, WeightDrift(weight_lifetime=LIFETIME), elapsed=np.arange(float(sessions)), seeds=[seed], engine="fixed_point",
        progress=False,
    )  # fmt: skip
    return drift.measure(
        drift.observe(
            run, lens_of(cells, sessions, seconds), seed=seed, sampling_rate=10.0, time_scale=1.0
        )
    )
