"""Pictures of tuning curves say which stimuli, in which units."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from shown_stimuli import odours, session, shown, von_mises

import drift
from drift.errors import RefusedInputError
from drift.plots import rate_maps_over_sessions, sorted_rate_maps


@pytest.fixture
def ax():
    figure, panel = plt.subplots()
    yield panel
    plt.close(figure)


def directions():
    angle = 30.0 * shown(12, 4)
    activity = von_mises(angle, np.array([300.0, 60.0, 180.0]), 360.0)
    options = {"stimulus_metric": "circular", "stimulus_period": 360.0, "stimulus_units": "deg"}
    return drift.measure(
        [session(activity, angle, number, events_are="trace", **options) for number in range(2)]
    )


def test_numbers_are_named_with_their_units(ax):
    dataset = directions()
    sorted_rate_maps(dataset, 0, 0, ax)
    assert ax.get_xlabel() == "stimulus (deg)"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "90", "180", "270"]
    assert "3 informative units" in ax.get_title()
    image = ax.get_images()[0].get_array()
    assert image.argmax(axis=1).tolist() == [2, 6, 10]


def test_texts_are_named_and_not_smoothed(ax):
    dataset = drift.measure([odours(stimuli=4)])
    sorted_rate_maps(dataset, 0, 0, ax)
    assert ax.get_xlabel() == "stimulus"
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == [f"odour {k}" for k in range(4)]
    np.testing.assert_array_equal(ax.get_images()[0].get_array(), np.eye(4))
    with pytest.raises(RefusedInputError, match="smoothing needs distances"):
        sorted_rate_maps(dataset, 0, 0, ax, smoothing=1.0)


def test_maps_over_sessions_draw_stimuli():
    figure, axes = plt.subplots(1, 2)
    rate_maps_over_sessions(directions(), 0, [0, 1], axes)
    assert axes[1].get_xlabel() == "stimulus (deg)"
    assert axes[0].get_ylabel() == "3 informative units of the first session shown"
    plt.close(figure)
