"""Sessions that have everything a session can have, simulated and made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

import data_adapters
import drift
from data_adapters.session import session_dataset


def made(session: int = 0, subject: str = "mouse ü", **changes) -> xr.Dataset:
    """A session on a track: lost samples, trials, a clock of its own, gaps in the unit numbers,
    text beyond ASCII."""
    rng = np.random.default_rng(session)
    samples = 400
    time = 3.1 + np.cumsum(rng.uniform(0.04, 0.06, samples))
    position = 40 + 30 * np.sin(time / 2)
    position[5:9] = np.nan
    velocity = np.gradient(np.nan_to_num(position, nan=40.0), time)
    given = {
        "subject": subject, "session": session, "elapsed": 1.25 * session + 0.1, "elapsed_units": "day", "environment": "A & <B>",
        "unit_identity": "registered", "activity": rng.poisson(0.3, (samples, 4)), "position": position, "sampling_rate": 20.0,
        "source": "made by a test", "geometry": "linear", "detected_units": 9, "unit": [7, 0, 3, 12],
        "unit_label": ["a", "b", "ç", "<script>"], "velocity": velocity, "direction": np.sign(velocity).astype(int),
        "trial": np.repeat([0, 1, 1, 0, 2, 3, 0, 1], samples // 8), "time": time, "coords": {"exposure": 3, "shift": "late"},
        "attrs": {"notes": "one\ntwo", "rate": 0.1},
    }  # fmt: skip
    plane = {"geometry": "square"} if np.ndim(changes.get("position")) == 2 else {}
    return session_dataset(**{**given, **plane, **changes})


def simulated(run: xr.Dataset, sessions: int = 3) -> list[xr.Dataset]:
    lens = drift.published_design("Khatib 2023").isel(session=slice(0, sessions), unit=slice(0, 12))
    return list(drift.observe(run, lens, sampling_rate=4))


def wmaze(folder: Path, **options) -> list[xr.Dataset]:
    """The published recording, the first minutes of each epoch."""
    everything = {
        "area": "any",
        "position_units": "pixel",
        "maximum_rate": None,
        "minimum_spikes": None,
        **options,
    }
    return [
        one.isel(sample=slice(0, 9000))
        for one in data_adapters.sessions("karlsson2015", folder, **everything)
    ]


def assert_equal(found: xr.Dataset, given: xr.Dataset) -> None:
    """Values, dims, coordinates, units and attributes; meanings (long_name) come from the labelled
    form."""
    xr.testing.assert_equal(found, given)
    assert {name: found.attrs[name] for name in given.attrs} == given.attrs
    for name in ("activity", "position", "elapsed"):
        assert found[name].attrs["units"] == given[name].attrs["units"]
