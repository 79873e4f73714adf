"""Where units are active: rate maps over places, from activity and position."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array

from drift.door import opened
from drift.door.quantities import NotNegative, OfSamplesAlone, Places, Smoothing
from drift.errors import RefusedInputError
from drift.metrics.labels import described, observed_units, require_dims
from drift.metrics.places import LARGEST_TRACK, bin_numbers, grid_index, ring_length
from drift.metrics.stimuli import require_even
from drift.schema.map_dims import map_dim

DIRECTIONS = (1, -1)
# Occupancy is a count times a duration; three frames of 1/30 s must not pass a minimum of 0.1 s
# through rounding.
ROUNDING = 1e-9


@opened
def bin_edges(low: float, high: float, bins: Places) -> np.ndarray:
    """Edges of equal bins, ``low + (high - low) i / bins``.

    Parameters
    ----------
    low, high : float
        First and last edge, in units of position.
    bins : int
        Number of bins.

    Returns
    -------
    numpy.ndarray
        (bins + 1,) edges.

    Raises
    ------
    RefusedInputError
        If the range is empty or there is no bin.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high and bins >= 1):
        raise RefusedInputError(
            f"bins need low < high and at least one bin, got low={low}, high={high}, "
            f"bins={bins}: widen the range."
        )
    return np.linspace(low, high, bins + 1)


@opened
def assign_places(position: xr.DataArray, edges: np.ndarray) -> xr.DataArray:
    """Number of the bin that each sample falls into.

    Bin i is the half-open interval [edges[i], edges[i + 1]); the last one includes its upper edge.
    Positions and edges count as the decimal numbers that they stand for: 4.8 lies on the third edge
    of bins of 1.6, although 3 * 1.6 is more in binary; see ``drift.metrics.places.rounding``.

    Parameters
    ----------
    position : xarray.DataArray
        (sample) positions; NaN where tracking was lost.
    edges : numpy.ndarray
        (bins + 1,) increasing edges in the same units.

    Returns
    -------
    xarray.DataArray
        (sample) int, -1 where position is NaN or outside of the edges.

    Raises
    ------
    RefusedInputError
        If edges do not increase.
    """
    edges = np.asarray(edges, dtype=float)
    if edges.ndim != 1 or edges.size < 2 or not (np.diff(edges) > 0).all():
        raise RefusedInputError(
            f"edges must be a list of at least two increasing numbers, got {edges}: see bin_edges."
        )
    values = np.asarray(position.values, dtype=float)
    return position.copy(data=bin_numbers(values, edges)).rename("place_index").drop_attrs()


@opened
def directed_places(place_index: xr.DataArray, direction: xr.DataArray) -> xr.DataArray:
    """Number of the (place, direction) pair of each sample: ``2 place`` when running up, ``2 place
    + 1`` when running down.

    Parameters
    ----------
    place_index : xarray.DataArray
        (sample) int, -1 for nowhere.
    direction : xarray.DataArray
        (sample) 1, -1, or 0 for neither.

    Returns
    -------
    xarray.DataArray
        (sample) int, -1 where place or direction is not given.
    """
    for name, array in (("place_index", place_index), ("direction", direction)):
        if array.dims != ("sample",):
            raise RefusedInputError(
                f"{name} was expected to have the dim sample alone, got "
                f"({', '.join(map(str, array.dims))}): pass one session."
            )
    place, way = place_index.variable, direction.variable
    running = (place >= 0) & ((way == 1) | (way == -1))
    return place_index.copy(data=np.where(running, 2 * place + (way == -1), -1)).drop_attrs()


def _indicator(index: np.ndarray, cells: int) -> csr_array:
    """(cell, sample) matrix with a 1 where the sample lies in the cell."""
    samples = np.flatnonzero(index >= 0)
    return csr_array((np.ones(samples.size), (index[samples], samples)), shape=(cells, index.size))


def occupancy_of(
    index: np.ndarray, sample_duration: float | xr.DataArray, places: int = 1
) -> np.ndarray:
    """Time at each place: the number of its samples times one duration, or the sum of the durations
    of each.

    Parameters
    ----------
    index : numpy.ndarray
        (sample) int, -1 for nowhere.
    sample_duration : float or xarray.DataArray
        Of all samples, or (sample) of each.
    places : int
        At least so many.

    Returns
    -------
    numpy.ndarray
        (place) in units of the duration.
    """
    counts = index >= 0
    if isinstance(sample_duration, xr.DataArray):
        return np.bincount(index[counts], sample_duration.values.astype(float)[counts], places)
    return np.bincount(index[counts], minlength=places) * sample_duration


def _split(
    values: np.ndarray, places: int, directed: bool, other_dims: tuple[str, ...]
) -> tuple[tuple[str, ...], np.ndarray]:
    if not directed:
        return ("place", *other_dims), values
    return ("place", "direction", *other_dims), values.reshape(
        places, len(DIRECTIONS), *values.shape[1:]
    )


@opened
def rate_maps(
    activity: xr.DataArray,
    place_index: xr.DataArray,
    places: Places,
    direction: xr.DataArray | None = None,
    keep: xr.DataArray | None = None,
    sample_duration: float | xr.DataArray = 1.0,
    minimum_occupancy: NotNegative = 0.0,
) -> xr.Dataset:
    """Events at each place over the time spent there, not smoothed.

    rate(x) = sum of activity over the samples at x / occupancy(x), occupancy(x) = sum of
    ``sample_duration`` over the samples at x.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) events per sample; a unit that is NaN throughout is not observed and has
        a NaN map.
    place_index : xarray.DataArray
        (sample) int, -1 for samples that do not count; see ``assign_places``.
    places : int
        Number of places.
    direction : xarray.DataArray, optional
        (sample) 1, -1 or 0; splits the map by running direction, 0 is left out.
    keep : xarray.DataArray, optional
        (sample) bool, samples that count.
    sample_duration : float or xarray.DataArray
        Duration of all samples, or (sample) of each, in s; the number 1 counts samples.
    minimum_occupancy : float
        A place is valid if its occupancy exceeds this.

    Returns
    -------
    xarray.Dataset
        ``rate`` (..., unit, place[, direction]), NaN where not valid; ``occupancy`` (place[,
        direction]).

    Raises
    ------
    RefusedInputError
        If activity is not usable, an index does not fit, or the duration is not positive.

    References
    ----------
    O'Keefe & Dostrovsky 1971; running directions apart as in Ratzon et al. 2024, Methods.
    """
    observed_units(activity)
    check_place_index(activity, place_index, places, sample_duration)
    index = place_index if direction is None else directed_places(place_index, direction)
    index = index if keep is None else index.where(keep, -1)
    cells, of_sample = (
        places if direction is None else len(DIRECTIONS) * places,
        index.values.astype(int),
    )
    indicator = _indicator(of_sample, cells)
    samples_first = activity.variable.astype(float).transpose("sample", ...)
    other_dims = tuple(str(dim) for dim in samples_first.dims[1:])
    events = indicator @ samples_first.values.reshape(samples_first.sizes["sample"], -1)
    dims, events = _split(
        events.reshape(-1, *samples_first.shape[1:]), places, direction is not None, other_dims
    )
    occupancy_dims, seconds = _split(
        occupancy_of(of_sample, sample_duration, cells), places, direction is not None, ()
    )
    occupancy = xr.Variable(occupancy_dims, seconds)
    valid = occupancy > minimum_occupancy * (1 + ROUNDING)
    coords = {"direction": list(DIRECTIONS)} if direction is not None else {}
    rate = (xr.Variable(dims, events) / occupancy.where(valid)).transpose(
        ..., "unit", *[dim for dim in ("place", "direction") if dim in dims]
    )
    units = (
        "sample" if isinstance(sample_duration, (int, float)) and sample_duration == 1.0 else "s"
    )
    return xr.Dataset(
        {
            "rate": described(
                xr.DataArray(rate, coords={**coords, **_without_sample(activity)}), "rate"
            ),
            "occupancy": described(
                xr.DataArray(occupancy, coords=coords), "occupancy", units=units
            ),
        }
    )


def _without_sample(activity: xr.DataArray) -> dict:
    return {name: coord for name, coord in activity.coords.items() if "sample" not in coord.dims}


def check_place_index(
    activity: xr.DataArray,
    place_index: xr.DataArray,
    places: int,
    sample_duration: float | xr.DataArray,
) -> None:
    """Refuse place numbers that do not fit the samples or the places, and durations that do not, or
    are not positive."""
    require_dims(place_index, "place_index", "sample")
    if place_index.sizes["sample"] != activity.sizes["sample"]:
        raise RefusedInputError(
            "place_index must have one entry per sample of activity, got "
            f"{place_index.sizes['sample']} for "
            f"{activity.sizes['sample']} samples: cut both to the same samples."
        )
    if place_index.ndim != 1 or not np.isfinite(place_index.values).all():
        got = f"the dims {place_index.dims}" if place_index.ndim != 1 else "NaN"
        raise RefusedInputError(
            f"place_index must hold one whole number for each sample, got {got}: write -1 "
            "where no place is known."
        )
    shortest = _shortest(sample_duration, place_index.sizes["sample"])
    if int(place_index.max()) >= places or not shortest > 0:
        raise RefusedInputError(
            "place_index must stay below places and sample_duration above 0, got index "
            f"{int(place_index.max())}, places={places}, "
            f"sample_duration={shortest}: count the bins again."
        )


def _shortest(sample_duration: float | xr.DataArray, samples: int) -> float:
    if not isinstance(sample_duration, xr.DataArray):
        return sample_duration
    require_dims(sample_duration, "sample_duration", "sample")
    if sample_duration.shape != (samples,):
        raise RefusedInputError(
            f"sample_duration must have one entry per sample ({samples}), got shape "
            f"{sample_duration.shape}: cut both to the same samples."
        )
    return float(sample_duration.values.min())  # NaN where one is NaN


@opened
def signed_position(position: OfSamplesAlone) -> xr.DataArray:
    """Position on a track whose two running directions lie side by side: p sign(dp), with p =
    position - min(position).

    Parameters
    ----------
    position : xarray.DataArray
        (sample) positions.

    Returns
    -------
    xarray.DataArray
        (sample) positive when running up, negative when running down, 0 when standing still; the
        first step is taken twice.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, authors' code of Fig. 2.
    """
    values = np.asarray(position.values, dtype=float)
    step = np.diff(values)
    return position.copy(data=(values - values.min()) * np.sign(np.concatenate([step[:1], step])))


@opened
def published_rate_maps(
    activity: xr.DataArray, position: OfSamplesAlone, bins: Places = 100
) -> xr.Dataset:
    """Rate maps in the layout of the drift paper: equal bins over the signed position, empty bins 0
    instead of NaN.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) responses.
    position : xarray.DataArray
        (sample) positions along the corridor.
    bins : int
        Bins over both running directions, which share the bin at 0.

    Returns
    -------
    xarray.Dataset
        ``rate`` (..., unit, place) and ``occupancy`` (place) in samples, with ``place`` = bin
        centres of the signed position.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, authors' code of Fig. 2.
    """
    signed = signed_position(require_dims(position, "position", "sample"))
    edges = bin_edges(float(signed.min()), float(signed.max()), bins)
    maps = rate_maps(activity, assign_places(signed, edges), bins).assign_coords(
        place=(edges[:-1] + edges[1:]) / 2
    )
    empty_is_zero = maps["rate"].fillna(0.0).where(observed_units(activity))
    return maps.assign(rate=described(empty_is_zero.transpose(*maps["rate"].dims), "rate"))


MapFilter = Callable[[np.ndarray, float], np.ndarray]


def _filtered(maps: np.ndarray, sigma: tuple[float, ...], border: str) -> np.ndarray:
    """Maps smoothed along the last axes, those of ``sigma``."""
    valid = np.isfinite(maps)
    among, along = maps.shape[: -len(sigma)], maps.shape[-len(sigma) :]
    rows = valid.reshape(int(np.prod(among)), *along)
    alike = rows[:1] if (rows == rows[:1]).all() else rows  # one weight, where one serves all maps
    weight = gaussian_filter(alike.astype(float), (0.0, *sigma), mode=border)
    weight = np.broadcast_to(weight, rows.shape).reshape(maps.shape)
    total = gaussian_filter(np.where(valid, maps, 0.0), (*[0.0] * len(among), *sigma), mode=border)
    return np.divide(total, weight, out=np.full(maps.shape, np.nan), where=valid)


def _arena_filter(column: np.ndarray, row: np.ndarray) -> MapFilter:
    columns, rows = column.max() + 1, row.max() + 1

    def arena_filter(maps: np.ndarray, width: float) -> np.ndarray:
        arena = np.full((*maps.shape[:-1], columns, rows), np.nan)
        arena[..., column, row] = maps
        # Beyond the outermost visited bins nothing is valid; mirrored maps would depend on where
        # these happen to lie.
        return _filtered(arena, (width, width), "constant")[..., column, row]

    return arena_filter


def _track_filter(place: xr.DataArray | None) -> MapFilter:
    """Of maps on the grid that the places lie on, so that places that were left out keep their
    distance."""
    around = None if place is None else ring_length(place)
    border = "reflect" if around is None else "wrap"
    if place is None or "bin_size" not in place.attrs:
        return lambda maps, width: _filtered(maps, (width,), border)
    index = grid_index(place)
    # other numbers than centres of these bins, whose order is all that is known
    if np.unique(index).size < index.size:
        return lambda maps, width: _filtered(maps, (width,), "reflect")
    bins = int(index.max()) + 1 if around is None else round(around / place.attrs["bin_size"])

    def track_filter(maps: np.ndarray, width: float) -> np.ndarray:
        track = np.full((*maps.shape[:-1], bins), np.nan)
        track[..., index % bins] = maps
        return _filtered(track, (width,), border)[..., index % bins]

    return track_filter


def map_filter(labelled: xr.DataArray, dim: str) -> MapFilter:
    """How arrays (..., place) are smoothed by a standard deviation in bins, see ``smoothed``, for
    those who smooth many on the same places.

    Parameters
    ----------
    labelled : xarray.DataArray
        Maps whose coordinates say on which grid the places lie.
    dim : str
        To smooth along.

    Raises
    ------
    RefusedInputError
        If places span thousands of bins.
    """
    if "place_x" in labelled.coords and dim == "place":
        return _arena_filter(grid_index(labelled["place_x"]), grid_index(labelled["place_y"]))
    has_places = dim == map_dim(labelled) and dim in labelled.coords
    return _track_filter(labelled[dim] if has_places else None)


@opened
def smoothed(
    rate: xr.DataArray, standard_deviation: Smoothing, dim: str | None = None
) -> xr.DataArray:
    """Gaussian-smoothed copy of rate maps, for display and for map correlations, never for
    information.

    smooth(x) = sum_y G(x - y) rate(y) v(y) / sum_y G(x - y) v(y), with v = 1 where the map is valid
    and 0 elsewhere, the kernel cut at four standard deviations. Distances are those on the grid of
    the places, whatever was visited in between. Beyond its ends a track is mirrored; a ring goes on
    at its other end; in a plane nothing beyond the visited bins is valid. Places that are not valid
    stay NaN. Tuning curves are smoothed over stimuli that have a metric: circular ones close.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]); places of a plane carry the coordinates ``place_x`` and
        ``place_y``. The attributes ``bin_size``, ``geometry`` and ``length`` of these coordinates
        say which grid they lie on. Or (..., stimulus), whose coordinate says it.
    standard_deviation : float
        In bins, not negative; 0 returns an equal copy.
    dim : str, optional
        Dim to smooth along; by default that of places or of stimuli.

    Returns
    -------
    xarray.DataArray
        Same dims as ``rate``.

    Raises
    ------
    RefusedInputError
        If the standard deviation is negative, the dim is absent, or stimuli have no metric or are
        not evenly spaced.
    """
    of_map = map_dim(rate) if isinstance(rate, xr.DataArray) else "place"
    dim = of_map if dim is None else dim
    require_dims(rate, "rate", dim)
    if not 0 <= standard_deviation <= LARGEST_TRACK:
        raise RefusedInputError(
            f"standard_deviation must be 0 (no smoothing) to {LARGEST_TRACK} bins, got "
            f"{standard_deviation}: give a width in bins."
        )
    maps = rate.astype(float).transpose(..., dim)
    if standard_deviation > 0 and dim == of_map:
        require_even(rate, "smoothing")
    values = map_filter(rate, dim)(maps.values, standard_deviation)
    return maps.copy(data=values).transpose(*rate.dims)
