"""Curves, rates and reliability with intervals: the numbers are those of the measures themselves."""

from __future__ import annotations

import numpy as np
import pytest
from redrawn_fields import redrawn

from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics.stability.unit_moments import unit_moments, weighed_similarity

MEASURES = {
    "corrected_similarity": metrics.corrected_similarity,
    "rate_map_correlation": metrics.mean_rate_map_correlation,
}


@pytest.mark.parametrize("of", list(MEASURES))
def test_estimates_are_those_of_the_measures(of: str, rng: np.random.Generator):
    measured = redrawn(rng, [0.1, 0.2, 0.3])
    measured["place_unit"].values[:, 1, :9] = 0
    measured["rate"].values[0, 2, 5] = measured["rate_half"].values[0, 2, 5] = np.nan
    similarity = MEASURES[of](measured, smoothing=1.0)
    curve = metrics.by_lag_interval(measured, of, smoothing=1.0)
    means = metrics.by_lag(similarity, measured["elapsed"])["correlation"]
    np.testing.assert_allclose(curve["subject_estimate"], means, rtol=1e-12)
    np.testing.assert_allclose(curve["estimate"], means.mean("subject"), rtol=1e-12)
    assert curve["lag"].attrs["units"] == "day" and (curve["independent_subjects"] == 3).all()
    rates = metrics.drift_rate_interval(measured, of, smoothing=1.0)
    expected = metrics.drift_rate(similarity, measured["elapsed"])["drift_rate"]
    np.testing.assert_allclose(rates["subject_estimate"], expected, rtol=1e-9)
    assert rates["estimate"].attrs["units"] == "1/day"


def test_reliability_is_that_of_the_measure(rng: np.random.Generator):
    measured = redrawn(rng, [0.1, 0.2])
    measured["place_unit"].values[:, 1, :9] = 0
    expected = metrics.reliability(measured)
    for levels in (("subject", "unit"), ("subject",)):
        interval = metrics.reliability_interval(measured, levels)
        np.testing.assert_allclose(interval["subject_estimate"], expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["student", "percentile"])
def test_one_mouse_falls_to_its_units_and_says_so(method: str, rng: np.random.Generator):
    measured = redrawn(rng, [0.15])
    for interval in (
        metrics.by_lag_interval(measured, method=method, repetitions=100),
        metrics.drift_rate_interval(measured, method=method, repetitions=100),
        metrics.reliability_interval(measured, method=method, repetitions=100),
    ):
        assert interval.attrs["speaks_of"].startswith("subject mouse 0 alone, by its units")
        assert (interval["lower"] < interval["estimate"]).all()
        assert (interval["independent_subjects"] == 1).all()
    with pytest.raises(RefusedInputError, match="takes at least two, got 1"):
        metrics.drift_rate_interval(measured, levels=("subject",))


def test_units_of_one_mouse_are_covered(rng: np.random.Generator):
    """The similarity of one mouse after a day, over the units that it might have had: .85 is covered
    by 95 % of 150 mice, standard error 1.8 %; within 3 of these."""
    mice = redrawn(rng, [0.15] * 150, sessions=2)
    curve = metrics.by_lag_interval(mice, levels=("unit",), repetitions=200)
    covered = (curve["lower"] <= 0.85) & (curve["upper"] >= 0.85)
    assert float(covered.mean()) == pytest.approx(0.95, abs=0.054)


def test_the_law_of_a_frozen_code(rng: np.random.Generator):
    """Rates of 40 studies of five mice that stand still: 0 is outside of at most 6 (99.9 %)."""
    mice = redrawn(rng, [0.0] * 200)
    rates = metrics.drift_rate_interval(mice)["subject_estimate"].values.reshape(40, 5)
    error = rates.std(axis=1, ddof=1) / np.sqrt(5)
    assert (np.abs(rates.mean(axis=1)) > 2.776 * error).sum() <= 6


def test_a_lag_that_one_subject_has_is_no_interval_over_subjects(rng: np.random.Generator):
    measured = redrawn(rng, [0.1, 0.2])
    measured["rate_half"].values[1, 5] = measured["rate"].values[1, 5] = np.nan
    curve = metrics.by_lag_interval(measured)
    assert curve["independent_subjects"].values.tolist() == [2, 2, 2, 2, 1]
    assert np.isnan(curve["lower"][-1]) and np.isfinite(curve["estimate"][-1])


def test_units_weigh_as_their_shares_say(rng: np.random.Generator):
    """A unit of share 0 is a unit that is not there."""
    measured = redrawn(rng, [0.3, 0.1], units=30)
    moments = unit_moments(measured, "corrected_similarity")
    shares = moments["between"].isel(session=0, session_other=0, drop=True) * 0 + 1
    shares[:, 10:] = 0
    few = metrics.corrected_similarity(measured.isel(unit=slice(0, 10)))
    np.testing.assert_allclose(weighed_similarity(moments, shares), few, rtol=1e-12)


def test_other_units_are_unlike(rng: np.random.Generator):
    """By hand over all pairs of different units; of fields on a ring nothing is left on average."""
    measured = redrawn(rng, [0.15], units=12, sessions=2)
    unrelated = metrics.unrelated_similarity(measured).values[0, 0, 1]
    maps = measured["rate_half"].values[0].transpose(1, 0, 3, 2)  # (unit, session, half, place)
    pairs = [
        np.corrcoef(maps[i, 0, a], maps[j, 1, b])[0, 1]
        for i in range(12) for j in range(12) if i != j for a in (0, 1) for b in (0, 1)
    ]  # fmt: skip
    within = [
        np.mean([np.corrcoef(*maps[unit, session])[0, 1] for unit in range(12)])
        for session in (0, 1)
    ]
    assert unrelated == pytest.approx(np.mean(pairs) / np.sqrt(np.prod(within)))
    many = metrics.unrelated_similarity(redrawn(rng, [0.15] * 30, units=100, sessions=2))
    assert float(many.values[:, 0, 1].mean()) == pytest.approx(0, abs=0.005)


def test_tables_for_other_programs(rng: np.random.Generator):
    measured = redrawn(rng, [0.15] * 3, sessions=8)
    table = metrics.lag_table(measured)
    assert set(table["measure"]) == {*MEASURES, "population_vector_correlation"}
    row = table.query("measure == 'corrected_similarity' and lag == 2").iloc[0]
    curve = metrics.by_lag_interval(measured).sel(lag=2)
    assert row["lower"] == curve["lower"] and row["independent_subjects"] == 3
    assert row["lag_units"] == "day" and row["speaks_of"] == "subjects like these 3"
    lives = metrics.half_life_table(measured, repetitions=50)
    assert lives["subject"].tolist() == ["", "mouse 0", "mouse 1", "mouse 2"]
    assert lives["independent_subjects"].tolist() == [3, 1, 1, 1]
    assert set(metrics.lag_table(measured.isel(subject=[0]))["measure"]) == set(MEASURES)


def test_a_summary_of_lags_is_one_too(rng: np.random.Generator):
    measured = redrawn(rng, [0.15] * 3)
    means = metrics.by_lag(metrics.mean_rate_map_correlation(measured), measured["elapsed"])
    summary = metrics.summary(means, "correlation")
    assert summary["correlation_subjects"].values.tolist() == [3] * 5
    with pytest.raises(RefusedInputError, match="correlatoin"):
        metrics.summary(means, "correlatoin")
