"""How far the largest field of a unit lies from where it was, against shuffled identities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Edges, Positive
from drift.errors import RefusedInputError
from drift.metrics.places import ring_length, shorter_way
from drift.metrics.stability.pairs import comparable_pairs

PAIRS = ("subject", "session", "session_other")
BINS = 21  # of a histogram of shifts: an odd number, so that one is about 0


class Largest(NamedTuple):
    """Largest fields: ``place`` (subject, session, unit, direction, axis) and ``width`` (subject,
    session, unit, direction), the length of a way through the field; ``length`` of the ring."""

    place: np.ndarray
    width: np.ndarray
    length: float | None


class _Apart(NamedTuple):
    """Every field of a session against every field of another in the same direction, one entry
    each: displacement (pair, axis), mean width, and whether both are of one unit."""

    displacement: np.ndarray
    width: np.ndarray
    same: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        return np.sqrt((self.displacement**2).sum(axis=-1))


def largest_fields(fields: xr.Dataset) -> Largest:
    """The largest field of each unit in each direction.

    Parameters
    ----------
    fields : xarray.Dataset
        Of ``place_fields`` of a longitudinal Dataset.

    Raises
    ------
    RefusedInputError
        If the Dataset has no fields.
    """
    missing = {"field_place", "field_width"} - set(fields.data_vars)
    if missing or not {"subject", "session", "unit", "field"} <= set(fields["field_place"].dims):
        raise RefusedInputError(
            "shifts need the fields of a longitudinal Dataset, got one without "
            f"{', '.join(sorted(missing)) or 'subject, session and unit'}: pass "
            "metrics.place_fields(dataset['rate'])."
        )
    place, width = (fields[name].isel(field=0) for name in ("field_place", "field_width"))
    plane = "axis" in place.dims
    place, width = (
        numbers if "direction" in numbers.dims else numbers.expand_dims("direction")
        for numbers in (place if plane else place.expand_dims("axis"), width)
    )
    order = ("subject", "session", "unit", "direction")
    across = width.transpose(*order).values
    return Largest(
        place.transpose(*order, "axis").values,
        2 * np.sqrt(across / np.pi) if plane else across,
        ring_length(fields["field_place"]),
    )


def _apart(largest: Largest, at: tuple[int, int, int]) -> _Apart:
    """All fields of one session against all of another."""
    subject, session, session_other = at
    columns: list[list[np.ndarray]] = [[], [], []]
    for way in range(largest.place.shape[3]):
        before, after = (
            largest.place[subject, which, :, way] for which in (session, session_other)
        )
        first, second = (np.flatnonzero(np.isfinite(place[:, 0])) for place in (before, after))
        moved = after[second] - before[first][:, np.newaxis]
        width = largest.width[subject, :, :, way]
        columns[0].append(shorter_way(moved, largest.length).reshape(-1, moved.shape[-1]))
        columns[1].append(
            (width[session, first][:, np.newaxis] + width[session_other, second]).ravel() / 2
        )
        columns[2].append((first[:, np.newaxis] == second).ravel())
    return _Apart(*(np.concatenate(column) for column in columns))


def _earlier(pairs: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Pairs of different sessions that may be compared, the earlier first."""
    for subject, session, session_other in np.argwhere(pairs).tolist():
        if session < session_other:
            yield subject, session, session_other


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if flags.size else np.nan


@opened
def field_shift(
    fields: xr.Dataset, jump: Positive | None = None, *, across_environments: bool = False
) -> xr.Dataset:
    """Shift of the largest field of each unit from one session to another, and the share of jumps.

    A shift is a jump if it is longer than a field is wide. By chance stands what shuffled
    identities give: the same share over all pairs of different units (of one direction), without a
    draw, so that a code whose fields are dealt anew has as many jumps as chance gives.

    Parameters
    ----------
    fields : xarray.Dataset
        Of ``place_fields`` of a longitudinal Dataset, with ``field_place`` and ``field_width``.
    jump : float, optional
        Longest shift that is no jump, in units of place; by default the mean width of the two
        fields, in a plane the diameter of a disc of the area of a field.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.Dataset
        ``shift`` (subject, session, session_other, unit[, direction][, axis]), place in
        ``session_other`` minus place in ``session``, on a ring the shorter way round, NaN where a
        session has no field; ``jumps`` and ``jumps_by_chance`` (subject, session, session_other)
        shares of shifts, NaN where there is none, and of a session with itself;
        ``fields_compared`` how many shifts they are over.

    Raises
    ------
    RefusedInputError
        If the Dataset has no fields, or no two sessions may be compared.
    """
    largest = largest_fields(fields)
    pairs = comparable_pairs(fields, across_environments)
    names = ("jumps", "jumps_by_chance", "fields_compared")
    numbers = {name: np.full(pairs.shape, np.nan) for name in names}
    for at in _earlier(pairs):
        apart = _apart(largest, at)
        longer = apart.distance > (apart.width if jump is None else jump)
        both = (at, (at[0], at[2], at[1]))
        for where in both:
            numbers["jumps"][where] = _share(longer[apart.same])
            numbers["jumps_by_chance"][where] = _share(longer[~apart.same])
            numbers["fields_compared"][where] = apart.same.sum()
    variables = {name: (PAIRS, values, {"units": "1"}) for name, values in numbers.items()}
    return xr.Dataset(variables, coords=_coords(fields)).assign(
        shift=_shift(fields, largest.length, pairs)
    )


def _coords(fields: xr.Dataset) -> dict[str, np.ndarray]:
    coords = {dim: fields[dim].values for dim in ("subject", "session") if dim in fields.coords}
    return coords | ({"session_other": coords["session"]} if "session" in coords else {})


def _shift(fields: xr.Dataset, length: float | None, pairs: np.ndarray) -> xr.DataArray:
    place = fields["field_place"].isel(field=0).reset_coords(drop=True)
    later = place.drop_vars("session", errors="ignore").rename(session="session_other")
    moved = later - place.drop_vars("session", errors="ignore")
    moved = moved.transpose(*PAIRS, "unit", ...)
    moved = moved.copy(data=shorter_way(moved.values, length))
    units = str(fields["field_place"].attrs.get("units", "1"))
    return moved.where(xr.DataArray(pairs, dims=PAIRS)).assign_attrs(units=units)


@opened
def shift_distribution(
    fields: xr.Dataset, edges: Edges | None = None, *, across_environments: bool = False
) -> xr.Dataset:
    """Histogram of the shifts of the largest fields between two sessions, and what shuffled
    identities give.

    Parameters
    ----------
    fields : xarray.Dataset
        Of ``place_fields`` of a longitudinal Dataset.
    edges : numpy.ndarray, optional
        Edges of the bins, in units of place; by default 21 bins up to the longest shift that there
        can be: half of a ring, or the distance of the outermost fields. In a plane, where shifts
        have no sign, they are bins of its length, from 0 on.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.Dataset
        ``share`` and ``share_by_chance`` (subject, session, session_other, shift) of the shifts in
        each bin, the earlier session first, NaN for all other pairs; coordinate ``shift``, the
        centres of the bins. ``by_lag`` takes the mean by the time between sessions.

    Raises
    ------
    RefusedInputError
        If the Dataset has no fields, no two sessions may be compared, or edges do not increase.
    """
    largest = largest_fields(fields)
    pairs = comparable_pairs(fields, across_environments)
    bins = _edges(largest) if edges is None else np.asarray(edges, dtype=float)
    if bins.size < 2 or not (np.diff(bins) > 0).all():
        raise RefusedInputError(
            f"edges of shifts must be at least two increasing numbers, got {bins}: give them in "
            "units of place."
        )
    shape = (*pairs.shape, bins.size - 1)
    numbers = {name: np.full(shape, np.nan) for name in ("share", "share_by_chance")}
    for at in _earlier(pairs):
        apart = _apart(largest, at)
        plane = apart.displacement.shape[1] > 1
        moved = apart.distance if plane else apart.displacement[:, 0]
        for name, which in (("share", apart.same), ("share_by_chance", ~apart.same)):
            if which.any():
                numbers[name][at] = np.histogram(moved[which], bins)[0] / which.sum()
    variables = {
        name: ((*PAIRS, "shift"), values, {"units": "1"}) for name, values in numbers.items()
    }
    units = str(fields["field_place"].attrs.get("units", "1"))
    shift = ("shift", (bins[:-1] + bins[1:]) / 2, {"units": units})
    return xr.Dataset(variables, coords={**_coords(fields), "shift": shift})


def _edges(largest: Largest) -> np.ndarray:
    if largest.length is not None:
        return np.linspace(-largest.length / 2, largest.length / 2, BINS + 1)
    axes = largest.place.reshape(-1, largest.place.shape[-1])
    axes = axes[np.isfinite(axes[:, 0])]
    longest = float(np.sqrt((np.ptp(axes, axis=0) ** 2).sum())) if len(axes) else 0.0
    longest = longest * (1 + 1e-9) or 1.0
    return np.linspace(0.0 if axes.shape[1] > 1 else -longest, longest, BINS + 1)
