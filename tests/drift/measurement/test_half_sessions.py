"""Halves of a session: which samples go where, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift.errors import RefusedInputError
from drift.measurement.halves import _runs, _turns

RATE = 10.0  # samples/s


def session(position, *, number=0, trial=None, direction=None, **attrs) -> xr.Dataset:
    """One session with two units of Poisson events; ``position`` (sample[, axis])."""
    position = np.asarray(position, dtype=float)
    samples = len(position)
    events = np.random.default_rng(number).poisson(0.3, (samples, 2)).astype(float)
    dims = ("sample",) if position.ndim == 1 else ("sample", "axis")
    variables = {
        "activity": (("sample", "unit"), events, {"units": "events", "kind": "counts"}),
        "position": (dims, position, {"units": "cm"}),
        "velocity": ("sample", np.full(samples, 10.0)),
    }
    for name, values in (("trial", trial), ("direction", direction)):
        variables |= {} if values is None else {name: ("sample", np.asarray(values))}
    coords = {"unit": [0, 1], "subject": "m", "session": number, "environment": "A"}
    coords |= {"unit_identity": "m", "sampling_rate": RATE}
    made = xr.Dataset(variables, coords=coords, attrs={"bin_size": 4.0, "minimum_speed": 1.0})
    elapsed = xr.DataArray(float(number), attrs={"units": "day"})
    return made.assign_coords(elapsed=elapsed).assign_attrs({"geometry": "linear", **attrs})


def to_and_fro(laps: int, samples: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Position and direction of runs over 40 cm, up first."""
    up = (np.arange(samples) + 0.5) * 40 / samples
    runs = [up if lap % 2 == 0 else up[::-1] for lap in range(laps)]
    return np.concatenate(runs), np.repeat([1 - 2 * (lap % 2) for lap in range(laps)], samples)


def test_nothing_else_changes():
    position, direction = to_and_fro(12)
    made = [session(position, number=number, direction=direction) for number in range(2)]
    usual = drift.measure(made, shuffles=20, corrected=True, repetitions=5)
    halved = drift.measure(made, shuffles=20, corrected=True, repetitions=5, halves="trials")
    xr.testing.assert_identical(
        usual,
        halved[list(usual.data_vars)]
        .drop_attrs(deep=False)
        .drop_vars("half", errors="ignore")
        .assign_attrs(usual.attrs),
    )
    assert "halves" not in usual.attrs["measurement"] and "half" not in usual.dims
    assert set(halved.data_vars) - set(usual.data_vars) == {
        "rate_half",
        "occupancy_half",
        "event_count_half",
    }


@pytest.mark.parametrize("halves", ["trials", "time"])
def test_halves_add_up_to_the_session(halves):
    position, direction = to_and_fro(20)
    made = drift.measure(
        session(position, direction=direction), halves=halves, minimum_occupancy=0.0
    )
    assert made["rate_half"].dims == ("subject", "session", "unit", "half", "place", "direction")
    np.testing.assert_allclose(made["occupancy_half"].sum("half"), made["occupancy"])
    events = (made["rate_half"] * made["occupancy_half"]).sum("half")
    np.testing.assert_allclose(events, made["rate"] * made["occupancy"], atol=1e-12)


def test_either_half_has_both_directions_where_trials_take_turns():
    """Twelve runs, numbered one by one: every odd one goes up, and still no half lacks a way."""
    position, direction = to_and_fro(12)
    trial = np.repeat(np.arange(1, 13), 50)
    made = drift.measure(session(position, trial=trial, direction=direction), halves="trials")
    np.testing.assert_allclose(made["occupancy_half"], 1.5)  # 5 samples x 3 runs a half


@pytest.mark.parametrize("told", [True, False])
def test_runs_of_a_track_without_trials(told):
    position, direction = to_and_fro(8)
    own = session(position, direction=direction if told else None)
    made = drift.measure(own, halves="trials")
    expected = 1.0 if told else 2.0  # s in each half at each place
    np.testing.assert_allclose(made["occupancy_half"], expected)


def test_a_run_ends_at_the_other_end():
    """Turning back half-way is no lap; the lap ends where the animal is farthest out."""
    along = np.array([0, 5, 10, 6, 2, 0, 3, 9, 9.5, 10, 9, 5, 1, 0, 0.5, 4, 10])
    np.testing.assert_array_equal(
        _runs(along), [1, 1, 2, 2, 2, 3, 3, 3, 3, 3 + 1, 4, 4, 4, 5, 5, 5, 6]
    )
    half_way = np.array([0, 3, 5, 3, 0, 1, 5, 8, 10, 9])
    assert _runs(half_way).tolist() == [1] * 8 + [2] * 2


def test_turns_of_a_ring():
    angle = np.arange(0, 35.0, 1.0)
    np.testing.assert_array_equal(_turns(angle % 10, 10.0), 1 + angle // 10)
    np.testing.assert_array_equal(_turns(-1 - angle % 10, 10.0), 1 + angle // 10)
    np.testing.assert_array_equal(_turns((angle + 7) % 10, 10.0), 1 + angle // 10)
    position = np.tile((np.arange(40) + 0.5), 6)
    ring = session(position, geometry="ring", track_length=40.0)
    made = drift.measure(ring, halves="trials")
    np.testing.assert_allclose(made["occupancy_half"], 4 * 3 / RATE)


def test_a_ring_that_is_run_to_and_fro():
    position, direction = to_and_fro(8)
    ring = session(position, geometry="ring", track_length=40.0, direction=direction)
    made = drift.measure(ring, halves="trials")
    np.testing.assert_allclose(made["occupancy_half"], 1.0)


def test_blocks_of_half_a_minute():
    position, _ = to_and_fro(36)  # 180 s, six blocks
    activity = np.zeros((position.size, 2))
    activity[(np.arange(position.size) // 300) % 2 == 1, 0] = 1.0
    own = session(position)
    own["activity"].values[:] = activity
    rate = drift.measure(own, halves="time")["rate_half"].isel(subject=0, session=0)
    np.testing.assert_allclose(rate.isel(unit=0), np.stack([np.zeros(10), np.full(10, RATE)]))


def test_samples_outside_of_trials_belong_to_neither_half():
    position, _ = to_and_fro(4)
    trial = np.repeat([1, 0, 2, 0], 50)
    made = drift.measure(session(position, trial=trial), halves="trials")
    np.testing.assert_allclose(made["occupancy_half"], 0.5)
    np.testing.assert_allclose(made["occupancy"], 2.0)


@pytest.mark.parametrize("numbered", [True, False])
def test_presentations_of_a_stimulus(numbered):
    """Four stimuli, each shown six times for two samples, in an order of which every second is the
    same."""
    order = np.tile([0, 1, 2, 3], 6)
    shown = np.repeat(order, 2)
    made = session(np.zeros(48), trial=np.repeat(np.arange(1, 25), 2) if numbered else None)
    made = made.drop_vars("position").assign_coords(
        stimulus=("sample", shown.astype(float) * 90, {"units": "degree"})
    )
    made = made.assign_attrs(stimulus_metric="circular", stimulus_period=360.0)
    halved = drift.measure(made, halves="trials", minimum_speed=0.0, minimum_occupancy=0.0)
    assert halved["rate_half"].dims[-2:] == ("half", "stimulus")
    np.testing.assert_allclose(halved["occupancy_half"], 6 / RATE)


def test_a_plane_has_no_laps():
    rng = np.random.default_rng(2)
    position = rng.uniform(0, 20, (1200, 2))
    plane = session(position, geometry="square")
    with pytest.raises(RefusedInputError, match=r'plane does not have.*halves="time"'):
        drift.measure(plane, halves="trials")
    by_time = drift.measure(plane, halves="time")
    by_trial = drift.measure(
        session(position, geometry="square", trial=np.repeat(np.arange(1, 5), 300)), halves="trials"
    )
    np.testing.assert_array_equal(by_time["rate_half"], by_trial["rate_half"])  # the same 30 s


def test_one_lap_has_no_halves():
    position, _ = to_and_fro(1)
    with pytest.raises(RefusedInputError, match="subject m, session 0: two halves need at least"):
        drift.measure(session(position), halves="trials")
    with pytest.raises(RefusedInputError, match="halves"):
        drift.measure(session(position), halves="laps")


def test_a_place_that_one_half_never_visits_is_not_observed():
    position, _ = to_and_fro(4)
    position[:50] = np.minimum(position[:50], 35.9)  # first half: runs 1 and 2, both up to the end
    position[50:100] = np.minimum(position[50:100], 35.9)
    trial = np.repeat([1, 1, 2, 2], 50)
    made = drift.measure(session(position, trial=trial), halves="trials")
    last = made["rate_half"].isel(subject=0, session=0, place=-1)
    assert last.isel(half=0).isnull().all() and last.isel(half=1).notnull().all()
    assert made["occupancy_half"].isel(subject=0, session=0, place=-1).values.tolist() == [0, 1]


def test_halves_pass_through_files_and_rooms(tmp_path):
    position, direction = to_and_fro(8)
    made = [session(position, number=number, direction=direction) for number in range(3)]
    made[1] = made[1].assign_coords(environment="B")
    halved = drift.measure(made, halves="trials")
    drift.save(halved, tmp_path / "halves.nc")
    xr.testing.assert_identical(
        drift.load(tmp_path / "halves.nc")["rate_half"], halved["rate_half"]
    )
    own = drift.metrics.in_environment(halved, "A")
    np.testing.assert_array_equal(own["rate_half"], halved["rate_half"].isel(session=[0, 2]))
    rules = drift.measurement.Measurement.from_json(halved.attrs["measurement"])
    assert rules.halves == "trials"
