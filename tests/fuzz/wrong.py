"""What people pass by mistake: a right argument bent in one way, or something of another kind
altogether."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

STRANGERS: tuple[Any, ...] = (
    "text",
    "",
    None,
    math.nan,
    math.inf,
    -math.inf,
    -1,
    0,
    0.5,
    2**31,
    10**30,
    1e308,
    1e-308,
    True,
    1j,
    (),
    [],
    {},
    [1, 2],
    [[1], [2, 3]],
    ["a", "b"],
    {"a": 1},
    object(),
    int,
    b"bytes",
    datetime.date(2024, 1, 31),
    np.float32(0.5),
    np.int64(3),
    np.bool_(True),
    np.array([]),
    np.array(["a"]),
    np.array([np.nan]),
    np.ones((2, 3)),
    np.ones(3) * 1j,
    np.datetime64("2024-01-31"),
    np.array([None, 1]),
    xr.DataArray(1.0),
    xr.DataArray(np.ones((2, 2)), dims=("a", "b")),
    xr.Dataset(),
    xr.Dataset({"rate": ("unit", [1.0, 2.0])}),
    lambda: None,
)


def _relabelled(array: Any, dim: str, labels: Any) -> Any:
    return array.assign_coords({dim: labels})


def _bent(array: xr.DataArray | xr.Dataset) -> Iterator[Callable[[], Any]]:
    for dim in map(str, array.dims):
        size = array.sizes[dim]
        yield lambda dim=dim: array.isel({dim: 0})
        yield lambda dim=dim: array.isel({dim: 0}, drop=True)
        yield lambda dim=dim: array.isel({dim: slice(0)})
        yield lambda dim=dim: array.isel({dim: slice(1)})
        yield lambda dim=dim: array.isel({dim: slice(1, None)})
        yield lambda dim=dim: array.isel({dim: slice(None, None, -1)})
        yield lambda dim=dim: array.rename({dim: "elsewhere"})
        yield lambda dim=dim, size=size: _relabelled(array, dim, np.arange(size) + 7)
        yield lambda dim=dim, size=size: _relabelled(array, dim, np.zeros(size))
        yield lambda dim=dim, size=size: _relabelled(array, dim, [f"{n}" for n in range(size)])
        yield lambda dim=dim: xr.concat([array, array], dim=dim)
        yield lambda dim=dim: array.drop_vars(dim, errors="ignore")
    yield lambda: array.chunk()
    yield lambda: array.expand_dims("more")
    yield lambda: array.transpose(*list(array.dims)[::-1])
    for factor in (math.nan, math.inf, -1.0, 0.0, 1e308, 1e-308, 1j):
        yield lambda factor=factor: array * factor
    for dtype in (object, str, bool, "float32", "int64", "datetime64[ns]", complex):
        yield lambda dtype=dtype: array.astype(dtype)


def _missing(dataset: xr.Dataset) -> Iterator[Callable[[], Any]]:
    for name in map(str, dataset.variables):
        yield lambda name=name: dataset.drop_vars(name)
        if name in dataset.data_vars:
            yield lambda name=name: dataset.assign({name: dataset[name] * math.inf})
            yield lambda name=name: dataset.assign({name: dataset[name] * math.nan})
            yield lambda name=name: dataset.assign({name: dataset[name].astype(str)})
    yield lambda: dataset.rename({name: f"{name}_of_others" for name in dataset.data_vars})
    yield lambda: dataset.to_array()


def wrong_value(right: Any, rng: np.random.Generator) -> Any:
    """Return something wrong in the place of a right value: bent if it has labels, else a
    stranger."""
    ways: list[Callable[[], Any]] = [lambda stranger=stranger: stranger for stranger in STRANGERS]
    if isinstance(right, xr.DataArray | xr.Dataset) and rng.random() < 0.8:
        ways = [*_bent(right), *(_missing(right) if isinstance(right, xr.Dataset) else ())]
    elif isinstance(right, np.ndarray) and rng.random() < 0.6:
        ways = [
            lambda: right[:0],
            lambda: right[:1],
            lambda: right * np.nan,
            lambda: right * np.inf,
            lambda: -right,
            lambda: right * 0,
        ]
        ways += [
            lambda: right[..., None],
            lambda: right.astype(str),
            lambda: right.tolist(),
            lambda: right[1:],
            lambda: right * 1e308,
        ]
    elif isinstance(right, list | tuple) and right and rng.random() < 0.5:
        ways = [
            lambda: [wrong_value(right[0], rng), *right[1:]],
            lambda: [*right, *right],
            lambda: right[0],
        ]
    for _ in range(20):
        try:
            return ways[rng.integers(len(ways))]()
        except (
            ValueError,
            TypeError,
            KeyError,
            NotImplementedError,
        ):  # not every array can be bent in every way
            continue
    return STRANGERS[rng.integers(len(STRANGERS))]
