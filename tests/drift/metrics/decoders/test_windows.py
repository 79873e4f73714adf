"""Windows hold frames that follow each other, of one trial and one direction, whatever the
sampling."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest

from data_adapters.session import session_dataset
from drift.errors import RefusedInputError
from drift.measurement.rules import Measurement
from drift.metrics.decoders.windows import session_windows

RULES = Measurement(bin_size=10.0, minimum_speed=0.0)


def session(frames=20, **changes):
    """Events of the first unit number the frames."""
    number = np.arange(frames)
    arguments = {
        "subject": "a", "session": 0, "elapsed": 0.0, "elapsed_units": "day", "environment": "A",
        "unit_identity": "tracked", "activity": np.stack([number, np.ones(frames)], axis=1),
        "position": 2.0 * number + 1, "sampling_rate": 10.0, "source": "frames", "events_are": "counts",
        "geometry": "linear", "track_length": 2.0 * frames,
    }  # fmt: skip
    return session_dataset(**(arguments | changes))


def windows(made, window=0.5):
    return session_windows(made, RULES, window)


def test_windows_are_whole_frames_in_the_order_of_time():
    cut = windows(session())
    np.testing.assert_array_equal(cut.counts[:, 0], [10, 35, 60, 85])
    np.testing.assert_array_equal(cut.counts[:, 1], 5)
    np.testing.assert_allclose(cut.position[:, 0], [5, 15, 25, 35])
    np.testing.assert_array_equal(cut.cells[:, 0], [0, 1, 2, 3])
    np.testing.assert_allclose(cut.seconds, 0.5)
    np.testing.assert_array_equal(cut.events, [19, 20])  # frames with events


def test_the_fewest_frames_that_last_as_long_make_a_window():
    assert len(windows(session(), 0.25).seconds) == 6  # three frames of 0.1 s
    assert len(windows(session(), 0.3).seconds) == 6
    assert len(windows(session(), 0.01).seconds) == 20


def test_no_window_reaches_across_a_lost_position():
    position = 2.0 * np.arange(20) + 1
    position[7] = np.nan
    np.testing.assert_array_equal(
        windows(session(position=position)).counts[:, 0], [10, 8 + 9 + 10 + 11 + 12, 13 * 5 + 10]
    )


def test_no_window_reaches_across_a_gap_in_time():
    time = np.arange(20) / 10 + np.where(np.arange(20) >= 8, 7.0, 0.0)
    cut = windows(session(time=time))
    np.testing.assert_array_equal(cut.counts[:, 0], [10, 8 * 5 + 10, 13 * 5 + 10])
    np.testing.assert_allclose(cut.seconds, 0.5)


def test_no_window_reaches_across_a_lost_frame():
    time = np.delete(np.arange(21) / 10, 8)
    np.testing.assert_array_equal(
        windows(session(time=time)).counts[:, 0], [10, 8 * 5 + 10, 13 * 5 + 10]
    )


def test_windows_lie_in_one_trial_and_one_direction():
    trial = np.repeat([1, 0, 2], [7, 6, 7])
    cut = windows(session(trial=trial))
    np.testing.assert_array_equal(cut.counts[:, 0], [10, 13 * 5 + 10])
    np.testing.assert_array_equal(cut.fold, [0, 1])
    direction = np.repeat([1, -1], [8, 12])
    cut = windows(session(direction=direction))
    np.testing.assert_array_equal(cut.counts[:, 0], [10, 50, 75])
    np.testing.assert_array_equal(cut.downward, [0, 1, 1])


def test_a_session_without_trials_is_left_out_by_tenths():
    cut = windows(session(200))
    np.testing.assert_array_equal(np.bincount(cut.fold), np.full(10, 4))


def test_around_a_ring_the_mean_position_takes_the_shorter_way():
    position = (2.0 * np.arange(20) + 33) % 40
    cut = windows(session(position=position, geometry="ring", track_length=40.0))
    np.testing.assert_allclose(cut.position[:, 0], [37, 7, 17, 27])
    np.testing.assert_array_equal(cut.cells[:, 0], [3, 0, 1, 2])


def test_a_plane_has_two_axes():
    made = decoded_days.days(1, 5, geometry="plane", frames=800)[0]
    cut = session_windows(made, Measurement(), 0.2)
    assert cut.position.shape == (400, 2) and cut.cells.shape == (400, 2)


def test_amplitudes_count_as_events_and_traces_are_summed():
    amplitudes = np.where(np.arange(20)[:, None] % 4, 0.0, 0.3)
    cut = windows(session(activity=amplitudes, events_are="amplitudes"))
    np.testing.assert_array_equal(cut.counts[:, 0], [2, 1, 1, 1])
    cut = windows(session(activity=np.full((20, 1), 0.3), events_are="trace"))
    np.testing.assert_allclose(cut.counts, 1.5)


def test_units_that_were_not_observed_are_no_units():
    made = session()
    made["activity"] = made["activity"].astype(float)
    made["activity"][{"unit": 0}] = np.nan
    np.testing.assert_array_equal(windows(made).units, [1])


def test_what_gives_no_window_is_refused():
    with pytest.raises(RefusedInputError, match="no 30 frames follow each other"):
        windows(session(), 3.0)
    stimuli = np.repeat([0.0, 1.0], 10)
    with pytest.raises(RefusedInputError, match="labelled by stimuli"):
        windows(session(position=None, stimulus=stimuli, geometry="unknown", track_length=None))
