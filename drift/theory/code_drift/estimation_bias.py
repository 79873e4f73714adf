"""Bias of the estimated lifetime of weights: the same question put to a simulated Top-K layer that
was recorded in the same way."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Index, NotNegative, Positive, Share
from drift.errors import RefusedInputError
from drift.metrics.places import closes, ring_correlation
from drift.observation.expected_maps import Lens, seen_maps
from drift.schema.labelled_form import check
from drift.theory.code_drift.recorded_sums import along_track
from drift.theory.code_drift.sampled import square_root
from drift.theory.kernels.finite_layers import top_k

POINTS = 5  # of a place that is as wide as its bin


def _preactivations(
    root: np.ndarray, elapsed: np.ndarray, lifetime: float, units: int, rng: np.random.Generator
) -> np.ndarray:
    """(session, point, unit) of weights that follow an Ornstein-Uhlenbeck process."""
    weights = rng.standard_normal((len(root), units))
    preactivations = [root @ weights]
    for gap in np.diff(elapsed):
        autocorrelation = np.exp(-abs(gap) / lifetime)
        weights = autocorrelation * weights + np.sqrt(1 - autocorrelation**2) * rng.standard_normal(
            weights.shape
        )
        preactivations.append(root @ weights)
    return np.stack(preactivations)


def _codes(
    design: Lens,
    fraction: float,
    lifetime: float,
    extent: float,
    bend: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """(session, unit, cell) noise-free activity of an exact Top-K layer on a track, averaged over
    the extent of each place."""
    units, points = design.rate.shape[1], POINTS if extent > 0.1 else 1
    codes = []
    for way in np.unique(design.way):
        cells = np.flatnonzero(design.way == way)
        offsets = extent * ((np.arange(points) + 0.5) / points - 0.5)
        where = (np.arange(cells.size)[:, np.newaxis] + offsets).ravel()  # (point) in places
        root = square_root(_alike(where[:, np.newaxis] - where, bend, design.around))
        activity = top_k(_preactivations(root, design.elapsed, lifetime, units, rng), fraction)
        codes.append(activity.reshape(len(activity), cells.size, points, units).mean(axis=2))
    return np.concatenate(codes, axis=1).transpose(0, 2, 1)


def _alike(distance: np.ndarray, bend: float, around: float | None) -> np.ndarray:
    """Correlation of inputs at a distance in places, of curvature ``bend``."""
    if around is None or bend <= 0:
        return np.exp(-bend * distance**2 / 2)
    return ring_correlation(distance, bend**-0.5, around)


def _design(recording: xr.Dataset, subject: int) -> Lens:
    """The lens of a recording of which no more is known than what ``estimate`` needs."""
    # (session, unit, way, place), (session, 1, way, place)
    rate, occupancy = along_track(recording, subject)
    elapsed = recording["elapsed"].isel(subject=subject).values.astype(float)
    used = np.isfinite(rate).any(axis=(1, 2, 3)) & np.isfinite(elapsed)
    sessions, units, ways, places = rate[used].shape
    maps, time = (
        rate[used].reshape(sessions, units, -1),
        np.nan_to_num(occupancy[used].reshape(sessions, -1)),
    )
    time = np.where(np.isfinite(maps).any(axis=1), time, 0.0)
    mean = np.nan_to_num(maps[0]) @ time[0] / max(time[0].sum(), 1e-300)
    around = float(places) if closes(recording) else None
    place = np.tile(np.arange(places, dtype=float), ways)[:, np.newaxis]
    return Lens(
        maps,
        time,
        elapsed[used],
        place,
        np.repeat(np.arange(ways), places),
        mean[mean > 0],
        True,
        around,
    )


@opened
def simulated_recording(
    recording: xr.Dataset,
    subject: Index,
    fraction: Share,
    lifetime: Positive,
    extent: NotNegative,
    bend: NotNegative,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Recording of a random Top-K layer in place of one recorded subject, with its sessions,
    places, occupancy and event rates.

    Inputs are correlated by c0 = exp(-lambda_2 D^2 / 2) along the track (on a ring see
    ``ring_correlation``) and independent between running directions.

    Parameters
    ----------
    recording : xarray.Dataset
        As for ``estimate``, with Poisson noise and events in its first session.
    subject : int
        Position along the dim.
    fraction, lifetime, extent : float
        f, T and the extent of places of the layer.
    bend : float
        lambda_2, per squared distance between neighbouring places.
    rng : numpy.random.Generator

    Returns
    -------
    xarray.Dataset
        Of the one subject and the sessions in which it was recorded, with ``rate``, ``occupancy``
        and ``elapsed``.
    """
    check(recording, "rate", "occupancy", "elapsed")
    if subject >= recording.sizes["subject"]:
        raise RefusedInputError(
            f"subject must be below the {recording.sizes['subject']} of the recording, got "
            f"{subject}: count from 0."
        )
    design = _design(recording, subject)
    # (session, unit, cell)
    maps = seen_maps(_codes(design, fraction, lifetime, extent, bend, rng), design, rng)
    maps = np.where(design.seen[..., np.newaxis], maps, np.nan)
    ways = len(np.unique(design.way))
    dims = ("subject", "session", "unit", "direction", "place")
    rate = maps.reshape(1, *maps.shape[:2], ways, -1)
    time = design.occupancy.reshape(1, len(maps), ways, -1)
    labels = (
        {"place": recording["place"].reset_coords(drop=True)} if "place" in recording.coords else {}
    )
    return xr.Dataset(
        {"rate": (dims, rate), "occupancy": ((*dims[:2], *dims[3:]), time)},
        coords={"elapsed": (dims[:2], design.elapsed[np.newaxis]), "subject": [0], **labels},
    )
