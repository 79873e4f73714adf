"""``dataset.drift`` gives what the functions give, and refuses what they refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.comparison.notebook_table import ComparisonTable
from drift.notebook.accessor import Accessor


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    recipes = [drift.Experiment(seed=seed) for seed in range(2)]
    run = drift.wandering_fields(sessions=5, units=24, places=12, movement=0.05)
    return run.assign_coords(experiment=("subject", [one.to_json() for one in recipes]))


@pytest.fixture(scope="module")
def comparison(run: xr.Dataset) -> xr.Dataset:
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 4), unit=slice(34, None))
    return run.drift.compare(
        like=lens.assign(rate=5 * lens["rate"]), sampling_rate=2.0, shuffles=0, bootstraps=10
    )


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_recipes(run: xr.Dataset):
    assert run.drift.recipes == [drift.Experiment(seed=0), drift.Experiment(seed=1)]
    assert run.isel(subject=1).drift.recipes == [drift.Experiment(seed=1)]
    with pytest.raises(drift.SchemaError, match="holds no recipe"):
        _ = run.drop_vars("experiment").drift.recipes


def test_measures(run: xr.Dataset):
    xr.testing.assert_identical(
        run.drift.summary("spatial_information"), metrics.summary(run, "spatial_information")
    )
    similar = metrics.mean_rate_map_correlation(run, smoothing=2.0)
    xr.testing.assert_identical(run.drift.rate_map_correlation(2.0), similar)
    xr.testing.assert_identical(
        run.drift.correlation_by_lag(2.0), metrics.by_lag(similar, run["elapsed"])
    )
    line = metrics.slope(metrics.of_subject(run, "spatial_information"), run["elapsed"])
    xr.testing.assert_identical(run.drift.slope("spatial_information"), line)


def test_theory(run: xr.Dataset):
    longer = drift.wandering_fields(sessions=12, units=6, movement=0.0).assign(
        loss=run["elapsed"].isel(session=0) * 0 + 1.0
    )
    longer["loss"] = xr.ones_like(longer["elapsed"])
    longer["fraction_active_responses"] = xr.ones_like(longer["elapsed"])
    xr.testing.assert_identical(longer.drift.phases(), drift.phases(longer))
    with pytest.raises(drift.RefusedInputError):
        run.drift.predict()  # knows no weights
    with pytest.raises(drift.RefusedInputError):
        run.drop_vars("rate").drift.estimate()


def test_observed_measured_compared(run: xr.Dataset, comparison: xr.Dataset):
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 2), unit=slice(34, None))
    observed = list(run.drift.observe(lens, sampling_rate=2.0))
    assert len(observed) == 4
    xr.testing.assert_identical(observed[0].drift.measure(), drift.measure([observed[0]]))
    assert {"observed", "frozen code"} <= set(comparison["source"].values)
    with pytest.raises(drift.RefusedInputError):
        observed[0].drift.compare()


def test_table(run: xr.Dataset, comparison: xr.Dataset):
    shown = comparison.drift.table()
    assert isinstance(shown, ComparisonTable)
    assert repr(shown) == str(shown) == drift.comparison_table(comparison)
    html = shown._repr_html_()
    assert (
        "Karlsson 2015 (published)" in html
        and "spatial information" in html
        and html.count("<table>") == html.count("</table>") >= 3
    )
    assert "<script" not in html
    with pytest.raises(drift.RefusedInputError, match="a comparison was expected"):
        run.drift.table()
    with pytest.raises(drift.RefusedInputError, match="convention must be"):
        comparison.drift.table("my own")


def test_a_comparison_without_anything_to_draw_is_shown(comparison: xr.Dataset):
    empty = comparison.assign(curve=xr.full_like(comparison["curve"], np.nan))
    assert "<table" not in empty.drift.table()._repr_html_()


def test_numbers_are_the_same_as_in_the_text(comparison: xr.Dataset):
    one = comparison.sel(
        convention="mean_of_ratios", measure="spatial_information", source="simulated"
    )
    assert f">{one['slope'].item():.3g}</td>" in comparison.drift.table()._repr_html_()


def test_plots(run: xr.Dataset, comparison: xr.Dataset):
    assert run.drift.plot_time_course("spatial_information").get_xlabel() == "learning (steps)"
    ax = plt.figure().subplots()
    assert run.drift.plot_rate_maps(ax=ax) is ax and ax.images
    assert run.drift.plot_correlation_matrix().images
    assert run.drift.plot_correlation_by_lag(smoothing=1.0).containers
    assert comparison.drift.plot_curves("spatial_information").containers
    for refused in (
        lambda: run.drop_vars("rate").drift.plot_rate_maps(),
        lambda: run.drift.plot_curves("spatial_information"),
    ):
        with pytest.raises(drift.RefusedInputError):
            refused()


def test_files(run: xr.Dataset, tmp_path: Path):
    xr.testing.assert_identical(
        drift.load(run.drift.save(tmp_path / "run.nc")).drop_attrs(), run.drop_attrs()
    )
    with pytest.raises(drift.RefusedInputError):
        run.drift.save(tmp_path / "run.nc")


def test_every_entry_says_what_it_does():
    entries = {name: entry for name, entry in vars(Accessor).items() if not name.startswith("_")}
    assert list(entries)[:4] == ["recipes", "measure", "summary", "slope"]
    assert all(entry.__doc__ for entry in entries.values())


def test_functions_keep_names_that_they_share_with_a_module():
    modules = "drift.comparison.table, drift.comparison.rows, drift.comparison.notebook_table"
    script = f"import {modules}; print(callable(drift.comparison_table), callable(drift.report))"
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True
    )
    assert answer.stdout.split() == ["True", "True"], answer.stderr


@pytest.mark.parametrize(
    "first",
    [
        "import xarray, drift",
        "import drift, xarray; from drift import load",
        "from drift.metrics import summary",
    ],
)
def test_it_is_there_without_further_import(first: str):
    script = f"{first}; import xarray; print(type(xarray.Dataset().drift).__name__)"
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True
    )
    assert answer.stdout.strip() == "Accessor", answer.stderr
