"""Pictures of tuning curves say which stimuli, in which units."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from shown_stimuli import odours, session, shown, von_mises

import drift
from drift.errors import RefusedInputError
from drift.plots import (
    cells_by_place,
    example_cells,
    example_units,
    rate_maps_over_sessions,
    sorted_rate_maps,
    tracked_rate_maps,
)
from drift.plots.labels import rate_label


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


def names(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def test_cells_are_sorted_by_their_stimulus():
    dataset = directions()
    assert cells_by_place(dataset, 0, 0).tolist() == [1, 2, 0]  # 60, 180, 300 deg
    assert cells_by_place(drift.measure([odours()]), 0, 0).tolist() == list(range(8))


def test_tracked_cells_are_drawn_without_smoothing():
    figure, axes = plt.subplots(1, 2)
    dataset = drift.measure([odours(0), odours(1)])
    tracked_rate_maps(dataset, 0, [0, 1], axes, 0)
    for ax in axes:
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), np.eye(8))
    assert axes[0].get_xlabel() == "stimulus"
    assert names(axes[0]) == ["odour 0", "odour 2", "odour 4", "odour 6"]
    with pytest.raises(RefusedInputError, match="smoothing needs distances"):
        tracked_rate_maps(dataset, 0, [0, 1], axes, 0, smoothing=1.0)
    tracked_rate_maps(directions(), 0, [0, 1], axes, 0)
    assert (axes[0].get_xlabel(), names(axes[0])) == ("stimulus (deg)", ["0", "330"])
    plt.close(figure)


def test_tuning_curves_are_lines_at_their_stimuli():
    figure, axes = plt.subplots(2, 1, squeeze=False)
    dataset = directions()
    example_cells(dataset, 0, [0, 1], [1], axes)
    [line] = axes[1, 0].lines
    np.testing.assert_array_equal(line.get_xdata(), 30.0 * np.arange(12))
    np.testing.assert_array_equal(line.get_ydata(), dataset["rate"].values[0, 1, 1])
    assert axes[1, 0].get_xlim() == (-15.0, 345.0)
    assert (axes[1, 0].get_xlabel(), names(axes[1, 0])) == ("stimulus (deg)", ["0", "330"])
    plt.close(figure)


def test_no_line_joins_stimuli_without_a_metric():
    figure, axes = plt.subplots(2, 1, squeeze=False)
    dataset = drift.measure([odours(0), odours(1)])
    example_cells(dataset, 0, [0, 1], [3], axes)
    bars = axes[1, 0].patches
    assert not axes[1, 0].lines and len(bars) == 8
    heights = [bar.get_height() for bar in bars]
    np.testing.assert_array_equal(heights, dataset["rate"].values[0, 1, 3])
    assert names(axes[1, 0])[0] == "odour 0"
    plt.close(figure)


def test_example_cells_are_ranked_by_unsmoothed_tuning_curves():
    """Cells 0 to 7 keep their odour; cell 3 answers another one in the second session."""
    first, second = odours(0), odours(1)
    second["activity"].values[:, 3] = np.roll(second["activity"].values[:, 3], 5)
    dataset = drift.measure([first, second])
    assert example_units(dataset, 0, 0, 8).tolist()[-1] == 3


def test_long_names_are_cut(ax):
    dataset = drift.measure([odours(stimuli=2)])
    dataset = dataset.assign_coords(stimulus=["140 cm, to the right", "b"])
    dataset["stimulus"].attrs["metric"] = "none"
    sorted_rate_maps(dataset, 0, 0, ax)
    assert names(ax) == ["140 cm, to the \N{HORIZONTAL ELLIPSIS}", "b"]


def test_rates_from_a_hundred_on_have_no_exponent():
    rates = [0.0, 0.034, 3.25, 99.4, 99.6, 1600.4]
    assert [rate_label(rate) for rate in rates] == ["0", "0.034", "3.2", "99", "100", "1,600"]
    figure, axes = plt.subplots(1, 1, squeeze=False)
    dataset = drift.measure([odours()])
    dataset["rate"] = dataset["rate"] * 1600 / dataset["rate"].max()
    example_cells(dataset, 0, [0], [1], axes)
    assert axes[0, 0].get_title().endswith("0\N{EN DASH}1,600")
    plt.close(figure)
