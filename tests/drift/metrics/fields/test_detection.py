"""Fields drawn by hand on tracks, rings and planes are found with their place, width and number."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.metrics.places import place_coordinate


def on_track(*maps, geometry="linear", length=40.0):
    values = np.array(maps, dtype=float)
    position = {"units": "cm", "geometry": geometry}
    place = place_coordinate(position, np.linspace(0, length, values.shape[1] + 1))
    return xr.DataArray(values, dims=("unit", "place"), coords={"place": place})


def found(rate, **rule):
    return metrics.place_fields(rate, **{"smoothing": 0.0, **rule})


def test_two_fields_of_a_track_by_falling_peak():
    fields = found(on_track([0, 1, 3, 1, 0, 0, 0, 8, 8, 0])).isel(unit=0)
    # Bins are 4 cm wide, centres 2, 6, 10, ...; 1 lies below a fifth of 8.
    assert float(fields["fields"]) == 2
    assert fields["field_peak"].values.tolist() == [8, 3]
    assert fields["field_place"].values.tolist() == [32, 10]
    assert fields["field_width"].values.tolist() == [8, 4]
    assert fields["field_width"].attrs["units"] == "cm"


def test_each_rule_takes_away_what_it_says():
    rate = on_track([0, 1, 3, 1, 0, 0, 0, 8, 8, 0])
    for rule in ({"threshold": 0.5}, {"least_width": 6.0}, {"least_rate": 4.0}):
        fields = found(rate, **rule).isel(unit=0)
        assert float(fields["fields"]) == 1 and float(fields["field_peak"][0]) == 8
        assert {**fields["fields"].attrs}.items() >= rule.items()
    assert float(found(rate, threshold=0.1).isel(unit=0)["field_width"][1]) == 12


def test_absent_silent_and_flat_units():
    nothing = [np.nan] * 10
    fields = found(on_track(nothing, [0] * 10, [2] * 10, [2] * 9 + [0]))
    assert np.isnan(float(fields["fields"][0]))
    assert fields["fields"].values[1:].tolist() == [0, 0, 1]
    assert fields["field_place"].isnull().values[:3].all()


def test_a_place_without_a_rate_connects_nothing():
    assert found(on_track([0, 5, 5, np.nan, 5, 5, 0, 0]))["fields"].item() == 2


def test_a_ring_closes():
    values = [2, 0, 0, 0, 0, 0, 0, 2]
    ring, track = (found(on_track(values, geometry=kind)) for kind in ("ring", "linear"))
    assert track["fields"].item() == 2 and ring["fields"].item() == 1
    assert float(ring["field_width"][0, 0]) == 10
    assert float(ring["field_place"][0, 0]) % 40 == pytest.approx(0, abs=1e-9)
    assert ring["field_place"].attrs["geometry"] == "ring"


def test_directions_have_fields_of_their_own():
    out, back = on_track([0, 4, 0, 0, 0]), on_track([0, 0, 0, 1, 1])
    rate = xr.concat([out, back], dim=xr.DataArray([1, -1], dims="direction", name="direction"))
    fields = found(rate.transpose("unit", "place", "direction"))
    assert fields["fields"].dims == ("unit", "direction")
    assert fields["field_place"].isel(unit=0, field=0).values.tolist() == [12, 32]


def test_a_plane_joins_sides_and_no_corners():
    arena = np.zeros((5, 5))
    arena[0, 0] = arena[0, 1] = arena[1, 0] = 6.0
    arena[3, 3] = 4.0
    arena[2, 2] = 2.0
    x, y = np.meshgrid(np.arange(5.0), np.arange(5.0), indexing="ij")
    attrs = {"bin_size": 1.0, "units": "m"}
    rate = xr.DataArray(arena.reshape(1, -1), dims=("unit", "place")).assign_coords(
        place_x=("place", x.ravel(), attrs), place_y=("place", y.ravel(), attrs)
    )
    fields = found(rate).isel(unit=0)
    assert float(fields["fields"]) == 3
    np.testing.assert_allclose(fields["field_place"].values, [[1 / 3, 1 / 3], [3, 3], [2, 2]])
    assert fields["field_width"].values.tolist() == [3, 1, 1]
    assert fields["field_width"].attrs["units"] == "m^2"


def test_a_unit_alone_and_in_a_crowd_and_in_another_order(rng):
    rate = on_track(*rng.poisson(2.0, (30, 12)))
    together = metrics.place_fields(rate)
    for unit in (0, 17):
        alone = metrics.place_fields(rate.isel(unit=[unit]))
        wide = together.isel(unit=[unit], field=slice(0, alone.sizes["field"]))
        xr.testing.assert_equal(alone, wide)
    order = rng.permutation(30)
    xr.testing.assert_equal(metrics.place_fields(rate.isel(unit=order)), together.isel(unit=order))


def test_wandering_fields_are_found_where_they_are():
    run = drift.wandering_fields((3,), sessions=3, units=20, movement=0.1)
    fields = metrics.place_fields(run["rate"].isel(session=slice(1, None)))
    centre = metrics.centroid(run["rate"].isel(session=slice(1, None)))
    apart = (fields["field_place"].isel(field=0) - centre + 0.5) % 1 - 0.5
    # Centres of what lies above a fifth of the peak, in whole bins of 0.042.
    assert float(abs(apart).max()) < 0.01 and (fields["fields"] == 1).all()
    assert "elapsed" in fields.coords


def test_bad_rules_and_stimuli_without_a_metric_are_refused():
    rate = on_track([0, 1, 0, 0])
    with pytest.raises(drift.RefusedInputError, match="threshold"):
        metrics.place_fields(rate, threshold=0.0)
    with pytest.raises(drift.RefusedInputError, match="place"):
        metrics.place_fields(rate.rename(place="bin"))
