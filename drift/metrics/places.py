"""Places: the grid that positions are binned on, which bin each lies in, and what the place
coordinate says of all this."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.schema.map_dims import STIMULUS, map_dim

ROUNDING = 1e-9  # of a bin: positions this near to an edge lie on it
# of the track: so far beyond its ends the jitter of a camera carries positions that belong to them
OVERHANG = 0.05
LARGEST_TRACK = 5000  # bins along a track
LARGEST_ARENA = 1000  # bins along each axis of a plane
LARGEST_NUMBER = 2**40  # of a bin, beyond which float64 cannot tell edges apart by a billionth
RING = "ring"
PLANE_POINTER = "draw them with drift.plots.arena_maps or in a report"


class Grid(NamedTuple):
    """Equal bins along every axis of position, numbered from ``origin`` on.

    Attributes
    ----------
    bin_size, origin : float
        Width of the bins and lower edge of bin 0, in units of position.
    end : float or None
        End of the track, or last edge where edges were given; a position there belongs to the bin
        before it. None where not known.
    closed : bool
        Positions before the origin or beyond the end lie in no bin, as edges were given; else they
        count to the bins at the ends of a track where they lie at most 5 % of its length beyond.
    ring : bool
        The end is the origin again.
    """

    bin_size: float
    origin: float = 0.0
    end: float | None = None
    closed: bool = False
    ring: bool = False

    @property
    def bins(self) -> int | None:
        """Bins up to the end, None where it is not known."""
        if self.end is None:
            return None
        return max(1, int(np.ceil((self.end - self.origin) / self.bin_size - ROUNDING)))

    @property
    def around(self) -> float | None:
        """Length around a ring, None for anything else."""
        return self.end - self.origin if self.ring and self.end is not None else None

    def centres(self, numbers: np.ndarray) -> np.ndarray:
        """Centres of bins with these numbers, in units of position."""
        return self.origin + (numbers + 0.5) * self.bin_size


def rounding(values: np.ndarray, edges: np.ndarray) -> float:
    """How far from an edge a position may be stored that lies on it.

    A billionth of the narrowest bin, and what arithmetic in the precision of the values loses:
    positions that were kept as float32 are told by their trailing bits.

    Parameters
    ----------
    values : numpy.ndarray
        Positions, NaN where lost.
    edges : numpy.ndarray
        Increasing edges in the same units.

    Returns
    -------
    float
        In units of position.
    """
    positions = values[np.isfinite(values)]
    with np.errstate(over="ignore"):
        single = bool((positions == positions.astype(np.float32)).all())
    lost = (
        4 * float(np.finfo(np.float32 if single else np.float64).eps) * float(np.abs(edges).max())
    )
    narrowest = float(np.diff(edges).min())
    return min(ROUNDING * narrowest + lost, narrowest / 4)


def bin_numbers(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Number of the bin that each value lies in, by the decimal numbers that values and edges stand
    for.

    Bin i is [edges[i], edges[i + 1]), the last one with its upper edge; a value within ``rounding``
    of an edge lies on it.

    Parameters
    ----------
    values : numpy.ndarray
        Positions, NaN where lost.
    edges : numpy.ndarray
        (bins + 1,) increasing.

    Returns
    -------
    numpy.ndarray of int
        -1 outside of the edges and where lost.
    """
    near = rounding(values, edges)
    number = np.searchsorted(edges - near, values, side="right") - 1
    inside = (values >= edges[0] - near) & (values <= edges[-1] + near)
    return np.where(inside, np.minimum(number, edges.size - 2), -1)


def cells_of(position: np.ndarray, grid: Grid, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Bin of each sample on a grid, and whether it lies in one.

    Parameters
    ----------
    position : numpy.ndarray
        (sample, axis), finite.
    grid : Grid
        Of the session.
    name : str
        What the session is called in messages.

    Returns
    -------
    cells : numpy.ndarray of int
        (sample, axis) numbers counted from the origin; below 0 before it.
    inside : numpy.ndarray of bool
        (sample)

    Raises
    ------
    RefusedInputError
        If a ring is no whole number of bins.
    """
    refuse_open_ring(grid, name)
    columns = [_along(values, grid) for values in position.T]
    cells = np.stack(columns, axis=1)
    if grid.ring:
        return cells % (grid.bins or 1), np.ones(len(cells), dtype=bool)
    if grid.end is not None and not grid.closed and position.shape[1] == 1:
        cells = _within_ends(cells, position, grid)
    inside = np.ones(cells.shape, dtype=bool)
    # The end need not lie on an edge where another bin_size was asked for.
    if grid.closed and grid.end is not None:
        near = rounding(position, np.array([grid.end - grid.bin_size, grid.end]))
        inside = (cells >= 0) & (cells < (grid.bins or 0)) & (position <= grid.end + near)
    return cells, np.asarray(inside.all(axis=1))


def _along(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Bin numbers along one axis."""
    quotient = (values - grid.origin) / grid.bin_size
    first, last = int(np.floor(quotient.min())) - 1, int(np.floor(quotient.max())) + 2
    edges = grid.origin + grid.bin_size * np.arange(first, last + 1)
    number = bin_numbers(values, edges) + first
    if grid.end is None or grid.ring:
        return number
    at_end = np.abs(values - grid.end) <= rounding(values, edges)
    return np.where(at_end, np.minimum(number, (grid.bins or 1) - 1), number)


def _within_ends(cells: np.ndarray, position: np.ndarray, grid: Grid) -> np.ndarray:
    """Bins of a track where positions a little beyond its ends count to the first and the last bin;
    no animal leaves a track."""
    end = grid.origin if grid.end is None else grid.end
    beyond = np.maximum(grid.origin - position, position - end)
    near = beyond <= OVERHANG * (end - grid.origin)
    return np.where(near, np.clip(cells, 0, (grid.bins or 1) - 1), cells)


def refuse_absurd(position: np.ndarray, grid: Grid, name: str) -> None:
    """Refuse positions that would make thousands of bins along an axis, and name the sample that
    lies farthest out.

    Parameters
    ----------
    position : numpy.ndarray
        (sample, axis), NaN where lost, but not throughout.
    grid : Grid
        Of the session.
    name : str
        What the session is called in messages.

    Raises
    ------
    RefusedInputError
        If there are more than ``LARGEST_TRACK`` bins along a track, or ``LARGEST_ARENA`` along an
        axis of a plane.
    """
    largest = LARGEST_TRACK if position.shape[1] == 1 else LARGEST_ARENA
    low, high = np.nanmin(position, axis=0), np.nanmax(position, axis=0)
    with np.errstate(over="ignore"):
        bins = (high - low) / grid.bin_size
        farthest = np.maximum(np.abs(low), np.abs(high)) / grid.bin_size
    if (bins < largest).all() and (farthest < LARGEST_NUMBER).all():
        return
    axis = int(np.argmax(bins))
    sample = int(np.nanargmax(np.abs(position[:, axis] - np.nanmedian(position[:, axis]))))
    raise RefusedInputError(
        f"{name}: bins of {grid.bin_size:g} would make {bins[axis]:.6g} places along one "
        f"axis, more than {largest}, since sample "
        f"{sample} lies at {position[sample, axis]:.8g}: set stray frames to NaN (option "
        "lost= of the reader), or widen bin_size."
    )


def refuse_open_ring(grid: Grid, name: str) -> None:
    """Refuse a ring whose length is not known or is no whole number of bins."""
    if not grid.ring:
        return
    if grid.end is None:
        raise RefusedInputError(
            f"{name}: a ring needs its length: give the attribute track_length, in units of "
            "position."
        )
    length = grid.end - grid.origin
    around = max(1, round(length / grid.bin_size))
    if abs(length / grid.bin_size - around) > 1e-6:
        raise RefusedInputError(
            f"{name}: a ring of {length:g} is no whole number of bins of {grid.bin_size:g}: "
            f"use bin_size={length / around:.12g}."
        )


def equal_bins(edges: np.ndarray, what: str) -> tuple[float, float, float]:
    """Width, first and last edge of equal bins.

    Parameters
    ----------
    edges : numpy.ndarray
        (bins + 1,) edges.
    what : str
        What they are and where they stand, for the message.

    Returns
    -------
    tuple of float

    Raises
    ------
    RefusedInputError
        If they do not increase, or the bins are not equally wide.
    """
    widths = np.diff(edges)
    if edges.ndim != 1 or widths.size == 0 or not (widths > 0).all():
        raise RefusedInputError(
            f"{what} was expected to increase, got {np.ravel(edges)[:6].tolist()}: sort the edges."
        )
    low, high = float(edges[0]), float(edges[-1])
    width = (high - low) / widths.size
    if np.abs(widths - width).max() > 1e-4 * width:
        raise RefusedInputError(
            f"{what} was expected to hold bins of one width, got {widths.min():g} to "
            f"{widths.max():g}: smoothing, shifts and grids count "
            "in bins, so give equal ones."
        )
    return width, low, high


def place_attrs(grid: Grid, units: str, length: float | None = None) -> dict[str, str | float]:
    """What a place coordinate says of its grid.

    Parameters
    ----------
    grid : Grid
        Of the places.
    units : str
        Of position.
    length : float, optional
        Of the track or ring; by default from the origin to the end.

    Returns
    -------
    dict
        ``units``, ``long_name``, ``bin_size``, ``origin`` (lower edge of bin 0), ``length`` where
        it is known, and ``geometry`` on a ring.
    """
    attrs: dict[str, str | float] = {
        "units": units,
        "long_name": "bin centre",
        "bin_size": grid.bin_size,
        "origin": grid.origin,
    }
    if length is None and grid.end is not None:
        length = grid.end - grid.origin
    if length is not None:
        attrs["length"] = float(length)
    return {**attrs, "geometry": RING} if grid.ring else attrs


def place_coordinate(position: dict, edges: np.ndarray, dim: str = "place") -> xr.DataArray:
    """Place coordinate of a simulated track or ring.

    Parameters
    ----------
    position : dict
        Attributes of the simulated position: ``units`` and, on a ring, ``geometry``.
    edges : numpy.ndarray
        (bins + 1,) of equal bins from end to end.
    dim : str
        Name of the dim.

    Returns
    -------
    xarray.DataArray
        (place) bin centres, with the attributes of ``place_attrs``.
    """
    low, high = float(edges[0]), float(edges[-1])
    grid = Grid((high - low) / (edges.size - 1), low, high, ring=position.get("geometry") == RING)
    attrs = place_attrs(grid, str(position["units"]))
    return xr.DataArray(((edges[:-1] + edges[1:]) / 2).round(9), dims=dim, attrs=attrs)


def ring_length(place: xr.DataArray) -> float | None:
    """Length around a ring of places, None where they do not close.

    Parameters
    ----------
    place : xarray.DataArray
        Place coordinate; a ring has the attributes ``geometry`` = "ring" and ``length``, or
        ``period``.

    Returns
    -------
    float or None
        In units of place.
    """
    length = (
        place.attrs.get("length")
        if place.attrs.get("geometry") == RING
        else place.attrs.get("period")
    )
    return None if length is None else float(length)


def of_ring(array: xr.DataArray | xr.Dataset) -> float | None:
    """Length around the ring that the places of an array or Dataset lie on, or period of its
    stimuli; None where they lie on a track, in a plane or nowhere."""
    dim = map_dim(array)
    return (
        ring_length(array[dim]) if dim in array.coords and "place_x" not in array.coords else None
    )


def kind_of_places(dataset: xr.Dataset) -> str:
    """What the places of a session or longitudinal Dataset lie on.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``rate``, ``position`` or ``stimulus``.

    Returns
    -------
    {"plane", "ring", "track", "stimulus"}
    """
    if STIMULUS in dataset.coords:
        return STIMULUS
    if "place_x" in dataset.coords or (
        "position" in dataset and "axis" in dataset["position"].dims
    ):
        return "plane"
    return (
        RING if of_ring(dataset) is not None or dataset.attrs.get("geometry") == RING else "track"
    )


def closes(dataset: xr.DataArray | xr.Dataset) -> bool:
    """Tell whether all places of a ring are there, in order, so that the last is next to the first.

    Parameters
    ----------
    dataset : xarray.Dataset or xarray.DataArray
        With places.

    Returns
    -------
    bool
    """
    length = of_ring(dataset)
    if length is None:
        return False
    dim = map_dim(dataset)
    width = dataset[dim].attrs.get("bin_size") or length / dataset.sizes[dim]
    return round(length / width) == dataset.sizes[dim]


def ring_correlation(distance: np.ndarray, width: float, length: float) -> np.ndarray:
    """Correlation exp((cos d - 1) / v^2) of inputs around a ring, with d = 2 pi D / L and v = 2 pi
    w / L; its curvature is 1 / w^2.

    Parameters
    ----------
    distance : numpy.ndarray
        D, in units of position.
    width, length : float
        w and L, in these units.

    Returns
    -------
    numpy.ndarray
        Between 0 and 1; positive definite over the places of a ring, unlike a Gaussian of the
        shorter way.
    """
    turn = 2 * np.pi / length
    return np.exp((np.cos(turn * distance) - 1) / (turn * width) ** 2)


def shorter_way(distance: np.ndarray, length: float | None) -> np.ndarray:
    """Signed distances along a track, or the shorter way round a ring: in [-length / 2, length /
    2).

    Parameters
    ----------
    distance : numpy.ndarray
        Differences of positions.
    length : float or None
        Around the ring; None for a track.

    Returns
    -------
    numpy.ndarray
    """
    return distance if length is None else (distance + length / 2) % length - length / 2


def grid_index(centres: xr.DataArray) -> np.ndarray:
    """Number of the bin of each centre on the grid that the coordinate tells of.

    Parameters
    ----------
    centres : xarray.DataArray
        (place) with the attribute ``bin_size``; without it the spacing of the nearest two counts as
        one bin.

    Returns
    -------
    numpy.ndarray of int
        From 0; on a ring counted from its origin.

    Raises
    ------
    RefusedInputError
        If the centres span thousands of bins.
    """
    values = centres.values.astype(float)
    steps = np.diff(np.unique(values))
    steps = steps[steps > 1e-6 * np.ptp(values)]  # less is rounding
    spacing = centres.attrs.get("bin_size") or (steps.min() if steps.size else 1.0)
    start = (
        values.min()
        if ring_length(centres) is None
        else centres.attrs.get("origin", 0.0) + 0.5 * spacing
    )
    index = (values - start) / spacing
    if not (np.abs(index) < LARGEST_TRACK).all():
        raise RefusedInputError(
            f"places from {values.min():g} to {values.max():g} span more than {LARGEST_TRACK} "
            f"bins of {spacing:g}: correct the coordinate "
            "or its attribute bin_size."
        )
    return np.rint(index).astype(int)


def require_track(dataset: xr.Dataset, what: str, remedy: str = PLANE_POINTER) -> None:
    """Refuse maps in a plane where places must follow one another.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    what : str
        Beginning of the sentence: what needs a track.
    remedy : str
        End of it.

    Raises
    ------
    RefusedInputError
        If the Dataset has the coordinate ``place_x``.
    """
    if "place_x" in dataset.coords:
        raise RefusedInputError(
            f"{what} needs places that follow one another on a track, got places in a plane: "
            f"{remedy}."
        )
