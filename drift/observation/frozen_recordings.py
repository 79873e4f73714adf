"""A recording whose code stands still: the estimated maps of its units in all of its sessions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.metrics.directions import directions_of
from drift.metrics.place_code import place_code
from drift.observation.counted_halves import (
    CountedHalves,
    counted_halves,
    smoother,
    widths,
    with_counted_halves,
)
from drift.observation.frozen_maps import best_width, frozen_maps
from drift.schema.map_dims import map_dims


def frozen_recording(recorded: xr.Dataset) -> xr.Dataset:
    """Recording in which every unit has one map in all sessions of an environment, with the noise
    of counting taken out.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``.

    Returns
    -------
    xarray.Dataset
        ``rate`` in events/s at all places that any session knows, ``recorded`` 1 for units that
        were recorded in a session of the environment, the ``occupancy`` of each session, and the
        measures of these maps.
    """
    counted = with_counted_halves(recorded, "a frozen code of a recording")
    rate = counted["rate"]
    cells = map_dims(rate)
    order = ("subject", "session", "unit", *cells)
    shape = tuple(rate.sizes[dim] for dim in order)
    values = np.full((*shape[:3], int(np.prod(shape[3:]))), np.nan)
    tried = widths(counted)
    for subject in range(shape[0]):
        smooth = smoother(counted, subject)
        for halves in counted_halves(counted, subject):
            maps = frozen_maps(halves, smooth, best_width(halves, smooth, tried))
            values[subject][np.ix_(halves.sessions, halves.units)] = _rates(halves, maps)
    frozen = xr.DataArray(values.reshape(shape), dims=order, attrs=rate.attrs)
    return _with_rates(counted, frozen.transpose(*rate.dims))


def _rates(halves: CountedHalves, maps: np.ndarray) -> np.ndarray:
    """(unit, cell) events/s, such that as many events are expected in all sessions as there were;
    NaN for units that were recorded in none."""
    time = halves.present.T @ halves.time.sum(axis=1)
    expected = (maps * time).sum(axis=-1)
    events = halves.counts.sum(axis=(0, 2, 3))
    active = halves.present.any(axis=0) & (expected > 0)
    gain = np.divide(events, expected, out=np.full(events.shape, np.nan), where=active)
    return maps * gain[:, np.newaxis]


def _with_rates(recorded: xr.Dataset, rate: xr.DataArray) -> xr.Dataset:
    """Recording with other rates; what was measured by session is measured anew or left out."""
    by_session = [name for name, values in recorded.data_vars.items() if "session" in values.dims]
    left_out = [name for name in by_session if name != "occupancy"]
    frozen = recorded.drop_vars([*left_out, "half"], errors="ignore").assign(rate=rate)
    present = frozen["rate"].notnull().any(map_dims(rate)).astype("int8")
    directions = directions_of(recorded)
    code = place_code(frozen["rate"], frozen["occupancy"], present, directions=directions)
    return frozen.assign(
        {**code, "recorded": code["recorded"].transpose("subject", "session", "unit")}
    )
