"""The draws behind intervals: how often each entry is drawn with replacement, and what leaving each
out in turn tells."""

from __future__ import annotations

import numpy as np

from drift.metrics.intervals.shares import dealt


def drawn_times(entries: int, repetitions: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of some units, sessions or subjects is drawn, of as many draws with replacement
    as there are.

    Parameters
    ----------
    entries : int
        How many there are, at least one.
    repetitions : int
        Samples that are drawn.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    numpy.ndarray
        (draw, entry) int, of which each row sums to ``entries``.
    """
    shares = dealt(np.ones((repetitions, 1)), np.array([entries]), rng)
    return np.rint(shares * entries).astype(np.int64)


def drawn_positions(entries: int, repetitions: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of the entries of each sample, each as often as it was drawn; (draw, entry) int,
    see ``drawn_times``."""
    times = drawn_times(entries, repetitions, rng)
    positions = np.tile(np.arange(entries), (repetitions, 1))
    return np.repeat(positions.ravel(), times.ravel()).reshape(repetitions, entries)


def jackknife_deviations(left_out: np.ndarray) -> np.ndarray:
    """Numbers whose summed products over entries are the jackknife's covariance,

        (g - 1) / g  sum_j (a_j - mean a)(b_j - mean b),

    with a_j, b_j measures without entry j of g.

    Parameters
    ----------
    left_out : numpy.ndarray
        (entry, ...) measures without each entry.

    Returns
    -------
    numpy.ndarray
        (entry, ...).

    References
    ----------
    Tukey 1958, Ann Math Stat 29:614; Efron & Stein 1981, Ann Stat 9:586.
    """
    count = len(left_out)
    return np.asarray(np.sqrt((count - 1) / count) * (left_out - np.mean(left_out, axis=0)))


def jackknife_variance(left_out: np.ndarray) -> np.ndarray:
    """Variance of a measure, (...) from (entry, ...) of it without each entry in turn."""
    return np.asarray((jackknife_deviations(left_out) ** 2).sum(axis=0))


def corrected_jackknife_variance(
    whole: np.ndarray, left_out: np.ndarray, two_left_out: np.ndarray
) -> np.ndarray:
    """Jackknife variance of a measure made of products of noise, which counts what two entries do
    together twice.

    With a the measure, a_j and a_jk without entries j, or j and k, of g,

        Q_jk = g a - (g - 1) (a_j + a_k) + (g - 2) a_jk,
        V = V_jackknife - sum_(j < k) (Q_jk - mean Q)^2 / (g (g + 1)),

    the sum by the mean over the neighbours j, j + 1; at least half of the jackknife's, which is what
    is left where all of it is noise times noise.

    Parameters
    ----------
    whole : numpy.ndarray
        (...) a.
    left_out, two_left_out : numpy.ndarray
        (entry, ...) a_j, and a_jk with k the entry after j, the first after the last. Where the
        latter is not defined, nothing is taken off.

    Returns
    -------
    numpy.ndarray
        (...).

    References
    ----------
    Efron & Stein 1981, Ann Stat 9:586, section 5.
    """
    count, variance = len(left_out), jackknife_variance(left_out)
    pairs = left_out + np.roll(left_out, -1, axis=0)
    together = count * whole - (count - 1) * pairs + (count - 2) * two_left_out
    excess = (count - 1) / (2 * (count + 1)) * np.var(together, axis=0, ddof=1)
    return np.asarray(np.fmax(variance - np.nan_to_num(excess), variance / 2))
