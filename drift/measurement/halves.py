"""Two independent halves of a session: odd and even laps, or blocks of time in turn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.domains import Domain, Places
from drift.measurement.event_counting import counts_of_maps, happened
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import (
    has_stimuli,
    known_samples,
    positions_by_axis,
    session_name,
    way_run,
)
from drift.metrics.clocks import durations, sample_times
from drift.metrics.labels import described
from drift.metrics.maps import rate_maps
from drift.schema.map_dims import PLACE, STIMULUS

BLOCK = 30.0  # s, blocks of time that belong to one half and the other in turn
END = 0.15  # of the track: who comes that near to the other end has run a lap
LAP = "lap"
ROUNDING = 1e-9  # of a turn: who comes back to within it has gone round


def with_laps(session: xr.Dataset, halves: str, domain: Domain) -> xr.Dataset:
    """Number what goes to one half as a whole, before samples are chosen among.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    halves : {"trials", "time"}
        Laps are what the session has as ``trial`` (0 is no lap); without it, runs from one end of a
        track to the other, turns of a ring (runs to and fro where there are not two), or single
        presentations of a stimulus. Or blocks of 30 s.
    domain : Domain
        Of the session.

    Returns
    -------
    xarray.Dataset
        With ``lap`` (sample) int, 0 for samples of neither half.

    Raises
    ------
    RefusedInputError
        If a plane was recorded without trials.
    """
    return session.assign({LAP: ("sample", _numbered(session, halves, domain))})


def _numbered(session: xr.Dataset, halves: str, domain: Domain) -> np.ndarray:
    """(sample) number of the lap or the block of each sample, see ``with_laps``."""
    if halves == "time":
        times = sample_times(session)
        numbers = 1 + np.floor((times - times[0]) / BLOCK)
    elif _has_trials(session):
        numbers = np.nan_to_num(session["trial"].values.astype(float))
    elif has_stimuli(session):
        numbers = _presentations(session)
    else:
        numbers = _laps(session, domain)
    return np.maximum(numbers, 0).astype(np.int64)


def _has_trials(session: xr.Dataset) -> bool:
    return "trial" in session and bool((session["trial"].values > 0).any())


def laps_run(session: xr.Dataset, domain: Domain) -> float:
    """How many laps, trials or presentations a session has, see ``with_laps``; of laps that no
    trial tells those that cover half of the way at least. NaN in a plane without trials."""
    stated = _has_trials(session) or has_stimuli(session)
    if not (stated or positions_by_axis(session).shape[1] == 1):
        return np.nan
    lap_of = _numbered(session, "trials", domain)
    numbers = np.unique(lap_of[lap_of > 0])
    if stated or not numbers.size:
        return float(numbers.size)
    along = positions_by_axis(session)[:, 0]
    way = np.array([np.ptp(along[lap_of == number]) for number in numbers])
    return float((way >= np.nanmax(way) / 2).sum())


def _presentations(session: xr.Dataset) -> np.ndarray:
    """Numbers that rise with every change of the stimulus."""
    shown = known_samples(session)
    labels = np.unique(session[STIMULUS].values, return_inverse=True)[1].reshape(-1)
    changes = np.diff(np.where(shown, labels, -1), prepend=-2) != 0
    return np.where(shown, np.cumsum(changes), 0)


def _laps(session: xr.Dataset, domain: Domain) -> np.ndarray:
    """Runs from end to end, or turns of a ring, counted from 1; 0 where the position is unknown."""
    position = positions_by_axis(session)
    if position.shape[1] > 1:
        raise RefusedInputError(
            f"{session_name(session)}: halves by trials need laps, which a plane does not have, "
            'got no variable trial: add it, or measure with halves="time".'
        )
    tracked = np.isfinite(position[:, 0])
    along, numbers = position[tracked, 0], np.zeros(tracked.size)
    if along.size:
        around = domain.around if isinstance(domain, Places) else None
        numbers[tracked] = _runs(along) if around is None else _rounds(along, around)
    return numbers


def _rounds(along: np.ndarray, around: float) -> np.ndarray:
    """Turns of a ring, or runs to and fro where the animal does not go round at least twice."""
    turns = _turns(along, around)
    unwrapped = np.unwrap(along, period=around)
    return turns if np.ptp(unwrapped) >= 2 * around else _runs(unwrapped)


def _turns(along: np.ndarray, around: float) -> np.ndarray:
    """Turn of a ring that each position lies in, from 1, whichever way it goes; turns are counted
    from where the animal was first, as no place of a ring is its beginning."""
    gone = np.unwrap(along, period=around) - along[0]
    turns = np.floor(gone * np.sign(gone[-1]) / around + ROUNDING)
    return 1 + turns - turns.min()


def _runs(along: np.ndarray) -> np.ndarray:
    """Run from one end of a track to the other that each position lies in, from 1; it ends where
    the animal is farthest out before it comes to the other end."""
    low, high = along.min(), along.max()
    margin = END * (high - low)
    end = np.where(along <= low + margin, -1, np.where(along >= high - margin, 1, 0))
    visited = np.flatnonzero(end)
    arrivals = visited[np.flatnonzero(np.diff(end[visited], prepend=0))]
    turning = [
        start + int(np.argmax(end[start] * along[start:stop]))
        for start, stop in zip(arrivals, [*arrivals[1:], along.size], strict=True)
    ]
    runs = np.zeros(along.size)
    runs[[at for at in turning if at > 0]] = 1
    return 1 + np.cumsum(runs)


def half_of_samples(running: xr.Dataset, stimulus: np.ndarray | None = None) -> np.ndarray:
    """Half of each sample that counts: laps of one kind belong to one half and the other in turn.

    Laps of a kind are those in one running direction, or of one stimulus; so either half has as
    many of each, and where directions take turns no half has but one of them.

    Parameters
    ----------
    running : xarray.Dataset
        Samples that count, with ``lap``.
    stimulus : numpy.ndarray, optional
        (sample) number of the stimulus, where there are stimuli in the place of positions.

    Returns
    -------
    numpy.ndarray
        (sample) 0 or 1, or -1 for neither.

    Raises
    ------
    RefusedInputError
        If a half has no sample.
    """
    laps = laps_of(running, stimulus)
    halves = np.where(laps.ranks < 0, -1, laps.ranks % 2)[laps.of_sample]
    if not ((halves == 0).any() and (halves == 1).any()):
        laps_in_all = int((laps.numbers > 0).sum())
        raise RefusedInputError(
            f"{session_name(running)}: two halves need at least two laps, trials or blocks of "
            f"{BLOCK:g} s of one kind, got {laps_in_all} in all: measure without halves, "
            'or with the other of halves="trials" and "time".'
        )
    return np.asarray(halves)


class Laps(NamedTuple):
    """Laps of the samples that count.

    Attributes
    ----------
    numbers : numpy.ndarray
        (lap) as ``with_laps`` gave them, 0 for what is none.
    kinds : numpy.ndarray
        (lap) running direction or stimulus.
    ranks : numpy.ndarray
        (lap) among those of its kind, -1 for what is none.
    of_sample : numpy.ndarray
        (sample) position of its lap among these.
    """

    numbers: np.ndarray
    kinds: np.ndarray
    ranks: np.ndarray
    of_sample: np.ndarray


def laps_of(running: xr.Dataset, stimulus: np.ndarray | None = None) -> Laps:
    """Laps and their ranks among those of their kind; see ``half_of_samples``."""
    numbers, of_sample = np.unique(running[LAP].values, return_inverse=True)
    kinds, ranks = _kinds(running, of_sample, stimulus), np.full(numbers.size, -1)
    for kind in np.unique(kinds):
        members = np.flatnonzero((kinds == kind) & (numbers > 0))
        ranks[members] = np.arange(members.size)
    return Laps(numbers, kinds, ranks, of_sample)


def _kinds(running: xr.Dataset, lap_of: np.ndarray, stimulus: np.ndarray | None) -> np.ndarray:
    """(lap) number of the running direction or the stimulus of a lap, 0 where it has several."""
    if stimulus is not None:
        first, last = _extremes(stimulus + 1, lap_of)
        return np.where(first == last, first, 0)
    if "direction" in running:
        way = running["direction"].values.astype(float)
        return np.rint(np.bincount(lap_of, way) / np.bincount(lap_of)).astype(int)
    position = way_run(running)
    if position.shape[1] > 1:
        return np.zeros(lap_of.max() + 1, dtype=int)
    starts = np.unique(lap_of, return_index=True)[1]
    ends = lap_of.size - 1 - np.unique(lap_of[::-1], return_index=True)[1]
    span = float(np.ptp(positions_by_axis(running)[:, 0])) or 1.0
    return np.rint((position[ends, 0] - position[starts, 0]) / span).astype(int)


def _extremes(labels: np.ndarray, lap_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(lap) smallest and largest label of each lap."""
    order = np.lexsort((labels, lap_of))
    edges = np.searchsorted(lap_of[order], np.arange(lap_of.max() + 2))
    ordered = labels[order]
    return ordered[edges[:-1]], ordered[edges[1:] - 1]


def session_half_of(
    running: xr.Dataset, place: xr.DataArray, dim: str, rules: Measurement
) -> np.ndarray | None:
    """(sample) half of each sample that counts, see ``half_of_samples``; None where no halves are
    kept.

    Parameters
    ----------
    running : xarray.Dataset
        Samples that count, with ``lap`` where halves are kept.
    place : xarray.DataArray
        (sample) number of the place or stimulus.
    dim : str
        What maps run over.
    rules : Measurement
    """
    if rules.halves is None:
        return None
    return half_of_samples(running, None if dim == PLACE else place.values)


def session_halves(
    running: xr.Dataset,
    activity: xr.DataArray,
    kind: str,
    where: tuple[xr.DataArray, xr.DataArray | None],
    along: tuple[int, str],
    half: np.ndarray | None,
    rules: Measurement,
) -> dict[str, xr.DataArray]:
    """Maps, occupancy and events of both halves of a session, where these are to be kept.

    Parameters
    ----------
    running : xarray.Dataset
        Samples that count, with ``lap`` where halves are kept.
    activity : xarray.DataArray
        Of these.
    kind : str
        What its numbers are, see ``activity_kind``.
    where : tuple
        Place and direction of each sample, as ``rate_maps`` takes them.
    along : tuple
        Number of places or stimuli, and what the maps run over.
    half : numpy.ndarray or None
        Of ``session_half_of``.
    rules : Measurement
        A place is valid in a half that spends more than ``minimum_occupancy`` there.

    Returns
    -------
    dict of str to xarray.DataArray
        ``rate_half`` and ``event_count_half`` (unit, place[, direction], half), ``occupancy_half``
        (place[, direction], half); nothing without halves.
    """
    if half is None:
        return {}
    (place, direction), (places, dim) = where, along
    # the places of the second half behind those of the first: activity is summed up once
    index = place.copy(data=np.where(half < 0, -1, place.values + places * np.maximum(half, 0)))
    options = (2 * places, direction, None, durations(running), rules.minimum_occupancy)
    maps = rate_maps(activity, index, *options)
    events = rate_maps(happened(activity), index, *options) if kind == "amplitudes" else maps
    maps = maps.assign(event_count=counts_of_maps(events, kind))
    apart = [maps.isel(place=slice(start, start + places)) for start in (0, places)]
    joined = {name: xr.concat([of_half[name] for of_half in apart], "half") for name in maps}
    return {
        f"{name}_half": described(
            values.rename({PLACE: dim}).transpose(..., "half"),
            f"{name}_half",
            units=str(values.attrs["units"]),
        )
        for name, values in joined.items()
    }
