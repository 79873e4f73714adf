"""Acceptance rows D14-D23 (specification, section 6): where learning under noise settles, and where it drifts to.

Rows are checked on the worked reference case (specification 4.8) and on the published corridor data. Two are shortened: D19 holds
Adam against the values after 1e5 steps instead of 1e6, and of D23-D28 the state after 1e5 steps is checked.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics

ENGINE = "batched"
RATE, WIDTH, STD = 0.1, 1.0, 0.03
SAMPLES, OUTPUTS = 10, 10
WEIGHTS = ("input_weights", "bias", "output_weights")
MEASURES = ("relative_loss", "fraction_active_responses", "fraction_active_units", "hessian_trace")
WINDOWS = {"early": np.arange(1_000, 4_000, 10), "settled": np.arange(30_000, 40_000, 25)}
LATER = {"later": np.arange(90_000, 110_000, 40), "late": np.arange(190_000, 210_000, 40)}
PUBLISHED_STD = 0.013894954943731374


def reference(steps: int, sessions: object, **changes: object) -> drift.Experiment:
    """The worked reference case: random task, rich, seed 0, from the published draws."""
    task = drift.RandomTask(samples=SAMPLES, inputs=20, outputs=OUTPUTS, faithful=True)
    return drift.Experiment(task=task, network=drift.Network(units=100, faithful=True), steps=steps, sessions=sessions, **changes)


def trained(experiments: list[drift.Experiment], probes: tuple[str, ...] = MEASURES, precision: str = "float32") -> xr.Dataset:
    return drift.train(experiments, probes=probes, engine=ENGINE, precision=precision, progress=False)


def gauss_newton_spectrum(inputs: np.ndarray, weights: np.ndarray, bias: np.ndarray, readout: np.ndarray) -> np.ndarray:
    """Eigenvalues of the Gram matrix K = (2 / (T D)) [h h' x 1 + G o (X~ X~')] (specification 3.3)."""
    samples, outputs = len(inputs), len(readout)
    extended = np.column_stack([inputs, np.ones(samples)])
    field = inputs @ weights.T + bias
    hidden, gate = np.maximum(field, 0), (field > 0).astype(float)
    gated = (gate[:, None, :] * readout[None]).reshape(samples * outputs, -1)  # (sample x output, unit)
    through_units = (gated @ gated.T) * np.kron(extended @ extended.T, np.ones((outputs, outputs)))
    return np.linalg.eigvalsh(np.kron(hidden @ hidden.T, np.eye(outputs)) + through_units) * 2 / (samples * outputs)


def spectrum_at(run: xr.Dataset, step: int, inputs: np.ndarray) -> np.ndarray:
    here = at(run, step)
    return gauss_newton_spectrum(inputs, *(here[name].values.astype(float) for name in WEIGHTS))


def at(run: xr.Dataset, step: int) -> xr.Dataset:
    return run.isel(subject=0, session=int(np.searchsorted(run.elapsed.values[0], step)))


def in_window(run: xr.Dataset, steps: np.ndarray) -> xr.Dataset:
    return run.isel(subject=0, session=np.searchsorted(run.elapsed.values[0], steps))


def reference_data() -> xr.Dataset:
    return reference(1, 1).task.draw(0)


def target_variance() -> float:
    return float(reference_data()["targets"].values.var(ddof=1))


def log_mean(values: object) -> float:
    return float(np.log10(np.mean(np.asarray(values))))


@pytest.fixture(scope="module")
def update_run() -> xr.Dataset:
    sessions = np.unique(np.concatenate([[0], *WINDOWS.values(), np.arange(100_000, 1_000_001, 100_000)])).tolist()
    return trained([reference(1_000_000, sessions, noise=[drift.UpdateNoise(std=STD)])], (*MEASURES, *WEIGHTS))


@pytest.fixture(scope="module")
def label_run() -> xr.Dataset:
    sessions = np.unique(np.concatenate([[0], WINDOWS["settled"], *LATER.values(), [1_000_000]])).tolist()
    return trained([reference(1_000_000, sessions, noise=[drift.LabelNoise.from_width(WIDTH)])])


def test_d14_reference_start():
    start = trained([reference(1, (0,))], (*MEASURES, *WEIGHTS), "float64").isel(subject=0, session=0)
    assert np.log10(start.relative_loss) == pytest.approx(0.408, abs=1e-3)
    assert start.fraction_active_responses == pytest.approx(0.468, abs=1e-3)
    assert start.fraction_active_units == 1
    assert start.hessian_trace == pytest.approx(81.664, abs=1e-3)
    assert target_variance() == pytest.approx(0.38516, abs=1e-5)
    spectrum = gauss_newton_spectrum(reference_data()["inputs"].values, *(start[name].values.astype(float) for name in WEIGHTS))
    assert spectrum[-1] == pytest.approx(3.419, abs=1e-3)
    assert (spectrum > 1e-8 * spectrum[-1]).sum() == SAMPLES * OUTPUTS
    assert spectrum.sum() == pytest.approx(float(start.hessian_trace), rel=1e-6)


def check_d14_nothing_changes(steps: int) -> xr.Dataset:
    run = trained([reference(steps, (0, steps // 3, steps))], (*MEASURES, *WEIGHTS, "sample_activity"), "float64").isel(subject=0)
    converged, end = run.isel(session=1), run.isel(session=2)
    assert converged.relative_loss < 1e-8
    for name in WEIGHTS:
        np.testing.assert_allclose(end[name], converged[name], rtol=1e-6, atol=1e-9)
        assert not np.allclose(end[name], run[name][0], atol=1e-3)
    # One unit comes to rest on the threshold of one sample, where rounding (5e-17) decides the sign of its response.
    np.testing.assert_array_equal(end.sample_activity > 1e-9, converged.sample_activity > 1e-9)
    assert converged.fraction_active_units == end.fraction_active_units
    return end


def test_d14_without_noise_nothing_changes_after_convergence():
    check_d14_nothing_changes(12_000)


@pytest.mark.slow
def test_d14_without_noise_nothing_changes_for_long():
    end = check_d14_nothing_changes(100_000)
    assert end.fraction_active_responses == pytest.approx(0.464, abs=1.5e-3)
    assert end.hessian_trace == pytest.approx(83.7, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("window", "published"), [("early", -2.21), ("settled", -2.12)])
def test_d15_loss_plateau_of_update_noise(update_run: xr.Dataset, window: str, published: float):
    seen = log_mean(in_window(update_run, WINDOWS[window]).relative_loss)
    inputs = reference_data()["inputs"].values
    spectra = [spectrum_at(update_run, step, inputs) for step in WINDOWS[window][::20]]
    predicted = [RATE * STD**2 / 4 * (1 / (1 - RATE * spectrum / 2)).sum() / target_variance() for spectrum in spectra]
    assert seen == pytest.approx(log_mean(predicted), abs=0.03)
    assert seen == pytest.approx(published, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("window", "published"), [("settled", -2.46), ("later", -2.77), ("late", -2.89)])
def test_d16_loss_plateau_of_label_noise(label_run: xr.Dataset, window: str, published: float):
    seen = in_window(label_run, {**WINDOWS, **LATER}[window])
    variance = WIDTH**2 / 12
    predicted = RATE * variance * seen.hessian_trace / (2 * SAMPLES * OUTPUTS) / target_variance()
    assert log_mean(seen.relative_loss) == pytest.approx(log_mean(predicted), abs=0.03)
    assert log_mean(seen.relative_loss) == pytest.approx(published, abs=0.06)


@pytest.mark.slow
def test_d17_update_noise_makes_the_code_sparse_at_the_edge_of_stability(update_run: xr.Dataset):
    end = at(update_run, 1_000_000)
    assert np.log10(end.relative_loss) == pytest.approx(-1.98, abs=0.4)
    assert end.fraction_active_responses == pytest.approx(0.07, abs=0.05)
    assert end.fraction_active_units == pytest.approx(0.40, abs=0.2)
    inputs = reference_data()["inputs"].values
    sharpness = [spectrum_at(update_run, step, inputs)[-1] for step in range(100_000, 1_000_001, 100_000)]
    np.testing.assert_allclose(sharpness, 2 / RATE, atol=1.5)


@pytest.mark.slow
def test_d18_label_noise_lowers_the_trace(label_run: xr.Dataset):
    end = at(label_run, 1_000_000)
    assert np.log10(end.relative_loss) == pytest.approx(-2.98, abs=0.2)
    assert end.fraction_active_responses == pytest.approx(0.20, abs=0.08)
    assert end.fraction_active_units == pytest.approx(0.94, abs=0.08)
    assert end.hessian_trace == pytest.approx(7.9, abs=3)
    windows = [float(in_window(label_run, steps).hessian_trace.mean()) for steps in (WINDOWS["settled"], *LATER.values())]
    assert windows == sorted(windows, reverse=True) and windows[-1] > end.hessian_trace


@pytest.mark.slow
def test_d19_adam_drifts_without_noise():
    end = trained([reference(100_000, (100_000,), learner=drift.Adam())], MEASURES, "float64").isel(subject=0, session=0)
    assert end.relative_loss < 1e-4
    assert end.fraction_active_responses == pytest.approx(0.372, abs=0.06)
    assert end.fraction_active_units == pytest.approx(0.94, abs=0.06)
    assert 55.2 / 1.5 < end.hessian_trace < 55.2 * 1.5


@pytest.mark.slow
def test_d20_d21_stochastic_error_descent_learns_and_then_diverges_openly():
    learner = drift.StochasticErrorDescent(learning_rate=0.95, faithful=True)
    run = trained([reference(1_000_000, (100_000, 1_000_000), learner=learner)]).isel(subject=0)
    assert np.log10(run.relative_loss[0]) == pytest.approx(-0.96, abs=0.15)
    assert run.status == "diverged"
    assert 100_000 < run.diverged_at <= 1_000_000
    assert np.isnan(run.relative_loss[1]) and run.detected_units[1] == 0


@pytest.mark.slow
def test_d22_d23_published_corridor_after_1e5_steps(data_folder):
    steps = 100_000
    recipe = drift.Experiment(
        task=drift.StoredTask(path=str(data_folder("corridor_reference") / "predictive_track_up.npz")),
        network=drift.Network(units=500, regime="lazy", faithful=True),
        noise=[drift.UpdateNoise(std=PUBLISHED_STD)],
        steps=steps,
        sessions=(1, steps),
    )
    run = drift.train([recipe, recipe.replace(seed=1)], engine=ENGINE, progress=False)
    information = run.spatial_information.where(run.place_unit == 1).mean("unit")
    measures = [run.fraction_active_responses, run.fraction_active_units, information]
    starts = [float(measure[0, 0]) for measure in measures]
    # The information differs a little from the published one, whose signed position joins both directions in one bin.
    assert (np.abs(np.subtract(starts, [0.491, 0.732, 1.13])) <= [0.001, 0.001, 0.05]).all(), starts
    assert run.place_units[0, 0] == pytest.approx(365, abs=2)
    ends = [float(measure[:, 1].mean()) for measure in measures]
    assert (np.abs(np.subtract(ends, [0.286, 0.62, 1.90])) <= [0.04, 0.06, 0.3]).all(), ends
    assert run.place_units[:, 1].mean() == pytest.approx(312, abs=25)
    assert (np.log10(run.relative_loss[:, 1]) < -0.85).all()
    assert run.squared_norm[0, 0] == pytest.approx(1_044, abs=1)
    growth = run.squared_norm.diff("session") / (steps - 1)
    assert ((growth > 0.026) & (growth < 0.038)).all()
    assert run.hessian_trace[:, 1].mean() == pytest.approx(422, rel=0.15)


@pytest.mark.slow
def test_D22_to_D26_the_published_corridor_for_a_million_steps(data_folder):
    task = drift.StoredTask(path=str(data_folder("corridor_reference") / "predictive_track_up.npz"))
    network, noise = drift.Network(units=500, regime="lazy"), [drift.UpdateNoise(std=0.013894954943731374)]
    recipe = drift.Experiment(task=task, network=network, noise=noise, steps=1_000_000, sessions=51)
    run = drift.train([recipe, recipe.replace(seed=1)], engine="fused", progress=False)
    names = ("fraction_active_responses", "fraction_active_units", "spatial_information", "relative_loss", "place_units", "squared_norm")
    means = {name: metrics.summary(run, name)[name].values for name in names}
    assert 0.026 < (means["squared_norm"][5] - means["squared_norm"][0]) / 1e5 < 0.038  # D22
    assert means["fraction_active_responses"][-1] == pytest.approx(0.09, abs=0.02)  # D23
    assert means["fraction_active_units"][-1] == pytest.approx(0.32, abs=0.05)
    assert means["spatial_information"][-1] == pytest.approx(2.7, abs=0.3)
    assert np.log10(means["relative_loss"][-10:].mean()) == pytest.approx(-1.2, abs=0.3)
    assert means["place_units"][[20, 35, 50]] == pytest.approx([224, 181, 161], abs=25)  # D24, the re-run's numbers
    correlation = metrics.mean_rate_map_correlation(run, smoothing=6.0).mean("subject").values
    adjacent = np.diagonal(correlation, 1)
    assert adjacent[0] == pytest.approx(0.77, abs=0.05)  # D25
    assert adjacent[5] == pytest.approx(0.90, abs=0.04)
    assert adjacent[-1] == pytest.approx(0.99, abs=0.01)
    assert correlation[[5, 20, 35], [15, 30, 45]] == pytest.approx([0.65, 0.83, 0.89], abs=0.08)  # D26
