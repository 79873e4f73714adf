"""Decoding which stimulus was shown: accuracy, and errors in the units of stimuli that have a
metric."""

from __future__ import annotations

import numpy as np
import pytest
import shown_stimuli
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import drift
from drift.errors import RefusedInputError
from drift.measurement.rules import Measurement
from drift.metrics import decoding
from drift.metrics.decoders.frames import presentation_folds, window_members
from drift.metrics.decoders.windows import session_windows

DECODERS = ("bayes", "template", "linear", "classifier")
PERIOD, STIMULI = 180.0, 8


def gratings(days=3, moved=0.0, metric="circular", seed=0, **options):
    """Sessions of orientation-tuned units, of which a share prefers another one each day."""
    rng = np.random.default_rng(seed)
    preferred, made = rng.uniform(0, PERIOD, 30), []
    for day in range(days):
        redrawn = rng.random(30) < (moved if day else 0.0)
        preferred[redrawn] = rng.uniform(0, PERIOD, redrawn.sum())
        orientation = shown_stimuli.shown(STIMULI, 12) * PERIOD / STIMULI
        events = rng.poisson(shown_stimuli.von_mises(orientation, preferred, PERIOD))
        kind = {"stimulus_metric": metric, "stimulus_units": "degree"}
        period = {"stimulus_period": PERIOD} if metric == "circular" else {}
        made.append(shown_stimuli.session(events, orientation, day, **kind, **period, **options))
    return made


def matrix(scores, name="decoding_error"):
    return scores[name].values[0]


@pytest.mark.parametrize("decoder", DECODERS)
def test_orientations_are_decoded_in_degrees(decoder):
    scores = decoding(gratings(), decoder, window=0.5, shuffles=20)
    assert scores["decoding_error"].attrs["units"] == "degree"
    assert (matrix(scores) < 8).all()
    assert (matrix(scores, "decoding_accuracy") > 0.7).all()
    shuffled = matrix(scores, "shuffled_decoding_accuracy")
    assert shuffled.mean() == pytest.approx(1 / 8, abs=0.06)
    np.testing.assert_allclose(matrix(scores, "shifted_decoding_accuracy"), 1 / 8, atol=0.03)


def test_errors_take_the_shorter_way_around_the_period():
    scores = decoding(gratings(), window=0.5)
    quarter = PERIOD / 4  # mean distance of two random orientations
    np.testing.assert_allclose(matrix(scores, "shifted_decoding_error"), quarter, rtol=0.1)
    along = decoding(gratings(metric="linear"), window=0.5)
    third = 22.5 * (STIMULI**2 - 1) / (3 * STIMULI)  # along a line
    np.testing.assert_allclose(matrix(along, "shifted_decoding_error"), third, rtol=0.1)


def test_a_changed_code_is_read_by_a_refitted_readout_alone():
    made = gratings(moved=0.6)
    fixed = matrix(decoding(made, window=0.5), "decoding_accuracy")
    refitted = matrix(decoding(made, readout="refitted", window=0.5), "decoding_accuracy")
    assert fixed[0, 2] < 0.6 and refitted[0, 2] > 0.9


@pytest.mark.parametrize("decoder", ["bayes", "template", "classifier"])
def test_stimuli_without_a_metric_have_an_accuracy_and_no_error(decoder, tmp_path):
    made = [shown_stimuli.odours(day) for day in range(2)]
    scores = decoding(made, decoder, window=0.5, minimum_events=1, confusion=True)
    assert (matrix(scores, "decoding_accuracy") == 1).all()
    assert not [name for name in scores if "error" in name]
    confusion = scores["confusion"].isel(subject=0, session=0, session_other=1)
    assert confusion.dims == ("stimulus", "stimulus_decoded")
    np.testing.assert_array_equal(confusion, np.eye(8))
    assert confusion["stimulus_decoded"].values[0] == "odour 0"
    drift.save(scores, tmp_path / "odours.nc")
    xr.testing.assert_equal(drift.load(tmp_path / "odours.nc"), scores)


def test_names_of_stimuli_change_nothing():
    made, names = gratings(metric="none"), np.random.default_rng(0).permutation(STIMULI)
    renamed = []
    for session in made:
        index = np.rint(session["stimulus"].values / PERIOD * STIMULI).astype(int)
        labels = np.array([f"grating {name}" for name in names])[index]
        renamed.append(
            session.drop_vars("stimulus").assign_coords(
                stimulus=("sample", labels, {"metric": "none"})
            )
        )
    for decoder in ("bayes", "classifier"):
        np.testing.assert_allclose(
            matrix(decoding(renamed, decoder), "decoding_accuracy"),
            matrix(decoding(made, decoder), "decoding_accuracy"),
        )


def test_units_in_disorder_tell_no_stimulus():
    made = gratings(days=2, moved=1.0)
    accuracy = matrix(decoding(made, window=0.5), "decoding_accuracy")
    assert accuracy[0, 1] < 0.4 < accuracy[0, 0]


def test_a_window_has_one_stimulus():
    windows = session_windows(gratings(1)[0], Measurement(), 0.2)
    assert windows.counts.shape == (2 * 12 * STIMULI, 30)  # two of the five frames shown each time
    np.testing.assert_array_equal(np.bincount(windows.fold), np.full(12, 2 * STIMULI))


def test_without_trials_presentations_are_left_out_in_turn():
    label = np.array(["a", "b", "a", "a", "b"])
    path = np.array([1, 2, 3, 3, 4])
    np.testing.assert_array_equal(presentation_folds(0 * path, path, label), [0, 0, 1, 1, 1])
    trial = np.array([1, 1, 2, 2, 2])
    np.testing.assert_array_equal(presentation_folds(trial, path, label), [0, 0, 1, 1, 1])


def test_what_needs_distances_is_refused_without():
    made = [shown_stimuli.odours(day) for day in range(2)]
    with pytest.raises(RefusedInputError, match="needs stimuli with a metric"):
        decoding(made, "linear")
    with pytest.raises(RefusedInputError, match="smoothing=1 counts in steps"):
        decoding(made, smoothing=1.0)
    with pytest.raises(RefusedInputError, match="does not fit"):
        decoding([gratings()[0], gratings(metric="none")[1]])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 7))
def test_no_window_reaches_beyond_its_path(begins, length):
    begins = np.array([True, *begins[1:]])
    members = window_members(begins, length)
    path = np.cumsum(begins)
    assert (path[members] == path[members[:, :1]]).all() and (np.diff(members) == 1).all()
    assert np.unique(members).size == members.size
    whole = (np.bincount(path)[1:] // length).sum()
    assert len(members) == whole
