"""Pictures of life tables show what was measured: every curve, by its name, at its lags."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import drift
from drift import metrics, plots
from drift.errors import RefusedInputError


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def measured():
    run = drift.wandering_fields((0, 1), sessions=5, units=60)
    lens = drift.published_design("Sheintuch 2023")
    return drift.measure(drift.counted_events(drift.observe(run, like=lens, sampling_rate=5.0)))


def curves(ax):
    return {line.get_label(): line for line in ax.lines}


def test_recurrence_with_base_rate_and_test_noise(measured):
    shares = metrics.recurrence(metrics.thinned_halves(measured), "active", 60)
    ax = plots.recurrence_by_lag(shares, measured["elapsed"], plt.subplots()[1])
    lines = curves(ax)
    assert {"members again", "base rate", "between halves", "test noise alone (halves)"} <= set(
        lines
    )
    known = metrics.curve_by_lag(shares["recurrence"], measured["elapsed"]).mean("subject")
    np.testing.assert_allclose(lines["members again"].get_ydata(), known)
    np.testing.assert_allclose(lines["members again"].get_xdata(), known["mean_lag"])
    assert ax.get_ylabel() == "active units: share" and "one subject" in lines
    alone = metrics.recurrence(measured, "active", 60)
    bare = curves(plots.recurrence_by_lag(alone, measured["elapsed"], plt.subplots()[1]))
    assert "between halves" not in bare and "base rate" in bare


def test_survival_as_steps(measured):
    table = metrics.survival(measured, "active", 60)
    ax = plots.survival_curve(table, plt.subplots()[1])
    for number, name in enumerate(table["subject"].values):
        own = table["survival"].isel(subject=number).dropna("age")
        np.testing.assert_allclose(curves(ax)[name].get_ydata(), own)
    nothing = metrics.survival(measured, "active", 1e6)
    with pytest.raises(RefusedInputError, match="needs members"):
        plots.survival_curve(nothing, plt.subplots()[1])
    with pytest.raises(RefusedInputError, match="needs members"):
        shares = metrics.recurrence(measured, "active", 1e6)
        plots.recurrence_by_lag(shares, measured["elapsed"], plt.subplots()[1])


def test_shifts_beside_shuffled_identities(measured):
    fields = metrics.place_fields(measured["rate"])
    table = metrics.shift_distribution(fields)
    ax = plots.shift_histogram(table, measured["elapsed"], plt.subplots()[1])
    heights = [bar.get_height() for bar in ax.patches]
    assert len(heights) == table.sizes["shift"] and sum(heights) == pytest.approx(1)
    assert ax.get_xlabel() == "shift of the field (cm)"
    assert sum(curves(ax)["shuffled"].get_ydata()) == pytest.approx(1)
    later = plots.shift_histogram(table, measured["elapsed"], plt.subplots()[1], lag=6.0)
    assert ax.get_title() != later.get_title()
    empty = table.assign(share=table["share"] * np.nan)
    with pytest.raises(RefusedInputError, match="two sessions"):
        plots.shift_histogram(empty, measured["elapsed"], plt.subplots()[1])
