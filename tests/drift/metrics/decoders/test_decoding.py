"""Decoding across sessions: what is compared with what, and what of it is reported."""

from __future__ import annotations

import json

import decoded_days
import numpy as np
import pytest
import xarray as xr

import drift
from drift.errors import RefusedInputError
from drift.metrics import decoding

CHANCE_ON_A_TRACK = decoded_days.LENGTH / 3  # mean distance of two random positions


def matrix(scores, name="decoding_error"):
    return scores[name].values[0]


@pytest.mark.parametrize("decoder", ["bayes", "template", "linear", "classifier"])
@pytest.mark.parametrize("geometry", ["linear", "ring", "plane"])
def test_a_frozen_code_is_read_in_every_geometry(decoder, geometry):
    made = decoded_days.days(2, 60, geometry=geometry, frames=4800)
    scores = decoding(made, decoder, window=0.3)
    error, chance = matrix(scores), matrix(scores, "shuffled_decoding_error")
    assert (error < chance / 2).all() and (error < 14).all()
    half_a_bin = 2.0 if decoder == "classifier" else 0.0  # names of places: errors lie on a lattice
    assert (matrix(scores, "median_decoding_error") <= error + half_a_bin).all()
    assert (matrix(scores, "decoding_accuracy") > 2 * matrix(scores, "shuffled_decoding_accuracy")).all()  # fmt: skip


def test_errors_around_a_ring_take_the_shorter_way():
    made = decoded_days.days(2, 60, geometry="ring", frames=4800)
    scores = decoding(made, window=0.3)
    assert matrix(scores, "shifted_decoding_error").max() < decoded_days.LENGTH / 2
    np.testing.assert_allclose(
        matrix(scores, "shifted_decoding_error"), decoded_days.LENGTH / 4, rtol=0.05
    )
    assert matrix(scores).max() < 4


def test_a_new_code_every_day_is_read_at_chance_by_yesterdays_readout():
    made = decoded_days.days(2, 60, moved=1.0, frames=4800)
    fixed, refitted = decoding(made), decoding(made, readout="refitted")
    assert matrix(fixed)[0, 1] == pytest.approx(matrix(fixed, "shuffled_decoding_error")[0, 1], abs=6)  # fmt: skip
    assert matrix(refitted)[0, 1] < 5


def test_two_states_that_are_told_apart_have_a_known_confusion():
    made = decoded_days.days(2, 60, frames=4800)
    scores = decoding(made, window=0.4, confusion=True)
    confusion = scores["confusion"].sel(subject="mouse", session=0, session_other=1)
    rows = confusion.sum("place_decoded")
    np.testing.assert_allclose(rows.where(rows > 0), xr.ones_like(rows).where(rows > 0))
    counts = confusion["place"].size
    assert confusion.sizes == {"place": counts, "place_decoded": counts}
    distance = abs(confusion["place"] - confusion["place_decoded"])
    assert float((confusion * distance).sum("place_decoded").mean()) < 4
    assert "confusion" not in decoding(made)


def test_a_session_reads_itself_without_the_trial_that_is_read():
    """Noise tells no place, however many units it has."""
    noisy = decoded_days.days(1, 100, frames=1600)[0]
    events = np.random.default_rng(3).poisson(0.05, noisy["activity"].shape)
    noisy = noisy.assign(activity=noisy["activity"].copy(data=events))
    scores = decoding([noisy], "linear", minimum_events=0)
    np.testing.assert_allclose(matrix(scores), decoded_days.LENGTH / 4, atol=3)


def test_sliding_is_fixed_one_session_before_and_pooled_stands_on_the_diagonal():
    made = decoded_days.days(4, 30, moved=0.2)
    fixed, sliding = decoding(made), decoding(made, readout="sliding")
    before = np.eye(4, k=1, dtype=bool)
    for name in ("decoding_error", "shuffled_decoding_error", "decoding_units"):
        np.testing.assert_array_equal(matrix(sliding, name)[before], matrix(fixed, name)[before])
        assert np.isnan(matrix(sliding, name)[~before]).all()
    pooled = matrix(decoding(made, readout="pooled"))
    assert np.isfinite(np.diag(pooled)).all() and np.isnan(pooled[before]).all()


def test_pooled_over_a_frozen_code_reads_better_than_one_session():
    made = decoded_days.days(6, 12, frames=1600)
    pooled = np.diag(matrix(decoding(made, readout="pooled"))).mean()
    fixed = matrix(decoding(made))[~np.eye(6, dtype=bool)].mean()
    assert pooled < fixed


def test_rooms_are_not_decoded_across():
    made = decoded_days.days(4, 30, environments="ABAB")
    for readout in ("fixed", "refitted"):
        error = matrix(decoding(made, readout=readout))
        room = np.add.outer(np.arange(4), np.arange(4)) % 2 == 0
        assert np.isfinite(error[room]).all() and np.isnan(error[~room]).all()
    sliding = matrix(decoding(made, readout="sliding"))
    assert np.argwhere(np.isfinite(sliding)).tolist() == [[0, 2], [1, 3]]


def test_units_that_are_not_tracked_are_not_decoded_across():
    made = decoded_days.days(2, 30)
    made[1] = made[1].assign_coords(unit_identity="registered anew")
    error = matrix(decoding(made))
    assert np.isfinite(np.diag(error)).all() and np.isnan(error[0, 1]) and np.isnan(error[1, 0])


def test_units_are_those_observed_in_both_and_active_in_either():
    made = decoded_days.days(2, 30)
    activity = made[0]["activity"].values.copy()
    activity[:, :4] = 0  # silent in the first session
    made[0] = made[0].assign(activity=made[0]["activity"].copy(data=activity))
    made[1] = made[1].isel(unit=slice(2, 30))
    activity = made[1]["activity"].values.copy()
    activity[:, :1] = 0  # silent in both
    made[1] = made[1].assign(activity=made[1]["activity"].copy(data=activity))
    units = matrix(decoding(made), "decoding_units")
    np.testing.assert_array_equal(units, [[26, 27], [27, 27]])


def test_results_are_labelled_and_curves_over_lags_take_them():
    made = decoded_days.days(3, 30, moved=0.3)
    scores = decoding(made, seed=4)
    assert scores["decoding_error"].dims == ("subject", "session", "session_other")
    assert scores["decoding_error"].attrs["units"] == "cm"
    assert scores["session"].attrs["long_name"] == "session trained"
    assert json.loads(scores.attrs["decoding"])["seed"] == 4
    curve = drift.metrics.curve_by_lag(scores["decoding_error"], scores["elapsed"])
    error = matrix(scores)
    expected = [(error[0, 1] + error[1, 2]) / 2, error[0, 2]]  # trained before, tested after
    np.testing.assert_allclose(curve.sel(lag=[1.0, 2.0]).values[0], expected)


def test_results_are_written_and_read_back(tmp_path):
    scores = decoding(decoded_days.days(2, 20), confusion=True)
    drift.save(scores, tmp_path / "decoding.nc")
    xr.testing.assert_equal(drift.load(tmp_path / "decoding.nc"), scores)


def test_what_cannot_be_decoded_is_refused():
    made = decoded_days.days(2, 20)
    with pytest.raises(RefusedInputError, match="no session to decode"):
        decoding([])
    with pytest.raises(RefusedInputError, match="occurs twice"):
        decoding([made[0], made[0]])
    with pytest.raises(RefusedInputError, match="elapsed falls"):
        decoding([made[0].assign_coords(elapsed=made[0]["elapsed"] + 5), made[1]])
    with pytest.raises(RefusedInputError, match="does not fit"):
        decoding([made[0], decoded_days.days(2, 20, geometry="ring")[1]])
    trace = made[0].assign(activity=made[0]["activity"].assign_attrs(kind="trace"))
    with pytest.raises(RefusedInputError, match="needs events, got a trace"):
        decoding([trace], "bayes")
    with pytest.raises(RefusedInputError, match="readout"):
        decoding(made, readout="frozen")


def test_without_units_in_common_nothing_is_decoded():
    made = decoded_days.days(2, 20)
    made[1] = made[1].assign_coords(unit=np.arange(100, 120))
    scores = decoding(made)
    assert np.isnan(matrix(scores)[0, 1]) and matrix(scores, "decoding_units")[0, 1] == 0
