"""Who the cells of a tool are over the sessions of a subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place
from data_adapters.registrations.cell_map import Registration
from data_adapters.registrations.files import read_registration
from data_adapters.statements import Statements
from drift.schema.labelled_form import RefusedInputError


class Identities:
    """Units of each session: those of a registration, or of the session alone.

    Parameters
    ----------
    found : iterable of Place
        All sessions that are read.
    read_cells : callable
        Cells of a place, asked for where a registration does not tell from which number it counts.
    statements : Statements
        What the caller says.

    Raises
    ------
    RefusedInputError
        If a registration cannot be used, or does not fit the sessions.
    """

    def __init__(
        self,
        found: Iterable[Place],
        read_cells: Callable[[Place], Cells],
        statements: Statements,
    ) -> None:
        self._registered: dict[str, Registration] = {}
        if statements.registration is None:
            return
        by_subject: dict[str, list[Place]] = {}
        for place in found:
            by_subject.setdefault(place.subject, []).append(place)
        for subject, own in by_subject.items():
            file = own[0].named(statements.registration, "registration")
            self._registered[subject] = _registration(file, own, read_cells, statements)

    def units(self, place: Place, cells: Cells) -> dict[str, Any]:
        """Number, label and identity of the units that count, as arguments of
        ``session_dataset``."""
        registration = self._registered.get(place.subject)
        if registration is None:
            labels = cells.labels or [f"{cells.word} {number}" for number in cells.rows]
            return {
                "unit": cells.rows,
                "unit_label": labels,
                "unit_identity": f"{place.subject} {place.recording}",
            }
        numbered = _numbered(registration, place, cells)
        certain = registration.certainty(numbered)
        return {"unit": numbered, "unit_identity": "registered", "unit_confidence": certain}

    def note(self, place: Place) -> str:
        """What a registration leaves uncertain; empty without one."""
        registration = self._registered.get(place.subject)
        if registration is None or registration.confidence is None:
            return ""
        probabilities = registration.confidence[np.isfinite(registration.confidence)]
        if not probabilities.size:
            return ""
        return (
            f"registered cells are certain to {np.median(probabilities):.2f} (median; "
            f"{(probabilities < 0.5).mean():.0%} below .5)"
        )


def _registration(
    file: Path,
    own: list[Place],
    read_cells: Callable[[Place], Cells],
    statements: Statements,
) -> Registration:
    def counted() -> dict[int, int]:
        return {place.number: read_cells(place).counted for place in own}

    registration = read_registration(file, statements.base, counted)
    if registration.sessions != len(own):
        raise RefusedInputError(
            f"{registration.where} was expected to have a column for each session of "
            f"{own[0].subject} ({len(own)}: {', '.join(place.label for place in own)}), got "
            f"{registration.sessions}: give the folder of all sessions that were registered."
        )
    if statements.minimum_confidence is not None:
        _drop_uncertain(registration, statements.minimum_confidence)
    return registration


def _drop_uncertain(registration: Registration, least: float) -> None:
    """Take away rows of which the program is less certain."""
    if registration.confidence is None:
        raise RefusedInputError(
            f"{registration.where} was expected to tell how certain it is, got no probabilities: "
            "leave minimum_confidence out."
        )
    registration.columns[registration.confidence < least] = -1


def _numbered(registration: Registration, place: Place, cells: Cells) -> NDArray[np.int64]:
    """Unit of each cell that counts; programs that were given accepted cells only count these."""
    largest = registration.largest(place.number)
    if largest > cells.counted:
        raise RefusedInputError(
            f"{registration.where} was expected to name {cells.counted} cells of session "
            f"{place.number} ({place.label}), got number {largest}: check the order of sessions."
        )
    is_read = np.zeros(cells.counted, dtype=bool)
    is_read[cells.rows] = True
    if registration.counts_every_cell and largest == cells.rows.size < cells.counted:
        return registration.units(place.number, cells.rows.size)
    return registration.units(place.number, cells.counted, is_read)
