"""The decoder triple and confusion show the numbers that they are given."""

from __future__ import annotations

from collections.abc import Iterator

import decoded_days
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shown_stimuli

from drift import metrics, plots
from drift.errors import RefusedInputError


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def lines(ax) -> dict:
    return {bars.get_label(): bars.lines[0] for bars in ax.containers}


def test_three_curves_are_the_means_over_pairs():
    made = decoded_days.days(4, 20, moved=0.3, frames=1600)
    fixed = metrics.decoding(made)
    refitted = metrics.decoding(made, readout="refitted")
    ax = plots.decoding_by_lag(fixed, plt.figure().subplots(), refitted)
    shown = lines(ax)
    assert list(shown) == ["fixed", "refitted (ceiling)", "shuffled (chance)"]
    assert ax.get_legend().get_title().get_text() == "mean of the pairs"
    for name, scores, variable in (
        ("fixed", fixed, "decoding_error"),
        ("refitted (ceiling)", refitted, "decoding_error"),
        ("shuffled (chance)", fixed, "shuffled_decoding_error"),
    ):
        values = scores[variable].values[0]
        expected = [np.diagonal(values, lag).mean() for lag in (1, 2, 3)]
        np.testing.assert_allclose(shown[name].get_ydata(), expected)
        np.testing.assert_allclose(shown[name].get_xdata(), [1, 2, 3])
    assert ax.get_ylabel() == "decoding error (cm)" and "days" in ax.get_xlabel()


def test_several_subjects_have_a_mean_and_an_error():
    made = [
        session for name in "ab" for session in decoded_days.days(3, 20, subject=name, frames=1600)
    ]
    fixed = metrics.decoding(made, shuffles=0)
    ax = plots.decoding_by_lag(fixed, plt.figure().subplots())
    curve = metrics.curve_by_lag(fixed["decoding_error"], fixed["elapsed"])
    np.testing.assert_allclose(lines(ax)["fixed"].get_ydata(), curve.mean("subject"))
    assert list(lines(ax)) == ["fixed"] and len(ax.containers[0].lines[2]) == 1
    assert "s.e. of 2 subjects" in ax.get_legend().get_title().get_text()


def test_one_session_has_no_curve():
    with pytest.raises(RefusedInputError):
        plots.decoding_by_lag(metrics.decoding(decoded_days.days(1, 10)), plt.figure().subplots())


def test_confusion_has_true_places_along_the_track():
    scores = metrics.decoding(decoded_days.days(2, 40), confusion=True)
    confusion = scores["confusion"].isel(subject=0, session=0, session_other=1)
    ax = plots.confusion_matrix(confusion, plt.figure().subplots())
    np.testing.assert_array_equal(
        ax.images[0].get_array().filled(np.nan), confusion.transpose("place_decoded", "place")
    )
    assert ax.images[0].get_extent() == [0.0, decoded_days.LENGTH, 0.0, decoded_days.LENGTH]
    assert ax.get_xlabel() == "true position (cm)"
    with pytest.raises(RefusedInputError, match="choose one subject"):
        plots.confusion_matrix(scores["confusion"], ax)


def test_places_of_a_plane_are_numbers():
    made = decoded_days.days(2, 40, geometry="plane")
    scores = metrics.decoding(made, confusion=True)
    confusion = scores["confusion"].isel(subject=0, session=0, session_other=1)
    ax = plots.confusion_matrix(confusion, plt.figure().subplots())
    assert ax.get_ylabel() == "decoded number of the place"


def test_stimuli_are_drawn_by_their_names_and_accuracy():
    made = [shown_stimuli.odours(day) for day in range(3)]
    fixed = metrics.decoding(made, window=0.5, minimum_events=1, confusion=True)
    figure = plt.figure()
    ax = plots.decoding_by_lag(fixed, figure.subplots())
    assert ax.get_ylabel() == "decoding accuracy (share of windows)"
    np.testing.assert_allclose(lines(ax)["fixed"].get_ydata(), 1.0)
    confusion = fixed["confusion"].isel(subject=0, session=0, session_other=1)
    ax = plots.confusion_matrix(confusion, plt.figure().subplots())
    assert ax.get_xlabel() == "true stimulus"
    assert [label.get_text() for label in ax.get_xticklabels()] == list(
        confusion["stimulus"].values
    )


def test_the_accuracy_can_be_drawn_of_places_too():
    fixed = metrics.decoding(decoded_days.days(3, 20, frames=1600))
    ax = plots.decoding_by_lag(fixed, plt.figure().subplots(), measure="decoding_accuracy")
    curve = metrics.curve_by_lag(fixed["decoding_accuracy"], fixed["elapsed"])
    np.testing.assert_allclose(lines(ax)["fixed"].get_ydata(), curve.values[0])


def test_the_legend_lies_in_its_panel_and_hides_no_curve():
    made = decoded_days.days(4, 20, moved=0.3, frames=1600)
    triple = metrics.decoder_triple(made)
    with plots.publication_settings():
        figure = plots.sheet(180, 100)
        ax = figure.subplots(2, 3)[0, 1]
        plots.decoding_by_lag(triple, ax)
        figure.draw_without_rendering()
        legend, panel = ax.get_legend().get_window_extent(), ax.get_window_extent()
    assert panel.x0 <= legend.x0 and legend.x1 <= panel.x1 and legend.y1 <= panel.y1 + 1
    for bars in ax.containers:
        heights = ax.transData.transform(bars.lines[0].get_xydata())[:, 1]
        assert heights.max() < legend.y0
