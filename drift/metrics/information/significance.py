"""Which units count as place units: by the published threshold, or against circularly shifted
activity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Draws, NotNegative
from drift.errors import RefusedInputError
from drift.metrics.directions import in_each_direction, of_samples
from drift.metrics.information.events import (
    Events,
    counted,
    information_of_counts,
    listed_events,
    unit_blocks,
)
from drift.metrics.labels import described, observed_units
from drift.metrics.maps import ROUNDING, check_place_index, occupancy_of

PUBLISHED_THRESHOLD = 0.01


@opened
def place_units(
    spatial_information: xr.DataArray,
    recorded: xr.DataArray | None = None,
    threshold: float = PUBLISHED_THRESHOLD,
) -> xr.DataArray:
    """Flag the units whose spatial information exceeds a threshold.

    Parameters
    ----------
    spatial_information : xarray.DataArray
        (..., unit) in bits/event; NaN for silent and for absent units.
    recorded : xarray.DataArray, optional
        (..., unit) 1 where the unit was observed; without it every unit counts as observed.
    threshold : float
        In bits/event; 0.01 admits practically every unit that is not uniform.

    Returns
    -------
    xarray.DataArray
        (..., unit) 1 or 0, NaN where the unit was not observed; a silent unit is no place unit.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, authors' code of Fig. 2.
    """
    flags = spatial_information.copy(data=(spatial_information.values > threshold).astype(float))
    if recorded is None:
        return described(flags.drop_attrs(deep=False), "place_unit")
    return described(flags.drop_attrs(deep=False).where(recorded == 1), "place_unit")


TOGETHER = 32  # shuffles whose maps stay in the cache


class _Track(NamedTuple):
    """Where the subject was, twice in a row, so that every circular shift is a slice of it."""

    # (2 sample) place of each sample; the number of places stands for nowhere valid
    twice: np.ndarray
    occupancy: np.ndarray  # (place), 0 where not valid
    # (sample) where samples last differently; each takes its own along when it is shifted
    duration: np.ndarray | None


def _track(
    index: np.ndarray, sample_duration: float | xr.DataArray, minimum_occupancy: float
) -> _Track:
    duration = (
        sample_duration.values.astype(float) if isinstance(sample_duration, xr.DataArray) else None
    )
    occupancy = occupancy_of(index, sample_duration)
    valid = occupancy > minimum_occupancy * (1 + ROUNDING)
    place = np.where((index >= 0) & valid[index], index, occupancy.size)
    return _Track(np.concatenate([place, place]), np.where(valid, occupancy, 0.0), duration)


def _shifted_occupancy(track: _Track, lags: np.ndarray) -> np.ndarray:
    """([shuffle, unit or 1,] place) time of the samples that lags (shuffle, unit or 1) bring to
    each place."""
    if track.duration is None or not lags.any():
        return track.occupancy
    places, samples = track.occupancy.size, track.duration.size
    brought = [
        np.bincount(track.twice[lag : lag + samples], track.duration, places + 1)[:places]
        for lag in lags.ravel()
    ]
    return np.reshape(brought, (*lags.shape, places))


def _shifted_information(events: Events, track: _Track, lags: np.ndarray) -> np.ndarray:
    """(shuffle, unit) bits per event after delaying all units by lags (shuffle, 1), or each by its
    own (shuffle, unit); NaN for a unit left without events."""
    # numba is loaded with the first test
    from drift.loops.event_counts import delayed_counts

    shape = (events.units, track.occupancy.size)
    counts = delayed_counts(events.sample, events.unit, events.size, lags, track.twice, shape)
    return information_of_counts(counts, _shifted_occupancy(track, lags))[0]


def _real_and_reached(
    events: Events, track: _Track, lags: np.ndarray, progress: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(unit) information, and in how many shuffles it was reached; lags are (shuffle, unit), or
    (shuffle, 1) for all units."""
    real, reached = np.full(events.units, np.nan), np.zeros(events.units)
    blocks = unit_blocks(events)
    steps = iter(counted(len(blocks) * len(lags), "shift", progress))
    for units, block in blocks:
        real[units] = _shifted_information(block, track, np.zeros((1, 1), dtype=int))[0]
        own_lags = lags if lags.shape[1] == 1 else lags[:, units]
        for first in range(0, len(lags), TOGETHER):
            together = own_lags[first : first + TOGETHER]
            # A shuffle that leaves no event at a valid place cannot speak against chance, so it
            # counts as reached.
            shifted = _shifted_information(block, track, together)
            reached[units] += (~(shifted < real[units])).sum(axis=0)
            for _shuffle in zip(together, steps):
                pass
    next(steps, None)  # closes a progress bar
    return real, reached


@opened
def circular_shift_p_values(
    activity: xr.DataArray,
    place_index: xr.DataArray,
    sample_duration: float | xr.DataArray,
    shuffles: Draws,
    minimum_shift: Draws,
    rng: np.random.Generator,
    one_lag_for_all: bool = True,
    minimum_occupancy: NotNegative = 0.0,
    faithful: bool = False,
    progress: bool = False,
    direction: xr.DataArray | None = None,
) -> xr.DataArray:
    """Probability of at least the observed spatial information if activity and place were
    unrelated.

    The activity is delayed around the ends of the recording by a random lag, uniform on
    [minimum_shift, samples - minimum_shift), and its information is computed again. p = (k + 1) /
    (n + 1), where k of n shuffles reach the real value.

    Parameters
    ----------
    activity : xarray.DataArray
        (sample, unit) events in running samples only.
    place_index : xarray.DataArray
        (sample) int place, or (place, direction) pair, -1 for samples that do not count.
    sample_duration : float or xarray.DataArray
        Of all samples, or (sample) of each, in s; a sample that is shifted keeps its own.
    shuffles : int
        Number n of random lags.
    minimum_shift : int
        Smallest lag in samples; short lags leave the tuning in place.
    rng : numpy.random.Generator
        Source of the lags.
    one_lag_for_all : bool
        One lag for all units of a shuffle, or one each.
    minimum_occupancy : float
        In s; places with more are valid.
    faithful : bool
        The published protocol: lags uniform on 1..samples, the identity included, and p = k / n,
        which can be 0.
    progress : bool
        Show a progress bar.
    direction : xarray.DataArray, optional
        (sample) 1, -1 or 0: test each running direction by itself, with its samples one behind the
        other; ``place_index`` holds places alone.

    Returns
    -------
    xarray.DataArray
        (unit) p values, with directions (unit, direction); NaN for units without events at valid
        places.

    Raises
    ------
    RefusedInputError
        If inputs do not fit, there is no shuffle, or the recording is shorter than two minimum
        shifts.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, PLoS Comput Biol 18:e1009832; p value after Phipson & Smyth 2010.
    """
    if direction is not None:
        return in_each_direction(
            direction,
            lambda samples: circular_shift_p_values(
                activity.isel(sample=samples),
                place_index.isel(sample=samples),
                of_samples(sample_duration, samples),
                shuffles,
                minimum_shift,
                rng,
                one_lag_for_all,
                minimum_occupancy,
                faithful,
                progress,
            ),
        )
    observed = observed_units(activity)
    check_place_index(activity, place_index, int(place_index.max()) + 1, sample_duration)
    samples = activity.sizes["sample"]
    low, high = (1, samples + 1) if faithful else (minimum_shift, samples - minimum_shift)
    if shuffles < 1 or high <= low:
        raise RefusedInputError(
            f"a shift test needs at least one shuffle and more than {2 * minimum_shift} "
            f"running samples, got shuffles={shuffles} and "
            f"{samples} samples: lower minimum_shift or leave the test out."
        )
    events = listed_events(activity.transpose("sample", "unit").values)
    track = _track(place_index.values.astype(int), sample_duration, minimum_occupancy)
    if not track.occupancy.any():
        raise RefusedInputError(
            f"no place has an occupancy above {minimum_occupancy} s, so there is no map to "
            "test: lower it."
        )
    lags = rng.integers(low, high, (shuffles, 1 if one_lag_for_all else events.units))
    real, reached = _real_and_reached(events, track, lags, progress)
    p_values = reached / shuffles if faithful else (reached + 1) / (shuffles + 1)
    return (
        observed.copy(data=np.where(np.isnan(real), np.nan, p_values))
        .rename("p_value")
        .assign_attrs(units="1")
    )
