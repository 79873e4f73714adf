"""Where circuits come to rest: closed forms against published and derived numbers (circuits,
sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from circuits import (
    CountControl,
    ExplainingAway,
    LinearInterneuron,
    SaturatingUnits,
    ThresholdInterneuron,
)
from circuits.drives import normal_quantiles
from circuits.rest.fixed_points import threshold_linear_level
from circuits.stable_steps import simultaneous_limit


def top(drive: np.ndarray, winners: int) -> set[int]:
    return set(np.argsort(-drive, kind="stable")[:winners].tolist())


@pytest.mark.parametrize(
    ("fraction", "level", "gain", "loop_gain", "limit"),
    [
        (0.005, 2.576, (1630, 1), 8.15, 2.4), (0.01, 2.326, (687, 1), 6.87, 2.8), (0.02, 2.054, (280, 1), 5.59, 3.3),
        (0.05, 1.645, (78.7, 0.1), 3.94, 4.5), (0.10, 1.282, (27.1, 0.1), 2.71, 5.9), (0.15, 1.036, (13.3, 0.1), 2.00, 6.7),
        (0.20, 0.842, (7.54, 0.01), 1.51, 5.1), (0.30, 0.524, (2.75, 0.01), 0.83, 4.5),
    ],
)  # fmt: skip
def test_c01_gain_for_a_fraction_of_many_normal_drives(fraction, level, gain, loop_gain, limit):
    circuit = LinearInterneuron().for_active_fraction(fraction)
    assert -ndtri(fraction) == pytest.approx(level, abs=1e-3)
    assert circuit.gain == pytest.approx(gain[0], abs=gain[1])
    assert circuit.gain * fraction == pytest.approx(loop_gain, abs=0.01)
    assert 1e3 * simultaneous_limit(circuit.gain * fraction, 0.020, 0.002) == pytest.approx(
        limit, abs=0.1
    )


@pytest.mark.parametrize(
    ("units", "winners", "level", "exact"),
    [
        (10, 1, 1.201131, 4.406966), (10, 2, 0.806048, 0.881588), (100, 2, 2.013074, 3.353050), (100, 5, 1.628846, 0.832045),
        (100, 10, 1.274101, 0.277080), (100, 20, 0.838527, 0.076121), (1000, 20, 2.050035, 0.283158), (1000, 50, 1.643450, 0.079065),
        (1000, 100, 1.280908, 0.027120), (1000, 200, 0.841356, 0.007545), (10_000, 200, 2.053419, None), (10_000, 500, 1.644729, None),
        (10_000, 1000, 1.281495, None), (10_000, 2000, 0.841598, None),
    ],
)  # fmt: skip
def test_c02_linear_interneuron_on_normal_quantiles(units, winners, level, exact):
    drive = normal_quantiles(units)
    circuit = LinearInterneuron(units=units).for_active_fraction(winners / units)
    rest = circuit.fixed_point(drive)
    assert rest["active_units"] == winners
    assert float(rest["inhibition"]) == pytest.approx(level, abs=1e-6)
    selected = circuit.for_active_fraction(winners / units, drive)
    assert selected.fixed_point(drive)["active_units"] == winners
    if exact is not None:
        assert selected.gain / units == pytest.approx(exact, abs=1e-6)


@given(
    law=st.sampled_from(["normal", "uniform", "lognormal", "negative"]),
    units=st.integers(1, 60),
    gain=st.floats(-4, 3).map(lambda power: 10.0**power),
    seed=st.integers(0, 2**32 - 1),
)
def test_c03_winners_are_the_top_k_of_the_one_possible_k(law, units, gain, seed):
    rng = np.random.default_rng(seed)
    draws: dict[str, Callable[..., np.ndarray]] = {
        "normal": rng.normal,
        "uniform": rng.uniform,
        "lognormal": rng.lognormal,
    }
    drive = -rng.uniform(size=units) if law == "negative" else draws[law](size=units)
    level, winners = (np.asarray(part)[()] for part in threshold_linear_level(drive, gain))
    assert set(np.flatnonzero(drive > level).tolist()) == top(drive, int(winners))
    ordered = np.append(-np.sort(-drive), -np.inf)
    excess = [gain * np.sum(ordered[:k] - ordered[k - 1]) for k in range(1, units + 1)]
    possible = [
        k
        for k in range(1, units + 1)
        if excess[k - 1] < ordered[k - 1]
        and (k == units or gain * np.sum(ordered[:k] - ordered[k]) >= ordered[k])
    ]
    assert possible == ([int(winners)] if winners else [])
    assert level == pytest.approx(gain * np.maximum(drive - level, 0.0).sum(), rel=1e-9, abs=1e-12)


def test_c05_scaling_leaves_the_winners_and_an_offset_does_not():
    drive = normal_quantiles(1000)
    circuit = LinearInterneuron(gain=78.7277)
    stimuli = np.stack([0.1 * drive, 10 * drive, drive - 0.5, drive + 0.5, drive + 1, drive + 5])
    assert circuit.fixed_point(stimuli)["active_units"].values.tolist() == [50, 50, 40, 61, 71, 149]
    counts = [
        int(LinearInterneuron(gain=1000 * gain).fixed_point(drive)["active_units"])
        for gain in (0.01, 1, 10, 1e-9)
    ]
    assert counts == [174, 8, 1, 500]


def sparsemax(drive: np.ndarray, total: float) -> np.ndarray:
    """Projection on the simplex by sorting (Martins & Astudillo 2016), in plain loops."""
    ordered, cumulated, level = sorted(drive, reverse=True), 0.0, 0.0
    for count, value in enumerate(ordered, 1):
        cumulated += value
        if value > (cumulated - total) / count:
            level = (cumulated - total) / count
    return np.maximum(drive - level, 0.0)


def test_c11_threshold_interneuron_on_normal_quantiles():
    drive = normal_quantiles(1000)
    expected = {1: (52, 1.628644), 10: (49, 1.657798), 100: (48, 1.660869), 1000: (48, 1.661181)}
    for gain, (winners, level) in expected.items():
        rest = ThresholdInterneuron(gain=1000.0 * gain, threshold=0.02).fixed_point(drive)
        assert rest["active_units"] == winners
        assert float(rest["inhibition"]) == pytest.approx(level, abs=1e-6)
    limit, count = threshold_linear_level(drive, np.inf, 20.0)
    assert (int(count), float(limit)) == (48, pytest.approx(1.661215, abs=1e-6))
    np.testing.assert_allclose(np.maximum(drive - limit, 0.0), sparsemax(drive, 20.0), atol=1e-9)


def test_c12_infinite_gain_projects_on_the_simplex(rng):
    drive, total = rng.normal(size=(20, 40)), rng.uniform(0.1, 30, size=20)
    level, _ = threshold_linear_level(drive, np.inf, total)
    rate = np.maximum(drive - level[:, np.newaxis], 0.0)  # (stimulus, unit)
    np.testing.assert_allclose(rate.sum(axis=1), total, atol=1e-9)
    shifted, _ = threshold_linear_level(drive + 3.0, np.inf, total)
    np.testing.assert_allclose(shifted, level + 3.0, atol=1e-9)
    # a point of a convex set is the nearest one exactly if no corner of the set lies on the far
    # side of it
    towards = drive - rate
    corners = total[:, np.newaxis] * towards - np.sum(towards * rate, axis=1, keepdims=True)
    assert corners.max() < 1e-9


@pytest.mark.parametrize(
    ("units", "threshold", "gain", "width", "level", "winners", "total"),
    [
        (100, 10, 1, 0.5, 0.930820, 18, 10.930820), (100, 10, 1, 0.1, 1.149443, 13, 11.149443),
        (100, 10, 1, 0.02, 1.196247, 12, 11.196247), (100, 10, 1, 0.005, 1.199349, 12, 11.199349),
        (1000, 50, 1, 0.5, 1.344013, 89, 51.344013), (1000, 50, 1, 0.05, 1.595604, 55, 51.595604),
        (10_000, 500, 1, 0.5, 1.355914, 876, 501.3559), (10_000, 500, 0.1, 0.5, 1.344022, 895, 513.4402),
    ],
)  # fmt: skip
def test_c13_saturating_units_on_normal_quantiles(
    units, threshold, gain, width, level, winners, total
):
    circuit = SaturatingUnits(
        units=units, gain=gain * float(units), threshold=threshold / units, width=width
    )
    rest = circuit.fixed_point(normal_quantiles(units))
    assert float(rest["inhibition"]) == pytest.approx(level, abs=1e-6)
    assert rest["active_units"] == winners
    assert float(rest["rate"].sum()) == pytest.approx(total, abs=1e-4 if units == 10_000 else 1e-6)


def test_c13_loop_gain_does_not_depend_on_the_width():
    gains = [
        float(SaturatingUnits(width=width).fixed_point(normal_quantiles(1000))["loop_gain"])
        for width in (0.5, 0.05)
    ]
    assert gains == pytest.approx([101.6, 99.9], abs=0.05)


@pytest.mark.parametrize(("width", "active"), [(0.5, 18.0), (0.1, 13.0), (0.02, 12.1)])
def test_c14_saturating_units_on_random_drives(rng, width, active):
    circuit = SaturatingUnits(units=100, gain=100.0, threshold=0.1, width=width)
    assert float(
        circuit.fixed_point(rng.normal(size=(2000, 100)))["active_units"].mean()
    ) == pytest.approx(active, abs=0.15)


def test_c18_count_control_on_normal_quantiles():
    expected = {
        5: (1.749301, 40),
        10: (1.671664, 47),
        20: (1.651602, 49),
        50: (1.645935, 50),
        100: (1.645124, 50),
        200: (1.644922, 50),
    }
    for steepness, (level, winners) in expected.items():
        rest = CountControl(steepness=float(steepness)).fixed_point(normal_quantiles(1000))
        assert float(rest["inhibition"]) == pytest.approx(level, abs=2e-6)
        assert rest["active_units"] == winners
    wide = [
        CountControl(units=10_000, steepness=float(beta)).fixed_point(normal_quantiles(10_000))
        for beta in (5, 10, 20, 50, 100)
    ]
    assert [int(rest["active_units"]) for rest in wide] == [401, 473, 493, 499, 500]
    narrow = [
        CountControl(units=100, active_fraction=0.1, steepness=beta).fixed_point(
            normal_quantiles(100)
        )
        for beta in (5.0, 10.0, 50.0)
    ]
    assert [int(rest["active_units"]) for rest in narrow] == [9, 10, 10]


def test_c19_count_control_on_random_drives(rng):
    rest = CountControl().fixed_point(rng.normal(size=(500, 1000)))
    assert float(abs(rest["active_units"] - 50).mean()) == pytest.approx(0.7, abs=0.12)


def test_c22_explaining_away_is_the_non_negative_lasso():
    column, row = np.meshgrid(np.arange(16), np.arange(8))
    dictionary = np.cos(0.7 * column + 1.3 * row + 0.2 * row * column) + 0.3 * np.sin(
        0.5 * row**2 + 0.9 * column
    )
    dictionary /= np.linalg.norm(dictionary, axis=0)
    inputs = np.sin(1.1 + 0.8 * np.arange(8))
    circuit = ExplainingAway(dictionary=dictionary)
    drive = circuit.feedforward(inputs)
    rate = circuit.fixed_point(drive)["rate"].values
    assert np.flatnonzero(rate).tolist() == [2, 6, 7, 8, 13]
    np.testing.assert_allclose(
        rate[rate > 0], [0.150531, 0.550311, 0.132566, 1.025365, 0.200294], atol=1e-6
    )
    rest = inputs - dictionary @ rate
    assert 0.5 * rest @ rest + 0.1 * rate.sum() == pytest.approx(1.866573, abs=1e-6)
    slope = (
        dictionary.T @ rest - 0.1
    )  # the conditions of Karush, Kuhn and Tucker: no unit can lower the objective
    assert abs(slope[rate > 0]).max() < 1e-9
    assert slope.max() < 1e-9
    feedforward = np.maximum(drive - 0.1, 0.0)
    assert np.count_nonzero(feedforward) == 4
    gram = dictionary.T @ dictionary - np.eye(16)
    assert np.count_nonzero(np.maximum(drive - 0.1 - gram @ feedforward, 0.0)) == 6


@pytest.fixture(scope="module")
def varied() -> np.ndarray:
    """Random gain and offset for each stimulus, (stimulus, unit)."""
    rng = np.random.default_rng(48)
    gain, offset = np.exp(0.3 * rng.normal(size=(2000, 1))), 0.3 * rng.normal(size=(2000, 1))
    return gain * (offset + rng.normal(size=(2000, 1000)))


def variability(drive: np.ndarray, winner: np.ndarray) -> tuple[float, float, float]:
    strongest = drive >= np.sort(drive, axis=1)[:, [-50]]
    count = winner.sum(axis=1)
    return (
        count.mean(),
        count.std(),
        ((winner & strongest).sum(axis=1) / np.maximum(50, count)).mean(),
    )


@pytest.mark.parametrize(
    ("circuit", "mean", "deviation", "overlap"),
    [
        (LinearInterneuron(gain=78.73), 50.55, 7.9, 0.885),
        (ThresholdInterneuron(gain=1e12, threshold=0.02089), 52.05, 14.6, 0.81),
        pytest.param(SaturatingUnits(width=0.5), 91.55, 12.6, 0.555, marks=pytest.mark.slow),
        pytest.param(SaturatingUnits(width=0.05), 56.05, 1.7, 0.893, marks=pytest.mark.slow),
        pytest.param(CountControl(), 49.85, 0.9, 0.987, marks=pytest.mark.slow),
    ],
)
def test_c23_variability_of_the_count(varied, circuit, mean, deviation, overlap):
    found = variability(varied, circuit.fixed_point(varied)["winner"].values)
    assert found[0] == pytest.approx(mean, abs=1.0)
    assert found[1] == pytest.approx(
        deviation, abs=0.15 if isinstance(circuit, CountControl) else 0.6
    )
    assert found[2] == pytest.approx(overlap, abs=0.01)


def test_c23_variability_under_a_fixed_threshold(varied):
    found = variability(varied, varied > 1.645)
    assert found[0] == pytest.approx(70, abs=6)
    assert found[1] == pytest.approx(69, abs=9)
    assert found[2] == pytest.approx(0.475, abs=0.02)


def test_c25_count_of_the_linear_interneuron_on_random_drives(rng):
    drive = rng.normal(size=(1000, 1000))
    winners = LinearInterneuron(gain=78.7277).fixed_point(drive)["active_units"]
    assert float(winners.mean()) == pytest.approx(50.7, abs=0.5)
    assert float(winners.std()) == pytest.approx(4.9, abs=0.4)
    assert (drive > 1.645).sum(axis=1).std() == pytest.approx(6.9, abs=0.5)


@pytest.mark.parametrize("kind", [LinearInterneuron, ThresholdInterneuron, SaturatingUnits])
def test_units_of_equal_drive_win_or_lose_together(kind):
    drive = np.repeat(normal_quantiles(100), 10)
    assert kind().fixed_point(drive)["winner"].values.reshape(100, 10).std(axis=1).max() == 0


def test_units_of_equal_drive_share_one_rate_under_count_control():
    drive = np.array([3.0, 1.0, 1.0, 1.0, -1.0])
    rest = CountControl(units=5, active_fraction=0.4, steepness=100.0).fixed_point(drive)
    np.testing.assert_allclose(rest["rate"], [1, 1 / 3, 1 / 3, 1 / 3, 0], atol=1e-9)


@pytest.mark.parametrize("fraction", [0.02, 0.2])
@pytest.mark.parametrize("kind", [ThresholdInterneuron, SaturatingUnits, CountControl])
def test_the_fraction_asked_for_is_active(kind, fraction, rng):
    circuit, drive = kind(), normal_quantiles(1000)
    assert float(
        circuit.for_active_fraction(fraction).fixed_point(drive)["active_units"]
    ) == pytest.approx(1000 * fraction, abs=2)
    assert float(
        circuit.for_active_fraction(fraction, drive).fixed_point(drive)["active_units"]
    ) == pytest.approx(1000 * fraction, abs=1)
    stimuli = rng.normal(0.5, 2.0, size=(3, 1000))
    active = (
        circuit.for_active_fraction(fraction, stimuli).fixed_point(stimuli)["active_units"].mean()
    )
    assert float(active) == pytest.approx(1000 * fraction, abs=2)


def test_loss_function_of_the_normal_threshold():
    """The mean rate of the threshold interneuron at a = 1.645 is the published 20.9 per 1,000
    units, for an interneuron without limit."""
    threshold = ThresholdInterneuron(gain=1e9).for_active_fraction(ndtr(-1.645)).threshold
    assert 1000 * threshold == pytest.approx(20.9, abs=0.05)
