"""Excitability of the units of a circuit: active sets turn over as those of correlated normal drives
do, excitable units are the more stable ones, and no other draw moves."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import mannwhitneyu

import circuits
import drift
from circuits.wandering.excitability import excitabilities
from drift.schema import RefusedInputError
from drift.theory import code_drift

SLOW = circuits.Excitability(std=0.7, lifetime=8.0)
DRIFT = circuits.WeightDrift(weight_lifetime=20.0)
INPUTS = circuits.PlaceInput(places=10, length=200.0, width=20.0)
DAYS = np.array([0.0, 1.0, 4.0, 10.0])
OPTIONS = {"engine": "fixed_point", "progress": False}


def run(units: int, seeds: list[int], state=SLOW, wandering=DRIFT, inputs=INPUTS) -> xr.Dataset:
    circuit = circuits.LinearInterneuron(units=units).for_active_fraction(0.1)
    return circuits.run_sessions(
        [circuit] * len(seeds), inputs, wandering, elapsed=DAYS, seeds=seeds,
        excitability=state, **OPTIONS,
    )  # fmt: skip


def overlaps(sessions: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Active sets of each session that are those of the first one (subject, lag), and the fraction
    that is active."""
    active = sessions["rate"].transpose("subject", "session", "unit", "place").values > 0
    both = (active[:, 1:] & active[:, :1]).sum(axis=(2, 3))
    return both / active[:, :1].sum(axis=(2, 3)), active.mean()


def test_it_is_stationary_and_forgets_as_an_exponential():
    sampled = excitabilities(SLOW, 20_000, DAYS, 1)
    spread = 4.5 * 0.7**2 * np.sqrt(2 / 20_000)
    assert np.abs(sampled.var(axis=1) - 0.49).max() < spread
    for first in range(len(DAYS)):
        for later in range(first):
            r = np.exp(-(DAYS[first] - DAYS[later]) / 8.0)
            measured = np.corrcoef(sampled[first], sampled[later])[0, 1]
            assert abs(measured - r) < 4.5 * (1 - r**2) / np.sqrt(20_000)


@pytest.mark.slow
@pytest.mark.parametrize("wandering", [None, DRIFT], ids=["alone", "with weights"])
def test_active_sets_are_those_of_correlated_normal_drives(wandering):
    """Sixteen circuits of 3000 units, 3 standard errors."""
    measured, fraction = overlaps(run(3000, list(range(16)), wandering=wandering))
    r = 1.0 if wandering is None else np.exp(-DAYS[1:] / 20.0)
    correlation = code_drift.drive_correlation(
        1.0, r, excitability=0.7, excitability_autocorrelation=np.exp(-DAYS[1:] / 8.0)
    )
    expected = code_drift.active_set_overlap(1.0, fraction, correlation)
    error = measured.std(axis=0, ddof=1) / 4
    assert (np.abs(measured.mean(axis=0) - expected) < 3 * error).all()


def test_a_gain_turns_active_sets_over_as_the_quadrature_says():
    """Eight circuits of 800 units, 5.4 standard errors (Student's t of 7 degrees of freedom, p =
    .001)."""
    state = SLOW.replace(acts_on="drive", std=0.4)
    measured, fraction = overlaps(run(800, list(range(8)), state))
    expected = code_drift.gain_overlap(
        np.exp(-DAYS[1:] / 20.0), fraction, 0.4, np.exp(-DAYS[1:] / 8.0)
    )
    error = measured.std(axis=0, ddof=1) / np.sqrt(8)
    assert (np.abs(measured.mean(axis=0) - expected) < 5.4 * error).all()


def test_no_gain_is_the_closed_form():
    plain = code_drift.gain_overlap(np.array([0.9, 0.3]), 0.1, 0.0, 0.5)
    assert np.allclose(plain, code_drift.active_set_overlap(np.array([0.9, 0.3]), 0.1), atol=1e-12)
    assert code_drift.gain_overlap(1.0, 0.1, 0.5, 1.0) == pytest.approx(1.0, abs=1e-9)
    assert code_drift.drive_correlation(0.5, 0.8) == pytest.approx(0.4, abs=1e-15)
    mixed = code_drift.drive_correlation(
        0.5, 0.8, context_share=0.25, context_autocorrelation=0.6,
        excitability=2.0, excitability_autocorrelation=0.1,
    )  # fmt: skip
    assert mixed == pytest.approx((0.75 * 0.4 + 0.25 * 0.6 + 0.4) / 5, abs=1e-15)


def test_excitable_units_are_more_stable():
    """Of three circuits of 2000 units: of the units active on the first day, the more excitable third
    keep more of the places at which they were active, Mann-Whitney p < .01 for each. Silence counts:
    among units active on both days those of low excitability are the ones that happened to stay."""
    sessions = run(2000, [0, 1, 2], SLOW.replace(lifetime=100.0))
    active = sessions["rate"].transpose("subject", "session", "unit", "place").values > 0
    for subject in range(3):
        first, later = active[subject, 0], active[subject, 3]
        known = first.any(axis=1)
        kept = (first & later)[known].sum(axis=1) / first[known].sum(axis=1)
        state = sessions["excitability"].values[subject, 0, known]
        low, high = np.quantile(state, [1 / 3, 2 / 3])
        more = mannwhitneyu(kept[state > high], kept[state < low], alternative="greater")
        assert more.pvalue < 0.01


def test_it_moves_no_other_draw_and_none_is_none():
    plain, still = run(40, [3], None), run(40, [3], SLOW.replace(std=0.0))
    assert np.array_equal(plain["rate"], still["rate"])
    assert "excitability" not in plain and "excitability" not in str(plain["experiment"].values)
    excited = run(40, [3])
    assert not np.array_equal(plain["rate"], excited["rate"])
    assert np.array_equal(plain["weight_autocorrelation"], excited["weight_autocorrelation"])


def test_a_circuit_in_a_crowd_is_itself_and_it_rides_in_recordings():
    states = [SLOW, None, SLOW.replace(acts_on="drive")]
    crowd = run(30, [5, 6, 7], states)
    alone = run(30, [7], states[2])
    assert np.array_equal(crowd["rate"][2], alone["rate"][0])
    assert crowd["excitability"][1].isnull().all()
    with pytest.raises(RefusedInputError, match="as excitability says"):
        drift.predict(alone)
    design = drift.recording_design([0, 1], 12, places=10, minutes=0.5)
    kind = circuits.LinearInterneuron(units=20, gain=40.0)
    recorded = circuits.recorded_circuit(kind, INPUTS, DRIFT, design, excitability=SLOW)
    assert circuits.Excitability.from_json(recorded.attrs["excitability"]) == SLOW
    again = circuits.recorded_circuit(
        kind, INPUTS, DRIFT, design, excitability={"std": 0.7, "lifetime": 8.0}
    )
    xr.testing.assert_identical(again, recorded)
    assert circuits.Excitability.from_toml(SLOW.to_toml()) == SLOW


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.Excitability(std=-0.1, lifetime=1.0), "std"),
        (lambda: circuits.Excitability(std=0.1, lifetime=0.0), "lifetime"),
        (lambda: circuits.Excitability(std=0.1, lifetime=1.0, acts_on="soma"), "acts_on"),
        (lambda: run(20, [0], 0.5), "must be an Excitability"),
        (lambda: run(20, [0, 1], [SLOW]), "one for all 2 circuits or one for each"),
        (lambda: code_drift.gain_overlap(0.5, 0.6, 0.1), "active_fraction below 0.5"),
        (lambda: code_drift.drive_correlation(0.5, context_share=1.5), "context_share"),
    ],
)
def test_impossible_excitability_is_refused(call, message):
    with pytest.raises(RefusedInputError, match=message):
        call()
