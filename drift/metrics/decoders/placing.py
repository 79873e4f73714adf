"""Windows of all sessions on the places or stimuli that they share, by subject and in order."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from drift.errors import RefusedInputError
from drift.metrics.decoders.training import Track
from drift.metrics.decoders.windows import Placed, Windows


def placed_sessions(
    windows: list[Windows],
) -> tuple[dict[str, tuple[list[Placed], Track]], NDArray[np.int64]]:
    """Number the places of the sessions of each subject alike.

    Parameters
    ----------
    windows : list of Windows
        At least one session, in any order.

    Returns
    -------
    crews : dict
        Sessions by number, and places, by subject.
    cells : numpy.ndarray
        (place, axis) bins of the grid, or (stimulus, 1) labels.

    Raises
    ------
    RefusedInputError
        If a session occurs twice, elapsed falls, or sessions do not share grid and directions.
    """
    _refuse_mixture(windows)
    first = windows[0]
    cells = first.domain.joined([session.cells for session in windows])
    order = sorted(windows, key=lambda session: int(session.labels["session"]))
    by_subject: dict[str, list[Windows]] = {}
    for session in order:
        by_subject.setdefault(str(session.labels["subject"]), []).append(session)
    return {subject: _crew(own, cells) for subject, own in by_subject.items()}, cells


def _crew(sessions: list[Windows], cells: NDArray[np.int64]) -> tuple[list[Placed], Track]:
    """Sessions of a subject on its own places, among those of all."""
    _refuse_time_reversal(sessions)
    domain, ways = sessions[0].domain, 1 + sessions[0].directed
    own = domain.joined([session.cells for session in sessions])
    among = {tuple(cell): number for number, cell in enumerate(cells.tolist())}
    numbers = np.array([among[tuple(cell)] for cell in own.tolist()])
    track = Track(domain.centres(own), ways, domain.origin, domain.around, numbers)
    places = {tuple(cell): place for place, cell in enumerate(own.tolist())}
    return [_placed(session, places, ways) for session in sessions], track


def _placed(session: Windows, numbers: dict[tuple, int], ways: int) -> Placed:
    visited, index = np.unique(session.cells, axis=0, return_inverse=True)
    place = np.array([numbers[tuple(cell)] for cell in visited.tolist()])[index.reshape(-1)]
    return Placed(session, place, ways * place + session.downward, ways * len(numbers))


def _refuse_mixture(windows: list[Windows]) -> None:
    first = windows[0]
    keys: set[tuple[str, int]] = set()
    for session in windows:
        key = (str(session.labels["subject"]), int(session.labels["session"]))
        if key in keys:
            raise RefusedInputError(
                f"{session.name} occurs twice: number the sessions of a subject differently, also "
                "across environments."
            )
        keys.add(key)
        if faults := _faults(session, first):
            raise RefusedInputError(
                f"{session.name} does not fit {first.name}: {'; '.join(faults)}: decode them "
                "apart, or give them one grid."
            )


def _faults(session: Windows, first: Windows) -> list[str]:
    """What keeps two sessions from sharing places."""
    comparisons = {
        "places": (str(session.domain), str(first.domain)),
        "bin_size": (session.domain.bin_size, first.domain.bin_size),
        "axes of position": (session.cells.shape[1], first.cells.shape[1]),
        "units of position": (session.domain.units, first.domain.units),
        "split directions": (session.directed, first.directed),
        "units of elapsed": (session.labels["elapsed_units"], first.labels["elapsed_units"]),
    }
    return [
        f"{what} {own} against {expected}"
        for what, (own, expected) in comparisons.items()
        if own != expected and (what != "places" or session.domain.shared != first.domain.shared)
    ]


def _refuse_time_reversal(sessions: list[Windows]) -> None:
    for before, after in itertools.pairwise(sessions):
        if after.labels["elapsed"] < before.labels["elapsed"]:
            raise RefusedInputError(
                f"elapsed falls from {before.labels['elapsed']:g} at {before.name} to "
                f"{after.labels['elapsed']:g} at {after.name}: number the sessions in the order "
                "of real time."
            )
