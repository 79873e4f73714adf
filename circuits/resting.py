"""Bring many circuits to rest as fast as can be, where only the rates at rest are wanted: in Brian2, or in closed form.

Rates at rest do not depend on time constants, so the excitatory one is shortened to twice the inhibitory one: transients, which decay
with the slowest time constant, then end ten times sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from circuits.base import Circuit
from circuits.brian import brian2
from circuits.simulation import Batch, living_objects_set_aside, same_kind
from drift.schema import RefusedInputError

Engine = Literal["brian2", "fixed_point"]

PORTION = 14  # excitatory time constants between two looks at the residual
LONGEST = 20  # portions
SHARE_OF_LIMIT = 0.5  # of the stable step
STIMULI_FOR_LIMIT = 16  # of each circuit, on which the stable step is found
RESTING = 1e-5  # change per time constant that may be left, over the largest rate or inhibition of a stimulus
UNITS_AT_ONCE = 2_000_000  # simulated units in one pair of groups, some 100 bytes each


class Rest(NamedTuple):
    """Rates of winners, 0 for losers, (circuit, stimulus, unit), and the relative change that was left, (circuit, stimulus)."""

    rate: np.ndarray
    residual: np.ndarray


def resting_rates(
    circuits: Sequence[Circuit],
    drive: np.ndarray,
    *,
    engine: Engine = "brian2",
    target: str = "numpy",
    report: Callable[[int], object] = lambda stimuli: None,
) -> Rest:
    """Return the rates at rest of every circuit on every stimulus.

    Parameters
    ----------
    circuits : sequence of Circuit
        Same kind, units and time constants.
    drive : numpy.ndarray
        I, (circuit, stimulus, unit).
    engine : {"brian2", "fixed_point"}
        Simulated, many copies in one pair of groups, or in closed form.
    target : {"numpy", "cython"}
        How Brian2 runs the equations.
    report : callable
        Told how many stimuli have been settled.

    Returns
    -------
    Rest
        A residual above ``RESTING`` says that a circuit did not come to rest in ``LONGEST`` portions.

    Raises
    ------
    RefusedInputError
        If the engine or target is unknown, or the circuit has no closed form where one is asked for.
    """
    chosen = same_kind(circuits)
    if engine not in ("brian2", "fixed_point"):
        raise RefusedInputError(f"engine {engine!r} is unknown: use 'brian2' or 'fixed_point'.")
    settled = _in_closed_form if engine == "fixed_point" else _in_brian2
    rate, residual = np.empty(drive.shape), np.empty(drive.shape[:2])
    portion = max(1, UNITS_AT_ONCE // (drive.shape[0] * drive.shape[2]))  # stimuli of all circuits that are settled together
    for start in range(0, drive.shape[1], portion):
        part = np.s_[:, start : start + portion]
        rate[part], residual[part] = settled(chosen, drive[part], target)
        report(residual[part].size)
    return Rest(rate, residual)


def _in_closed_form(circuits: Sequence[Circuit], drive: np.ndarray, target: str) -> Rest:
    found = [circuit.fixed_point(rows) for circuit, rows in zip(circuits, drive, strict=True)]
    return Rest(np.stack([np.where(one["winner"], one["rate"], 0.0) for one in found]), np.zeros(drive.shape[:2]))


def _in_brian2(circuits: Sequence[Circuit], drive: np.ndarray, target: str) -> Rest:
    if target not in ("numpy", "cython"):
        raise RefusedInputError(f"target {target!r} cannot be looked at while it runs: use 'numpy' or 'cython'.")
    brian2().prefs.codegen.target = target
    quick = [one.replace(excitatory_time_constant=2 * one.inhibitory_time_constant) for one in circuits]
    some = slice(None, None, max(1, drive.shape[1] // STIMULI_FOR_LIMIT))
    limit = min(one.stable_dt(rows[some]) for one, rows in zip(quick, drive, strict=True))
    copies = tuple(one for one in quick for _ in range(drive.shape[1]))
    batch = Batch(copies, drive.reshape(-1, drive.shape[-1]), SHARE_OF_LIMIT * limit, "staggered")
    rate, inhibition, residual = _run_to_rest(batch, drive.shape[:2])
    winner = batch.first.winning(batch.drive, rate, inhibition)  # what losers have left of their transient is not activity
    return Rest(np.where(winner, rate, 0.0).reshape(drive.shape), residual)


def _run_to_rest(batch: Batch, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run in portions until every copy rests or the longest time is over; residuals are (circuit, stimulus)."""
    parts = batch.first.network(batch)
    network = brian2().Network(*parts.values())
    portion = PORTION * batch.first.excitatory_time_constant * brian2().second
    for _ in range(LONGEST):
        with living_objects_set_aside():
            network.run(portion)
        state, rate = (
            np.array(getattr(parts["excitatory"], name)[:]).reshape(batch.drive.shape)
            for name in (batch.first.state_variable, batch.first.rate_variable)
        )
        inhibition = np.array(parts["interneuron"].R[:]).reshape(len(state), -1)
        inhibition = inhibition[:, 0] if inhibition.shape[1] == 1 else inhibition
        residual = _residual(batch, shape, state, rate, inhibition)
        if (residual <= RESTING).all():
            break
    return rate, inhibition, residual


def _residual(batch: Batch, shape: tuple[int, ...], state: np.ndarray, rate: np.ndarray, inhibition: np.ndarray) -> np.ndarray:
    """Relative change per time constant that is left, (circuit, stimulus)."""
    change = [
        batch.circuits[rows.start].residual(batch.drive[rows], state[rows], inhibition[rows])
        for rows in (slice(one * shape[1], (one + 1) * shape[1]) for one in range(shape[0]))
    ]
    largest = np.maximum(np.abs(rate).max(axis=-1), np.abs(inhibition).reshape(len(rate), -1).max(axis=-1))
    return (np.concatenate(change) / np.maximum(largest, 1e-12)).reshape(shape)
