"""The rule of the answer: does it look like anything that was simulated, is one mechanism certain,
and if not, which remain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.inference.identifiability import NAMED

UNLIKE = 0.05  # p of the distances, below which no simulated mechanism looks like the recording
MASS = 0.95  # of the mechanisms that remain
KINDS = ("unlike", "named", "undecided")


class Verdict(NamedTuple):
    """What is answered: its kind, the mechanisms that it speaks of, the most probable first, and
    their mass."""

    kind: str
    mechanisms: tuple[str, ...]
    mass: float


def verdict_of(probabilities: np.ndarray, mechanisms: tuple[str, ...], novelty_p: float) -> Verdict:
    """Return the answer for one recording.

    Parameters
    ----------
    probabilities : numpy.ndarray
        (mechanism,) posterior.
    mechanisms : tuple of str
    novelty_p : float
        How often simulated windows are as far from the bank.

    Returns
    -------
    Verdict
        "unlike" where this is below .05, with no mechanism; "named" where one mechanism has at
        least .9; else "undecided", with the smallest set that has .95.
    """
    order = np.argsort(-probabilities, kind="stable")
    if novelty_p < UNLIKE:
        return Verdict("unlike", (), 0.0)
    if probabilities[order[0]] >= NAMED:
        return Verdict("named", (mechanisms[order[0]],), float(probabilities[order[0]]))
    masses = np.cumsum(probabilities[order])
    size = int(np.searchsorted(masses, MASS - 1e-12)) + 1
    remain = tuple(mechanisms[at] for at in order[:size])
    return Verdict("undecided", remain, float(masses[min(size, len(masses)) - 1]))


def separating_statistics(
    values: np.ndarray, first: np.ndarray, second: np.ndarray, near: np.ndarray
) -> np.ndarray:
    """Return by how many standard deviations (statistic,) two mechanisms differ in simulated
    windows of designs like that of the recording.

    Parameters
    ----------
    values : numpy.ndarray
        (window, statistic) of the bank, scaled.
    first, second : numpy.ndarray
        (window,) bool, windows of both mechanisms.
    near : numpy.ndarray
        (window,) bool, windows of designs like that of the recording.
    """
    one_side, other_side = values[first & near], values[second & near]
    spread = np.sqrt((one_side.var(axis=0) + other_side.var(axis=0)) / 2)
    return np.abs(one_side.mean(axis=0) - other_side.mean(axis=0)) / np.maximum(spread, 1e-6)
