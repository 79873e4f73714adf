"""What units that are taken for others make of the similarity of two sessions, and what it was
without them.

Of the units that are compared a share p is the same cell in both sessions; the others were taken for
one of their candidates, all units observed in both sessions or those nearby. With C the similarity
of the same and B0 that of different cells, what is measured of a unit with itself, and with its
candidates, is

    B = p C + (1 - p) B0,    M = e C + (1 - e) B0,    C = [(1 - e) B - (1 - p) M] / (p - e),

since a candidate may be the very cell that was taken for another: e = (1 - p) / k with k candidates,
next to nothing where all units are. Which units are compared depends on what they look like (place
units in both sessions, say), and a wrong match is compared less often than a right one: p is that of
the units compared, 1 - sum_i (1 - p_i) S_i / k_i / n, where S_i of the k_i candidates of unit i would
be compared with it, and n are compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

UNTOLD = 0.5  # standard error beyond which a code at rest and one drawn anew are not told apart


class Exchange(NamedTuple):
    """Similarity of two sessions, of units with themselves and with those they may be taken for,
    over that of the halves of these sessions.

    Attributes
    ----------
    between : float
        Of units with themselves, B.
    error : float
        Its standard error over units.
    compared : int
        Units that are compared.
    candidates, possible, alike : numpy.ndarray
        (unit observed in both) how many it may be taken for, how many of these would be compared
        with it, and the sum of their similarities to it.
    """

    between: float
    error: float
    compared: int
    candidates: np.ndarray
    possible: np.ndarray
    alike: np.ndarray

    def undone(self, probability: np.ndarray) -> float:
        """Similarity of the same cells, C; NaN where its standard error exceeds a half.

        Parameters
        ----------
        probability : numpy.ndarray
            (unit observed in both) that it is the same cell; NaN counts as the mean of the others.
        """
        right, strangers, different = self._mixture(probability)
        told = right - strangers
        if right == 1:
            return self.between
        if not told * UNTOLD >= self.error:
            return np.nan
        return ((1 - strangers) * self.between - (1 - right) * different) / told

    def at_rest(self, probability: np.ndarray) -> float:
        """What would be measured of cells whose code stands still, p + (1 - p) B0.

        Parameters
        ----------
        probability : numpy.ndarray
            (unit observed in both)
        """
        right, strangers, different = self._mixture(probability)
        return right + (1 - right) * (different - strangers) / (1 - strangers)

    def _mixture(self, probability: np.ndarray) -> tuple[float, float, float]:
        """Shares p and e of the same cells among units and among their candidates, and M."""
        known = np.isfinite(probability)
        same = np.where(known, probability, probability[known].mean() if known.any() else np.nan)
        each = np.divide(
            1 - same, self.candidates, out=np.zeros(same.shape), where=self.candidates > 0
        )
        wrong = float((each * self.possible).sum())
        if not wrong > 0:
            return 1.0, 0.0, 0.0
        right = max(0.0, 1 - wrong / self.compared)
        kept = self.compared * right / same.sum() if same.sum() > 0 else 0.0
        strangers = float((each * (1 - same)).sum()) * kept / wrong
        return right, strangers, float((each * self.alike).sum()) / wrong


def exchange(
    alike: np.ndarray, comparable: np.ndarray, near: np.ndarray | None, between: float
) -> Exchange:
    """Sum up how alike units are to those that they may be taken for.

    Parameters
    ----------
    alike : numpy.ndarray
        (unit, unit) similarity of each unit in the first session to each in the second.
    comparable : numpy.ndarray
        (unit, unit) bool, which of them would be compared if they were one unit.
    near : numpy.ndarray, optional
        (unit, unit) bool, which units may be taken for one another; by default all.
    between : float
        Similarity of units with themselves.

    Returns
    -------
    Exchange
    """
    others = ~np.eye(len(alike), dtype=bool)
    others = others if near is None else others & near
    possible = comparable & others
    own = np.diagonal(alike)[np.diagonal(comparable)]
    error = float(own.std(ddof=1) / np.sqrt(own.size)) if own.size > 1 else np.inf
    return Exchange(
        between,
        error,
        own.size,
        others.sum(axis=1),
        possible.sum(axis=1),
        np.where(possible, alike, 0.0).sum(axis=1),
    )
