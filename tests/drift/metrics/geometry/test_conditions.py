"""Conditions in their order, and which of them are neighbours."""

from __future__ import annotations

import numpy as np
import xarray as xr
from planted_drift import of_halves

from drift.metrics.geometry.directions import contrasts
from drift.metrics.geometry.vectors import condition_maps, drift_vectors


def track(places: int = 4, **attrs: str | float) -> xr.Dataset:
    dataset = of_halves(np.random.default_rng(0).random((2, 2, places, 3)), "place")
    return dataset.assign_coords(place=dataset["place"].assign_attrs(attrs))


def there_and_back() -> xr.Dataset:
    ways = [track() + way for way in range(2)]
    return xr.concat(ways, "direction").assign_coords(direction=[1, -1])


def neighbours(dataset: xr.Dataset) -> set[frozenset[int]]:
    rows = contrasts(dataset)
    assert ((rows == 1).sum(axis=1) == 1).all() and (rows.sum(axis=1) == 0).all()
    return {frozenset(np.flatnonzero(row).tolist()) for row in rows}


def test_there_and_back_is_one_way():
    maps = condition_maps(there_and_back())
    assert maps["condition_place"].values.tolist() == [0, 1, 2, 3, 3, 2, 1, 0]
    assert maps["condition_direction"].values.tolist() == [1] * 4 + [-1] * 4
    back = there_and_back()["rate_half"].sel(direction=-1).isel(place=3)
    assert (maps.isel(condition=4).transpose(*back.dims).values == back.values).all()


def test_neighbours_of_tracks_rings_and_planes():
    line = {frozenset(pair) for pair in ((0, 1), (1, 2), (2, 3))}
    assert neighbours(track()) == line
    assert neighbours(track(geometry="ring", length=4.0, origin=-0.5)) == line | {frozenset((3, 0))}
    assert neighbours(track(6).isel(place=[0, 1, 3, 4, 5])) == line - {frozenset((1, 2))} | {
        frozenset((3, 4))
    }
    back = {frozenset(7 - number for number in pair) for pair in line}
    assert neighbours(there_and_back()) == line | back
    plane = track().assign_coords(
        place_x=("place", [0.0, 1.0, 0.0, 1.0]), place_y=("place", [0.0, 0.0, 1.0, 1.0])
    )
    square = {frozenset(pair) for pair in ((0, 1), (2, 3), (0, 2), (1, 3))}
    assert neighbours(plane) == square


def test_only_what_is_valid_in_all_halves_is_compared():
    dataset = track(5)
    rate = dataset["rate_half"].copy()
    rate[{"place": 2, "half": 1, "session": 0}] = np.nan  # not visited
    rate[{"unit": 1, "session": 1}] = np.nan  # not recorded
    vectors = next(drift_vectors(dataset.assign(rate_half=rate), None))
    assert vectors.conditions.tolist() == [0, 1, 3, 4] and vectors.units.tolist() == [0, 2]
    halves = rate.transpose("subject", "session", "half", "place", "unit").values[0]
    drift = (halves[1] - halves[0]).mean(axis=0)[np.ix_([0, 1, 3, 4], [0, 2])]
    np.testing.assert_allclose(vectors.drift, drift)
