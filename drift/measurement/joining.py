"""Sessions that were measured one by one, joined to one longitudinal Dataset over subjects,
sessions, units and places, or stimuli."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.domains import Domain
from drift.metrics.maps import DIRECTIONS
from drift.schema.labelled_form import described
from drift.schema.longitudinal import longitudinal_dataset

# unit numbers beyond ten times their count and a thousand are ids of a data base
SPARSE, ROOM = 10, 1000
# attributes in which sessions of one Dataset may differ
LABELS = ("environment", "unit_identity", "track_map")
NOT_COMPARED = ("source", "geometry", "activity_kind", "observation")


class Measured(NamedTuple):
    """One session, reduced to maps and numbers."""

    name: str
    labels: dict
    attrs: dict
    units: list[int]
    unit_labels: list[str]
    certainty: list[float] | None  # of the identity of each unit
    domain: Domain
    # (place, axis) integer bin numbers, counted from the origin of the grid; (stimulus, 1) labels
    cells: np.ndarray
    # by name: over unit, place and direction, or one number
    maps: dict[str, xr.Variable]


def _refuse_mixture(measured: list[Measured]) -> None:
    """All sessions must lie on one grid, in one unit of time, and each must be named once."""
    first = measured[0]
    keys: set[tuple[str, int]] = set()
    for session in measured:
        key = (str(session.labels["subject"]), int(session.labels["session"]))
        if key in keys:
            raise RefusedInputError(
                f"{session.name} occurs twice: number the sessions of a subject differently, also "
                "across environments."
            )
        keys.add(key)
        faults = [
            f"{name} {session.attrs[name]} against {value}"
            for name, value in first.attrs.items()
            if name not in NOT_COMPARED and session.attrs[name] != value
        ]
        if session.labels["elapsed_units"] != first.labels["elapsed_units"]:
            faults.append(
                f"elapsed in {session.labels['elapsed_units']} against "
                f"{first.labels['elapsed_units']}"
            )
        if session.domain.shared != first.domain.shared:
            faults.append(f"{session.domain} against {first.domain}")
        if (
            session.cells.shape[1] != first.cells.shape[1]
            or session.maps["occupancy"].dims != first.maps["occupancy"].dims
        ):
            faults.append("another number of axes or directions")
        if faults:
            raise RefusedInputError(
                f"{session.name} does not fit {first.name}: {'; '.join(faults)}: measure them "
                "apart or alike."
            )
        if len(set(session.units)) < len(session.units) or min(session.units) < 0:
            raise RefusedInputError(
                f"{session.name} numbers two units alike, or below 0: give every unit its own "
                "number in the coordinate unit."
            )


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
    for session in sessions:
        for unit, label in zip(session.units, session.unit_labels):
            earlier_label = labels.setdefault((str(session.labels["unit_identity"]), unit), label)
            if earlier_label != label:
                raise RefusedInputError(
                    f"{session.name} calls unit {unit} {label!r}, but an earlier session of the "
                    f"same unit_identity calls it {earlier_label!r}: "
                    "give tracked units the same number, or the sessions different identities."
                )


def _track_lengths(measured: list[Measured]) -> list[float]:
    """Distinct lengths of the tracks, where sessions tell; said where they differ."""
    session_lengths = [
        float(session.labels["track_length"])
        for session in measured
        if session.labels["track_length"] is not None
    ]
    lengths = list(dict.fromkeys(session_lengths))
    if len(lengths) > 1:
        rare = min(reversed(lengths), key=session_lengths.count)
        first = next(session for session in measured if session.labels["track_length"] == rare)
        units = measured[0].attrs["position_units"]
        warnings.warn(
            f"track lengths differ: {', '.join(f'{length:g}' for length in lengths)} {units} "
            f"({first.name} has {rare:g}): places are "
            "compared by their distance from the start.",
            stacklevel=4,
        )
    return lengths if len(session_lengths) == len(measured) else [*lengths, np.nan]


def _tell_alternating_maps(measured: list[Measured]) -> None:
    """Warn where a subject has several maps of one track, which readers know of."""
    maps: dict[tuple[str, str], set[str]] = {}
    for session in measured:
        room = str(session.labels["subject"]), str(session.labels["environment"])
        numbers = filter(None, str(session.labels["track_map"]).split(", "))
        maps.setdefault(room, set()).update(numbers)
    alternating = [
        f"subject {subject} in environment {environment} (maps {', '.join(sorted(numbers))})"
        for (subject, environment), numbers in maps.items()
        if len(numbers) > 1
    ]
    if alternating:
        warnings.warn(
            f"several maps of one track are mixed: {'; '.join(alternating)}; a change of map reads "
            "as drift: read them as environments by maps_apart=True, or one by map_number=1.",
            stacklevel=5,
        )


def _filled(
    sessions: list[list[Measured]], cells: np.ndarray, numbering: np.ndarray, units: int
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Arrays (subject, session, ...) of all variables on the common axes; what a subject or a
    session lacks is NaN, time at a place not visited is 0."""
    first, along = sessions[0][0].maps, sessions[0][0].domain.dim
    ways = {dim: size for values in first.values() for dim, size in values.sizes.items()}
    sizes = {**ways, "unit": units, along: len(cells)}
    place_of = {tuple(cell): place for place, cell in enumerate(cells.tolist())}
    inner = {name: _ordered(values.dims) for name, values in first.items()}
    shape = (len(sessions), numbering.size)
    filled = {
        name: np.full((*shape, *(sizes[dim] for dim in dims)), np.nan)
        for name, dims in inner.items()
    }
    for subject, of_subject in enumerate(sessions):
        for session in of_subject:
            at = subject, int(np.searchsorted(numbering, int(session.labels["session"])))
            axes = {
                "unit": np.asarray(session.units),
                along: np.array([place_of[tuple(cell)] for cell in session.cells.tolist()]),
            }
            for name in filled.keys() & {"occupancy", "occupancy_half"}:
                filled[name][at] = 0.0
            for name, dims in inner.items():
                index = [axes.get(dim, np.arange(sizes[dim])) for dim in dims]
                values = session.maps[name].transpose(*dims).values
                view = filled[name][at[0] : at[0] + 1, at[1] : at[1] + 1]
                view[np.ix_(np.zeros(1, int), np.zeros(1, int), *index)] = values
    return {name: (("subject", "session", *inner[name]), filled[name]) for name in inner}


def _ordered(dims: Sequence[Hashable]) -> tuple[str, ...]:
    leading = [dim for dim in ("unit", "place", "stimulus", "direction") if dim in dims]
    return (*leading, *(str(dim) for dim in dims if dim not in leading))


def numbered(measured: list[Measured]) -> list[Measured]:
    """Sessions whose units have numbers that can be places of an array: their own, or the rank
    among all where numbers are ids."""
    numbers = np.unique(np.concatenate([session.units for session in measured]))
    if numbers[-1] < SPARSE * numbers.size + ROOM:
        return measured
    return [
        session._replace(units=np.searchsorted(numbers, session.units).tolist())
        for session in measured
    ]


def _session_labels(
    sessions: list[list[Measured]], numbering: np.ndarray, units: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """Elapsed time (subject, session), and coordinates over these: environment, unit_identity,
    length of the track, visits to the environment, and the label of each unit."""
    shape = (len(sessions), numbering.size)
    elapsed, length, visits = (np.full(shape, np.nan) for _ in range(3))
    text = {name: np.full(shape, "", dtype=object) for name in LABELS}
    unit_label = np.full((*shape, units), "", dtype=object)
    certainty = np.full((*shape, units), np.nan)
    for row, of_subject in enumerate(sessions):
        for session, visit in zip(of_subject, _visits(of_subject), strict=True):
            column = int(np.searchsorted(numbering, int(session.labels["session"])))
            elapsed[row, column], visits[row, column] = session.labels["elapsed"], visit
            length[row, column] = (
                np.nan if session.labels["track_length"] is None else session.labels["track_length"]
            )
            unit_label[row, column, session.units] = session.unit_labels
            if session.certainty is not None:
                certainty[row, column, session.units] = session.certainty
            for name, array in text.items():
                array[row, column] = str(session.labels[name])
    if not (text["track_map"] != "").any():
        del text["track_map"]
    coords: dict[str, tuple] = {
        name: (("subject", "session"), array.astype(str)) for name, array in text.items()
    }
    labels = (("subject", "session", "unit"), unit_label.astype(str))
    if np.isfinite(certainty).any():
        told = {"units": "1", "long_name": "certainty that the unit is the same over sessions"}
        coords["registration_confidence"] = (("subject", "session", "unit"), certainty, told)
    if np.isfinite(length).any():
        of_track = {
            "units": sessions[0][0].attrs["position_units"],
            "long_name": "length of the track",
        }
        coords["track_length"] = (("subject", "session"), length, of_track)
    counted = described(xr.DataArray(visits, dims=("subject", "session")), "visits")
    return elapsed, {"unit_label": labels, **coords, "visits": counted.variable}


def _visits(sessions: Sequence[Measured]) -> Iterator[float]:
    """How often the subject has been in the environment of each session, that session included:
    what the session says, else one more than in the session before in that environment."""
    latest: dict[str, float] = {}
    for session in sessions:
        room = str(session.labels["environment"])
        stated = session.labels["visits"]
        counted = stated is None or np.isnan(stated)
        visit = latest.get(room, 0.0) + 1 if counted else float(stated)
        if not visit > latest.get(room, 0.0):
            raise RefusedInputError(
                f"{session.name}: visits must rise from session to session in an environment, got "
                f"{visit:g} after {latest.get(room, 0.0):g}: count all visits, that of the session "
                "included."
            )
        latest[room] = visit
        yield visit


def joined_sessions(measured: list[Measured], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Join measured sessions; what a subject or session lacks is NaN.

    Parameters
    ----------
    measured : list of Measured
        At least one session, in any order; subjects keep the order in which they come first.
    attrs : mapping
        Of the Dataset.

    Returns
    -------
    xarray.Dataset
        (subject, session, unit, place[, direction]), or stimulus for place; units keep their
        numbers, unless these are ids far beyond the number of units (then ``unit`` is their rank,
        and ``unit_label`` keeps the id); sessions are sorted by number.

    Raises
    ------
    RefusedInputError
        If a session occurs twice, elapsed falls, a tracked unit changes its label, or the sessions
        do not share grid and units.
    """
    _refuse_mixture(measured)
    _tell_alternating_maps(measured)
    measured = numbered(measured)
    subjects = list(dict.fromkeys(str(session.labels["subject"]) for session in measured))
    numbering = np.unique([int(session.labels["session"]) for session in measured])
    sessions = [
        sorted(
            (session for session in measured if str(session.labels["subject"]) == subject),
            key=lambda session: int(session.labels["session"]),
        )
        for subject in subjects
    ]
    for of_subject in sessions:
        _refuse_time_reversal(of_subject)
        _refuse_confusion(of_subject)
    units = 1 + max(max(session.units) for session in measured)
    first, lengths = measured[0], _track_lengths(measured)
    cells = first.domain.joined([session.cells for session in measured])
    length = lengths[0] if len(lengths) == 1 and np.isfinite(lengths[0]) else first.domain.around
    elapsed, labels = _session_labels(sessions, numbering, units)
    ways = {"direction": list(DIRECTIONS)} if "direction" in first.maps["rate"].dims else {}
    return longitudinal_dataset(
        _filled(sessions, cells, numbering, units),
        {
            "subject": subjects,
            "session": numbering,
            "unit": np.arange(units),
            **ways,
            **({"half": [0, 1]} if "rate_half" in first.maps else {}),
            **first.domain.coordinates(cells, length),
            **labels,
        },
        elapsed=elapsed,
        elapsed_units=first.labels["elapsed_units"],
        units={
            **dict.fromkeys(("rate", "rate_half"), f"{first.attrs['activity_units']}/s"),
            **dict.fromkeys(("occupancy", "occupancy_half"), "s"),
            **dict.fromkeys(("event_count", "event_count_half"), "events"),
            "mean_speed": f"{first.attrs.get('position_units', 'cm')}/s",
        },
        attrs={**attrs, **first.domain.extent(length)},
    )
