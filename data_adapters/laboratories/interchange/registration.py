"""Which registered unit each cell of each session is, however the map counts cells and marks absent
ones."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_adapters.laboratories.interchange.containers import read_fields
from data_adapters.session import integers, numbers
from drift.schema.labelled_form import RefusedInputError

UNLIKELY = 0.05  # chance that a map from 1 names the last cell of no session
Cells = Callable[[], Mapping[int, int]]


class Registration:
    """Which registered unit each cell of each session is.

    Parameters
    ----------
    path : pathlib.Path
        File with ``cell_to_index_map`` (registered cell, session): column of ``events``, counted
        from 0 or 1; absent is 0 (from 1), -1 or NaN.
    base : {0, 1} or None
        Number of the first column; None: what the map tells, and 1 for what CellReg wrote.
    cells : callable, optional
        Number of cells by session (from 1), asked for where the map alone does not tell.

    Raises
    ------
    RefusedInputError
        If the map is missing or holds something else, or cannot tell from which number it counts.
    """

    def __init__(self, path: Path, base: int | None = None, cells: Cells = dict) -> None:
        self.path = path
        if base not in (None, 0, 1):
            raise RefusedInputError(
                f"base of {path} was expected to be 0 or 1, got {base!r}: say the number of "
                "the first cell."
            )
        fields = read_fields(path)
        registered = fields.get("cell_registered_struct")  # the output of CellReg
        fields, base = (
            (registered, 1 if base is None else base)
            if isinstance(registered, dict)
            else (fields, base)
        )
        if "cell_to_index_map" not in fields:
            raise RefusedInputError(
                f"{path} was expected to hold cell_to_index_map, got "
                f"{', '.join(fields) or 'nothing'}: add it."
            )
        values = _checked(fields["cell_to_index_map"], self._where)
        self.base = _told_base(values, self._where, cells) if base is None else base
        absent = np.isnan(values) | (values < self.base)
        self._columns = np.where(absent, -1, values - self.base).astype(np.int64)  # from 0
        self._unregistered: dict[int, NDArray[np.int64]] = {}
        self._next = len(values)

    @property
    def _where(self) -> str:
        return f"cell_to_index_map in {self.path}"

    def fit(self, sessions: list[int]) -> None:
        """Refuse a map that lacks a column for one of these sessions (from 1), or that seems to be
        transposed."""
        rows, columns = self._columns.shape
        last = max(sessions)
        if columns < last:
            raise RefusedInputError(
                f"{self._where} was expected to have a column for session {last}, got "
                f"{columns}: add it."
            )
        if len(sessions) > 1 and rows == last and columns > 2 * rows:
            raise RefusedInputError(
                f"{self._where} was expected as (cell, session) for {last} sessions, got "
                f"shape {rows} x {columns}: transpose it."
            )

    def units(self, session: int, cells: int) -> NDArray[np.int64]:
        """Unit number of each cell of a session; detected cells without a row get numbers of their
        own after the last row.

        Parameters
        ----------
        session : int
            From 1.
        cells : int
            Columns of ``events``.

        Returns
        -------
        numpy.ndarray of int
            (cell,)

        Raises
        ------
        RefusedInputError
            If the map has no such session, names a column twice, or one that does not exist.
        """
        self.fit([session])
        columns = self._columns[:, session - 1]
        rows = np.flatnonzero(columns >= 0)
        named = columns[rows]
        if (named >= cells).any() or len(set(named.tolist())) < len(named):
            got = (
                f"{named.max() + self.base} of {cells}"
                if (named >= cells).any()
                else "a column twice"
            )
            raise RefusedInputError(
                f"{self._where} was expected to name columns {self.base} to "
                f"{cells - 1 + self.base} of session {session} once each, got "
                f"{got}: correct it."
            )
        units = np.full(cells, -1, dtype=np.int64)
        units[named] = rows
        units[units < 0] = self._own(session, int((units < 0).sum()))
        return units

    def _own(self, session: int, count: int) -> NDArray[np.int64]:
        if session not in self._unregistered:
            self._unregistered[session] = np.arange(self._next, self._next + count)
            self._next += count
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
