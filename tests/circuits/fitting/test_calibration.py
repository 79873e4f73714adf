"""Intervals by recordings simulated at the estimate, what is outside of them, and wider intervals
where the circuit is rejected or sessions are few."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_recording import INPUTS, LIFETIME, WANDERING, WIDTH, daily, recorded

from circuits import LinearInterneuron, fit, recorded_circuit
from circuits.fitting.calibration import (
    Calibration,
    calibrated_half_widths,
    calibrated_p_value,
    calibration,
    estimated_errors,
    inflation,
)
from circuits.fitting.predictive import predictive_check
from circuits.fitting.refinement import Refined, difference_covariance, newton_step, scatter
from circuits.fitting.result import Fit
from circuits.fitting.search import Law, Uncertainty
from circuits.fitting.statistics import GROUPS, bootstrap_covariance, chosen_statistics, codes
from drift.observation.expected_maps import lens
from drift.schema import RefusedInputError
from drift.streams import stream

GAIN = 78.7277
CIRCUIT = LinearInterneuron(units=80, gain=GAIN)
OPTIONS = {
    "input_width": WIDTH,
    "restarts": 1,
    "population": 6,
    "bootstraps": 40,
    "generations": 60,
    "progress": False,
    "statistics": ["map_similarity", "population_similarity"],
}


@pytest.fixture(scope="module")
def recording() -> xr.Dataset:
    return recorded(
        LinearInterneuron(units=300, gain=GAIN), seed=2, cells=100, sessions=6, minutes=5.0
    )


def lifetime(recording: xr.Dataset, seed: int = 0, **options) -> Fit:
    bounds = {"weight_lifetime": (1.0, 100.0)}
    return fit(CIRCUIT, recording, bounds, seed=seed, **{**OPTIONS, "calibrated": 20, **options})


@pytest.fixture(scope="module")
def calibrated(recording: xr.Dataset) -> Fit:
    return lifetime(recording)


def test_a_calibrated_interval_covers_the_truth_and_says_what_it_rests_on(calibrated):
    one = calibrated.dataset.isel(subject=0)
    low, high = one["interval"].sel(parameter="weight_lifetime").values
    assert low < LIFETIME < high < 5 * low
    assert one["calibrated"] == 20 and one["inflation"] == 1
    text = repr(calibrated)
    assert text.splitlines()[1].strip().startswith("Describes: ")
    assert "rest on 20 recordings simulated from the fitted circuit" in text
    assert "of this animal, 1 independent subject" in text
    inside = one["predictive_interval"].values
    assert ((inside[:, 0] < one["predicted"]) & (one["predicted"] < inside[:, 1])).all()


def test_wrong_inputs_are_rejected_and_widen_intervals(recording, calibrated):
    wrong = lifetime(recording, input_width=3 * WIDTH, statistics=GROUPS)
    one = wrong.dataset.isel(subject=0)
    assert one["p_value"] < 0.05 and one["inflation"] > 1
    assert repr(wrong).splitlines()[1].strip().startswith("Does not describe: ")
    assert "times as wide as they would be" in repr(wrong)
    assert (one["predictive_p"] < 0.05).sum() > (
        calibrated.dataset["predictive_p"] < 0.05
    ).sum().item()


@pytest.mark.slow
def test_fewer_sessions_give_wider_intervals_in_the_median():
    """Ratio of widths (in logarithms) from six and from three sessions, median of five
    recordings."""
    ratios = []
    for seed in range(5):
        whole = recorded(LinearInterneuron(units=300, gain=GAIN), seed, 100, 6, 5.0)
        widths = [
            np.ptp(np.log(lifetime(part, seed).interval.values))
            for part in (whole, whole.isel(session=slice(0, 3)))
        ]
        ratios.append(widths[1] / widths[0])
    assert np.nanmedian(ratios) > 1


@pytest.mark.slow
def test_halves_of_one_recording_give_overlapping_intervals():
    design = daily(200, 6, 6.0)
    for seed in range(3):
        whole = recorded_circuit(
            LinearInterneuron(units=300, gain=GAIN), INPUTS, WANDERING, design, seed=seed
        )
        (low, high), (other_low, other_high) = (
            lifetime(whole.isel(unit=slice(start, None, 2)), seed).interval.values[0, 0]
            for start in (0, 1)
        )
        assert low < other_high and other_low < high


def test_the_covariance_of_few_sessions_knows_of_sessions(recording):
    """With four sessions each is left out in turn: no statistic varies less than over units
    alone."""
    few = lens(recording.isel(session=slice(0, 4)))
    selection = chosen_statistics(few)
    measured = codes(few.rate, few)
    seeds = [stream(1, "bootstrap"), stream(1, "bootstrap")]
    both = bootstrap_covariance(measured, selection, seeds[0], 60)
    one_session = measured._replace(active=measured.active[:1])
    assert both.shape == (len(selection.names),) * 2 and one_session.active.shape[0] == 1
    variance = np.diagonal(both)
    lags = [place for place, name in enumerate(selection.names) if name.startswith("map_sim")]
    assert (variance[lags] > 0).all()
    assert variance[lags[-1]] > variance[lags[0]]  # one pair against three


def test_half_widths_and_p_value_of_made_up_simulations():
    rng = stream(0, "bootstrap")
    errors = 0.02 * rng.standard_normal((4000, 2)) * [1.0, 3.0]
    made_up = Calibration(np.zeros((4000, 1)), errors, np.arange(4000.0))
    half = calibrated_half_widths(made_up, 0.95)
    assert half == pytest.approx([1.96 * 0.02, 1.96 * 0.06], rel=0.05)
    few = calibrated_half_widths(made_up._replace(unit=errors[:4]), 0.95)
    assert few == pytest.approx(3.18 * np.sqrt((errors[:4] ** 2).mean(axis=0)), rel=1e-3)
    assert calibrated_p_value(made_up, 3800.5) == pytest.approx(0.05, abs=1e-3)
    assert calibrated_p_value(made_up, 1e9) == 1 / 4001


def test_simulated_recordings_are_no_part_of_what_judges_them():
    """Estimates from twelve statistics of equal variance, weighted by the scatter of twenty
    recordings: intervals cover 95 % of further recordings. Weights in which the simulated
    recordings have a part make them look nearer than further ones are."""
    rng, count, statistics, repetitions = stream(1, "bootstrap"), 20, 12, 500
    law = Law(np.zeros(statistics), np.full((statistics, 1), 30.0))
    nothing, known = np.zeros(1), Uncertainty(np.eye(1), np.eye(1), 1.0)
    usual, covered, squares = np.eye(statistics), [], []
    for _repetition in range(repetitions):
        rows = rng.standard_normal((count, statistics))
        precision = np.diag(1 / scatter(rows, np.diagonal(usual)))
        refined = Refined(nothing, law, usual, known, nothing, precision, rows, usual)
        level = law._replace(statistics=rows.mean(axis=0))
        further = newton_step(level, rng.standard_normal((50, statistics)), precision)
        own = newton_step(level, rows, precision) * np.sqrt((count + 1) / (count - 1))
        steps = estimated_errors(refined)
        half = calibrated_half_widths(Calibration(rows, steps, np.zeros(count)), 0.95)
        covered.append((np.abs(further) < half).mean())
        squares.append([(errors**2).mean() for errors in (further, steps, own)])
    chance = np.std(covered) / np.sqrt(repetitions)
    assert np.mean(covered) == pytest.approx(0.95, abs=4 * chance)
    to_further = np.array(squares)[:, 1:] - np.array(squares)[:, :1]
    honest, apparent = to_further.mean(axis=0) * np.sqrt(repetitions) / to_further.std(axis=0)
    assert abs(honest) < 4 and apparent < -4


def test_p_values_of_recordings_of_the_circuit_are_even():
    """Recordings of a made-up circuit of one parameter and eight statistics, estimated and judged
    like the twenty that calibrate: p values have the mean of 1/21, 2/21, ..., 1, and an undefined
    statistic changes no p value of what is defined."""
    rng, count, statistics, repetitions = stream(2, "bootstrap"), 20, 8, 200
    law = Law(np.zeros(statistics), np.linspace(5, 40, statistics)[:, np.newaxis])
    nothing, known = np.zeros(1), Uncertainty(np.eye(1), np.eye(1), 1.0)
    usual, p_values = np.eye(statistics), []
    for _repetition in range(repetitions):
        rows = rng.standard_normal((count, statistics))
        variance = scatter(rows, np.diagonal(usual))
        precision = np.diag(1 / variance)
        refined = Refined(nothing, law, usual, known, nothing, precision, rows, usual)
        simulated = calibration(refined, estimated_errors(refined), np.asarray)
        error = rng.standard_normal(statistics) - rows.mean(axis=0)
        step = newton_step(law, error, precision)
        whole = np.linalg.inv(difference_covariance(usual, variance, count))
        left = error - law.jacobian @ step
        p_values.append(calibrated_p_value(simulated, float(left @ whole @ left)))
    expected, spread = (1 + 1 / (count + 1)) / 2, 1 / np.sqrt(12 * repetitions)
    assert np.mean(p_values) == pytest.approx(expected, abs=4 * spread)
    rows = np.append(rows, np.full((count, 1), np.nan), axis=1)
    rows[:3, -1] = 1.0
    wider = np.eye(statistics + 1)
    law = Law(np.zeros(statistics + 1), np.append(law.jacobian, [[9.0]], axis=0))
    partly = Refined(nothing, law, wider, known, nothing, wider, rows, wider)
    assert np.allclose(estimated_errors(partly)[3:], simulated.unit[3:], atol=1e-3)
    assert np.isfinite(calibration(partly, estimated_errors(partly), np.asarray).distance).all()


def test_inflation_is_one_unless_rejected():
    assert inflation(90.0, 10.0, True) == 3.0
    assert inflation(90.0, 10.0, False) == 1.0
    assert inflation(5.0, 10.0, True) == 1.0


def test_predictive_check_of_made_up_statistics():
    target, predicted = np.array([0.0, 3.0, np.nan]), np.array([0.0, 0.0, np.nan])
    usable, error = np.array([True, True, False]), np.array([1.0, 1.0, np.nan])
    check = predictive_check(target, predicted, error, usable, None)
    chance = check["predictive_p"][1]
    assert chance[0] == 1.0 and chance[1] == pytest.approx(0.0027, abs=1e-4) and np.isnan(chance[2])
    assert check["predictive_interval"][1][0] == pytest.approx([-1.96, 1.96], abs=1e-2)


def test_too_few_simulated_recordings_are_refused(recording):
    with pytest.raises(RefusedInputError, match="at least 20 simulated recordings, got 5"):
        lifetime(recording, calibrated=5)
