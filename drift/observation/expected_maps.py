"""Rate maps as an experimenter would have measured them, without drawing every sample: the shortcut
of ``observe`` for fits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.event_counting import counted_maps
from drift.metrics.places import of_ring
from drift.metrics.rooms import same_environment
from drift.observation.lens import as_recorded, gains, recorded_rates, recorded_sessions
from drift.observation.poisson_counts import poisson_counts

# of the median unit in the first session, for its rates to be known: 30 events leave 18 %
ENOUGH_EVENTS = 30


class Halves(NamedTuple):
    """Two halves of each session, which know nothing of each other but the code.

    Attributes
    ----------
    rate : numpy.ndarray
        (session, half, unit, cell) recorded event rates in events/s, NaN where not observed.
    occupancy : numpy.ndarray
        (session, half, cell) in s, 0 where not visited.
    """

    rate: np.ndarray
    occupancy: np.ndarray


class Lens(NamedTuple):
    """What a recording imposes on every code that is seen through it.

    Attributes
    ----------
    rate : numpy.ndarray
        (session, unit, cell) recorded event rates in events/s, a cell being a place in one running
        direction; NaN where not observed.
    occupancy : numpy.ndarray
        (session, cell) in s, 0 where not visited.
    elapsed : numpy.ndarray
        (session,) in units of the recording.
    coordinates : numpy.ndarray
        (cell, axis) of the places, in cm.
    way : numpy.ndarray
        (cell,) number of the running direction; cells of one direction are in order of place.
    event_rates : numpy.ndarray
        (unit,) mean rates of the units with events in the first session.
    tracked : bool
        Whether a unit number means the same unit in all sessions (of an environment).
    around : float or None
        Length around the ring that the places lie on; None for a track or a plane.
    comparable : numpy.ndarray or None
        (session, session) bool, pairs of sessions in one environment; None where all are.
    halves : Halves or None
        Of each session, where the recording was measured with halves.
    matched : numpy.ndarray or None
        (session,) bool, sessions over which mean rates are those of the recorded units; None for
        the first one.
    observed : numpy.ndarray or None
        (session, unit) bool, which units have a rate, where this was found already.
    """

    rate: np.ndarray
    occupancy: np.ndarray
    elapsed: np.ndarray
    coordinates: np.ndarray
    way: np.ndarray
    event_rates: np.ndarray
    tracked: bool
    around: float | None = None
    comparable: np.ndarray | None = None
    halves: Halves | None = None
    matched: np.ndarray | None = None
    observed: np.ndarray | None = None

    @property
    def seen(self) -> np.ndarray:
        """Whether a unit was observed in a session, (session, unit)."""
        if self.observed is not None:
            return self.observed
        return np.isfinite(self.rate).any(axis=-1)


def lens(recording: xr.Dataset, subject: int = 0) -> Lens:
    """Return the lens of one recorded subject.

    Parameters
    ----------
    recording : xarray.Dataset
        Longitudinal Dataset of ``measure``.
    subject : int
        Position along the dim.

    Returns
    -------
    Lens

    Raises
    ------
    RefusedInputError
        If there are fewer than two sessions, no events in the first one, or amplitudes without
        their numbers of events.
    """
    recorded, _ = as_recorded(counted_maps(recording, "a fit"))
    sessions = recorded.isel(subject=subject, session=recorded_sessions(recorded, subject))
    events = recorded_rates(sessions.isel(session=0))
    if events.size == 0:
        raise RefusedInputError(
            f"subject {sessions['subject'].item()} was expected to have events in its first "
            "session, got none: leave it out."
        )
    ways = sessions.sizes.get("direction", 1)
    present = (sessions["recorded"] == 1).transpose("session", "unit").values[..., np.newaxis]
    maps = np.where(present, _cells(sessions["rate"], "session", "unit"), np.nan)
    time = _cells(_directed(sessions["occupancy"], ways), "session")
    return Lens(
        maps,
        _visited_time(time, maps),
        sessions["elapsed"].values.astype(float),
        np.tile(_coordinates(sessions), (ways, 1)),
        np.repeat(np.arange(ways), sessions.sizes["place"]),
        events,
        _tracked(sessions),
        of_ring(sessions),
        _same_room(sessions),
        _halves(sessions, present, ways) if "rate_half" in sessions else None,
    )


def _directed(occupancy: xr.DataArray, ways: int) -> xr.DataArray:
    """Occupancy of every running direction, where it was kept for all of them together."""
    return occupancy if "direction" in occupancy.dims else occupancy.expand_dims(direction=ways)


def _cells(values: xr.DataArray, *dims: str) -> np.ndarray:
    """(..., cell), a cell being a place in one running direction; directions one after the
    other."""
    directed = values if "direction" in values.dims else values.expand_dims("direction")
    ordered = directed.transpose(*dims, "direction", "place").values
    return ordered.reshape(*ordered.shape[:-2], -1)


def _visited_time(time: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Time (..., cell) of cells in which any unit has a rate (..., unit, cell), 0 in others."""
    return np.where(np.isfinite(maps).any(axis=-2), np.nan_to_num(time), 0.0)


def _halves(sessions: xr.Dataset, present: np.ndarray, ways: int) -> Halves:
    maps = _cells(sessions["rate_half"], "session", "half", "unit")
    maps = np.where(present[:, np.newaxis], maps, np.nan)
    time = _cells(_directed(sessions["occupancy_half"], ways), "session", "half")
    return Halves(maps, _visited_time(time, maps))


def _tracked(sessions: xr.Dataset) -> bool:
    """Whether units are the same in all sessions of an environment, of one subject."""
    if "unit_identity" not in sessions.coords:
        return True
    same, identity = _same_room(sessions), sessions["unit_identity"].values
    return bool((identity[:, np.newaxis] == identity)[same if same is not None else ...].all())


def _same_room(sessions: xr.Dataset) -> np.ndarray | None:
    """(session, session) bool of one subject."""
    same = same_environment(sessions, subjects=1, sessions=sessions.sizes["session"])[0]
    return None if same.all() else same


def _coordinates(recorded: xr.Dataset) -> np.ndarray:
    if "place_x" in recorded.coords:
        return np.stack([recorded["place_x"].values, recorded["place_y"].values], axis=-1).astype(
            float
        )
    return recorded["place"].values.astype(float)[:, np.newaxis]


def seen_maps(rate: np.ndarray, lens: Lens, rng: np.random.Generator) -> np.ndarray:
    """Return what an experimenter would have measured of a noise-free code, by Poisson counts of
    events in each cell.

    The law is that of ``measure(observe(...))`` with Poisson events: a sum of Poisson counts over
    the samples at a place is a Poisson count. Gains turn simulated rates into the recorded
    distribution of mean event rates in the first session, and stay.

    Parameters
    ----------
    rate : numpy.ndarray
        (session, unit, cell) noise-free rates at the sessions and cells of the lens.
    lens : Lens
        Of the recording.
    rng : numpy.random.Generator
        Source of chance; equal generators give comparable noise to different codes.

    Returns
    -------
    numpy.ndarray
        (session, unit, cell) in events/s, NaN where the place was not visited.
    """
    expected = _expected_rates(rate, lens) * lens.occupancy[:, np.newaxis]
    return _per_second(_coupled_poisson(expected, rng), lens.occupancy)


def observed_halves(
    rate: np.ndarray, lens: Lens, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return what an experimenter would have measured of a noise-free code in whole sessions and in
    the two halves of each.

    Counts of both halves, and of the time that belongs to neither, add up to those of the session.

    Parameters
    ----------
    rate, lens, rng
        As in ``seen_maps``, of a lens with halves.

    Returns
    -------
    whole : numpy.ndarray
        (session, unit, cell) in events/s, NaN where the place was not visited.
    halves : numpy.ndarray
        (session, half, unit, cell) likewise.
    """
    assert lens.halves is not None
    halved = lens.halves.occupancy
    remainder = np.maximum(lens.occupancy - halved.sum(axis=1), 0.0)
    times = np.concatenate([halved, remainder[:, np.newaxis]], axis=1)  # (session, part, cell)
    expected = _expected_rates(rate, lens)[:, np.newaxis] * times[:, :, np.newaxis]
    counts = _coupled_poisson(expected, rng)
    return _per_second(counts.sum(axis=1), lens.occupancy), _per_second(counts[:, :2], halved)


def well_counted(lens: Lens, sessions: int | None = None) -> Lens:
    """Return the lens of a recording, with event rates of the first session where these rest on
    enough events, else with those of all sessions.

    Parameters
    ----------
    lens : Lens
        Of a recording.
    sessions : int, optional
        How many of the first sessions may count; all by default.
    """
    events = float(np.median(lens.event_rates)) * float(lens.occupancy[0].sum())
    return lens if events >= ENOUGH_EVENTS else matched_over_sessions(lens, sessions)


def matched_over_sessions(lens: Lens, sessions: int | None = None) -> Lens:
    """Return a lens whose event rates are means over sessions, of all units that had an event.

    The few events of one session spread rates by their own noise, and leave out units that had
    none by chance: a code seen through the rates of a session that was itself seen so is noisier
    with every look. Over sessions there are more of both.

    Parameters
    ----------
    lens : Lens
        Of a recording.
    sessions : int, optional
        How many of the first sessions; all by default.
    """
    matched = np.arange(lens.elapsed.size) < (lens.elapsed.size if sessions is None else sessions)
    return like_matched(lens._replace(matched=matched))


def like_matched(lens: Lens) -> Lens:
    """Return a lens whose event rates are those of its own maps over the sessions that are matched.

    Parameters
    ----------
    lens : Lens
        With sessions that are matched, or none for the first one.
    """
    own = lens._replace(observed=np.isfinite(lens.rate).any(axis=-1))
    means = _mean_rates(np.nan_to_num(own.rate), own, np.arange(own.rate.shape[1]))
    return own._replace(event_rates=means[means > 0])


def _mean_rates(rate: np.ndarray, lens: Lens, like: np.ndarray) -> np.ndarray:
    """Mean rate (unit,) over the matched sessions in which the recorded unit that each one is like
    was seen; over all of them where there is none."""
    session_time = lens.occupancy.sum(axis=-1)
    events = np.einsum("suc,sc->su", rate, lens.occupancy)
    if lens.matched is None:
        return events[0] / max(session_time[0], 1e-300)
    recorded = (lens.seen & lens.matched[:, np.newaxis])[:, like]
    present = np.where(recorded.any(axis=0), recorded, lens.matched[:, np.newaxis])
    time = (present * session_time[:, np.newaxis]).sum(axis=0)
    return (present * events).sum(axis=0) / np.maximum(time, 1e-300)


def unit_likeness(lens: Lens, units: int) -> np.ndarray:
    """Return the recorded unit that each simulated one is seen like, (unit,).

    One of each stretch of the list, as lists of registered cells begin with those of the first
    session.
    """
    return np.arange(units) * lens.rate.shape[1] // units


def _expected_rates(rate: np.ndarray, lens: Lens) -> np.ndarray:
    """Rates (session, unit, cell) in events/s, with the recorded distribution of mean rates in the
    first session, or in those that are matched."""
    means = _mean_rates(rate, lens, unit_likeness(lens, rate.shape[1]))
    return rate * gains(means, lens.event_rates)[:, np.newaxis]


def _per_second(counts: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
    """Counts (..., unit, cell) by time (..., cell), NaN where there is none."""
    time = occupancy[..., np.newaxis, :]
    return np.divide(counts, time, out=np.full(counts.shape, np.nan), where=time > 0)


def _coupled_poisson(expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts by inversion of one uniform number a cell, so that counts of nearby rates are
    nearby."""
    return poisson_counts(rng.random(expected.shape), expected)
