"""What noise does to a solved network, against finite differences and against small simulations
(rows D15 and D16 in small)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import drift
from drift.theory.landscape import hessian_trace, network_point, regularisers, row_index
from drift.theory.landscape import plateaus as loss_plateaus
from drift.theory.landscape.curvature import Point
from drift.theory.landscape.monitor import noise_monitor
from drift.theory.landscape.spectrum import gauss_newton_spectrum, jacobian, log_pseudo_determinant

UNITS, INPUTS, OUTPUTS, SAMPLES = 12, 5, 2, 4
RATE, REPLICAS, Z = 0.1, 256, 4.0


class Solved(NamedTuple):
    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray  # all weights in one row, inward first

    def point(self, weights: np.ndarray | None = None) -> Point:
        flat = self.weights if weights is None else weights
        inward, outward = np.split(flat, [UNITS * (INPUTS + 1)])
        return network_point(
            self.inputs, self.targets, inward.reshape(UNITS, -1), outward.reshape(UNITS, -1)
        )


def descend(
    task: Solved, replicas: int, steps: int, rate: float, std: float = 0.0, variance: float = 0.0
) -> tuple[np.ndarray, ...]:
    """Weights of replicas after the steps, the sum of their update noise, and their losses against
    time."""
    rng, extended = np.random.default_rng(0), np.column_stack([task.inputs, np.ones(SAMPLES)])
    weights, pushed, losses = np.repeat(task.weights[np.newaxis], replicas, axis=0), 0.0, []
    for _ in range(steps):
        inward, outward = (
            weights[:, : UNITS * (INPUTS + 1)].reshape(replicas, UNITS, -1),
            weights[:, UNITS * (INPUTS + 1) :].reshape(replicas, UNITS, -1),
        )
        field = extended @ inward.swapaxes(1, 2)  # (replica, sample, unit)
        hidden = np.maximum(field, 0)
        error = hidden @ outward - task.targets
        losses.append(np.square(error).mean((1, 2)))
        slope = 2 / error[0].size * (error - variance**0.5 * rng.standard_normal(error.shape))
        inner = ((slope @ outward.swapaxes(1, 2)) * (field > 0)).swapaxes(1, 2) @ extended
        noise = -rate * std * rng.standard_normal(weights.shape) if std else 0.0
        gradient = np.concatenate(
            [inner.reshape(replicas, -1), (hidden.swapaxes(1, 2) @ slope).reshape(replicas, -1)],
            axis=1,
        )
        weights, pushed = weights - rate * gradient + noise, pushed + noise
    return weights, pushed, np.array(losses)


@pytest.fixture(scope="module")
def solved() -> Solved:
    rng = np.random.default_rng(0)
    parts = (
        rng.uniform(-1, 1, (SAMPLES, INPUTS)),
        rng.standard_normal(UNITS * (INPUTS + 1)),
        0.5 * rng.standard_normal(UNITS * OUTPUTS),
    )
    task = Solved(parts[0], rng.uniform(-1, 1, (SAMPLES, OUTPUTS)), np.concatenate(parts[1:]))
    task = task._replace(weights=descend(task, 1, 10_000, RATE)[0][0])
    assert np.abs(task.point().error).max() < 1e-12
    return task


@pytest.mark.parametrize(
    ("measure", "gradient"),
    [
        (hessian_trace, regularisers.trace_gradient),
        (
            lambda point: log_pseudo_determinant(gauss_newton_spectrum(point)),
            regularisers.log_determinant_gradient,
        ),
        (hessian_trace, lambda point: regularisers.eigenvalue_gradient(point, np.ones_like)),
    ],
    ids=["trace", "log determinant", "sum of eigenvalues"],
)
def test_slopes_are_those_of_central_differences(solved: Solved, measure, gradient):
    point, step = solved.point(), 1e-6
    index = row_index(point)
    shifts = step * np.eye(len(solved.weights))[index]
    found = [
        (
            measure(solved.point(solved.weights + shift))
            - measure(solved.point(solved.weights - shift))
        )
        / (2 * step)
        for shift in shifts
    ]
    np.testing.assert_allclose(gradient(point), found, atol=1e-6)


def test_motion_along_the_manifold_leaves_outputs_alone(solved: Solved):
    point = solved.point()
    direction = regularisers.along_manifold(
        point, np.random.default_rng(1).standard_normal(point.rows)
    )
    assert np.abs(jacobian(point) @ direction).max() < 1e-12
    np.testing.assert_allclose(regularisers.along_manifold(point, direction), direction, atol=1e-12)


@pytest.mark.parametrize(("noise", "size"), [("label", 1e-3), ("update", 5e-3)])
def test_drift_along_the_manifold_and_its_sampled_twin(solved: Solved, noise: str, size: float):
    """Mean motion of replicas from step 300 to 700, without the noise that pushed them: within 4
    standard errors and 3 % of position."""
    point = solved.point()
    index, kind = row_index(point), {"label": {"variance": size}, "update": {"std": size}}[noise]
    predicted = (
        regularisers.label_noise_drift if noise == "label" else regularisers.update_noise_drift
    )(point, RATE, size)
    early, late = (
        descend(solved, REPLICAS, steps, RATE, **kind) for steps in (300, 700)
    )  # the same noise in the first 300 steps
    moved = (late[0] - early[0] - (late[1] - early[1]))[:, index] / 400  # (replica, rows)
    along = moved @ predicted / np.square(predicted).sum()
    assert along.mean() == pytest.approx(1.0, abs=0.03 + Z * along.std(ddof=1) / np.sqrt(REPLICAS))
    assert along.std(ddof=1) / np.sqrt(REPLICAS) < 0.05


def test_leading_order_is_the_limit_of_small_learning_rates(solved: Solved):
    point, rate = solved.point(), 1e-6
    update = (
        -(rate**2)
        / 4
        * regularisers.along_manifold(point, regularisers.log_determinant_gradient(point))
    )
    np.testing.assert_allclose(
        regularisers.update_noise_drift(point, rate, 1.0), update, rtol=1e-4, atol=1e-18
    )
    label = (
        -(rate**2)
        / (2 * point.error.size)
        * regularisers.along_manifold(point, regularisers.trace_gradient(point))
    )
    np.testing.assert_allclose(
        regularisers.label_noise_drift(point, rate, 1.0), label, rtol=1e-4, atol=1e-18
    )
    spectrum = gauss_newton_spectrum(point)
    assert loss_plateaus.update_noise_loss(spectrum, rate, 1.0) == pytest.approx(
        rate * 8 / 4, rel=1e-4
    )
    assert loss_plateaus.label_noise_loss(spectrum, rate, 1.0, 8) == pytest.approx(
        rate * hessian_trace(point) / 16, rel=1e-4
    )


@pytest.mark.parametrize("noise", ["label", "update"])
def test_loss_plateau_and_its_sampled_twin(solved: Solved, noise: str):
    """While noise builds up and after it has: within 4 standard errors over replicas and 1 % of
    position."""
    spectrum, kind = (
        gauss_newton_spectrum(solved.point()),
        {"label": {"variance": 1e-4}, "update": {"std": 1e-3}}[noise],
    )
    losses = descend(solved, 400, 400, RATE, **kind)[2]
    for step in (3, 10, 399):
        predicted = (
            loss_plateaus.label_noise_loss(spectrum, RATE, 1e-4, 8, step)
            if noise == "label"
            else loss_plateaus.update_noise_loss(spectrum, RATE, 1e-3, step)
        )
        assert losses[step].mean() == pytest.approx(
            predicted, abs=0.01 * predicted + Z * losses[step].std(ddof=1) / 20
        )


def test_diffusion_raises_the_trace(solved: Solved):
    """Small random steps along the manifold and back to it, in pairs of opposite sign."""
    point, size, replicas = solved.point(), 2e-3, 300
    normal = np.linalg.svd(jacobian(point), full_matrices=False)[2]
    steps = np.random.default_rng(2).standard_normal((replicas, point.rows))
    shifts = np.zeros((2 * replicas, len(solved.weights)))
    shifts[:, row_index(point)] = size * np.concatenate(
        [steps - steps @ normal.T @ normal, steps @ normal.T @ normal - steps]
    )
    weights = solved.weights + shifts
    for _ in range(3):  # Newton steps back to the manifold are the fast form of the flow
        weights = np.array([_back(solved, one) for one in weights])
    change = np.array([hessian_trace(solved.point(one)) for one in weights]) - hessian_trace(point)
    change = (change[:replicas] + change[replicas:]) / 2
    rate = 1e-6
    drift_alone = regularisers.update_noise_drift(
        point, rate, size / rate
    ) @ regularisers.trace_gradient(point)
    predicted = regularisers.update_noise_trace_change(point, rate, size / rate) - drift_alone
    assert change.mean() == pytest.approx(
        predicted, abs=0.01 * predicted + Z * change.std(ddof=1) / np.sqrt(replicas)
    )


def _back(task: Solved, weights: np.ndarray) -> np.ndarray:
    point = task.point(weights)
    back = weights.copy()
    back[row_index(point)] -= np.linalg.lstsq(jacobian(point), point.error.ravel(), rcond=None)[0]
    return back


def test_beyond_the_edge_of_stability_nothing_is_predicted(solved: Solved):
    point = solved.point()
    spectrum = gauss_newton_spectrum(point)
    rate = 2.01 / spectrum[-1]
    assert loss_plateaus.edge_of_stability(rate) < spectrum[-1]
    assert (
        loss_plateaus.update_noise_loss(spectrum, rate, 1.0)
        == np.inf
        == loss_plateaus.label_noise_loss(spectrum, rate, 1.0, 8)
    )
    with pytest.raises(drift.RefusedInputError, match="edge of stability"):
        regularisers.label_noise_drift(point, rate, 1.0)
    near = loss_plateaus.update_noise_loss(spectrum, 1.99 / spectrum[-1], 1.0)
    assert near > 10 * loss_plateaus.update_noise_loss(spectrum, 1 / spectrum[-1], 1.0)
    with pytest.raises(
        drift.RefusedInputError, match="learning_rate must be one finite number from 1e-100"
    ):
        loss_plateaus.update_noise_loss(spectrum, 0.0, 1.0)


def test_time_scales():
    assert loss_plateaus.update_noise_time(0.1, 0.03) == pytest.approx(1 / 9e-6)
    assert loss_plateaus.label_noise_time(0.1, 1 / 12) == pytest.approx(1200)
    assert loss_plateaus.squared_norm_growth(18_000, 0.1, 0.013894954943731374) == pytest.approx(
        0.0347, abs=1e-4
    )


def reference(noise: drift.noise.Noise, sessions: object) -> drift.Experiment:
    task = drift.RandomTask(samples=10, inputs=20, outputs=10, faithful=True)
    return drift.Experiment(
        task=task,
        network=drift.Network(units=100, faithful=True),
        noise=[noise],
        steps=sessions[-1],
        sessions=sessions,
    )


def monitored(sessions: range, trace_change: bool = False):
    recipes = [
        reference(noise, tuple(sessions))
        for noise in (drift.LabelNoise.from_width(1.0), drift.UpdateNoise(std=0.03))
    ]
    run = drift.train(recipes, probes=("input_weights", "bias", "output_weights"), progress=False)
    return noise_monitor(run, trace_change)


@pytest.mark.slow
def test_d15_monitor_sets_prediction_beside_measurement():
    """Update noise in steps 1e3-4e3: prediction within .03 of log10, 4.8 says -2.21."""
    found = monitored(range(1_000, 4_001, 30))
    variance = (
        drift.RandomTask(samples=10, inputs=20, outputs=10, faithful=True)
        .draw(0)["targets"]
        .values.var(ddof=1)
    )
    means = np.log10(found[["loss", "predicted_loss"]].mean("session") / variance)
    assert means.loss[1] == pytest.approx(-2.21, abs=0.05) and means.loss[1] == pytest.approx(
        float(means.predicted_loss[1]), abs=0.03
    )
    growth = found.squared_norm_growth[1].mean()
    assert growth == pytest.approx(float(found.predicted_squared_norm_growth[1, 0]), rel=0.25)


@pytest.mark.slow
def test_monitor_labels_what_it_finds():
    found = monitored(range(10, 41, 10), trace_change=True)
    assert (
        np.allclose(found.edge_of_stability, 20, rtol=1e-14)
        and (found.largest_eigenvalue < 10).all()
        and (found.gauss_newton_rank == 100).all()
    )
    assert (found.predicted_squared_norm_growth[0] == 0).all() and (
        found.predicted_hessian_trace_change[0] < 0
    ).all()
    assert found.hessian_trace_change[:, -1].isnull().all() and found.elapsed.dims == (
        "subject",
        "session",
    )
    assert all(
        found[name].attrs["units"] and found[name].dims == ("subject", "session")
        for name in found.data_vars
    )


@pytest.mark.slow
def test_monitor_predicts_how_the_curvature_changes():
    """Trace of the reference case, steps 1e4-2e4: label noise lowers it, update noise raises it, as
    predicted within 25 %."""
    found = (
        monitored(range(10_000, 20_001, 500), trace_change=True)
        .isel(session=slice(0, -1))
        .mean("session")
    )
    for subject in (0, 1):
        assert found.hessian_trace_change[subject] == pytest.approx(
            float(found.predicted_hessian_trace_change[subject]), rel=0.25
        )
    assert found.hessian_trace_change[0] < 0 < found.hessian_trace_change[1]


@pytest.mark.slow
def test_d16_loss_plateau_of_label_noise():
    found = monitored(range(30_000, 40_001, 50)).isel(subject=0).mean("session")
    assert np.log10(found.loss) == pytest.approx(float(np.log10(found.predicted_loss)), abs=0.03)


def test_monitor_refuses_what_it_cannot_predict():
    run = drift.train(
        [reference(drift.UpdateNoise(std=0.0), (1,)).replace(learner=drift.Adam(), noise=[])],
        probes=("input_weights", "bias", "output_weights"),
        progress=False,
    )
    with pytest.raises(drift.RefusedInputError, match="plateau under adam"):
        noise_monitor(run)
    with pytest.raises(drift.SchemaError, match="bias is missing"):
        noise_monitor(run.drop_vars("bias"))
