"""Shifts by hand on a track, a ring and in a plane; jumps of fields dealt anew are those of chance;
fields lie where time is spent unless they do not."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics.places import place_coordinate


def of_places(centres, geometry="linear", environment=None, width=1.5, places=20):
    """Longitudinal Dataset of Gaussian fields at (session, unit) bins; NaN is not observed."""
    centres = np.asarray(centres, dtype=float)
    apart = np.arange(places) - centres[..., np.newaxis]
    if geometry == "ring":
        apart = (apart + places / 2) % places - places / 2
    rate = np.exp(-(apart**2) / (2 * width**2))[np.newaxis]
    position = {"units": "cm", "geometry": geometry}
    coords = {
        "subject": ["m"],
        "session": np.arange(len(centres)),
        "place": place_coordinate(position, np.arange(places + 1.0)),
        "elapsed": (
            ("subject", "session"),
            np.arange(len(centres))[np.newaxis] * 1.0,
            {"units": "day"},
        ),
    }
    if environment is not None:
        coords["environment"] = (("subject", "session"), [environment])
    occupancy = np.ones((1, len(centres), places))
    return xr.Dataset(
        {
            "rate": (("subject", "session", "unit", "place"), rate),
            "occupancy": (("subject", "session", "place"), occupancy),
        },
        coords=coords,
    )


def fields_of(ds, **rule):
    return metrics.place_fields(ds["rate"], **{"smoothing": 0.0, "threshold": 0.5, **rule})


def test_shifts_and_jumps_by_hand():
    fields = fields_of(of_places([[5, 5, np.nan], [7, 15, 5]]))
    result = metrics.field_shift(fields).isel(subject=0, session=0, session_other=1)
    np.testing.assert_allclose(result["shift"], [2, 10, np.nan], atol=1e-6)
    # Fields are 3 bins wide; shuffled, unit 0 moves by 10 or 0, unit 1 by 2 or 0.
    assert result["jumps"] == 0.5 and result["fields_compared"] == 2
    assert result["jumps_by_chance"] == pytest.approx(1 / 4)
    wide = metrics.field_shift(fields, jump=10.5).isel(subject=0, session=0, session_other=1)
    assert wide["jumps"] == 0


def test_a_ring_is_shorter_across_its_end():
    fields = fields_of(of_places([[1.0], [19.0]], "ring"))
    result = metrics.field_shift(fields)
    assert result["shift"][0, 0, 1, 0].item() == pytest.approx(-2)
    assert result["shift"][0, 1, 0, 0].item() == pytest.approx(2)
    assert result["jumps"][0, 0, 1] == 0 and result["jumps_by_chance"].isnull().all()


def test_shifts_in_a_plane_and_in_two_directions():
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(8.0), np.arange(8.0), indexing="ij"))
    at = np.array([[2.0, 2.0], [5.0, 6.0]])
    rate = np.exp(-((x - at[:, :1]) ** 2 + (y - at[:, 1:]) ** 2) / 2)[np.newaxis, :, np.newaxis]
    plane = xr.DataArray(rate, dims=("subject", "session", "unit", "place")).assign_coords(
        place_x=("place", x, {"bin_size": 1.0, "units": "cm"}),
        place_y=("place", y, {"bin_size": 1.0, "units": "cm"}),
    )
    fields = metrics.place_fields(plane, threshold=0.3, smoothing=0.0)
    shift = metrics.field_shift(fields)["shift"]
    np.testing.assert_allclose(shift[0, 0, 1, 0], [3, 4], atol=1e-9)
    share = metrics.shift_distribution(fields, np.array([0, 4.9, 5.1, 9]))["share"]
    assert share[0, 0, 1].values.tolist() == [0, 1, 0]
    out, back = (of_places(centres)["rate"] for centres in ([[4], [6]], [[14], [10]]))
    ways = xr.concat([out, back], dim=xr.DataArray([1, -1], dims="direction", name="direction"))
    both = metrics.field_shift(metrics.place_fields(ways, smoothing=0.0))["shift"]
    np.testing.assert_allclose(both[0, 0, 1, 0], [2, -4], atol=1e-6)


def test_other_rooms_are_not_compared():
    fields = fields_of(of_places([[5.0, 9.0]] * 3, environment=["A", "B", "A"]))
    jumps = metrics.field_shift(fields)["jumps"][0]
    assert jumps[0, 1].isnull() and jumps[0, 2] == 0
    assert metrics.field_shift(fields, across_environments=True)["jumps"][0, 0, 1] == 0
    with pytest.raises(RefusedInputError, match="place_fields"):
        metrics.field_shift(of_places([[5.0], [5.0]]))


def test_fields_dealt_anew_jump_as_by_chance(rng):
    share, runs = 0.4, []
    for _run in range(20):
        first = rng.uniform(0, 20, 150)
        anew = rng.random(150) < share
        fields = fields_of(
            of_places([first, np.where(anew, rng.uniform(0, 20, 150), first)], "ring")
        )
        pair = metrics.field_shift(fields, jump=3.0).isel(subject=0, session=0, session_other=1)
        runs.append([pair["jumps"].item(), pair["jumps_by_chance"].item()])
    jumps, chance = np.mean(runs, axis=0)
    error = np.std(runs, axis=0, ddof=1) / np.sqrt(20)
    assert abs(chance - 14 / 20) < 4 * max(error[1], 0.002)
    assert abs(jumps - share * 14 / 20) < 4 * error[0]


def test_histograms_sum_to_one_and_are_flat_by_chance_on_a_ring(rng):
    centres = rng.uniform(0, 20, 300)
    ds = of_places([centres, centres, centres], "ring")
    result = metrics.shift_distribution(fields_of(ds))
    of_lag = {
        name: metrics.by_lag(result[name], ds["elapsed"])["correlation"].isel(subject=0, lag=0)
        for name in result
    }
    assert of_lag["share"].sum() == pytest.approx(1) and of_lag["share"][10] == 1
    assert (abs(of_lag["share_by_chance"] - 1 / 21) < 0.01).all()
    assert of_lag["share"].sizes["shift"] == 21
    with pytest.raises(RefusedInputError, match="increasing"):
        metrics.shift_distribution(fields_of(ds), np.array([1.0, 0.0]))


def test_relabelled_units_and_company_change_nothing(rng):
    centres = rng.uniform(2, 18, (3, 40))
    ds = of_places(centres)
    other = of_places(rng.uniform(2, 18, (3, 40))).assign_coords(subject=["other"])
    crowd = xr.concat([other, ds], dim="subject")
    for measure in (metrics.field_shift, metrics.shift_distribution):
        edges = {} if measure is metrics.field_shift else {"edges": np.linspace(-20, 20, 10)}
        expected = measure(fields_of(ds), **edges).drop_vars("shift")
        moved = measure(fields_of(of_places(centres[:, ::-1])), **edges).drop_vars("shift")
        xr.testing.assert_allclose(moved, expected, rtol=1e-14)
        together = measure(fields_of(crowd), **edges).drop_vars("shift").sel(subject=["m"])
        xr.testing.assert_equal(together, expected)
    density = metrics.centroid_density(ds, draws=100)
    xr.testing.assert_equal(metrics.centroid_density(crowd, draws=100).sel(subject=["m"]), density)


def test_a_frozen_code_has_no_jumps_whatever_its_company():
    run = drift.wandering_fields((0, 1), sessions=4, units=30, movement=0.0)
    fields = metrics.place_fields(run["rate"].isel(session=slice(1, None)))
    assert metrics.field_shift(fields)["jumps"].max() == 0


def test_fields_lie_where_time_is_spent(rng):
    time = np.where(np.arange(20) < 10, 3.0, 1.0)
    chosen = rng.choice(20, size=(40, 200), p=time / time.sum())
    ds = of_places(chosen, "ring").assign(
        occupancy=(("subject", "session", "place"), np.broadcast_to(time, (1, 40, 20)))
    )
    result = metrics.centroid_density(ds, draws=400).isel(subject=0)
    assert (result["fields_placed"] == 200).all()
    assert result["expected"][0, 0].item() == pytest.approx(3 / 40)
    inside = ((result["density"] >= result["lower"]) & (result["density"] <= result["upper"])).all(
        "place"
    )
    # 40 sessions at 95 %: at least 33 with a probability of 0.998.
    assert inside.sum() >= 33 and (result["p_value"] < 0.05).sum() <= 7


def test_places_with_too_many_fields_stand_out(rng):
    chosen = np.concatenate([rng.integers(0, 20, 100), np.full(40, 7)])
    result = metrics.centroid_density(of_places([chosen, chosen], "ring")).isel(
        subject=0, session=0
    )
    above = np.flatnonzero((result["density"] > result["upper"]).values)
    assert above.tolist() == [7] and result["p_value"] == pytest.approx(1 / 1001)
    with pytest.raises(RefusedInputError, match="draws"):
        metrics.centroid_density(of_places([chosen, chosen]), draws=10)
