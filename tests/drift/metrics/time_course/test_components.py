"""Noise within a session, fast loss and slow drift of codes that have none, one or both of them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from redrawn_fields import redrawn

import drift
from drift import metrics
from drift.metrics.time_course.components import fast_and_slow

SESSIONS = 8
WORLDS = {
    "frozen": {"chance": 0.0, "share": 0.0},
    "fast": {"chance": 0.0, "share": 0.3},
    "slow": {"chance": 0.1, "share": 0.0},
    "both": {"chance": 0.1, "share": 0.3},
}


def mice(count: int, seed: int, chance: float, share: float, **size: int) -> xr.Dataset:
    rng = np.random.default_rng([21, seed])
    return redrawn(rng, [chance] * count, sessions=SESSIONS, share=share, **size)


def truth(chance: float, share: float) -> np.ndarray:
    """Noise, fast loss and slow drift, of 20,000 units in two sessions between which no field is
    redrawn."""
    many = redrawn(np.random.default_rng(1), [0.0], units=20_000, sessions=2, share=share)
    exact = redrawn(
        np.random.default_rng(2), [0.0], units=20_000, sessions=2, events=1e6, share=share
    )
    within = metrics.within_session_correlation(many).mean().item()
    alike = metrics.rate_map_correlation(exact).values[0, 0, 1]
    kept = alike.mean()
    return np.array([1 - within, 1 - kept, kept * (1 - (1 - chance) ** (SESSIONS - 1))])


def test_exact_curves_are_parted_exactly():
    first, second = np.triu_indices(6, 1)
    lags = (second - first).astype(float)
    similarity = 0.2 + 0.8 * 0.7 * np.exp(-0.1 * lags)
    fast, slow = fast_and_slow(similarity[np.newaxis], lags, np.zeros(lags.size), 0.2)[0]
    assert fast == pytest.approx(0.8 * 0.3, abs=1e-4)
    assert slow == pytest.approx(0.8 * 0.7 * (1 - np.exp(-0.5)), abs=1e-4)
    two = lags <= 2
    assert np.isnan(fast_and_slow(similarity[np.newaxis, two], lags[two], np.zeros(9), 0.2)).all()


@pytest.mark.parametrize("world", WORLDS)
def test_components_are_those_put_in(world: str):
    """Mean of 20 mice within 4 standard errors of the truth, and a bias of the fast loss of .015:
    units whose maps are told best weigh most, and narrow fields share less with others."""
    measured = metrics.change_components(mice(20, 0, **WORLDS[world]), repetitions=2)
    values = measured["subject_estimate"].values
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - truth(**WORLDS[world])) < 4 * error + 0.015).all()
    assert measured.attrs["speaks_of"] == "subjects like these 20"


def test_one_mouse_speaks_for_itself_and_intervals_hold_the_truth():
    single = metrics.change_components(mice(1, 3, **WORLDS["both"]), repetitions=200)
    assert single["component"].values.tolist() == ["noise", "fast", "slow"]
    lower, upper = single["lower"].values, single["upper"].values
    expected = truth(**WORLDS["both"])
    assert ((lower < expected) & (expected < upper)).all()
    assert (lower > 0).all()  # each of the three is there
    assert "alone" in single.attrs["speaks_of"] and single["longest_lag"].item() == 7
    np.testing.assert_allclose(single["subject_lower"][0], lower)


def test_maps_without_noise_have_none():
    run = drift.wandering_fields(range(2), sessions=5, units=20)
    parts = metrics.change_components(run.isel(session=slice(1, None)), repetitions=20)
    assert parts["estimate"].sel(component="noise").item() == pytest.approx(0, abs=1e-9)
    assert parts["estimate"].sel(component="slow").item() > 0.05


def test_few_lags_cannot_tell_and_no_halves_are_refused():
    measured = mice(1, 0, **WORLDS["frozen"]).isel(session=slice(0, 2))
    few = metrics.change_components(measured, repetitions=20)
    assert np.isfinite(few["estimate"][0]) and few["estimate"][1:].isnull().all()
    with pytest.raises(drift.RefusedInputError, match="halves"):
        metrics.change_components(measured.drop_vars("rate_half"))


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover(world: str):
    """Of 100 mice 92 or more for each component: less has a chance of 6 % at .95."""
    measured = metrics.change_components(mice(100, 1, **WORLDS[world]), repetitions=200)
    expected = truth(**WORLDS[world])
    covered = (measured["subject_lower"] < expected) & (measured["subject_upper"] > expected)
    assert (covered.sum("subject") >= 92).all(), covered.sum("subject").values
