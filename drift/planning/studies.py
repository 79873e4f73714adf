"""Studies as they would turn out: similarity of sessions of simulated animals whose fields are
redrawn at a known rate."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import norm

from drift.planning.design import Schedule, StudyDesign
from drift.schema.labelled_form import labelled

Array = NDArray[np.float64]
# Assumed: standard deviations of fields as parts of the track, and what a unit fires outside of its
# field as a part of its peak.
NARROWEST, WIDEST = 0.05, 0.12
FLOOR = 0.03
DIMS = ("subject", "session", "unit", "place")


def redrawn_maps(
    design: StudyDesign, time_rates: Array, visit_rates: Array, rng: np.random.Generator
) -> Array:
    """Noise-free maps of animals whose units each redraw their field between two visits with
    probability 1 - exp(-(a days + b visits)).

    Fields lie on a ring of whole places, so that maps of another field are uncorrelated on average
    and the similarity of two sessions of an environment is exp(-(a |t_s - t_t| + b |e_s - e_t|)).
    Environments have maps of their own. Mean rates are log-normal over units.

    Parameters
    ----------
    design : StudyDesign
        Its ``animals`` do not count, but those of the rates.
    time_rates, visit_rates : numpy.ndarray
        (animal) a per day and b per visit.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        (animal, session, unit, place) events/s.
    """
    animals, units, places = len(time_rates), design.units, design.places
    centre = np.concatenate(
        [
            _centres(design, interval * time_rates + visit_rates, rng)
            for interval in design.intervals
        ],
        axis=1,
    )
    days = np.concatenate([interval * np.arange(design.sessions) for interval in design.intervals])
    order = np.lexsort((np.repeat(np.arange(len(design.intervals)), design.sessions), days))
    width = places * rng.uniform(NARROWEST, WIDEST, (animals, 1, units, 1))
    apart = np.abs(np.arange(places) - centre[:, order, :, np.newaxis])
    field = np.exp(-0.5 * (np.minimum(apart, places - apart) / width) ** 2) + FLOOR
    levels = design.event_rate * np.exp(
        design.rate_spread * norm.ppf((np.arange(units) + 0.5) / units)
    )
    level = rng.permuted(np.tile(levels, (animals, 1)), axis=1)[:, np.newaxis, :, np.newaxis]
    return np.asarray(level * field / field.mean(axis=-1, keepdims=True))


def _centres(design: StudyDesign, lost: Array, rng: np.random.Generator) -> Array:
    """(animal, session, unit) places of the fields in one environment, by (animal) expected number
    of times that a field is redrawn from visit to visit."""
    animals, units = len(lost), design.units
    centre = np.empty((animals, design.sessions, units))
    centre[:, 0] = rng.integers(0, design.places, (animals, units))
    chance = -np.expm1(-np.maximum(lost, 0.0))[:, np.newaxis]
    for session in range(1, design.sessions):
        redrawn = rng.random((animals, units)) < chance
        fresh = rng.integers(0, design.places, (animals, units))
        centre[:, session] = np.where(redrawn, fresh, centre[:, session - 1])
    return centre


def observed_similarity(maps: Array, design: StudyDesign, rng: np.random.Generator) -> Array:
    """Similarity without noise of every two sessions, from Poisson counts of two halves of each.

    The same as ``corrected_similarity(..., select="all")`` of what ``measure`` makes of such
    sessions, for all animals at once and without frames.

    Parameters
    ----------
    maps : numpy.ndarray
        (animal, session, unit, place) events/s.
    design : StudyDesign
        Minutes and registration loss.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        (animal, session, session), NaN between environments.
    """
    found_again = rng.random(maps.shape[:3]) >= design.registration_loss
    seconds = 60 * design.minutes / design.places / 2
    counts = rng.poisson(maps[:, :, np.newaxis] * seconds, _halved(maps.shape))
    return halved_similarity(counts.astype(float), found_again, design.schedule)


def _halved(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:2], 2, *shape[2:])


def halved_similarity(halves: Array, present: NDArray[np.bool_], schedule: Schedule) -> Array:
    """C_st = sum_i B_i / sqrt(sum_i W_s,i sum_i W_t,i) over the units that vary in all four halves.

    Parameters
    ----------
    halves : numpy.ndarray
        (animal, session, half, unit, place).
    present : numpy.ndarray
        (animal, session, unit) bool.
    schedule : Schedule
        Which sessions share an environment.

    Returns
    -------
    numpy.ndarray
        (animal, session, session)
    """
    apart = halves - halves.mean(axis=-1, keepdims=True)
    size = np.sqrt((apart**2).sum(axis=-1, keepdims=True))
    varies = (size[..., 0] > 0).all(axis=2) & present  # (animal, session, unit)
    unit_maps = np.divide(apart, size, out=np.zeros_like(apart), where=size > 0)
    unit_maps *= varies[:, :, np.newaxis, :, np.newaxis]
    vectors = unit_maps.transpose(0, 3, 1, 2, 4)  # (animal, unit, session, half, place)
    within = (vectors[..., 0, :] * vectors[..., 1, :]).sum(axis=-1)  # (animal, unit, session)
    whole = vectors.mean(axis=3)
    between = (whole @ whole.swapaxes(-1, -2)).sum(axis=1)
    here_too = varies.astype(float)  # (animal, session, unit)
    reliable = (here_too @ within).swapaxes(-1, -2)  # (animal, session, with those of session)
    power = reliable * reliable.swapaxes(-1, -2)
    good = (reliable > 0) & (reliable.swapaxes(-1, -2) > 0)
    same = schedule.room[:, np.newaxis] == schedule.room
    similarity = np.divide(between, np.sqrt(np.where(good, power, 1.0)))
    sessions = np.arange(similarity.shape[1])
    similarity[:, sessions, sessions] = 1.0
    return np.where(good & same, similarity, np.nan)


def labelled_sessions(design: StudyDesign, animals: int) -> xr.Dataset:
    """Coordinates of the sessions of animals: ``elapsed``, ``environment`` and ``visits``."""
    plan, pair = design.schedule, ("subject", "session")

    def alike(values: NDArray) -> tuple[tuple[str, str], NDArray]:
        return pair, np.tile(values, (animals, 1))

    rooms = np.array([chr(ord("A") + number) for number in plan.room])
    return xr.Dataset(
        coords={
            "subject": [f"mouse {number}" for number in range(animals)],
            "session": np.arange(plan.elapsed.size),
            "elapsed": labelled("elapsed", *alike(plan.elapsed), units="day"),
            "environment": alike(rooms),
            "visits": labelled("visits", *alike(plan.visits)),
        }
    )


def as_similarity(values: Array) -> xr.DataArray:
    """(animal, session, session) as a labelled array."""
    return xr.DataArray(
        values, dims=("subject", "session", "session_other"), name="corrected_similarity"
    )
