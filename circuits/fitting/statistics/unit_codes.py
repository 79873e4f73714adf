"""What statistics are made of: numbers of each unit, and vectors whose products are similarities.

All are computed of measured rate maps (session, unit, cell), with NaN where nothing was observed,
in the same way for data and for circuits seen through the lens of the data. Units that are silent
in every session are left out of both, since few recordings list them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from circuits.fitting.statistics.code_loops import (
    gaussian_weights,
    map_similarity,
    unit_numbers,
    vectors,
    weighted,
)
from drift.observation.expected_maps import Lens

FIELD_LEVEL = 0.5  # of the peak of the smoothed map, which bounds a field
SMOOTHING = 1.0  # cells, before fields are counted
FEWEST_EVENTS = 5  # of a unit in a session, for its information and its fields to count


class Codes(NamedTuple):
    """What a bootstrap draws from: numbers of each unit, and vectors whose products are
    similarities.

    Attributes
    ----------
    active : numpy.ndarray
        (session, unit) whether there was any event; NaN where not observed.
    responses, information, fields, width, event_rate : numpy.ndarray
        (session, unit) fraction of visited cells with events, bits/event, number, fraction of
        visited cells in fields, log events/s.
    map_similarity : numpy.ndarray
        (unit, session, session) correlation of rate maps; of halves where there are, then the
        diagonal is that of both halves of a session.
    vectors : numpy.ndarray
        (cell, session, unit) rates, for population vectors; 0 where not observed. Both halves of
        each session one after the other where there are.
    seen : numpy.ndarray
        (session, unit) whether the unit was observed.
    rate_rank : numpy.ndarray
        (session, unit) rank of the mean rate among the units observed in the session, 0 where not
        observed. Both halves of each session one after the other where there are.
    """

    active: np.ndarray
    responses: np.ndarray
    information: np.ndarray
    fields: np.ndarray
    width: np.ndarray
    event_rate: np.ndarray
    map_similarity: np.ndarray
    vectors: np.ndarray
    seen: np.ndarray
    rate_rank: np.ndarray


OF_UNITS = (*Codes._fields[:6], "seen")  # (session, unit)


def codes(maps: np.ndarray, lens: Lens, halves: np.ndarray | None = None) -> Codes:
    """Return what the statistics are made of.

    Parameters
    ----------
    maps : numpy.ndarray
        (session, unit, cell) measured rates in events/s, NaN where not observed.
    lens : Lens
        Of the recording.
    halves : numpy.ndarray, optional
        (session, half, unit, cell) likewise, where the lens has halves.
    """
    by_cell, observed = weighted(maps, lens.occupancy)
    events = np.where(observed, by_cell.sum(axis=-1), np.nan)  # (session, unit)
    units = np.flatnonzero(np.nansum(events, axis=0) > 0)  # with an event in any session
    observed, events = observed[:, units], events[:, units]
    enough = np.nan_to_num(events) >= FEWEST_EVENTS
    rate = vectors(maps, lens.occupancy, units)
    probability = lens.occupancy / lens.occupancy.sum(axis=-1, keepdims=True)
    is_ring, visits = lens.around is not None, (lens.occupancy > 0).sum(axis=-1, keepdims=True)
    responding, mean, information, fields, width = unit_numbers(
        rate, probability, enough, gaussian_weights(SMOOTHING), _way_starts(lens), is_ring,
        FIELD_LEVEL,
    )  # fmt: skip
    compared, time = rate, lens.occupancy
    if lens.halves is not None and halves is not None:
        time = lens.halves.occupancy.reshape(-1, lens.occupancy.shape[-1])
        compared = vectors(halves.reshape(-1, *halves.shape[2:]), time, units)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Codes(
            np.where(observed, events > 0, np.nan),
            np.where(observed, responding / visits, np.nan),
            information,
            fields,
            width,
            np.where(events > 0, np.log(mean), np.nan),
            map_similarity(compared, time, enough),
            compared,
            observed,
            _rate_rank(compared, time, np.repeat(observed, len(time) // len(observed), axis=0)),
        )


def _way_starts(lens: Lens) -> np.ndarray:
    """Where the cells of each running direction begin, and where the last ones end, (way + 1,)."""
    turns = np.flatnonzero(np.diff(lens.way)) + 1
    return np.concatenate([[0], turns, [lens.way.size]])


def _rate_rank(rate: np.ndarray, time: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Rank of the events in a session (session, unit), 0 where not observed; of rates (cell,
    session, unit), the time in each cell (session, cell) and who was observed (session, unit)."""
    events = np.where(observed, np.einsum("csu,sc->su", rate, time), np.inf)
    return np.where(observed, rankdata(events, axis=1), 0.0)
