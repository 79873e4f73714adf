"""Bounded least-squares fits of Gabor functions and centre-surround differences of Gaussians to
small images, many at once.

Levenberg-Marquardt steps with exact slopes, taken for all fits together, so that 120 fields of 16
x 16 pixels with six starts each take a second or two. A parameter that lies on its bound and is
pushed outwards is held there for the step; the others move.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

EVALUATIONS = 60
TOLERANCE = 1e-8  # relative gain of a step below which a fit has settled
HOPELESS = 1e12  # damping at which a step no longer moves anything
TOGETHER = 32  # fields whose slopes fit into the cache of a processor core

Model = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def gabor(parameters: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gabor functions a exp(-X^2 / 2 sx^2 - Y^2 / 2 sy^2) cos(2 pi f X + ph) + o, X along the
    angle, Y across it, and their slopes.

    Parameters
    ----------
    parameters : numpy.ndarray
        (fit, 9) x0, y0, sx, sy (pixels), angle (radians), f (cycles/pixel), ph (radians), a, o.
    x, y : numpy.ndarray
        (pixel,) columns and rows.

    Returns
    -------
    values, slopes : numpy.ndarray
        (fit, pixel) and (fit, parameter, pixel).
    """
    x0, y0, sx, sy, angle, frequency, phase, amplitude, offset = parameters.T[:, :, np.newaxis]
    cosine, sine = np.cos(angle), np.sin(angle)
    along = (x - x0) * cosine + (y - y0) * sine
    across = (y - y0) * cosine - (x - x0) * sine
    envelope = np.exp(-0.5 * ((along / sx) ** 2 + (across / sy) ** 2))
    wave = 2 * np.pi * frequency * along + phase
    unscaled = envelope * np.cos(wave)
    carrier, turned = amplitude * unscaled, -amplitude * envelope * np.sin(wave)
    by_along = 2 * np.pi * frequency * turned - carrier * along / sx**2
    by_across = -carrier * across / sy**2
    slopes = np.empty((len(parameters), 9, x.size))
    slopes[:, 0] = by_across * sine - by_along * cosine
    slopes[:, 1] = -by_along * sine - by_across * cosine
    slopes[:, 2] = carrier * along**2 / sx**3
    slopes[:, 3] = carrier * across**2 / sy**3
    slopes[:, 4] = by_along * across - by_across * along
    slopes[:, 5] = 2 * np.pi * along * turned
    slopes[:, 6] = turned
    slopes[:, 7] = unscaled
    slopes[:, 8] = 1.0
    return carrier + offset, slopes


def centre_surround(
    parameters: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Differences of round Gaussians a exp(-r^2 / 2 s^2) - b exp(-r^2 / 2 (k s)^2) + o, and their
    slopes.

    Parameters
    ----------
    parameters : numpy.ndarray
        (fit, 7) x0, y0, s (pixels), k, a, b, o.
    x, y : numpy.ndarray
        (pixel,) columns and rows.

    Returns
    -------
    values, slopes : numpy.ndarray
        (fit, pixel) and (fit, parameter, pixel).
    """
    x0, y0, inner, ratio, amplitude, depth, offset = parameters.T[:, :, np.newaxis]
    squared = (x - x0) ** 2 + (y - y0) ** 2
    centre, surround = (
        np.exp(-0.5 * squared / inner**2),
        np.exp(-0.5 * squared / (ratio * inner) ** 2),
    )
    steepness = amplitude * centre / inner**2 - depth * surround / (ratio * inner) ** 2
    slopes = np.empty((len(parameters), 7, x.size))
    slopes[:, 0] = (x - x0) * steepness
    slopes[:, 1] = (y - y0) * steepness
    slopes[:, 2] = steepness * squared / inner
    slopes[:, 3] = -depth * surround * squared / (inner**2 * ratio**3)
    slopes[:, 4] = centre
    slopes[:, 5] = -surround
    slopes[:, 6] = 1.0
    return amplitude * centre - depth * surround + offset, slopes


def _normal_equations(
    model: Model, parameters: np.ndarray, fields: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared error (fit,), J^T J (fit, parameter, parameter) and J^T r (fit, parameter) for (fit,
    row, column)."""
    y, x = np.indices(fields.shape[1:]).reshape(2, -1).astype(float)
    values, slopes = model(parameters, x, y)
    residual = values - fields.reshape(values.shape)
    return (
        (residual**2).sum(axis=1),
        slopes @ slopes.transpose(0, 2, 1),
        (slopes @ residual[:, :, np.newaxis])[:, :, 0],
    )


def _trials(
    parameters: np.ndarray,
    matrix: np.ndarray,
    gradient: np.ndarray,
    damping: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> np.ndarray:
    """Parameters after a damped step that stays inside the bounds, (fit, parameter)."""
    held = ((parameters <= lower) & (gradient > 0)) | ((parameters >= upper) & (gradient < 0))
    system = np.where(held[:, :, np.newaxis] | held[:, np.newaxis, :], 0.0, matrix)
    every = np.arange(parameters.shape[1])
    system[:, every, every] = np.where(
        held, 1.0, matrix[:, every, every] * (1 + damping[:, np.newaxis]) + 1e-12
    )
    step = np.linalg.solve(system, np.where(held, 0.0, -gradient)[:, :, np.newaxis])[:, :, 0]
    return np.clip(parameters + step, lower, upper)


def _fits(
    model: Model, starts: np.ndarray, fields: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and squared errors where the fits end; damping falls after a step that helps and
    rises otherwise."""
    best = np.clip(starts, *bounds)
    state = [best, *_normal_equations(model, best, fields)]  # parameters, error, matrix, gradient
    damping, running = np.full(len(best), 1e-2), np.arange(len(best))
    for _evaluation in range(EVALUATIONS - 1):
        trial = _trials(
            best[running], state[2][running], state[3][running], damping[running], *bounds
        )
        proposal = [trial, *_normal_equations(model, trial, fields[running])]
        gain = 1 - proposal[1] / np.maximum(state[1][running], 1e-300)
        better = gain > 0
        for current, new in zip(state, proposal, strict=True):
            current[running[better]] = new[better]
        damping[running] = np.where(
            better, np.maximum(damping[running] / 5, 1e-9), damping[running] * 8
        )
        running = running[~(better & (gain < TOLERANCE)) & (damping[running] < HOPELESS)]
        if not running.size:
            break
    return state[0], state[1]


def best_fits(
    model: Model, starts: np.ndarray, fields: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Best of several bounded least-squares fits to each field, with at most 60 evaluations of the
    model for each start.

    Parameters
    ----------
    model : callable
        ``gabor`` or ``centre_surround``.
    starts : numpy.ndarray
        (field, start, parameter) where the fits begin; moved inside the bounds.
    fields : numpy.ndarray
        (field, row, column) finite.
    bounds : numpy.ndarray
        (2, parameter) least and largest values.

    Returns
    -------
    parameters, r_squared : numpy.ndarray
        (field, parameter), and (field,) share of the variance over pixels that is explained.
    """
    parameters, errors = np.empty((len(fields), starts.shape[2])), np.empty(len(fields))
    for first in range(0, len(fields), TOGETHER):
        block = slice(first, first + TOGETHER)
        images, attempts = fields[block], starts.shape[1]
        solutions, error = _fits(
            model,
            starts[block].reshape(-1, starts.shape[2]),
            np.repeat(images, attempts, axis=0),
            bounds,
        )
        best = error.reshape(-1, attempts).argmin(axis=1) + attempts * np.arange(len(images))
        parameters[block], errors[block] = solutions[best], error[best]
    return parameters, 1 - errors / ((fields - fields.mean(axis=(1, 2), keepdims=True)) ** 2).sum(
        axis=(1, 2)
    )
