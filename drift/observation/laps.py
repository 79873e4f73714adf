"""Where an observed subject is in each sample: to and fro along recorded places, with the recorded
time at each of them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from drift.errors import RefusedInputError
from drift.metrics.places import of_ring

LAP_DURATION = 30.0  # s, a run to and fro; only circular shifts of activity notice it
# sd of the log duration of laps and visits: perfectly periodic laps would survive every circular
# shift
IRREGULARITY = 0.5
DIRECTIONS = (1, -1)


def place_centres(recorded: xr.Dataset) -> np.ndarray:
    """Centres of the recorded places.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset with the coordinate ``place``, or ``place_x`` and ``place_y`` in a
        plane.

    Returns
    -------
    numpy.ndarray
        (place, axis) in units of position.
    """
    axes = [name for name in ("place_x", "place_y", "place_z") if name in recorded.coords] or [
        "place"
    ]
    return np.stack([recorded[name].values.astype(float) for name in axes], axis=-1)


def nearest_places(
    position: xr.DataArray, centres: np.ndarray, around: float | None = None
) -> np.ndarray:
    """Recorded place that each sample lies nearest to.

    Parameters
    ----------
    position : xarray.DataArray
        (sample[, axis]), NaN where tracking was lost.
    centres : numpy.ndarray
        (place, axis).
    around : float, optional
        Length around the ring that the places lie on.

    Returns
    -------
    numpy.ndarray
        (sample) int, -1 where the position is unknown.
    """
    values = (
        position.transpose("sample", ...).values.astype(float).reshape(position.sizes["sample"], -1)
    )
    tracked = np.isfinite(values).all(axis=1)
    place = np.full(len(values), -1)
    if around is None:
        place[tracked] = cKDTree(centres).query(values[tracked])[1]
    else:
        place[tracked] = cKDTree(centres % around % around, boxsize=around).query(
            values[tracked] % around
        )[1]
    return place


def directed_occupancy(occupancy: xr.DataArray) -> np.ndarray:
    """Time at each place on the way out and back, half each where directions were not told apart.

    Parameters
    ----------
    occupancy : xarray.DataArray
        (place[, direction]) in s, NaN or 0 where not visited.

    Returns
    -------
    numpy.ndarray
        (place, 2) in s.
    """
    if "direction" in occupancy.dims:
        ways = occupancy.sel(direction=list(DIRECTIONS)).transpose("place", "direction").values
        return np.where(np.isnan(ways), 0.0, ways)
    time = np.where(np.isnan(occupancy.values), 0.0, occupancy.values)
    return np.repeat(time[:, np.newaxis] / 2, 2, axis=1)


def _frames(occupancy: np.ndarray, sampling_rate: float) -> np.ndarray:
    """(place, 2) samples; the two directions together have the recorded number to within half a
    sample each."""
    whole = np.rint(occupancy.sum(axis=1) * sampling_rate)
    out = np.rint(occupancy[:, 0] * sampling_rate)
    return np.stack([out, np.maximum(whole - out, 0)], axis=1).astype(int)


def to_and_fro(
    occupancy: np.ndarray,
    sampling_rate: float,
    rng: np.random.Generator,
    name: str = "the session",
    *,
    round_and_round: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Irregular laps to and fro, or round a ring, with the given time at each place.

    The samples of a place are shared among the laps by a multinomial draw whose weights are
    log-normal over laps and visits.

    Parameters
    ----------
    occupancy : numpy.ndarray
        (place, 2) in s, on the way out and back.
    sampling_rate : float
        In Hz.
    rng : numpy.random.Generator
        Source of the irregularity.
    name : str
        What the session is called in messages.
    round_and_round : bool
        What would be the way back is another turn onwards, as on a ring where ways are not told
        apart.

    Returns
    -------
    place : numpy.ndarray
        (sample) int.
    direction : numpy.ndarray
        (sample) 1 or -1.
    within : numpy.ndarray
        (sample) part of the bin that was crossed, between 0 and 1, in the order of increasing
        position.

    Raises
    ------
    RefusedInputError
        If the occupancy is less than a sample everywhere.
    """
    frames = _frames(occupancy, sampling_rate)
    if not frames.any():
        raise RefusedInputError(
            f"{name} was expected to spend time at some place, got no sample at "
            f"{sampling_rate:g} Hz: leave it out."
        )
    laps = max(1, round(frames.sum() / sampling_rate / LAP_DURATION))
    weights = np.exp(
        IRREGULARITY * (rng.standard_normal((1, laps)) + rng.standard_normal((frames.size, laps)))
    )
    counts = rng.multinomial(
        frames.T.ravel(), weights / weights.sum(axis=1, keepdims=True)
    ).T  # (lap, way and place)
    counts_by_way, places = np.split(counts, 2, axis=1), len(frames)
    # in the order of time
    back = slice(None, None, 1 if round_and_round else -1)
    visits = np.concatenate([counts_by_way[0], counts_by_way[1][:, back]], axis=1).ravel()
    order = np.tile(np.concatenate([np.arange(places), np.arange(places)[back]]), laps)
    ways = np.tile(np.repeat((1, 1) if round_and_round else DIRECTIONS, places), laps)
    first = np.repeat(np.cumsum(visits) - visits, visits)
    crossed = (np.arange(first.size) - first + 0.5) / np.repeat(visits, visits)
    direction = np.repeat(ways, visits)
    return np.repeat(order, visits), direction, np.where(direction == 1, crossed, 1 - crossed)


def track(
    recorded: xr.Dataset, sampling_rate: float, rng: np.random.Generator, name: str = "the session"
) -> xr.Dataset:
    """Position, speed and, where it was recorded, direction of a subject that spends the recorded
    time at each place: to and fro along a track, round and round a ring unless ways were recorded.

    Recorded occupancy holds samples in motion only, so the speed is never below the recommended
    minimum. In a plane the places are visited in the order in which they are numbered.

    Parameters
    ----------
    recorded : xarray.Dataset
        One subject and session of a longitudinal Dataset, with ``occupancy`` (place[, direction]).
    sampling_rate : float
        In Hz.
    rng : numpy.random.Generator
        Source of the irregularity of laps.
    name : str
        What the session is called in messages.

    Returns
    -------
    xarray.Dataset
        ``position`` (sample[, axis]), ``velocity`` (sample) and ``direction`` (sample).
    """
    time, directed = recorded["occupancy"], "direction" in recorded["occupancy"].dims
    place, direction, within = to_and_fro(
        directed_occupancy(time),
        sampling_rate,
        rng,
        name,
        round_and_round=not directed and of_ring(recorded) is not None,
    )
    centres, width = place_centres(recorded), float(recorded.attrs["bin_size"])
    units = str(recorded["place" if centres.shape[1] == 1 else "place_x"].attrs.get("units", "cm"))
    position = centres[place]
    dims = ("sample",) if centres.shape[1] == 1 else ("sample", "axis")
    if centres.shape[1] == 1:
        position = position[:, 0] + width * (within - 0.5)
    travelled = width * np.count_nonzero(np.diff(place)) * sampling_rate / place.size
    speed = max(travelled, 1.01 * float(recorded.attrs["minimum_speed"]))
    variables = {
        "position": (dims, position, {"units": units}),
        "velocity": ("sample", np.full(place.size, speed), {"units": f"{units}/s"}),
    }
    if directed:
        variables["direction"] = ("sample", direction, {"units": "1"})
    return xr.Dataset(variables)
