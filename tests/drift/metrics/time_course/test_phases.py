"""Phases of synthetic runs with known boundaries, and the movement of codes with known laws."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom

import drift
from drift.metrics.time_course.phase_motion import diffusion_exponent, directed_share, drift_rate
from drift.metrics.time_course.phases import phases, plateau_onset, trend

TIME = np.arange(80) * 10.0


def ramp(end: float) -> np.ndarray:
    return np.maximum(end - TIME, 0.0) / end


@pytest.mark.parametrize(
    ("shape", "boundary"),
    [
        (ramp(300), 300.0),
        pytest.param(ramp(300) + 3 * ramp(80), 300.0, marks=pytest.mark.slow),
        pytest.param(-2 * ramp(500), 500.0, marks=pytest.mark.slow),
    ],
)
def test_intervals_hold_the_true_change_point(shape: np.ndarray, boundary: float):
    """The 95 % interval holds the boundary in at least 90 % of 25 runs, less what the 1 % quantile
    of their number allows."""
    rng, runs = np.random.default_rng(0), 25
    onsets = [
        plateau_onset(TIME, shape + 0.05 * rng.standard_normal(TIME.size)) for _ in range(runs)
    ]
    held = sum(onset.low <= boundary <= onset.high for onset in onsets)
    assert held >= binom.ppf(0.01, runs, 0.9), held
    assert np.median([onset.time for onset in onsets]) == pytest.approx(boundary, abs=10)
    assert np.median([onset.high - onset.low for onset in onsets]) < 60
    assert np.median([onset.plateau for onset in onsets]) == pytest.approx(0.0, abs=0.01)


def test_an_exponential_settles_where_noise_hides_it():
    rng = np.random.default_rng(1)
    onsets = [
        plateau_onset(TIME, np.exp(-TIME / 100) + noise * rng.standard_normal(TIME.size))
        for noise in (0.1, 0.01, 0.001)
    ]
    times = [onset.time for onset in onsets]
    assert times == sorted(times) and 100 < times[0] < times[-1] < 790
    assert 200 < times[1] < 600  # exp(-t / 100) equals the noise at 460


def test_what_never_moves_and_what_never_settles():
    rng = np.random.default_rng(2)
    still = [plateau_onset(TIME, rng.standard_normal(TIME.size)).time for _ in range(20)]
    assert np.mean(np.array(still) == 0) >= 0.8
    assert plateau_onset(TIME, np.ones(TIME.size)) == (0, 0, 0, 1)
    for noise in (0.0, 0.02):
        moving = plateau_onset(TIME, ramp(2_000) + noise * rng.standard_normal(TIME.size))
        assert np.isnan(moving.time) and moving.high == np.inf


def synthetic_run(subjects: int = 3) -> xr.Dataset:
    rng, time = (
        np.random.default_rng(3),
        np.concatenate([np.arange(0, 400, 10), np.arange(400, 6_000, 70)]).astype(float),
    )
    loss = 0.01 * 10 ** (
        2 * np.maximum(250 - time, 0) / 250 + 0.05 * rng.standard_normal((subjects, time.size))
    )
    active = (
        0.5
        + 0.4 * np.clip((1_800 - time) / 1_600, 0, 1)
        + 0.02 * rng.standard_normal((subjects, time.size))
    )
    dims = ("subject", "session")
    variables = {
        "loss": (dims, loss),
        "fraction_active_responses": (dims, active),
        "mean_information": (dims, 1 - active),
    }
    elapsed = xr.DataArray(np.tile(time, (subjects, 1)), dims=dims, attrs={"units": "step"})
    return xr.Dataset(variables, coords={"subject": list("abc")[:subjects], "elapsed": elapsed})


def test_d46_phases_of_a_synthetic_run_within_the_published_windows():
    run = synthetic_run()
    found = phases(run, statistics=("fraction_active_responses", "mean_information"))
    assert ((found.end_of_learning > 230) & (found.end_of_learning < 270)).all()
    assert ((found.end_of_directed_drift > 1_500) & (found.end_of_directed_drift < 2_100)).all()
    for name in ("end_of_learning", "end_of_directed_drift"):
        assert (found[f"{name}_low"] <= found[name]).all() and (
            found[name] <= found[f"{name}_high"]
        ).all()
        assert found[name].attrs["units"] == "step"
    expected = (run.elapsed >= found.end_of_learning).astype(int) + (
        run.elapsed >= found.end_of_directed_drift
    )
    np.testing.assert_array_equal(found.phase, expected.transpose("subject", "session"))
    directed = run.fraction_active_responses.where(found.phase == 1)
    null = run.fraction_active_responses.where(found.phase == 2)
    assert all(trend(one.values)[1] < 1e-6 and trend(one.values)[0] < -0.5 for one in directed)
    assert np.median([trend(one.values)[1] for one in null]) > 0.01


def test_a_run_without_null_drift_says_so():
    run = synthetic_run(2)
    run["fraction_active_responses"] = 0.9 - run.elapsed / 1e4 + 0 * run.loss
    found = phases(run)
    assert (
        found.end_of_directed_drift.isnull().all()
        and np.isinf(found.end_of_directed_drift_high).all()
    )
    assert set(np.unique(found.phase)) == {0.0, 1.0}


def walk(
    sessions: int, features: int, speed: float, noise: float = 0.0, seed: int = 0
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    straight = speed * np.arange(sessions)[:, np.newaxis] * np.ones(features)
    return (
        straight
        + np.cumsum(rng.standard_normal((sessions, features)), axis=0)
        + noise * rng.standard_normal((sessions, features))
    )


@pytest.mark.parametrize("speed", [0.0, 0.5, 2.0])
def test_directed_share_is_that_of_the_speed(speed: float):
    found = directed_share(walk(200, 500, speed))
    assert found.share == pytest.approx(
        speed**2 / (1 + speed**2), abs=4 * found.standard_error + 1e-3
    )
    noisy = directed_share(walk(200, 500, speed, noise=1.0))
    assert noisy.share == pytest.approx(
        speed**2 / (3 + speed**2), abs=4 * noisy.standard_error + 1e-3
    )


def test_exponents_of_walks_paths_and_bounded_codes():
    time, rng = np.arange(120.0), np.random.default_rng(0)
    free = diffusion_exponent(time, walk(120, 400, 0.0))
    assert (
        free.exponent == pytest.approx(1.0, abs=4 * free.standard_error)
        and free.standard_error < 0.05
    )
    assert free.scale == pytest.approx(400, rel=0.1)
    assert diffusion_exponent(
        time, time[:, np.newaxis] * rng.standard_normal(10)
    ).exponent == pytest.approx(2.0, abs=1e-9)
    assert diffusion_exponent(time, rng.standard_normal((120, 400))).exponent == pytest.approx(
        0.0, abs=0.02
    )
    fractional = np.concatenate(
        [np.zeros((1, 300)), np.cumsum(rng.standard_normal((119, 300)), axis=0)]
    )
    assert diffusion_exponent(time**2, fractional).exponent < 1.0


def test_drift_rate_is_one_minus_the_cosine_per_time():
    angle = np.cumsum(np.linspace(0.3, 0.01, 20))
    time, rate = drift_rate(np.arange(20) * 5.0, np.stack([np.cos(angle), np.sin(angle)], axis=1))
    np.testing.assert_allclose(rate, (1 - np.cos(np.diff(angle))) / 5, rtol=1e-9)
    assert time[0] == 2.5 and (np.diff(rate) < 0).all()


def test_what_does_not_fit_is_refused():
    run = synthetic_run(1)
    with pytest.raises(drift.RefusedInputError, match="list of names"):
        phases(run, statistics="fraction_active_responses")
    with pytest.raises(drift.RefusedInputError, match="missing from the run"):
        phases(run, statistics=("speed",))
    with pytest.raises(drift.RefusedInputError, match="must be positive"):
        phases(run.assign(loss=-run.loss))
    with pytest.raises(drift.RefusedInputError, match="at least 10 sessions"):
        phases(run.isel(session=slice(0, 5)))
    with pytest.raises(drift.RefusedInputError, match="at least 8 sessions"):
        drift_rate(np.arange(4), np.ones((4, 2)))
