"""Receptive fields on a ring: where they are, how fast they wander, and how evenly they keep their
distance."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Centres
from drift.errors import RefusedInputError
from drift.metrics.places import of_ring
from drift.schema.labelled_form import check
from drift.similarity_matching.rotation import PAIR, _evenly_spaced

# time step of the published output dynamics, which its diffusion constants multiply by mistake
EULER_STEP = 0.05


@opened
def field_centres(run: xr.Dataset, threshold: float = 0.1) -> xr.DataArray:
    """Angle of the centroid of each receptive field on a ring.

    Responses below ``threshold`` count as none; angles are measured from the peak, between -pi and
    pi, so that the seam does not matter.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with ``rate`` (subject, session, unit, place), ``place`` in rad around
        the circle.
    threshold : float
        In units of rate.

    Returns
    -------
    xarray.DataArray
        (subject, session, unit) in [0, 2 pi); NaN for a unit that nowhere reaches the threshold.

    Raises
    ------
    RefusedInputError
        If places are not angles of a whole circle.

    References
    ----------
    Qin et al. 2023 (centroid of a receptive field).
    """
    check(run, "rate")
    rate = run["rate"]
    if of_ring(rate) is None or abs((of_ring(rate) or 0.0) - 2 * np.pi) > 1e-6:
        raise RefusedInputError(
            "field centres need places around a circle in rad: measure other rings by "
            "drift.metrics.centroid."
        )
    bump = rate.where(rate >= threshold, 0.0).transpose(*PAIR, "unit", "place").values
    place = rate["place"].values
    peak = place[bump.argmax(-1)]
    offset = _shorter_way(place - peak[..., np.newaxis])
    total = bump.sum(-1)
    shift = np.divide(
        (bump * offset).sum(-1), total, out=np.full(total.shape, np.nan), where=total > 0
    )
    coords = {name: run[name] for name in (*PAIR, "unit", "elapsed") if name in run.coords}
    attrs = {"units": "rad", "long_name": "centroid of the receptive field"}
    return xr.DataArray(
        (peak + shift) % (2 * np.pi), dims=(*PAIR, "unit"), coords=coords, attrs=attrs
    )


@opened
def circular_diffusion_constant(centres: Centres, faithful: bool = False) -> xr.DataArray:
    """How fast receptive fields wander around a ring: initial slope of their mean squared
    displacement against lag.

    Displacements are the shorter way round, and the mean runs over units and pairs of sessions in
    which a unit has a field. A line with intercept goes through the lags up to the first at which
    the displacement exceeds a third of its plateau, its mean over the longer half of the lags.

    Parameters
    ----------
    centres : xarray.DataArray
        (subject, session, unit) from ``field_centres``, in evenly spaced sessions.
    faithful : bool
        Give the published time unit, 20 learning steps; by default one learning step.

    Returns
    -------
    xarray.DataArray
        (subject,) in rad^2/step; NaN for a subject without a field in two sessions.

    Raises
    ------
    RefusedInputError
        If sessions are not evenly spaced.

    References
    ----------
    Qin et al. 2023 (diffusion constant of the ring model).
    """
    interval = _evenly_spaced(centres.to_dataset(name="centres")) * (
        EULER_STEP if faithful else 1.0
    )
    tracks = centres.transpose(*PAIR, "unit").values
    constants = [
        _slope(circular_displacement(track)) / step
        for track, step in zip(tracks, interval, strict=True)
    ]
    return xr.DataArray(
        constants, dims="subject", attrs={"units": "rad^2/(20 step)" if faithful else "rad^2/step"}
    )


def circular_displacement(track: np.ndarray) -> np.ndarray:
    """Return the mean squared displacement (lag,) of angles (session, unit) for lags of 1 to half
    of the sessions; NaN is left out."""
    squared = [
        np.square(_shorter_way(track[lag:] - track[:-lag])) for lag in range(1, len(track) // 2 + 1)
    ]
    counts = [np.isfinite(squares).sum() for squares in squared]
    return np.array(
        [
            np.nansum(squares) / count if count else np.nan
            for squares, count in zip(squared, counts, strict=True)
        ]
    )


def _shorter_way(turn: np.ndarray) -> np.ndarray:
    """Return turns between -pi and pi."""
    return (turn + np.pi) % (2 * np.pi) - np.pi


def _slope(displacement: np.ndarray) -> float:
    plateau = displacement[len(displacement) // 2 :].mean()
    if not plateau > 0:
        return float("nan") if np.isnan(plateau) else 0.0
    last = max(2, int(np.argmax(displacement > plateau / 3)) + 1)
    return float(np.polyfit(np.arange(1, last + 1), displacement[:last], 1)[0])


@opened
def spacing_variance(centres: Centres) -> xr.DataArray:
    """Variance of the distances between neighbouring receptive fields around the ring.

    Parameters
    ----------
    centres : xarray.DataArray
        (subject, session, unit) from ``field_centres``.

    Returns
    -------
    xarray.DataArray
        (subject, session) in rad^2; NaN with fewer than two fields.
        ``independent_spacing_variance`` is what to hold it against.

    References
    ----------
    Qin et al. 2023 (coordinated drift).
    """
    tracks = centres.transpose(*PAIR, "unit").values
    variance = [[_spacing(angles[np.isfinite(angles)]) for angles in track] for track in tracks]
    return xr.DataArray(
        variance,
        dims=PAIR,
        attrs={"units": "rad^2", "long_name": "variance of the distance of neighbouring fields"},
    )


def _spacing(angles: np.ndarray) -> float:
    around = np.sort(angles)
    return (
        float(np.diff(around, append=around[:1] + 2 * np.pi).var())
        if angles.size > 1
        else float("nan")
    )


@opened
def independent_spacing_variance(fields: int | np.ndarray) -> np.ndarray:
    """Expected variance of neighbour distances for independent uniform angles, (2 pi / m)^2 (m - 1)
    / (m + 1) for m of them.

    Parameters
    ----------
    fields : int or array
        m, fields around the ring.

    Returns
    -------
    numpy.ndarray
        rad^2, in the shape of ``fields``.

    References
    ----------
    Uniform spacings follow a Dirichlet law with all parameters 1.
    """
    count = np.asarray(fields, dtype=float)
    return (2 * np.pi / count) ** 2 * (count - 1) / (count + 1)
