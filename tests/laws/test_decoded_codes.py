"""What holds of decoding whatever the code looks like."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import drift
from drift.metrics import decoding

DECODERS = ("bayes", "template", "linear", "classifier")
GEOMETRIES = ("linear", "ring", "plane")


def errors(scores: xr.Dataset) -> np.ndarray:
    return scores["decoding_error"].values[0]


def bare(scores: xr.Dataset) -> xr.Dataset:
    return scores.drop_attrs(deep=False)


@pytest.mark.parametrize("readout", ["fixed", "refitted", "sliding", "pooled"])
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_subject_in_a_crowd_is_that_subject_alone(decoder: str, readout: str):
    crowd = {name: decoded_days.days(3, 15, moved=0.3, frames=800, subject=name) for name in "abc"}
    together = decoding(
        [session for made in reversed(crowd.values()) for session in made], decoder, readout
    )
    for name, made in crowd.items():
        alone = decoding(made, decoder, readout)
        xr.testing.assert_identical(bare(together.sel(subject=[name])), bare(alone))


@pytest.mark.parametrize("decoder", DECODERS)
def test_places_that_others_visit_change_nothing(decoder: str):
    """A subject that stays in the first half of the track beside one that sees all of it."""
    made = decoded_days.days(2, 30, frames=1600)
    options = {"confusion": True, "smoothing": 1.0}
    halves = [
        session.assign(position=session["position"].where(session["position"] < 40))
        for session in decoded_days.days(2, 30, frames=1600, subject="half")
    ]
    together = decoding([*made, *halves], decoder, **options)
    alone = decoding(halves, decoder, **options)
    for name in ("decoding_error", "decoding_accuracy", "shuffled_decoding_error"):
        np.testing.assert_array_equal(together[name].sel(subject=["half"]), alone[name])
    confusion = together["confusion"].sel(subject="half")
    own = {"place": alone["place"].values, "place_decoded": alone["place_decoded"].values}
    np.testing.assert_array_equal(confusion.sel(own), alone["confusion"].sel(subject="half"))
    assert not confusion.sel(place=own["place"]).sel(place_decoded=slice(41, None)).any()


@pytest.mark.parametrize("decoder", DECODERS)
def test_relabelled_units_change_nothing(decoder: str):
    made = decoded_days.days(3, 20, moved=0.3)
    labels = np.random.default_rng(0).permutation(1000)[:20]
    relabelled = [session.assign_coords(unit=labels) for session in made]
    xr.testing.assert_identical(decoding(relabelled, decoder), decoding(made, decoder))


@pytest.mark.parametrize("decoder", DECODERS)
def test_units_in_another_order_change_no_error(decoder: str):
    made = decoded_days.days(3, 20, moved=0.3)
    order = np.random.default_rng(0).permutation(20)
    numbered = [session.assign_coords(unit=np.arange(20)) for session in made]
    moved = [numbered[0], numbered[1].isel(unit=order), numbered[2].isel(unit=order[::-1])]
    np.testing.assert_allclose(errors(decoding(moved, decoder)), errors(decoding(numbered, decoder)))  # fmt: skip


@pytest.mark.parametrize("decoder", DECODERS)
def test_permuted_identities_are_read_at_chance(decoder: str):
    """The units of every session in an order of their own, against the disorder that is drawn:
    mean differences over eight frozen codes, within two standard errors."""
    differences = []
    for seed in range(8):
        made = decoded_days.days(2, 40, frames=1600, seed=seed)
        order = np.random.default_rng(seed).permutation(40)
        permuted = made[1].assign(
            activity=made[1]["activity"].copy(data=made[1]["activity"].values[:, order])
        )
        scores = decoding([made[0], permuted], decoder, shuffles=10, seed=seed)
        differences.append(errors(scores)[0, 1] - scores["shuffled_decoding_error"].values[0, 0, 1])
    error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert abs(np.mean(differences)) < 2 * error + 0.3


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_frozen_code_is_not_read_worse_on_other_days(decoder: str, geometry: str):
    """Fixed less refitted error of twelve frozen codes, within two standard errors, in every
    geometry; refitted readouts have a trial less to learn from."""
    made = [
        session
        for seed in range(12)
        for session in decoded_days.days(
            2, 20, geometry=geometry, frames=800, seed=seed, subject=f"animal {seed}"
        )
    ]
    fixed, refitted = (
        decoding(made, decoder, readout, shuffles=0)["decoding_error"].values
        for readout in ("fixed", "refitted")
    )
    costs = (fixed - refitted)[:, [0, 1], [1, 0]].mean(axis=1)
    error = np.std(costs, ddof=1) / np.sqrt(len(costs))
    assert np.mean(costs) < 2 * error, (np.mean(costs), error)


@pytest.mark.slow
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_frozen_code_is_not_read_worse_with_lag(decoder: str):
    """Slope over five sessions of the fixed readout, of twelve frozen codes, within two standard
    errors; as well as the readout that is trained anew on as many trials."""
    slopes, costs = [], []
    for seed in range(12):
        made = decoded_days.days(5, 25, frames=1600, seed=seed)
        fixed = errors(decoding(made, decoder, shuffles=0))
        lag = np.subtract.outer(np.arange(5), np.arange(5))
        across = lag != 0
        slopes.append(np.polyfit(np.abs(lag[across]), fixed[across], 1)[0])
        refitted = errors(decoding(made, decoder, "refitted", shuffles=0))
        costs.append((fixed - refitted)[across].mean())
    for statistic in (slopes, costs):
        error = np.std(statistic, ddof=1) / np.sqrt(len(statistic))
        assert np.mean(statistic) < 2 * error, (np.mean(statistic), error)


def test_a_drifting_code_is_read_worse_with_lag():
    made = decoded_days.days(5, 25, moved=0.2, frames=1600)
    fixed = errors(decoding(made, shuffles=0))
    assert fixed[0, 4] > fixed[0, 2] > fixed[0, 1] > fixed[0, 0]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 19), st.sampled_from(("bayes", "template", "classifier")))
def test_where_a_ring_is_counted_from_changes_no_error(bins: int, decoder: str):
    """Positions turned by whole bins."""
    made = decoded_days.days(2, 20, moved=0.3, geometry="ring", frames=800)
    turned = [
        session.assign(position=(session["position"] + 4.0 * bins) % decoded_days.LENGTH)
        for session in made
    ]
    for session, original in zip(turned, made):
        session["position"].attrs |= original["position"].attrs
    np.testing.assert_allclose(
        errors(decoding(turned, decoder, shuffles=0)), errors(decoding(made, decoder, shuffles=0))
    )


@pytest.mark.slow
def test_a_frozen_code_observed_through_a_recording_is_read_as_well_on_other_days():
    """Ten frozen codes through the lens of a drifting mouse: fixed less refitted error, and its
    slope over days, within two standard errors; a wandering one through the same lens is not."""
    like = decoded_days.days(5, 40, moved=0.3, frames=1600, velocity=np.full(1600, 10.0))
    costs, slopes, wandering = [], [], []
    for seed in range(10):
        run = drift.wandering_fields(seeds=(seed,), sessions=7, units=60, movement=0.1)
        frozen = drift.frozen_code(run)
        for code, differences in ((frozen, costs), (run, wandering)):
            seen = list(drift.observe(code, like, seed=seed))
            fixed = errors(decoding(seen, shuffles=0))
            refitted = errors(decoding(seen, readout="refitted", shuffles=0))
            across = ~np.eye(len(fixed), dtype=bool)
            differences.append((fixed - refitted)[across].mean())
            if code is frozen:
                lag = np.abs(np.subtract.outer(np.arange(len(fixed)), np.arange(len(fixed))))
                slopes.append(np.polyfit(lag[across], fixed[across], 1)[0])
    for statistic in (costs, slopes):
        error = np.std(statistic, ddof=1) / np.sqrt(len(statistic))
        assert np.mean(statistic) < 2 * error, (np.mean(statistic), error)
    error = np.std(wandering, ddof=1) / np.sqrt(len(wandering))
    assert np.mean(wandering) > 5 * error
