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

    @property
    def seen(self) -> np.ndarray:
        """Whether a unit was observed in a session, (session, unit)."""
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
    rate = (
        sessions["rate"]
        if "direction" in sessions["rate"].dims
        else sessions["rate"].expand_dims("direction")
    )
    occupancy = (
        sessions["occupancy"]
        if "direction" in sessions["occupancy"].dims
        else sessions["occupancy"].expand_dims("direction")
    )
    places = sessions.sizes["place"]
    present = (sessions["recorded"] == 1).transpose("session", "unit").values[..., np.newaxis]
    maps = rate.transpose("session", "unit", "direction", "place").values.reshape(
        *present.shape[:2], ways * places
    )
    time = np.nan_to_num(
        occupancy.transpose("session", "direction", "place").values.reshape(-1, ways * places)
    )
    return Lens(
        np.where(present, maps, np.nan),
        np.where(np.isfinite(np.where(present, maps, np.nan)).any(axis=1), time, 0.0),
        sessions["elapsed"].values.astype(float),
        np.tile(_coordinates(sessions), (ways, 1)),
        np.repeat(np.arange(ways), places),
        events,
        _tracked(sessions),
        of_ring(sessions),
        _same_room(sessions),
    )


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


def observed_maps(rate: np.ndarray, lens: Lens, rng: np.random.Generator) -> np.ndarray:
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
    weight = lens.occupancy / np.maximum(
        lens.occupancy.sum(axis=-1, keepdims=True), 1e-300
    )  # (session, cell)
    factors = gains(rate[0] @ weight[0], lens.event_rates)  # (unit,)
    expected = (
        rate * factors[:, np.newaxis] * lens.occupancy[:, np.newaxis]
    )  # (session, unit, cell)
    counts = _coupled_poisson(expected, rng)
    time = lens.occupancy[:, np.newaxis]
    return np.divide(counts, time, out=np.full(counts.shape, np.nan), where=time > 0)


def _coupled_poisson(expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts by inversion of one uniform number a cell, so that counts of nearby rates are
    nearby."""
    from scipy.stats import poisson

    return poisson.ppf(rng.random(expected.shape), expected)
