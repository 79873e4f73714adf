"""The posterior beside the intervals of a fit: a clear word where sbi is missing, a flow that finds
posteriors which are known, and quantiles that are held against intervals.

POSTERIOR_RECORDINGS in the environment says how many recordings are fitted; one takes some twenty
seconds on one core.
"""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest
import xarray as xr
from fitted_recording import WIDTH, recorded
from scipy.stats import binom

from circuits import LinearInterneuron, fit
from circuits.fitting.fitting import _posterior_simulations
from circuits.fitting.posterior import LEVELS, _cut_off, posterior_draws
from circuits.fitting.rounds import Box, Simulated, _possible, in_rounds
from drift import fit_words
from drift.schema import RefusedInputError

COUNT = int(os.environ.get("POSTERIOR_RECORDINGS", "6"))
needs_sbi = pytest.mark.skipif(
    importlib.util.find_spec("sbi") is None, reason="posteriors need the extra posterior"
)
TRUTH = {"gain": 40.0, "weight_lifetime": 10.0}  # of ``recorded``
BOUNDS = {"gain": (1.0, 1000.0), "weight_lifetime": (1.0, 100.0)}
CIRCUIT = LinearInterneuron(units=100, gain=40.0)
OPTIONS = {"input_width": WIDTH, "restarts": 1, "bootstraps": 60, "progress": False}


def animal(seed: int, cells: int = 100, sessions: int = 5) -> xr.Dataset:
    return recorded(CIRCUIT.replace(units=300), seed, cells=cells, sessions=sessions, minutes=6.0)


def test_without_sbi_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sbi", None)
    monkeypatch.setitem(sys.modules, "sbi.neural_nets", None)
    recording = animal(0, cells=20, sessions=2)
    with pytest.raises(RefusedInputError, match=r"needs the package sbi, got none: pip") as refusal:
        fit(CIRCUIT, recording, BOUNDS, posterior=True, **OPTIONS)
    assert "\n" not in str(refusal.value)


def test_a_posterior_of_what_is_shared_is_refused():
    with pytest.raises(RefusedInputError, match="of each subject by itself"):
        _posterior_simulations(True, 1000, np.array([True, False]))
    assert _posterior_simulations(False, None, np.array([True, False])) == 0
    with pytest.raises(RefusedInputError, match="got 1000 without one"):
        _posterior_simulations(False, 1000, np.array([True, False]))


@needs_sbi
@pytest.mark.slow
@pytest.mark.parametrize("parameters", [1, 2])
def test_a_flow_finds_a_posterior_that_is_known(parameters: int):
    """A coordinate seen with normal noise of standard deviation .05, a third statistic that says
    nothing, and one that is sometimes not defined: normal around what was seen."""
    rng = np.random.default_rng(parameters)
    unit = rng.random((1500, parameters))
    seen = unit + 0.05 * rng.standard_normal(unit.shape)
    idle = rng.standard_normal((1500, 2))
    idle[::3, 1] = np.nan
    simulated = Simulated(unit, np.concatenate([seen, idle], axis=1))
    asked = np.array([[0.3] * parameters + [0.0, np.nan], [0.6] * parameters + [0.5, 1.0]])
    draws = posterior_draws(simulated, asked, 0)
    again = posterior_draws(simulated, asked, 0)
    np.testing.assert_array_equal(draws, again)
    # a flow of 1,500 pairs is off by a third of the standard deviation at most
    np.testing.assert_allclose(draws[0].mean(axis=0), 0.3, atol=0.017)
    np.testing.assert_allclose(draws[1].mean(axis=0), 0.6, atol=0.017)
    assert ((draws.std(axis=1) > 0.035) & (draws.std(axis=1) < 0.075)).all()


def simulated_along(parameters: int, count: int = 400) -> Simulated:
    """A statistic for each parameter, with normal noise of .02, and one that says nothing."""
    rng = np.random.default_rng(count)
    unit = rng.random((count, parameters))
    seen = unit + 0.02 * rng.standard_normal(unit.shape)
    return Simulated(unit, np.concatenate([seen, rng.standard_normal((count, 1))], axis=1))


@pytest.mark.parametrize("parameters", [1, 2, 3])
def test_the_next_round_is_drawn_where_parameters_are_possible(parameters: int):
    whole = Box(np.zeros(parameters), np.ones(parameters))
    recorded = np.array([*np.linspace(0.2, 0.7, parameters), 0.0])
    box = whole.around(_possible(simulated_along(parameters), recorded))
    assert (box.low < recorded[:-1] - 0.06).all() and (box.high > recorded[:-1] + 0.06).all()
    assert (box.high - box.low < 0.5).all()


def curved(box: Box, seeds: np.ndarray) -> Simulated:
    """Statistics that saturate, mix parameters, and are sometimes not defined."""
    rng = np.random.default_rng(seeds[0])
    unit = box.placed(rng.random((seeds.size, 2)))
    first, second = unit.T
    means = [np.tanh(4 * first - 2), np.exp(-3 * second), first * second, second - first]
    statistics = np.stack(means, axis=1) + 0.05 * rng.standard_normal((seeds.size, 4))
    statistics[rng.random(seeds.size) < 0.1, 3] = np.nan
    return Simulated(unit, statistics)


def test_rounds_keep_the_truth_and_shrink():
    kept, sizes = [], []
    for number in range(200):
        truth = curved(Box(np.zeros(2), np.ones(2)), np.array([number]))
        seeds = 1000 * (number + 1) + np.arange(300)
        simulated, box = in_rounds(curved, truth.statistics[0], 2, seeds)
        assert len(simulated.unit) == 300
        kept.append(((box.low <= truth.unit[0]) & (truth.unit[0] <= box.high)).all())
        sizes.append(np.prod(box.high - box.low))
    # a box that loses one in 500 loses four or more of 200 in less than one of 1,000 tries
    assert sum(kept) >= 197
    assert np.median(sizes) < 0.4


def folded(box: Box, seeds: np.ndarray) -> Simulated:
    """Seven statistics of three parameters: one is told but for its sign, one not at all."""
    rng = np.random.default_rng(seeds[0])
    unit = box.placed(rng.random((seeds.size, 3)))
    first, second, _untold = unit.T
    means = [
        np.abs(first - 0.5),
        second,
        second**2,
        second * np.abs(first - 0.5),
        *np.zeros((3, 1)),
    ]
    noise = rng.standard_normal((7, seeds.size)) * np.array([0.02, 0.1, 0.1, 0.1, 1, 1, 1])[:, None]
    return Simulated(unit, (np.stack(np.broadcast_arrays(*means)) + noise).T)


def test_rounds_keep_both_of_two_values_and_all_of_an_untold_parameter():
    lost, whole = 0, np.zeros(3)
    for number in range(100):
        truth = folded(Box(np.zeros(3), np.ones(3)), np.array([number]))
        seeds = 1000 * (number + 1) + np.arange(400)
        _simulated, box = in_rounds(folded, truth.statistics[0], 3, seeds)
        mirrored = np.array([1.0, 0.0, 0.0]) + np.array([-1.0, 1.0, 1.0]) * truth.unit[0]
        both = np.stack([truth.unit[0], mirrored])
        lost += not ((box.low <= both) & (both <= box.high)).all()
        whole += box.high - box.low
    assert lost <= 3
    assert whole[2] > 95  # of 100: nothing is known of it


@pytest.mark.parametrize(("far", "end"), [(-50.0, 0.0), (50.0, 1.0)])
def test_a_recording_beyond_all_simulations_leaves_rounds_at_the_bound(far: float, end: float):
    def along(box: Box, seeds: np.ndarray) -> Simulated:
        rng = np.random.default_rng(seeds[0])
        unit = box.placed(rng.random((seeds.size, 1)))
        return Simulated(unit, unit + 0.02 * rng.standard_normal(unit.shape))

    _simulated, box = in_rounds(along, np.array([far]), 1, np.arange(400))
    np.testing.assert_allclose(box.high if end else box.low, end)
    assert 0 < (box.high - box.low).item() < 1


def test_few_simulations_are_drawn_in_fewer_rounds():
    sizes: list[int] = []

    def counted(box: Box, seeds: np.ndarray) -> Simulated:
        sizes.append(seeds.size)
        return curved(box, seeds)

    for simulations in (199, 200, 1000):
        in_rounds(counted, np.array([0.0, 0.5, 0.2, 0.0]), 2, np.arange(simulations))
    assert sizes == [199, 100, 100, 250, 250, 250, 250]


def test_a_posterior_that_reaches_an_end_of_its_box_says_so():
    levels = np.array([[0.01, 0.01, 0.1], [0.99, 0.95, 0.9]])
    inner = Box(np.array([0.0, 0.2, 0.2]), np.array([1.0, 0.6, 0.6]))
    assert _cut_off(levels, inner).tolist() == [False, True, False]


def test_simulations_within_a_box_are_told_in_its_coordinates():
    simulated = Simulated(np.array([[0.1], [0.3], [0.5]]), np.array([[1.0], [2.0], [3.0]]))
    box = Box(np.array([0.2]), np.array([0.6]))
    inside = simulated.within(box)
    np.testing.assert_allclose(inside.unit, [[0.25], [0.75]])
    np.testing.assert_array_equal(inside.statistics, [[2.0], [3.0]])
    np.testing.assert_allclose(box.placed(inside.unit), [[0.3], [0.5]])


@needs_sbi
@pytest.mark.slow
def test_posteriors_are_as_wide_as_intervals_and_hold_the_truth():
    quantiles, intervals, texts = [], [], []
    for seed in range(COUNT):
        found = fit(
            CIRCUIT, animal(seed), BOUNDS, seed=seed, calibrated=20, posterior=True,
            simulations=600, **OPTIONS,
        )  # fmt: skip
        one = found.dataset.isel(subject=0)
        quantiles.append(one["posterior"].values)
        intervals.append(one["interval"].values)
        texts.append(str(found))
    told, known = np.array(quantiles), np.array(intervals)
    truth = np.array(list(TRUTH.values()))
    low, high = told[..., 0], told[..., -1]
    covered = ((low <= truth) & (truth <= high)).sum(axis=0)
    of_intervals = ((known[..., 0] <= truth) & (truth <= known[..., 1])).sum(axis=0)
    ratio = np.median((np.log(high / low)) / np.log(known[..., 1] / known[..., 0]), axis=0)
    overlap = ((low <= known[..., 1]) & (known[..., 0] <= high)).sum(axis=0)
    print(
        f"of {COUNT} recordings the posterior holds the truth in {covered.tolist()}, the interval "
        f"in {of_intervals.tolist()}, both overlap in {overlap.tolist()}; median ratio of widths "
        f"{ratio.round(2).tolist()}"
    )
    assert (np.diff(told, axis=-1) > 0).all() and told.shape[-1] == len(LEVELS)
    assert (covered >= binom.ppf(1e-3, COUNT, 0.95)).all()
    assert (overlap == COUNT).all()
    assert ((ratio > 0.6) & (ratio < 1.7)).all()
    assert all("Posterior, median and central interval, from 600" in text for text in texts)


def test_the_text_says_where_a_posterior_extrapolates():
    one = xr.Dataset(
        {
            "posterior": (("parameter", "level"), [[1.0, 2.0, 3.0, 4.0, 5.0]]),
            "posterior_beyond": ("statistic", [0, 1, 1]),
            "posterior_simulations": ((), 600),
        },
        coords={"parameter": ["gain"], "level": list(LEVELS)},
    )
    said = fit_words.posterior(one)
    assert "from 600 simulated recordings: gain 3 (95 % 1 to 5)" in said[0]
    assert said[1].startswith("2 of 3 statistics lie beyond")
    told = one.assign(
        posterior_cut_off=("parameter", [1]), posterior_learned=((), 90), p_value=0.01
    )
    first, _beyond, cut_off, rejected = fit_words.posterior(told)
    assert "from 600 simulated recordings, 90 of them where parameters remained possible: " in first
    assert "simulated last (gain)" in cut_off and "does not describe" in rejected
    assert len(fit_words.posterior(one.assign(posterior_beyond=("statistic", [0, 0, 0])))) == 1
    assert fit_words.posterior(one.drop_vars("posterior")) == []
