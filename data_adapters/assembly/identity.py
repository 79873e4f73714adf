"""Who the cells of a tool are over the sessions of a subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place
from data_adapters.registrations.cell_map import Registration
from data_adapters.registrations.files import read_registration
from data_adapters.session import one_of
from data_adapters.statements import Statements
from drift.schema.labelled_form import RefusedInputError

MISPLACED = 0.5  # of what chance would give: share of named cells that are none in their session
COUNTED_BY = ("numbers", "rows")
FEWEST = 5  # named cells that tell it


class Identities:
    """Units of each session: those of a registration, or of the session alone.

    Parameters
    ----------
    places : iterable of Place
        All sessions that are read.
    read_cells : callable
        Cells of a place, asked for where a registration does not tell from which number it counts.
    statements : Statements
        What the caller says.
    """

    def __init__(
        self,
        places: Iterable[Place],
        read_cells: Callable[[Place], Cells],
        statements: Statements,
    ) -> None:
        self._read_cells, self._statements = read_cells, statements
        self._own: dict[str, list[Place]] = {}
        for place in places:
            self._own.setdefault(place.subject, []).append(place)
        self._registered: dict[str, Registration] = {}
        self._by_numbers: dict[str, bool] = {}

    def units(self, place: Place, cells: Cells) -> dict[str, Any]:
        """Number, label and identity of the units that count, as arguments of
        ``session_dataset``.

        Raises
        ------
        RefusedInputError
            If the registration of the subject cannot be used, or does not fit its sessions.
        """
        registration = self._registration(place.subject)
        if registration is None:
            labels = cells.labels or [f"{cells.word} {number}" for number in cells.rows]
            return {
                "unit": cells.rows,
                "unit_label": labels,
                "unit_identity": f"{place.subject} {place.recording}",
            }
        column = self._column(place)
        if cells.numbers is not None and self._counts_numbers(place.subject, registration):
            registration = registration.ranked(column, cells.numbers)
        units = _units(registration, column, place, cells)
        certain = registration.certainty(units)
        return {"unit": units, "unit_identity": "registered", "unit_confidence": certain}

    def note(self, place: Place) -> str:
        """What a registration leaves uncertain; empty without one."""
        registration = self._registered.get(place.subject)
        if registration is None:
            return ""
        told = f"cells are those of column {self._column(place)} of the registration"
        if registration.confidence is None:
            return told
        probabilities = registration.confidence[np.isfinite(registration.confidence)]
        if not probabilities.size:
            return told
        return (
            f"{told}, certain to {np.median(probabilities):.2f} (median; "
            f"{(probabilities < 0.5).mean():.0%} below .5)"
        )

    def _counts_numbers(self, subject: str, registration: Registration) -> bool:
        """Tell whether a registration holds the numbers that the tool calls its cells by, or their
        rows; it is told by all sessions of the subject together.

        Raises
        ------
        RefusedInputError
            If it can be read both ways, or neither.
        """
        said = self._statements.counted_by
        if said is not None:
            return one_of(said, COUNTED_BY, "counted_by") == COUNTED_BY[0]
        if subject not in self._by_numbers:
            sessions = [(self._column(own), self._read_cells(own)) for own in self._own[subject]]
            numbered = all(
                registration.names_only(column, np.asarray(cells.numbers))
                for column, cells in sessions
            )
            ranked = all(
                registration.largest(column) <= cells.counted for column, cells in sessions
            )
            if (
                numbered
                and ranked
                and any(
                    registration.differs(column, np.asarray(cells.numbers))
                    for column, cells in sessions
                )
            ):
                raise RefusedInputError(
                    f"{registration.where} was expected to hold numbers of cells, or their rows, "
                    "got what can be either: say counted_by=numbers or counted_by=rows."
                )
            self._by_numbers[subject] = numbered
        return self._by_numbers[subject]

    def _column(self, place: Place) -> int:
        """Column of the registration that a session has, from 1."""
        columns = self._statements.columns
        return place.number if columns is None else int(columns[place.number - 1])

    def _registration(self, subject: str) -> Registration | None:
        """Registration of a subject, read when it is first needed."""
        if self._statements.registration is None:
            return None
        if subject not in self._registered:
            own = self._own[subject]
            file = own[0].named(self._statements.registration, "registration")

            def counted() -> dict[int, int]:
                return {self._column(place): self._read_cells(place).counted for place in own}

            self._registered[subject] = _fitting(
                read_registration(file, self._statements.base, counted), own, self._statements
            )
        return self._registered[subject]


def _fitting(registration: Registration, own: list[Place], statements: Statements) -> Registration:
    """The registration, if it has a column for each session and no session too many."""
    columns = statements.columns
    if columns is not None and (
        len(columns) != len(own)
        or sorted(set(columns)) != sorted(columns)
        or not all(1 <= column <= registration.sessions for column in columns)
    ):
        raise RefusedInputError(
            f"columns was expected to name one of {registration.sessions} columns of "
            f"{registration.where} for each session of {own[0].subject} ({len(own)}), got "
            f"{', '.join(map(str, columns))}: count from 1, in the order of the sessions."
        )
    if columns is None and registration.sessions != len(own):
        raise RefusedInputError(
            f"{registration.where} was expected to have a column for each session of "
            f"{own[0].subject} ({len(own)}: {', '.join(place.label for place in own)}), got "
            f"{registration.sessions}: give the folder of all sessions that were registered, or "
            "say columns= with those of these sessions, from 1."
        )
    if columns is None:
        _refuse_other_names(registration, own)
    if registration.counts_accepted and statements.keep_rejected:
        raise RefusedInputError(
            f"{registration.where} numbers the accepted cells of a session, got "
            "keep_rejected=true, with which all count: leave it out."
        )
    if statements.minimum_confidence is not None:
        registration.drop_uncertain(statements.minimum_confidence)
    return registration


def _refuse_other_names(registration: Registration, own: list[Place]) -> None:
    """Refuse columns that are named as these sessions, in another order."""
    names = registration.names
    matching = [
        [place.number for place in own if name in (place.label, place.top.name)] for name in names
    ]
    numbers = [numbers[0] for numbers in matching if len(numbers) == 1]
    if len(numbers) == len(own) and numbers != sorted(numbers):
        raise RefusedInputError(
            f"{registration.where} was expected to have its columns in the order of the sessions "
            f"of {own[0].subject} ({', '.join(place.label for place in own)}), got "
            f"{', '.join(names)}: say columns="
            f"{','.join(str(numbers.index(place.number) + 1) for place in own)}."
        )


def _units(
    registration: Registration, column: int, place: Place, cells: Cells
) -> NDArray[np.int64]:
    """Unit of each cell that counts.

    Numbers in the registration are rows of the tool's table, or, where the program was given
    accepted cells only, ranks among these, or the numbers that the tool calls its cells by.
    """
    largest = registration.largest(column)
    of_accepted = registration.counts_accepted or (
        registration.counts_every_cell and largest == cells.rows.size < cells.counted
    )
    if largest > (cells.rows.size if of_accepted else cells.counted) or (
        registration.counts_every_cell and not of_accepted and largest != cells.counted
    ):
        expected = f"{cells.counted}"
        if registration.counts_accepted:
            expected = f"{cells.rows.size} accepted cells"
        elif registration.counts_every_cell and cells.rows.size < cells.counted:
            expected += f" cells, or the {cells.rows.size} accepted ones,"
        else:
            expected += " cells"
        raise RefusedInputError(
            f"{registration.where} was expected to name {expected} of session {place.number} "
            f"({place.label}), got numbers until {largest} in column {column}: check the order of "
            "the sessions."
        )
    in_order = np.argsort(np.argsort(cells.rows))  # tools may list their cells in any order
    if of_accepted:
        return registration.units(column, cells.rows.size)[in_order]
    is_read = np.zeros(cells.counted, dtype=bool)
    is_read[cells.rows] = True
    _refuse_misplaced(registration, column, is_read, place)
    return registration.units(column, cells.counted, is_read)[in_order]


def _refuse_misplaced(
    registration: Registration, column: int, is_read: NDArray[np.bool_], place: Place
) -> None:
    """Refuse a column that names as many rejected cells as chance would."""
    if registration.counts_every_cell:
        return
    named = registration.columns[:, column - 1]
    named = named[named >= 0]
    rejected = int((~is_read[named]).sum())
    by_chance = float((~is_read).mean()) * named.size
    if rejected >= FEWEST and rejected > MISPLACED * by_chance:
        raise RefusedInputError(
            f"{registration.where} was expected to name accepted cells of session {place.number} "
            f"({place.label}), got {rejected} of {named.size} that were rejected, as if column "
            f"{column} belonged to another session: check the order, or say keep_rejected=true."
        )
