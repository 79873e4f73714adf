"""Noise that all units and places share is no drift: laps on which the whole population fires
more."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from planted_drift import fields, of_halves

from drift import metrics

SESSIONS, LAPS = 6, 10
PAIRS = np.triu_indices(SESSIONS, 1)


def laps_of_different_gain(rng: np.random.Generator, spread: float, drift: float = 0.0):
    """Poisson events of a code that stands still or moves on, in halves of ten laps each."""
    code = fields(rng, 30, 24)
    moved = [code + drift * day * fields(rng, 30, 24) for day in range(SESSIONS)]
    gain = rng.lognormal(0, spread, (SESSIONS, 2, LAPS, 1, 1))
    events = rng.poisson(3 * np.stack(moved)[:, np.newaxis, np.newaxis] * gain)
    return of_halves(events.mean(axis=2))


def test_laps_of_different_gain_are_no_drift():
    """Halves with errors over units and places alone took 37 % of the pairs for a drift."""
    rng = np.random.default_rng(4)
    told, steps = [], []
    for _ in range(40):
        still = laps_of_different_gain(rng, 0.8)
        told.append(metrics.drift_dimension(still, shuffles=0)["defined"].values[0][PAIRS].mean())
        steps.append(metrics.drift_coordination(still, shuffles=0)["coordination"].values[0, 2])
    assert np.mean(told) < 0.18
    assert np.isfinite(steps).mean() < 0.4


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_a_drift_among_such_laps_is_seen(spread: float):
    drifting = laps_of_different_gain(np.random.default_rng(5), spread, drift=0.2)
    told = metrics.drift_dimension(drifting, shuffles=0)["defined"].values[0][PAIRS]
    assert told.mean() > 0.8


def test_where_there_is_no_drift_its_null_is_none(rng: np.random.Generator):
    """A null over a sum that is next to nothing was 13 or 25, of shares from 0 to 1."""
    still = laps_of_different_gain(rng, 0.0)
    result = metrics.drift_alignment(still, shuffles=5).sel(kind="cross_validated")
    undefined = (result["defined"] == 0).values
    assert undefined.any()
    for name in ("alignment", "shuffled", "shuffled_deviation"):
        assert np.isnan(result[name].values[undefined]).all()


def test_sessions_need_not_come_in_order(rng: np.random.Generator):
    drifting = laps_of_different_gain(rng, 0.0, drift=0.3)
    drifting["elapsed"] = drifting["elapsed"] + 0.01 * np.arange(SESSIONS) ** 2  # lags that differ
    shuffled = drifting.isel(session=[3, 1, 5, 0, 2, 4])
    first, second = (metrics.drift_coordination(each, shuffles=0) for each in (drifting, shuffled))
    assert first["steps"] == SESSIONS - 1
    for name in ("coordination", "steps", "units_compared"):
        np.testing.assert_allclose(first[name], second[name], rtol=1e-9)
    edges = [metrics.lag_classes(each["elapsed"]) for each in (drifting, shuffled)]
    np.testing.assert_array_equal(*edges)


def test_subjects_and_pairs_have_draws_of_their_own(rng: np.random.Generator):
    """Two mice with the same maps: their nulls were the same numbers, whose mean over mice was no
    better known than one of them; and a mouse in company is that mouse alone."""
    mouse = laps_of_different_gain(rng, 0.0, drift=0.3).isel(session=slice(0, 4))
    both = xr.concat([mouse, mouse.assign_coords(subject=["b"])], "subject")
    for measure, name, few in (
        (metrics.drift_alignment, "shuffled", {"shuffles": 5}),
        (metrics.drift_transformations, "surrogate_share", {"surrogates": 2}),
        (metrics.drift_coordination, "shuffled", {"shuffles": 5}),
    ):
        null = measure(both, **few)[name].values
        assert not np.array_equal(null[0], null[1], equal_nan=True)
        np.testing.assert_array_equal(null[:1], measure(mouse, **few)[name].values)


def test_all_measures_go_from_the_earlier_session_to_the_later(rng: np.random.Generator):
    """Whatever the order in which sessions stand."""
    drifting = laps_of_different_gain(rng, 0.0, drift=0.3)
    shuffled = drifting.isel(session=[3, 1, 5, 0, 2, 4])
    few = {"shuffles": 2}
    for measure, options in (
        (metrics.drift_alignment, few),
        (metrics.drift_dimension, few),
        (metrics.drift_transformations, {"surrogates": 2}),
        (metrics.representational_stability, {}),
    ):
        whole, turned = (measure(each, **options) for each in (drifting, shuffled))
        xr.testing.assert_allclose(
            turned.sortby("session").sortby("session_other"), whole, rtol=1e-8
        )
