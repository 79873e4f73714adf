"""The dentate gyrus of Gozel & Gerstner at published and other sizes (circuits, 2.4 and 4.6)."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
from circuits import RandomInterneurons
from circuits.kinds.random_interneurons import bias_change, weight_change
from circuits.simulation.euler import euler
from drift.schema import RefusedInputError

LAWS = [
    ("N(0,1)", 0.0, 1.0, 19.4, 0.8, 11.96, 0.961),
    ("N(1,1)", 1.0, 1.0, 21.1, 0.8, 13.14, 0.927),
    ("N(0,2)", 0.0, 2.0, 17.3, 0.8, 13.22, 0.961),
    ("N(.5,.5)", 0.5, 0.5, 26.3, 0.8, 11.94, 0.934),
    ("N(.5,.2)", 0.5, 0.2, 42.4, 1.5, 11.61, 0.914),
]


def overlap(drive: np.ndarray, winner: np.ndarray) -> float:
    """Return the share of winners among as many of the most strongly driven units."""
    strongest = drive >= np.sort(drive)[-winner.sum()]
    return float((winner & strongest).sum() / winner.sum())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "mean", "deviation", "active", "tolerance", "total", "shared"),
    LAWS,
    ids=[row[0] for row in LAWS],
)
def test_c15_published_size(rng, law, mean, deviation, active, tolerance, total, shared):
    drives = rng.normal(mean, deviation, size=(200, 100))
    rests = [RandomInterneurons(seed=seed).fixed_point(drive) for seed, drive in enumerate(drives)]
    assert np.mean([rest["active_units"] for rest in rests]) == pytest.approx(active, abs=tolerance)
    assert np.mean([rest["rate"].sum() for rest in rests]) == pytest.approx(total, abs=0.15)
    assert np.mean(
        [overlap(drive, rest["winner"].values) for drive, rest in zip(drives, rests)]
    ) == pytest.approx(shared, abs=0.02)


@pytest.mark.slow
def test_c15_simulation_rests_where_newton_says(rng):
    few, drives = [RandomInterneurons(seed=seed) for seed in range(20)], rng.normal(size=(20, 100))
    found = circuits.settle(few, xr.DataArray(drives, dims=("circuit", "unit")))
    for number, (circuit, drive) in enumerate(zip(few, drives)):
        rest = circuit.fixed_point(drive)
        np.testing.assert_allclose(found["rate"][number], rest["rate"], atol=1e-5)
        assert found["active_units"][number] == rest["active_units"]
        assert (found["rate"][number] > 1e-3).sum() == pytest.approx(
            int(rest["active_units"]), abs=1
        )
    assert found["converged"].all()


@pytest.mark.slow
def test_c16_a_thousand_units(rng):
    drives = rng.normal(size=(4, 1000))
    large = [RandomInterneurons(units=1000, gain=1000.0, seed=seed) for seed in range(4)]
    rests = [circuit.fixed_point(drive) for circuit, drive in zip(large, drives)]
    assert np.mean([rest["active_units"] for rest in rests]) == pytest.approx(175, abs=12)
    assert np.mean([rest["loop_gain"] for rest in rests]) == pytest.approx(156, rel=0.1)
    coarse, fine = (euler(large[0], drives[0], duration=0.4, dt=dt)[0] for dt in (1e-4, 2e-5))
    assert np.sum(coarse > 1e-3) == np.sum(fine > 1e-3)
    np.testing.assert_allclose(coarse, rests[0]["rate"], atol=1e-6)


@pytest.mark.slow
def test_c17_ten_thousand_units(rng):
    drive, circuit = rng.normal(size=10_000), RandomInterneurons(units=10_000, gain=10_000.0)
    with pytest.raises(RefusedInputError, match="beyond the stable step"):
        circuit.settle(drive, dt=1e-4, update="simultaneous")
    rate, _ = euler(circuit, drive, duration=0.3, dt=1e-5, update="simultaneous")
    assert np.sum(rate > 1e-3) == pytest.approx(1770, abs=60)
    rested, _ = euler(
        circuit, drive, duration=1.5, dt=1e-4
    )  # interneurons close to their threshold are slow
    np.testing.assert_allclose(rested, circuit.fixed_point(drive)["rate"], atol=1e-6)


@pytest.mark.parametrize("update", ["staggered", "simultaneous"])
def test_c34_brian2_and_the_plain_loop_agree(rng, update):
    drive, few = (
        rng.normal(size=(2, 100)),
        [RandomInterneurons(), RandomInterneurons(seed=1, gain=80.0)],
    )
    found = circuits.settle(few, drive, duration=0.02, update=update, trajectory=True)
    for number, circuit in enumerate(few):
        rate, inhibition = euler(circuit, drive, duration=0.02, update=update)
        np.testing.assert_allclose(found["rate"][number], rate, atol=1e-9)
        np.testing.assert_allclose(
            found["inhibition"][number], circuit.shared_inhibition(inhibition[-1]), atol=1e-9
        )
    assert found["inhibition_trajectory"].dims == ("circuit", "stimulus", "step")


def test_newton_rests_where_the_equations_stand_still(rng):
    circuit, drive = (
        RandomInterneurons(units=300, interneurons=40, gain=300.0),
        rng.normal(size=300),
    )
    rate, _ = euler(circuit, drive, duration=0.8)
    np.testing.assert_allclose(circuit.fixed_point(drive)["rate"], rate, atol=1e-9)


def test_the_fraction_asked_for_is_active(rng):
    circuit, drive = RandomInterneurons(), rng.normal(size=100)
    assert circuit.for_active_fraction(0.1, drive).fixed_point(drive)["active_units"] == 10


def test_one_interneuron_connected_to_all_is_the_saturating_circuit(rng):
    drive = rng.normal(size=60)
    one = RandomInterneurons(
        units=60, interneurons=1, connection_probability=1.0, gain=50.0
    ).fixed_point(drive)
    same = circuits.SaturatingUnits(units=60, gain=50.0, threshold=0.1).fixed_point(drive)
    np.testing.assert_allclose(one["rate"], same["rate"], atol=1e-9)
    np.testing.assert_allclose(one["loop_gain"], same["loop_gain"], atol=1e-9)


def test_connections_depend_on_the_seed_alone():
    first, again, other = (RandomInterneurons(seed=seed).weights()[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert RandomInterneurons(gain=7.0, seed=3).weights()[0] is first
    assert first.mean() == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / first.size))


def test_published_learning_rule():
    """A silent unit learns nothing, a strong one approaches the pattern, a weak one loses it;
    weights and biases stay positive."""
    weights, inputs = np.full((3, 2), 0.5), np.array([1.0, 0.0])
    change = weight_change(weights, inputs, np.array([0.0, 0.1, 0.9]))
    assert (change[0] == 0).all()
    assert change[1, 0] == pytest.approx(-0.01 * 0.05 / 0.15**3 * 0.1 * 0.05)
    assert change[2] == pytest.approx(
        [0.01 * 0.9 * 0.75 * (9.85 - 0.81 * 0.5), -0.01 * 0.9 * 0.75 * 0.81 * 0.5]
    )
    assert (weight_change(np.zeros((1, 2)), inputs, np.array([0.1])) == 0).all()
    assert bias_change(np.array([0.0, 0.1]), np.array([0.1, 0.5])) == pytest.approx([0.0, 0.003])
