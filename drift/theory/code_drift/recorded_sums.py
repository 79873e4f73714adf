"""What the drift of a recorded code is estimated from: sums over its rate maps that are blind to
the gains of most units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.places import closes
from drift.metrics.stimuli import require_places
from drift.theory.code_drift.prediction import subject_label

COUNTS = (
    "places",
    "active",
    "single",
    "double",
    "steps",
    "starts",
    "fields",
    "single_fields",
    "double_fields",
)
LOUD = 8.0  # times the usual rate of active units, above which a unit is turned down


class RecordedSums(NamedTuple):
    """What is added up over units and sessions, so that either can be drawn anew."""

    counts: np.ndarray  # (count, session, unit) in the order of COUNTS
    neighbours: np.ndarray  # (product or power, offset 1 or 2, session, unit)
    products: np.ndarray  # (unit, session, session) of activity at equal places
    # (unit, session, session) of the first session at these places, without the noise
    powers: np.ndarray
    lags: np.ndarray  # (session, session), NaN where units are not tracked
    attenuated: bool  # powers still hold the noise
    # (product or power of either half, unit, session) of two halves of a session, where there are
    halves: np.ndarray | None = None


def along_track(recording: xr.Dataset, subject: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates (session, unit, way, place) and occupancies (session, 1, way, place) of one subject."""
    require_places(recording, "this measure of drift along a track")
    rate, occupancy = (
        recording["rate"].isel(subject=subject),
        recording["occupancy"].isel(subject=subject),
    )
    if rate.sizes.get("environment", 1) > 1 or "place_x" in recording.coords:
        raise RefusedInputError(
            "places must follow one another on one track, got a plane or several "
            "environments: select one track."
        )
    rate, occupancy = (
        variable.isel(environment=0) if "environment" in variable.dims else variable
        for variable in (rate, occupancy)
    )
    if rate.sizes["place"] < 3:
        raise RefusedInputError(
            f"places must be at least three along the track, got {rate.sizes['place']}: use "
            "finer places."
        )
    if "direction" not in rate.dims:
        rate = rate.expand_dims("direction")
    occupancy = occupancy.broadcast_like(rate.isel(unit=0, drop=True))
    ordered = rate.transpose("session", "unit", "direction", "place").values.astype(float)
    return ordered, occupancy.transpose("session", "direction", "place").values.astype(float)[
        :, np.newaxis
    ]


def _events(rate: np.ndarray, occupancy: np.ndarray, label: str, kind: str) -> np.ndarray:
    counts = np.nan_to_num(rate * occupancy)
    if kind not in ("counts", "unknown"):
        raise RefusedInputError(
            f"subject {label}: Poisson noise needs counts, but the activity holds {kind}: "
            "pass noise='fitted', or measure "
            "drift.counted_events(sessions)."
        )
    if np.abs(counts - np.rint(counts)).max(initial=0.0) > 1e-3:
        raise RefusedInputError(
            f"subject {label}: Poisson noise needs whole numbers of events, but rate x "
            "occupancy is not whole: pass noise='none' for the "
            "exact rates of a run, or noise='fitted' or drift.counted_events(sessions) for "
            "amplitudes."
        )
    return np.rint(counts)


def _pairs(values: np.ndarray, offset: int, ring: bool) -> tuple[np.ndarray, np.ndarray]:
    """Values at places and at those ``offset`` further on, around a ring beyond the last one."""
    if ring:
        return values, np.roll(values, -offset, axis=-1)
    return values[..., :-offset], values[..., offset:]


def _totals(values: np.ndarray, active: np.ndarray, ring: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the runs of active places (bool), and the sum of values of each run where it ends."""
    following = np.roll(active, -1, axis=-1)
    following[..., -1] &= ring
    ends = active & ~following
    total = np.zeros_like(values)
    running = np.zeros(values.shape[:-1])
    places = list(range(values.shape[-1]))
    for place in places * 2 if ring else places:  # the second time around a run knows how it began
        running = np.where(active[..., place], running + values[..., place], 0.0)
        total[..., place] = running
    return ends, total


def _counted(rate: np.ndarray, events: np.ndarray, ring: bool) -> np.ndarray:
    """(count, session, unit) as named by COUNTS: of places, of steps between places and those into
    a field, and of fields."""
    observed, active = np.isfinite(rate), np.nan_to_num(rate) > 0
    observed_before, observed_after = _pairs(observed, 1, ring)
    before, after = _pairs(active, 1, ring)
    steps = observed_before & observed_after
    starts = steps & after & ~before
    ends, total = _totals(events, active, ring)
    masks = [
        observed,
        active,
        events == 1,
        events == 2,
        steps,
        starts,
        ends,
        ends & (total == 1),
        ends & (total == 2),
    ]
    return np.stack([mask.sum(axis=(2, 3)) for mask in masks]).astype(float)


def _neighbours(rate: np.ndarray, variance: np.ndarray, ring: bool) -> np.ndarray:
    """(product or power, offset, session, unit) of places one and two steps apart."""
    observed, filled = np.isfinite(rate), np.nan_to_num(rate)
    power, result = filled**2 - variance, []
    for offset in (1, 2):
        observed_before, observed_after = _pairs(observed, offset, ring)
        product, mean = (
            np.multiply(*_pairs(filled, offset, ring)),
            np.add(*_pairs(power, offset, ring)) / 2,
        )
        result.append(
            [
                np.where(observed_before & observed_after, moment, 0.0).sum((2, 3))
                for moment in (product, mean)
            ]
        )
    return np.moveaxis(np.array(result), 0, 1)


def recorded_sums(
    recording: xr.Dataset, subject: int, tracked: np.ndarray, noise: str
) -> RecordedSums:
    """Return the sums of one recorded subject.

    Parameters
    ----------
    recording : xarray.Dataset
        As for ``estimate``.
    subject : int
        Position along the dim.
    tracked : numpy.ndarray
        (session, session) bool: whether units are the same.
    noise : str
        Of the rates, as for ``estimate``.

    Returns
    -------
    RecordedSums

    Raises
    ------
    RefusedInputError
        If places do not follow one another, or rates do not fit the noise.
    """
    rate, occupancy = along_track(recording, subject)
    poisson = noise == "poisson"
    events = (
        _events(
            rate,
            occupancy,
            subject_label(recording, subject),
            str(recording.attrs.get("activity_kind", "unknown")),
        )
        if poisson
        else np.zeros_like(rate)
    )
    time = np.where(occupancy > 0, occupancy, 1.0)
    # of the noise, estimated without bias
    variance = np.nan_to_num(rate) / time if poisson else np.zeros_like(rate)
    # (unit, session, place)
    flat = rate.transpose(1, 0, 2, 3).reshape(rate.shape[1], len(rate), -1)
    observed, filled = np.isfinite(flat).astype(float), np.nan_to_num(flat)
    power = filled**2 - variance.transpose(1, 0, 2, 3).reshape(flat.shape)
    elapsed = recording["elapsed"].isel(subject=subject).values.astype(float)
    lags = np.where(tracked, np.abs(elapsed[:, np.newaxis] - elapsed), np.nan)
    weight = _weights(flat)
    products = weight[:, np.newaxis, np.newaxis] * (filled @ filled.transpose(0, 2, 1))
    powers = weight[:, np.newaxis, np.newaxis] * (power @ observed.transpose(0, 2, 1))
    ring = closes(recording)
    neighbours = weight * _neighbours(rate, variance, ring)
    present = np.isfinite(flat).any(-1)
    both = present[:, :, np.newaxis] & present[:, np.newaxis]
    products, powers = (np.where(both, pair_sums, 0.0) for pair_sums in (products, powers))
    return RecordedSums(
        _counted(rate, events, ring), neighbours, products, powers, lags, noise == "fitted",
        weight[:, np.newaxis] * _halves(recording, subject)
        if poisson and "rate_half" in recording
        else None,
    )  # fmt: skip


def _halves(recording: xr.Dataset, subject: int) -> np.ndarray:
    """(product or power of either half, unit, session), powers freed of the noise of counting."""
    own = recording[["rate_half", "occupancy_half"]].isel(subject=subject)
    rate = own["rate_half"].transpose("session", "unit", "half", ...)
    time = own["occupancy_half"].broadcast_like(rate.isel(unit=0, drop=True)).expand_dims(unit=1)
    time_values = time.transpose(*rate.dims).values
    both = rate.notnull().all("half").values[:, :, np.newaxis]
    filled = np.where(both, np.nan_to_num(rate.values), 0.0)
    power = filled**2 - filled / np.where(time_values > 0, time_values, 1.0)
    # (moment, session, unit, place and direction)
    moments = np.stack([filled[:, :, 0] * filled[:, :, 1], power[:, :, 0], power[:, :, 1]])
    return np.asarray(moments.reshape(*moments.shape[:3], -1).sum(axis=-1).transpose(0, 2, 1))


def _weights(rate: np.ndarray) -> np.ndarray:
    """(unit) 1 / (g^2 + LOUD^2), g the mean rate of a unit where it is active over that of all
    units.

    Without it a few units of large gain are all that is seen; equal say for all would tell against
    units that are active by chance.
    """
    filled = np.nan_to_num(rate)
    total, active = filled.sum((1, 2)), (filled > 0).sum((1, 2))
    usual = total.sum() / max(active.sum(), 1)
    return 1 / ((total / np.maximum(active, 1) / (usual or 1.0)) ** 2 + LOUD**2)
