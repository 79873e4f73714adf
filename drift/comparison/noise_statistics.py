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
    enough : numpy.ndarray
        (session, unit) bool, units with enough events.
    present : numpy.ndarray
        (session, unit) bool, recorded units.
    threshold : numpy.ndarray
        (session, unit) bits/event that a place unit exceeds.
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

    enough: np.ndarray
    present: np.ndarray
    threshold: np.ndarray
    comparable: np.ndarray
    elapsed: np.ndarray
    rooms: np.ndarray
    smooth: Smoother
    smoothing: float

    @property
    def lags(self) -> np.ndarray:
        """(session, session) time between sessions."""
        return np.abs(self.elapsed[:, np.newaxis] - self.elapsed)


class Measured(NamedTuple):
    """Measures of one subject: pairs (session, session), NaN where not compared, and sessions."""

    rate_map_correlation: np.ndarray
    corrected_similarity: np.ndarray
    place_units_kept: np.ndarray
    spatial_information: np.ndarray  # (session)


def shared(
    recorded: xr.Dataset,
    groups: list[CountedHalves],
    comparable: np.ndarray,
    smooth: Smoother,
    smoothing: float,
    minimum_events: float,
    rng: np.random.Generator,
) -> Shared:
    """Return what one subject and its twins have in common.

    Parameters
    ----------
    recorded : xarray.Dataset
        Of one subject, in events; see ``drift.observation.counted_halves.with_counted_halves``.
    groups : list of CountedHalves
        Its sessions.
    comparable : numpy.ndarray
        (session, session) bool, see ``comparable_pairs``.
    smooth : callable
        See ``drift.observation.counted_halves.smoother``.
    smoothing : float
        Of maps that are correlated.
    minimum_events : float
        Events that a unit needs in a session.
    rng : numpy.random.Generator
        Of the threshold of place units.
    """
    present = recorded["recorded"].isel(subject=0).transpose("session", "unit").values == 1
    events, threshold = np.zeros(present.shape), np.full(present.shape, np.inf)
    for halves in groups:
        events[np.ix_(halves.sessions, halves.units)] = halves.counts.sum(axis=(2, 3))
        for session, time, counts in zip(
            halves.sessions, halves.time.sum(axis=1), events[halves.sessions], strict=True
        ):
            threshold[session] = _threshold(time, counts, minimum_events, rng)
    enough = present & (events >= minimum_events)
    pairs = comparable & ~np.eye(len(present), dtype=bool)
    elapsed = recorded["elapsed"].isel(subject=0).values.astype(float)
    labels = environment_labels(recorded, subjects=1, sessions=len(present))[0]
    rooms = np.unique(labels, return_inverse=True)[1].reshape(-1)
    return Shared(enough, present, threshold, pairs, elapsed, rooms, smooth, smoothing)


def _threshold(
    time: np.ndarray, events: np.ndarray, minimum: float, rng: np.random.Generator
) -> np.ndarray:
    """(unit) quantile of the information of as many events thrown over the time at all places."""
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
    counts = np.maximum(events, 1.0)
    return np.interp(np.log(counts), np.log(numbers), quantiles) / counts


def measured(sessions: list[Events], common: Shared) -> Measured:
    """Measure one subject, recorded or twin.

    Parameters
    ----------
    sessions : list
        Sessions of each environment, and (session, unit, part, cell) events in them.
    common : Shared
        Of the recording.
    """
    rates, probability = _rates(sessions, common)
    used = np.flatnonzero(common.enough.any(axis=0))
    enough = common.enough[:, used]
    both = enough[:, np.newaxis] & enough  # (session, session, unit)
    naive, within, between = _correlations(common.smooth(rates[used], common.smoothing))
    bits = _information(rates[:, :, 0], probability)
    return Measured(
        _compared(mean_over(naive, both, -1), common),
        _compared(_corrected(within, between, both), common),
        _compared(_kept(bits, common), common),
        mean_over(bits, common.enough, -1),
    )


def _rates(sessions: list[Events], common: Shared) -> tuple[np.ndarray, np.ndarray]:
    """(unit, session, row, cell) rates of whole sessions and both halves, and (session, cell) share
    of the time."""
    cells = sessions[0][1].shape[-1]
    rates = np.full((*common.present.shape, 3, cells), np.nan)
    probability = np.zeros((len(common.present), cells))
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


def _kept(bits: np.ndarray, common: Shared) -> np.ndarray:
    """(session, session) share of the place units of either session that are so in both, of those
    recorded in both."""
    place = (common.enough & (np.nan_to_num(bits) > common.threshold)).astype(float)
    present = common.present.astype(float)
    either = place @ present.T + present @ place.T
    nothing = np.full(either.shape, np.nan)
    return np.divide(2 * place @ place.T, either, out=nothing, where=either > 0)


def statistics(values: Measured, common: Shared) -> np.ndarray:
    """One number for each measure in ``MEASURES``: means over pairs of sessions, the similarity
    that is lost by time, and the change of information over the recording.

    Parameters
    ----------
    values : Measured
    common : Shared
    """
    upper = np.triu(np.ones(common.lags.shape, dtype=bool))
    pairs = [
        np.where(upper, each, np.nan)
        for each in (
            values.rate_map_correlation,
            values.corrected_similarity,
            values.place_units_kept,
        )
    ]
    naive, corrected, overlap = (mean_over(each.ravel(), upper.ravel(), 0) for each in pairs)
    pair_rooms = np.broadcast_to(common.rooms[:, np.newaxis], upper.shape)
    rate = -_slope(pairs[0], common.lags, pair_rooms)
    span = np.ptp(common.elapsed[np.isfinite(common.elapsed)])
    change = _slope(values.spatial_information, common.elapsed, common.rooms) * span
    return np.array([float(each) for each in (naive, corrected, rate, change, overlap)])


MEASURES = (
    "rate_map_correlation",
    "corrected_similarity",
    "drift_rate",
    "spatial_information",
    "place_units_kept",
)


def _slope(values: np.ndarray, times: np.ndarray, rooms: np.ndarray) -> float:
    """Least squares over all finite values, with an intercept for each room."""
    used = np.isfinite(values) & np.isfinite(times)
    y, x, room = values[used], times[used], rooms[used]
    for number in np.unique(room):
        members = room == number
        x[members] -= x[members].mean()
        y[members] -= y[members].mean()
    power = float((x**2).sum())
    return float((x * y).sum() / power) if power > 0 else float("nan")
