"""Observed recordings without their frames: the maps that ``measure`` would make of ``observe``,
drawn at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import NotNegative, Seed
from drift.measurement.rules import Measurement
from drift.metrics.maps import ROUNDING
from drift.metrics.place_code import place_code
from drift.observation.laps import directed_occupancy
from drift.observation.lens import as_recorded, own_number, own_stream
from drift.observation.observing import chosen_units, seen_subject, unrated
from drift.observation.rules import Observation
from drift.schema.labelled_form import check, described, labelled
from drift.schema.longitudinal import PAIR, longitudinal_dataset

ALONG = ("unit", "place", "direction")
KEPT = ("environment", "unit_identity", "visits", "track_map", "track_length")
GRID = ("bin_size", "minimum_speed", "geometry", "track_length", "first_edge", "last_edge")


@opened
def observed_maps(
    run: xr.Dataset,
    like: xr.Dataset | Iterable[xr.Dataset],
    *,
    seed: Seed = 0,
    time_scale: float | None = None,
    minimum_occupancy: NotNegative = 0.1,
) -> xr.Dataset:
    """Return what ``measure(observe(run, like))`` would, without drawing any sample: many times as
    fast, for simulations that are observed again and again.

    A sum of Poisson counts over the samples at a place is a Poisson count of mean gain_i r_i(x)
    t(x), with t the recorded time there. Lens, gains and choice of units are those of
    ``drift.observe``, and so is the law of every map; the counts of one seed are others. Laps,
    halves, detection of calcium events and tests that shift activity need samples, and are not to
    be had of maps alone.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with ``rate`` (subject, session, unit, place[, direction]).
    like : xarray.Dataset or iterable of xarray.Dataset
        Longitudinal Dataset of ``measure``, or session Datasets.
    seed : int
        Of the stream "observation"; see ``drift.observe``.
    time_scale : float, optional
        Learning steps per recorded unit of elapsed time; by default the sessions of the run span
        those of the recording.
    minimum_occupancy : float
        In s; a place with more has a rate, any other is NaN.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset (subject, session, unit, place[, direction]) with rate, occupancy,
        event_count, spatial information, place units and active units, over the sessions and units
        of the recording; NaN where the recorded unit was not observed.

    Raises
    ------
    RefusedInputError
        As ``drift.observe``.
    SchemaError
        If a Dataset lacks a variable.
    """
    rules = Observation(seed=seed, time_scale=time_scale)
    check(run, "rate", "elapsed")
    recorded, _tracks = as_recorded(like)
    ways = "direction" in recorded["rate"].dims
    time, counts = _drawn(run, recorded, rules, ways)
    occupancy = time if ways else time.sum(axis=-1)
    valid = np.where(occupancy > minimum_occupancy * (1 + ROUNDING), occupancy, np.nan)
    events = np.where(np.isnan(valid)[:, :, np.newaxis], np.nan, counts)
    dims = (*PAIR, *ALONG[: 3 if ways else 2])
    rate = labelled("rate", dims, events / valid[:, :, np.newaxis], units="events/s")
    return longitudinal_dataset(
        _measures(
            rate, events, occupancy, np.isfinite(counts).any(axis=tuple(range(3, rate.ndim)))
        ),
        _coordinates(run, recorded, ways),
        elapsed=_of_subjects(run, recorded, recorded["elapsed"].values),
        elapsed_units=str(recorded["elapsed"].attrs.get("units", "1")),
        units={"rate": "events/s", "occupancy": "s", "event_count": "events"},
        attrs=_attrs(recorded, rules, minimum_occupancy),
    )


def _drawn(
    run: xr.Dataset, recorded: xr.Dataset, rules: Observation, ways: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Time (subject, session, place, way) and events (subject, session, unit, place[, way]), NaN
    where the recorded unit was not observed."""
    sizes = recorded.sizes
    time = np.full((run.sizes["subject"], sizes["session"], sizes["place"], 2), 0.0)
    outer = (run.sizes["subject"], sizes["session"], sizes["unit"], sizes["place"])
    counts = np.full((*outer, 2) if ways else outer, np.nan)
    for number in range(run.sizes["subject"]):
        subject = seen_subject(run, number, recorded, rules)
        of_cells, *sources = own_stream(run, number, rules.seed).spawn(1 + subject.matched.size)
        sessions = np.searchsorted(recorded["session"].values, subject.recorded["session"].values)
        units = chosen_units(subject, of_cells)
        for own, (session, rng) in enumerate(zip(sessions, sources, strict=True)):
            seconds = directed_occupancy(subject.recorded["occupancy"].isel(session=own))
            time[number, session] = seconds
            cells = np.flatnonzero(units[own] >= 0)
            rates = subject.rate[own][units[own][cells]]  # (unit, place, way)
            expected = rates[..., :2] * seconds if ways else rates[..., 2] * seconds.sum(axis=-1)
            expected = np.where(seconds if ways else seconds.sum(axis=-1), expected, 0.0)
            _refuse_unrated(expected, f"subject {subject.label}, session {session}")
            counts[number, session, cells] = rng.poisson(expected)
    return time, counts


def _refuse_unrated(expected: np.ndarray, label: str) -> None:
    unknown = ~np.isfinite(expected)
    if unknown.any():
        raise unrated(label, int(np.argwhere(unknown)[0, -1]))


def _measures(
    rate: xr.DataArray, events: np.ndarray, occupancy: np.ndarray, recorded: np.ndarray
) -> dict[str, xr.DataArray]:
    """All that follows from maps; ``recorded`` (subject, session, unit)."""
    cells = rate.dims[3:]
    present = labelled("recorded", rate.dims[:3], recorded.astype("int8"))
    time = labelled("occupancy", (*PAIR, *cells), occupancy, units="s")
    code = place_code(rate, time, present)
    active = (np.nan_to_num(events).sum(axis=tuple(range(3, rate.ndim))) > 0).sum(axis=-1)
    units = code["detected_units"]
    active_units = units.copy(data=np.where(units.values > 0, active, np.nan))
    return {
        **code,
        "rate": rate,
        "occupancy": time,
        "event_count": labelled("event_count", rate.dims, events),
        "active_units": described(active_units, "active_units"),
        "fraction_active_units": described(
            active_units / units.where(units > 0), "fraction_active_units"
        ),
    }


def _of_subjects(run: xr.Dataset, recorded: xr.Dataset, values: np.ndarray) -> np.ndarray:
    """Rows of the recorded subjects that those of the run are seen like."""
    numbers = (own_number(run, number) for number in range(run.sizes["subject"]))
    return np.asarray(values[[number % recorded.sizes["subject"] for number in numbers]])


def _coordinates(run: xr.Dataset, recorded: xr.Dataset, ways: bool) -> dict[str, Any]:
    places = [name for name in ("place", "place_x", "place_y", "place_z") if name in recorded]
    names = ["session", "unit", *places, *(["direction"] if ways else [])]
    own = [
        name
        for name, values in run.coords.items()
        if values.dims == ("subject",) and name != "subject"
    ]
    labels = {
        name: (PAIR, _of_subjects(run, recorded, recorded[name].values), recorded[name].attrs)
        for name in KEPT
        if name in recorded.coords and recorded[name].dims == PAIR
    }
    return {
        "subject": [str(label) for label in run["subject"].values],
        **{name: recorded.variables[name] for name in names},
        **{str(name): run.variables[name] for name in own},
        **labels,
    }


def _attrs(
    recorded: xr.Dataset, rules: Observation, minimum_occupancy: float
) -> dict[str, str | float]:
    return {
        **{name: recorded.attrs[name] for name in GRID if name in recorded.attrs},
        "source": f"simulated, maps alone, like {recorded.attrs.get('source', 'unknown')}",
        "activity_kind": "counts",
        "minimum_occupancy": minimum_occupancy,
        "place_unit_rule": Measurement().place_unit_rule(),
        "seed": rules.seed,
        "observation": rules.to_json(),
    }
