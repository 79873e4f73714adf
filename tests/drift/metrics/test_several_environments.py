"""Three environments on three days, each with a stable code: no measure says drift, and what differs
between environments is remapping."""

from __future__ import annotations

import functools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from recorded_rooms import PLACES, sessions

import drift
from drift import metrics, plots
from drift.cli.export import command as export
from drift.errors import RefusedInputError
from drift.metrics.rooms import in_one_environment

VISITS = {
    "three a day": ("ABCABCABC", (0, 0.1, 0.2, 1, 1.1, 1.2, 2, 2.1, 2.2)),
    "one after the other": ("AAABBBCCC", range(9)),
    "in turn": ("ABABABAB", range(8)),
}
CODES = ("rate_map", "population_vector", "ensemble_rate")


@functools.cache
def made(visits: str) -> list[xr.Dataset]:
    rooms, days = VISITS[visits]
    return sessions({"m": rooms}, units=40, days=tuple(days))


@functools.cache
def measured(visits: str) -> xr.Dataset:
    return drift.measure(made(visits), halves="trials")


def apart(dataset: xr.Dataset) -> np.ndarray:
    """(session, session) pairs in different environments."""
    labels = dataset["environment"].values[0]
    return np.asarray(labels[:, np.newaxis] != labels)


@pytest.mark.parametrize("visits", VISITS)
def test_m70_a_stable_code_in_each_environment_does_not_drift(visits: str):
    """Every similarity has drift rate 0.00 +- .01 a day, and 1 at every lag."""
    seen = measured(visits)
    similarities = [
        metrics.mean_rate_map_correlation(seen),
        metrics.population_vector_correlation(seen),
        metrics.ensemble_rate_correlation(seen),
        *(metrics.corrected_similarity(seen, of) for of in CODES),
    ]
    for similarity in similarities:
        rate = metrics.drift_rate(similarity, seen["elapsed"], longest_lag=10)["drift_rate"]
        assert rate.item() == pytest.approx(0, abs=0.01)
        lags = metrics.by_lag(similarity, seen["elapsed"])
        np.testing.assert_allclose(lags["correlation"].values[lags["pairs"].values > 0], 1)
        assert np.isnan(similarity.values[0][apart(seen)]).all()
    across = metrics.mean_rate_map_correlation(seen, across_environments=True)
    mixed = metrics.by_lag(across, seen["elapsed"], across_environments=True)["correlation"]
    assert float(mixed.min()) < 0.5  # what would be taken for drift


@pytest.mark.parametrize("visits", VISITS)
def test_no_other_measure_says_drift(visits: str):
    seen, different = measured(visits), apart(measured(visits))
    fields = metrics.place_fields(seen["rate"])
    shifts = metrics.field_shift(fields)
    pairwise = {
        "lost": (metrics.turnover(seen, "active")["lost"], 0),
        "recurrence": (metrics.recurrence(seen, "field")["recurrence"], 1),
        "jumps": (shifts["jumps"], 0),
        "shift": (shifts["shift"], 0),
        "centroid_shift": (metrics.centroid_shift(seen), 0),
        "drift_index": (metrics.drift_index(seen), 0),
    }
    for name, (values, stable) in pairwise.items():
        ordered = values.transpose("subject", "session", "session_other", ...).values[0]
        assert np.isnan(ordered[different]).all(), name
        observed = ordered[~different]
        np.testing.assert_allclose(observed[np.isfinite(observed)], stable, atol=1e-9, err_msg=name)
        assert np.isfinite(observed).any(), name
    for of in ("field", "same_field"):
        alive = metrics.survival(seen, of)["survival"]
        assert float(alive.min()) == 1
    assert float(metrics.field_diffusion(seen)["mean_squared_displacement"].max()) < 1e-9
    table = metrics.session_pairs(seen)
    index = table["measure"] == "mean_drift_index"
    assert index.any() and (table["value"][index].abs() < 1e-9).all()
    assert (table["value"][~index] > 1 - 1e-9).all()


def test_an_estimate_of_a_code_that_stands_still_in_turns():
    estimate = drift.estimate(measured("in turn"), noise="none", simulations=0, repetitions=2)
    lifetime = np.asarray(estimate.weight_lifetime)
    assert (np.isnan(lifetime) | (lifetime > 1e3)).all()


@pytest.mark.parametrize("visits", VISITS)
def test_no_readout_is_tested_in_another_environment(visits: str):
    scores = metrics.decoding(made(visits), window=0.1, shuffles=0)["decoding_error"].values[0]
    different = apart(measured(visits))
    assert np.isnan(scores[different]).all()
    np.testing.assert_allclose(scores[~different], 0, atol=1e-9)


@pytest.mark.parametrize("visits", VISITS)
def test_every_environment_is_remapped_and_none_drifts(visits: str):
    seen = measured(visits)
    remapped = metrics.remapping(seen, draws=10)
    rooms = remapped["environment"].values.tolist()
    assert rooms == list(dict.fromkeys(VISITS[visits][0]))
    within, between = np.eye(len(rooms), dtype=bool), ~np.eye(len(rooms), dtype=bool)
    limits = {
        "spatial_correlation": (1, 0.3),
        "population_vector_correlation": (1, 0.3),
        "corrected_spatial_correlation": (1, 0.3),
        "rate_overlap": (1, 0.95),
    }
    for name, (same, most) in limits.items():
        values = remapped[name].values[0]
        np.testing.assert_allclose(values[within], same)
        assert (values[between] < most).all(), name
        np.testing.assert_allclose(values, values.T, atol=1e-12)
    by_chance = remapped["spatial_correlation_by_chance"].values[0]
    # 40 units of independent fields: a standard error of some .05
    np.testing.assert_allclose(by_chance, 0, atol=0.2)
    np.testing.assert_allclose(remapped["shared_active_units"], 1)
    sizes = [VISITS[visits][0].count(room) for room in rooms]
    expected = np.outer(sizes, sizes) - np.diag([n * n - n * (n - 1) // 2 for n in sizes])
    np.testing.assert_array_equal(remapped["session_pairs"].values[0], expected)


def test_rate_remapping_by_hand():
    """Fields stay and rates change: all of the change is in the rates."""
    gain = np.array([1.0, 0.5, 0.25, 4.0])
    maps = 1.0 + np.arange(4)[:, np.newaxis] + np.sin(np.arange(PLACES) + np.arange(4)[:, np.newaxis])  # fmt: skip
    rate = np.stack([maps, maps * gain[:, np.newaxis]])[np.newaxis]
    dims = ("subject", "session", "unit", "place")
    rooms = (("subject", "session"), [["A", "B"]])
    seen = xr.Dataset(
        {"rate": (dims, rate), "occupancy": (("subject", "session", "place"), np.ones((1, 2, PLACES)))},
        coords={"environment": rooms, "session": [0, 1]},
    )  # fmt: skip
    remapped = metrics.remapping(seen, draws=0).sel(environment="A", environment_other="B")
    assert remapped["spatial_correlation"].item() == pytest.approx(1)
    assert remapped["rate_overlap"].item() == pytest.approx(np.mean([1, 0.5, 0.25, 0.25]))
    assert remapped["rate_remapping_index"].item() == pytest.approx(np.mean([0, 1 / 3, 0.6, 0.6]))
    silent = seen.copy(deep=True)
    silent["rate"].values[0, :, 0] = silent["rate"].values[0, 1, 1] = 0
    remapped = metrics.remapping(silent, draws=0).sel(environment="A", environment_other="B")
    assert remapped["shared_active_units"].item() == pytest.approx(2 / 3)
    assert remapped["rate_overlap"].item() == pytest.approx(np.mean([0, 0.25, 0.25]))
    assert not any(str(name).endswith("by_chance") for name in remapped.data_vars)


def test_a_subject_in_a_crowd_is_remapped_as_alone():
    plans = {"m": "ABCAB", "n": "BBA", "o": "AA"}
    crowd = metrics.remapping(drift.measure(sessions(plans, moved=3), halves="trials"), draws=3)
    for who in "mn":
        alone = drift.measure(sessions({who: plans[who]}, moved=3, units=24), halves="trials")
        expected = metrics.remapping(alone, draws=3)
        rooms = {dim: expected[dim].values for dim in ("environment", "environment_other")}
        xr.testing.assert_allclose(crowd.sel(subject=[who], **rooms), expected, atol=1e-12)
    assert crowd["session_pairs"].sel(subject="o").values.tolist() == [[1, 0, 0], [0] * 3, [0] * 3]


def test_environments_of_a_network_are_remapped():
    task = drift.CorridorTask(samples=60, rays=5, environments=2)
    recipe = drift.Experiment(task=task, network=drift.Network(units=20), steps=40, sessions=3)
    remapped = metrics.remapping(drift.train([recipe], progress=False), draws=2)
    assert remapped.sizes["environment"] == 2
    assert np.isfinite(remapped["corrected_spatial_correlation"]).all()


def test_one_environment_is_no_remapping():
    with pytest.raises(RefusedInputError, match="remapping is between environments, got 1"):
        metrics.remapping(drift.measure(sessions({"m": "AAA"}, units=5)))


def test_a_matrix_sorted_by_environment(tmp_path):
    seen = measured("in turn").isel(subject=0)
    similarity = metrics.mean_rate_map_correlation(measured("in turn"), across_environments=True)
    ax = plots.correlation_by_environment(similarity[0], seen["elapsed"], plt.subplots()[1])
    drawn = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert np.nanmin(drawn[:4, :4]) > 0.99 and np.nanmax(drawn[:4, 4:]) < 0.4
    assert next(line.get_ydata()[0] for line in ax.lines) == 3.5
    with pytest.raises(RefusedInputError, match="needs sessions in several"):
        one = seen["elapsed"].drop_vars("environment")
        plots.correlation_by_environment(similarity[0], one, plt.subplots()[1])
    plt.close("all")


def test_tables_of_several_environments(tmp_path, capsys):
    drift.save(measured("in turn"), tmp_path / "m.nc")
    export("csv", tmp_path / "m.nc", out=tmp_path / "tables")
    lines = (tmp_path / "tables" / "remapping.csv").read_text().splitlines()
    assert {"environment", "environment_other", "rate_overlap"} <= set(lines[0].split(","))
    assert len(lines) == 1 + 4 and "remapping.csv" in capsys.readouterr().out


def test_a_comparison_of_the_environment_that_is_named():
    run = drift.wandering_fields((0,), sessions=3, units=6, places=PLACES)
    seen = drift.measure(sessions({"m": "AAABB"}, units=6))
    options = {"shuffles": 0, "bootstraps": 0, "sampling_rate": 2.0, "null_draws": 0}
    named = drift.compare(run, seen, environment="B", **options)
    assert named.attrs["left_out"] == "subject m was in environment A in 3 sessions"
    since = named["since_first"].sel(source=["recorded", "observed"]).values
    assert np.nanmax(since) == 1 and np.isfinite(since).sum() == 4  # days of B alone
    with pytest.raises(RefusedInputError, match="environment 'D'"):
        drift.compare(run, seen, environment="D", **options)


def test_sessions_of_the_environment_that_is_named():
    kept = in_one_environment(sessions({"m": "AAB", "n": "BA"}, units=5), "B")
    assert [one["session"].item() for one in kept] == [2, 0]
