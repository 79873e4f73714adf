"""Laws by which weights wander that have one autocorrelation, exp(-t / T), and differ in their
steps: many small ones, a few large ones, or a unit at a time.

Whether a code tells them apart: sums of many weights are normal whatever a weight does, so that
Ornstein-Uhlenbeck weights, binary ones that turn over, and multiplicative noise give one code
(``active_set_overlap``). Units that jump give another one (``jump_overlap``). Their sampled twin is
``circuits.WeightDrift``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import expm

from drift.door import opened
from drift.door.quantities import Alike, NotNegative, Positive, Share
from drift.errors import RefusedInputError
from drift.theory.code_drift.closed_forms import WeightLaw, alike, weight_autocorrelation
from drift.theory.kernels.checks import between, checked_autocorrelation, checked_input_correlation
from drift.theory.kernels.one_layer import joint_activation

ORDERS = [(k, j) for k in range(5) for j in range(5 - k)]  # of moments E[(v_t - v)^k v^j]


class TurnoverProbabilities(NamedTuple):
    """Chance that a connection is there in the second of two sessions, of the kind of the input.

    Attributes
    ----------
    stays : float or array
        p11, where it was there in the first session.
    appears : float or array
        p10, where it was not.
    """

    stays: Any
    appears: Any


class WeightMoments(NamedTuple):
    """Moments of stationary weights.

    Attributes
    ----------
    mean, variance, skewness, kurtosis : float
        Mean and variance in units of w0 and its square; infinite where they do not exist.
    """

    mean: float
    variance: float
    skewness: float
    kurtosis: float


@opened
def turnover_probabilities(autocorrelation: Alike, connected_share: Alike) -> TurnoverProbabilities:
    """Chance that a binary weight is 1 in a later session, if it was 1 and if it was 0.

    p11 = (1 - a) r + a, p10 = a (1 - r): the share of ones stays a, and the correlation of a weight
    with itself is p11 - p10 = r.

    Parameters
    ----------
    autocorrelation : float or array
        r of the weights between the two sessions, from 0 to 1.
    connected_share : float or array
        a, the share of weights that are 1.

    Returns
    -------
    TurnoverProbabilities
        ``stays`` and ``appears``.

    Raises
    ------
    RefusedInputError
        If r or a lies outside of 0 to 1.

    References
    ----------
    Devalle et al. 2025 (turnover of synapses); sampled twin ``circuits.WeightDrift``.
    """
    between("autocorrelation", autocorrelation, 0, 1, "give the correlation of two sessions")
    between("connected_share", connected_share, 0, 1, "give the share of inputs that are connected")
    return TurnoverProbabilities(
        alike(lambda r, a: (1 - a) * r + a, autocorrelation, connected_share),
        alike(lambda r, a: a * (1 - r), autocorrelation, connected_share),
    )


@opened
def multiplicative_moments(lifetime: Positive, noise: NotNegative) -> WeightMoments:
    """Moments of weights that are drawn back to w0 and whose noise grows with them.

    dw = -(w - w0) / T dt + s w dB (Ito) has the raw moments E w^k = w0^k prod_{j<k} 1 / (1 - j q),
    q = s^2 T / 2, which exist where (k - 1) q < 1: weights have an inverse gamma distribution of
    shape 1 + 1 / q and scale w0 / q. Its variance is w0^2 q / (1 - q).

    Parameters
    ----------
    lifetime : float
        T.
    noise : float
        s, per root of the unit of T.

    Returns
    -------
    WeightMoments
        Of stationary weights, with w0 = 1. Without noise the skewness is 0 and the kurtosis 3, the
        limits of small noise.

    Raises
    ------
    RefusedInputError
        If T is not above 0 or s is negative.

    References
    ----------
    Morales et al. 2025 (the equation); moments derived here; sampled twin ``circuits.WeightDrift``.
    """
    q = lifetime * noise**2 / 2
    if q >= 1:
        return WeightMoments(1.0, np.inf, np.inf, np.inf)
    # of the inverse gamma distribution, in a form that keeps its digits where q is small
    skewness = 4 * np.sqrt(q * (1 - q)) / (1 - 2 * q) if q < 1 / 2 else np.inf
    kurtosis = 3 + 6 * q * (5 - 6 * q) / ((1 - 2 * q) * (1 - 3 * q)) if q < 1 / 3 else np.inf
    return WeightMoments(1.0, q / (1 - q), float(skewness), kurtosis)


@opened
def central_moments(q: float) -> list[float]:
    """Return E v^k of stationary multiplicative weights, v = (w - w0) / (w0 sqrt(q)), for k from 0
    to 4: (1 - (k - 1) q) E v^k = (k - 1) (2 sqrt(q) E v^(k - 1) + E v^(k - 2)).

    Parameters
    ----------
    q : float
        s^2 T / 2, below a third.
    """
    moments = [1.0, 0.0]
    for k in (2, 3, 4):
        lower = 2 * np.sqrt(q) * moments[k - 1] + moments[k - 2]
        moments.append(float((k - 1) * lower / (1 - (k - 1) * q)))
    return moments


@opened
def increment_kurtosis(
    elapsed: Alike,
    lifetime: Positive,
    law: WeightLaw = "ornstein_uhlenbeck",
    *,
    connected_share: Share | None = None,
    noise: NotNegative | None = None,
) -> Any:
    """Kurtosis of what a weight has changed by some time later, E d^4 / (E d^2)^2: what tells laws
    of one autocorrelation apart.

    Wandering in small steps: 3, that of normal numbers. Jumps of units: 3 / (1 - exp(-t / T)), as
    most weights have not changed at all. Turnover: 1 / (2 a (1 - a) (1 - exp(-t / T))).
    Multiplicative noise: from the linear equations of the moments of d and w together,
    solved exactly; at t = 0 it is 3 E w^4 / (E w^2)^2.

    Parameters
    ----------
    elapsed : float or array
        t, not negative; at 0 the limit.
    lifetime : float
        T, in the same unit.
    law : str
        As that of ``weight_autocorrelation``.
    connected_share : float, optional
        a, of turnover.
    noise : float, optional
        s, of multiplicative noise.

    Returns
    -------
    float or array
        Infinite where no weight has changed, or the moment does not exist.

    Raises
    ------
    RefusedInputError
        If time or lifetime is out of range, or the number that the law needs is missing.

    References
    ----------
    Derived here; Madar et al. 2025 (jumps), Devalle et al. 2025 (turnover), Morales et al. 2025
    (multiplicative noise); sampled twin ``circuits.WeightDrift``.
    """
    lost = alike(lambda r: 1 - r, weight_autocorrelation(elapsed, lifetime, law))
    if law == "turnover":
        share = _needed("connected_share", connected_share, law)
        return alike(lambda gone: _over(0.5 / (share * (1 - share)), gone), lost)
    if law == "jump":
        return alike(lambda gone: _over(3.0, gone), lost)
    if law == "multiplicative":
        size = _needed("noise", noise, law)
        return alike(np.vectorize(lambda t: _multiplicative_kurtosis(t, lifetime, size)), elapsed)
    return alike(lambda gone: np.full(np.shape(gone), 3.0), lost)


def _needed(name: str, value: float | None, law: str) -> float:
    if value is None:
        raise RefusedInputError(f"the law {law} needs {name}, got None: give it.")
    return value


def _over(number: float, gone: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(number / gone)


def _multiplicative_kurtosis(elapsed: float, lifetime: float, noise: float) -> float:
    """E d^4 / (E d^2)^2 of d = w_t - w, in units of sqrt(t) so that small times keep their
    digits."""
    q, root = lifetime * noise**2 / 2, float(np.sqrt(elapsed / lifetime))
    if 3 * q >= 1:
        return float("inf")
    change = np.zeros((len(ORDERS), len(ORDERS)))
    for row, (k, j) in enumerate(ORDERS):
        for order, rate in _moment_rates(k, j, q, root).items():
            change[row, ORDERS.index(order)] = rate
    moments = central_moments(q)
    later = expm(change) @ [moments[j] if k == 0 else 0.0 for k, j in ORDERS]
    return float(later[ORDERS.index((4, 0))] / later[ORDERS.index((2, 0))] ** 2)


def _moment_rates(k: int, j: int, q: float, root: float) -> dict[tuple[int, int], float]:
    """How fast E[u^k v^j] changes, in terms of other such moments, u = (v_t - v) / root, root^2 =
    t / T, and time counted in t: by Ito from du = -(root u + v) root + sqrt(2) (1 + sqrt(q) (root
    u + v)) dB."""
    pairs, size = k * (k - 1), float(np.sqrt(q))
    rates = {(k, j): (q * pairs - k) * root**2}
    if k >= 1:
        rates[k - 1, j + 1] = (2 * q * pairs - k) * root
        rates[k - 1, j] = 2 * size * pairs * root
    if k >= 2:
        rates |= {(k - 2, j): pairs, (k - 2, j + 1): 2 * size * pairs, (k - 2, j + 2): q * pairs}
    return rates


@opened
def jump_overlap(
    input_correlation: Alike, active_fraction: Alike, autocorrelation: Alike = 1.0
) -> Any:
    """Fraction of the units active at one place and day that are active at another place and day,
    where each unit draws all its weights anew at times of its own.

    r L(c0) / f + (1 - r) f: the share r of units that have not jumped keep their places, the others
    forget them. It falls in proportion to 1 - r, where the overlap under weights that wander falls
    with the root of it (``active_set_overlap``).

    Parameters
    ----------
    input_correlation, active_fraction, autocorrelation : float or array
        c0, f and r as in ``population_vector_similarity``; r = exp(-nu t) is the chance that a unit
        has not jumped.

    Returns
    -------
    float or array
        From 1 down to f.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range.

    References
    ----------
    Derived here, after the jumps of Madar et al. 2025 and Micou & O'Leary 2023; sampled twin
    ``circuits.WeightDrift``.
    """
    return alike(
        lambda c, f, r: r * joint_activation(np.clip(c, -1, 1), f) / f + (1 - r) * f,
        checked_input_correlation(input_correlation),
        active_fraction,
        checked_autocorrelation(autocorrelation),
    )
