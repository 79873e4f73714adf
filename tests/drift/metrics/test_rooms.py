"""Sessions in different rooms are not compared: a stable code in each room is no drift, and drift
in a room is that of the room alone."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import xarray as xr
from recorded_rooms import sessions

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.schema import VARIABLES

PLANS = (
    {"m": "AAAABA"},  # one day elsewhere
    {"m": "BAAAA"},  # the first day elsewhere
    {"m": "ABABAB"},
    {"m": "AABBCCA"},
    {"m": "AAAA", "n": "AABA", "o": "AAAA"},  # one of three animals changes room
    {"m": "ABC", "n": "CCA"},
)
PAIRWISE = {
    "rate_map_correlation": metrics.rate_map_correlation,
    "mean_rate_map_correlation": metrics.mean_rate_map_correlation,
    "population_vector_correlation": metrics.population_vector_correlation,
    "ensemble_rate_correlation": metrics.ensemble_rate_correlation,
    "centroid_shift": metrics.centroid_shift,
    "kept": lambda dataset, **options: metrics.turnover(dataset, **options)["kept"],
    "active kept": lambda dataset, **options: metrics.turnover(dataset, "active", **options)[
        "kept"
    ],
}


def measured(plan: dict[str, str]) -> xr.Dataset:
    return _measured(tuple(plan.items()))


@functools.cache
def _measured(plan: tuple[tuple[str, str], ...]) -> xr.Dataset:
    return drift.measure(sessions(dict(plan)))


def different_rooms(dataset: xr.Dataset) -> xr.DataArray:
    label = dataset["environment"].drop_vars("session")
    return label != label.rename(session="session_other")


@pytest.mark.parametrize("name", PAIRWISE)
@pytest.mark.parametrize("plan", PLANS[:5], ids=str)
def test_pairs_in_different_rooms_are_not_observed(name: str, plan: dict[str, str]):
    recorded = measured(plan)
    values = PAIRWISE[name](recorded).drop_vars(["session", "session_other"])
    apart = different_rooms(recorded) | (recorded["environment"].drop_vars("session") == "")
    assert values.where(apart).isnull().all()
    inside = values.where(~apart).notnull()
    assert (inside.any("unit") if "unit" in inside.dims else inside).where(~apart, True).all()
    across = PAIRWISE[name](recorded, across_environments=True).drop_vars(
        ["session", "session_other"]
    )
    assert (
        across.where(different_rooms(recorded) & (across.notnull())).notnull().any()
    )  # who asks is answered


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_a_code_that_stands_still_in_each_room_does_not_drift(plan: dict[str, str]):
    recorded = measured(plan)
    similar = metrics.mean_rate_map_correlation(recorded)
    lags = metrics.by_lag(similar, recorded["elapsed"])
    known = lags["correlation"].values[lags["pairs"].values > 0]
    np.testing.assert_allclose(known, 1.0, rtol=1e-12)
    rate = metrics.drift_rate(similar, recorded["elapsed"], longest_lag=10)["drift_rate"]
    np.testing.assert_allclose(rate.dropna("subject"), 0.0, atol=1e-12)


def test_noise_that_differs_between_rooms_is_no_drift():
    """Three early days in a quiet room and two late ones, far apart, in a noisy room: lags and
    levels differ, no code moves."""
    level = np.array(
        [
            [1, 0.9, 0.9, 0, 0],
            [0, 1, 0.9, 0, 0],
            [0, 0, 1, 0, 0],
            [0, 0, 0, 1, 0.4],
            [0, 0, 0, 0, 1],
        ]
    )
    dims = ("session", "session_other")
    correlation = xr.DataArray(np.triu(level) + np.triu(level, 1).T, dims=dims)
    elapsed = xr.DataArray(
        [0.0, 1, 2, 3, 10],
        dims="session",
        coords={"environment": ("session", list("AAABB"))},
        attrs={"units": "day"},
    )
    found = metrics.drift_rate(correlation, elapsed, longest_lag=10)
    np.testing.assert_allclose(found["drift_rate"], 0.0, atol=1e-12)
    assert found["pairs"].item() == 4
    assert metrics.by_lag(correlation, elapsed)["lag"].values.tolist() == [1, 2, 7]
    mixed = metrics.drift_rate(correlation, elapsed, longest_lag=10, across_environments=True)
    assert mixed["pairs"].item() == 10 and mixed["drift_rate"].item() > 0.01


@pytest.mark.parametrize(
    ("plan", "room"),
    [({"m": "AABAB"}, "A"), ({"m": "BBA", "n": "ABB"}, "B"), ({"m": "AA", "n": "BAB"}, "B")],
)
def test_a_room_among_others_is_that_room_alone(plan: dict[str, str], room: str):
    made = sessions(plan, moved=3)
    alone, everything = (
        drift.measure([one for one in made if one["environment"].item() == room]),
        drift.measure(made),
    )
    xr.testing.assert_equal(metrics.in_environment(everything, room), alone)
    for name, measure in PAIRWISE.items():
        pairs, expected = measure(everything), measure(alone)
        same = pairs.sel(
            session=alone["session"],
            session_other=alone["session"].values,
            subject=alone["subject"],
        )
        here = (alone["environment"].drop_vars("session") == room).values
        both = xr.DataArray(
            here[:, :, np.newaxis] & here[:, np.newaxis],
            dims=("subject", "session", "session_other"),
        )
        (
            xr.testing.assert_allclose(
                same.where(both).reset_coords(drop=True),
                expected.where(both).reset_coords(drop=True),
            ),
            name,
        )


def test_measures_of_the_table_are_those_of_the_room_alone():
    made, options = (
        sessions({"m": "BAB"}, moved=2, units=6),
        {"corrected": True, "repetitions": 2, "shuffles": 20, "minimum_shift": 1.0},
    )
    among = metrics.in_environment(drift.measure(made, **options), "B")
    alone = drift.measure([one for one in made if one["environment"].item() == "B"], **options)
    assert set(alone.data_vars) <= set(VARIABLES)
    for name in alone.data_vars:
        xr.testing.assert_allclose(among[name], alone[name])


@pytest.mark.parametrize("plan", ["AAAABA", "BAAAAA", "AABAAA"])
def test_drift_is_measured_as_if_the_other_room_were_absent(plan: str):
    made = sessions({"m": plan}, moved=3)
    for one in (
        drift.measure(made),
        drift.measure([one for one in made if one["environment"].item() == "A"]),
    ):
        similar = metrics.mean_rate_map_correlation(one)
        rate = metrics.drift_rate(similar, one["elapsed"])
        line = one.drift.slope("spatial_information", normalise=False)
        found = [
            rate["drift_rate"].item(),
            rate["intercept"].item(),
            line["slope"].item(),
            line["standard_error"].item(),
        ]
        if "B" in one["environment"].values:
            mixed = found
    np.testing.assert_allclose(mixed, found, rtol=1e-9, atol=1e-12)
    assert found[0] > 0.02


def test_time_courses_in_different_rooms_have_intercepts_of_their_own(rng: np.random.Generator):
    """Against least squares with one column a room, for series of any order of rooms."""
    for rooms in map("".join, itertools.islice(itertools.product("AB", repeat=6), 1, 63, 5)):
        time, values = (
            np.cumsum(rng.uniform(0.5, 2, 6)),
            rng.normal(5, 1, 6) + 3 * (np.array(list(rooms)) == "B"),
        )
        seen = np.array([rooms.count(one) > 1 for one in rooms])
        columns = np.stack([time, *(np.array(list(rooms)) == one for one in "AB")], axis=1)[seen]
        columns = columns[:, columns.any(axis=0)]
        solution, residual, rank, _ = np.linalg.lstsq(columns, values[seen], rcond=None)
        elapsed = xr.DataArray(
            time,
            dims="session",
            coords={"environment": ("session", list(rooms))},
            attrs={"units": "day"},
        )
        found = metrics.slope(xr.DataArray(values, dims="session"), elapsed, normalise=False)
        np.testing.assert_allclose(found["slope"], solution[0])
        error = np.sqrt(
            residual[0] / (seen.sum() - rank) * np.linalg.inv(columns.T @ columns)[0, 0]
        )
        np.testing.assert_allclose(found["standard_error"], error)
        assert found["sessions"] == seen.sum()


def test_what_cannot_be_compared_is_refused_with_the_way_out():
    recorded = measured({"m": "ABC"})
    with pytest.raises(RefusedInputError, match=r"share an environment.*across_environments=True"):
        metrics.mean_rate_map_correlation(recorded)
    assert metrics.mean_rate_map_correlation(recorded, across_environments=True).notnull().all()
    with pytest.raises(RefusedInputError, match=r"'D'.*choose of A, B, C"):
        metrics.in_environment(recorded, "D")


def test_labels_that_are_missing_make_no_other_room():
    recorded = measured({"m": "AAA"})
    for label in ("", None, np.nan):
        same = recorded.assign_coords(
            environment=(("subject", "session"), np.full((1, 3), label, dtype=object))
        )
        np.testing.assert_allclose(metrics.mean_rate_map_correlation(same), 1.0)
    assert metrics.environments(recorded) == {"A": 3}
    assert metrics.environments(measured(PLANS[4])) == {"A": 11, "B": 1}
    assert metrics.in_environment(recorded) is recorded


def test_estimates_of_the_lifetime_use_pairs_in_one_room_only():
    made = sessions({"m": "ABABABAB"}, moved=2, units=60)
    estimated = drift.estimate(drift.measure(made), noise="none", repetitions=5)
    assert estimated["lag"].values.tolist() == [2, 4, 6]
