"""What of a recording sampling noise could change: similarity of sessions, information, place
units, as numbers that a frozen twin has, too."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.metrics.information.skaggs import information_per_second
from drift.metrics.rooms import environment_labels
from drift.metrics.stability.correlations import mean_over
from drift.metrics.stability.pairs import pairwise_pearson
from drift.observation.counted_halves import CountedHalves, Smoother

Events = tuple[CountedHalves, np.ndarray]
QUANTILE = 0.95  # of the information of events without a place, which a place unit exceeds
SHUFFLES = 400
GRID = 12  # numbers of events at which that quantile is drawn


class Shared(NamedTuple):
    """What a recorded subject and its frozen twins have in common.

    Attributes
    ----------
    shape : tuple of int
        Sessions and units.
    compared_units : int
        Units with enough events in any session.
    minimum_events : float
        Events that a unit needs in a session.
    thresholds : numpy.ndarray
        (session, 2, GRID) numbers of events, and how much information times their number a place
        unit exceeds.
    comparable : numpy.ndarray
        (session, session) bool, different sessions that are compared.
    elapsed : numpy.ndarray
        (session).
    rooms : numpy.ndarray
        (session) number of the environment.
    smooth : callable
        How maps are smoothed.
    smoothing : float
        Standard deviation in bins, of maps that are correlated.
    """

    shape: tuple[int, int]
    compared_units: int
    minimum_events: float
    thresholds: np.ndarray
    comparable: np.ndarray
    elapsed: np.ndarray
    rooms: np.ndarray
    smooth: Smoother
    smoothing: float

    @property
    def lags(self) -> np.ndarray:
        """(session, session) time between sessions."""
        return np.abs(self.elapsed[:, np.newaxis] - self.elapsed)

    def threshold(self, events: np.ndarray) -> np.ndarray:
        """(session, unit) bits/event that a place unit of so many events exceeds."""
        counts = np.maximum(events, 1.0)
        quantiles = [
            np.interp(np.log(row), np.log(numbers), values)
            for row, (numbers, values) in zip(counts, self.thresholds, strict=True)
        ]
        return np.asarray(np.stack(quantiles) / counts)


class Measured(NamedTuple):
    """Measures of one subject: pairs (session, session), NaN where not compared, and sessions."""

    rate_map_correlation: np.ndarray
    corrected_similarity: np.ndarray
    place_units_kept: np.ndarray
    spatial_information: np.ndarray  # (session)
    fraction_place_units: np.ndarray  # (session) of recorded units
    active_units: np.ndarray  # (session) with enough events
    reliability: np.ndarray  # (session) correlation of the two halves


def shared(
    recorded: xr.Dataset,
    groups: list[CountedHalves],
    comparable: np.ndarray,
    smooth: Smoother,
    smoothing: float,
    minimum_events: float,
    thresholds: np.ndarray,
) -> Shared:
    """Return what one subject and its twins have in common.

    Parameters
    ----------
    recorded : xarray.Dataset
        Of one subject, in events; see ``drift.observation.counted_halves.with_counted_halves``.
    groups : list of CountedHalves
        Its sessions, or those of a null model.
    comparable : numpy.ndarray
        (session, session) bool, see ``comparable_pairs``.
    smooth : callable
        See ``drift.observation.counted_halves.smoother``.
    smoothing : float
        Of maps that are correlated.
    minimum_events : float
        Events that a unit needs in a session.
    thresholds : numpy.ndarray
        See ``place_thresholds``.
    """
    shape = recorded.sizes["session"], recorded.sizes["unit"]
    counted = _counted(groups)
    enough = _present(counted, shape) & (_events(counted, shape) >= minimum_events)
    pairs = comparable & ~np.eye(shape[0], dtype=bool)
    elapsed = recorded["elapsed"].isel(subject=0).values.astype(float)
    labels = environment_labels(recorded, subjects=1, sessions=shape[0])[0]
    rooms = np.unique(labels, return_inverse=True)[1].reshape(-1)
    compared = int(enough.any(axis=0).sum())
    return Shared(
        shape, compared, minimum_events, thresholds, pairs, elapsed, rooms, smooth, smoothing
    )


def place_thresholds(
    groups: list[CountedHalves],
    shape: tuple[int, int],
    minimum_events: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """(session, 2, GRID) what a place unit exceeds in each session, see ``Shared``.

    Parameters
    ----------
    groups : list of CountedHalves
        Sessions of one subject; of these time at each place and numbers of events count.
    shape : tuple of int
        Sessions and units.
    minimum_events : float
        Events that a unit needs in a session.
    rng : numpy.random.Generator
        Of the events that are thrown.
    """
    events = _events(_counted(groups), shape)
    thresholds = np.tile(np.array([np.ones(GRID), np.full(GRID, np.inf)]), (shape[0], 1, 1))
    for halves in groups:
        for session, time in zip(halves.sessions, halves.time.sum(axis=1), strict=True):
            thresholds[session] = _thresholds(time, events[session], minimum_events, rng)
    return thresholds


def _counted(groups: list[CountedHalves]) -> list[Events]:
    return [(halves, halves.counts) for halves in groups]


def _present(sessions: list[Events], shape: tuple[int, int]) -> np.ndarray:
    """(session, unit) bool, recorded units."""
    present = np.zeros(shape, dtype=bool)
    for halves, _ in sessions:
        present[np.ix_(halves.sessions, halves.units)] = halves.present
    return present


def _events(sessions: list[Events], shape: tuple[int, int]) -> np.ndarray:
    """(session, unit) numbers of events."""
    events = np.zeros(shape)
    for halves, counts in sessions:
        events[np.ix_(halves.sessions, halves.units)] = counts.sum(axis=(2, 3))
    return events


def _thresholds(
    time: np.ndarray, events: np.ndarray, minimum: float, rng: np.random.Generator
) -> np.ndarray:
    """(2, GRID) numbers of events, and of each a quantile of the information, times their number,
    of as many events thrown over the time at all places."""
    seconds = time.astype(float)  # single precision adds up to over 1
    probability = seconds[seconds > 0] / seconds.sum()
    low, high = max(1.0, minimum), max(events.max(), minimum, 1.0) + 1
    numbers = np.unique(np.rint(np.geomspace(low, high, GRID)))
    thrown = [
        rng.multinomial(int(number), probability, size=SHUFFLES) / number for number in numbers
    ]
    bits = [
        (share * np.log2(np.where(share > 0, share, probability) / probability)).sum(axis=-1)
        for share in thrown
    ]
    quantiles = numbers * np.quantile(np.stack(bits), QUANTILE, axis=-1)
    repeated = GRID - numbers.size  # few events leave few numbers
    return np.stack([np.pad(row, (0, repeated), mode="edge") for row in (numbers, quantiles)])


def measured(sessions: list[Events], common: Shared) -> Measured:
    """Measure one subject, recorded or twin.

    Parameters
    ----------
    sessions : list
        Sessions of each environment, and (session, unit, part, cell) events in them.
    common : Shared
        Of the recording, or of the null model.
    """
    present, events = _present(sessions, common.shape), _events(sessions, common.shape)
    rates, probability = _rates(sessions, common)
    every = present & (events >= common.minimum_events)
    used = np.flatnonzero(every.any(axis=0))
    enough = every[:, used]
    both = enough[:, np.newaxis] & enough  # (session, session, unit)
    naive, within, between = _correlations(common.smooth(rates[used], common.smoothing))
    bits = _information(rates[:, :, 0], probability)
    place = every & (np.nan_to_num(bits) > common.threshold(events))
    count = present.sum(axis=1)
    nothing = np.full(count.shape, np.nan)
    return Measured(
        _compared(mean_over(naive, both, -1), common),
        _compared(_corrected(within, between, both), common),
        _compared(_kept(place, present), common),
        mean_over(bits, every, -1),
        np.divide(place.sum(axis=1), count, out=nothing, where=count > 0),
        every.sum(axis=1).astype(float),
        mean_over(within, enough, -1),
    )


def _rates(sessions: list[Events], common: Shared) -> tuple[np.ndarray, np.ndarray]:
    """(unit, session, row, cell) rates of whole sessions and both halves, and (session, cell) share
    of the time."""
    cells = sessions[0][1].shape[-1]
    rates = np.full((*common.shape, 3, cells), np.nan)
    probability = np.zeros((common.shape[0], cells))
    for halves, counts in sessions:
        whole, time = counts.sum(axis=2, keepdims=True), halves.time.sum(axis=1, keepdims=True)
        events = np.concatenate([whole, counts[:, :, :2]], axis=2)
        seconds = np.concatenate([time, halves.time[:, :2]], axis=1)[:, np.newaxis]
        valid = (seconds > 0) & halves.present[:, :, np.newaxis, np.newaxis]
        nothing = np.full(events.shape, np.nan)
        of_room = np.ix_(halves.sessions, halves.units)
        rates[of_room] = np.divide(events, seconds, out=nothing, where=valid)
        probability[halves.sessions] = time[:, 0] / time.sum(axis=-1)
    return np.ascontiguousarray(np.swapaxes(rates, 0, 1)), probability


def _information(rate: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """(session, unit) bits/event; NaN without events."""
    per_second, mean = information_per_second(np.nan_to_num(rate), probability)
    nothing = np.full(mean.shape, np.nan)
    return np.divide(per_second, mean, out=nothing, where=mean > 0).T


def _compared(values: np.ndarray, common: Shared) -> np.ndarray:
    return np.where(common.comparable, values, np.nan)


def _correlations(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of whole maps (session, session, unit), of the two halves of a session (session, unit), and
    of halves of two sessions, mean of the four pairs (session, session, unit)."""
    units, sessions, _, cells = rows.shape
    every = pairwise_pearson(rows.reshape(units, 3 * sessions, cells))
    every = np.moveaxis(every.reshape(units, sessions, 3, sessions, 3), 0, -1)
    within = np.stack([every[session, 1, session, 2] for session in range(sessions)])
    return every[:, 0, :, 0], within, every[:, 1:, :, 1:].mean(axis=(1, 3))


def _corrected(within: np.ndarray, between: np.ndarray, both: np.ndarray) -> np.ndarray:
    """(session, session) similarity relative to what noise allows, see ``corrected_similarity``."""
    first, second = within[:, np.newaxis], within[np.newaxis]
    counted = both & np.isfinite(between) & np.isfinite(first) & np.isfinite(second)
    shape = between.shape
    means = [
        mean_over(np.broadcast_to(values, shape), counted, -1)
        for values in (first, second, between)
    ]
    reliable = (means[0] > 0) & (means[1] > 0)
    ceiling = np.sqrt(np.where(reliable, means[0] * means[1], np.nan))
    return np.asarray(means[2] / ceiling)


def _kept(place: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(session, session) share of the place units of either session that are so in both, of those
    recorded in both."""
    place, present = place.astype(float), present.astype(float)
    either = place @ present.T + present @ place.T
    nothing = np.full(either.shape, np.nan)
    return np.divide(2 * place @ place.T, either, out=nothing, where=either > 0)
