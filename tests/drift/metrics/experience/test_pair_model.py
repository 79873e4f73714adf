"""Days or visits: what is planted comes out, what is not there is found as often as it should."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from planned_studies import GEVA, gamma, study
from scipy import stats

from drift import metrics
from drift.errors import RefusedInputError

DAILY = GEVA.replace(intervals=(1.0,), units=40)


def similarity_of(
    dataset: xr.Dataset, time: float, visit: float, noise: float = 0.0, seed: int = 0
) -> xr.DataArray:
    """exp(-(time |t_s - t_t| + visit |e_s - e_t|)) with noise of its logarithm."""
    apart = [
        np.abs(values[:, :, np.newaxis] - values[:, np.newaxis])
        for values in (dataset["elapsed"].values, dataset["visits"].values)
    ]
    extra = noise * np.random.default_rng(seed).normal(size=apart[0].shape)
    rooms = dataset["environment"].values
    log = -time * apart[0] - visit * apart[1] + (extra + extra.swapaxes(1, 2)) / 2
    values = np.where(rooms[:, :, np.newaxis] == rooms[:, np.newaxis], np.exp(log), np.nan)
    return xr.DataArray(values, dims=("subject", "session", "session_other"))


@pytest.fixture
def planned(rng: np.random.Generator) -> xr.Dataset:
    return study(rng, [0.02] * 5, [0.06] * 5, GEVA.replace(units=40))


def test_coefficients_without_noise_are_those_planted(planned: xr.Dataset):
    exact = similarity_of(planned, 0.02, 0.06)
    model = metrics.time_and_experience(planned, exact, permutations=0)
    np.testing.assert_allclose(model["estimate"], [0, -0.02, -0.06], atol=1e-9)
    assert model["term_units"].values.tolist() == ["1", "1/day", "1/visit"]
    assert model["time_experience_correlation"] < 0.9


def test_of_measured_maps_with_intervals_and_p(planned: xr.Dataset):
    model = metrics.time_and_experience(planned, permutations=199)
    assert (model["lower"] < model["upper"]).all() and model["independent_subjects"] == 5
    assert (model["degrees_of_freedom"].round(6) == 4).all()
    assert np.isnan(model["p_value"].sel(term="intercept"))
    assert (model["p_value"].sel(term=["time", "experience"]) >= 1 / 200).all()
    assert model.attrs["similarity"] == "corrected_similarity"
    again = metrics.time_and_experience(planned, permutations=199)
    xr.testing.assert_identical(model, again)


def test_order_and_labels_of_subjects_do_not_matter(planned: xr.Dataset):
    similarity = similarity_of(planned, 0.02, 0.06, noise=0.1)
    model = metrics.time_and_experience(planned, similarity, permutations=99)
    turned = metrics.time_and_experience(
        planned.isel(subject=[3, 1, 4, 0, 2]),
        similarity.isel(subject=[3, 1, 4, 0, 2]),
        permutations=99,
    )
    for name in ("estimate", "lower", "p_value"):
        np.testing.assert_allclose(turned[name], model[name], rtol=1e-6, atol=1e-9)


def test_one_environment_cannot_tell(rng: np.random.Generator):
    dataset = study(rng, [0.05] * 3, [0.0] * 3, DAILY)
    with pytest.warns(UserWarning, match="correlate by 1.00 .* this design cannot tell"):
        model = metrics.time_and_experience(dataset, similarity_of(dataset, 0.05, 0, 0.1))
    both = model.sel(term=["time", "experience"])
    assert both["estimate"].isnull().all() and both["lower"].isnull().all()


def test_almost_collinear_designs_are_warned_of(rng: np.random.Generator):
    design = GEVA.replace(intervals=(2.0, 2.5), units=10)
    dataset = study(rng, [0.02] * 3, [0.06] * 3, design)
    with pytest.warns(UserWarning, match="visit environments at different intervals"):
        model = metrics.time_and_experience(dataset, similarity_of(dataset, 0.02, 0.06))
    np.testing.assert_allclose(model["estimate"], [0, -0.02, -0.06], atol=1e-8)


def test_one_subject_has_estimates_alone(planned: xr.Dataset):
    alone = planned.isel(subject=[0])
    model = metrics.time_and_experience(alone, similarity_of(alone, 0.02, 0.06, 0.05))
    assert model["estimate"].notnull().all() and model["lower"].isnull().all()
    assert model["p_value"].isnull().all() and model.attrs["speaks_of"].endswith("no interval")


def test_laps_are_summed_within_an_environment(planned: xr.Dataset, rng: np.random.Generator):
    laps = rng.integers(10, 40, planned["elapsed"].shape).astype(float)
    dataset = planned.assign(laps=(("subject", "session"), laps))
    rooms, total = planned["environment"].values, np.zeros(laps.shape)
    for room in "AB":
        total += np.where(rooms == room, np.cumsum(np.where(rooms == room, laps, 0), axis=1), 0)
    counted = dataset.assign_coords(visits=(("subject", "session"), total))
    exact = similarity_of(counted, 0.02, 0.003)
    model = metrics.time_and_experience(dataset, exact, experience="laps", permutations=0)
    np.testing.assert_allclose(model["estimate"], [0, -0.02, -0.003], atol=1e-9)
    assert model["term_units"].values[2] == "1/lap"


def test_behaviour_takes_its_share(planned: xr.Dataset, rng: np.random.Generator):
    speed = rng.uniform(5, 30, planned["elapsed"].shape)
    dataset = planned.assign(mean_speed=(("subject", "session"), speed))
    apart = np.abs(speed[:, :, np.newaxis] - speed[:, np.newaxis])
    slower = similarity_of(planned, 0.02, 0.06) * np.exp(-0.01 * apart)
    model = metrics.time_and_experience(dataset, slower, permutations=0)
    assert model.attrs["behaviour"] == "mean_speed occupancy"
    np.testing.assert_allclose(model["estimate"][1:3], [-0.02, -0.06], atol=1e-8)
    rooms = planned["environment"].values
    first, second = np.triu_indices(rooms.shape[1], k=1)
    pairs = (rooms[:, first] == rooms[:, second]).nonzero()
    size = np.sqrt((apart[:, first, second][pairs] ** 2).mean())
    assert model["estimate"].sel(term="behaviour") == pytest.approx(-0.01 * size)
    left_out = metrics.time_and_experience(dataset, slower, behaviour=(), permutations=0)
    assert "behaviour" not in left_out["term"]


def test_what_cannot_be_answered_is_refused(planned: xr.Dataset):
    similarity = similarity_of(planned, 0.02, 0.06)
    with pytest.raises(RefusedInputError, match="above 0, got 5 of 210 at or below it"):
        metrics.time_and_experience(planned, similarity - similarity.min())
    with pytest.raises(RefusedInputError, match="experience needs the coordinate visits"):
        metrics.time_and_experience(planned.drop_vars("visits"), similarity)
    with pytest.raises(RefusedInputError, match="behaviour names whiskers"):
        metrics.time_and_experience(planned, similarity, behaviour=["whiskers"])
    with pytest.raises(RefusedInputError, match="similarity was expected over subject, session"):
        metrics.time_and_experience(planned, similarity.isel(session=0))
    with pytest.raises(RefusedInputError, match="needs at least 6 pairs of sessions, got 4"):
        few = planned.isel(session=[0, 1, 2, 4], subject=[0, 1])
        metrics.time_and_experience(few, similarity_of(few, 0.02, 0.06))
    with pytest.raises(RefusedInputError, match="no two sessions of one environment"):
        metrics.time_and_experience(planned, similarity * np.nan)


@pytest.mark.slow
def test_planted_effects_are_covered_and_not_biased():
    """100 studies of eight mice in Geva's design, -.02 a day and -.06 a visit, which differ by 20 %
    between mice: of 100 intervals 93 to 97 cover in the mean of both effects (95 expected, standard
    error 1.5), 90 each at least; the mean estimate is within 5 % (standard error 2.5 %)."""
    rng, truth = np.random.default_rng(40), np.array([-0.02, -0.06])
    estimates, covered = [], []
    for _ in range(100):
        own = gamma(rng, 1.0, 0.2, 8)
        dataset = study(rng, 0.02 * own, 0.06 * own)
        model = metrics.time_and_experience(dataset, permutations=0)
        both = model.sel(term=["time", "experience"])
        estimates.append(both["estimate"].values)
        covered.append((both["lower"] <= truth) & (both["upper"] >= truth))
    share, bias = np.mean(covered, axis=0), np.mean(estimates, axis=0) / truth - 1
    error = np.std(estimates, axis=0) / 10 / np.abs(truth)
    print(f"covered {share}, bias {bias} +- {error}")
    assert 0.93 <= share.mean() <= 0.97 and (share >= 0.9).all()
    assert (np.abs(bias) < 0.05).all()


def naive_p(dataset: xr.Dataset) -> float:
    """Of visits, by least squares over all cells and pairs, as if these were independent."""
    values = metrics.rate_map_correlation(dataset).values
    first, second = np.triu_indices(values.shape[1], k=1)
    apart = [
        np.abs(dataset[name].values[:, first] - dataset[name].values[:, second])
        for name in ("elapsed", "visits")
    ]
    cells = values[:, first, second]
    columns = [np.broadcast_to(column[..., np.newaxis], cells.shape) for column in apart]
    known = np.isfinite(cells)
    design = np.column_stack([np.ones(known.sum()), *(column[known] for column in columns)])
    slopes, squares, *_ = np.linalg.lstsq(design, cells[known], rcond=None)
    degrees = known.sum() - 3
    error = np.sqrt(squares[0] / degrees * np.linalg.inv(design.T @ design)[2, 2])
    return float(2 * stats.t.sf(abs(slopes[2]) / error, degrees))


@pytest.mark.slow
def test_pure_time_drift_shows_no_visits_more_often_than_by_chance():
    """400 studies of five mice that drift by .05 a day, give or take 20 %, whatever they visit:
    visits are found in 5 +- 2 % (standard error 1.1 %), by cells that are taken for independent in
    more than 30 %."""
    rng, design = np.random.default_rng(41), GEVA.replace(units=60, sessions=6)
    found, naive, interval = [], [], []
    for number in range(400):
        dataset = study(rng, gamma(rng, 0.05, 0.2, 5), np.zeros(5), design)
        similarity = metrics.corrected_similarity(dataset)
        similarity = similarity.where(similarity > 0)
        model = metrics.time_and_experience(dataset, similarity, permutations=199, seed=number)
        visits = model.sel(term="experience")
        found.append(float(visits["p_value"]) <= 0.05)
        interval.append(not float(visits["lower"]) <= 0 <= float(visits["upper"]))
        naive.append(naive_p(dataset) <= 0.05)
    print(f"found {np.mean(found)}, interval {np.mean(interval)}, naive {np.mean(naive)}")
    assert np.mean(found) == pytest.approx(0.05, abs=0.02)
    assert np.mean(interval) == pytest.approx(0.05, abs=0.03)
    assert np.mean(naive) > 0.3


def test_warnings_of_numbers_do_not_escape(planned: xr.Dataset):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.time_and_experience(planned, similarity_of(planned, 0.0, 0.0))
