"""Fields of rate maps: connected regions where a unit fires, and what they measure."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import NotNegative, Range, Smoothing
from drift.metrics.fields.regions import Grid, Regions, grid_of, regions
from drift.metrics.labels import require_dims
from drift.metrics.maps import smoothed
from drift.metrics.places import RING
from drift.metrics.stimuli import require_metric
from drift.schema.map_dims import map_dim

TOGETHER = 20_000  # maps whose places are joined at once, for memory
RULE = ("threshold", "least_width", "least_rate", "smoothing")

PartOfPeak = Annotated[float, Range(0, 1, above=True)]
"""Where a field ends, as a part of the highest rate of its map."""


class _Rule(NamedTuple):
    threshold: float
    least_width: float
    least_rate: float


@opened
def place_fields(
    rate: xr.DataArray,
    *,
    threshold: PartOfPeak = 0.2,
    least_width: NotNegative = 0.0,
    least_rate: NotNegative = 0.0,
    smoothing: Smoothing = 1.0,
) -> xr.Dataset:
    """Fields of each rate map: connected places where the smoothed rate is at least ``threshold``
    times the highest of the map.

    Places are connected with their neighbours on the track, round a ring across its end, in a plane
    with four sides; places without a rate connect nothing. A region that covers every place with a
    rate is no field, as it tells no place from another. Maps split by running direction have fields
    of each direction, against the peak of that direction.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) or (..., stimulus), unsmoothed; NaN where not observed.
    threshold : float
        Part of the peak of the map, above 0 and at most 1.
    least_width : float
        Narrower regions are no fields; in units of place, in a plane of area.
    least_rate : float
        Regions with a lower peak are no fields; in units of the rate.
    smoothing : float
        Standard deviation of the Gaussian that maps are smoothed with, in bins.

    Returns
    -------
    xarray.Dataset
        ``fields`` (...[, direction]) number of fields, 0 for a silent unit, NaN for an absent one;
        ``field_peak`` (..., field) highest smoothed rate, falling along ``field``; ``field_place``
        (..., field[, axis]) centre of mass of the rate in the field, circular on a ring;
        ``field_width`` (..., field) length of its places, in a plane their area; NaN where there
        are fewer fields. The rule stands in the attributes of ``fields``; coordinates of the
        sessions are kept, so that sessions can be compared.

    Raises
    ------
    RefusedInputError
        If a rule is out of range, or stimuli have no metric.

    References
    ----------
    O'Keefe & Burgess 1996, Nature 381:425 (fields as contiguous bins above a part of the peak).
    """
    along = map_dim(rate)
    require_dims(rate, "rate", along)
    require_metric(rate, "a field")
    maps = smoothed(rate, smoothing).transpose(..., along)
    grid = grid_of(rate)
    of_map = maps.values.reshape(-1, maps.sizes[along])
    numbers = _measured(of_map, grid, _Rule(threshold, least_width, least_rate))
    stated = dict(zip(RULE, (threshold, least_width, least_rate, smoothing)))
    return _labelled(numbers, maps, grid, along, stated)


def _measured(maps: np.ndarray, grid: Grid, rule: _Rule) -> dict[str, np.ndarray]:
    """Numbers of each map: (map) or (map, field[, axis])."""
    blocks = [
        _fields(maps[start : start + TOGETHER], grid, rule)
        for start in range(0, len(maps), TOGETHER)
    ]
    most = max((block.shape[1] for block in blocks), default=1)
    table = np.concatenate(
        [
            np.pad(block, ((0, 0), (0, most - block.shape[1]), (0, 0)), constant_values=np.nan)
            for block in blocks
        ]
    )
    count = np.isfinite(table[..., 0]).sum(axis=1).astype(float)
    count[~np.isfinite(maps).any(axis=1)] = np.nan
    return {
        "fields": count,
        "field_peak": table[..., 0],
        "field_width": table[..., 1],
        "field_place": table[..., 2:],
    }


def _fields(maps: np.ndarray, grid: Grid, rule: _Rule) -> np.ndarray:
    """(map, field, quantity): peak, width and place, NaN where there is no field."""
    rates = np.nan_to_num(maps)
    peak = rates.max(axis=1, keepdims=True)
    above = (rates >= rule.threshold * peak) & (rates > 0)
    candidates = regions(rates, above, grid, _weights(grid))
    visited = np.isfinite(maps).sum(axis=1)
    is_field = (
        (candidates.peak >= rule.least_rate)
        & (candidates.places * grid.bin_measure >= rule.least_width * (1 - 1e-9))
        & (candidates.places < visited[candidates.map_number])
    )
    candidates = Regions(*(column[is_field] for column in candidates))
    first = np.searchsorted(candidates.map_number, candidates.map_number)
    rank = np.arange(candidates.map_number.size) - first
    most = int(rank.max()) + 1 if rank.size else 1
    table = np.full((len(maps), most, 2 + grid.centres.shape[1]), np.nan)
    quantities = [
        candidates.peak,
        candidates.places * grid.bin_measure,
        *_centres(candidates, grid).T,
    ]
    table[candidates.map_number, rank] = np.stack(quantities, axis=-1)
    return table


def _weights(grid: Grid) -> np.ndarray:
    """(place, axis) positions, or points of a circle where places lie on a ring."""
    if grid.length is None:
        return grid.centres
    return np.exp(2j * np.pi * (grid.centres - grid.origin) / grid.length)


def _centres(candidates: Regions, grid: Grid) -> np.ndarray:
    mean = candidates.weighted / candidates.total[:, np.newaxis]
    if grid.length is None:
        return mean.real
    return (np.angle(mean) / (2 * np.pi) * grid.length) % grid.length + grid.origin


def _labelled(
    numbers: dict[str, np.ndarray],
    maps: xr.DataArray,
    grid: Grid,
    along: str,
    stated: dict[str, float],
) -> xr.Dataset:
    """Numbers with dims, units and the coordinates of the sessions."""
    dims = [dim for dim in maps.dims if dim != along]
    shape = [maps.sizes[dim] for dim in dims]
    plane = grid.centres.shape[1] > 1
    ring = {} if grid.length is None else {"geometry": RING, "length": grid.length}
    area = f"{grid.units}^2" if plane else grid.units
    rate_units = str(maps.attrs.get("units", "1"))
    attrs: dict[str, dict] = {
        "fields": {"units": "1", "long_name": "number of fields", **stated},
        "field_peak": {"units": rate_units, "long_name": "highest rate in the field"},
        "field_place": {"units": grid.units, "long_name": "centre of the field", **ring},
        "field_width": {"units": area, "long_name": "extent of the field"},
    }
    if not plane:
        numbers = {**numbers, "field_place": numbers["field_place"][..., 0]}
    trailing = {"fields": (), "field_place": ("field", "axis") if plane else ("field",)}
    variables = {
        name: (
            (*dims, *trailing.get(name, ("field",))),
            values.reshape(*shape, *values.shape[1:]),
            attrs[name],
        )
        for name, values in numbers.items()
    }
    coords = {name: values for name, values in maps.coords.items() if set(values.dims) <= set(dims)}
    return xr.Dataset(variables, coords=coords)
