"""Samples last as long as their times say: rates, information, shift test and observation, whatever
was lost."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.measurement.measuring import measure
from drift.metrics import (
    circular_shift_p_values,
    corrected_spatial_information,
    information_curves,
    rate_maps,
)
from drift.metrics.clocks import frame_ends
from drift.observation.observing import observe

RATE, SECONDS = 20.0, 600


def lost(rng, kind, position):
    """Samples that are kept: frames, or runs of frames, were lost in the far half of the track."""
    if kind == "none":
        return np.ones(position.size, dtype=bool)
    if kind == "half":
        return (position < 50) | (rng.random(position.size) < 0.5)
    kept = np.ones(position.size, dtype=bool)
    for start in np.flatnonzero((position > 50) & (rng.random(position.size) < 0.05)):
        kept[start : start + rng.integers(2, 30 if kind == "gaps" else 8)] = False
    return kept


def session(rng, kind, events="times", units=1, rate=5.0, time=True):
    """Poisson spikes of one rate everywhere, counted by their times or frame by frame (a lost frame
    took its spikes along)."""
    clock = np.arange(int(SECONDS * RATE)) / RATE
    position = 50 + 45 * np.sin(2 * np.pi * clock / 20)
    kept = lost(rng, kind, position)
    own, ends = clock[kept], frame_ends(clock[kept], 1 / RATE)
    if events == "times":
        trains = [
            np.sort(rng.uniform(0, SECONDS, rng.poisson(rate * SECONDS))) for _ in range(units)
        ]
        row = [np.searchsorted(own, train, side="right") - 1 for train in trains]
        inside = [(one >= 0) & (train < ends[one]) for one, train in zip(row, trains)]
        counts = np.stack(
            [np.bincount(one[here], minlength=own.size) for one, here in zip(row, inside)], axis=1
        )
    else:
        counts = rng.poisson(rate / RATE, (clock.size, units))[kept]
    ds = xr.Dataset(
        {
            "activity": (("sample", "unit"), counts.astype(float)),
            "position": ("sample", position[kept]),
        }
    )
    ds["position"].attrs["units"], ds["activity"].attrs["units"] = "cm", "events"
    labels = {
        "subject": "m",
        "session": 0,
        "environment": "A",
        "sampling_rate": RATE,
        "unit_identity": "x",
    }
    ds = ds.assign_coords(
        {**labels, "unit": np.arange(units), "elapsed": ((), 0.0, {"units": "day"})}
    )
    ds = ds.assign_attrs(bin_size=4.0, minimum_speed=0.0, geometry="linear", source="synthetic")
    ds = ds.assign_coords(time=("sample", own)) if time else ds
    return ds.assign(duration=("sample", ends - own)) if events == "times" else ds


@pytest.mark.parametrize("kind", ["none", "half", "runs", "gaps"])
@pytest.mark.parametrize("events", ["times", "frames"])
def test_rates_are_true_where_frames_were_lost(rng, kind, events):
    ds = measure(session(rng, kind, events, units=20)).isel(subject=0, session=0)
    x, seconds = ds["place"].values, ds["occupancy"].values
    for half in (x < 45, x > 55):
        spikes = float((ds["rate"].values * seconds)[:, half].sum())
        # 5 events a second of each of 20 units: within four standard errors of Poisson.
        assert spikes / seconds[half].sum() / 20 == pytest.approx(
            5.0, abs=4 * np.sqrt(5.0 / (20 * seconds[half].sum()))
        )
    assert ds["running_time"].item() == pytest.approx(seconds.sum()) == ds["tracked_time"].item()
    if events == "times" and kind in ("none", "half"):
        assert seconds.sum() == pytest.approx(
            SECONDS, rel=0.01
        )  # short losses are no gaps: hardly a second is unknown


def test_a_session_that_was_cut_keeps_its_rates(rng):
    whole = session(rng, "half", units=20)
    for part in (slice(0, None, 2), slice(1, None, 2), slice(3000, 7000)):
        cut = measure(whole.isel(sample=part)).isel(subject=0, session=0)
        events = float((cut["rate"] * cut["occupancy"]).sum())
        assert events / cut["occupancy"].sum().item() / 20 == pytest.approx(5.0, abs=0.25)
        assert cut["occupancy"].sum().item() == pytest.approx(
            whole["duration"].isel(sample=part).sum().item()
        )


def test_durations_that_are_all_alike_change_nothing(rng):
    one = session(rng, "none", units=4, time=False).drop_vars("duration")
    timed = one.assign(duration=("sample", np.full(one.sizes["sample"], 1 / RATE)))
    plain, same = (measure(ds, shuffles=50, corrected=True, repetitions=2) for ds in (one, timed))
    for name in plain.data_vars:
        np.testing.assert_allclose(
            same[name].values, plain[name].values, rtol=1e-9, atol=1e-12, err_msg=name
        )


def test_occupancy_is_the_sum_of_durations(rng):
    place = xr.DataArray(rng.integers(-1, 5, 300), dims="sample")
    duration = xr.DataArray(rng.uniform(0.01, 0.2, 300), dims="sample")
    activity = xr.DataArray(rng.poisson(1.0, (300, 2)), dims=("sample", "unit"))
    maps = rate_maps(activity, place, 5, sample_duration=duration)
    for x in range(5):
        here = place.values == x
        assert maps["occupancy"][x].item() == pytest.approx(duration.values[here].sum())
        np.testing.assert_allclose(
            maps["rate"][:, x], activity.values[here].sum(axis=0) / duration.values[here].sum()
        )
    assert maps["occupancy"].attrs["units"] == "s"


@pytest.mark.parametrize("kind", ["none", "half", "runs"])
@pytest.mark.parametrize("one_lag", [True, False])
def test_the_shift_test_holds_its_level_where_frames_were_lost(rng, kind, one_lag):
    ds = session(rng, kind, units=300, rate=1.0)
    place = xr.DataArray((ds["position"].values // 4).astype(int), dims="sample")
    activity = ds["activity"].reset_coords(drop=True)
    p = circular_shift_p_values(
        activity, place, ds["duration"], 39, 20, np.random.default_rng(1), one_lag_for_all=one_lag
    )
    # 300 units without a field, p < .05: 5 % by chance, 1.3 % standard error (one lag for all makes
    # units alike: twice as much).
    assert np.mean(p < 0.0501) == pytest.approx(0.05, abs=0.08 if one_lag else 0.052)


def test_shuffled_information_is_as_large_as_the_observed_one_of_units_without_a_code(rng):
    ds = session(rng, "half", units=30, rate=1.0)
    place = xr.DataArray((ds["position"].values // 4).astype(int), dims="sample")
    curves = information_curves(
        ds["activity"].reset_coords(drop=True), place, ds["duration"], rng, repetitions=5
    )
    observed, shuffled = (
        curves["spatial_information"].sel(order=order)[-1].mean().item()
        for order in ("observed", "shuffled")
    )
    assert observed == pytest.approx(shuffled, rel=0.15)
    place_unit = xr.DataArray(np.ones(30), dims="unit")
    corrected = corrected_spatial_information(
        ds["activity"].reset_coords(drop=True), place, ds["duration"], place_unit, rng, 5
    )
    assert abs(corrected["population_spatial_information_shuffle_reduced"].item()) < 0.15 * observed


def test_observed_sessions_last_as_long_as_the_recorded_ones(rng):
    recorded = [
        session(rng, "half", units=12).assign_coords(
            session=i, elapsed=((), float(i), {"units": "day"})
        )
        for i in range(2)
    ]
    dims = ("subject", "session", "unit", "place")
    run = xr.Dataset(
        {"rate": (dims, np.ones((1, 3, 12, 24)))},
        coords={"subject": ["n"], "session": [0, 1, 2], "seed": ("subject", [0])},
    )
    run = run.assign_coords(elapsed=(("subject", "session"), [[0.0, 1, 2]], {"units": "step"}))
    for one, like in zip(observe(run, recorded), recorded, strict=True):
        np.testing.assert_array_equal(one["duration"].values, like["duration"].values)
        np.testing.assert_array_equal(one["time"].values, like["time"].values)
        maps = measure(one).isel(subject=0, session=0)
        far = maps["place"] > 55
        rates = [
            (maps["rate"] * maps["occupancy"]).where(side).sum()
            / maps["occupancy"].where(side).sum()
            for side in (far, ~far)
        ]
        assert rates[0].item() == pytest.approx(rates[1].item(), rel=0.05)


def test_a_bad_duration_is_refused(rng):
    place = xr.DataArray(np.zeros(3, dtype=int), dims="sample")
    activity = xr.DataArray(np.ones((3, 1)), dims=("sample", "unit"))
    for bad, message in (
        ([1.0, 0.0, 1.0], "above 0"),
        ([1.0, np.nan, 1.0], "above 0"),
        ([1.0, 1.0], "one entry per sample"),
    ):
        with pytest.raises(ValueError, match=message):
            rate_maps(activity, place, 1, sample_duration=xr.DataArray(bad, dims="sample"))
