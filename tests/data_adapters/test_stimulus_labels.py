"""The door for sessions that are labelled by stimuli, labels of samples from a table of trials, and
interchange files of them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from shown_stimuli import odours, session

from data_adapters import interchange
from data_adapters.stimuli import labels_by_interval
from drift.errors import RefusedInputError

ONES = np.ones((6, 2))


def test_labels_stand_as_a_coordinate_with_units_where_they_are_numbers():
    shown = session(
        ONES,
        [0, 45, -1, 90, 180, 225],
        stimulus_metric="circular",
        stimulus_period=180.0,
        stimulus_units="deg",
    )
    np.testing.assert_array_equal(shown["stimulus"], [0, 45, np.nan, 90, 0, 45])
    assert shown["stimulus"].dims == ("sample",) and "position" not in shown
    assert shown["stimulus"].attrs == {
        "long_name": "stimulus",
        "units": "deg",
        "metric": "circular",
        "period": 180.0,
    }
    assert shown.attrs == {"minimum_speed": 0.0, "source": "made"}
    texts = session(ONES, ["a", None, "b", "", np.nan, "a"])["stimulus"]
    assert texts.values.tolist() == ["a", "", "b", "", "", "a"]
    assert texts.attrs == {"long_name": "stimulus", "metric": "none"}


def test_minus_one_is_a_label_among_other_negative_or_broken_numbers():
    for labels in ([-2, -1, 0, 1, 2, -1], [-1, -0.5, 0, 0.5, 1, -1]):
        shown = session(ONES, labels, stimulus_metric="linear")
        np.testing.assert_array_equal(shown["stimulus"], labels)


@pytest.mark.parametrize(
    "stimulus, options, match",
    [
        (None, {}, "got neither"),
        ([0] * 6, {"position": np.zeros(6)}, "got stimulus and position:"),
        ([0] * 6, {"direction": np.ones(6), "bin_size": 2.0}, "stimulus and direction, bin_size"),
        ([0] * 6, {"geometry": "ring"}, "stimulus and geometry"),
        ([0] * 6, {"attrs": {"track_length": 5.0}}, "stimulus and track_length"),
        (None, {"position": np.zeros(6), "stimulus_metric": "linear"}, "position and stimulus_me"),
        ([0] * 5, {}, "one label per sample"),
        ([np.nan] * 6, {}, "in some samples, got none"),
        ([""] * 6, {}, "in some samples, got none"),
        ([np.inf] + [0] * 5, {}, "an infinite number"),
        ([0j] * 6, {}, "finite numbers, or texts"),
        (list("abcabc"), {"stimulus_metric": "circular"}, "labels are texts"),
        ([0] * 6, {"stimulus_metric": "round"}, "one of circular, linear, none"),
        ([0] * 6, {"stimulus_metric": "circular"}, "stimulus_period"),
        ([0] * 6, {"stimulus_metric": "circular", "stimulus_period": 0.0}, "above 0"),
        ([0] * 6, {"stimulus_period": 90.0}, "belongs to a circular stimulus"),
        ([0] * 6, {"minimum_speed": 2.0}, "give velocity"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(stimulus, options, match):
    with pytest.raises(RefusedInputError, match=match) as refusal:
        session(ONES, stimulus, **options)
    assert "session 0 of m" in str(refusal.value) and str(refusal.value).count(". ") == 0


def test_samples_are_labelled_by_the_interval_that_they_begin_in():
    time = np.arange(0, 3, 0.5)
    labels = labels_by_interval(time, [2.0, 0.5], [2.5, 1.5], [90, 45])
    np.testing.assert_array_equal(labels, [np.nan, 45, 45, np.nan, 90, np.nan])
    texts = labels_by_interval(time, [2.0, 0.5], [2.5, 1.5], ["right", "left"])
    assert texts.tolist() == ["", "left", "left", "", "right", ""]
    assert np.isnan(labels_by_interval(time, [], [], np.array([]))).all()
    touching = labels_by_interval(time, [0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [1, 2, 3])
    assert touching.tolist() == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    "start, stop, label, match",
    [
        ([0, 1], [1, 2], [5], "one start, stop and label each"),
        ([0, 2], [1, 1.5], [5, 6], "stop of interval 1"),
        ([0, 1], [1.5, 2], [5, 6], "one of 6.0 from 1 s"),
    ],
)
def test_intervals_that_do_not_fit_are_refused(start, stop, label, match):
    with pytest.raises(RefusedInputError, match=match):
        labels_by_interval(np.arange(4.0), start, stop, label)


@pytest.mark.parametrize("kind", ["npz", "mat", "nc"])
def test_interchange_files_of_stimuli_read_back_equal(tmp_path, kind):
    rng = np.random.default_rng(0)
    angles = np.where(rng.random(40) < 0.2, np.nan, 30.0 * rng.integers(0, 6, 40))
    written = [
        odours(0, trial=np.repeat([0, 1], 120), time=np.arange(240) / 10),
        session(
            rng.poisson(1.0, (40, 3)),
            angles,
            1,
            stimulus_metric="circular",
            stimulus_period=180.0,
            stimulus_units="deg",
            velocity=rng.random(40),
            minimum_speed=0.5,
        ),
        session(rng.poisson(1.0, (40, 3)), np.where(angles > 0, "go", ""), 2),
    ]
    for one in written:
        interchange.write_interchange(one, tmp_path, kind)
    for one, again in zip(written, interchange.sessions(tmp_path), strict=True):
        xr.testing.assert_identical(again, one)


@pytest.mark.parametrize(
    "fields, match",
    [
        ({"position": np.zeros(240)}, "position or stimulus, got both"),
        ({"geometry": "linear"}, "stimulus and geometry"),
        ({"track_length_cm": 90.0}, "stimulus and track_length"),
    ],
)
def test_files_with_a_track_and_stimuli_are_refused(tmp_path, fields, match):
    path = interchange.write_interchange(odours(), tmp_path)
    with np.load(path) as archive:
        content = dict(archive)
    np.savez(path, **content, **fields)
    with pytest.raises(RefusedInputError, match=match):
        list(interchange.sessions(path))


def test_a_metric_needs_its_stimulus(tmp_path):
    path = interchange.write_interchange(odours(), tmp_path)
    with np.load(path) as archive:
        content = {name: value for name, value in archive.items() if name != "stimulus"}
    np.savez(path, **content)
    with pytest.raises(RefusedInputError, match="hold "):
        list(interchange.sessions(path))
