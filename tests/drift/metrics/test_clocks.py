"""Clocks: how long samples last, where frames end, and which times are refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.clocks import durations, frame_ends, largest_gap, refuse_times, sample_durations

RATES = (5.0, 10.0, 20.0, 29.97, 60.0, 1000.0)


def clock(rng, rate, jitter=0.2):
    """Two hundred frames with jitter and without any lost."""
    return (np.arange(200) + rng.uniform(-jitter / 2, jitter / 2, 200)) / rate


def lossy(rng, rate):
    """A clock that lost runs of frames of all lengths, from one to far beyond any gap."""
    time = clock(rng, rate)
    lost = rng.geometric(0.05, 200) * (rng.random(200) < 0.2)
    return time + np.cumsum(lost) / rate


@pytest.mark.parametrize("rate", RATES)
def test_without_lost_frames_every_sample_lasts_until_the_next(rng, rate):
    time = clock(rng, rate)
    expected = np.append(np.diff(time), 1 / rate)
    np.testing.assert_allclose(sample_durations(time, 1 / rate), expected, rtol=1e-12)
    np.testing.assert_allclose(frame_ends(time, 1 / rate) - time, expected, rtol=1e-9)


@pytest.mark.parametrize("rate", RATES)
def test_frames_touch_unless_a_gap_follows_and_never_overlap(rng, rate):
    for _ in range(20):
        time = lossy(rng, rate)
        step, ends = np.diff(time), frame_ends(time, 1 / rate)
        gap = step > largest_gap(1 / rate) * (1 + 1e-6)
        np.testing.assert_array_equal(ends[:-1][~gap], time[1:][~gap])
        np.testing.assert_allclose(ends[:-1][gap], time[:-1][gap] + 1.5 / rate, rtol=1e-12)
        assert (ends[:-1] <= time[1:]).all() and (ends > time).all()
        assert (sample_durations(time, 1 / rate) <= 1.5 / rate * (1 + 1e-5)).all()


def test_a_lost_frame_took_its_events_along():
    time = np.array([0.0, 0.1, 0.2, 0.4, 0.5, 5.0])
    np.testing.assert_allclose(sample_durations(time, 0.1), 0.1)
    np.testing.assert_allclose(frame_ends(time, 0.1), [0.1, 0.2, 0.4, 0.5, 0.65, 5.1])


def test_samples_of_a_session_last_as_its_clock_says(rng):
    plain = xr.Dataset({"activity": ("sample", np.zeros(200))}, coords={"sampling_rate": 20.0})
    assert durations(plain) == 1 / 20
    timed = plain.assign_coords(time=("sample", lossy(rng, 20.0)))
    np.testing.assert_array_equal(durations(timed), sample_durations(timed["time"].values, 1 / 20))
    said = timed.assign(duration=("sample", np.full(200, 0.3)))
    np.testing.assert_array_equal(durations(said.isel(sample=slice(0, 200, 7))), np.full(29, 0.3))


@pytest.mark.parametrize(
    ("time", "rate", "message"),
    [
        ([0.0], None, "two samples or more, got 1"),
        ([0.0, 0.1, 0.1, 0.2], None, "got 0.1 after 0.1 s at sample 2, a repeated time"),
        ([0.0, 0.1, 0.05, 0.2], None, "got 0.05 after 0.1 s at sample 2, a step back"),
        ([0.0, 0.1, np.nan, 0.2], None, "got nan after 0.1 s at sample 2, no number"),
        (np.arange(600) * 50.0, None, "milliseconds, divide by 1000"),
        (np.arange(600) * 50.0, 20.0, "milliseconds, divide by 1000"),
        (np.arange(600_000) * 1.0, None, "milliseconds, divide by 1000"),
        (np.arange(600) * 5e4, None, "microseconds, divide by 1e"),
        (np.arange(600) * 5e7, None, "nanoseconds, divide by 1e"),
        (np.arange(200) / 10, 20.0, "20 Hz to 5 %, got 10 samples"),
        (np.arange(200) / 10, 10.6, "10.6 Hz"),
        (np.arange(200) / 20, 10.0, "10 Hz"),
    ],
)
def test_times_that_cannot_be(time, rate, message):
    with pytest.raises(RefusedInputError, match=message) as refusal:
        refuse_times(np.asarray(time), "t in m_01.npz", rate)
    assert str(refusal.value).startswith("t in m_01.npz was expected") and str(
        refusal.value
    ).endswith(".")


def test_times_that_can_be(rng):
    for rate in RATES:
        refuse_times(1.7e9 + clock(rng, rate), "t", rate * 1.04)
    half_lost = (
        np.sort(rng.permutation(2000)[:500]) / 20
    )  # three of four frames: the usual step is longer, the rate is true
    refuse_times(half_lost, "t", 20.0)
    with pytest.raises(RefusedInputError, match="12 Hz"):
        refuse_times(half_lost, "t", 12.0)
