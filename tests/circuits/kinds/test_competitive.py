"""Circuits that count or explain: mutual competition and explaining away (circuits, 2.6, 2.7,
4.7)."""

from __future__ import annotations

import numpy as np
import pytest

import circuits
from circuits import ExplainingAway, Majani
from circuits.simulation.euler import euler

SIZES = [
    (10, 2),
    (10, 5),
    pytest.param(50, 5, marks=pytest.mark.slow),
    pytest.param(100, 10, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("units", "winners"), SIZES)
def test_c21_exactly_the_units_that_start_highest(rng, units, winners):
    drive = rng.uniform(-1, 1, size=(6, units))
    few = [
        Majani(units=units, active_fraction=winners / units, self_excitation=a)
        for a in (-0.5, 0.0, 0.5, 0.9)
    ]
    found = circuits.settle(few, drive, duration=0.32)
    highest = np.zeros(drive.shape, dtype=bool)
    np.put_along_axis(highest, np.argsort(-drive, axis=1)[:, :winners], True, axis=1)
    np.testing.assert_array_equal(found["winner"], np.broadcast_to(highest, found["winner"].shape))
    assert found["converged"].all()
    for number, circuit in enumerate(few):
        np.testing.assert_allclose(
            found["rate"][number], circuit.fixed_point(drive)["rate"], atol=1e-9
        )


@pytest.mark.parametrize(("self_excitation", "winners"), [(1.5, {3, 4}), (-1.2, {0})])
def test_c21_other_self_excitation_selects_another_number(rng, self_excitation, winners):
    circuit = Majani(units=10, active_fraction=0.3, self_excitation=self_excitation)
    assert (
        set(circuit.settle(rng.uniform(-1, 1, size=(20, 10)))["active_units"].values.tolist())
        == winners
    )


def test_units_that_start_equal_share_the_place():
    drive = np.array([0.9, 0.5, 0.5, -0.3, -0.8])
    found = Majani(units=5, active_fraction=0.4).settle(drive)
    np.testing.assert_allclose(found["rate"], [1, 0.5, 0.5, 0, 0], atol=1e-9)


def test_rest_of_units_that_are_not_steep(rng):
    circuit, drive = (
        Majani(units=20, active_fraction=0.25, self_excitation=0.4, steepness=2.0),
        rng.uniform(-1, 1, size=20),
    )
    state, _ = euler(circuit, drive, duration=1.0, dt=1e-4)
    np.testing.assert_allclose(
        circuit.fixed_point(drive)["rate"], (1 + np.tanh(2.0 * state)) / 2, atol=1e-9
    )


@pytest.fixture
def redundant(rng) -> ExplainingAway:
    dictionary = rng.normal(size=(12, 20))
    return ExplainingAway(dictionary=dictionary / np.linalg.norm(dictionary, axis=0), penalty=0.3)


def test_explaining_away_settles_at_the_lasso(redundant, rng):
    drive = redundant.feedforward(rng.normal(size=(3, 12)))
    found, rest = redundant.settle(drive, dt=5e-4), redundant.fixed_point(drive)
    np.testing.assert_allclose(found["rate"], rest["rate"], atol=1e-3)
    np.testing.assert_array_equal(found["winner"], rest["winner"])
    np.testing.assert_allclose(found["inhibition"], rest["inhibition"], atol=1e-3)


def test_explaining_away_needs_no_unit_columns(rng):
    circuit = ExplainingAway(dictionary=rng.normal(0.0, 0.7, size=(6, 9)), penalty=0.2)
    drive = circuit.feedforward(rng.normal(size=6))
    rate = circuit.fixed_point(drive)["rate"].values
    slope = drive - 0.2 - circuit.weights()[1] @ (circuit.weights()[0] @ rate)
    assert abs(slope[rate > 0]).max() < 1e-9
    assert slope.max() < 1e-9


def test_explaining_away_in_brian2_and_the_plain_loop(redundant, rng):
    drive = redundant.feedforward(rng.normal(size=12))
    state, _ = euler(redundant, drive, duration=0.02)
    np.testing.assert_allclose(
        redundant.settle(drive, duration=0.02)["rate"], np.maximum(state, 0.0), atol=1e-12
    )


def test_penalty_sets_how_many_units_explain(redundant, rng):
    drive = redundant.feedforward(rng.normal(size=(10, 12)))
    chosen = redundant.for_active_fraction(0.15, drive)
    assert float(chosen.fixed_point(drive)["active_units"].mean()) == pytest.approx(3, abs=0.11)


def test_a_dictionary_survives_json(redundant):
    assert ExplainingAway.from_json(redundant.to_json()) == redundant
    assert "12 x 20 numbers" in redundant._repr_html_()
