"""Visits, laps and speed of sessions: what the animal did, beside the days."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from redrawn_fields import messy_mice

import drift
from data_adapters.session import session_dataset
from drift import metrics
from drift.errors import RefusedInputError


def walk(rng: np.random.Generator, day: int, room: str, laps: int, speed: float) -> xr.Dataset:
    """Laps of 100 cm to and fro at a constant speed, 10 Hz, with rests of 2 s at the ends."""
    steps = round(100 / speed * 10)
    legs = [
        np.linspace(0, 100, steps) if lap % 2 == 0 else np.linspace(100, 0, steps)
        for lap in range(laps)
    ]
    position = np.concatenate([np.concatenate([np.full(20, leg[0]), leg]) for leg in legs])
    return session_dataset(
        subject="A", session=day, elapsed=float(day), elapsed_units="day", environment=room,
        unit_identity="registered", activity=rng.poisson(0.3, (position.size, 4)), position=position,
        sampling_rate=10.0, source="a walk", events_are="counts", geometry="linear", track_length=100.0,
    )  # fmt: skip


@pytest.fixture
def days(rng: np.random.Generator) -> list[xr.Dataset]:
    plan = [("A", 4, 20.0), ("B", 6, 10.0), ("A", 8, 25.0), ("A", 5, 20.0), ("B", 7, 20.0)]
    return [walk(rng, day, *row) for day, row in enumerate(plan)]


def test_visits_are_counted_in_each_environment(days: list[xr.Dataset]):
    measured = drift.measure(days)
    assert measured["visits"].values.tolist() == [[1, 1, 2, 3, 2]]
    assert measured["visits"].attrs["long_name"].startswith("times that the subject has been in")
    assert measured["laps"].values.tolist() == [[4, 6, 8, 5, 7]]
    np.testing.assert_allclose(measured["mean_speed"], [[20, 10, 25, 20, 20]], rtol=0.06)
    assert measured["mean_speed"].attrs["units"] == "cm/s"


def test_a_subject_counts_its_own_visits(days: list[xr.Dataset]):
    others = [day.assign_coords(subject="B") for day in days[1:]]
    both = drift.measure([*days, *others])
    alone = drift.measure(others)
    np.testing.assert_array_equal(both["visits"][1, 1:], alone["visits"][0])
    assert np.isnan(both["visits"][1, 0])


def test_visits_without_a_recording_count_where_sessions_tell(days: list[xr.Dataset]):
    told = [days[0].assign_coords(visits=5), *days[1:]]
    assert drift.measure(told)["visits"].values.tolist() == [[5, 1, 6, 7, 2]]
    with pytest.raises(RefusedInputError, match=r"visits must rise .* got 5 after 6"):
        drift.measure([days[0].assign_coords(visits=6), days[1], days[2].assign_coords(visits=5)])


def test_an_observed_simulation_has_the_visits_of_its_recording(days: list[xr.Dataset]):
    told = [days[0].assign_coords(visits=5), *days[1:]]
    recorded = drift.measure(told)
    run = drift.wandering_fields(seeds=[0], sessions=7, units=4)
    observed = drift.measure(drift.observe(run, like=recorded))
    np.testing.assert_array_equal(observed["visits"], recorded["visits"])
    assert observed["laps"].notnull().all() and observed["mean_speed"].notnull().all()


def test_measured_sessions_answer_what_drives_drift():
    """Three mice of known truth in one room: days and visits run together but for one visit."""
    measured = drift.measure(messy_mice(), halves="trials")
    with pytest.warns(UserWarning, match="this design cannot tell"):
        model = metrics.time_and_experience(measured, permutations=19)
    assert model.attrs["behaviour"] == "mean_speed running_time occupancy"
    assert model["variance"].notnull().all()
