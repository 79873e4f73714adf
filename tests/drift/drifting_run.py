"""A run whose truth is known: Gaussian place fields on a track that move, or stand, as the test
says."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.metrics import place_units, spatial_information
from drift.schema import labelled

PAIR = ("subject", "session")


def gaussian_run(
    subjects: int = 2,
    sessions: int = 5,
    units: int = 60,
    places: int = 24,
    speed: float = 0.0,
    seed: int = 5,
) -> xr.Dataset:
    """Fields of unit width 0.1 of the track whose centres diffuse by ``speed`` per session; session
    0 has none of them."""
    rng = np.random.default_rng(seed)
    where = (np.arange(places) + 0.5) / places
    steps = speed * rng.standard_normal((subjects, sessions, units))
    steps[:, 0] = rng.random((subjects, units))
    centres = np.cumsum(steps, axis=1)[..., np.newaxis, np.newaxis]
    offset = np.abs(
        (where[:, np.newaxis] - centres - [0.0, 0.3] + 0.5) % 1 - 0.5
    )  # around a ring, the way back elsewhere
    rate = np.exp(-0.5 * (offset / 0.1) ** 2) * rng.uniform(0.2, 1, (subjects, 1, units, 1, 1))
    rate[:, 0] = 0.5
    run = xr.Dataset(
        {
            "rate": labelled("rate", (*PAIR, "unit", "place", "direction"), rate),
            "occupancy": labelled("occupancy", (*PAIR, "place", "direction"), np.full((subjects, sessions, places, 2), 3.0)),
            "recorded": labelled("recorded", (*PAIR, "unit"), np.ones((subjects, sessions, units), dtype="int8")),
            "detected_units": labelled("detected_units", PAIR, np.full((subjects, sessions), float(units))),
            "active_units": labelled("active_units", PAIR, np.full((subjects, sessions), float(units))),
        },
        coords={
            "subject": [str(number) for number in range(subjects)], "session": np.arange(sessions), "unit": np.arange(units),
            "place": ("place", where), "direction": [1, -1], "seed": ("subject", np.arange(subjects, dtype=float)),
            "elapsed": (PAIR, np.tile(100.0 * np.arange(sessions), (subjects, 1)), {"units": "step"}),
        },
    )  # fmt: skip
    information = spatial_information(run["rate"], run["occupancy"])
    flags = place_units(information, run["recorded"])
    return run.assign(
        spatial_information=information,
        place_unit=flags,
        place_units=(flags == 1).sum("unit").astype(float),
    )
