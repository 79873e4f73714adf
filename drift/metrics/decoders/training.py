"""What a decoder is trained on: windows of one or several sessions, without those that it is tested
on, and the units that it may use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from drift.metrics.decoders.sums import StateSums
from drift.metrics.decoders.windows import Placed
from drift.metrics.places import shorter_way


class Track(NamedTuple):
    """Places, or stimuli, that the sessions of a subject share; what other subjects visit changes
    nothing.

    Attributes
    ----------
    centres : numpy.ndarray
        (place, axis) in units of position; of stimuli the label, NaN where these have no metric.
    ways : int
        Running directions that are told apart: state = ways x place + direction.
    origin : float
        Position that distances around a ring are counted from.
    around : float or None
        Length around a ring, or period of stimuli.
    numbers : numpy.ndarray of int
        (place) among the places of all subjects.
    """

    centres: NDArray[np.float64]
    ways: int
    origin: float
    around: float | None
    numbers: NDArray[np.int64] = np.zeros(0, dtype=int)

    @property
    def has_distances(self) -> bool:
        """Whether there are distances between places; stimuli without a metric have none."""
        return bool(np.isfinite(self.centres).all())

    def distance(self, position: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray:
        """Distances, around a ring the shorter way, in a plane as the crow flies.

        Parameters
        ----------
        position, other : numpy.ndarray
            (..., axis)
        """
        apart = shorter_way(position - other, self.around)
        return np.asarray(np.sqrt((apart**2).sum(axis=-1)))

    def neighbours(self, smoothing: float) -> NDArray[np.float64]:
        """(place, place) Gaussian weights of the distance between places.

        Parameters
        ----------
        smoothing : float
            Standard deviation, in units of position.
        """
        apart = self.distance(self.centres[:, np.newaxis], self.centres)
        return np.asarray(np.exp(-((apart / smoothing) ** 2) / 2))

    def nearest(self, position: NDArray[np.float64]) -> NDArray[np.int64]:
        """(window) number of the place whose centre is nearest to each position."""
        if self.around is None:
            return np.asarray(cKDTree(self.centres).query(position)[1])
        distances = self.distance(position[:, np.newaxis], self.centres)
        return np.asarray(distances.argmin(axis=1))


class Decoded(NamedTuple):
    """Where decoders believe that the animal was.

    Attributes
    ----------
    position : numpy.ndarray
        (window, axis) in units of position; NaN where nothing can be told.
    place : numpy.ndarray of int
        (window) number of the place; -1 where nothing can be told.
    """

    position: NDArray[np.float64]
    place: NDArray[np.int64]

    @classmethod
    def nowhere(cls, windows: int, axes: int) -> Decoded:
        """Nothing is told of any window."""
        return cls(np.full((windows, axes), np.nan), np.full(windows, -1))


class Source(NamedTuple):
    """Some windows of a session, and the units of it that are used.

    Attributes
    ----------
    session : Placed
    columns : numpy.ndarray of int
        (unit) positions of the units in the session.
    without : int or None
        The fold that is left out.
    """

    session: Placed
    columns: NDArray[np.int64]
    without: int | None = None

    @property
    def rows(self) -> NDArray[np.bool_]:
        """(window) bool, those that are trained on."""
        fold = self.session.windows.fold
        return np.ones(fold.size, dtype=bool) if self.without is None else fold != self.without

    @property
    def sums(self) -> StateSums:
        """Events and time by state."""
        whole = self.session.sums.of_units(self.columns)
        if self.without is None:
            return whole
        return whole.less(self.session.sums_of(self.without, self.columns))

    @property
    def counts(self) -> NDArray[np.float64]:
        """(window, unit)"""
        return self.session.windows.counts[self.rows][:, self.columns]

    @property
    def position(self) -> NDArray[np.float64]:
        """(window, axis)"""
        return self.session.windows.position[self.rows]

    @property
    def state(self) -> NDArray[np.int64]:
        """(window)"""
        return self.session.state[self.rows]


class Training(NamedTuple):
    """Windows of sessions with the same units in the same order, on shared places."""

    sources: tuple[Source, ...]
    track: Track

    @property
    def sums(self) -> StateSums:
        """Events and time by state."""
        return reduce(StateSums.plus, (source.sums for source in self.sources))

    @property
    def counts(self) -> NDArray[np.float64]:
        """(window, unit)"""
        return np.concatenate([source.counts for source in self.sources])

    @property
    def position(self) -> NDArray[np.float64]:
        """(window, axis)"""
        return np.concatenate([source.position for source in self.sources])

    @property
    def state(self) -> NDArray[np.int64]:
        """(window) place and running direction."""
        return np.concatenate([source.state for source in self.sources])


class Readout(ABC):
    """A decoder that was trained."""

    def squared_error(
        self, counts: NDArray[np.float64], position: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """(window) mean squared error of the outputs of a regression, None of any other decoder.

        Parameters
        ----------
        counts : numpy.ndarray
            (window, unit)
        position : numpy.ndarray
            (window, axis) where the animal was.
        """
        return None

    @abstractmethod
    def decoded(self, counts: NDArray[np.float64], seconds: NDArray[np.float64]) -> Decoded:
        """Where the animal was.

        Parameters
        ----------
        counts : numpy.ndarray
            (window, unit) of the units that it was trained on, in this order.
        seconds : numpy.ndarray
            (window) how long each lasts, s.
        """


class Decoder(ABC):
    """A way to decode."""

    @abstractmethod
    def trained(self, training: Training) -> Readout:
        """The readout that these windows give."""
