"""Whole learning steps of one network in compiled loops: forward, error, gradient, noise and update
without leaving the cache.

Samples lie along the innermost axis, which the compiler turns into vector code; networks of few
samples are padded with silent ones. Units that respond to no sample have no gradient, so nothing is
computed for them but their response, their noise and their update: a step becomes cheaper as the
network becomes sparser, and its result does not change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.loops.compiled import compiled, inlined, ordered
from drift.loops.normals import fill_normals, fill_uniforms
from drift.loops.products import products
from drift.loops.vectors import WIDTH, any_positive, load, store, where_positive, zeros

SGD, ADAM, STOCHASTIC_ERROR_DESCENT = 0, 1, 2
# rows of the generators and columns of the noise scales
INPUT, LABEL, UPDATE, PERTURBATION = 0, 1, 2, 3
NONE, GAUSSIAN, UNIFORM = 0, 1, 2  # laws of a noise
UNITS = 16  # units whose potentials are computed at once and stay in the cache
WEIGHTS = 3  # the column of noise that acts on the weights rather than on the gradient


class Work(NamedTuple):
    """All arrays of one subject; weights and activity in one floating-point type, innermost axes
    padded to whole vectors."""

    # (input + 1, sample), the last row 1 for the bias, samples padded with zeros
    inputs: np.ndarray
    targets: np.ndarray  # (output, sample)
    # (unit, input + 1 + output): input weights, bias, output weights of each unit
    weights: np.ndarray
    gradient: np.ndarray  # like weights
    first: np.ndarray  # like weights: first moment, or the trial step of stochastic error descent
    second: np.ndarray  # like weights: second moment
    noisy_inputs: np.ndarray  # like inputs
    noisy_targets: np.ndarray  # like targets
    sample_inputs: np.ndarray  # (sample, input + 1), noisy inputs sample by sample
    sample_error: np.ndarray  # (sample, output), scaled error sample by sample
    active: np.ndarray  # (unit,) numbers of the units that respond to any sample, in order
    hidden: np.ndarray  # (active unit, sample), their responses
    outward: np.ndarray  # (active unit, output), their output weights
    input_gradient: np.ndarray  # (active unit, input + 1)
    output_gradient: np.ndarray  # (active unit, output)
    error: np.ndarray  # (output, sample)
    # (UNITS, sample), potentials of a few units, or gradient with respect to their responses
    block: np.ndarray
    slope: np.ndarray  # (UNITS, sample), gradient with respect to the potentials of a few units
    random: np.ndarray  # float32 buffer for normal numbers
    generators: np.ndarray  # uint32 (4 streams, 4, lanes)


@inlined
def _rectify(source, row, out, place):
    """Write the positive part of source[row] to out[place]; return whether any is left.

    NaN counts as positive, so that divergence spreads and is seen. Source and result differ, since
    compilers turn a conditional change in place into masked stores, which are slow.
    """
    responds = False
    for sample in range(0, out.shape[1], WIDTH):
        potential = load(source, row, sample)
        store(where_positive(potential, potential), out, place, sample)
        responds |= any_positive(potential)
    return responds


@inlined
def _copy(source, row, column, out, place, to, columns):
    """Copy entries of a row in whole vectors, up to seven more than asked for."""
    for offset in range(0, columns, WIDTH):
        store(load(source, row, column + offset), out, place, to + offset)


@compiled
def _respond(work, weights):
    """Write the responses of all units that respond and the error of the output; return how many
    respond."""
    inputs, targets, active, hidden = (
        work.noisy_inputs,
        work.noisy_targets,
        work.active,
        work.hidden,
    )
    block, outward, error = work.block, work.outward, work.error
    units, width, outputs, count = weights.shape[0], inputs.shape[0], error.shape[0], 0
    for start in range(0, units, UNITS):
        rows = min(UNITS, units - start)
        products(weights, start, rows, inputs, width, block, 0)
        for row in range(rows):
            if _rectify(block, row, hidden, count):
                active[count] = start + row
                _copy(weights, start + row, width, outward, count, 0, outputs)
                count += 1
    products(outward.T, 0, outputs, hidden, count, error, 0)
    for output in range(outputs):
        for sample in range(error.shape[1]):
            error[output, sample] -= targets[output, sample]
    return count


@compiled
def _back_propagate(work, count, samples):
    """Write the gradient from the error; units that respond to no sample have none."""
    hidden, outward, error, block, slope = (
        work.hidden,
        work.outward,
        work.error,
        work.block,
        work.slope,
    )
    sample_inputs, sample_error = work.sample_inputs, work.sample_error
    input_gradient, output_gradient = work.input_gradient, work.output_gradient
    outputs, factor = error.shape[0], error.dtype.type(2 / (samples * error.shape[0]))
    for output in range(outputs):
        for sample in range(samples):
            error[output, sample] *= factor
            sample_error[sample, output] = error[output, sample]
    for start in range(0, count, UNITS):
        rows = min(UNITS, count - start)
        products(outward, start, rows, error, outputs, block, 0)
        for row in range(rows):
            for sample in range(0, error.shape[1], WIDTH):
                store(
                    where_positive(load(hidden, start + row, sample), load(block, row, sample)),
                    slope,
                    row,
                    sample,
                )
        products(slope, 0, rows, sample_inputs, samples, input_gradient, start)
        products(hidden, start, rows, sample_error, samples, output_gradient, start)
    _scatter(work, count)


@compiled
def _scatter(work, count):
    """Write gradients to the rows of their units, in order: what a vector writes beyond a row is
    written again with the next."""
    gradient, active, place = work.gradient, work.active, 0
    input_gradient, output_gradient = work.input_gradient, work.output_gradient
    outputs, width = work.error.shape[0], work.inputs.shape[0]
    for unit in range(gradient.shape[0]):
        if place < count and active[place] == unit:
            _copy(input_gradient, place, 0, gradient, unit, 0, width)
            _copy(output_gradient, place, 0, gradient, unit, width, outputs)
            place += 1
        else:
            for column in range(0, width + outputs, WIDTH):
                store(zeros(gradient), gradient, unit, column)


@compiled
def _descend(weights, gradient, normals, rate, shake):
    """Gradient descent over flat arrays; the noise on gradient and weights is one number."""
    for index in range(weights.shape[0]):
        weights[index] += shake * normals[index] - rate * gradient[index]


@compiled
def _adapt(weights, gradient, first, second, normals, numbers, moments, scales):
    """Adam over flat arrays."""
    keep_first, keep_second, epsilon, step, correction = (
        numbers[1],
        numbers[2],
        numbers[3],
        moments[0],
        moments[1],
    )
    learn_first, learn_second = moments[2], moments[3]
    on_gradient, on_weights = scales[UPDATE], scales[WEIGHTS]
    for index in range(weights.shape[0]):
        slope = gradient[index] + on_gradient * normals[index]
        first[index] = keep_first * first[index] + learn_first * slope
        second[index] = keep_second * second[index] + learn_second * slope * slope
        weights[index] += on_weights * normals[index] - step * first[index] / (
            np.sqrt(second[index]) * correction + epsilon
        )


@compiled
def _gradient_step(work, samples, rule, numbers, moments, scales):
    count = _respond(work, work.weights)
    _back_propagate(work, count, samples)
    weights, gradient = work.weights.ravel(), work.gradient.ravel()
    if rule == SGD:
        _descend(
            weights,
            gradient,
            work.random,
            numbers[0],
            scales[WEIGHTS] - numbers[0] * scales[UPDATE],
        )
    else:
        _adapt(
            weights,
            gradient,
            work.first.ravel(),
            work.second.ravel(),
            work.random,
            numbers,
            moments,
            scales,
        )


@ordered
def _loss(work, weights, samples):
    _respond(work, weights)
    total = work.error.dtype.type(0)
    for output in range(work.error.shape[0]):
        for sample in range(work.error.shape[1]):
            total += work.error[output, sample] * work.error[output, sample]
    return total / work.error.dtype.type(samples * work.error.shape[0])


@ordered
def _trial_step(work, samples, numbers, scales):
    """Stochastic error descent; numbers: learning rate, and standard deviation and divisor of
    either part of the trial step."""
    inputs, units = work.inputs.shape[0], work.weights.shape[0]
    before = _loss(work, work.weights, samples)
    width = work.weights.shape[1]
    fill_normals(work.generators[PERTURBATION], work.random)
    for unit in range(units):
        for column in range(width):
            work.first[unit, column] = work.random[unit * width + column] * (
                numbers[1] if column < inputs else numbers[2]
            )
            work.weights[unit, column] += work.first[unit, column]
    worse = numbers[0] * (_loss(work, work.weights, samples) - before)
    unity = work.weights.dtype.type(1)
    for unit in range(units):
        for column in range(width):
            work.weights[unit, column] -= work.first[unit, column] * (
                unity + worse / (numbers[3] if column < inputs else numbers[4])
            )
    if scales[WEIGHTS] != 0:
        fill_normals(work.generators[UPDATE], work.random)
        for unit in range(units):
            for column in range(width):
                work.weights[unit, column] += scales[WEIGHTS] * work.random[unit * width + column]


@compiled
def _shake(clean, noisy, rows, samples, law, generators, random, scale):
    """Write clean (row, sample) plus fresh noise to noisy; rows and samples beyond those given stay
    as they are."""
    if law == UNIFORM:
        fill_uniforms(generators, random)
    else:
        fill_normals(generators, random)
    for row in range(rows):
        for sample in range(samples):
            noisy[row, sample] = clean[row, sample] + scale * random[row * samples + sample]


@compiled
def advance(work, batch_random, samples, rule, numbers, decays, laws, scales, taken):
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
    scales : (steps, 4), standard deviation of input, label, and update noise on the gradient and on
        the weights
    taken : int, steps taken before
    """
    moments = np.array([0, 0, 1 - decays[0], 1 - decays[1]]).astype(work.weights.dtype)
    for step in range(scales.shape[0]):
        if laws[INPUT]:
            _shake(
                work.inputs,
                work.noisy_inputs,
                work.inputs.shape[0] - 1,
                samples,
                laws[INPUT],
                work.generators[INPUT],
                batch_random[0],
                scales[step, INPUT],
            )
            for row in range(work.inputs.shape[0] - 1):
                for sample in range(samples):
                    work.sample_inputs[sample, row] = work.noisy_inputs[row, sample]
        if laws[LABEL]:
            _shake(
                work.targets,
                work.noisy_targets,
                work.targets.shape[0],
                samples,
                laws[LABEL],
                work.generators[LABEL],
                batch_random[1],
                scales[step, LABEL],
            )
        if rule == STOCHASTIC_ERROR_DESCENT:
            _trial_step(work, samples, numbers, scales[step])
            continue
        if laws[UPDATE]:
            fill_normals(work.generators[UPDATE], work.random)
        if rule == ADAM:
            updates = taken + step + 1
            moments[0] = numbers[0] / (1 - decays[0] ** updates)
            moments[1] = 1 / np.sqrt(1 - decays[1] ** updates)
        _gradient_step(work, samples, rule, numbers, moments, scales[step])
