"""Which registered unit each cell of each session is, however the map counts cells and marks absent
ones."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy

import numpy as np
from numpy.typing import NDArray

from data_adapters.session import integers, numbers
from drift.schema.labelled_form import RefusedInputError

UNLIKELY = 0.05  # chance that a map from 1 names the last cell of no session
Cells = Callable[[], Mapping[int, int]]


class Registration:
    """Which registered unit each cell of each session is.

    Parameters
    ----------
    cell_map : array_like
        (registered cell, session) number of a cell in its session, counted from 0 or 1; absent is 0
        (from 1), -1 or NaN.
    where : str
        What holds the map, for messages.
    base : {0, 1} or None
        Number of the first cell; None: what the map tells.
    cells : callable, optional
        Number of cells by session (from 1), asked for where the map alone does not tell.
    confidence : numpy.ndarray, optional
        (registered cell) how certain the program is of it, from 0 to 1; NaN where it says nothing.

    Raises
    ------
    RefusedInputError
        If the map holds something else, or cannot tell from which number it counts.
    """

    def __init__(
        self,
        cell_map: object,
        where: str,
        base: int | None = None,
        cells: Cells = dict,
        confidence: NDArray[np.float64] | None = None,
    ) -> None:
        self.where = where
        self.names: list[str] = []  # of the sessions, where the file tells them
        self.counts_every_cell = False  # whether cells that were not found again have rows too
        self.counts_accepted = False  # whether numbers are ranks among accepted cells
        if base not in (None, 0, 1):
            raise RefusedInputError(
                f"base of {where} was expected to be 0 or 1, got {base!r}: say the number of "
                "the first cell."
            )
        values = _checked(cell_map, where)
        self.base = _told_base(values, where, cells) if base is None else base
        absent = np.isnan(values) | (values < self.base)
        self.columns = np.where(absent, -1, values - self.base).astype(np.int64)  # from 0
        self.confidence = confidence
        self._largest = self.columns.max(axis=0, initial=-1) + 1
        self._unregistered: dict[int, NDArray[np.int64]] = {}
        self._next = [len(values)]  # shared by copies: numbers of one session alone are given once

    @property
    def sessions(self) -> int:
        """Number of sessions that the map has columns for."""
        return self.columns.shape[1]

    def largest(self, session: int) -> int:
        """Largest number of a cell of a session (from 1), counted from 1; 0 where it has none."""
        return int(self._largest[session - 1])

    def without(self, cells: NDArray[np.bool_]) -> None:
        """Take the identity of these registered cells away; how cells are counted stays."""
        self.columns[cells] = -1

    def fit(self, sessions: list[int]) -> None:
        """Refuse a map that lacks a column for one of these sessions (from 1), or that seems to be
        transposed."""
        rows, columns = self.columns.shape
        last = max(sessions)
        if columns < last:
            raise RefusedInputError(
                f"{self.where} was expected to have a column for session {last}, got "
                f"{columns}: add it."
            )
        if len(sessions) > 1 and rows == last and columns > 2 * rows:
            raise RefusedInputError(
                f"{self.where} was expected as (cell, session) for {last} sessions, got "
                f"shape {rows} x {columns}: transpose it."
            )

    def drop_uncertain(self, least: float) -> None:
        """Take away the identity of cells of which the program is less certain.

        Raises
        ------
        RefusedInputError
            If it does not tell how certain it is.
        """
        if self.confidence is None:
            raise RefusedInputError(
                f"{self.where} was expected to tell how certain it is, got no probabilities: "
                "leave minimum_confidence out."
            )
        self.without(self.confidence < least)

    def names_only(self, session: int, numbers: NDArray[np.int64]) -> bool:
        """Tell whether all that the map names in a session are these numbers."""
        column = self.columns[:, session - 1]
        named = column[column >= 0] + self.base
        return named.size > 0 and bool(np.isin(named, numbers).all())

    def differs(self, session: int, numbers: NDArray[np.int64]) -> bool:
        """Tell whether these numbers, in place of rows, would name other cells."""
        column = self.columns[:, session - 1]
        named = column[column >= 0]
        return not np.array_equal(np.searchsorted(numbers, named + self.base), named)

    def ranked(self, session: int, numbers: NDArray[np.int64]) -> Registration:
        """The same registration, in which one session is counted by the rank of its numbers."""
        ranks = copy(self)
        ranks.columns, ranks._largest = self.columns.copy(), self._largest.copy()
        column = ranks.columns[:, session - 1]
        named = column >= 0
        column[named] = np.searchsorted(numbers, column[named] + self.base)
        ranks._largest[session - 1] = column.max(initial=-1) + 1
        return ranks

    def units(
        self, session: int, cells: int, kept: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Unit number of each cell of a session; detected cells without a row get numbers of their
        own after the last row.

        Parameters
        ----------
        session : int
            From 1.
        cells : int
            Cells that the program counted.
        kept : numpy.ndarray of bool, optional
            (cell) which of them are read; by default all.

        Returns
        -------
        numpy.ndarray of int
            (kept cell)

        Raises
        ------
        RefusedInputError
            If the map has no such session, names a column twice, or one that does not exist.
        """
        self.fit([session])
        columns = self.columns[:, session - 1]
        rows = np.flatnonzero(columns >= 0)
        named = columns[rows]
        if (named >= cells).any() or len(set(named.tolist())) < len(named):
            got = (
                f"{named.max() + self.base} of {cells}"
                if (named >= cells).any()
                else "a cell twice"
            )
            raise RefusedInputError(
                f"{self.where} was expected to name cells {self.base} to "
                f"{cells - 1 + self.base} of session {session} once each, got "
                f"{got}: correct it."
            )
        units = np.full(cells, -1, dtype=np.int64)
        units[named] = rows
        units = units if kept is None else units[kept]
        units[units < 0] = self._own(session, int((units < 0).sum()))
        return units

    def certainty(self, units: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """How certain the program is of each of these units; NaN for those of one session alone,
        None where it does not tell."""
        if self.confidence is None:
            return None
        of_unit = np.append(self.confidence, np.nan)
        return of_unit[np.minimum(units, self.confidence.size)]

    def _own(self, session: int, count: int) -> NDArray[np.int64]:
        if session not in self._unregistered:
            self._unregistered[session] = np.arange(self._next[0], self._next[0] + count)
            self._next[0] += count
        return self._unregistered[session]


def _checked(map_: object, where: str) -> NDArray[np.float64]:
    """(cell, session) whole numbers from -1, or NaN."""
    values = numbers(map_, where)  # type: ignore[arg-type]
    integers(values[~np.isnan(values)], where)
    if values.ndim != 2 or values.size == 0:
        raise RefusedInputError(
            f"{where} was expected as (cell, session), got shape {values.shape}: give a "
            "column for session 1 on."
        )
    if (values < -1).any():
        row, session = np.argwhere(values < -1)[0] + 1
        got = f"{values[row - 1, session - 1]:g} (row {row}, session {session})"
        raise RefusedInputError(
            f"{where} was expected to count cells from 0 or 1, got {got}: write 0 where a "
            "cell is absent."
        )
    for session, column in enumerate(values.T, start=1):
        cell, times = (
            Counter(column[column > 0].tolist()).most_common(1)[0] if (column > 0).any() else (0, 0)
        )
        if times > 1:
            rows = np.flatnonzero(column == cell)[:2] + 1
            remedy = (
                "transpose it, if its rows are sessions" if _once_in_rows(values) else "correct it"
            )
            raise RefusedInputError(
                f"{where} was expected to name each cell of session {session} once, got "
                f"{cell:g} in rows {rows[0]} and {rows[1]}: {remedy}."
            )
    return values


def _once_in_rows(values: NDArray[np.float64]) -> bool:
    """Tell whether rows name each cell once, as columns should."""
    return (
        all(len(set(row[row > 0].tolist())) == (row > 0).sum() for row in values)
        and len(values) < values.shape[1]
    )


def _told_base(values: NDArray[np.float64], where: str, cells: Cells) -> int:
    """0 or 1, by what is impossible: two cells 0 in a session, a cell with the number of cells; or
    too unlikely to be so.

    A map from 1 in which share s of the cells of each session is registered names the last cell of
    no session with the chance prod (1 - s).
    """
    lost, none = np.isnan(values) | (values == -1), (values == 0).sum(axis=0)
    if (none > 1).any() and not lost.any():
        return 1
    cell_counts = {
        session: count for session, count in cells().items() if session <= values.shape[1]
    }
    if any((values[:, session - 1] >= count).any() for session, count in cell_counts.items()):
        return 1
    if none.any() and lost.any() and not (none > 1).any():
        return 0
    shares = [(values[:, session - 1] > 0).sum() / count for session, count in cell_counts.items()]
    if none.any() and not lost.any() and cell_counts and np.prod(1 - np.array(shares)) <= UNLIKELY:
        warnings.warn(
            f"{where} is taken to count cells from 0, since it names the last cell of no "
            "session: say base=1 if it counts from 1.",
            stacklevel=4,
        )
        return 0
    raise RefusedInputError(
        f"{where} was expected to count cells from 1 with 0 where a cell is absent, got "
        f"{_seen(values, lost)}: {ASK}."
    )


ASK = "write 0 where a cell is absent and count from 1, or say base=0 or base=1"


def _seen(values: NDArray[np.float64], lost: NDArray[np.bool_]) -> str:
    if not lost.any():
        return "numbers that may count from 0 or from 1"
    row, session = np.argwhere(lost)[0] + 1
    return (
        f"{values[row - 1, session - 1]:g} (row {row}, session {session}) and numbers that may "
        "count from 0 or from 1"
    )
