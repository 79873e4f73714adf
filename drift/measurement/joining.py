"""Sessions that were measured one by one, joined to one longitudinal Dataset over subjects,
sessions, units and places."""

from __future__ import annotations

import itertools
import warnings
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.places import Grid, place_attrs

SPARSE, ROOM = (
    10,
    1000,
)  # unit numbers beyond ten times their count and a thousand are ids of a data base


class Measured(NamedTuple):
    """One session, reduced to maps and numbers."""

    name: str
    labels: dict
    attrs: dict
    units: list[int]
    unit_labels: list[str]
    grid: Grid
    cells: np.ndarray  # (place, axis) integer bin numbers, counted from the origin of the grid
    maps: xr.Dataset


def _refuse_mixture(measured: list[Measured]) -> None:
    """All sessions must lie on one grid, in one unit of time, and each must be named once."""
    first = measured[0]
    seen: set[tuple[str, int]] = set()
    for one in measured:
        key = (str(one.labels["subject"]), int(one.labels["session"]))
        if key in seen:
            raise RefusedInputError(
                f"{one.name} occurs twice: number the sessions of a subject differently, also "
                "across environments."
            )
        seen.add(key)
        faults = [
            f"{k} {one.attrs[k]} against {v}"
            for k, v in first.attrs.items()
            if k not in ("source", "geometry", "activity_kind") and one.attrs[k] != v
        ]
        if one.labels["elapsed_units"] != first.labels["elapsed_units"]:
            faults.append(
                f"elapsed in {one.labels['elapsed_units']} against {first.labels['elapsed_units']}"
            )
        if _fixed(one.grid) != _fixed(first.grid):
            faults.append(f"{_described_grid(one.grid)} against {_described_grid(first.grid)}")
        if (
            one.cells.shape[1] != first.cells.shape[1]
            or one.maps["occupancy"].dims != first.maps["occupancy"].dims
        ):
            faults.append("another number of axes or directions")
        if faults:
            raise RefusedInputError(
                f"{one.name} does not fit {first.name}: {'; '.join(faults)}: measure them "
                "apart or alike."
            )
        if len(set(one.units)) < len(one.units) or min(one.units) < 0:
            raise RefusedInputError(
                f"{one.name} numbers two units alike, or below 0: give every unit its own "
                "number in the coordinate unit."
            )


def _fixed(grid: Grid) -> tuple:
    """What sessions must share of their grids; open tracks may differ in length, which is said."""
    return grid.origin, grid.ring, grid.closed, grid.end if grid.closed or grid.ring else None


def _described_grid(grid: Grid) -> str:
    end = "on" if grid.end is None or not (grid.closed or grid.ring) else f"to {grid.end:g}"
    return f"{'a ring' if grid.ring else 'bins'} from {grid.origin:g} {end}"


def _refuse_time_reversal(sessions: list[Measured]) -> None:
    for before, after in itertools.pairwise(sessions):
        if after.labels["elapsed"] < before.labels["elapsed"]:
            raise RefusedInputError(
                f"elapsed falls from {before.labels['elapsed']:g} at {before.name} to "
                f"{after.labels['elapsed']:g} at {after.name}: "
                "number the sessions in the order of real time."
            )


def _refuse_confusion(sessions: list[Measured]) -> None:
    """Within one unit_identity a unit number stands for one unit, so it cannot change its label."""
    labels: dict[tuple[str, int], str] = {}
    for one in sessions:
        for unit, label in zip(one.units, one.unit_labels):
            known = labels.setdefault((str(one.labels["unit_identity"]), unit), label)
            if known != label:
                raise RefusedInputError(
                    f"{one.name} calls unit {unit} {label!r}, but an earlier session of the "
                    f"same unit_identity calls it {known!r}: "
                    "give tracked units the same number, or the sessions different identities."
                )


def _grid(measured: list[Measured]) -> np.ndarray:
    """(place, axis) bins of all sessions: without gaps on a track, all of a ring or of given edges,
    visited ones in a plane."""
    cells, grid = (
        np.unique(np.concatenate([one.cells for one in measured]), axis=0),
        measured[0].grid,
    )
    if cells.shape[1] > 1:
        return cells
    whole = grid.bins if grid.closed or grid.ring else None
    return np.arange(
        cells.min() if whole is None else 0, cells.max() + 1 if whole is None else whole
    )[:, np.newaxis]


def _place_coordinates(cells: np.ndarray, grid: Grid, units: str, length: float | None) -> dict:
    centres, attrs = grid.centres(cells), place_attrs(grid._replace(end=None), units, length)
    if cells.shape[1] == 1:
        return {"place": ("place", centres[:, 0], attrs)}
    axes = {
        f"place_{axis}": ("place", centres[:, i], attrs)
        for i, axis in enumerate("xyz"[: cells.shape[1]])
    }
    return {"place": ("place", np.arange(len(cells)), {"units": "1"}), **axes}


def _extent(grid: Grid, length: float | None) -> dict[str, float]:
    """What sessions that are observed like this one need to lie on the same grid."""
    extent = {} if length is None else {"track_length": length}
    given = grid.end is not None and (grid.closed or grid.origin != 0)
    return (
        {**extent, "first_edge": grid.origin, "last_edge": float(grid.end or 0.0)}
        if given
        else extent
    )


def _track_lengths(measured: list[Measured]) -> list[float]:
    """Distinct lengths of the tracks, where sessions tell; said where they differ."""
    known = [
        float(one.labels["track_length"])
        for one in measured
        if one.labels["track_length"] is not None
    ]
    lengths = list(dict.fromkeys(known))
    if len(lengths) > 1:
        rare = min(reversed(lengths), key=known.count)
        first = next(one for one in measured if one.labels["track_length"] == rare)
        units = measured[0].attrs["position_units"]
        warnings.warn(
            f"track lengths differ: {', '.join(f'{length:g}' for length in lengths)} {units} "
            f"({first.name} has {rare:g}): places are "
            "compared by their distance from the start.",
            stacklevel=4,
        )
    return lengths if len(known) == len(measured) else [*lengths, np.nan]


def _subject_dataset(
    sessions: list[Measured], grid: np.ndarray, numbering: np.ndarray, units: int
) -> xr.Dataset:
    """One subject on the common axes; what it lacks is NaN, time at a place not visited is 0."""
    place_of = {tuple(cell): place for place, cell in enumerate(grid)}
    aligned = []
    for one in sessions:
        placed = one.maps.assign_coords(
            unit=one.units, place=[place_of[tuple(cell)] for cell in one.cells]
        )
        whole = placed.reindex(
            place=np.arange(len(grid)),
            fill_value={name: 0.0 if name == "occupancy" else np.nan for name in placed},
        )
        aligned.append(whole.reindex(unit=np.arange(units)))
    joined = xr.concat(
        aligned,
        dim="session",
        join="exact",
        coords="minimal",
        compat="override",
        combine_attrs="override",
    )
    return joined.assign_coords(session=[int(one.labels["session"]) for one in sessions]).reindex(
        session=numbering
    )


def _numbered(measured: list[Measured]) -> list[Measured]:
    """Sessions whose units have numbers that can be places of an array: their own, or the rank
    among all where numbers are ids."""
    known = np.unique(np.concatenate([one.units for one in measured]))
    if known[-1] < SPARSE * known.size + ROOM:
        return measured
    return [one._replace(units=np.searchsorted(known, one.units).tolist()) for one in measured]


def _session_labels(sessions: list[list[Measured]], numbering: np.ndarray, units: int) -> dict:
    """Coordinates over (subject, session): elapsed, environment, unit_identity, length of the
    track, and the label of each unit."""
    shape = (len(sessions), numbering.size)
    elapsed, length = np.full(shape, np.nan), np.full(shape, np.nan)
    text = {name: np.full(shape, "", dtype=object) for name in ("environment", "unit_identity")}
    unit_label = np.full((*shape, units), "", dtype=object)
    for i, of_subject in enumerate(sessions):
        for one in of_subject:
            j = int(np.searchsorted(numbering, int(one.labels["session"])))
            elapsed[i, j] = one.labels["elapsed"]
            length[i, j] = (
                np.nan if one.labels["track_length"] is None else one.labels["track_length"]
            )
            unit_label[i, j, one.units] = one.unit_labels
            for name, array in text.items():
                array[i, j] = str(one.labels[name])
    attrs = {
        "units": sessions[0][0].labels["elapsed_units"],
        "long_name": "real elapsed time of the session",
    }
    coords: dict[str, tuple] = {
        name: (("subject", "session"), array.astype(str)) for name, array in text.items()
    }
    labels = (("subject", "session", "unit"), unit_label.astype(str))
    if np.isfinite(length).any():
        of_track = {
            "units": sessions[0][0].attrs["position_units"],
            "long_name": "length of the track",
        }
        coords["track_length"] = (("subject", "session"), length, of_track)
    return {"elapsed": (("subject", "session"), elapsed, attrs), "unit_label": labels, **coords}


def joined_sessions(measured: list[Measured]) -> xr.Dataset:
    """Join measured sessions; what a subject or session lacks is NaN.

    Parameters
    ----------
    measured : list of Measured
        At least one session, in any order; subjects keep the order in which they come first.

    Returns
    -------
    xarray.Dataset
        (subject, session, unit, place[, direction]); units keep their numbers, unless these are ids
        far beyond the number of units (then ``unit`` is their rank, and ``unit_label`` keeps the
        id); sessions are sorted by number.

    Raises
    ------
    RefusedInputError
        If a session occurs twice, elapsed falls, a tracked unit changes its label, or the sessions
        do not share grid and units.
    """
    _refuse_mixture(measured)
    measured = _numbered(measured)
    subjects = list(dict.fromkeys(str(one.labels["subject"]) for one in measured))
    numbering = np.unique([int(one.labels["session"]) for one in measured])
    sessions = [
        sorted(
            (o for o in measured if str(o.labels["subject"]) == s),
            key=lambda o: int(o.labels["session"]),
        )
        for s in subjects
    ]
    for of_subject in sessions:
        _refuse_time_reversal(of_subject)
        _refuse_confusion(of_subject)
    units = 1 + max(max(one.units) for one in measured)
    cells, attrs, lengths = _grid(measured), measured[0].attrs, _track_lengths(measured)
    parts = [_subject_dataset(own, cells, numbering, units) for own in sessions]
    joined = xr.concat(
        parts,
        dim="subject",
        join="exact",
        coords="minimal",
        compat="override",
        combine_attrs="override",
    )
    length = (
        lengths[0] if len(lengths) == 1 and np.isfinite(lengths[0]) else measured[0].grid.around
    )
    places = _place_coordinates(cells, measured[0].grid, attrs["position_units"], length)
    joined = joined.drop_vars("place").assign_coords(
        subject=subjects, **places, **_session_labels(sessions, numbering, units)
    )
    joined = joined.assign_attrs(_extent(measured[0].grid, length))
    return joined.transpose("subject", "session", "unit", "place", ...)
