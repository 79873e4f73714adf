"""Where many circuits come to rest on many stimuli, as fast as Brian2 gets there, each as if it
were alone.

Rest does not depend on the way to it, so that steps may be large and waiting short. The inhibition
is at rest within some tens of milliseconds, long before the last losers have decayed; the rates
returned are those that it leaves the units, E + tau_E dE/dt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from circuits.base import Circuit
from circuits.simulation.batch import Batch, Simulated
from circuits.simulation.targets import simulate
from drift.schema.labelled_form import RefusedInputError

Engine = Literal["brian2", "compiled", "fixed_point"]
"""Whether circuits are simulated, in Brian2 or in compiled loops, or their closed form is taken."""

LARGEST_DT = 1e-3  # s
# s, and the residual above which one simulates for that long
STAGES = ((0.1, 0.0), (0.4, 1e-6), (1.6, 1e-6), (6.4, 1e-5))
PORTION = 2**16  # units in one run: more would not stay in the cache


class Rest(NamedTuple):
    """Rates at rest, ``rate (circuit, stimulus, unit)``, and ``residual (circuit, stimulus)``, the
    relative change that is left."""

    rate: np.ndarray
    residual: np.ndarray


def settled_rates(
    circuits: Sequence[Circuit],
    drive: np.ndarray,
    *,
    engine: Engine = "brian2",
    target: str = "numpy",
    report: Callable[[int], object] = lambda rows: None,
) -> Rest:
    """Return the rates at which circuits rest; units that do not win are silent.

    Circuits of one kind and step are simulated in common runs. Step and duration are chosen for
    each circuit by itself, so that its rates do not depend on its company.

    Parameters
    ----------
    circuits : sequence of Circuit
        Of any kinds and parameters, with the same number of units.
    drive : numpy.ndarray
        I, (circuit, stimulus, unit), finite.
    engine : {"brian2", "compiled", "fixed_point"}
        Simulate, in Brian2 or in loops that are compiled from what Brian2 makes of the equations,
        or take the closed form. They agree to 1e-6, except that count control creeps where no drive
        lies near its boundary.
    target : {"numpy", "cython", "cpp_standalone"}
        How Brian2 runs the equations.
    report : callable
        Told how many stimuli have been settled.

    Returns
    -------
    Rest
        A residual above 1e-5 says that a circuit was still moving after 6.4 s.

    Raises
    ------
    RefusedInputError
        If the engine is unknown, a drive does not fit its circuit, or a circuit has no closed form.
    """
    refuse_unknown(engine)
    resting_states = Rest(np.empty(drive.shape), np.empty(drive.shape[:2]))
    if engine == "fixed_point":
        for number, circuit in enumerate(circuits):
            resting_states.rate[number], resting_states.residual[number] = _in_closed_form(
                circuit, drive[number]
            )
            report(drive.shape[1])
        return resting_states
    for dt, members in _alike(circuits, drive):
        simulated = _simulated(
            [circuits[member] for member in members], drive[members], dt, target, engine, report
        )
        resting_states.rate[members], resting_states.residual[members] = simulated
    return resting_states


def refuse_unknown(engine: Any) -> None:
    """Refuse an engine that is not one of ``Engine``."""
    if engine not in get_args(Engine):
        raise RefusedInputError(
            f"engine {engine!r} is unknown: use 'brian2', 'compiled' or 'fixed_point'."
        )


def _in_closed_form(circuit: Circuit, drive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rate, inhibition, winner = circuit.bare_fixed_point(drive)
    # only the mean of several interneurons is told; each follows from the rates, as
    # tau_I dR/dt = f(E) - R
    if len(circuit.sizes()) > 1:
        inhibition = circuit.inhibition_change(rate, np.zeros((len(drive), circuit.sizes()[1])))
    state = circuit.state_at_rest(drive, rate, inhibition)
    residual = circuit.residual(drive, state, inhibition) / _scale(state, inhibition)
    return np.where(winner, rate, 0.0), residual


def _alike(circuits: Sequence[Circuit], drive: np.ndarray) -> Iterator[tuple[float, list[int]]]:
    """Yield a step in s and the numbers of the circuits that can share a run with it."""
    groups: dict[tuple[object, ...], tuple[float, list[int]]] = {}
    for number, circuit in enumerate(circuits):
        dt = _step(circuit, drive[number])
        key = (
            type(circuit),
            circuit.sizes(),
            circuit.excitatory_time_constant,
            circuit.inhibitory_time_constant,
            dt,
        )
        groups.setdefault(key, (dt, []))[1].append(number)
    yield from groups.values()


def _step(circuit: Circuit, drive: np.ndarray) -> float:
    """Return the largest of 1, 1/2, 1/4 ... ms that is at most half of the stable step: few values,
    so that circuits share runs."""
    halvings = np.log2(LARGEST_DT / (circuit.stable_dt(drive) / 2))
    return LARGEST_DT * 0.5 ** max(0, int(np.ceil(halvings)))


def _simulated(
    circuits: Sequence[Circuit],
    drive: np.ndarray,
    dt: float,
    target: str,
    engine: str,
    report: Callable[[int], object],
) -> tuple[np.ndarray, np.ndarray]:
    rows = drive.reshape(-1, drive.shape[-1])  # (circuit x stimulus, unit)
    owner = np.repeat(np.arange(len(circuits)), drive.shape[1])
    rate, residual = np.empty(rows.shape), np.full(len(rows), np.inf)
    for (duration, above), enough in zip(
        STAGES, (*[tolerance for _, tolerance in STAGES[1:]], np.inf), strict=True
    ):
        for portion in _portions(np.flatnonzero(residual > above), rows.shape[1]):
            own = tuple(map(circuits.__getitem__, owner[portion].tolist()))
            batch = Batch(own, rows[portion], dt, "staggered")
            rate[portion], residual[portion] = _left_by_inhibition(
                batch, owner[portion], simulate(batch, duration, target=target, engine=engine)
            )
            report(int((residual[portion] <= enough).sum()))
    return rate.reshape(drive.shape), residual.reshape(drive.shape[:2])


def _portions(rows: np.ndarray, units: int) -> Iterator[np.ndarray]:
    size = max(1, PORTION // units)
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _left_by_inhibition(
    batch: Batch, owner: np.ndarray, simulated: Simulated
) -> tuple[np.ndarray, np.ndarray]:
    """Return rates (copy, unit) and relative residuals (copy,) of copies whose circuits stand one
    after the other."""
    rate, residual = np.empty(simulated.rate.shape), np.empty(len(owner))
    for copies in np.split(np.arange(len(owner)), np.flatnonzero(np.diff(owner)) + 1):
        circuit, drive, inhibition = (
            batch.circuits[copies[0]],
            batch.drive[copies],
            simulated.inhibition[copies],
        )
        state, firing = simulated.state[copies], simulated.rate[copies]
        # otherwise units excite themselves and do not just follow
        if circuit.state_variable == circuit.rate_variable:
            state = firing = state + circuit.rate_change(drive, state, inhibition)
        residual[copies] = circuit.residual(drive, state, inhibition) / _scale(state, inhibition)
        rate[copies] = np.where(circuit.winning(drive, firing, inhibition), firing, 0.0)
    return rate, np.where(np.isfinite(residual), residual, np.inf)


def _scale(rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
    largest = np.maximum(
        np.abs(rate).max(axis=-1), np.abs(inhibition.reshape(*rate.shape[:-1], -1)).max(axis=-1)
    )
    return np.maximum(largest, 1e-300)
