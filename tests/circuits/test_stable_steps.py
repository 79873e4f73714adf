"""How large a step may be: the limits hold on both sides (circuits, sections 2.1 and 4.3)."""

from __future__ import annotations

import numpy as np
import pytest

from circuits import CountControl, LinearInterneuron, SaturatingUnits
from circuits.drives import normal_quantiles
from circuits.simulation.euler import euler
from circuits.stable_steps import INTEGRAL_LIMITS, LIMITS, critical_loop_gain, loop_roots

SHIFTED = normal_quantiles(1000) + 5.0
CIRCUIT = LinearInterneuron().for_active_fraction(0.05, SHIFTED)


@pytest.mark.parametrize(
    ("dt", "winners", "tolerance"), [(1.0e-3, 50, 0), (1.3e-3, 59, 3), (1.6e-3, 124, 10)]
)
def test_c06_simultaneous_updates(dt, winners, tolerance):
    assert 1e3 * CIRCUIT.stable_dt(SHIFTED, "simultaneous") == pytest.approx(1.296, abs=1e-3)
    rate, inhibition = euler(CIRCUIT, SHIFTED, duration=4.0, dt=dt, update="simultaneous")
    assert np.sum(rate > 1e-3) == pytest.approx(winners, abs=tolerance)
    assert (np.ptp(inhibition[-200:]) < 1e-9) == (dt == 1.0e-3)


@pytest.mark.parametrize(("dt", "settles"), [(2.05e-3, True), (2.2e-3, False)])
def test_staggered_updates_of_the_linear_interneuron(dt, settles):
    assert (dt < CIRCUIT.stable_dt(SHIFTED)) == settles
    rate, inhibition = euler(CIRCUIT, SHIFTED, duration=4.0, dt=dt)
    assert (np.sum(rate > 1e-3) == 50) == settles
    assert (np.ptp(inhibition[-200:]) < 1e-6) == settles


@pytest.mark.parametrize(("dt", "settles"), [(0.3e-3, True), (0.5e-3, False)])
def test_c07_staggered_updates_of_saturating_units(dt, settles):
    drive, circuit = normal_quantiles(10_000), SaturatingUnits(units=10_000, gain=10_000.0)
    assert 1e3 * circuit.stable_dt(drive) == pytest.approx(0.377, abs=1e-3)
    assert 1e3 * circuit.stable_dt(drive, "simultaneous") == pytest.approx(0.0218, abs=1e-4)
    _, inhibition = euler(circuit, drive, duration=0.4, dt=dt)
    swing = np.ptp(inhibition[-200:])
    assert swing < 1e-9 if settles else swing > 1


def test_c08_eigenvalues_of_the_linearised_loop():
    assert np.all(loop_roots(2.02, 0.020, 0.002).imag == 0)
    assert np.all(loop_roots(2.03, 0.020, 0.002).imag != 0)
    np.testing.assert_allclose(
        -1e3 / loop_roots(5.0, 0.020, 0.002).real, 2 * 20 * 2 / 22, atol=1e-9
    )


@pytest.mark.parametrize(("delay", "gain"), [(1, 23.9), (2, 12.8), (5, 5.90), (10, 3.46)])
def test_c09_delay_that_makes_the_loop_oscillate(delay, gain):
    critical, _ = critical_loop_gain(1e-3 * delay, 0.020, 0.002)
    assert critical == pytest.approx(gain, abs=0.05)
    swings = []
    for share in (0.9, 1.1):
        drive, circuit = with_loop_gain(share * critical)
        _, inhibition = euler(circuit, drive, duration=0.8, dt=5e-5, delay=1e-3 * delay)
        early, late = inhibition[4000:8000], inhibition[-4000:]
        swings.append(np.ptp(late) / np.ptp(early))
    assert swings[0] < 0.9
    assert swings[1] > 0.9


def with_loop_gain(loop_gain: float) -> tuple[np.ndarray, LinearInterneuron]:
    """Ten units far above the inhibition, so that all of them stay active and the loop gain is the
    gain."""
    return 100.0 + np.linspace(0.0, 0.1, 10), LinearInterneuron(units=10, gain=loop_gain)


@pytest.mark.parametrize(("step", "exact"), [(0.39, True), (0.42, False)])
def test_c10_iteration_in_one_shot(step, exact):
    """mu <- mu + gamma (I - G sum [mu]_+ - mu), the network's explaining away with one interneuron;
    bound 2 / (1 + G k)."""
    drive, circuit = normal_quantiles(1000), LinearInterneuron(gain=78.7277)
    potential = np.zeros(1000)
    for _ in range(4000):
        potential += step * (drive - circuit.gain * np.maximum(potential, 0.0).mean() - potential)
    assert (np.sum(potential > 0) == 50) == exact


@pytest.mark.parametrize("update", ["staggered", "simultaneous"])
@pytest.mark.parametrize("gain", [0.01, 0.3, 5.0, 80.0])
@pytest.mark.parametrize("integral", [False, True])
def test_limits_are_where_a_step_stops_shrinking_a_perturbation(update, gain, integral):
    """The spectral radius of one step, written out as a matrix, is 1 at the limit."""
    limit = float((INTEGRAL_LIMITS if integral else LIMITS)[update](gain, 0.020, 0.002))
    for share, stable in ((0.999, True), (1.001, False)):
        a, b = share * limit / 0.020, share * limit / 0.002
        first = np.array([[1 - a, -a * gain], [0.0, 1.0]])
        second = np.array([[1.0, 0.0], [b, 1.0 if integral else 1 - b]])
        step = second @ first if update == "staggered" else first + second - np.eye(2)
        assert (np.abs(np.linalg.eigvals(step)).max() < 1) == stable


def test_count_control_is_stable_below_its_limit_and_not_above():
    circuit, drive = CountControl(gain=20.0, steepness=20.0), normal_quantiles(1000)
    limit = circuit.stable_dt(drive)
    for share, settles in ((0.9, True), (1.1, False)):
        _, inhibition = euler(circuit, drive, duration=3.0, dt=share * limit)
        assert (np.ptp(inhibition[-100:]) < 1e-6) == settles
