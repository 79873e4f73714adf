"""Bounded least-squares fits of Gabor functions and centre-surround differences of Gaussians to small images, compiled.

A Levenberg-Marquardt step with exact slopes takes microseconds, so that 120 fields of 16 x 16 pixels with six starts each take
about a second. A parameter that lies on its bound and is pushed outwards is held there for the step; the others move.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

compiled: Any = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})

EVALUATIONS = 60
TOLERANCE = 1e-8


@compiled
def _gabor(p, x, y, slope):
    cosine, sine = np.cos(p[4]), np.sin(p[4])
    along = (x - p[0]) * cosine + (y - p[1]) * sine
    across = -(x - p[0]) * sine + (y - p[1]) * cosine
    envelope = np.exp(-0.5 * (along / p[2]) ** 2 - 0.5 * (across / p[3]) ** 2)
    wave = 2 * np.pi * p[5] * along + p[6]
    carrier = envelope * np.cos(wave)
    turned = -p[7] * envelope * np.sin(wave)  # slope by the phase
    by_along = -p[7] * carrier * along / p[2] ** 2 + turned * 2 * np.pi * p[5]
    by_across = -p[7] * carrier * across / p[3] ** 2
    slope[0] = -by_along * cosine + by_across * sine
    slope[1] = -by_along * sine - by_across * cosine
    slope[2] = p[7] * carrier * along**2 / p[2] ** 3
    slope[3] = p[7] * carrier * across**2 / p[3] ** 3
    slope[4] = by_along * across - by_across * along
    slope[5] = turned * 2 * np.pi * along
    slope[6] = turned
    slope[7] = carrier
    slope[8] = 1.0
    return p[7] * carrier + p[8]


@compiled
def _centre_surround(p, x, y, slope):
    squared = (x - p[0]) ** 2 + (y - p[1]) ** 2
    outer = p[3] * p[2]
    centre, surround = np.exp(-0.5 * squared / p[2] ** 2), np.exp(-0.5 * squared / outer**2)
    by_squared = -0.5 * (p[4] * centre / p[2] ** 2 - p[5] * surround / outer**2)
    slope[0] = -2 * (x - p[0]) * by_squared
    slope[1] = -2 * (y - p[1]) * by_squared
    slope[2] = (p[4] * centre / p[2] ** 2 - p[5] * surround / outer**2) * squared / p[2]
    slope[3] = -p[5] * surround * squared / (outer**2 * p[3])
    slope[4] = centre
    slope[5] = -surround
    slope[6] = 1.0
    return p[4] * centre - p[5] * surround + p[6]


@compiled
def _normal_equations(p, field, matrix, gradient, slope):
    """Fill J^T J and J^T r of the model with as many parameters as ``p`` has, and return the sum of squared residuals."""
    matrix[:], gradient[:], error = 0.0, 0.0, 0.0
    for row in range(field.shape[0]):
        for column in range(field.shape[1]):
            value = _gabor(p, column, row, slope) if p.size == 9 else _centre_surround(p, column, row, slope)
            residual = value - field[row, column]
            error += residual**2
            for i in range(p.size):
                gradient[i] += slope[i] * residual
                for j in range(i + 1):
                    matrix[i, j] += slope[i] * slope[j]
    return error


@compiled
def _solved(matrix, right):
    """Solve a symmetric positive system, of which the lower triangle is given and overwritten, by Cholesky's factors."""
    size = right.size
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = np.sqrt(max(total, 1e-300)) if i == j else total / matrix[j, j]
    for i in range(size):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]


@compiled
def _trial(p, matrix, gradient, damping, lower, upper):
    """Parameters after a damped step that stays inside the bounds."""
    step, system = -gradient, matrix.copy()
    for i in range(p.size):
        held = (p[i] <= lower[i] and gradient[i] > 0) or (p[i] >= upper[i] and gradient[i] < 0)
        if held:
            step[i], system[i, :], system[:, i] = 0.0, 0.0, 0.0
        system[i, i] = 1.0 if held else matrix[i, i] * (1 + damping) + 1e-12
    _solved(system, step)
    return np.minimum(np.maximum(p + step, lower), upper)


@compiled
def _fit(start, field, lower, upper, evaluations, tolerance):
    """Parameters and sum of squared residuals where the fit ends; damping falls after a step that helps and rises otherwise."""
    size = start.size
    best, slope = start.copy(), np.zeros(size)
    matrix, gradient = np.zeros((size, size)), np.zeros(size)
    error = _normal_equations(best, field, matrix, gradient, slope)
    other_matrix, other_gradient, damping = matrix.copy(), gradient.copy(), 1e-2
    for _ in range(evaluations - 1):
        trial = _trial(best, matrix, gradient, damping, lower, upper)
        other = _normal_equations(trial, field, other_matrix, other_gradient, slope)
        if other >= error:
            damping *= 8
            if damping > 1e12:
                break
            continue
        settled = error - other < tolerance * error
        best, error, damping = trial, other, max(damping / 5, 1e-9)
        matrix[:], gradient[:] = other_matrix, other_gradient
        if settled:
            break
    return best, error


@compiled
def _best_fits(starts, fields, lower, upper, evaluations, tolerance):
    found, errors = np.empty((fields.shape[0], starts.shape[2])), np.empty(fields.shape[0])
    for i in range(fields.shape[0]):
        errors[i] = np.inf
        for start in starts[i]:
            parameters, error = _fit(start, fields[i], lower, upper, evaluations, tolerance)
            if error < errors[i]:
                found[i], errors[i] = parameters, error
    return found, errors


def best_fits(starts: np.ndarray, fields: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best of several bounded least-squares fits to each field, with at most 60 evaluations of the model for each start.

    Nine parameters (x0, y0, sx, sy, angle, f, ph, a, o) mean a Gabor function a exp(-X^2 / 2 sx^2 - Y^2 / 2 sy^2) cos(2 pi f X + ph)
    + o with X along the angle and Y across it; seven (x0, y0, s, k, a, b, o) mean a exp(-r^2 / 2 s^2) - b exp(-r^2 / 2 (k s)^2) + o.

    Parameters
    ----------
    starts : numpy.ndarray
        (field, start, parameter) where the fits begin; moved inside the bounds.
    fields : numpy.ndarray
        (field, row, column) finite.
    bounds : numpy.ndarray
        (2, parameter) least and largest values.

    Returns
    -------
    parameters, r_squared : numpy.ndarray
        (field, parameter) in pixels, radians and cycles/pixel, and (field,) share of the variance over pixels that is explained.
    """
    lower, upper = bounds
    images = np.ascontiguousarray(fields, dtype=float)
    parameters, errors = _best_fits(np.clip(starts, lower, upper), images, lower, upper, EVALUATIONS, TOLERANCE)
    return parameters, 1 - errors / ((fields - fields.mean(axis=(1, 2), keepdims=True)) ** 2).sum(axis=(1, 2))
