"""Halves of one session against halves of another: moments of all four over what they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from drift.metrics.stability.pairs import centred_vectors


class HalfPair(NamedTuple):
    """Two sessions, half by half.

    Attributes
    ----------
    first, second : int
        Positions of the sessions, s and t.
    products : numpy.ndarray
        (item, 4, 4) sums of products, over the features that are known in all four halves, of the
        vectors of halves a, b of the first session and c, d of the second, each less its mean.
    centred : numpy.ndarray
        (item, row, feature) these vectors, of more sessions than two.
    rows : numpy.ndarray
        (4) which of them are a, b, c and d.
    """

    first: int
    second: int
    products: np.ndarray
    centred: np.ndarray
    rows: np.ndarray

    @property
    def vectors(self) -> np.ndarray:
        """(item, 4, feature) vectors of the halves less their means, 0 where not known in all."""
        return self.centred[:, self.rows]

    @property
    def correlations(self) -> np.ndarray:
        """(item, 4, 4) correlations; NaN where a half does not vary."""
        power = np.einsum("irr->ir", self.products)
        scale = np.sqrt(power[:, :, np.newaxis] * power[:, np.newaxis])
        nothing = np.full(scale.shape, np.nan)
        return np.clip(np.divide(self.products, scale, out=nothing, where=scale > 0), -1, 1)

    def within_between(self, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Three (item) from (item, 4, 4) moments: a with b, c with d, and the mean of a and b with
        c and d; of a session with itself all three are a with b."""
        within, within_other = moments[:, 0, 1], moments[:, 2, 3]
        if self.first == self.second:
            return within, within_other, within
        return within, within_other, moments[:, :2, 2:].mean(axis=(1, 2))


def half_pairs(halves: np.ndarray, comparable: np.ndarray) -> Iterator[HalfPair]:
    """Every two sessions of a subject that may be compared, each once, and every session with
    itself.

    Features that one of the four halves lacks are left out of all four, so that correlations within
    and between are taken over the same places and the same units.

    Parameters
    ----------
    halves : numpy.ndarray
        (item, session, half, feature), NaN where not known.
    comparable : numpy.ndarray
        (session, session) bool.

    Yields
    ------
    HalfPair
        The first session not behind the second.
    """
    known_in_both = np.isfinite(halves).all(axis=2)  # (item, session, feature)
    somewhere = known_in_both.any(axis=1, keepdims=True)
    alike = ~known_in_both.any(axis=-1, keepdims=True) | (known_in_both == somewhere)
    centred = _centred(halves, known_in_both) if alike.all() else None
    products = None if centred is None else _products(centred)
    for first, second in zip(*np.nonzero(np.triu(comparable)), strict=True):
        if centred is None or products is None:
            shared = known_in_both[:, [first, second]].all(axis=1, keepdims=True)
            yield _pair(first, second, halves[:, [first, second]], shared)
        else:
            rows = np.array([2 * first, 2 * first + 1, 2 * second, 2 * second + 1])
            of_pair = products[:, rows[:, np.newaxis], rows]
            yield HalfPair(first, second, of_pair, centred, rows)


def half_rate_pairs(
    halves: np.ndarray, time: np.ndarray, comparable: np.ndarray
) -> Iterator[HalfPair]:
    """The same of mean rates: one item, whose features are the units.

    rbar_i = sum_x p(x) r_i(x), over the places valid in all four halves, with p the time spent
    there in both sessions together. One p for all four: where the animal was is no change of the
    code, neither between sessions nor between the halves of one, which share out what time there
    was.

    Parameters
    ----------
    halves : numpy.ndarray
        (unit, session, half, place) rates.
    time : numpy.ndarray
        (session, place).
    comparable : numpy.ndarray
        (session, session) bool.

    Yields
    ------
    HalfPair
    """
    for first, second in zip(*np.nonzero(np.triu(comparable)), strict=True):
        maps = halves[:, [first, second]]
        valid = np.isfinite(maps).all(axis=(1, 2), keepdims=True)
        weight = np.where(valid, time[first] + time[second], 0.0)
        total = np.where(valid, maps * weight, 0.0).sum(axis=-1)
        spent = np.broadcast_to(weight.sum(axis=-1), total.shape)
        mean = np.divide(total, spent, out=np.full(total.shape, np.nan), where=spent > 0)
        rates = np.moveaxis(mean, 0, -1)[np.newaxis]  # (item, session, half, unit)
        yield _pair(first, second, rates, np.isfinite(rates).all(axis=2).all(axis=1, keepdims=True))


def _pair(first: int, second: int, halves: np.ndarray, shared: np.ndarray) -> HalfPair:
    """Two sessions by themselves: halves (item, 2, half, feature) over what they share, (item, 1,
    feature)."""
    centred = _centred(halves, shared.repeat(2, axis=1))
    return HalfPair(first, second, _products(centred), centred, np.arange(4))


def _centred(halves: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(item, row, feature) centred vectors, a row for each half of each session; ``known`` (item,
    session, feature)."""
    items, sessions, _, features = halves.shape
    vectors = halves.reshape(items, 2 * sessions, features)
    return centred_vectors(vectors, known.repeat(2, axis=1))


def _products(centred: np.ndarray) -> np.ndarray:
    """(item, row, row) sums of products."""
    return centred @ np.swapaxes(centred, -1, -2)


def half_deviations(whole: np.ndarray, halves: np.ndarray, pair: HalfPair) -> np.ndarray:
    """Lengths of the centred vectors of both whole sessions over the features that their four
    halves share.

    Parameters
    ----------
    whole : numpy.ndarray
        (item, session, feature).
    halves : numpy.ndarray
        (item, session, half, feature).
    pair : HalfPair
        The two sessions.

    Returns
    -------
    numpy.ndarray
        (item, 2).
    """
    sessions = [pair.first, pair.second]
    shared = np.isfinite(halves[:, sessions]).all(axis=(1, 2))[:, np.newaxis]
    vectors = whole[:, sessions]
    centred = centred_vectors(vectors, shared & np.isfinite(vectors))
    return np.sqrt((centred**2).sum(axis=-1))
