"""Does a recording look like anything that was simulated? Two distances from the bank, and how
often simulated windows are as far."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NEIGHBOURS = 5
SHRINKAGE = 0.05  # of the covariance towards its diagonal
REFERENCE = 6000  # windows that neighbours are sought among
BLOCK = 256  # windows whose distances are in memory at once


class Novelty(NamedTuple):
    """What distances are measured by.

    Attributes
    ----------
    centre : numpy.ndarray
        (number,) mean of the bank.
    whitening : numpy.ndarray
        (number, component), by which numbers have unit covariance.
    reference : numpy.ndarray
        (window, component) windows that neighbours are sought among.
    distances : numpy.ndarray
        (window, 2) of windows of runs that distances were not made from: Mahalanobis, and to the
        fifth neighbour.
    """

    centre: np.ndarray
    whitening: np.ndarray
    reference: np.ndarray
    distances: np.ndarray

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Return both distances (window, 2) of windows (window, number)."""
        white = (numbers - self.centre) @ self.whitening
        far = np.sqrt((white**2).sum(axis=1))
        blocks = np.array_split(white, max(len(white) // BLOCK, 1))
        near = np.concatenate([_neighbours(block, self.reference) for block in blocks])
        return np.column_stack([far, near])

    def p_values(self, numbers: np.ndarray) -> np.ndarray:
        """Return how often (window,) a simulated window is as far as each, by the distance that is
        rarer; uniform for windows of the prior."""
        least = _tail(self.of(numbers), self.distances).min(axis=1)
        own = _tail(self.distances, self.distances).min(axis=1)
        return (1 + (own <= least[:, np.newaxis]).sum(axis=1)) / (1 + len(own))


def _neighbours(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Distance (row,) to the fifth neighbour, by |a|^2 + |b|^2 - 2 ab."""
    square = (rows**2).sum(axis=1)[:, np.newaxis] + (reference**2).sum(axis=1)
    square -= 2 * rows @ reference.T
    nearest = np.partition(square, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)))


def _tail(distances: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Share (window, distance) of reference windows that are at least as far."""
    columns = zip(distances.T, np.sort(reference, axis=0).T)
    return np.column_stack(
        [1 - np.searchsorted(simulated, values) / len(simulated) for values, simulated in columns]
    )


def novelty_of(numbers: np.ndarray, others: np.ndarray) -> Novelty:
    """Return the distances of a bank.

    Parameters
    ----------
    numbers : numpy.ndarray
        (window, number) of runs for training.
    others : numpy.ndarray
        (window, number) of runs for calibration.
    """
    centre = numbers.mean(axis=0)
    covariance = np.cov(numbers, rowvar=False)
    diagonal = np.diag(np.maximum(covariance.diagonal(), 1e-3))
    values, vectors = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal)
    whitening = vectors / np.sqrt(values)
    step = max(len(numbers) // REFERENCE, 1)
    reference = (numbers[::step] - centre) @ whitening
    draft = Novelty(centre, whitening, reference, np.zeros((0, 2)))
    return draft._replace(distances=draft.of(others))
