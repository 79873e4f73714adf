"""Windows of a run, that is, of a network or a circuit: its activity at every place, as it is or
with noise of a stated size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.errors import RefusedInputError
from drift.measurement.domains import Domain, Places, session_domain
from drift.metrics.decoders.windows import Windows
from drift.metrics.labels import require_dims
from drift.metrics.places import Grid, of_ring
from drift.metrics.rooms import environment_labels
from drift.observation.lens import own_number
from drift.schema.labelled_form import check
from drift.schema.map_dims import STIMULUS, map_dim
from drift.streams import stream

VISITS = 10  # of each place, where there is noise
OBSERVED = 2**32  # draws of ``observe`` come from the children before
ALIKE = 1e-9  # relative difference of maps that are the same


def is_run(code: object) -> bool:
    """Tell whether maps over sessions are given, and not what was recorded sample by sample.

    Parameters
    ----------
    code : object
        What is to be decoded.
    """
    return isinstance(code, xr.Dataset) and "session" in code.dims


class _Maps(NamedTuple):
    """What the sessions of a run share.

    Attributes
    ----------
    domain : Places or Stimuli
    cells : numpy.ndarray
        (place, axis) bins, or labels.
    ways : numpy.ndarray
        Running directions.
    """

    domain: Domain
    cells: NDArray
    ways: NDArray[np.int64]


def run_windows(run: xr.Dataset, noise: float, seed: int) -> list[Windows]:
    """One window of activity for every place and direction that a run has maps of, or ``VISITS`` of
    them with noise.

    n_i = r_i(x) / r + noise z, with r the root mean square of r_i(x) over sessions, units and
    places of the subject, and z drawn anew from a normal distribution. All units count.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with ``rate`` (subject, session, unit, place[, direction]).
    noise : float
        Standard deviation, in units of r; 0 for none.
    seed : int
        Of the stream "observation"; with it the subject's own seed (or label) and the number of the
        session decide the draws.

    Returns
    -------
    list of Windows
        Of the sessions in which there are rates.

    Raises
    ------
    RefusedInputError
        If rates were measured and differ between sessions, there are several environments, or a
        subject has no rates or is silent.
    SchemaError
        If rate or elapsed is missing.
    """
    refuse_measured(run)
    rate = _rates(run)
    maps = _shared(run, rate)
    windows = []
    for number in range(run.sizes["subject"]):
        own = rate[number]
        scale = _scale(own, str(run["subject"].values[number]))
        for day in np.flatnonzero(np.isfinite(own).any(axis=(1, 2, 3))):
            labels = _labels(run, number, int(day))
            rng = stream(
                (seed << 64) + own_number(run, number), "observation", OBSERVED + labels["session"]
            )
            windows.append(_windows(own[day] / scale, labels, maps, noise, rng))
    return windows


def _rates(run: xr.Dataset) -> NDArray[np.float64]:
    """(subject, session, unit, place, direction)"""
    rate = require_dims(run["rate"], "rate", "subject", "session", "unit")
    if rate.sizes.get("environment", 1) > 1:
        raise RefusedInputError(
            f"decoding a run needs one environment, got {rate.sizes['environment']}: select one "
            "with run.isel(environment=0)."
        )
    rate = rate.isel(environment=0) if "environment" in rate.dims else rate
    rate = rate if "direction" in rate.dims else rate.expand_dims("direction", -1)
    if "recorded" in run:
        rate = rate.where(run["recorded"] == 1)
    order = ("subject", "session", "unit", map_dim(rate), "direction")
    return np.asarray(rate.transpose(*order).values, dtype=float)


def refuse_measured(run: xr.Dataset) -> None:
    """Refuse measured maps, unless the code is frozen: their noise differs between sessions, and
    would count as drift.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset.

    Raises
    ------
    RefusedInputError
        If maps were measured, and are not the same in all sessions up to a factor.
    SchemaError
        If there are no maps.
    """
    check(run, "rate", "elapsed")
    units = str(run["rate"].attrs.get("units", ""))
    if "measurement" not in run.attrs and not units.startswith("events"):
        return
    rate = _rates(run)
    labels = environment_labels(run, subjects=rate.shape[0], sessions=rate.shape[1])
    for own, rooms in zip(rate, labels):
        if not all(_frozen(own[rooms == room]) for room in np.unique(rooms)):
            raise RefusedInputError(
                "measured maps hold noise, which would be read as drift, got a measured recording: "
                "decode its session Datasets, as the reader or drift.observe gives them, or a "
                "code that stands still (drift.frozen_code)."
            )


def _frozen(rate: NDArray[np.float64]) -> bool:
    """Whether maps (session, unit, place, direction) are the same up to a factor, wherever they
    were observed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = rate / np.nansum(rate, axis=(2, 3), keepdims=True)
    first = np.full(shape.shape[1:], np.nan)
    for session in shape[::-1]:
        first = np.where(np.isfinite(session), session, first)
    apart = np.abs(shape - first)
    return not bool((apart > ALIKE).any())


def _shared(run: xr.Dataset, rate: NDArray[np.float64]) -> _Maps:
    directed = "direction" in run["rate"].dims
    ways = np.asarray(run["direction"].values if directed else [1]).astype(int)
    if map_dim(run["rate"]) == STIMULUS:
        return _Maps(session_domain(run, None), run[STIMULUS].values[:, np.newaxis], ways)
    axes = [name for name in ("place_x", "place_y", "place_z") if name in run.coords] or ["place"]
    attrs = run[axes[0]].attrs
    centres = np.stack([run[name].values.astype(float) for name in axes], axis=1)
    width = float(attrs.get("bin_size") or np.diff(np.unique(centres)).min(initial=1.0))
    origin = float(attrs.get("origin", centres.min() - width / 2))
    around = of_ring(run)
    end = None if around is None else origin + around
    grid = Grid(width, origin, end, ring=around is not None)
    cells = np.rint((centres - origin) / width - 0.5).astype(int)
    return _Maps(Places(grid, str(attrs.get("units", "1"))), cells, ways)


def _scale(rate: NDArray[np.float64], subject: str) -> float:
    """Root mean square over all that is known of a subject."""
    if not np.isfinite(rate).any():
        raise RefusedInputError(
            f"subject {subject} was expected to have rates in some session, got NaN: leave it out."
        )
    scale = float(np.sqrt(np.nanmean(rate**2)))
    if not scale > 0:
        raise RefusedInputError(
            f"subject {subject} was expected to respond at some place, got silence: leave it out."
        )
    return scale


def _labels(run: xr.Dataset, subject: int, session: int) -> dict:
    """Labels of a session as a recorded one has them, but for a sampling rate."""
    shape = {"subjects": run.sizes["subject"], "sessions": run.sizes["session"]}
    identity = "run"
    if "unit_identity" in run.coords:
        array = run["unit_identity"].broadcast_like(run["elapsed"])
        identity = str(array.transpose("subject", "session").values[subject, session])
    elapsed = run["elapsed"].transpose("subject", "session")
    return {
        "subject": str(run["subject"].values[subject]),
        "session": int(run["session"].values[session]),
        "elapsed": float(elapsed.values[subject, session]),
        "elapsed_units": str(elapsed.attrs.get("units", "1")),
        "environment": str(environment_labels(run, **shape)[subject, session]),
        "unit_identity": identity,
    }


def _windows(
    rate: NDArray[np.float64], labels: dict, maps: _Maps, noise: float, rng: np.random.Generator
) -> Windows:
    """Windows of one session of a run, from its rates (unit, place, direction)."""
    units = np.flatnonzero(np.isfinite(rate).any(axis=(1, 2)))
    place, way = np.nonzero(np.isfinite(rate[units]).all(axis=0))
    name = f"subject {labels['subject']}, session {labels['session']}"
    if not place.size:
        raise RefusedInputError(
            f"{name}: at no place are the rates of all units known: leave out units without rates."
        )
    visits = VISITS if noise else 1
    place, way = np.tile(place, visits), np.tile(way, visits)
    counts = rate[units][:, place, way].T
    if noise:
        counts = counts + noise * rng.standard_normal(counts.shape)
    cells = maps.cells[place]
    return Windows(
        name=name,
        labels=labels,
        domain=maps.domain,
        directed=maps.ways.size > 1,
        length=None,
        units=units,
        events=np.full(units.size, np.inf),
        kind="trace",
        counts=counts,
        seconds=np.ones(place.size),
        position=maps.domain.centres(cells),
        cells=cells,
        downward=(maps.ways[way] == -1).astype(int),
        fold=np.repeat(np.arange(visits), place.size // visits),
        visits=visits,
    )
