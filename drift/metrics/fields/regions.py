"""Regions of places that lie side by side: on a track, round a ring, in a plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from drift.metrics.places import grid_index, of_ring
from drift.schema.map_dims import map_dim

PLANE = ("place_x", "place_y")


class Grid(NamedTuple):
    """Where the places of maps lie.

    ``centres`` (place, axis); ``neighbours`` (edge, 2) positions of places that lie side by side;
    ``bin_measure``, what a place measures: a length, in a plane an area; ``length`` of the ring, or
    None; ``units`` of places.
    """

    centres: np.ndarray
    neighbours: np.ndarray
    bin_measure: float
    length: float | None
    origin: float
    units: str


class Regions(NamedTuple):
    """Regions of all maps, one entry each: in which map, which place has the highest rate, that
    rate, how many places, and the sums of the rate and of rate times ``weights`` over them."""

    map_number: np.ndarray
    peak: np.ndarray
    places: np.ndarray
    total: np.ndarray
    weighted: np.ndarray  # (region, axis)


def grid_of(rate: xr.DataArray) -> Grid:
    """Where the places, or the stimuli, of maps lie.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place) or (..., stimulus); without coordinates places count from 0.

    Returns
    -------
    Grid
    """
    dim, length = map_dim(rate), of_ring(rate)
    if PLANE[0] in rate.coords:
        axes = [rate[name] for name in PLANE]
    elif dim in rate.coords:
        axes = [rate[dim]]
    else:
        axes = [xr.DataArray(np.arange(rate.sizes[dim], dtype=float), dims=dim)]
    sizes = [_bin_size(axis) for axis in axes]
    numbers = [grid_index(axis) for axis in axes] if len(axes) > 1 else [_order(axes[0])]
    return Grid(
        np.stack([axis.values.astype(float) for axis in axes], axis=-1),
        _neighbours(numbers, length, sizes[0]),
        float(np.prod(sizes)),
        length,
        float(axes[0].attrs.get("origin", 0.0)),
        str(axes[0].attrs.get("units", "1")),
    )


def _bin_size(axis: xr.DataArray) -> float:
    """Width of a bin: what the coordinate says, else the smallest distance of two centres."""
    if "bin_size" in axis.attrs:
        return float(axis.attrs["bin_size"])
    steps = np.diff(np.unique(axis.values.astype(float)))
    return float(steps.min()) if steps.size else 1.0


def _order(axis: xr.DataArray) -> np.ndarray:
    """Numbers of the bins of a track on its grid; their order where two would share a number."""
    numbers = grid_index(axis)
    if np.unique(numbers).size == numbers.size:
        return numbers
    return np.argsort(np.argsort(axis.values, kind="stable"), kind="stable")


def _neighbours(numbers: list[np.ndarray], length: float | None, bin_size: float) -> np.ndarray:
    position = {cell: place for place, cell in enumerate(zip(*(axis.tolist() for axis in numbers)))}
    around = None if length is None else round(length / bin_size)
    edges = []
    for cell, place in position.items():
        for axis in range(len(cell)):
            onwards = list(cell)
            onwards[axis] = cell[axis] + 1 if around is None else (cell[axis] + 1) % around
            beside = position.get(tuple(onwards))
            if beside is not None and beside != place:
                edges.append((place, beside))
    return np.array(edges, dtype=int).reshape(-1, 2)


def regions(maps: np.ndarray, above: np.ndarray, grid: Grid, weights: np.ndarray) -> Regions:
    """Connected regions of places.

    Parameters
    ----------
    maps : numpy.ndarray
        (map, place) rates.
    above : numpy.ndarray
        (map, place) bool, the places that regions consist of.
    grid : Grid
        Of the places.
    weights : numpy.ndarray
        (place, axis), what is averaged over the places of a region.

    Returns
    -------
    Regions
        In the order of the maps, within a map by falling rate at the peak.
    """
    count, places = maps.shape
    first, second = (
        np.broadcast_to(grid.neighbours[:, end], (count, len(grid.neighbours))) for end in (0, 1)
    )
    rows = np.arange(count)[:, np.newaxis]
    joined = above[rows, first] & above[rows, second]
    pairs = [(rows * places + end)[joined] for end in (first, second)]
    graph = coo_array((np.ones(pairs[0].size, dtype=bool), tuple(pairs)), shape=(maps.size,) * 2)
    label = connected_components(graph, directed=False)[1]
    node = np.flatnonzero(above.ravel())
    region, index = np.unique(label[node], return_inverse=True)
    values = maps.ravel()[node]
    peak = np.full(region.size, -np.inf)
    np.maximum.at(peak, index, values)
    map_number = np.zeros(region.size, dtype=int)
    map_number[index] = node // places
    total = np.bincount(index, values, minlength=region.size)
    weighted = np.stack(
        [_sums(index, values * axis[node % places], region.size) for axis in weights.T], axis=-1
    )
    size = np.bincount(index, minlength=region.size)
    order = np.lexsort((-peak, map_number))
    return Regions(*(column[order] for column in (map_number, peak, size, total, weighted)))


def _sums(index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Sums of real or complex values by index."""
    real = np.bincount(index, values.real, minlength=size)
    if not np.iscomplexobj(values):
        return real
    return real + 1j * np.bincount(index, values.imag, minlength=size)
