"""What units that are taken for others make of the similarity of two sessions, and what it was
without them.

Of the units that are compared a share p is the same cell in both sessions; the others were taken
for one of their candidates, all units observed in both sessions or those nearby. With C the
similarity of the same and B0 that of different cells, what is measured of a unit with itself, and
with its candidates, is

    B = p C + (1 - p) B0,    M = e C + (1 - e) B0,    C = [(1 - e) B - (1 - p) M] / (p - e),

since a candidate may be the very cell that was taken for another: e = (1 - p) / k with k
candidates, next to nothing where all units are. Which units are compared depends on what they look
like (place units in both sessions, say), and a wrong match is compared less often, or more often,
than a right one: p is that of the units compared, 1 - sum_i (1 - p_i) S_i / k_i / n, where S_i of
the k_i candidates of unit i would be compared with it, and n are compared. So are the correlations
within sessions that similarities are divided by: they are those of the same cells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.metrics.intervals.limits import standard_error

UNTOLD = 0.5  # standard error beyond which a code at rest and one drawn anew are not told apart


class Exchange(NamedTuple):
    """How alike two sessions are, of units with themselves and with those they may be taken for.

    Attributes
    ----------
    measured : numpy.ndarray
        (3) of units with themselves: between the sessions, within the first, within the second.
    error : float
        Standard error over units of the first of these.
    compared : int
        Units that are compared.
    candidates, possible : numpy.ndarray
        (unit observed in both) how many it may be taken for, and how many of these would be
        compared with it.
    alike : numpy.ndarray
        (3, unit observed in both) sums of the three over these.
    """

    measured: np.ndarray
    error: float
    compared: int
    candidates: np.ndarray
    possible: np.ndarray
    alike: np.ndarray

    def undone(self, probability: np.ndarray) -> float:
        """Similarity of the same cells, C over the noise of their maps; NaN where its standard
        error exceeds a half.

        Parameters
        ----------
        probability : numpy.ndarray
            (unit observed in both) that it is the same cell; NaN counts as the mean of the others.
        """
        right, strangers, different = self._mixture(probability)
        between, within, within_other = self.measured
        told = right - strangers
        if right < 1:
            if told <= 0:
                return np.nan
            same = ((1 - strangers) * self.measured - (1 - right) * different) / told
            between, within, within_other = same
            noise = np.sqrt(max(within, 0.0) * max(within_other, 0.0))
            if not UNTOLD * told * noise > self.error:
                return np.nan
        return between / np.sqrt(within * within_other)

    def at_rest(self, probability: np.ndarray) -> float:
        """What would be measured of cells whose code stands still, p + (1 - p) B0 over noise.

        Parameters
        ----------
        probability : numpy.ndarray
            (unit observed in both)
        """
        right, strangers, different = self._mixture(probability)
        stranger = different[0] / np.sqrt(self.measured[1] * self.measured[2])
        return right + (1 - right) * (stranger - strangers) / (1 - strangers)

    def _mixture(self, probability: np.ndarray) -> tuple[float, float, np.ndarray]:
        """Shares p and e of the same cells among units and among their candidates, and M."""
        told = np.isfinite(probability)
        mean = probability[told].mean() if told.any() else np.nan
        wrong = 1 - np.where(told, probability, mean)
        each = np.divide(
            wrong, self.candidates, out=np.zeros(wrong.shape), where=self.candidates > 0
        )
        compared = float((each * self.possible).sum())
        if not compared > 0:
            return 1.0, 0.0, np.zeros(3)
        matched = float((1 - wrong).sum())
        # no more right matches are compared than there are
        right = min(max(0.0, 1 - compared / self.compared), matched / self.compared)
        entering = self.compared * right / matched if matched > 0 else 0.0
        strangers = float((each * wrong).sum()) * entering / compared
        return right, strangers, (each * self.alike).sum(axis=1) / compared


def exchange(
    measured: np.ndarray,
    vectors: np.ndarray,
    lengths: np.ndarray,
    comparable: np.ndarray,
    near: np.ndarray | None,
) -> Exchange:
    """Sum up how alike units are to those that they may be taken for.

    Parameters
    ----------
    measured : numpy.ndarray
        (3) see ``Exchange``.
    vectors : numpy.ndarray
        (unit, 4, feature) of halves a, b of the first session and c, d of the second, so that their
        products are similarities.
    lengths : numpy.ndarray
        (unit, 2) that vectors of either session were divided by, as far as units differ in it.
    comparable : numpy.ndarray
        (unit, unit) bool, which units of the first session and of the second would be compared if
        they were one.
    near : numpy.ndarray, optional
        (unit, unit) bool, which units may be taken for one another; by default all.

    Returns
    -------
    Exchange
    """
    strangers = ~np.eye(len(comparable), dtype=bool)
    strangers = strangers if near is None else strangers & near
    possible = comparable & strangers
    halves = vectors.reshape(len(vectors), 2, 2, -1)
    before, after = halves.mean(axis=2).swapaxes(0, 1)
    between = before @ after.T
    within = halves.prod(axis=2).sum(axis=-1)  # (unit, session)
    own = np.diagonal(between)[np.diagonal(comparable)]
    error = float(standard_error(own)) if own.size > 1 else np.inf
    inverse = np.divide(1, lengths, out=np.zeros(lengths.shape), where=lengths > 0)
    alike = [
        np.where(possible, between, 0.0).sum(axis=1),
        within[:, 0] * lengths[:, 0] * (possible @ inverse[:, 1]),
        inverse[:, 0] * (possible @ (within[:, 1] * lengths[:, 1])),
    ]
    candidates, entering = strangers.sum(axis=1), possible.sum(axis=1)
    return Exchange(measured, error, own.size, candidates, entering, np.stack(alike))
