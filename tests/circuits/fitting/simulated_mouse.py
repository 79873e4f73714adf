"""Recordings simulated from a circuit of two time scales, with the sessions, places, units and
events of a recorded mouse."""

from __future__ import annotations

import numpy as np
import xarray as xr

from circuits import CountControl, LinearInterneuron
from circuits.fitting.model import Model
from circuits.fitting.statistics import chosen_statistics
from circuits.fitting.surroundings import Surroundings
from drift.measurement.event_counting import counted_maps
from drift.observation.expected_maps import lens, matched_over_sessions, observed_halves
from drift.streams import stream

CODE = {"input_width": 8.0, "weight_lifetime": 30.0, "fast_share": 0.3}
CODE_BOUNDS = {
    "input_width": (2.0, 40.0),
    "weight_lifetime": (3.0, 300.0),
    "fast_share": (0.0, 0.9),
}
TRUTH = {"gain": 20.0, **CODE}
# circuits of 12 % active responses each, with what sets that share
CIRCUITS = {
    "linear": (LinearInterneuron(units=150), TRUTH, {"gain": (1.0, 1000.0), **CODE_BOUNDS}),
    "count": (
        CountControl(units=150),
        {"active_fraction": 0.12, **CODE},
        {"active_fraction": (0.005, 0.5), **CODE_BOUNDS},
    ),
}
FAST = 0.2  # days


def simulated_mouse(
    mouse: xr.Dataset, seed: int, truth: dict[str, float] = TRUTH, kind: str = "linear"
) -> xr.Dataset:
    """Return the mouse with the maps of a circuit in place of its own."""
    recording = counted_maps(mouse, "a simulated mouse")
    seen = matched_over_sessions(lens(recording))
    selection = chosen_statistics(seen)
    around = Surroundings(input_width=1.0, fast_weight_lifetime=FAST)
    circuit = CIRCUITS[kind][0].replace(units=seen.rate.shape[1])
    model = Model(circuit, seen, selection, tuple(truth), around, seed, "fixed_point")
    rate = model.rates(np.array([list(truth.values())]), [seed])[0]
    whole, halves = observed_halves(rate, seen, stream(seed, "observation"))
    present = seen.seen[..., np.newaxis]
    maps = {
        "rate": (("session", "unit"), np.where(present, whole, np.nan)),
        "rate_half": (
            ("session", "half", "unit"),
            np.where(present[:, np.newaxis], halves, np.nan),
        ),
    }
    return recording.assign({name: _shaped(recording, name, *dims) for name, dims in maps.items()})


def _shaped(
    recording: xr.Dataset, name: str, dims: tuple[str, ...], values: np.ndarray
) -> xr.DataArray:
    sizes = [recording.sizes[dim] for dim in ("direction", "place")]
    array = xr.DataArray(
        values.reshape(*values.shape[:-1], *sizes), dims=(*dims, "direction", "place")
    )
    ordered = array.expand_dims("subject").transpose(*recording[name].dims)
    return recording[name].copy(data=ordered.values)
