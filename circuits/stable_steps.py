"""How large a time step may be before a simulated inhibitory loop oscillates and reports too many
winners.

g is the loop gain (for the linear interneuron G k). The limits take arrays of g and time constants
in s, broadcast against each other; ``loop_roots`` and ``critical_loop_gain`` take single numbers.
Sources: circuits, sections 2.1 and 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq

from drift.schema.labelled_form import RefusedInputError


def loop_roots(
    loop_gain: float, excitatory_time_constant: float, inhibitory_time_constant: float
) -> np.ndarray:
    """Return the two eigenvalues of the linearised loop, in 1/s.

    Roots of s^2 + (1/tau_E + 1/tau_I) s + (1 + g) / (tau_E tau_I) = 0; complex where 4 g > (tau_E -
    tau_I)^2 / (tau_E tau_I).

    Parameters
    ----------
    loop_gain : float
        g, at least 0.
    excitatory_time_constant, inhibitory_time_constant : float
        tau_E and tau_I in s.

    Returns
    -------
    numpy.ndarray
        Two complex numbers.
    """
    leak_e, leak_i = 1 / excitatory_time_constant, 1 / inhibitory_time_constant
    return np.roots([1.0, leak_e + leak_i, (1 + loop_gain) * leak_e * leak_i]).astype(complex)


def simultaneous_limit(
    loop_gain: np.ndarray, excitatory_time_constant: float, inhibitory_time_constant: float
) -> np.ndarray:
    """Return the largest stable forward-Euler step in s when both rates are advanced from their old
    values.

    dt < (tau_E + tau_I) / (1 + g) for complex roots, else dt < 2 / (fast root).

    Parameters
    ----------
    loop_gain : array_like
        g.
    excitatory_time_constant, inhibitory_time_constant : float
        tau_E and tau_I in s.

    Returns
    -------
    numpy.ndarray
        As ``loop_gain``.
    """
    gain = np.asarray(loop_gain, dtype=float)
    total = 1 / excitatory_time_constant + 1 / inhibitory_time_constant
    discriminant = total**2 - 4 * (1 + gain) / (excitatory_time_constant * inhibitory_time_constant)
    fast_root = (total + np.sqrt(np.maximum(discriminant, 0.0))) / 2
    return np.where(
        discriminant < 0,
        (excitatory_time_constant + inhibitory_time_constant) / (1 + gain),
        2 / fast_root,
    )


def staggered_limit(
    loop_gain: np.ndarray, excitatory_time_constant: float, inhibitory_time_constant: float
) -> np.ndarray:
    """Return the largest stable step in s when the interneuron is advanced with the new excitatory
    rates, or the reverse.

    g = (2 tau_E / dt - 1)(2 tau_I / dt - 1), solved for dt.

    Parameters
    ----------
    loop_gain : array_like
        g.
    excitatory_time_constant, inhibitory_time_constant : float
        tau_E and tau_I in s.

    Returns
    -------
    numpy.ndarray
        As ``loop_gain``.
    """
    gain = np.asarray(loop_gain, dtype=float)
    total, product = (
        excitatory_time_constant + inhibitory_time_constant,
        excitatory_time_constant * inhibitory_time_constant,
    )
    return 4 * product / (total + np.sqrt(total**2 - 4 * product * (1 - gain)))


LIMITS = {"staggered": staggered_limit, "simultaneous": simultaneous_limit}


def integral_simultaneous_limit(
    loop_gain: np.ndarray, leak_time_constant: float, integral_time_constant: float
) -> np.ndarray:
    """Return the largest stable step in s of a loop of one leaky and one integrating rate, both
    advanced from old values.

    Roots of s^2 + s / tau + g / (tau tau_0) = 0: dt < tau_0 / g for complex roots, else dt < 2 /
    (fast root).

    Parameters
    ----------
    loop_gain : array_like
        g.
    leak_time_constant, integral_time_constant : float
        tau of the leaky and tau_0 of the integrating rate in s.

    Returns
    -------
    numpy.ndarray
        As ``loop_gain``.
    """
    gain = np.asarray(loop_gain, dtype=float)
    leak, stiffness = 1 / leak_time_constant, gain / (leak_time_constant * integral_time_constant)
    discriminant = leak**2 - 4 * stiffness
    fast_root = (leak + np.sqrt(np.maximum(discriminant, 0.0))) / 2
    return np.where(discriminant < 0, leak / np.maximum(stiffness, leak**2 / 4), 2 / fast_root)


def integral_staggered_limit(
    loop_gain: np.ndarray, leak_time_constant: float, integral_time_constant: float
) -> np.ndarray:
    """Return the largest stable step in s of a loop of one leaky and one integrating rate, one
    advanced with the new other.

    g dt^2 / (tau tau_0) = 4 - 2 dt / tau (Jury's condition), solved for dt.

    Parameters
    ----------
    loop_gain : array_like
        g.
    leak_time_constant, integral_time_constant : float
        tau of the leaky and tau_0 of the integrating rate in s.

    Returns
    -------
    numpy.ndarray
        As ``loop_gain``.
    """
    leak = 1 / leak_time_constant
    stiffness = np.asarray(loop_gain, dtype=float) * leak / integral_time_constant
    return 4 / (leak + np.sqrt(leak**2 + 4 * stiffness))


INTEGRAL_LIMITS = {
    "staggered": integral_staggered_limit,
    "simultaneous": integral_simultaneous_limit,
}


def known_update(update: Any) -> Any:
    """Return the order of updates if it is one of ``LIMITS``, or refuse it."""
    if not isinstance(update, str) or update not in LIMITS:
        raise RefusedInputError(f"update {update!r} is unknown: use 'staggered' or 'simultaneous'.")
    return update


def critical_loop_gain(
    delay: float, excitatory_time_constant: float, inhibitory_time_constant: float
) -> tuple[float, float]:
    """Return the loop gain at which a loop with a delay starts to oscillate by itself, and the
    frequency in Hz.

    atan(w tau_E) + atan(w tau_I) + w d = pi,   g = sqrt((1 + w^2 tau_E^2)(1 + w^2 tau_I^2)).

    Parameters
    ----------
    delay : float
        d in s, above 0.
    excitatory_time_constant, inhibitory_time_constant : float
        tau_E and tau_I in s.

    Returns
    -------
    loop_gain, frequency : float
    """

    def phase(angular: float) -> float:
        return (
            np.arctan(angular * excitatory_time_constant)
            + np.arctan(angular * inhibitory_time_constant)
            + angular * delay
            - np.pi
        )

    angular = brentq(phase, 0.0, np.pi / delay, xtol=1e-12, rtol=1e-14)
    gain = np.sqrt(
        (1 + (angular * excitatory_time_constant) ** 2)
        * (1 + (angular * inhibitory_time_constant) ** 2)
    )
    return float(gain), float(angular / (2 * np.pi))
