"""Whole learning steps in compiled loops for networks with single samples or minibatches, other
activations, dropout, excitability, or weights that decay or are bounded.

Steps of networks without any of these are those of ``fused_kernels``, whose layout and primitives
these share.
"""

from __future__ import annotations

import numpy as np

from drift.loops.compiled import compiled, inlined, ordered
from drift.loops.normals import fill_masks, fill_normals
from drift.training.engines.fused_kernels import (
    ADAM,
    INPUT,
    LABEL,
    PERTURBATION,
    SGD,
    STOCHASTIC_ERROR_DESCENT,
    UPDATE,
    WEIGHTS,
    _copy,
    _shake,
)
from drift.training.engines.fused_layer import (
    DROPOUT,
    EXCITABILITY,
    ON_WEIGHTS,
    back_propagate,
    excite,
    respond,
)
from drift.training.engines.fused_single import single_step
from drift.training.engines.fused_updates import adapt, confine, descend, multiply


@compiled
def _taking_part(work, mechanisms, kinds):
    """Return the weights that take part in this step."""
    if kinds.dropout != ON_WEIGHTS:
        return work.weights
    multiply(work.weights.ravel(), mechanisms.mask.ravel(), mechanisms.used.ravel())
    return mechanisms.used


@compiled
def _draw_weights(work, mechanisms, threshold, gain):
    """Draw which weights take part in this step; biases do."""
    fill_masks(mechanisms.generators[DROPOUT], mechanisms.mask.ravel(), threshold, gain)
    bias, width = work.inputs.shape[0] - 1, work.weights.shape[1]
    for unit in range(work.weights.shape[0]):
        mechanisms.mask[0, unit * width + bias] = 1


@compiled
def _gradient_step(
    work, mechanisms, kinds, threshold, gain, samples, rule, numbers, moments, scales, limits
):
    weights, gradient = work.weights.ravel(), work.gradient.ravel()
    used = _taking_part(work, mechanisms, kinds)
    count = respond(work, mechanisms, used, kinds, threshold, gain)
    back_propagate(work, mechanisms, kinds, count, samples, gain)
    if kinds.dropout == ON_WEIGHTS:
        multiply(gradient, mechanisms.mask.ravel(), gradient)
    if rule == SGD:
        shake = scales[WEIGHTS] - numbers[0] * scales[UPDATE]
        descend(weights, gradient, work.random, numbers[0], shake, limits[0], limits[1])
    else:
        first, second = work.first.ravel(), work.second.ravel()
        adapt(
            weights,
            gradient,
            first,
            second,
            work.random,
            numbers,
            moments,
            scales,
            limits[0],
            limits[1],
        )


@ordered
def _loss(work, mechanisms, kinds, threshold, gain, samples):
    used = _taking_part(work, mechanisms, kinds)
    respond(work, mechanisms, used, kinds, threshold, gain)
    whole = work.error.dtype.type(0)
    for output in range(work.error.shape[0]):
        for sample in range(samples):
            whole += work.error[output, sample] * work.error[output, sample]
    return whole / work.error.dtype.type(samples * work.error.shape[0])


@ordered
def _trial_step(work, mechanisms, kinds, threshold, gain, samples, numbers, scales, limits):
    """Stochastic error descent as in ``fused_kernels``; the same units take part in both tries."""
    inputs, units, width = work.inputs.shape[0], work.weights.shape[0], work.weights.shape[1]
    drawn = mechanisms.generators[DROPOUT].copy()
    before = _loss(work, mechanisms, kinds, threshold, gain, samples)
    mechanisms.generators[DROPOUT, :, :] = drawn
    fill_normals(work.generators[PERTURBATION], work.random)
    for unit in range(units):
        for column in range(width):
            work.first[unit, column] = work.random[unit * width + column] * (
                numbers[1] if column < inputs else numbers[2]
            )
            work.weights[unit, column] += work.first[unit, column]
    worse = numbers[0] * (_loss(work, mechanisms, kinds, threshold, gain, samples) - before)
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
    confine(work.weights.ravel(), limits[0], limits[1])


@inlined
def _gather(work, mechanisms, order, first, samples, laws, single):
    """Copy the samples of a step to where it looks: to the clean arrays where noise is added."""
    inputs = work.inputs if laws[INPUT] else work.noisy_inputs
    targets = work.targets if laws[LABEL] else work.noisy_targets
    width, outputs, bias = inputs.shape[0], targets.shape[0], inputs.shape[0] - 1
    for place in range(samples):
        sample = order[first + place]
        _copy(mechanisms.every_input, sample, 0, work.sample_inputs, place, 0, width)
        for row in range(outputs):
            targets[row, place] = mechanisms.every_target[sample, row]
        if single and not laws[INPUT]:
            continue  # which looks at inputs sample by sample alone
        for row in range(width):
            inputs[row, place] = mechanisms.every_input[sample, row]
        work.noisy_inputs[bias, place] = mechanisms.every_input[sample, bias]


@compiled
def _move_excitability(mechanisms, keep, renewal):
    """Move the excitability on by one step."""
    fill_normals(mechanisms.generators[EXCITABILITY], mechanisms.normals)
    for unit in range(mechanisms.excitability.shape[0]):
        mechanisms.excitability[unit] = (
            keep * mechanisms.excitability[unit] + renewal * mechanisms.normals[unit]
        )


@inlined
def _draw_batch(work, batch_random, samples, laws, scales):
    """Add the noise of this step to inputs and targets."""
    if laws[INPUT]:
        _shake(
            work.inputs,
            work.noisy_inputs,
            work.inputs.shape[0] - 1,
            samples,
            laws[INPUT],
            work.generators[INPUT],
            batch_random[0],
            scales[INPUT],
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
            scales[LABEL],
        )


@compiled
def advance(
    work,
    batch_random,
    samples,
    rule,
    numbers,
    decays,
    laws,
    scales,
    taken,
    mechanisms,
    order,
    kinds,
    threshold,
    gain,
    limits,
    slow,
):
    """Take one step for each row of scales.

    Parameters
    ----------
    work, batch_random, samples, rule, numbers, decays, laws, scales, taken
        As for ``fused_kernels.advance``; samples are those of a step.
    mechanisms : Mechanisms
    order : int (steps x samples,), the samples of each step, where it takes some of them
    kinds : Kinds
    threshold, gain : uint32, and in the type of the weights
        A word of random bits below the threshold leaves out; what takes part is multiplied by gain.
    limits : (2,) what decay leaves of a weight, and the largest weight
    slow : (2,) autocorrelation of excitability after a step, and the deviation of what is added
    """
    kind = work.weights.dtype.type
    moments = np.array([0, 0, 1 - decays[0], 1 - decays[1]]).astype(work.weights.dtype)
    for step in range(scales.shape[0]):
        if kinds.minibatch:
            _gather(work, mechanisms, order, step * samples, samples, laws, kinds.single)
        _draw_batch(work, batch_random, samples, laws, scales[step])
        if kinds.excitability:
            excite(mechanisms, kinds.excitability)
        if kinds.dropout == ON_WEIGHTS:
            _draw_weights(work, mechanisms, threshold, gain)
        if kinds.single:
            single_step(work, mechanisms, kinds, threshold, gain, numbers[0], limits)
        elif rule == STOCHASTIC_ERROR_DESCENT:
            _trial_step(
                work, mechanisms, kinds, threshold, gain, samples, numbers, scales[step], limits
            )
        else:
            if laws[UPDATE]:
                fill_normals(work.generators[UPDATE], work.random)
            if rule == ADAM:
                updates = taken + step + 1
                moments[0] = numbers[0] / (1 - decays[0] ** updates)
                moments[1] = 1 / np.sqrt(1 - decays[1] ** updates)
            _gradient_step(
                work,
                mechanisms,
                kinds,
                threshold,
                gain,
                samples,
                rule,
                numbers,
                moments,
                scales[step],
                limits,
            )
        if kinds.excitability:
            _move_excitability(mechanisms, kind(slow[0]), kind(slow[1]))
