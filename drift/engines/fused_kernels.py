"""Whole learning steps of one network in compiled loops: forward, error, gradient, noise and update without leaving the cache.

Samples lie along the innermost axis, which the compiler turns into vector code; networks of few samples are padded with silent
ones. Units that respond to no sample have no gradient, so nothing is computed for them but their response, their noise and their
update: a step becomes cheaper as the network becomes sparser, and its result does not change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from drift.engines.normals import COMPILED, fill_normals, fill_uniforms

SGD, ADAM, STOCHASTIC_ERROR_DESCENT = 0, 1, 2
INPUT, LABEL, UPDATE, PERTURBATION = 0, 1, 2, 3  # rows of the generators and columns of the noise scales
NONE, GAUSSIAN, UNIFORM = 0, 1, 2  # laws of a noise
WEIGHTS = 3  # the column of noise that acts on the weights rather than on the gradient


class Work(NamedTuple):
    """All arrays of one subject; weights and activity in one floating-point type."""

    inputs: np.ndarray  # (input + 1, sample), the last row 1 for the bias, samples padded with zeros
    targets: np.ndarray  # (output, sample)
    weights: np.ndarray  # (unit, input + 1 + output): input weights, bias, output weights of each unit
    first: np.ndarray  # like weights: first moment, or the trial step of stochastic error descent
    second: np.ndarray  # like weights: second moment
    noisy_inputs: np.ndarray
    noisy_targets: np.ndarray
    hidden: np.ndarray  # (active unit, sample), only the units that respond
    readout: np.ndarray  # (output, active unit), their output weights
    error: np.ndarray  # (output, sample)
    slope: np.ndarray  # (sample,) of one unit
    gradient: np.ndarray  # (input + 1 + output,) of one unit
    active: np.ndarray  # (unit,) numbers of the units that respond
    random: np.ndarray  # float32 buffer for normal numbers
    generators: np.ndarray  # uint32 (4 streams, 4, lanes)


@njit(forceinline=True, **COMPILED)
def _add_eight(out, weights, rows):  # type: ignore[no-untyped-def]
    a, b, c, d, e, f, g, h = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5], weights[6], weights[7]
    for t in range(out.shape[0]):
        out[t] += (
            (a * rows[0, t] + b * rows[1, t])
            + (c * rows[2, t] + d * rows[3, t])
            + (e * rows[4, t] + f * rows[5, t])
            + (g * rows[6, t] + h * rows[7, t])
        )


@njit(forceinline=True, **COMPILED)
def _add_two(out, weights, rows):  # type: ignore[no-untyped-def]
    a, b = weights[0], weights[1]
    for t in range(out.shape[0]):
        out[t] += a * rows[0, t] + b * rows[1, t]


@njit(forceinline=True, **COMPILED)
def _add_products(out, weights, rows):  # type: ignore[no-untyped-def]
    """Add the product of weights (k,) and rows (k, sample) to out (sample,)."""
    k = 0
    while weights.shape[0] - k >= 8:
        _add_eight(out, weights[k : k + 8], rows[k : k + 8])
        k += 8
    while weights.shape[0] - k >= 2:
        _add_two(out, weights[k : k + 2], rows[k : k + 2])
        k += 2
    if k < weights.shape[0]:
        last = weights[k]
        for t in range(out.shape[0]):
            out[t] += last * rows[k, t]


@njit(forceinline=True, **COMPILED)
def _dot_products(rows, column, out):  # type: ignore[no-untyped-def]
    """Write the products of rows (k, sample) with column (sample,) to out (k,)."""
    k = 0
    zero = column.dtype.type(0)
    while out.shape[0] - k >= 4:
        a, b, c, d = zero, zero, zero, zero
        for t in range(column.shape[0]):
            x = column[t]
            a += rows[k, t] * x
            b += rows[k + 1, t] * x
            c += rows[k + 2, t] * x
            d += rows[k + 3, t] * x
        out[k], out[k + 1], out[k + 2], out[k + 3] = a, b, c, d
        k += 4
    while k < out.shape[0]:
        a = zero
        for t in range(column.shape[0]):
            a += rows[k, t] * column[t]
        out[k] = a
        k += 1


@njit(**COMPILED)
def _respond(work, weights):  # type: ignore[no-untyped-def]
    """Write the responses of all units that respond and the error of the output; return how many respond."""
    inputs, zero = work.noisy_inputs.shape[0], work.error.dtype.type(0)
    count = 0
    for unit in range(weights.shape[0]):
        row = work.hidden[count]
        row[:] = zero
        _add_products(row, weights[unit, :inputs], work.noisy_inputs)
        peak = zero
        for t in range(row.shape[0]):
            row[t] = max(row[t], zero)
            peak = max(peak, row[t])
        if not peak <= zero:  # NaN counts as a response, so that divergence spreads and is seen
            work.active[count] = unit
            for output in range(work.error.shape[0]):
                work.readout[output, count] = weights[unit, inputs + output]
            count += 1
    for output in range(work.error.shape[0]):
        for t in range(work.error.shape[1]):
            work.error[output, t] = -work.noisy_targets[output, t]
    for k in range(0, count, 8):
        stop = min(k + 8, count)
        for output in range(work.error.shape[0]):
            _add_products(work.error[output], work.readout[output, k:stop], work.hidden[k:stop])
    return count


@njit(forceinline=True, **COMPILED)
def _unit_gradient(work, place):  # type: ignore[no-untyped-def]
    """Write the gradient of the unit at a place in the list of active ones; the error is already scaled."""
    inputs, zero = work.noisy_inputs.shape[0], work.error.dtype.type(0)
    unit, row = work.active[place], work.hidden[place]
    work.slope[:] = zero
    _add_products(work.slope, work.weights[unit, inputs:], work.error)
    for t in range(row.shape[0]):
        work.slope[t] = work.slope[t] if row[t] > zero else zero
    _dot_products(work.noisy_inputs, work.slope, work.gradient[:inputs])
    _dot_products(work.error, row, work.gradient[inputs:])


@njit(forceinline=True, **COMPILED)
def _update(work, unit, rule, numbers, moments, scales):  # type: ignore[no-untyped-def]
    """Change the weights of one unit by its gradient, with the noise that acts on either."""
    weights, gradient = work.weights[unit], work.gradient
    normals = work.random[unit * weights.shape[0] : (unit + 1) * weights.shape[0]]
    if rule == SGD:
        shake = scales[WEIGHTS] - numbers[0] * scales[UPDATE]
        for k in range(weights.shape[0]):
            weights[k] += shake * normals[k] - numbers[0] * gradient[k]
        return
    first, second = work.first[unit], work.second[unit]
    keep_first, keep_second, epsilon = numbers[1], numbers[2], numbers[3]
    step, correction = moments[0], moments[1]
    one = weights.dtype.type(1)
    for k in range(weights.shape[0]):
        slope = gradient[k] + scales[UPDATE] * normals[k]
        first[k] = keep_first * first[k] + (one - keep_first) * slope
        second[k] = keep_second * second[k] + (one - keep_second) * slope * slope
        weights[k] += scales[WEIGHTS] * normals[k] - step * first[k] / (np.sqrt(second[k]) * correction + epsilon)


@njit(**COMPILED)
def _gradient_step(work, samples, rule, numbers, moments, scales):  # type: ignore[no-untyped-def]
    count = _respond(work, work.weights)
    factor = work.error.dtype.type(2) / work.error.dtype.type(samples * work.error.shape[0])
    for output in range(work.error.shape[0]):
        for t in range(work.error.shape[1]):
            work.error[output, t] *= factor
    place = 0
    for unit in range(work.weights.shape[0]):
        if place < count and work.active[place] == unit:
            _unit_gradient(work, place)
            place += 1
        else:
            work.gradient[:] = work.gradient.dtype.type(0)
        _update(work, unit, rule, numbers, moments, scales)


@njit(**COMPILED)
def _loss(work, weights, samples):  # type: ignore[no-untyped-def]
    _respond(work, weights)
    total = work.error.dtype.type(0)
    for output in range(work.error.shape[0]):
        for t in range(work.error.shape[1]):
            total += work.error[output, t] * work.error[output, t]
    return total / work.error.dtype.type(samples * work.error.shape[0])


@njit(**COMPILED)
def _trial_step(work, samples, numbers, scales):  # type: ignore[no-untyped-def]
    """Stochastic error descent; numbers: learning rate, and standard deviation and divisor of either part of the trial step."""
    inputs, units = work.inputs.shape[0], work.weights.shape[0]
    before = _loss(work, work.weights, samples)
    width = work.weights.shape[1]
    fill_normals(work.generators[PERTURBATION], work.random)
    for unit in range(units):
        for k in range(width):
            work.first[unit, k] = work.random[unit * width + k] * (numbers[1] if k < inputs else numbers[2])
            work.weights[unit, k] += work.first[unit, k]
    worse = numbers[0] * (_loss(work, work.weights, samples) - before)
    one = work.weights.dtype.type(1)
    for unit in range(units):
        for k in range(width):
            work.weights[unit, k] -= work.first[unit, k] * (one + worse / (numbers[3] if k < inputs else numbers[4]))
    if scales[WEIGHTS] != 0:
        fill_normals(work.generators[UPDATE], work.random)
        for unit in range(units):
            for k in range(width):
                work.weights[unit, k] += scales[WEIGHTS] * work.random[unit * width + k]


@njit(**COMPILED)
def _shake(clean, noisy, rows, samples, law, generators, random, scale):  # type: ignore[no-untyped-def]
    """Write clean (row, sample) plus fresh noise to noisy; rows and samples beyond those given stay as they are."""
    if law == UNIFORM:
        fill_uniforms(generators, random)
    else:
        fill_normals(generators, random)
    for row in range(rows):
        for t in range(samples):
            noisy[row, t] = clean[row, t] + scale * random[row * samples + t]


@njit(**COMPILED)
def advance(work, batch_random, samples, rule, numbers, decays, laws, scales, taken):  # type: ignore[no-untyped-def]
    """Take one step for each row of scales.

    Parameters
    ----------
    work : Work
    batch_random : float32 arrays for the noise of inputs and of targets
    samples : int, without padding
    rule : int
    numbers : array of the rule's numbers, in the type of the weights
    decays : float64 (2,), decay of the first and second moment
    laws : int (4,), law of input, label and update noise and whether update noise exists at all
    scales : (steps, 4), standard deviation of input, label, and update noise on the gradient and on the weights
    taken : int, steps taken before
    """
    moments = np.zeros(2, work.weights.dtype)
    for step in range(scales.shape[0]):
        if laws[INPUT]:
            _shake(work.inputs, work.noisy_inputs, work.inputs.shape[0] - 1, samples, laws[INPUT], work.generators[INPUT], batch_random[0], scales[step, INPUT])
        if laws[LABEL]:
            _shake(work.targets, work.noisy_targets, work.targets.shape[0], samples, laws[LABEL], work.generators[LABEL], batch_random[1], scales[step, LABEL])
        if rule == STOCHASTIC_ERROR_DESCENT:
            _trial_step(work, samples, numbers, scales[step])
            continue
        if laws[UPDATE]:
            fill_normals(work.generators[UPDATE], work.random)
        if rule == ADAM:
            now = taken + step + 1
            moments[0] = numbers[0] / (1 - decays[0] ** now)
            moments[1] = 1 / np.sqrt(1 - decays[1] ** now)
        _gradient_step(work, samples, rule, numbers, moments, scales[step])
