"""A bound is never an estimate, a search that did not end has no interval, and what is left out is
said."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_recording import LIFETIME, WIDTH, recorded

from circuits import LinearInterneuron, fit
from circuits.fitting.bounds import Bounds
from circuits.fitting.certainty import at_bounds, certain, left_out, settled
from circuits.fitting.search import Searched
from drift import fit_words

GAIN = 78.7277
EFFORT = {
    "engine": "fixed_point",
    "restarts": 1,
    "population": 6,
    "bootstraps": 20,
    "progress": False,
    "input_width": WIDTH,
}
AROUND = {"gain": (GAIN, 10.0, 1000.0), "weight_lifetime": (LIFETIME, 1.0, 100.0)}


@pytest.fixture(scope="module")
def recording() -> xr.Dataset:
    return recorded(
        LinearInterneuron(units=300, gain=GAIN), seed=2, cells=120, sessions=5, minutes=5.0
    )


def one_fit(
    recording: xr.Dataset, name: str, low: float, high: float, generations: int = 12, **more
):
    known = {"gain": {"weight_lifetime": LIFETIME}, "weight_lifetime": {}}[name]
    circuit = LinearInterneuron(units=80, gain=GAIN)
    return fit(
        circuit,
        recording,
        {name: (low, high)},
        generations=generations,
        **{**EFFORT, **known, **more},
    )


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("weight_lifetime", "lower"),
        pytest.param("gain", "upper", marks=pytest.mark.slow),
        pytest.param("weight_lifetime", "upper", marks=pytest.mark.slow),
        pytest.param("gain", "lower", marks=pytest.mark.slow),
    ],
)
def test_bounds_that_leave_out_the_truth_give_no_estimate(recording, name, side):
    truth = AROUND[name][0]
    low, high = (3 * truth, 30 * truth) if side == "lower" else (truth / 30, truth / 3)
    found = one_fit(recording, name, low, high)
    one = found.dataset.isel(subject=0, parameter=0)
    assert np.isnan(one["estimate"]) and np.isnan(one["interval"]).all() and one["identified"] == 0
    assert one["at_bound"] == (-1 if side == "lower" else 1)
    assert one["best"] == pytest.approx(low if side == "lower" else high, rel=0.2)
    text = repr(found)
    assert (
        f"{name} is not identified: it ends at the {side} bound" in text
        and "95 %" not in text.splitlines()[2]
    )
    assert f"none: at the {side} bound" in found._repr_html_()
    axes = found.plot().axes[-1]
    assert (
        f"(at its {side} bound)" in axes.get_xlabel() and len(axes.lines) == 1 and not axes.patches
    )


@pytest.mark.parametrize("name", ["weight_lifetime", pytest.param("gain", marks=pytest.mark.slow)])
def test_bounds_around_the_truth_give_an_interval_that_covers_it(recording, name):
    truth, low, high = AROUND[name]
    found = one_fit(recording, name, low, high)
    one = found.dataset.isel(subject=0, parameter=0)
    assert one["identified"] == 1 and one["at_bound"] == 0 and one["settled"] == 1
    assert one["interval"][0] < truth < one["interval"][1]


def test_a_search_that_did_not_end_has_no_interval_and_says_so_in_front(recording):
    bounds = {"gain": (1.0, 1000.0), "weight_lifetime": (1.0, 100.0)}
    quick = {**EFFORT, "population": 4, "generations": 2}
    found = fit(LinearInterneuron(units=60), recording, bounds, **quick)
    one = found.dataset.isel(subject=0)
    assert (
        one["settled"] == 0 and np.isnan(one["interval"]).all() and (one["identified"] == 0).all()
    )
    assert "Cannot tell whether the circuit describes the recording" in repr(found).splitlines()[1]
    free = [line.strip() for line in repr(found).splitlines()[2:4] if "bound" not in line]
    assert free and all(line.startswith("not converged: ") and "95 %" not in line for line in free)


def test_the_text_says_what_does_not_describe_and_whether_drift_is_needed(recording):
    # the words are tested, on a recording that is described; how often true circuits are rejected
    # is counted by test_coverage_of_a_mouse
    alike = recorded(
        LinearInterneuron(units=300, gain=GAIN), seed=4, cells=120, sessions=5, minutes=5.0
    )
    described = one_fit(alike, "weight_lifetime", 1.0, 100.0, generations=30, calibrated=20)
    assert repr(described).splitlines()[1].strip().startswith("Describes: ")
    assert "nothing speaks against the circuit" in repr(described) and "drift is needed" in repr(
        described
    )
    other = repr(
        one_fit(recording, "weight_lifetime", 1.0, 100.0, generations=60, input_width=20.0)
    )
    assert other.splitlines()[1].strip().startswith("Does not describe: ")
    assert "times as wide as they would be" in other and "statistics lie outside" in other


@pytest.mark.parametrize(
    ("fitted", "frozen", "p", "words"),
    [
        (8.0, 60.0, 1e-6, "drift is needed"),
        (8.0, 9.0, 0.4, "drift is not needed"),
        (126.0, 36.9, 1e-4, "describes it no better"),
        (36.0, 36.9, 1e-4, "describes it no better"),
        (90.0, 200.0, 1e-9, "does not describe it either"),
    ],
)
def test_drift_is_needed_only_where_it_describes_better(fitted, frozen, p, words):
    lags = 10
    one = xr.Dataset(
        {
            "similarity_distance": fitted,
            "frozen_distance": frozen,
            "frozen_p_value": p,
            "measured_error": ("statistic", np.ones(lags)),
        },
        coords={"group": ("statistic", ["map_similarity"] * lags)},
    )
    assert words in fit_words.need_of_drift(one)


@pytest.mark.slow
def test_a_frozen_recording_needs_no_drift():
    still = recorded(
        LinearInterneuron(units=200, gain=GAIN), seed=4, cells=100, sessions=6, minutes=5.0
    )
    first = (
        still.isel(session=0)["rate"].values
        * still.isel(session=0)["occupancy"].values[:, np.newaxis]
    )
    counts = np.random.default_rng(5).poisson(
        np.repeat(first[:, np.newaxis], 6, axis=1)
    )  # the same maps, counted anew
    frozen = still.assign(
        rate=(
            still["rate"].dims,
            counts / still["occupancy"].values[:, :, np.newaxis],
            still["rate"].attrs,
        )
    )
    found = one_fit(frozen, "weight_lifetime", 1.0, 1000.0)
    assert "drift is needed" not in repr(found)
    one = found.dataset.isel(subject=0, parameter=0)
    assert one["at_bound"] == 1 or one["interval"][1] > 100  # beyond twenty times the recording


def test_statistics_that_are_left_out_are_counted_and_explained(recording):
    few = np.zeros(recording["rate"].shape)
    rng = np.random.default_rng(0)
    few[0, :, np.arange(120), rng.integers(0, few.shape[-1], 120)] = 1.0
    # one event of most units in a session, another one of some: too few for information
    few[0, :, np.arange(40), rng.integers(0, few.shape[-1], 40)] += 1.0
    sparse = recording.assign(
        rate=(recording["rate"].dims, few / recording["occupancy"].values[:, :, np.newaxis])
    )
    found = one_fit(sparse, "gain", 10.0, 1000.0, generations=3)
    reasons = found.dataset["left_out"].isel(subject=0).values.astype(str)
    groups = found.dataset["group"].values.astype(str)
    assert (
        reasons[groups == "spatial_information"] == "no unit has enough events in a session"
    ).all()
    assert (reasons[groups == "map_similarity"] != "").all()
    assert f"{(reasons != '').sum()} of {reasons.size} statistics are left out: " in repr(found)
    whole = one_fit(recording, "gain", 10.0, 1000.0, generations=3)
    reasons = whole.dataset["left_out"].isel(subject=0).values.astype(str)
    # the nine in ten quantile of information is that of a single place, in every sample of units
    assert set(reasons[reasons != ""]) == {"it does not vary over units"}
    assert whole.dataset["statistic"].values[reasons != ""] == "spatial_information, quantile 0.9"


def test_reasons_of_single_statistics():
    target, usable = np.array([1.0, np.nan, 2.0]), np.array([True, False, False])
    found = left_out(target, usable, ("event_rate", "spatial_information", "event_rate")).tolist()
    assert found == ["", "no unit has enough events in a session", "it does not vary over units"]


def test_certainty_of_made_up_searches():
    unit = np.array([[0.5, 0.5], [0.51, 0.52], [0.9, 0.1]])

    def found(converged, spread, distance=(1.0, 2.0, 100.0)):
        return Searched(unit, np.array(distance), np.array(converged), 10, np.full((3, 2), spread))

    half = np.array([0.1, 0.1])
    assert settled(found([True, False, False], 0.3), half)
    assert not settled(
        found([False, False, True], 0.3, (1.0, 50.0, 100.0)), half
    )  # another one, worse and elsewhere, ended
    assert settled(found([False, False, False], 0.3), half)  # two as good side by side
    assert not settled(found([False, False, False], 0.3), np.array([0.1, 0.01]))
    assert settled(found([False, False, False], 0.02, (1.0, 50.0, 100.0)), half)
    assert not settled(found([False, False, False], 0.3, (1.0, 50.0, 100.0)), np.array([9.0, 9.0]))
    middle, bounds = np.array([0.5, 0.5]), Bounds.checked({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    one = found([True] * 3, 0.0)
    assert certain(one, bounds, middle, np.array([0.1, 0.3])).tolist() == [True, False]
    assert certain(one, bounds, np.array([0.9, 0.9]), np.array([0.2, 0.3])).tolist() == [
        True,
        False,
    ]
    apart = found([True] * 3, 0.0, (1.0, 2.0, 2.0))._replace(
        unit=np.array([[0.1, 0.5], [0.1, 0.5], [0.9, 0.5]])
    )
    assert certain(apart, bounds, middle, np.array([0.1, 0.1])).tolist() == [False, True]  # as good


def test_a_lifetime_from_weeks_to_years_is_not_certain_though_little_is_lost_either_way():
    bounds = Bounds.checked({"weight_lifetime": (3.0, 300.0)})._replace(lag=3.0)
    ends = bounds.coordinates(np.array([[25.0], [290.0]]))[:, 0]
    middle, half = ends.mean(keepdims=True), np.ptp(ends, keepdims=True) / 2
    at = Searched(middle[np.newaxis], np.ones(1), np.ones(1, bool), 10, np.zeros((1, 1)))
    assert half < 0.1 and not certain(at, bounds, middle, half)


def test_held_by_a_bound_at_it_or_pushed_against_it():
    inside = np.array([0.0, 0.005, 0.02, 0.5, 0.98, 0.995, 1.0])

    def ended(unit):
        return Searched(
            np.array([unit, np.full(7, 0.5)]),
            np.array([1.0, 9.0]),
            np.ones(2, bool),
            10,
            np.zeros((2, 7)),
        )

    assert at_bounds(inside, np.clip(inside, 0.01, 0.99), ended(np.full(7, 0.5))).tolist() == [
        -1,
        -1,
        0,
        0,
        0,
        1,
        1,
    ]
    pushed = np.array([-0.1, -0.1, -0.1, -0.1, 1.1, 1.1, 1.1])
    assert at_bounds(inside, pushed, ended(np.full(7, 0.5))).tolist() == [-1, -1, -1, 0, 1, 1, 1]
    middle = np.full(7, 0.5)
    assert at_bounds(middle, middle, ended(inside)).tolist() == [-1, -1, 0, 0, 0, 1, 1]
