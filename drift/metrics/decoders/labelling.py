"""Scores of all pairs of sessions as one labelled Dataset."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.measurement.domains import Domain, Places
from drift.metrics.decoders.windows import Windows
from drift.schema.longitudinal import longitudinal_dataset

PAIR = ("subject", "session", "session_other")
Table = Mapping[tuple[str, int, int], Mapping[str, "NDArray | float"]]
OF_POSITION = (
    "decoding_error",
    "median_decoding_error",
    "shuffled_decoding_error",
    "shifted_decoding_error",
)


def labelled_scores(
    windows: list[Windows],
    cells: NDArray[np.int64],
    numbers: Mapping[str, NDArray[np.int64]],
    table: Table,
    attrs: Mapping[str, str],
) -> xr.Dataset:
    """Scores over subject, session trained and session tested.

    Parameters
    ----------
    windows : list of Windows
        All sessions.
    cells : numpy.ndarray
        (place, axis) bins that they share, or (stimulus, 1) labels.
    numbers : mapping
        Positions of the places of each subject among these.
    table : mapping
        Scores by subject and the numbers of the session trained and the session tested.
    attrs : mapping
        Of the Dataset.

    Returns
    -------
    xarray.Dataset
        NaN where a pair has no score.
    """
    subjects = list(dict.fromkeys(str(session.labels["subject"]) for session in windows))
    sessions = sorted({int(session.labels["session"]) for session in windows})
    units = windows[0].domain.units or "1"
    names = list(dict.fromkeys(name for entry in table.values() for name in entry))
    domain = windows[0].domain
    inner = (domain.dim, f"{domain.dim}_decoded")
    arrays = {
        name: (
            (*PAIR, *(inner if name == "confusion" else ())),
            _filled(name, subjects, sessions, table, numbers, len(cells)),
        )
        for name in names
    }
    elapsed, labels = _labels(windows, subjects, sessions)
    trained = xr.Variable("session", sessions, {"long_name": "session trained"})
    tested = xr.Variable("session_other", sessions, {"long_name": "session tested"})
    coords = {"subject": subjects, "session": trained, "session_other": tested, **labels}
    return longitudinal_dataset(
        arrays,
        coords | (_places(windows, cells) if "confusion" in names else {}),
        elapsed=elapsed,
        elapsed_units=windows[0].labels["elapsed_units"],
        units={name: units for name in names if name in OF_POSITION},
        attrs={**attrs, **_scale(domain)},
    )


def _filled(
    name: str,
    subjects: list[str],
    sessions: list[int],
    table: Table,
    numbers: Mapping[str, NDArray[np.int64]],
    places: int,
) -> NDArray[np.float64]:
    """One variable of all pairs."""
    inner = (places, places) if name == "confusion" else ()
    filled = np.full((len(subjects), len(sessions), len(sessions), *inner), np.nan)
    for (subject, trained, tested), entry in table.items():
        if name in entry:
            place = subjects.index(subject), sessions.index(trained), sessions.index(tested)
            filled[place] = _among(entry[name], numbers[subject], places) if inner else entry[name]
    return filled


def _scale(domain: Domain) -> dict[str, str | float]:
    """In what positions are told, and how finely."""
    if not isinstance(domain, Places):
        return {}
    return {"bin_size": domain.grid.bin_size, "position_units": domain.units}


def _among(
    confusion: NDArray | float, numbers: NDArray[np.int64], places: int
) -> NDArray[np.float64]:
    """Confusion of a subject among the places of all: none is decoded where it never is."""
    shares = np.full((places, places), np.nan)
    shares[numbers] = 0.0
    shares[np.ix_(numbers, numbers)] = confusion
    shares[np.isnan(shares).any(axis=1)] = np.nan
    return shares


def _labels(
    windows: list[Windows], subjects: list[str], sessions: list[int]
) -> tuple[NDArray[np.float64], dict[str, tuple]]:
    """Elapsed time (subject, session), and labels over these."""
    elapsed = np.full((len(subjects), len(sessions)), np.nan)
    texts = {
        name: np.full(elapsed.shape, "", dtype=object) for name in ("environment", "unit_identity")
    }
    for session in windows:
        labels = session.labels
        place = subjects.index(str(labels["subject"])), sessions.index(int(labels["session"]))
        elapsed[place] = labels["elapsed"]
        for name, array in texts.items():
            array[place] = str(labels[name])
    coords = {name: (("subject", "session"), array.astype(str)) for name, array in texts.items()}
    return elapsed, coords


def _places(windows: list[Windows], cells: NDArray[np.int64]) -> dict[str, tuple]:
    """Coordinates of the places or stimuli, true and decoded."""
    dim = windows[0].domain.dim
    lengths = {session.length for session in windows}
    length = next(iter(lengths)) if len(lengths) == 1 else None
    coords = windows[0].domain.coordinates(cells, length)
    decoded = {
        name.replace(dim, f"{dim}_decoded"): (f"{dim}_decoded", *entry[1:])
        for name, entry in coords.items()
    }
    return coords | decoded
