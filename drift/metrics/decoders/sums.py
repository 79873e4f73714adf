"""Events and time by state: all that decoders of rate maps learn from a session."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class StateSums(NamedTuple):
    """Sums over windows in each state, that is, place and running direction.

    Attributes
    ----------
    events : numpy.ndarray
        (state, unit)
    seconds : numpy.ndarray
        (state) s.
    windows : numpy.ndarray of int
        (state) how many.
    """

    events: NDArray[np.float64]
    seconds: NDArray[np.float64]
    windows: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        counts: NDArray[np.float64],
        seconds: NDArray[np.float64],
        state: NDArray[np.int64],
        states: int,
    ) -> StateSums:
        """Sums of windows.

        Parameters
        ----------
        counts : numpy.ndarray
            (window, unit)
        seconds : numpy.ndarray
            (window) s.
        state : numpy.ndarray of int
            (window)
        states : int
            How many there are.
        """
        events = np.zeros((states, counts.shape[1]))
        np.add.at(events, state, counts)
        return cls(
            events,
            np.bincount(state, seconds, states).astype(float),
            np.bincount(state, minlength=states),
        )

    def less(self, fewer: StateSums) -> StateSums:
        """Sums without those of some of the windows; rounding leaves no time below 0."""
        return StateSums(
            self.events - fewer.events,
            np.maximum(self.seconds - fewer.seconds, 0.0),
            self.windows - fewer.windows,
        )

    def plus(self, more: StateSums) -> StateSums:
        """Sums with those of other windows of the same units."""
        return StateSums(
            self.events + more.events, self.seconds + more.seconds, self.windows + more.windows
        )

    def smoothed(self, weights: NDArray[np.float64]) -> StateSums:
        """Events and time spread over neighbouring places, in each running direction by itself.

        Parameters
        ----------
        weights : numpy.ndarray
            (place, place) of neighbours.
        """
        places = len(weights)
        units = self.events.shape[1]
        events = weights @ self.events.reshape(places, -1)  # (place, direction and unit)
        seconds = weights @ self.seconds.reshape(places, -1)
        return StateSums(events.reshape(-1, units), seconds.ravel(), self.windows)

    def of_units(self, columns: NDArray[np.int64]) -> StateSums:
        """Sums of some units."""
        return self._replace(events=self.events[:, columns])
