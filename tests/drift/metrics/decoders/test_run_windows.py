"""Networks, circuits and codes of known drift are decoded as animals are: as they are, with stated
noise, or through a lens."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from drift.errors import RefusedInputError, SchemaError
from drift.metrics import decoding
from drift.metrics.decoders.run_windows import VISITS, run_windows
from drift.metrics.places import Grid, place_attrs
from drift.schema.longitudinal import longitudinal_dataset

DECODERS = ("template", "linear", "classifier")


def run_of(rate: np.ndarray, place: xr.Variable | None = None, **coords) -> xr.Dataset:
    """A longitudinal Dataset of rates (subject, session, unit, place[, direction])."""
    subjects, sessions, units, places = rate.shape[:4]
    ways = ("direction",) if rate.ndim == 5 else ()
    attrs = place_attrs(Grid(2.0), "cm")
    return longitudinal_dataset(
        {"rate": (("subject", "session", "unit", "place", *ways), rate)},
        {
            "subject": [f"net {number}" for number in range(subjects)],
            "session": np.arange(sessions),
            "unit": np.arange(units),
            "place": ("place", 1 + 2.0 * np.arange(places), attrs) if place is None else place,
            **({"direction": [1, -1]} if ways else {}),
            **coords,
        },
        elapsed=np.broadcast_to(np.arange(float(sessions)), (subjects, sessions)),
        elapsed_units="day",
    )


@pytest.fixture
def fields() -> np.ndarray:
    """(subject, session, unit, place) fields of width 4 cm; a third of the units move in each
    session."""
    rng, place = np.random.default_rng(0), 1 + 2.0 * np.arange(30)
    maps = np.zeros((2, 4, 40, 30))
    for of_subject in maps:
        centres = rng.uniform(0, 60, 40)
        for of_session in of_subject:
            of_session[:] = np.exp(-((place - centres[:, np.newaxis]) ** 2) / 32)
            moved = rng.random(40) < 0.3
            centres[moved] = rng.uniform(0, 60, moved.sum())
    return maps


def error(scores: xr.Dataset, subject: int = 0) -> np.ndarray:
    return scores["decoding_error"].values[subject]


def test_a_window_is_the_activity_at_a_place(fields):
    windows = run_windows(run_of(fields), 0.0, 0)
    assert len(windows) == 8 and {session.visits for session in windows} == {1}
    first = windows[0]
    np.testing.assert_allclose(
        first.counts, fields[0, 0].T / np.sqrt((fields[0] ** 2).mean()), rtol=1e-12
    )
    np.testing.assert_allclose(first.position[:, 0], 1 + 2.0 * np.arange(30))
    assert first.labels["unit_identity"] and first.domain.units == "cm"


def test_noise_has_the_stated_size_and_is_drawn_anew_for_every_window(fields):
    """4 x 40 x 30 x ten draws: 48,000 numbers, four standard errors."""
    noisy = run_windows(run_of(fields[:1]), 0.5, 0)
    bare = run_windows(run_of(fields[:1]), 0.0, 0)
    noise = np.stack(
        [
            (session.counts - np.tile(own.counts, (VISITS, 1))).ravel()
            for session, own in zip(noisy, bare)
        ]
    )
    assert abs(noise.mean()) < 4 * 0.5 / np.sqrt(noise.size)
    assert abs(noise.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * noise.size)
    assert abs(np.corrcoef(noise)[0, 1]) < 4 / np.sqrt(noise.shape[1])
    np.testing.assert_array_equal(np.bincount(noisy[0].fold), np.full(VISITS, 30))
    again = run_windows(run_of(fields[:1]), 0.5, 1)
    assert (again[0].counts != noisy[0].counts).any()


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_a_readout_loses_is_what_the_code_has_changed(fields, decoder):
    run = run_of(fields)
    fixed, refitted = decoding(run, decoder), decoding(run, decoder, "refitted")
    assert (np.diag(error(fixed)) < 1).all() and (error(refitted) < 1).all()
    across = ~np.eye(4, dtype=bool)
    assert (error(fixed)[across] > error(refitted)[across]).all()
    assert error(fixed)[0, 3] > 2 and fixed["decoding_error"].attrs["units"] == "cm"
    assert not [name for name in fixed if name.startswith("shifted")]  # a run has no time
    chance = fixed["shuffled_decoding_error"].values[0]
    assert chance.min() > 2 * error(refitted).max()


def test_without_noise_the_nearest_vector_is_the_right_one(fields):
    scores = decoding(run_of(fields), readout="refitted")
    np.testing.assert_array_equal(error(scores), 0)
    np.testing.assert_array_equal(scores["decoding_accuracy"].values, 1)


def test_noise_is_what_a_refitted_readout_pays(fields):
    run = run_of(fields)
    errors = [error(decoding(run, readout="refitted", noise=noise)) for noise in (0.0, 1.0, 3.0)]
    assert errors[0].mean() < errors[1].mean() < errors[2].mean()


@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_frozen_run_is_read_as_well_on_other_days(fields, decoder, noise):
    """Fixed less refitted error of eight frozen runs, and its slope over sessions, within two
    standard errors; a readout that is kept has a visit more to learn from."""
    run = run_of(np.repeat(np.concatenate([fields] * 4)[:, :1], 3, axis=1))
    fixed = decoding(run, decoder, noise=noise, shuffles=0)["decoding_error"].values
    refitted = decoding(run, decoder, "refitted", noise=noise, shuffles=0)["decoding_error"].values
    costs = (fixed - refitted)[:, [0, 0, 1], [1, 2, 2]]
    for statistic in (costs.mean(axis=1), costs[:, 1] - costs[:, 0]):
        assert statistic.mean() <= 2 * statistic.std(ddof=1) / np.sqrt(8) + 1e-12


def test_a_subject_in_a_crowd_is_that_subject_alone(fields):
    for noise in (0.0, 0.5):
        together = decoding(run_of(fields), "linear", noise=noise, seed=3)
        for number in range(2):
            alone = decoding(run_of(fields).isel(subject=[number]), "linear", noise=noise, seed=3)
            for name in alone:
                np.testing.assert_array_equal(
                    together[name].values[[number]], alone[name].values, err_msg=str(name)
                )


def test_relabelled_units_change_nothing(fields):
    order = np.random.default_rng(2).permutation(40)
    for decoder in DECODERS:
        np.testing.assert_allclose(
            error(decoding(run_of(fields[:, :, order]), decoder)),
            error(decoding(run_of(fields), decoder)),
            atol=1e-9,
        )


def test_units_of_each_session_in_an_order_of_their_own_are_read_at_chance(fields):
    rng, differences = np.random.default_rng(4), []
    for seed in range(12):
        code = np.repeat(fields[:1, :1], 2, axis=1)
        code[0, 1] = code[0, 1, rng.permutation(40)]
        scores = decoding(run_of(code), noise=0.5, shuffles=10, seed=seed)
        differences.append((scores["decoding_error"] - scores["shuffled_decoding_error"])[0, 0, 1])
    assert abs(np.mean(differences)) < 2 * np.std(differences, ddof=1) / np.sqrt(12) + 0.3


def test_planes_and_rings_have_their_own_distance():
    centres = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), axis=-1).reshape(-1, 2) * 10 + 5
    apart = ((centres[:, np.newaxis] - centres[::3]) ** 2).sum(axis=-1)
    maps = np.exp(-apart / 200).T[np.newaxis, np.newaxis]  # (subject, session, unit, place)
    attrs = place_attrs(Grid(10.0), "cm")
    number = xr.Variable("place", np.arange(36), {"units": "1"})
    axes = {f"place_{axis}": ("place", centres[:, column], attrs) for column, axis in enumerate("xy")}  # fmt: skip
    plane = run_of(np.concatenate([maps, maps[..., ::-1]], axis=1), number, **axes)
    expected = np.sqrt(((centres - centres[::-1]) ** 2).sum(axis=1)).mean()
    np.testing.assert_allclose(error(decoding(plane)), [[0, expected], [expected, 0]])
    place = np.arange(20)
    ring = np.exp(4 * np.cos(2 * np.pi * (place[:, np.newaxis] - place[::2]) / 20)).T
    attrs = place_attrs(Grid(2.0, 0.0, 40.0, ring=True), "cm")
    around = xr.Variable("place", 1 + 2.0 * place, attrs)
    turned = np.stack([ring, np.roll(ring, 8, axis=-1)])[np.newaxis]
    scores = decoding(run_of(turned, around))
    np.testing.assert_allclose(error(scores), [[0, 16], [16, 0]], atol=1e-9)  # 24 the longer way
    turned = np.stack([ring, np.roll(ring, 12, axis=-1)])[np.newaxis]
    np.testing.assert_allclose(error(decoding(run_of(turned, around)))[0, 1], 16, atol=1e-9)


def test_places_that_were_not_visited_and_units_that_are_missing_are_left_out(fields):
    fields[0, 1, :, :10] = np.nan
    fields[0, 2, 5] = np.nan
    scores = decoding(run_of(fields), shuffles=0)
    windows, units = scores["decoded_windows"].values[0], scores["decoding_units"].values[0]
    assert windows[0].tolist() == [30, 20, 30, 30] and units[0].tolist() == [40, 40, 39, 40]
    fields[0] = np.nan
    with pytest.raises(RefusedInputError, match="net 0 was expected to have rates"):
        decoding(run_of(fields))


def test_a_network_is_decoded_in_one_call():
    recipe = drift.Experiment(
        task=drift.RandomTask(samples=20, inputs=10, outputs=2), network=drift.Network(units=20),
        learner=drift.SGD(learning_rate=0.05), noise=[drift.UpdateNoise(std=0.02)],
        steps=300, sessions=4, seed=0,
    )  # fmt: skip
    corridor = recipe.replace(task=drift.CorridorTask(samples=20, rays=5))
    run = drift.train([corridor, corridor.replace(seed=1)], progress=False)
    scores = decoding(run)
    assert scores.sizes["session"] == 4 and scores["elapsed"].attrs["units"] == "step"
    assert np.isfinite(error(scores)).all() and "corridor" in scores["decoding_error"].units
    assert (np.diag(error(scores)) <= error(scores).max(axis=0)).all()


def test_a_wandering_circuit_is_decoded_in_one_call():
    circuit = circuits.LinearInterneuron(units=60)
    run = circuits.run_sessions(
        [circuit], circuits.PlaceInput(places=12, geometry="ring"),
        circuits.WeightDrift(weight_lifetime=3.0), elapsed=np.arange(4.0), engine="fixed_point",
        progress=False,
    )  # fmt: skip
    fixed, refitted = decoding(run, shuffles=0), decoding(run, readout="refitted", shuffles=0)
    assert error(fixed)[0, 3] > error(fixed)[0, 1] > error(refitted).max()
    assert fixed["elapsed"].attrs["units"] == "day"


def test_through_a_lens_a_run_is_decoded_as_the_sessions_that_it_is_observed_in(fields):
    run, lens = run_of(fields), decoded_days.days(3, 20, frames=800)
    through = decoding(run, like=lens, shuffles=0, seed=5)
    sessions = list(drift.observe(run, lens, seed=5))
    xr.testing.assert_identical(
        through.drop_attrs(deep=False),
        decoding(sessions, shuffles=0, seed=5).drop_attrs(deep=False),
    )
    assert '"bayes"' in through.attrs["decoding"]  # events by themselves, where there are any
    design = drift.recording_design([0.0, 1.0, 2.0], cells=30, minutes=3)
    scores = decoding(run, like=design)
    assert (error(scores) < scores["shuffled_decoding_error"].values[0]).all()


def test_measured_maps_are_no_run_unless_they_stand_still(fields):
    lens = decoded_days.days(3, 20, frames=800)
    measured = drift.measure(drift.observe(run_of(fields[:1]), lens))
    for options in ({}, {"like": lens}):
        with pytest.raises(RefusedInputError, match="noise, which would be read as drift"):
            decoding(measured, **options)
    frozen = drift.frozen_code(measured)
    scores = decoding(frozen, like=lens, shuffles=0)
    assert scores.sizes["session"] == 3 and np.isfinite(error(scores)).all()
    bare = error(decoding(frozen, shuffles=0))
    np.testing.assert_array_equal(bare, np.full(bare.shape, bare[0, 0]))


def test_what_cannot_be_decoded_is_refused(fields):
    run, lens = run_of(fields), decoded_days.days(2, 10, frames=800)
    with pytest.raises(RefusedInputError, match="give like= a recording"):
        decoding(run, "bayes")
    with pytest.raises(RefusedInputError, match="like is the lens of a run"):
        decoding(lens, like=lens)
    for options in ({"like": lens}, {}):
        with pytest.raises(RefusedInputError, match=r"noise=0\.5 is for a run"):
            decoding(run if options else lens, noise=0.5, **options)
    with pytest.raises(RefusedInputError, match="to respond at some place"):
        decoding(run_of(0 * fields))
    for options in ({}, {"like": lens}):
        with pytest.raises(SchemaError, match="rate is missing"):
            decoding(run.drop_vars("rate"), **options)
