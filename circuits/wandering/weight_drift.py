"""Circuits whose input weights wander: what the drift of a code looks like when inhibition, not
learning, keeps it sparse.

Unit i is driven by I_i(s) = sum_j w_ij x_j(s), x the inputs at place s; from one session to the
next the weights take a random step, and the circuit settles anew. Theory:
``drift.theory.code_drift.closed_forms``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.base import Circuit
from circuits.simulation.settled_rates import Engine, settled_rates
from circuits.wandering.excitability import Excitability, excitabilities, excited
from circuits.wandering.homeostasis import homeostatic_gain
from circuits.wandering.wandering_weights import WeightDrift, drifting_weights, weight_scale
from drift.recipe import chosen
from drift.schema.labelled_form import RefusedInputError

__all__ = [
    "DriftingRates",
    "WeightDrift",
    "checked_drifts",
    "checked_excitabilities",
    "checked_seeds",
    "drifting_rates",
    "drifting_weights",
    "each",
    "sessions_elapsed",
    "weight_scale",
]


class DriftingRates(NamedTuple):
    """What circuits do over sessions.

    Attributes
    ----------
    rate : numpy.ndarray
        (subject, session, sample, unit).
    residual : numpy.ndarray
        (subject, session), the largest relative change per time constant that was left; up to 1e-5
        at rest.
    drive_gain : numpy.ndarray
        (subject, session, unit), of homeostasis; 1 without.
    """

    rate: np.ndarray
    residual: np.ndarray
    drive_gain: np.ndarray


def drifting_rates(
    circuits: Sequence[Circuit],
    patterns: np.ndarray,
    drift: WeightDrift | Sequence[WeightDrift | None] | None,
    elapsed: Any,
    seeds: Sequence[int],
    *,
    engine: Engine = "brian2",
    target: str = "numpy",
    excitability: Excitability | Sequence[Excitability | None] | None = None,
    context: np.ndarray | None = None,
    report: Callable[[int], object] = lambda samples: None,
) -> DriftingRates:
    """Return the rates of drifting circuits as bare arrays: what ``run_sessions`` labels, and fits
    call again and again.

    Subjects with one seed share their first weights and all that is drawn later, whatever their
    parameters: rates change smoothly from one parameter set to the next.

    Parameters
    ----------
    circuits : sequence of Circuit
        One for each subject, with the same number of units.
    patterns : numpy.ndarray
        x, (sample, input), or (subject, sample, input) for worlds of their own. Scaled so that
        drives have a mean square of 1.
    drift : WeightDrift, None, or sequence of these
        Of all subjects or of each; None for weights that stay.
    elapsed : array_like
        (session,) or (subject, session), rising.
    seeds : sequence of int
        (subject,).
    engine : {"brian2", "compiled", "fixed_point"}
        Settle in Brian2, in loops compiled from its code, or take the closed form.
    target : {"numpy", "cython", "cpp_standalone"}
        How Brian2 runs the equations.
    excitability : Excitability, None, or sequence of these
        Of the units of all subjects or of each; None for units alike.
    context : numpy.ndarray, optional
        (input,), true for inputs that tell the context; the same for all subjects.
    report : callable
        Told how many samples have been settled.

    Returns
    -------
    DriftingRates

    Raises
    ------
    RefusedInputError
        If lists differ in length, elapsed does not rise, circuits differ in units, or there is no
        closed form where it is needed.
    """
    present = list(circuits)
    _refuse_unlike(present)
    drifts, numbers, times = (
        checked_drifts(drift, len(present)),
        checked_seeds(seeds, len(present)),
        sessions_elapsed(elapsed, len(present)),
    )
    states = checked_excitabilities(excitability, len(present))
    worlds = np.broadcast_to(patterns, (len(present), *np.shape(patterns)[-2:]))
    drive = np.empty((len(present), times.shape[1], worlds.shape[1], present[0].units))
    gain = np.empty((*drive.shape[:2], present[0].units))
    for subject, (circuit, world, wandering) in enumerate(
        zip(present, worlds, drifts, strict=True)
    ):
        weights = drifting_weights(
            wandering, circuit.units, world.shape[1], times[subject], numbers[subject], context
        )
        # (session, sample, unit)
        drive[subject] = (weight_scale(world) * world) @ weights.transpose(0, 2, 1)
        if (own := states[subject]) is not None:
            state = excitabilities(own, circuit.units, times[subject], numbers[subject])
            drive[subject] = excited(own, drive[subject], state)
        gain[subject] = homeostatic_gain(
            circuit, drive[subject], wandering.homeostasis if wandering else "none"
        )
    drive *= gain[:, :, np.newaxis]
    flat = drive.reshape(len(present), -1, drive.shape[-1])
    resting_states = settled_rates(present, flat, engine=engine, target=target, report=report)
    return DriftingRates(
        resting_states.rate.reshape(drive.shape),
        resting_states.residual.reshape(drive.shape[:3]).max(axis=-1),
        gain,
    )


def each(name: str, given: Any, subjects: int) -> list[Any]:
    """Return one entry for each subject, of a list as long as there are subjects or of one entry
    for all; refuses other lengths."""
    if not isinstance(given, list | tuple):
        return [given] * subjects
    if len(given) != subjects:
        raise RefusedInputError(
            f"{name} must be one for all {subjects} circuits or one for each, got "
            f"{len(given)}: make the lists alike."
        )
    return list(given)


def checked_drifts(drift: Any, subjects: int) -> list[WeightDrift | None]:
    """Return one drift or None for each subject, read from mappings by their kind; refuses
    others."""
    drifts = [
        chosen({"weights": WeightDrift}, subject_drift)
        for subject_drift in each("drift", drift, subjects)
    ]
    strange = [
        subject_drift
        for subject_drift in drifts
        if not (subject_drift is None or isinstance(subject_drift, WeightDrift))
    ]
    if strange:
        raise RefusedInputError(
            f"drift must be a WeightDrift, None, or a list of these, got {strange[0]!r}: "
            "write WeightDrift(...)."
        )
    return drifts


def checked_excitabilities(excitability: Any, subjects: int) -> list[Excitability | None]:
    """Return the excitability of the units of each subject or None, read from mappings; refuses
    others."""
    states = [
        chosen({"excitability": Excitability}, {"kind": "excitability", **own})
        if isinstance(own, Mapping)
        else own
        for own in each("excitability", excitability, subjects)
    ]
    for state in states:
        if not (state is None or isinstance(state, Excitability)):
            raise RefusedInputError(
                f"excitability must be an Excitability, None, or a list of these, got {state!r}: "
                "write Excitability(std=..., lifetime=...)."
            )
    return states


def sessions_elapsed(elapsed: Any, subjects: int) -> np.ndarray:
    """Return the elapsed time of sessions, (subject, session), or refuse it: it must be finite and
    rise."""
    try:
        times = np.asarray(elapsed, dtype=float)
    except (TypeError, ValueError):
        raise RefusedInputError(
            "elapsed must be numbers (session,) or (subject, session), got "
            f"{str(elapsed)[:60]!r}: list the times of the sessions."
        ) from None
    if (
        times.ndim not in (1, 2)
        or times.shape[-1] < 1
        or (times.ndim == 2 and len(times) != subjects)
    ):
        raise RefusedInputError(
            f"elapsed must be (session,) or (subject, session) for {subjects} subjects, got "
            f"shape {times.shape}: list it."
        )
    if not (np.isfinite(times).all() and (np.diff(times, axis=-1) > 0).all()):
        raise RefusedInputError(
            "elapsed must be finite and rise from session to session: number the sessions in "
            "the order of real time."
        )
    return np.broadcast_to(times, (subjects, times.shape[-1]))


def checked_seeds(seeds: Any, subjects: int) -> list[int]:
    """Return one seed for each subject, whole numbers from 0; refuses others."""
    numbers = np.asarray(seeds)
    if (
        numbers.shape != (subjects,)
        or not np.issubdtype(numbers.dtype, np.integer)
        or (numbers < 0).any()
    ):
        raise RefusedInputError(
            f"seeds must be {subjects} whole numbers from 0, one for each circuit, got "
            f"{seeds!r}: use range({subjects})."
        )
    return [int(seed) for seed in numbers]


def _refuse_unlike(circuits: Sequence[Circuit]) -> None:
    if not circuits or not all(isinstance(circuit, Circuit) for circuit in circuits):
        raise RefusedInputError(
            "a list of at least one circuit is needed: write drifting_rates([circuit], ...)."
        )
    if len({circuit.units for circuit in circuits}) > 1:
        raise RefusedInputError(
            "circuits of one call of drifting_rates must have the same number of units: use "
            "run_sessions for others."
        )
