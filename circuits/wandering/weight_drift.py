"""Circuits whose input weights wander: what the drift of a code looks like when inhibition, not
learning, keeps it sparse.

Unit i is driven by I_i(s) = sum_j w_ij x_j(s), x the inputs at place s; from one session to the
next the weights take a random step, and the circuit settles anew. Theory:
``drift.theory.code_drift.closed_forms``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from circuits.base import Circuit
from circuits.parameters import Positive
from circuits.simulation.settled_rates import Engine, settled_rates
from circuits.wandering.homeostasis import Homeostasis, homeostatic_gain
from drift.door.quantities import Numbers
from drift.recipe import Recipe, chosen
from drift.schema.labelled_form import RefusedInputError
from drift.streams import stream

KEPT_DRAWS = 24  # of weights, for circuits that are asked for again
KEPT_NUMBERS = 2**17  # in each, at most: 1 MiB


class WeightDrift(Recipe):
    """How the input weights of a circuit wander from session to session.

    Ornstein-Uhlenbeck: the autocorrelation of a weight is r(t) = exp(-t / T) and its variance
    stays. Free diffusion: noise adds the variance that weights have in the first session once in
    every T, so that r(t) = 1 / sqrt(1 + t / T) with the first session.

    Two time scales: a weight is the sum of a slow and a fast part, each an Ornstein-Uhlenbeck
    process, with shares 1 - s and s of its variance, so that r(t) = s exp(-t / T_fast) + (1 - s)
    exp(-t / T).

    Parameters
    ----------
    law : {"ornstein_uhlenbeck", "free_diffusion"}
        Whether weights are drawn back to 0.
    weight_lifetime : float
        T, in units of elapsed.
    common : float
        c, the share of the added variance that the weights of all units from one input have in
        common. It lifts all drives alike, so that it matters for inhibition but not for who wins.
    homeostasis : {"none", "population", "unit"}
        Gains on the drive that keep the mean activity of the first session, of all units together
        or of each one; see ``circuits.wandering.homeostasis``.
    """

    kind: Literal["weights"] = "weights"
    law: Literal["ornstein_uhlenbeck", "free_diffusion"] = "ornstein_uhlenbeck"
    weight_lifetime: Positive = 10.0
    common: float = Field(default=0.0, ge=0, le=1)
    homeostasis: Homeostasis = "none"
    fast_weight_lifetime: Positive | None = None
    fast_share: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _two_time_scales(self) -> Self:
        if self.fast_share > 0 and self.fast_weight_lifetime is None:
            raise ValueError("a fast_share above 0 needs a fast_weight_lifetime: give one")
        if self.fast_share > 0 and self.law == "free_diffusion":
            raise ValueError("two time scales need weights that are drawn back: use the law "
                             "ornstein_uhlenbeck")  # fmt: skip
        return self

    def autocorrelation(self, lag: Numbers) -> Any:
        """Return r, the expected correlation of a weight with itself in the first session.

        Parameters
        ----------
        lag : float or numpy.ndarray
            t, in units of elapsed.

        Returns
        -------
        float or numpy.ndarray
            s exp(-t / T_fast) + (1 - s) exp(-t / T); or 1 / sqrt(1 + t / T).
        """
        lifetimes = np.asarray(lag) / self.weight_lifetime
        if self.law == "free_diffusion":
            return 1 / np.sqrt(1 + lifetimes)
        if self.fast_weight_lifetime is None:
            return np.exp(-lifetimes)
        fast = np.exp(-np.asarray(lag) / self.fast_weight_lifetime)
        return self.fast_share * fast + (1 - self.fast_share) * np.exp(-lifetimes)

    def step(self, interval: float) -> tuple[float, float]:
        """Return what is kept of a weight over an interval, and the standard deviation of what is
        added to it.

        Parameters
        ----------
        interval : float
            In units of elapsed.

        Returns
        -------
        kept, added : float
            exp(-t / T) and sqrt(1 - exp(-2 t / T)); or 1 and sqrt(t / T); in units of the first
            standard deviation.
        """
        lifetimes = interval / self.weight_lifetime
        if self.law == "free_diffusion":
            return 1.0, float(np.sqrt(lifetimes))
        return float(np.exp(-lifetimes)), float(np.sqrt(-np.expm1(-2 * lifetimes)))


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


def drifting_weights(
    drift: WeightDrift | None, units: int, inputs: int, elapsed: np.ndarray, seed: int
) -> np.ndarray:
    """Return the input weights of every session, of unit variance in the first one.

    The first weights are drawn from the stream "weights", their steps from "update_noise": neither
    the law nor the lifetime moves what is drawn. A second part of the weights, with a lifetime of
    its own, is drawn from a child of each.

    Parameters
    ----------
    drift : WeightDrift or None
        None for weights that stay.
    units, inputs : int
    elapsed : numpy.ndarray
        (session,), rising.
    seed : int

    Returns
    -------
    numpy.ndarray
        (session, unit, input).
    """
    if drift is None:
        first = stream(seed, "weights").standard_normal((units, inputs))
        return np.broadcast_to(first, (len(elapsed), units, inputs)).copy()
    intervals = np.diff(elapsed)
    shape = (len(intervals), units, inputs)
    first, steps = _chance(seed, None, drift.common, *shape)
    if not drift.fast_share:
        return _wandered(drift, first, steps, intervals)
    other_first, other_steps = _chance(seed, 0, drift.common, *shape)
    # A rotation keeps both parts independent, and the first weights whatever the share: at a share
    # of 0 or 1 the only part is moved by the same numbers as with one time scale.
    slow, fast = np.sqrt(1 - drift.fast_share), np.sqrt(drift.fast_share)
    of_fast = drift.replace(weight_lifetime=drift.fast_weight_lifetime)
    return slow * _wandered(
        drift, slow * first - fast * other_first, slow * steps - fast * other_steps, intervals
    ) + fast * _wandered(
        of_fast, fast * first + slow * other_first, fast * steps + slow * other_steps, intervals
    )


def _chance(
    seed: int, child: int | None, common: float, intervals: int, units: int, inputs: int
) -> tuple[np.ndarray, np.ndarray]:
    """First weights (unit, input) and what is added to them (interval, unit, input); kept for the
    next call where they are few, as a fit asks for them again and again."""
    small = (intervals + 1) * units * inputs <= KEPT_NUMBERS
    drawn = _kept if small else _kept.__wrapped__
    return drawn(seed, child, common, intervals, units, inputs)


@lru_cache(maxsize=KEPT_DRAWS)
def _kept(
    seed: int, child: int | None, common: float, intervals: int, units: int, inputs: int
) -> tuple[np.ndarray, np.ndarray]:
    first = stream(seed, "weights", child).standard_normal((units, inputs))
    steps = _fresh(stream(seed, "update_noise", child), common, intervals, units, inputs)
    first.flags.writeable = steps.flags.writeable = False
    return first, steps


def _fresh(
    noise: np.random.Generator, common: float, intervals: int, units: int, inputs: int
) -> np.ndarray:
    """What is added to weights of unit variance, (interval, unit, input)."""
    steps = np.empty((intervals, units, inputs))
    for step in steps:
        shared, private = noise.standard_normal(inputs), noise.standard_normal((units, inputs))
        step[:] = np.sqrt(common) * shared + np.sqrt(1 - common) * private
    return steps


def _wandered(
    drift: WeightDrift, first: np.ndarray, steps: np.ndarray, intervals: np.ndarray
) -> np.ndarray:
    """Weights (session, unit, input) that wander with one lifetime."""
    weights = np.empty((len(steps) + 1, *first.shape))
    weights[0] = first
    for session, interval in enumerate(intervals):
        persistence, added = drift.step(interval)
        weights[session + 1] = persistence * weights[session] + added * steps[session]
    return weights


def weight_scale(patterns: np.ndarray) -> float:
    """Return the standard deviation of first weights that gives drives a mean square of 1: one over
    the root mean square |x|.

    Parameters
    ----------
    patterns : numpy.ndarray
        x, (sample, input).
    """
    power = float(np.square(patterns).sum(axis=1).mean())
    if not power > 0:
        raise RefusedInputError(
            f"all {patterns.size} inputs are 0, so nothing drives the circuit: give an input "
            "that sees something."
        )
    return 1 / np.sqrt(power)


def drifting_rates(
    circuits: Sequence[Circuit],
    patterns: np.ndarray,
    drift: WeightDrift | Sequence[WeightDrift | None] | None,
    elapsed: Any,
    seeds: Sequence[int],
    *,
    engine: Engine = "brian2",
    target: str = "numpy",
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
    worlds = np.broadcast_to(patterns, (len(present), *np.shape(patterns)[-2:]))
    drive = np.empty((len(present), times.shape[1], worlds.shape[1], present[0].units))
    gain = np.empty((*drive.shape[:2], present[0].units))
    for subject, (circuit, world, wandering) in enumerate(
        zip(present, worlds, drifts, strict=True)
    ):
        weights = drifting_weights(
            wandering, circuit.units, world.shape[1], times[subject], numbers[subject]
        )
        # (session, sample, unit)
        drive[subject] = (weight_scale(world) * world) @ weights.transpose(0, 2, 1)
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
