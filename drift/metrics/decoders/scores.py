"""How well windows are decoded, and how well they would be by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from drift.metrics.decoders.readings import Crew, Reading
from drift.metrics.decoders.training import Decoded, Track
from drift.metrics.decoders.windows import Placed
from drift.streams import stream

SHIFTS = 50  # of the path; one more costs no decoding
Draw = TypeVar("Draw")
SESSIONS = 2**32  # more than are ever numbered: each pair has a number of its own


class Rules(NamedTuple):
    """How chance is found.

    Attributes
    ----------
    shuffles : int
        Draws of disorder; 0 for no chance at all.
    minimum_shift : float
        Smallest shift in time, s.
    confusion : bool
        Whether decoded places are counted by true place.
    seed : int
        Source of chance.
    """

    shuffles: int
    minimum_shift: float
    confusion: bool
    seed: int


def scores(crew: Crew, reading: Reading, rules: Rules) -> dict[str, NDArray | float]:
    """What is reported of a reading.

    Parameters
    ----------
    crew : Crew
        Sessions of the subject.
    reading : Reading
        Of two of them.
    rules : Rules
        How chance is found.

    Returns
    -------
    dict
        Numbers by the names of variables; ``confusion`` is (place, place).
    """
    session = crew.sessions[reading.tested]
    if not reading.columns.size:
        return {"decoding_units": 0.0, "decoded_windows": 0.0}
    decoded = reading.decoded(session)
    errors = _errors(crew, session, decoded)
    report: dict[str, NDArray | float] = {
        "decoding_accuracy": _accuracy(session, decoded),
        "decoding_units": float(reading.columns.size),
        "decoded_windows": float((decoded.place >= 0).sum()),
    }
    if crew.track.has_distances:
        report["decoding_error"] = _mean(errors)
        report["median_decoding_error"] = _mean(errors, np.nanmedian)
    if np.isfinite(squared_error := reading.squared_error(session)):
        report["readout_error"] = squared_error
    if np.isfinite(reading.change):
        report["weight_change"] = reading.change
    if rules.confusion:
        report["confusion"] = _confusion(session, decoded, crew.track)
    return report | (_chance(crew, reading, decoded, rules) if rules.shuffles else {})


def _errors(crew: Crew, session: Placed, decoded: Decoded, shift: int = 0) -> NDArray[np.float64]:
    """(window) distance from where the animal was, or was ``shift`` windows before."""
    true = np.roll(session.windows.position, shift, axis=0)
    return np.asarray(crew.track.distance(decoded.position, true))


def _mean(errors: NDArray[np.float64], statistic: Callable[[NDArray], float] = np.nanmean) -> float:
    return float(statistic(errors)) if np.isfinite(errors).any() else np.nan


def _accuracy(session: Placed, decoded: Decoded, shift: int = 0) -> float:
    """Share of the decoded windows whose place is the true one, or was that of ``shift`` windows
    before."""
    told = decoded.place >= 0
    hits = decoded.place == np.roll(session.place, shift)
    return float(hits[told].mean()) if told.any() else np.nan


def _confusion(session: Placed, decoded: Decoded, track: Track) -> NDArray[np.float64]:
    """(place, place decoded) share of the windows of each place; NaN where there is none."""
    told, places = decoded.place >= 0, len(track.centres)
    counted = np.zeros((places, places))
    np.add.at(counted, (session.place[told], decoded.place[told]), 1)
    total = counted.sum(axis=1, keepdims=True)
    return np.divide(counted, total, where=total > 0, out=np.full(counted.shape, np.nan))


def _chance(crew: Crew, reading: Reading, decoded: Decoded, rules: Rules) -> dict[str, float]:
    """The same numbers with the units in disorder, and with the path moved in time."""
    session = crew.sessions[reading.tested]
    # A stream of its own for every pair: what else was decoded changes nothing.
    numbers = [
        int(crew.sessions[day].windows.labels["session"])
        for day in (reading.trained, reading.tested)
    ]
    rng = stream(rules.seed, "shuffle", (numbers[0] + 1) * SESSIONS + numbers[1])
    disorder = [
        reading.decoded(session, rng.permutation(reading.columns)) for _ in range(rules.shuffles)
    ]
    shifts = _shifts(session, rules.minimum_shift)
    chance = {
        "shuffled_decoding_accuracy": _over(disorder, lambda guess: _accuracy(session, guess)),
        "shifted_decoding_accuracy": _over(
            shifts, lambda shift: _accuracy(session, decoded, shift)
        ),
    }
    if crew.track.has_distances:
        chance |= {
            "shuffled_decoding_error": _over(
                disorder, lambda guess: _mean(_errors(crew, session, guess))
            ),
            "shifted_decoding_error": _over(
                shifts, lambda shift: _mean(_errors(crew, session, decoded, shift))
            ),
        }
    timeless = session.windows.visits > 0
    return {
        name: value
        for name, value in chance.items()
        if not (timeless and name.startswith("shifted"))
    }


def _over(draws: Sequence[Draw], score: Callable[[Draw], float]) -> float:
    """Mean of a score over draws, NaN where there is none, as no shift is long enough."""
    return float(np.mean([score(draw) for draw in draws])) if draws else np.nan


def _shifts(session: Placed, minimum_shift: float) -> list[int]:
    """Circular shifts in windows, evenly over all that are long enough either way round."""
    windows = session.windows.seconds.size
    least = max(1, int(np.ceil(minimum_shift / session.windows.seconds.mean())))
    if 2 * least > windows:
        return []
    return np.unique(np.linspace(least, windows - least, SHIFTS).astype(int)).tolist()
