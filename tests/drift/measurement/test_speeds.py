"""Speed from positions: exact where it is known, the same for every camera, and rest stays rest
under jitter."""

from __future__ import annotations

import numpy as np
import pytest

from drift.measurement.speeds import WINDOW, jumps, speeds, unrolled

CAMERAS = (10.0, 20.0, 30.0, 60.0)


def along(rng, rate, speed, seconds=300.0, length=120.0):
    """Runs to and fro with rests of 2 to 6 s at the ends: time, position, and whether the animal
    runs."""
    time = np.arange(int(seconds * rate)) / rate
    knots, places = [0.0], [0.0]
    while knots[-1] < seconds:
        knots += [knots[-1] + rng.uniform(2, 6)]
        places += [places[-1]]
        knots += [knots[-1] + length / speed]
        places += [length - places[-1]]
    leg = np.searchsorted(knots, time, side="right") - 1
    return time, np.interp(time, knots, places), leg % 2 == 1


@pytest.mark.parametrize("rate", CAMERAS)
@pytest.mark.parametrize("axes", [1, 2])
def test_the_speed_of_steady_motion_is_exact(rng, rate, axes):
    time = np.sort(rng.uniform(0, 60, int(60 * rate))) + 1.7e9  # irregular, counted from 1970
    velocity = rng.normal(0, 10, axes)
    position = 3e3 + (time - time[0])[:, np.newaxis] * velocity
    found = speeds(position, time, 1 / rate)
    near = np.isfinite(found)  # a sample in half a second of its own has no speed
    np.testing.assert_allclose(found[near], np.sqrt((velocity**2).sum()), rtol=1e-4)
    assert near.mean() > 0.95


@pytest.mark.parametrize("rate", CAMERAS)
def test_slopes_are_those_of_numpy(rng, rate):
    time = np.arange(9000) / rate
    position = np.cumsum(rng.normal(0, 1, 9000))
    found = speeds(position[:, np.newaxis], time, 1 / rate)
    for i in rng.integers(0, 9000, 40):
        near = np.abs(time - time[i]) <= WINDOW / 2 + 1e-9
        expected = np.polyfit(time[near] - time[i], position[near], 1)[0]
        assert found[i] == pytest.approx(abs(expected), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("rate", CAMERAS)
@pytest.mark.parametrize(
    ("jitter", "minimum"), [(0.0, 1.0), (0.1, 1.0), (0.2, 1.0), (0.3, 3.0), (0.5, 5.0)]
)
@pytest.mark.parametrize("speed", [8.0, 25.0])
def test_jitter_is_no_running(rng, rate, jitter, minimum, speed):
    time, position, runs = along(rng, rate, speed)
    found = speeds(
        (position + rng.normal(0, jitter, time.size))[:, np.newaxis], time, 1 / rate, minimum
    )
    ends = np.count_nonzero(
        np.diff(runs)
    )  # of runs; half a window at each may count with the other side
    assert abs(np.sum(found > minimum) - runs.sum()) / rate <= ends * WINDOW / 2 + 0.01 * time[-1]
    inner = ~np.convolve(
        np.abs(np.diff(runs, append=runs[-1])), np.ones(int(1.2 * rate)), "same"
    ).astype(bool)
    assert np.mean((found > minimum)[inner] != runs[inner]) < 0.03


@pytest.mark.parametrize("rate", CAMERAS)
@pytest.mark.parametrize("held", [1, 2, 3])
def test_frames_that_are_held_are_no_rest(rng, rate, held):
    time = np.arange(int(120 * rate)) / rate
    position = 10.0 * time[np.arange(time.size) // held * held]
    if held / rate <= WINDOW / 2:
        assert (speeds(position[:, np.newaxis], time, 1 / rate, 1.0) > 4.0).mean() > 0.99


@pytest.mark.parametrize("rate", CAMERAS)
def test_creeping_over_lost_frames_gaps_and_wraps_is_no_running(rng, rate):
    time = np.arange(int(600 * rate)) / rate
    time = time[(rng.random(time.size) < 0.5) & ~((time > 200) & (time < 250))]
    position = (0.5 * time) % 100.0
    found = speeds(position[:, np.newaxis], time, 1 / rate, 1.0)
    np.testing.assert_allclose(found[np.isfinite(found)], 0.5, rtol=1e-6)
    assert np.isfinite(found).mean() > 0.99


def test_a_teleport_is_no_way_that_was_run():
    time = np.arange(400) / 20
    position = np.where(time < 10, 5.0, 95.0)
    assert not (speeds(position[:, np.newaxis], time, 1 / 20, 1.0) > 1e-9).any()
    assert (
        jumps(position[:, np.newaxis]).sum() == 1
        and not jumps(position[:, np.newaxis], 200.0).any()
    )


def test_speed_is_not_known_where_the_position_is_not():
    time = np.arange(100) / 20
    position = 10 * time
    position[[0, 1, 30, 32, 98]] = np.nan
    found = speeds(position[:, np.newaxis], time, 1 / 20)
    unknown = [0, 1, 30, 32, 98]
    assert np.isnan(found[unknown]).all()
    np.testing.assert_allclose(np.delete(found, unknown), 10.0)
    position[20:45] = np.nan
    position[30] = 0.0  # alone within half a second
    assert np.isnan(speeds(position[:, np.newaxis], time, 1 / 20)[20:45]).all()
    assert np.isnan(speeds(np.full((100, 1), np.nan), time, 1 / 20, 1.0)).all()


def running_share(
    rng, rate, jitter, minimum, lost=0.0, stops=(2.0, 8.0), speed=25.0, seconds=600.0
):
    """Samples that run by their speed over those that do: stops and runs of 2 to 8 s in turn,
    anywhere on the track."""
    time = np.arange(int(seconds * rate)) / rate
    changes = np.cumsum(rng.uniform(*stops, int(seconds / stops[0]) + 1))
    runs = np.searchsorted(changes, time, side="right") % 2 == 1
    position = np.abs(np.cumsum(runs * speed / rate) % 240.0 - 120.0) + rng.normal(
        0, jitter, time.size
    )
    tracked = rng.random(time.size) >= lost
    position[~tracked] = np.nan
    found = speeds(position[:, np.newaxis], time, 1 / rate, minimum)
    return np.sum(found > minimum) / runs[tracked].sum()


@pytest.mark.parametrize("rate", CAMERAS)
@pytest.mark.parametrize("jitter", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
@pytest.mark.parametrize("minimum", [1.0, 2.0, 5.0])
def test_running_time_is_that_of_the_runs_at_any_jitter(rng, rate, jitter, minimum):
    if jitter / (minimum / 3) * np.sqrt(12 / rate) < 1:  # a second tells rest from running
        assert running_share(rng, rate, jitter, minimum) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("rate", CAMERAS)
@pytest.mark.parametrize("jitter", [0.05, 0.2])
@pytest.mark.parametrize("lost", [0.05, 0.2, 0.4])
def test_positions_that_flicker_make_no_running(rng, rate, jitter, lost):
    assert running_share(rng, rate, jitter, 2.0, lost) == pytest.approx(1.0, abs=0.04)


def test_the_window_grows_with_jitter_that_hides_the_speed_and_not_beyond_a_second(rng):
    time = np.arange(6000) / 10
    still = rng.normal(0, 0.3, (6000, 1))
    assert (
        np.mean(speeds(still, time, 0.1, track_length=50.0) > 1.0) > 0.2
    )  # half a second cannot tell
    assert (
        np.mean(speeds(still, time, 0.1, 1.0, 50.0) > 1.0) < 0.02
    )  # a line through 9 samples: P(|z| > 1 / 0.387) = 0.01
    assert (
        np.mean(speeds(still, time, 0.1, 5.0, 50.0) > 1.0) > 0.1
    )  # half a second is enough to tell 5 cm/s


def test_speed_goes_on_where_a_ring_closes(rng):
    """Steady laps of a ring have one speed, also at the seam and where frames were lost; a way back
    is unrolled as well."""
    time = np.arange(1200) / 20
    way = np.where(time < 30, 14.0 * time, 14.0 * (60 - time))
    position = (way % 80)[:, np.newaxis]
    position[100:110] = np.nan
    unrolled_way = unrolled(position, 80.0)
    tracked = np.isfinite(position[:, 0])
    gone = unrolled_way[tracked, 0] - unrolled_way[0, 0]
    np.testing.assert_allclose(gone, way[tracked] - way[0], atol=1e-9)
    found = speeds(unrolled_way, time, 0.05, 1.0, 80.0)
    steady = tracked & (np.abs(time - 30) > 1)
    np.testing.assert_allclose(found[steady], 14.0, rtol=1e-6)
