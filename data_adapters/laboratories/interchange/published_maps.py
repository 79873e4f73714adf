"""Recordings of which only rate maps and occupancy are published (variant B of the interchange
format; Jercog 2019).

Jercog PE, Abbott LF, Kandel ER (2019) Hippocampal CA1 neurons recording from mice foraging in
three different environments over 10 days. CRCNS hc-22, doi 10.6080/K09W0CP7. The deposit has no
spikes and only neurons above 0.1 Hz: the number of active units is all that can be said, never a
fraction, and there is no test for place units.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.laboratories.interchange.fields import Fields
from data_adapters.laboratories.interchange.recordings import Recording, recordings, registrations
from data_adapters.registrations.cell_map import Registration
from data_adapters.session import ELAPSED_UNITS, GEOMETRIES, one_of
from drift.metrics.place_code import place_code
from drift.metrics.places import RING, Grid, equal_bins, place_attrs
from drift.schema.labelled_form import RefusedInputError, labelled
from drift.schema.longitudinal import longitudinal_dataset

TRACKS, ARENAS = ("linear", "L", RING), ("square", "circle")
DIRECTIONS = (1, -1)


class Maps(NamedTuple):
    """Maps of one session: rate (unit, place[, direction]) in Hz, occupancy (place[, direction]) in
    s, and the grid of its places."""

    rate: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    grid: tuple[int, ...]
    axes: tuple[Grid, ...]
    unit: NDArray[np.int64]
    identity: str
    fields: Fields

    @property
    def key(self) -> tuple[str, int]:
        """Animal, and session from 0."""
        return self.fields.text("animal"), self.fields.session() - 1


def longitudinal(path: str | Path) -> xr.Dataset:
    """Longitudinal Dataset of files that hold ``rate_maps`` and ``occupancy``.

    Parameters
    ----------
    path : str or pathlib.Path
        One file, or a folder of ``<animal>_<session:02d>`` files.

    Returns
    -------
    xarray.Dataset
        ``rate`` (subject, session, unit, place[, direction]) in events/s, ``occupancy`` in s,
        ``recorded``, ``active_units``, the information of the published maps, ``detected_units``
        where a file names them, NaN elsewhere, and NaN for place units, for which there is no test.
        Two-dimensional places are numbered row by row and carry ``place_x`` and ``place_y``. Two
        directions are 1 and -1 in this order.

    Raises
    ------
    RefusedInputError
        If a file lacks what it needs, or the maps of two files differ in shape, places or units of
        time.
    """
    maps = _maps(recordings(path))
    _refuse_mixture(maps)
    subjects, numbers = (
        list(dict.fromkeys(session.key[0] for session in maps)),
        sorted({session.key[1] for session in maps}),
    )
    units = 1 + max(int(session.unit.max()) for session in maps)
    filled: dict[str, NDArray[Any]] = {
        "rate": np.full((len(subjects), len(numbers), units, *maps[0].occupancy.shape), np.nan),
        "occupancy": np.full((len(subjects), len(numbers), *maps[0].occupancy.shape), np.nan),
        "recorded": np.zeros((len(subjects), len(numbers), units)),
        "detected_units": np.full((len(subjects), len(numbers)), np.nan),
        "elapsed": np.full((len(subjects), len(numbers)), np.nan),
        "unit_identity": np.full((len(subjects), len(numbers)), "", dtype=object),
        "environment": np.full((len(subjects), len(numbers)), "", dtype=object),
    }
    for session in maps:
        _fill(filled, session, (subjects.index(session.key[0]), numbers.index(session.key[1])))
    return _dataset(filled, maps[0], subjects, numbers)


def _fill(filled: dict[str, NDArray[Any]], one: Maps, at: tuple[int, int]) -> None:
    filled["rate"][at][one.unit] = one.rate
    filled["recorded"][at][one.unit] = 1
    filled["occupancy"][at] = np.nan_to_num(one.occupancy, nan=0.0)
    filled["elapsed"][at] = one.fields.number("time")
    filled["unit_identity"][at] = one.identity
    filled["environment"][at] = one.fields.text("environment")
    if "n_detected" in one.fields:
        filled["detected_units"][at] = one.fields.whole("n_detected")


def _dataset(
    filled: dict[str, NDArray[Any]], first: Maps, subjects: list[str], numbers: list[int]
) -> xr.Dataset:
    session = ("subject", "session")
    place = ("place", "direction")[: first.occupancy.ndim]
    texts = {name: (session, filled[name].astype(str)) for name in ("unit_identity", "environment")}
    coords = {
        "subject": subjects,
        "session": numbers,
        "unit": np.arange(filled["rate"].shape[2]),
        **texts,
        **_places(first),
    }
    if "direction" in place:
        coords["direction"] = list(DIRECTIONS)
    rate = labelled("rate", (*session, "unit", *place), filled["rate"], units="events/s")
    occupancy = labelled("occupancy", (*session, *place), filled["occupancy"], units="s")
    recorded = labelled("recorded", (*session, "unit"), filled["recorded"].astype(np.int8))
    detected = labelled("detected_units", session, filled["detected_units"])
    active = (rate > 0).any([dim for dim in rate.dims if dim in ("place", "direction")]).sum("unit")
    variables = {
        **place_code(rate, occupancy, recorded, detected=detected, tested=False),
        "rate": rate,
        "occupancy": occupancy,
        "active_units": active.where(recorded.any("unit")),
    }
    return longitudinal_dataset(
        variables,
        coords,
        elapsed=filled["elapsed"],
        elapsed_units=first.fields.text("time_unit"),
        attrs={
            "geometry": first.fields.text("geometry"),
            "source": first.fields.text("source", "interchange file"),
        },
    )


def _places(first: Maps) -> dict[str, Any]:
    centres = [
        grid.centres(np.arange(bins)) for grid, bins in zip(first.axes, first.grid, strict=True)
    ]
    attrs = [place_attrs(grid, "cm") for grid in first.axes]
    if len(first.grid) == 1:
        return {"place": ("place", centres[0], attrs[0])}
    y, x = (axis.ravel() for axis in np.meshgrid(*centres, indexing="ij"))
    return {
        "place": np.arange(len(x)),
        "place_x": ("place", x, attrs[1]),
        "place_y": ("place", y, attrs[0]),
    }


def _maps(files: list[Recording]) -> list[Maps]:
    registered = registrations(files)
    return [
        _session_maps(recording.fields(), registered[recording.registration]) for recording in files
    ]


def _session_maps(fields: Fields, registration: Registration | None) -> Maps:
    fields.require(
        "rate_maps",
        "occupancy",
        "geometry",
        "animal",
        "environment",
        "session",
        "time",
        "time_unit",
    )
    one_of(fields.text("time_unit"), ELAPSED_UNITS, f"time_unit in {fields.path}")
    geometry = one_of(fields.text("geometry"), GEOMETRIES, f"geometry in {fields.path}")
    rate, occupancy = fields.array("rate_maps"), fields.array("occupancy")
    if rate.ndim != 3 or rate.shape[1:] != occupancy.shape or rate.size == 0:
        got = f"{rate.shape} and {occupancy.shape}"
        raise RefusedInputError(
            f"rate_maps in {fields.path} were expected as (cell, direction, bin) or (cell, y, "
            f"x) over occupancy, got {got}: reshape."
        )
    if (rate < 0).any() or (occupancy < 0).any():
        raise RefusedInputError(
            f"rate_maps and occupancy in {fields.path} were expected not negative, got a "
            "value below 0: correct it."
        )
    if np.isnan(rate).all():
        raise RefusedInputError(
            f"rate_maps in {fields.path} were expected to hold rates, got only NaN: check the file."
        )
    if _is_track(geometry, rate.shape):
        grid: tuple[int, ...] = rate.shape[2:]
        rate, occupancy = _directed(rate), _directed(occupancy[np.newaxis])[0]
    else:
        grid = rate.shape[1:]
        rate, occupancy = rate.reshape(len(rate), -1), occupancy.ravel()
    unit, identity = np.arange(len(rate)), f"session {fields.session()}"
    if registration is not None:
        unit, identity = registration.units(fields.session(), len(rate)), "registered"
    return Maps(
        rate,
        occupancy,
        grid,
        tuple(_axis(fields, bins, geometry) for bins in grid),
        unit,
        identity,
        fields,
    )


def _is_track(geometry: str, shape: tuple[int, ...]) -> bool:
    return geometry in TRACKS or (geometry not in ARENAS and shape[1] <= len(DIRECTIONS))


def _directed(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cell, direction, bin) as (cell, bin, direction); as (cell, bin) where there is one
    direction."""
    if maps.shape[1] > len(DIRECTIONS):
        raise RefusedInputError(
            f"maps of a track were expected with 1 or 2 directions, got {maps.shape[1]}: "
            "order them (cell, direction, bin)."
        )
    return maps[:, 0] if maps.shape[1] == 1 else maps.transpose(0, 2, 1)


def _axis(fields: Fields, bins: int, geometry: str) -> Grid:
    """Bins along one axis of the maps."""
    if "bin_edges_cm" not in fields:
        length = fields.number("track_length_cm")
        return Grid(length / bins, 0.0, length, ring=geometry == RING)
    edges = fields.vector("bin_edges_cm")
    if len(edges) != bins + 1:
        raise RefusedInputError(
            f"bin_edges_cm in {fields.path} was expected with {bins + 1} edges for {bins} "
            f"bins, got {len(edges)}: correct it."
        )
    width, low, high = equal_bins(edges, f"bin_edges_cm in {fields.path}")
    return Grid(width, low, high, ring=geometry == RING)


def _alike(one: Grid, other: Grid, bins: int) -> bool:
    numbers = np.arange(bins)
    return one.ring == other.ring and np.allclose(one.centres(numbers), other.centres(numbers))


def _refuse_mixture(maps: list[Maps]) -> None:
    first = maps[0]
    for session in maps[1:]:
        same_places = session.grid == first.grid and all(
            _alike(*axes) for axes in zip(session.axes, first.axes, session.grid)
        )
        if not same_places or session.occupancy.shape != first.occupancy.shape:
            raise RefusedInputError(
                f"{session.fields.path} was expected to have the places of {first.fields.path}, "
                "got others: read them apart."
            )
        if session.fields.text("time_unit") != first.fields.text("time_unit"):
            raise RefusedInputError(
                f"{session.fields.path} was expected to have the time_unit of "
                f"{first.fields.path}, got another: convert it."
            )
