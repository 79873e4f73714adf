"""Time constants of known exponentials, and the published recipe beside them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics import published_log_rate, sparsification_time


def over(values, time, units="step"):
    return xr.DataArray(values, dims="session"), xr.DataArray(
        time, dims="session", attrs={"units": units}
    )


@pytest.mark.parametrize("rate", [3e-6, 1e-5, 1e-4])
def test_D11_robust_rate_of_a_noisy_exponential(rng, rate):
    time = np.linspace(0, 1e6, 101)
    result = sparsification_time(*over(np.exp(-rate * time) + rng.normal(0, 0.003, 101), time))
    assert np.log10(result["rate"]) == pytest.approx(np.log10(rate), abs=0.1)
    assert (
        result["time"].item() == pytest.approx(1 / result["rate"].item(), rel=1e-15)
        and result["time"].attrs["units"] == "step"
    )


def test_plateau_amplitude_and_crossings_without_noise():
    time = 5 + np.linspace(0, 100, 4001)
    result = sparsification_time(*over(0.2 + 0.6 * np.exp(-(time - 5) / 8), time))
    found = [
        result[name].item()
        for name in ("plateau", "amplitude", "time", "half_time", "e_folding_time")
    ]
    np.testing.assert_allclose(found, [0.2, 0.6, 8, 8 * np.log(2), 8], rtol=1e-3)


@pytest.mark.parametrize("spans", [0.3, 1.5, 2.5, 5.0, 9.0, 9.8])
def test_times_up_to_ten_spans_are_found_without_noise(spans):
    time = np.linspace(0, 2e4, 40)
    result = sparsification_time(*over(0.2 + 0.7 * np.exp(-time / (spans * 2e4)), time))
    assert result["time"].item() == pytest.approx(spans * 2e4, rel=1e-3)
    assert result["plateau"].item() == pytest.approx(0.2, abs=1e-2)


def test_times_beyond_ten_spans_are_not_reported():
    time = np.linspace(0, 2e4, 40)
    for spans in (11.0, 30.0, 1e4):
        assert np.isnan(
            sparsification_time(*over(0.2 + 0.7 * np.exp(-time / (spans * 2e4)), time))["time"]
        )


@pytest.mark.parametrize("noise", [1e-3, 3e-3, 1e-2])
@pytest.mark.parametrize("spans", [0.5, 1.9, 5.0, 9.0])
def test_noise_makes_no_short_time_of_a_long_one(spans, noise):
    """15 draws each: what is reported lies within a factor of 1.5 of the truth; a fall without a
    bend is not reported."""
    rng, time = np.random.default_rng(2), np.linspace(0, 1, 40)
    curve = 0.2 + 0.7 * np.exp(-time / spans)
    found = np.array(
        [
            sparsification_time(*over(curve + noise * rng.standard_normal(40), time))["time"].item()
            for _ in range(15)
        ]
    )
    known = found[np.isfinite(found)]
    assert (np.abs(np.log(known / spans)) < np.log(1.5)).all()
    assert known.size == 15 if spans == 0.5 else True


def test_outliers_hardly_move_the_fit(rng):
    time = np.linspace(0, 50, 51)
    values = 0.3 + 0.5 * np.exp(-time / 10) + rng.normal(0, 0.005, 51)
    values[[7, 20, 33]] += 0.3
    assert sparsification_time(*over(values, time))["time"].item() == pytest.approx(10, rel=0.1)


def test_D11_failures_are_nan_and_zero_where_published(rng):
    time = np.arange(30.0)
    cases = {
        "constant": np.full(30, 0.4),
        "rising": 1 - np.exp(-time / 5),
        "noise": 0.5 + rng.normal(0, 0.01, 30),
        "straight": 1 - 0.001 * time,
    }
    for name, values in cases.items():
        assert np.isnan(sparsification_time(*over(values, time))["time"]), name
    assert published_log_rate(*over(cases["constant"], time)) == 0
    assert published_log_rate(*over(cases["rising"][::-1].copy(), time)) != 0


def test_published_recipe_equals_a_weighted_polynomial_fit(rng):
    time = np.linspace(0, 1e5, 200)
    values = np.exp(-4e-5 * time) + rng.normal(0, 0.01, 200)
    cut = np.abs(values - (values.max() - 0.9 * np.ptp(values))).argmin()
    y, t = values[:cut], time[:cut]
    slope = np.polyfit(t, np.log(y - y.min() + 1e-10), 1, w=np.sqrt((t / t.max())[::-1]))[0]
    assert published_log_rate(*over(values, time)).item() == pytest.approx(
        np.log10(abs(slope)), abs=1e-9
    )
    assert published_log_rate(*over(np.exp(-4e-5 * time), time)).item() == pytest.approx(
        np.log10(4e-5), abs=0.3
    )


def test_subjects_are_apart_and_missing_sessions_left_out():
    time = np.linspace(0, 40, 41)
    values = np.stack([0.1 + np.exp(-time / 5), 0.1 + np.exp(-time / 9)])
    values[0, 3] = np.nan
    elapsed = xr.DataArray(np.stack([time, 2 * time]), dims=("subject", "session"))
    result = sparsification_time(xr.DataArray(values, dims=("subject", "session")), elapsed)
    np.testing.assert_allclose(result["time"], [5, 18], rtol=1e-3)


def test_time_must_increase():
    with pytest.raises(RefusedInputError, match="must increase"):
        sparsification_time(*over(np.exp(-np.arange(6.0)), np.array([0, 1, 2, 2, 3, 4.0])))
