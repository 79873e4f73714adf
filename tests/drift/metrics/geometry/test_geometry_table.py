"""All figures of geometry in one table, with intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from planted_drift import fields, of_halves

from drift import metrics
from drift.errors import RefusedInputError

SESSIONS, LAPS, PLACES = 6, 10, 24
LIMITS = ["estimate", "lower", "upper"]


def mouse(seed: int, units: int = 20, redrawn: float = 0.4) -> tuple[xr.Dataset, xr.DataArray]:
    """Halves of Poisson laps that share a gain, of fields that are redrawn; and their noise."""
    rng = np.random.default_rng(seed)
    code = [2.5 * fields(rng, units, PLACES) + 0.1]
    for _ in range(SESSIONS - 1):
        anew = rng.random(units) < redrawn
        code.append(np.where(anew, 2.5 * fields(rng, units, PLACES) + 0.1, code[-1]))
    gain = rng.lognormal(0, 0.3, (SESSIONS, 2, LAPS, 1, 1))
    events = rng.poisson(np.stack(code)[:, np.newaxis, np.newaxis] * gain)
    apart = (events - events.mean(axis=2, keepdims=True)) / 2 / np.sqrt(LAPS * (LAPS - 1))
    covariance = np.einsum("shlcu,shlcv->suv", apart, apart)[np.newaxis] / PLACES
    dims = ("subject", "session", "unit", "unit_other")
    labels = {"subject": ["a"], "session": np.arange(SESSIONS)}
    noise = xr.DataArray(covariance, dims=dims, coords=labels, attrs={"source": "trials"})
    return of_halves(events.mean(axis=2)), noise


def covered(table, truth) -> np.ndarray:
    return ((table["lower"] <= truth) & (truth <= table["upper"])).to_numpy()


@pytest.fixture(scope="module")
def table():
    measured, noise = mouse(0)
    return metrics.geometry_table(measured, noise=noise, groups=3, null=2).set_index("measure")


def test_every_figure_stands_beside_what_it_means(table):
    assert len(table) == 9 and (table["independent_subjects"] == 1).all()
    assert np.isfinite(table[["naive", "frozen", "estimate"]].to_numpy(float)).all()
    others = table.drop(index="coordination over days")
    limits = others[LIMITS].to_numpy(float)
    assert (limits[:, 1] < limits[:, 0]).all() and (limits[:, 0] < limits[:, 2]).all()
    assert others["speaks_of"].str.contains("alone").all()
    coordination = table.loc["coordination over days"]
    assert np.isnan(coordination["lower"]) and "too few" in coordination["reason"]
    assert np.isfinite(others.drop(index="stability of similarities")["null"].to_numpy()).all()
    assert (table["pairs"].dropna() == 15).all() and (table["drifting_pairs"].dropna() > 7).all()
    assert table.loc["dimension", "lower"] >= 1 and table.loc["share of a rotation", "upper"] <= 1


def test_estimates_are_means_of_the_measures(table):
    measured, noise = mouse(0)
    alignment = metrics.drift_alignment(measured, noise=noise, shuffles=2)["alignment"]
    first, second = np.triu_indices(SESSIONS, 1)
    means = np.nanmean(alignment.values[0][first, second], axis=0)
    row = table.loc["alignment with noise"]
    np.testing.assert_allclose(row[["naive", "frozen", "estimate"]].to_numpy(float), means)


def test_a_mouse_without_drift_has_no_direction():
    measured, noise = mouse(1, redrawn=0.0)
    table = metrics.geometry_table(measured, noise=noise, groups=2, null=1).set_index("measure")
    undefined = table.drop(index="stability of similarities")
    assert undefined["estimate"].isna().all() and undefined["null"].isna().all()
    assert undefined["reason"].str.contains("undefined").all()
    assert np.isfinite(undefined["naive"]).all()
    stability = table.loc["stability of similarities"]
    assert stability["lower"] < 1 and stability["estimate"] > 0.97


def test_over_several_mice_the_interval_is_that_of_student():
    mice = [mouse(seed)[0].assign_coords(subject=[str(seed)]) for seed in range(3)]
    table = metrics.geometry_table(xr.concat(mice, "subject"), null=0).set_index("measure")
    each = [
        metrics.geometry_table(one, groups=0, null=0).set_index("measure")["estimate"]
        for one in mice
    ]
    row = table.loc["dimension"]
    own = [float(estimates["dimension"]) for estimates in each]
    width = 4.302653 * np.std(own, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(row["estimate"], np.mean(own))
    np.testing.assert_allclose(row["upper"] - row["estimate"], width, rtol=1e-6)
    assert row["independent_subjects"] == 3 and "these 3" in row["speaks_of"]


def test_what_has_no_figure_says_why():
    measured, _ = mouse(2)
    two = measured.isel(session=[0, 5])
    table = metrics.geometry_table(two, groups=3, null=1).set_index("measure")
    assert "noise of two sessions" in table.loc["alignment with noise", "reason"]
    assert np.isnan(table.loc["dimension", "lower"])
    with pytest.raises(RefusedInputError, match="single one"):
        metrics.geometry_table(measured.isel(session=[0]))


def test_labels_of_units_say_nothing():
    measured, noise = mouse(3, units=8)
    order = np.random.default_rng(0).permutation(8)
    turned = noise.isel(unit=order, unit_other=order)
    first = metrics.geometry_table(measured, noise=noise, groups=2, null=0)
    second = metrics.geometry_table(measured.isel(unit=order), noise=turned, groups=2, null=0)
    columns = ["naive", "frozen", *LIMITS]
    np.testing.assert_allclose(second[columns], first[columns], rtol=1e-7, atol=1e-9)


@pytest.mark.slow
def test_units_that_are_there_twice_bias_a_bootstrap():
    """Why units are not drawn with replacement: mean over 20 mice of what 20 draws of units make of
    the alignment with noise and of the dimension, beside leaving out a tenth of the units."""
    names = ["alignment with noise", "dimension"]
    shifts = []
    for seed in range(20):
        measured, noise = mouse(100 + seed)
        rng, draws = np.random.default_rng(seed), []
        units = measured.sizes["unit"]
        for pick in [np.arange(units), *(rng.integers(units, size=(20, units)))]:
            drawn = noise.isel(unit=pick, unit_other=pick)
            table = metrics.geometry_table(
                measured.isel(unit=pick), noise=drawn, groups=0, null=0
            ).set_index("measure")
            draws.append(table.loc[names, "estimate"].to_numpy(float))
        shifts.append(np.nanmean(draws[1:], axis=0) - draws[0])
    mean, error = np.nanmean(shifts, axis=0), np.nanstd(shifts, axis=0, ddof=1) / np.sqrt(20)
    print(f"bias of a bootstrap over units: {dict(zip(names, mean.round(3)))} +- {error.round(3)}")
    assert mean[0] > 3 * error[0]
