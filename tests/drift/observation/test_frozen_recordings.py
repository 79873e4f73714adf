"""A recording is frozen as it stands: with its gaps, without the noise of its counts."""

from __future__ import annotations

import counted_mice
import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.observation import frozen_twins

OVER = ["unit", "session"]


def with_gaps(recorded: xr.Dataset) -> xr.Dataset:
    """A session that was not recorded, a unit absent in the session shown, places not visited."""
    gone = (recorded["session"] == 2) | ((recorded["unit"] == 3) & (recorded["session"] == 1))
    away = (recorded["session"] == 4) & (recorded["place"] < 10)
    maps = {
        name: recorded[name].where(~gone & ~away)
        for name in ("rate", "rate_half", "event_count", "event_count_half")
    }
    times = {
        name: recorded[name].where(~away & (recorded["session"] != 2), 0.0)
        for name in ("occupancy", "occupancy_half")
    }
    present = recorded["recorded"].where(~gone, 0).astype("int8")
    elapsed = recorded["elapsed"].where(recorded["session"] != 2)
    return recorded.assign(maps | times).assign(recorded=present).assign_coords(elapsed=elapsed)


@pytest.fixture(scope="module")
def gaps() -> xr.Dataset:
    return with_gaps(counted_mice.mouse(0))


def test_a_recording_with_gaps_is_frozen_as_it_stands(gaps: xr.Dataset):
    frozen = drift.frozen_code(gaps)
    shown = frozen["rate"].isel(subject=0)
    ever = gaps["recorded"].isel(subject=0).any("session").values
    sessions = [0, 1, 3, 4, 5, 6, 7]
    assert shown.isel(session=sessions).sel(unit=ever).notnull().all()
    assert shown.isel(session=2).isnull().all() and shown.sel(unit=~ever).isnull().all()
    np.testing.assert_array_equal(shown[0], shown[7])
    assert (frozen["recorded"].sum("unit") == ever.sum() * (gaps["session"] != 2)).all()
    assert "rate_half" not in frozen and "unit" in frozen.coords


def test_it_is_observed_through_its_own_recording(gaps: xr.Dataset):
    seen = drift.measure(drift.observe(drift.frozen_code(gaps), gaps), halves="time")
    units = gaps["recorded"].sum("unit")
    assert (seen["recorded"].sum("unit") == units.sel(session=seen["session"]).values).all()
    similarity = metrics.corrected_similarity(seen, smoothing=1.0)
    assert abs(float(similarity.where(similarity < 1).mean()) - 1) < 0.15


def test_events_that_are_expected_are_those_recorded(gaps: xr.Dataset):
    frozen = drift.frozen_code(gaps)
    expected = (frozen["rate"] * gaps["occupancy"]).where(gaps["rate"].notnull())
    over = ["session", "place"]
    expected, events = (values.sum(over) for values in (expected, gaps["event_count"]))
    np.testing.assert_allclose(expected, events, rtol=1e-9, atol=1e-9)


def test_one_session_can_be_shown(gaps: xr.Dataset):
    frozen = drift.frozen_code(gaps, 1)
    present = gaps["recorded"].isel(subject=0, session=1).values == 1
    assert frozen["rate"].isel(subject=0, session=5).notnull().all("place").values.tolist() == (
        present.tolist()
    )
    falling = drift.frozen_code(gaps, final_gain=0.5)["rate"] / drift.frozen_code(gaps)["rate"]
    assert float(falling.isel(session=-1).mean()) == pytest.approx(0.5)
    assert float(falling.isel(session=0).mean()) == pytest.approx(1.0)


def test_rooms_have_codes_of_their_own():
    rooms = counted_mice.mouse(1, rooms="AABBAABB", events=60.0, lost=0.0)
    rate = drift.frozen_code(rooms)["rate"].isel(subject=0)
    np.testing.assert_array_equal(rate[0], rate[5])
    np.testing.assert_array_equal(rate[2], rate[7])
    tuned = rate[0].std("place") > rate[0].mean("place")
    both = np.corrcoef(rate[0][tuned.values].values.ravel(), rate[2][tuned.values].values.ravel())
    assert abs(both[0, 1]) < 0.3
    alone = drift.frozen_code(rooms.isel(session=[0, 1, 4, 5]))["rate"].isel(subject=0)
    np.testing.assert_array_equal(alone[0], rate[0])


def test_a_mouse_in_a_crowd_is_frozen_as_alone(gaps: xr.Dataset):
    """A large one beside a small one, and the other way round."""
    small = counted_mice.mouse(5, units=20, lost=0.3, label="m5")
    crowd = counted_mice.crowd(small, gaps)
    frozen, twin = drift.frozen_code(crowd), next(frozen_twins(crowd, seed=3))
    for number, alone in enumerate((small, gaps)):
        units = {"unit": slice(0, alone.sizes["unit"])}
        own, seen = (values["rate"].isel(subject=number, **units) for values in (frozen, twin))
        np.testing.assert_array_equal(own, drift.frozen_code(alone)["rate"][0])
        np.testing.assert_array_equal(seen, next(frozen_twins(alone, seed=3))["rate"][0])


def test_amplitudes_enter_by_their_numbers():
    counts = counted_mice.mouse(2, units=20)
    sizes = counts.assign(rate=counts["rate"] * 0.02, rate_half=counts["rate_half"] * 0.02)
    sizes = sizes.assign_attrs(activity_kind="amplitudes")
    np.testing.assert_allclose(drift.frozen_code(sizes)["rate"], drift.frozen_code(counts)["rate"])
    with pytest.raises(drift.RefusedInputError, match="amplitudes of events"):
        drift.frozen_code(sizes.drop_vars(["event_count", "event_count_half"]))


def reliability_and_information(recorded: xr.Dataset, keep: xr.DataArray) -> np.ndarray:
    within = metrics.reliability(recorded, select="all", keep=keep).mean("session")
    bits = metrics.spatial_information(recorded["rate"], recorded["occupancy"])
    return np.array([float(within[0]), float(bits.where(keep).mean(OVER)[0])])


def test_twins_are_as_reliable_and_as_informative_as_frozen_recordings():
    """Known maps, 4 mice of 100 units, 4 twins each: .01 of reliability, .02 bits; standard errors
    over mice are .004 and .008. Raw maps of single sessions would add more than .3 bits."""
    difference = []
    for seed in range(4):
        recorded = counted_mice.mouse(seed, units=100, sessions=6)
        keep = recorded["event_count"].sum("place") >= 10
        twins = [reliability_and_information(twin, keep) for twin in frozen_twins(recorded, 4)]
        difference.append(np.mean(twins, axis=0) - reliability_and_information(recorded, keep))
    assert (np.abs(np.mean(difference, axis=0)) < [0.015, 0.025]).all(), np.mean(difference, axis=0)


def test_a_code_that_moved_is_frozen_as_sharp_as_a_session():
    """Fields of 6 sessions added up would be blurred: reliability within .06, information .05."""
    recorded = counted_mice.mouse(1, units=150, sessions=6, anew=0.3)
    keep = recorded["event_count"].sum("place") >= 10
    twins = [reliability_and_information(twin, keep) for twin in frozen_twins(recorded, 3)]
    difference = np.mean(twins, axis=0) - reliability_and_information(recorded, keep)
    assert (np.abs(difference) < [0.06, 0.06]).all(), difference


def test_twins_share_all_but_where_events_fall(gaps: xr.Dataset):
    twin = next(frozen_twins(gaps))
    for name in ("rate", "rate_half"):
        np.testing.assert_array_equal(twin[name].isnull(), gaps[name].isnull())
        count = name.replace("rate", "event_count")
        np.testing.assert_array_equal(twin[count].sum("place"), gaps[count].sum("place"))
        spent = gaps["occupancy" + name.removeprefix("rate")]
        np.testing.assert_allclose(twin[name] * spent, twin[count])
    assert not np.array_equal(twin["rate"].fillna(0), gaps["rate"].fillna(0))
    first, again = (next(frozen_twins(gaps, seed=seed))["rate"] for seed in (0, 1))
    assert twin["rate"].equals(first) and not first.equals(again)
    later = list(frozen_twins(gaps, 2))
    assert later[0]["rate"].equals(first) and not later[1]["rate"].equals(first)


def test_without_halves_a_coin_deals_the_events(gaps: xr.Dataset):
    twin = next(frozen_twins(gaps.drop_vars(["rate_half", "occupancy_half", "event_count_half"])))
    halves = twin["event_count_half"].sum("half")
    np.testing.assert_array_equal(halves, twin["event_count"].fillna(0))
