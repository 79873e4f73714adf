"""Two sessions of a subject whose halves are compared: which units enter, how alike they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.metrics.stability.correlations import kept_units
from drift.metrics.stability.exchanges import Exchange, exchange
from drift.metrics.stability.half_pairs import (
    HalfPair,
    half_deviations,
    half_pairs,
    half_rate_pairs,
)
from drift.metrics.stability.halves import map_vectors
from drift.metrics.stability.matching import neighbours, observed_sessions
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims

Code = Literal["rate_map", "population_vector", "ensemble_rate"]


class Selection(NamedTuple):
    """Which units of one subject enter: those kept in both sessions and, of rate maps, place units
    in both or in either; (session, unit) bool each, and which may be taken for which."""

    of: Code
    observed: np.ndarray
    compared: np.ndarray
    place: np.ndarray | None
    select: str
    near: np.ndarray | None  # (unit, unit) bool

    @property
    def by_unit(self) -> np.ndarray:
        """(unit, session, 1, 1) bool."""
        return self.compared.T[:, :, np.newaxis, np.newaxis]

    def of_maps(self, first: int, second: int) -> np.ndarray:
        """(unit) bool for a pair of sessions."""
        both = self.compared[first] & self.compared[second]
        if self.place is None or self.select == "all":
            return both
        flags = self.place[first], self.place[second]
        return both & (flags[0] & flags[1] if self.select == "both" else flags[0] | flags[1])

    def crossed(self, first: int, second: int, units: np.ndarray) -> np.ndarray:
        """(unit, unit) bool, whether a unit of the first session and one of the second would enter
        if they were one."""
        both = np.logical_and.outer(self.compared[first, units], self.compared[second, units])
        if self.place is None or self.select == "all":
            return both
        join = np.logical_and if self.select == "both" else np.logical_or
        return np.asarray(both & join.outer(self.place[first, units], self.place[second, units]))


class Compared(NamedTuple):
    """Two sessions of one subject.

    Attributes
    ----------
    subject : int
        Its position.
    pair : HalfPair
        The sessions, half by half.
    lengths : numpy.ndarray or None
        (item, 2) lengths of the vectors of both whole sessions, in the pooled form.
    selection : Selection
        Units that enter.
    """

    subject: int
    pair: HalfPair
    lengths: np.ndarray | None
    selection: Selection

    @property
    def first(self) -> int:
        """Position of the first session."""
        return self.pair.first

    @property
    def second(self) -> int:
        """Position of the second session."""
        return self.pair.second

    @property
    def used(self) -> np.ndarray:
        """(item) bool: those that vary in all halves."""
        varies = np.isfinite(self.pair.correlations).all(axis=(1, 2))
        if self.selection.of != "rate_map":
            return varies
        return varies & self.selection.of_maps(self.first, self.second)

    @property
    def similarity(self) -> float | np.floating:
        """Between over the geometric mean of both within; NaN where nothing is reliable."""
        between, within, within_other = self.measured
        if not (within > 0 and within_other > 0):
            return np.nan
        return between / np.sqrt(within * within_other)

    @property
    def measured(self) -> np.ndarray:
        """(3) between, within the first session and within the second; NaN without an item."""
        used = self.used
        if not used.any():
            return np.full(3, np.nan)
        moments = self.pair.correlations[used]
        if self.lengths is not None:
            scale = self.lengths[used].prod(axis=1)
            moments = self.pair.products[used] / scale[:, np.newaxis, np.newaxis]
        within, within_other, between = (
            moment.mean() for moment in self.pair.within_between(moments)
        )
        return np.array([between, within, within_other])

    @property
    def units(self) -> np.ndarray:
        """Positions of the units that were observed in both sessions."""
        return np.flatnonzero(self.selection.observed[[self.first, self.second]].all(axis=0))

    @property
    def exchange(self) -> Exchange:
        """How alike ``units`` are to themselves, and to those that they may be taken for."""
        units, near = self.units, self.selection.near
        comparable = self.selection.crossed(self.first, self.second, units)
        if self.selection.of == "rate_map":
            vectors, lengths = self._maps(units)
            varies = (vectors != 0).any(axis=-1).reshape(-1, 2, 2).all(axis=-1)
            comparable = comparable & np.logical_and.outer(varies[:, 0], varies[:, 1])
        else:
            enter = int(np.diagonal(comparable).sum())
            vectors, lengths = self._places(units) * np.sqrt(enter), np.ones((units.size, 2))
        near = None if near is None else near[np.ix_(units, units)]
        return exchange(self.measured, vectors, lengths, comparable, near)

    def _maps(self, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(unit, 4, place) maps of all halves of length 1, or of that over the length of the whole
        session, and (unit, 2) these lengths, 1 in the first case."""
        vectors = self.pair.vectors[units]
        if self.lengths is None:
            return _over(vectors, _length(vectors)), np.ones((units.size, 2))
        lengths = self.lengths[units]
        return _over(vectors, lengths.repeat(2, axis=1)[..., np.newaxis]), lengths

    def _places(self, units: np.ndarray) -> np.ndarray:
        """(unit, 4, place) rates of all halves less their means over units, over the length of
        these at a place; products of units and means over places are similarities."""
        used = self.used
        vectors = self.pair.vectors[used]
        scale = _length(vectors)
        if self.lengths is not None:
            scale = np.sqrt(self.lengths[used].prod(axis=1))[:, np.newaxis, np.newaxis]
        scaled = _over(vectors, scale)[..., units] / np.sqrt(max(used.sum(), 1))
        return np.moveaxis(scaled, -1, 0).swapaxes(1, 2)


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt((vectors**2).sum(axis=-1, keepdims=True))


def _over(vectors: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Vectors over their scale; 0 where that is 0."""
    return np.divide(vectors, scale, out=np.zeros_like(vectors), where=scale > 0)


def compared_sessions(
    dataset: xr.Dataset,
    pairs: np.ndarray,
    of: Code,
    form: str,
    smoothing: float,
    select: str,
    keep: xr.DataArray | None,
) -> Iterator[Compared]:
    """Every two sessions of each subject that may be compared, and each with itself.

    Parameters
    ----------
    dataset : xarray.Dataset
        With halves.
    pairs : numpy.ndarray
        (subject, session, session) bool.
    of, form, smoothing, select, keep
        As in ``corrected_similarity``.

    Yields
    ------
    Compared
        The first session not behind the second.
    """
    for subject, selection in enumerate(_selections(dataset, of, select, keep)):
        weighted = _weighted(dataset, subject, pairs[subject], selection, form, smoothing)
        for pair, lengths in weighted:
            yield Compared(subject, pair, lengths, selection)


def _selections(
    dataset: xr.Dataset, of: Code, select: str, keep: xr.DataArray | None
) -> Iterator[Selection]:
    """One for each subject."""
    observed, compared = observed_sessions(dataset), kept_units(dataset, keep)
    place = None
    if of == "rate_map" and select != "all":
        check(dataset, "place_unit")
        place = dataset["place_unit"].transpose("subject", "session", "unit").values == 1
    for subject, row in enumerate(compared):
        flags = None if place is None else place[subject]
        yield Selection(of, observed[subject], row, flags, select, neighbours(dataset, subject))


def _weighted(
    dataset: xr.Dataset,
    subject: int,
    pairs: np.ndarray,
    selection: Selection,
    form: str,
    smoothing: float,
) -> Iterator[tuple[HalfPair, np.ndarray | None]]:
    """Pairs of sessions of one subject, with the lengths of its items in the pooled form."""
    of = selection.of
    if of == "ensemble_rate":
        halves = np.where(selection.by_unit, map_vectors(dataset, subject, "rate_map", 0.0), np.nan)
        time = dataset["occupancy"].isel(subject=subject).fillna(0.0)
        ordered = time.transpose("session", *map_dims(time)).values
        for pair in half_rate_pairs(halves, ordered.reshape(len(pairs), -1), pairs):
            yield pair, np.ones((1, 2)) if form == "pooled" else None
        return
    halves = map_vectors(dataset, subject, of, smoothing)
    if of == "population_vector":
        halves = np.where(selection.compared[:, np.newaxis], halves, np.nan)
    whole = map_vectors(dataset, subject, of, smoothing, "rate") if form == "pooled" else None
    for pair in half_pairs(halves, pairs):
        yield pair, None if whole is None else half_deviations(whole, halves, pair)
