"""Maps without frames: the law of measured observations, at once."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift

PAIR = ("subject", "session")
DRAWS = 40


def world(ways: bool = False) -> xr.Dataset:
    """Two subjects whose 30 units each have a field of their own, which moves a place a session."""
    centres = np.arange(30)[:, np.newaxis] * 12 / 30
    near = [np.exp(-((np.arange(12) - centres - session) ** 2) / 4) for session in range(3)]
    rate = np.stack([near, near])
    dims = (*PAIR, "unit", "place")
    if ways:
        rate, dims = np.stack([rate, 0.5 * rate], axis=-1), (*dims, "direction")
    coords = {
        "subject": ["a", "b"],
        "seed": ("subject", [4, 7]),
        "elapsed": (PAIR, np.tile(np.arange(3.0), (2, 1)), {"units": "day"}),
        **({"direction": [1, -1]} if ways else {}),
    }
    return xr.Dataset({"rate": (dims, rate)}, coords=coords)


def design(ways: bool = False) -> xr.Dataset:
    plain = drift.recording_design(np.arange(3.0), 20, places=12, bin_size=4.0, minutes=2.0)
    if not ways:
        return plain
    kept = plain.drop_vars(
        [name for name in plain if name not in ("rate", "occupancy", "recorded")]
    )
    both = kept.expand_dims(direction=[1, -1], axis=-1)
    kept["rate"], kept["occupancy"] = both["rate"], both["occupancy"] / 2
    return kept


@pytest.mark.parametrize("ways", [False, True])
def test_maps_have_the_law_of_measured_observations(ways):
    """Events of every subject and session have the same mean, within 4.5 standard errors of 40
    draws each (six numbers)."""
    run, like = world(ways), design(ways)
    long, short = [], []
    for seed in range(DRAWS):
        sessions = drift.observe(run, like, seed=seed, sampling_rate=10.0)
        long.append(events_of(drift.measure(sessions)))
        short.append(events_of(drift.observed_maps(run, like, seed=seed)))
    total = np.stack([long, short]).sum(axis=-1)  # which units are seen changes with the seed
    mean, error = total.mean(axis=1), np.sqrt(total.var(axis=1, ddof=1) / DRAWS)
    assert (np.abs(mean[0] - mean[1]) < 4.5 * np.hypot(*error)).all()


def events_of(measured: xr.Dataset) -> np.ndarray:
    """(subject, session, unit) events."""
    places = [dim for dim in measured["event_count"].dims if dim in ("place", "direction")]
    return measured["event_count"].sum(places).transpose(*PAIR, "unit").values


def test_maps_are_poisson_counts():
    """Events of all units of a session, whose gains do not depend on chance, have a variance of
    their mean within 4 standard errors, sqrt(2 / (draws - 1))."""
    run, like = world().isel(subject=[0]), design()
    few = run.isel(unit=slice(20))
    counts = np.array(
        [
            np.sort(events_of(drift.observed_maps(few, like, seed=seed))[0, 0])
            for seed in range(DRAWS)
        ]
    )
    total = counts.sum(axis=-1)
    ratio = total.var(ddof=1) / total.mean()
    assert abs(ratio - 1) < 4 * np.sqrt(2 / (DRAWS - 1))


def test_the_form_is_that_of_measure():
    run, like = world(), design()
    seen = drift.observed_maps(run, like)
    measured = drift.measure(drift.observe(run, like, sampling_rate=10.0))
    drift.check(seen, *seen.data_vars)
    assert set(seen.data_vars) <= set(measured.data_vars)
    for name in seen.data_vars:
        assert seen[name].dims == measured[name].dims
        assert seen[name].attrs == measured[name].attrs
    assert dict(seen.sizes) == dict(measured.sizes)
    np.testing.assert_array_equal(seen["elapsed"], measured["elapsed"])
    np.testing.assert_allclose(seen["occupancy"], measured["occupancy"], atol=0.05)  # of a sample
    assert seen.attrs["activity_kind"] == "counts"


def test_a_subject_in_a_crowd_is_that_subject_alone():
    run, like = world(), design()
    both, alone = drift.observed_maps(run, like), drift.observed_maps(run.isel(subject=[1]), like)
    xr.testing.assert_identical(both.isel(subject=[1]), alone)


def test_units_that_were_not_recorded_are_missing():
    like = design()
    like["recorded"][0, 1, 5] = 0
    seen = drift.observed_maps(world(), like)
    assert np.isnan(seen["rate"][:, 1, 5]).all()
    assert (seen["detected_units"][:, 1] == 19).all()
    assert (seen["fraction_active_units"] <= 1).all()


def test_a_way_without_rates_is_refused():
    run = world(ways=True)
    run["rate"][..., 1] = np.nan
    with pytest.raises(drift.RefusedInputError, match="runs in direction -1"):
        drift.observed_maps(run, design(ways=True))


def test_maps_can_be_compared():
    """What reads a measured recording reads maps alone."""
    seen = drift.observed_maps(world(), design())
    similar = drift.metrics.mean_rate_map_correlation(seen)
    assert np.isfinite(similar).any()
