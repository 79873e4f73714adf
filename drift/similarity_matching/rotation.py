"""How codes of similarity-matching networks turn while what they are good for stays: rotation,
subspace, similarity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Places
from drift.errors import RefusedInputError
from drift.metrics.labels import require_dims
from drift.schema.labelled_form import check

PAIR = ("subject", "session")


def _evenly_spaced(run: xr.Dataset) -> np.ndarray:
    """Return the steps between two sessions of each subject, (subject,); refuses sessions that are
    not evenly spaced."""
    steps = np.diff(run["elapsed"].transpose(*PAIR).values, axis=1)
    if steps.shape[1] < 2 or not np.allclose(steps, steps[:, :1]):
        raise RefusedInputError(
            "a diffusion constant needs at least three evenly spaced sessions: choose "
            "sessions as a whole number."
        )
    return steps[:, 0]


@opened
def predicted_rotational_diffusion(
    learning_rate: float, noise: float, eigenvalues: Sequence[float], units: Count = 3
) -> float:
    """Rotational diffusion constant of a linear similarity-matching network, D = (eta sigma^2 / 4)
    sum_{i <= k} 1 / lambda_i^2.

    Parameters
    ----------
    learning_rate : float
        eta, share of the weights that a step replaces.
    noise : float
        sigma, standard deviation of the noise on both weight matrices per square root of eta.
    eigenvalues : sequence of float
        lambda, variances of the inputs along their principal directions.
    units : int
        k, output units; the largest k eigenvalues count.

    Returns
    -------
    float
        rad^2/step, such that the mean squared angle grows as 4 D t.

    Raises
    ------
    RefusedInputError
        If there are fewer eigenvalues than units, or one of them is not positive.

    References
    ----------
    Qin et al. 2023 (rotational diffusion constant D_phi).
    """
    values = np.sort(np.asarray(eigenvalues, dtype=float))[::-1]
    if units < 1 or values.size < units or not (values[:units] > 0).all():
        raise RefusedInputError(
            f"{units} positive eigenvalues are needed, got {list(eigenvalues)}: give one for "
            "each output unit."
        )
    return float(learning_rate * noise**2 / 4 * np.sum(values[:units] ** -2.0))


@opened
def rotational_diffusion_constant(run: xr.Dataset, longest_lag: float = 1000.0) -> xr.DataArray:
    """How fast the code of a linear network with three outputs rotates.

    The angles phi = sum_t Y_t x (Y_t+1 - Y_t) / |Y_t+1|^2 of every recorded sample are summed up; a
    straight line through the mean of
    |phi(t + lag) - phi(t)|^2 against lag has the slope 4 D.

    Parameters
    ----------
    run : xarray.Dataset
        Result of ``simulate`` with ``sample_activity`` (subject, session, sample, unit) of three
        units, in evenly spaced sessions.
    longest_lag : float
        Steps; the line goes through all lags up to this one.

    Returns
    -------
    xarray.DataArray
        (subject,) in rad^2/step; NaN for a subject that diverged.

    Raises
    ------
    RefusedInputError
        If there are not three units, or sessions are not evenly spaced or too far apart.

    References
    ----------
    Qin et al. 2023 (diffusion of a linear network).
    """
    check(run, "sample_activity")
    if run.sizes["unit"] != 3:
        raise RefusedInputError(
            f"angles are defined for three output units, got {run.sizes['unit']}: simulate a "
            "network with units=3."
        )
    interval = _evenly_spaced(run)
    codes = run["sample_activity"].transpose("subject", "session", "sample", "unit").values
    constants = [
        _rotation(code, step, longest_lag) for code, step in zip(codes, interval, strict=True)
    ]
    return xr.DataArray(
        constants,
        dims="subject",
        attrs={"units": "rad^2/step", "long_name": "rotational diffusion constant"},
    )


def _rotation(code: np.ndarray, interval: float, longest_lag: float) -> float:
    lags = np.arange(1, min(int(longest_lag / interval), len(code) // 2) + 1)
    if lags.size < 2:
        raise RefusedInputError(
            f"sessions every {interval:g} steps give fewer than two lags up to "
            f"{longest_lag:g}: record more often."
        )
    if not np.isfinite(code).all():
        return float("nan")
    squared = np.square(code[1:]).sum(-1, keepdims=True)
    # (session, sample, axis)
    angles = np.cumsum(np.cross(code[:-1], code[1:] - code[:-1]) / squared, axis=0)
    displacement = _mean_squared_displacement(angles.reshape(len(angles), -1))[lags] / code.shape[1]
    return float(np.polyfit(lags * interval, displacement, 1)[0] / 4)


def _mean_squared_displacement(tracks: np.ndarray) -> np.ndarray:
    """Return, for every lag, the mean over time of |x(t + lag) - x(t)|^2 of tracks (session, axis),
    by way of their correlation."""
    length = len(tracks)
    spectrum = np.fft.rfft(tracks - tracks[0], 2 * length, axis=0)
    products = np.fft.irfft(np.square(np.abs(spectrum)).sum(-1), 2 * length)[:length]
    squares = np.append(0.0, np.cumsum(np.square(tracks - tracks[0]).sum(-1)))
    remaining = length - np.arange(length)
    return (squares[-1] - squares[:length] + squares[remaining] - 2 * products) / remaining


@opened
def principal_subspace_error(run: xr.Dataset) -> xr.DataArray:
    """How far the outputs are from the principal subspace of the inputs, |F^T F - V V^T| / |V V^T|,
    Frobenius norms.

    F are the neural filters M^-1 W, the columns of V the eigenvectors of the input covariance with
    the largest eigenvalues.

    Parameters
    ----------
    run : xarray.Dataset
        Result of ``simulate`` for linear networks.

    Returns
    -------
    xarray.DataArray
        (subject, session).

    Raises
    ------
    RefusedInputError
        If the run is not of linear networks.

    References
    ----------
    Qin et al. 2023 (PSP error).
    """
    if "neural_filters" not in run:
        raise RefusedInputError(
            "the principal subspace error needs neural_filters: simulate networks of kind "
            "principal_subspace."
        )
    filters = run["neural_filters"].transpose(*PAIR, "unit", "input").values
    vectors = np.linalg.eigh(
        run["input_covariance"].transpose("subject", "input", "input_other").values
    )[1][..., -filters.shape[2] :]
    target = (vectors @ vectors.mT)[:, np.newaxis]  # (subject, 1, input, input)
    error = np.linalg.norm(filters.mT @ filters - target, axis=(-2, -1)) / np.linalg.norm(
        target, axis=(-2, -1)
    )
    return xr.DataArray(
        error, dims=PAIR, attrs={"units": "1", "long_name": "principal subspace error"}
    )


@opened
def similarity_change(run: xr.Dataset) -> xr.DataArray:
    """How much the similarity of outputs has changed since the first session, |Y_t^T Y_t - Y_0^T
    Y_0| / |Y_0^T Y_0|, Frobenius norms.

    Parameters
    ----------
    run : xarray.Dataset
        Result of ``simulate``.

    Returns
    -------
    xarray.DataArray
        (subject, session).

    References
    ----------
    Qin et al. 2023 (change of the similarity matrix).
    """
    name = "rate" if "rate" in run else "sample_activity"
    if name not in run:
        check(run, name)
    require_dims(run[name], name, *PAIR, "unit")
    inside = [dim for dim in run[name].dims if dim not in (*PAIR, "unit")]
    if not inside:
        raise RefusedInputError(
            f"{name} was expected over places or samples, got the dims {run[name].dims}: keep "
            "one of them."
        )
    codes = (
        run[name]
        .stack(pattern=inside, create_index=False)
        .transpose(*PAIR, "pattern", "unit")
        .values.astype(float)
    )
    change = np.array(
        [[_norm_of_change(code, of_subject[0]) for code in of_subject] for of_subject in codes]
    )
    return xr.DataArray(
        change,
        dims=PAIR,
        attrs={"units": "1", "long_name": "relative change of the output similarity"},
    )


def _norm_of_change(now: np.ndarray, first: np.ndarray) -> float:
    before = first @ first.T
    return float(np.linalg.norm(now @ now.T - before) / np.linalg.norm(before))


@opened
def responsive_units(rate: xr.DataArray, threshold: float, places: Places = 3) -> xr.DataArray:
    """Units that respond with more than ``threshold`` at more than ``places`` places.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., unit, place[, environment]).
    threshold : float
        In units of rate; published 0.05 on the ring, 0.1 for place cells.
    places : int
        Published 3.

    Returns
    -------
    xarray.DataArray
        (..., unit) 1 or 0, NaN for a unit that was not observed; the mean over units is the
        published active fraction.

    References
    ----------
    Qin et al. 2023 (active neurons).
    """
    inside = [dim for dim in ("place", "environment") if dim in rate.dims]
    return ((rate > threshold).sum(inside) > places).where(rate.notnull().any(inside))
