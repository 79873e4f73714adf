"""Compiled loops give the numbers of Brian2's numpy target, for every kind, drive, clock and time
constant, for a crowd as for each alone, and wherever they can or cannot be kept."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import circuits
from circuits import (
    CountControl,
    ExplainingAway,
    LinearInterneuron,
    Majani,
    RandomInterneurons,
    SaturatingUnits,
    ThresholdInterneuron,
)
from circuits.base import Circuit
from circuits.drives import normal_quantiles
from circuits.simulation.batch import Batch
from circuits.simulation.brian import brian2
from circuits.simulation.clocks import steps_before, steps_until
from circuits.simulation.kernels import loop
from circuits.simulation.settled_rates import settled_rates
from circuits.simulation.targets import simulate
from drift.schema import RefusedInputError

EXACT = ("linear", "threshold", "explaining_away")  # without functions that round as they like
FIELDS = ("state", "rate", "inhibition", "rates", "inhibitions", "time")


def kind_of(name: str, times: dict[str, float], chance: np.random.Generator) -> Circuit:
    """A small circuit of each kind with parameters by chance."""
    scale = float(np.exp(chance.normal()))
    both = {**times}
    excitatory = {key: both[key] for key in both if key.startswith("excitatory")}
    dictionary = chance.normal(size=(3, 8))
    return {
        "linear": lambda: LinearInterneuron(units=12, gain=20 * scale, **both),
        "threshold": lambda: ThresholdInterneuron(units=9, gain=50 * scale, threshold=0.1, **both),
        "saturating": lambda: SaturatingUnits(units=10, gain=20 * scale, width=scale, **both),
        "count_control": lambda: CountControl(
            units=10, active_fraction=0.3, steepness=5 * scale, gain=0.1, **both
        ),
        "majani": lambda: Majani(units=8, active_fraction=0.25, steepness=5.0, **excitatory),
        "random_interneurons": lambda: RandomInterneurons(
            units=10, interneurons=3, gain=10 * scale, seed=int(100 * scale), **both
        ),
        "explaining_away": lambda: ExplainingAway(dictionary=dictionary, **both),
    }[name]()


class Squeezed(LinearInterneuron):
    """A kind of a user's own: several functions, a number of its own, and another rate."""

    kind: Literal["squeezed"] = "squeezed"  # type: ignore[assignment]
    bend: float = 0.5
    rate_variable: ClassVar[str] = "F"
    excitatory_equations: ClassVar[str] = """
        dE/dt = (-E + clip(drive - R, 0, inf) + 0.1 * sin(t / tau_E)) / tau_E : 1
        F = sqrt(abs(E) + bend) - sqrt(bend) : 1
        drive : 1 (constant)
        bend : 1 (constant)
        R : 1 (linked)
    """
    interneuron_equations: ClassVar[str] = """
        dR/dt = (-R + gain * log(1 + exp(total / units)) * int(total > 0)) / tau_I : 1
        total : 1
        gain : 1 (constant)
    """


class Built(LinearInterneuron):
    """A kind that builds its network itself."""

    kind: Literal["built"] = "built"  # type: ignore[assignment]

    def network(self, batch: Any) -> dict[str, Any]:
        return batch.pooled_network()


class Spiking(Built):
    """A kind that does more than to change rates."""

    kind: Literal["spiking"] = "spiking"  # type: ignore[assignment]

    def network(self, batch: Any) -> dict[str, Any]:
        components = batch.pooled_network()
        components["extra"] = brian2().PoissonGroup(
            2, rates=5 * brian2().Hz, name="extra", clock=batch.clock
        )
        return components


def assert_equal(batch: Batch, duration: float, *, exact: bool) -> None:
    both = [
        simulate(batch, duration, snapshots=True, trajectory=True, engine=engine)
        for engine in ("brian2", "compiled")
    ]
    for field in FIELDS:
        reference, ours = (getattr(simulated, field) for simulated in both)
        if exact:
            np.testing.assert_array_equal(ours, reference, err_msg=field)
        else:
            scale = max(1.0, float(np.abs(reference).max()))
            np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-12 * scale, err_msg=field)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EXACT, "saturating", "count_control", "majani", "random_interneurons"])  # fmt: skip
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**31),
    copies=st.sampled_from([1, 2, 5]),
    update=st.sampled_from(["staggered", "simultaneous"]),
    excitatory=st.floats(0.002, 0.05),
    inhibitory=st.floats(0.0005, 0.02),
    share=st.floats(0.05, 0.9),
    steps=st.floats(3, 60),
    scale=st.floats(0.01, 30),
)
def test_every_kind_is_that_of_brian2(
    name, seed, copies, update, excitatory, inhibitory, share, steps, scale
):
    chance = np.random.default_rng(seed)
    times = {"excitatory_time_constant": excitatory, "inhibitory_time_constant": inhibitory}
    circuit = kind_of(name, times, chance)
    drive = scale * chance.normal(size=(copies, circuit.units)) + chance.normal()
    dt = share * min(circuit.stable_dt(drive, update), 0.01)
    batch = Batch((circuit,) * copies, drive, dt, update)
    assert_equal(batch, steps * dt, exact=name in EXACT)


@pytest.mark.parametrize("name", ["linear", "majani", "random_interneurons"])
def test_some_kinds_are_those_of_brian2(name, rng):
    times = {"excitatory_time_constant": 0.013, "inhibitory_time_constant": 0.0031}
    circuit = kind_of(name, times, np.random.default_rng(0))
    drive = rng.normal(size=(2, circuit.units))
    batch = Batch((circuit,) * 2, drive, 2.7e-4, "staggered")
    assert_equal(batch, 0.0103, exact=name in EXACT)


@pytest.mark.slow
@pytest.mark.parametrize("copies", [1, 6])
def test_kinds_of_users_are_those_of_brian2(copies, rng):
    drive = rng.normal(size=(copies, 15))
    for kind in (Squeezed, Built):
        circuit = kind(units=15, gain=5.0)
        batch = Batch((circuit,) * copies, drive, 1e-4, "simultaneous")
        assert_equal(batch, 0.02, exact=kind is Built)


def test_a_copy_in_a_crowd_is_that_copy_alone(rng):
    few = [LinearInterneuron(units=20, gain=gain) for gain in (1.0, 10.0, 50.0, 5.0, 80.0)]
    drive = rng.normal(size=(5, 20))
    crowd = simulate(Batch(tuple(few), drive, 1e-4, "staggered"), 0.05, engine="compiled")
    for number, circuit in enumerate(few):
        own = Batch((circuit,), drive[[number]], 1e-4, "staggered")
        alone = simulate(own, 0.05, engine="compiled")
        np.testing.assert_array_equal(alone.rate[0], crowd.rate[number])
        np.testing.assert_array_equal(alone.inhibition[0], crowd.inhibition[number])


@pytest.mark.parametrize("copies", [1, 5])
def test_settling_says_the_same(copies, rng):
    circuit, drive = LinearInterneuron(units=30), rng.normal(size=(copies, 30))
    reference, ours = (circuit.settle(drive, engine=engine) for engine in ("brian2", "compiled"))
    for name, values in reference.data_vars.items():
        np.testing.assert_array_equal(ours[name], values, err_msg=str(name))
    assert ours.attrs["engine"] == "compiled" and "target" not in ours.attrs


def test_unsettled_and_silent_circuits_are_told_alike():
    drive = np.stack([normal_quantiles(20), np.full(20, -1.0)])
    circuit = LinearInterneuron(units=20)
    for duration in (0.0004, 0.02):
        both = [circuit.settle(drive, duration=duration, engine=e) for e in ("brian2", "compiled")]
        for name in ("settling_time", "final_set_time", "peak_active_units", "converged"):
            np.testing.assert_array_equal(both[1][name], both[0][name], err_msg=name)


def test_rates_at_rest_are_the_closed_form(rng):
    few = [LinearInterneuron(units=30, gain=gain) for gain in (5.0, 60.0)]
    drive = rng.normal(size=(2, 7, 30))
    ours, exact = (settled_rates(few, drive, engine=engine) for engine in ("compiled", "fixed_point"))  # fmt: skip
    np.testing.assert_allclose(ours.rate, exact.rate, atol=1e-6)
    brian = settled_rates(few, drive, engine="brian2")
    np.testing.assert_array_equal(ours.rate, brian.rate)


def test_what_loops_do_not_know_is_refused():
    circuit = Spiking(units=10)
    with pytest.raises(RefusedInputError, match=r"PoissonGroup 'extra'.*use engine='brian2'"):
        circuit.settle(normal_quantiles(10), engine="compiled")
    with pytest.raises(RefusedInputError, match="engine"):
        LinearInterneuron(units=10).settle(normal_quantiles(10), engine="fast")


@given(
    time=st.floats(1e-4, 2.0), dt=st.floats(1e-5, 5e-3), multiple=st.booleans(),
    count=st.integers(1, 500),
)  # fmt: skip
@settings(deadline=None)
def test_clocks_tick_as_those_of_brian2(time, dt, multiple, count):
    clock = brian2().Clock(dt * brian2().second)
    time = count * dt if multiple else time
    assert steps_until(time, dt) == clock._calc_timestep(time)


def test_what_is_recorded_comes_before_a_step_at_the_same_time():
    times = np.array([0.0, 1e-3, 2e-3])
    np.testing.assert_array_equal(steps_before(times, 1e-4, 1e-3), [0, 10, 20])
    np.testing.assert_array_equal(steps_before(times, 3e-4, 1e-3), [0, 4, 7])


def test_a_kept_loop_is_read_not_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("REPDRIFT_CACHE", str(tmp_path))
    text = "def advance(numbers):\n    numbers[0] += 1.0\n"
    for reads in (0, 1):
        loop.cache_clear()
        own = loop(text)
        own(np.zeros(1))
        assert sum(own.stats.cache_hits.values()) == reads
    loop.cache_clear()  # what was compiled here is of no other test


@pytest.mark.slow
@pytest.mark.parametrize("kept", [True, False])
def test_loops_are_kept_where_they_can_be(kept, tmp_path):
    """Without a folder to write to every process compiles anew; with one, Brian2 is not even
    loaded by the next."""
    folder = tmp_path / "cache"
    if not kept:
        folder.write_text("a file where the folder should be")
    script = (
        "import sys, circuits; from circuits.drives import normal_quantiles\n"
        "c = circuits.LinearInterneuron(units=10)\n"
        "print(float(c.settle(normal_quantiles(10), duration=0.01, engine='compiled')['inhibition']))\n"
        "print('brian2' in sys.modules)"
    )
    environment = {**os.environ, "REPDRIFT_CACHE": str(folder)}
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _run in range(2)
    ]
    assert said[0][0] == said[1][0]
    assert said[1][1] == str(not kept)


def test_sessions_can_be_simulated_in_loops():
    run = circuits.run_sessions(
        [LinearInterneuron(units=20)], circuits.PlaceInput(places=8), None, elapsed=[0.0, 1.0],
        engine="compiled", progress=False,
    )  # fmt: skip
    assert run.attrs["engine"] == "compiled" and (run["status"] == "complete").all()
