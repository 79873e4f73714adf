"""How well a kernel generalises: the average error of kernel ridge regression, from the spectrum of
the kernel alone.

N data points carry the empirical measure; P of them, drawn without replacement, train the readout.
With eigenvalues eta_r (descending) and orthonormal eigenvectors Phi_r of K / N, and coefficients
v_r = Phi_r^T y / sqrt(N) of the targets y, the error is a sum over modes: a mode is learned once P
eta_r exceeds the effective ridge, the noise that the unlearned modes amount to.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from drift.door import opened
from drift.door.quantities import Count, NotNegative, Unbounded
from drift.errors import RefusedInputError
from drift.theory.generalisation.checks import (
    SYMMETRY,
    checked_ridge,
    checked_training,
    symmetric_kernel,
    target_matrix,
)
from drift.theory.kernels.checks import plain_numbers
from drift.theory.kernels.depth import deep_kernel, optimal_pooling

__all__ = [
    "effective_dimensionality",
    "effective_ridge",
    "optimal_parameters",
    "predicted_error",
    "spectrum",
]


@opened
def spectrum(kernel: np.ndarray, targets: np.ndarray) -> xr.Dataset:
    """Strength of each mode of a code, and how much of the task lies along it.

    K / N = sum_r eta_r Phi_r Phi_r^T and v_r = Phi_r^T y / sqrt(N), so that sum_r v_r^2 is the mean
    square of the targets.

    Parameters
    ----------
    kernel : numpy.ndarray
        (point, point) symmetric positive semi-definite Gram matrix K over all N points.
    targets : numpy.ndarray
        (point[, output]) y.

    Returns
    -------
    xarray.Dataset
        ``eigenvalues`` (mode) eta_r, descending, in units of the kernel; ``coefficients`` (mode,
        output) v_r, in units of the targets.

    Raises
    ------
    RefusedInputError
        If the kernel is not a symmetric positive semi-definite matrix, or anything is NaN or of the
        wrong shape.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248.
    """
    kernel = symmetric_kernel(kernel)
    points = kernel.shape[0]
    targets = target_matrix(targets, points)
    ascending, vectors = np.linalg.eigh(kernel / points)
    if ascending[0] < -SYMMETRY * ascending[-1]:
        raise RefusedInputError(
            "the kernel must be positive semi-definite, got the eigenvalue "
            f"{ascending[0] * points:.3g}: check it."
        )
    eigenvalues = np.maximum(ascending[::-1], 0.0)  # (mode)
    coefficients = vectors[:, ::-1].T @ targets / math.sqrt(points)  # (mode, output)
    return xr.Dataset(
        {
            "eigenvalues": (
                "mode",
                eigenvalues,
                {"units": "as kernel", "long_name": "eigenvalues of the kernel over the points"},
            ),
            "coefficients": (
                ("mode", "output"),
                coefficients,
                {"units": "as targets", "long_name": "targets along the eigenvectors"},
            ),
        }
    )


def _spectral_arrays(
    eigenvalues: np.ndarray, coefficients: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and the squared coefficients, averaged over outputs, both (mode)."""
    values, components = (
        plain_numbers("eigenvalues", eigenvalues),
        plain_numbers("coefficients", coefficients),
    )
    if values.ndim != 1 or components.ndim not in (1, 2) or components.shape[0] != values.size:
        raise RefusedInputError(
            "eigenvalues (mode) and coefficients (mode[, output]) must share the modes, "
            f"got shapes {values.shape} and {components.shape}: pass both from spectrum."
        )
    if not (np.isfinite(components).all() and _is_spectrum(values)):
        raise RefusedInputError(
            "eigenvalues must be finite, not negative and not all 0, coefficients finite: "
            "pass both from spectrum."
        )
    return values, (components.reshape(values.size, -1) ** 2).mean(axis=1)


def _is_spectrum(values: np.ndarray) -> bool:
    return bool(
        values.ndim == 1
        and np.isfinite(values).all()
        and (values >= 0).all()
        and (values > 0).any()
    )


def _checked_spectrum(values: np.ndarray) -> np.ndarray:
    values = plain_numbers("a spectrum", values)
    if not _is_spectrum(values):
        raise RefusedInputError(
            "a spectrum (mode) must be finite, not negative and not all 0, got shape "
            f"{values.shape} from "
            f"{values.min(initial=np.inf):g} to {values.max(initial=-np.inf):g}: pass "
            "eigenvalues of spectrum."
        )
    return values


@opened
def effective_ridge(
    eigenvalues: np.ndarray, training_points: Count, ridge: NotNegative = 0.0
) -> float:
    """Ridge that the unlearned modes add up to: what lies below it cannot be learned from P
    examples.

    The positive root of kappa = lambda + kappa sum_r eta_r / (P eta_r + kappa).

    Parameters
    ----------
    eigenvalues : numpy.ndarray
        (mode) eta_r, not negative.
    training_points : int
        P.
    ridge : float
        lambda, in units of the kernel.

    Returns
    -------
    float
        kappa, in units of the kernel.

    Raises
    ------
    RefusedInputError
        If the eigenvalues are no spectrum, the ridge is negative, or it is 0 and there are no more
        modes above zero than training points, so that the root is 0.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248; Canatar, Bordelon & Pehlevan 2021, Nat. Commun. 12:2914, eq. 5.
    """
    above = _checked_spectrum(eigenvalues)
    above = above[above > 0]
    training_points, ridge = checked_training(training_points, math.inf), checked_ridge(ridge)
    surplus = above.size - training_points
    if ridge == 0 and surplus <= 0:
        raise RefusedInputError(
            "ridgeless regression needs more modes above zero than training points, got "
            f"{above.size} and {training_points}: add a ridge."
        )

    def excess(log_root: float) -> float:
        root = math.exp(log_root)
        return ridge / root + float(np.sum(above / (training_points * above + root))) - 1

    # Each mode contributes at least as much as the smallest, and at most eta_r / kappa: this
    # brackets the root.
    low, high = (
        max(ridge, surplus * float(above.min(initial=math.inf)) if surplus > 0 else 0.0),
        ridge + float(above.sum()),
    )
    if high <= low:
        return low
    return math.exp(
        brentq(excess, math.log(low) - 1e-9, math.log(high) + 1e-9, xtol=1e-14, rtol=1e-15)
    )


@opened
def predicted_error(
    eigenvalues: np.ndarray,
    coefficients: np.ndarray,
    training_points: Count,
    ridge: NotNegative = 0.0,
    leading: Literal["plain", "authors"] = "plain",
    points: Unbounded | None = None,
) -> xr.Dataset:
    """Average error of a readout trained on P random examples, predicted from the spectrum of the
    code.

    E_r = kappa^2 / [(1 - gamma) (P eta_r + kappa)^2], gamma = sum_r P eta_r^2 / (P eta_r +
    kappa)^2, error = sum_r E_r v_r^2, with the effective ridge kappa. Over all N points this counts
    the training points; held-out points alone have N / (N - P) times as much.

    Parameters
    ----------
    eigenvalues : numpy.ndarray
        (mode) eta_r of ``spectrum``.
    coefficients : numpy.ndarray
        (mode[, output]) v_r of ``spectrum``; squares are averaged over outputs.
    training_points : int
        P.
    ridge : float
        lambda, in units of the kernel.
    leading : {"plain", "authors"}
        How mode 0, the mode of the mean, is treated: as every other, or with the published E_0 =
        kappa^2 (1 + gamma) / [(1 - gamma) (2 P eta_0 + kappa)^2], which is too low where P eta_0 is
        of the size of kappa.
    points : float, optional
        N; by default one for each mode. ``math.inf`` for data from a continuum.

    Returns
    -------
    xarray.Dataset
        ``effective_ridge`` (as kernel), ``gamma`` (1), ``mode_error`` (mode) E_r (1), ``error`` and
        ``held_out_error`` (squared targets). The held-out error is NaN where a ridge leaves errors
        at the training points of finitely many points.

    Raises
    ------
    RefusedInputError
        If an array is not a spectrum, the ridge is negative, or P is not below N.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248; Canatar, Bordelon & Pehlevan 2021, Nat. Commun. 12:2914, eqs.
    4-5.
    """
    values, powers = _spectral_arrays(eigenvalues, coefficients)
    points = values.size if points is None else points
    training_points, ridge = checked_training(training_points, points), checked_ridge(ridge)
    if leading not in ("plain", "authors"):
        raise RefusedInputError(
            f"leading must be 'plain' or 'authors', got {leading!r}: choose how the first "
            "mode is treated."
        )
    root = effective_ridge(values, training_points, ridge)
    learned = training_points * values + root  # (mode)
    gamma = float(np.sum(training_points * (values / learned) ** 2))
    mode_error = (root / learned) ** 2 / (1 - gamma)  # (mode)
    if leading == "authors":
        mode_error[0] = (
            (root / (learned[0] + training_points * values[0])) ** 2 * (1 + gamma) / (1 - gamma)
        )
    error = float(mode_error @ powers)
    return _prediction(
        root, gamma, mode_error, error, error * _held_out_factor(training_points, points, ridge)
    )


def _held_out_factor(training_points: int, points: float, ridge: float) -> float:
    if math.isinf(points):
        return 1.0
    return points / (points - training_points) if ridge == 0 else math.nan


def _prediction(
    root: float, gamma: float, mode_error: np.ndarray, error: float, held_out: float
) -> xr.Dataset:
    return xr.Dataset(
        {
            "effective_ridge": (
                (),
                root,
                {"units": "as kernel", "long_name": "ridge that the unlearned modes add up to"},
            ),
            "gamma": (
                (),
                gamma,
                {
                    "units": "1",
                    "long_name": "share of the training points that the learned modes use up",
                },
            ),
            "mode_error": (
                "mode",
                mode_error,
                {"units": "1", "long_name": "error of a mode over its power"},
            ),
            "error": (
                (),
                error,
                {
                    "units": "squared targets",
                    "long_name": "mean squared error over all points, training points included",
                },
            ),
            "held_out_error": (
                (),
                held_out,
                {
                    "units": "squared targets",
                    "long_name": "mean squared error over held-out points",
                },
            ),
        }
    )


@opened
def effective_dimensionality(values: np.ndarray) -> float:
    """Effective number of modes that share a spectrum: r = (sum_r x_r)^2 / sum_r x_r^2.

    Parameters
    ----------
    values : numpy.ndarray
        (mode) eigenvalues eta_r, or errors E_r of the modes.

    Returns
    -------
    float
        Between 1 and the number of modes.

    Raises
    ------
    RefusedInputError
        If a value is negative or NaN, or all are 0.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248.
    """
    values = _checked_spectrum(values)
    return float(values.sum() ** 2 / np.sum(values**2))


@opened
def optimal_parameters(
    correlation: np.ndarray,
    targets: np.ndarray,
    training_points: Count,
    hidden_layers: Count,
    active_fractions: np.ndarray,
    poolings: np.ndarray,
    ridge: NotNegative = 0.0,
) -> xr.Dataset:
    """Sparseness and lateral pooling that the theory expects to generalise best, beside the pooling
    m* at the edge of chaos.

    Parameters
    ----------
    correlation : numpy.ndarray
        (point, point) correlation c_0 of the inputs.
    targets : numpy.ndarray
        (point[, output]).
    training_points : int
        P.
    hidden_layers : int
        H; with one hidden layer the pooling is without effect.
    active_fractions, poolings : numpy.ndarray
        (active_fraction), (pooling) the grid of f and m.
    ridge : float
        lambda, in units of the kernel, whose diagonal is 1.

    Returns
    -------
    xarray.Dataset
        ``error`` (active_fraction, pooling), ``best_pooling`` (active_fraction),
        ``optimal_pooling`` (active_fraction) m*, and ``best_active_fraction``, the f of the least
        error.

    Raises
    ------
    RefusedInputError
        As ``spectrum`` and ``predicted_error``, or if the grid is empty.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248.
    """
    fractions, windows = (
        np.atleast_1d(active_fractions).astype(float),
        np.atleast_1d(poolings).astype(float),
    )
    if fractions.ndim != 1 or windows.ndim != 1 or fractions.size == 0 or windows.size == 0:
        raise RefusedInputError(
            f"the grid needs active fractions and poolings, got {fractions.shape} and "
            f"{windows.shape}: list them."
        )
    error = np.empty((fractions.size, windows.size))  # (active_fraction, pooling)
    for row, column in np.ndindex(error.shape):
        modes = spectrum(
            deep_kernel(correlation, fractions[row], windows[column], hidden_layers), targets
        )
        error[row, column] = predicted_error(
            modes["eigenvalues"].values, modes["coefficients"].values, training_points, ridge
        )["error"]
    grid = xr.DataArray(
        error,
        dims=("active_fraction", "pooling"),
        coords={"active_fraction": fractions, "pooling": windows},
    )
    result = xr.Dataset(
        {
            "error": grid.assign_attrs(
                units="squared targets", long_name="mean squared error over all points, predicted"
            )
        }
    )
    result["best_pooling"] = grid.idxmin("pooling").assign_attrs(
        units="1", long_name="pooling of the least predicted error"
    )
    result["best_active_fraction"] = (
        grid.min("pooling")
        .idxmin("active_fraction")
        .assign_attrs(units="1", long_name="best active fraction")
    )
    edge = np.array([float(optimal_pooling(fraction)) for fraction in fractions])
    result["optimal_pooling"] = (
        "active_fraction",
        edge,
        {"units": "1", "long_name": "pooling at the edge of chaos, m*"},
    )
    return result
