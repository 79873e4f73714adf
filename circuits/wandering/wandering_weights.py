"""Input weights that wander, and the recipe that says how: their law, their lifetime, what units
have in common."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from circuits.parameters import Fraction, Positive
from circuits.wandering.homeostasis import Homeostasis
from circuits.wandering.weight_laws import (
    Fresh,
    fresh_numbers,
    jumped,
    linear,
    multiplied,
    turned_over,
)
from drift.door.quantities import Numbers
from drift.recipe import Recipe
from drift.schema.labelled_form import RefusedInputError
from drift.streams import stream
from drift.theory.code_drift.closed_forms import WeightLaw

OF_LAW = {"connected_share": "turnover", "multiplicative_noise": "multiplicative"}
# children of the streams "weights" and "update_noise": weights, their fast part, jumps
OF_PLACE, OF_CONTEXT = (None, 0, 1), (2, 3, 4)

KEPT_DRAWS = 24  # of weights, for circuits that are asked for again
KEPT_NUMBERS = 2**17  # in each, at most: 1 MiB


class WeightDrift(Recipe):
    """How the input weights of a circuit wander from session to session.

    Ornstein-Uhlenbeck: the autocorrelation of a weight is r(t) = exp(-t / T) and its variance
    stays. Free diffusion: noise adds the variance that weights have in the first session once in
    every T, so that r(t) = 1 / sqrt(1 + t / T) with the first session.

    Three more laws have the r(t) = exp(-t / T) of the first one, and other steps. Turnover: a
    weight is there, with probability a, or not, and is drawn anew at the rate 1 / T (Devalle et al.
    2025); after a session in which r = rho, p11 = (1 - a) rho + a and p10 = a (1 - rho).
    Multiplicative: dw = -(w - w0) / T dt + s w dB, in stationary weights (Morales et al. 2025).
    Jump: each unit draws all its weights anew at the rate nu = 1 / T (Madar et al. 2025; Micou &
    O'Leary 2023). Weights of all laws are less their mean and over their standard deviation, as
    inhibition that follows the inputs would leave them.

    Two time scales: a weight is the sum of a slow and a fast part, each an Ornstein-Uhlenbeck
    process, with shares 1 - s and s of its variance, so that r(t) = s exp(-t / T_fast) + (1 - s)
    exp(-t / T).

    Parameters
    ----------
    law : {"ornstein_uhlenbeck", "free_diffusion", "turnover", "multiplicative", "jump"}
        What a weight does.
    weight_lifetime : float
        T, in units of elapsed.
    common : float
        c, the share of the added variance that the weights of all units from one input have in
        common. It lifts all drives alike, so that it matters for inhibition but not for who wins.
    homeostasis : {"none", "population", "unit"}
        Gains on the drive that keep the mean activity of the first session, of all units together
        or of each one; see ``circuits.wandering.homeostasis``.
    fast_weight_lifetime, fast_share : float
        T_fast and s of two time scales.
    connected_share : float
        a, of turnover: the share of inputs to which a unit is connected.
    multiplicative_noise : float
        s, of the multiplicative law, per root of the unit of elapsed; s^2 T / 2 must be below 1, or
        weights have no variance.
    context_lifetime : float, optional
        T of the weights from inputs of the stream "context" (``PlaceContextInput``), where it
        differs from that of the others; these have one time scale.
    """

    kind: Literal["weights"] = "weights"
    law: WeightLaw = "ornstein_uhlenbeck"
    weight_lifetime: Positive = 10.0
    common: float = Field(default=0.0, ge=0, le=1)
    homeostasis: Homeostasis = "none"
    fast_weight_lifetime: Positive | None = None
    fast_share: float = Field(default=0.0, ge=0, le=1)
    connected_share: Fraction | None = None
    multiplicative_noise: Positive | None = None
    context_lifetime: Positive | None = None

    @model_validator(mode="after")
    def _two_time_scales(self) -> Self:
        if self.fast_share > 0 and self.fast_weight_lifetime is None:
            raise ValueError("a fast_share above 0 needs a fast_weight_lifetime: give one")
        if self.fast_share > 0 and self.law != "ornstein_uhlenbeck":
            raise ValueError("two time scales need weights that are drawn back: use the law "
                             "ornstein_uhlenbeck")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _numbers_of_the_law(self) -> Self:
        for name, law in OF_LAW.items():
            if self.law == law and getattr(self, name) is None:
                raise ValueError(f"the law {law} needs {name}, got None: give it")
            if self.law != law and getattr(self, name) is not None:
                raise ValueError(f"{name} has no effect under the law {self.law}: leave it out, or "
                                 f"use the law {law}")  # fmt: skip
        longest = max(self.weight_lifetime, self.context_lifetime or 0.0)
        if self.multiplicative_noise and not longest * self.multiplicative_noise**2 < 2:
            raise ValueError(
                "weights have a variance only where multiplicative_noise^2 x weight_lifetime is "
                f"below 2, got {longest * self.multiplicative_noise**2:.3g}: lower the noise, to "
                f"below {np.sqrt(2 / longest):.3g}"
            )
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
            standard deviation. What is added is normal under the laws ornstein_uhlenbeck and
            free_diffusion only; under the others it has this standard deviation.
        """
        lifetimes = interval / self.weight_lifetime
        if self.law == "free_diffusion":
            return 1.0, float(np.sqrt(lifetimes))
        return float(np.exp(-lifetimes)), float(np.sqrt(-np.expm1(-2 * lifetimes)))


def drifting_weights(
    drift: WeightDrift | None,
    units: int,
    inputs: int,
    elapsed: np.ndarray,
    seed: int,
    context: np.ndarray | None = None,
) -> np.ndarray:
    """Return the input weights of every session, of unit variance in the first one.

    The first weights are drawn from the stream "weights", their steps from "update_noise": neither
    the law nor the lifetime moves what is drawn. A second part of the weights, with a lifetime of
    its own, is drawn from a child of each, and so are the times at which units jump, and the
    weights of inputs that tell the context.

    Parameters
    ----------
    drift : WeightDrift or None
        None for weights that stay.
    units, inputs : int
    elapsed : numpy.ndarray
        (session,), rising.
    seed : int
    context : numpy.ndarray, optional
        (input,), true for inputs of the stream "context"; none by default.

    Returns
    -------
    numpy.ndarray
        (session, unit, input).
    """
    around = np.zeros(inputs, dtype=bool) if context is None else np.asarray(context, dtype=bool)
    if not around.any():
        if drift is not None and drift.context_lifetime is not None:
            raise RefusedInputError(
                "context_lifetime needs inputs that tell the context, got none: use "
                "PlaceContextInput, or name the inputs by the variable stream (input)."
            )
        return _of_stream(drift, units, inputs, elapsed, seed, OF_PLACE)
    weights = np.empty((len(elapsed), units, inputs))
    weights[..., ~around] = _of_stream(drift, units, int((~around).sum()), elapsed, seed, OF_PLACE)
    weights[..., around] = _of_stream(
        _of_context(drift), units, int(around.sum()), elapsed, seed, OF_CONTEXT
    )
    return weights


def _of_context(drift: WeightDrift | None) -> WeightDrift | None:
    if drift is None or drift.context_lifetime is None:
        return drift
    return drift.replace(
        weight_lifetime=drift.context_lifetime, fast_share=0.0, fast_weight_lifetime=None
    )


def _of_stream(
    drift: WeightDrift | None,
    units: int,
    inputs: int,
    elapsed: np.ndarray,
    seed: int,
    children: tuple[int | None, int, int],
) -> np.ndarray:
    """Weights (session, unit, input) of the inputs of one stream."""
    own, second, jumps = children
    intervals = np.diff(elapsed)
    if drift is None:
        first = stream(seed, "weights", own).standard_normal((units, inputs))
        return np.broadcast_to(first, (len(elapsed), units, inputs)).copy()
    steps = [drift.step(interval) for interval in intervals]
    persistences = [persistence for persistence, _ in steps]
    first, fresh = _chance(drift, seed, own, len(intervals), units, inputs)
    if drift.law == "turnover" and drift.connected_share is not None:
        return turned_over(first, fresh, persistences, drift.connected_share)
    if drift.law == "multiplicative" and drift.multiplicative_noise is not None:
        size = drift.weight_lifetime * drift.multiplicative_noise**2 / 2
        return multiplied(first, fresh, intervals / drift.weight_lifetime, size)
    if drift.law == "jump":
        chance = stream(seed, "update_noise", jumps)
        return jumped(first, fresh, persistences, chance)
    if not drift.fast_share:
        return linear(first, fresh, steps)
    other_first, second_fresh = _chance(drift, seed, second, len(intervals), units, inputs)
    pairs = [(next(fresh), next(second_fresh)) for _ in intervals]
    # A rotation keeps both parts independent, and the first weights whatever the share: at a share
    # of 0 or 1 the only part is moved by the same numbers as with one time scale.
    slow, fast = np.sqrt(1 - drift.fast_share), np.sqrt(drift.fast_share)
    of_fast = drift.replace(weight_lifetime=drift.fast_weight_lifetime)
    return slow * linear(
        slow * first - fast * other_first,
        (slow * step - fast * other_step for step, other_step in pairs),
        steps,
    ) + fast * linear(
        fast * first + slow * other_first,
        (fast * step + slow * other_step for step, other_step in pairs),
        [of_fast.step(interval) for interval in intervals],
    )


def _chance(
    drift: WeightDrift, seed: int, child: int | None, intervals: int, units: int, inputs: int
) -> tuple[np.ndarray, Fresh]:
    """First weights (unit, input) and what is added to them; kept for the next call where each
    interval takes one step and numbers are few, as a fit asks for them again and again."""
    once = drift.law in ("ornstein_uhlenbeck", "free_diffusion")
    if once and (intervals + 1) * units * inputs <= KEPT_NUMBERS:
        first, steps = _kept(seed, child, drift.common, intervals, units, inputs)
        return first, iter(steps)
    return _drawn(seed, child, drift.common, units, inputs)


@lru_cache(maxsize=KEPT_DRAWS)
def _kept(
    seed: int, child: int | None, common: float, intervals: int, units: int, inputs: int
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    first, fresh = _drawn(seed, child, common, units, inputs)
    steps = tuple(islice(fresh, intervals))
    for numbers in (first, *steps):
        numbers.flags.writeable = False
    return first, steps


def _drawn(
    seed: int, child: int | None, common: float, units: int, inputs: int
) -> tuple[np.ndarray, Fresh]:
    first = stream(seed, "weights", child).standard_normal((units, inputs))
    return first, fresh_numbers(stream(seed, "update_noise", child), common, units, inputs)


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
