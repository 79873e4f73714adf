"""The hidden layer of the compiled steps where units are not plain rectified ones: response and
gradient with other activations, dropout and excitability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.loops.compiled import compiled, inlined
from drift.loops.exponentials import exponential
from drift.loops.normals import fill_masks
from drift.loops.products import products
from drift.training.engines.fused_kernels import UNITS, _copy, _scatter

RELU, LINEAR, SIGMOID = 0, 1, 2
ON_UNITS, ON_WEIGHTS = 1, 2  # dropout
ON_THRESHOLD, ON_DRIVE = 1, 2  # excitability
DROPOUT, EXCITABILITY = 0, 1  # rows of the generators


class Mechanisms(NamedTuple):
    """What a step needs beside ``Work``; whole numbers and numbers in the order of their names."""

    every_input: np.ndarray  # (every sample, input + 1), padded
    every_target: np.ndarray  # (every sample, output), padded
    used: np.ndarray  # like weights: those that take part, where dropout acts on weights
    mask: np.ndarray  # float32: of a block of units, or of all weights
    excitability: np.ndarray  # (unit,)
    normals: np.ndarray  # float32 (unit,), padded
    response: np.ndarray  # (unit,) of a single sample
    generators: np.ndarray  # uint32 (2 streams, 4, lanes)


class Kinds(NamedTuple):
    """Which mechanisms there are."""

    activation: int
    dropout: int
    excitability: int
    minibatch: int  # samples of a step, 0 for all


@inlined
def response_of(potential, activation, kind):
    """What a unit makes of its potential; NaN counts as positive, so that divergence spreads."""
    if activation == RELU:
        return kind(0) if potential <= kind(0) else potential
    if activation == LINEAR:
        return potential
    return kind(1) / (kind(1) + exponential(-potential, kind))


@inlined
def slope_of(response, back, activation, gain, kind):
    """Slope along the potential: that along the response times what the response rises by.

    ``response`` is that of a unit that takes part, times the gain of the dropout, or 0 of one that
    does not.
    """
    if activation == RELU:
        return kind(0) if response <= kind(0) else back * gain
    if activation == LINEAR:
        return kind(0) if response == kind(0) else back * gain
    return back * response * (kind(1) - response / gain)


@inlined
def excited(mechanisms, unit, excitability, kind):
    """What the potential of a unit is multiplied by, and what is added to it."""
    value = mechanisms.excitability[unit]
    if excitability == ON_THRESHOLD:
        return kind(1), value
    if excitability == ON_DRIVE:
        return np.exp(value), kind(0)
    return kind(1), kind(0)


@compiled
def respond(work, mechanisms, weights, kinds, threshold, gain):
    """Write the responses of all units that respond and the error of the output; return how many
    respond, all of them where units are not rectified."""
    block, hidden, active = work.block, work.hidden, work.active
    outward, error, targets = work.outward, work.error, work.noisy_targets
    kind = error.dtype.type
    units, width, outputs, count = weights.shape[0], work.inputs.shape[0], error.shape[0], 0
    samples = hidden.shape[1]
    for start in range(0, units, UNITS):
        rows = min(UNITS, units - start)
        products(weights, start, rows, work.noisy_inputs, width, block, 0)
        if kinds.dropout == ON_UNITS:
            fill_masks(mechanisms.generators[DROPOUT], mechanisms.mask, threshold, gain)
        for row in range(rows):
            scale, shift = excited(mechanisms, start + row, kinds.excitability, kind)
            responds = _activate(
                block, row, hidden, count, mechanisms.mask, kinds, scale, shift, samples
            )
            if responds or kinds.activation != RELU:
                active[count] = start + row
                _copy(weights, start + row, width, outward, count, 0, outputs)
                count += 1
    products(outward.T, 0, outputs, hidden, count, error, 0)
    for output in range(outputs):
        for sample in range(samples):
            error[output, sample] -= targets[output, sample]
    return count


@inlined
def _activate(block, row, hidden, place, mask, kinds, scale, shift, samples):
    """Write the responses of one unit; tell whether there is any."""
    kind = hidden.dtype.type
    first = row * samples
    if kinds.activation == RELU and kinds.dropout == ON_UNITS:
        for sample in range(samples):
            potential = block[row, sample] * scale + shift
            hidden[place, sample] = (kind(0) if potential <= kind(0) else potential) * mask[
                first + sample
            ]
    elif kinds.activation == RELU:
        for sample in range(samples):
            potential = block[row, sample] * scale + shift
            hidden[place, sample] = kind(0) if potential <= kind(0) else potential
    elif kinds.activation == LINEAR:
        for sample in range(samples):
            hidden[place, sample] = block[row, sample] * scale + shift
    else:
        for sample in range(samples):
            hidden[place, sample] = kind(1) / (
                kind(1) + exponential(-(block[row, sample] * scale + shift), kind)
            )
    if kinds.activation != RELU and kinds.dropout == ON_UNITS:
        for sample in range(samples):
            hidden[place, sample] *= mask[first + sample]
    largest = kind(0)
    for sample in range(samples):
        largest = largest if hidden[place, sample] <= largest else hidden[place, sample]
    return not largest <= kind(0)


@compiled
def back_propagate(work, mechanisms, kinds, count, samples, gain):
    """Write the gradient from the error; units that do not respond have none."""
    hidden, outward, error, block = work.hidden, work.outward, work.error, work.block
    slope, sample_error, kind = work.slope, work.sample_error, work.error.dtype.type
    outputs, factor = error.shape[0], kind(2 / (samples * error.shape[0]))
    for output in range(outputs):
        for sample in range(samples):
            error[output, sample] *= factor
            sample_error[sample, output] = error[output, sample]
    for start in range(0, count, UNITS):
        rows = min(UNITS, count - start)
        products(outward, start, rows, error, outputs, block, 0)
        for row in range(rows):
            scale, _ = excited(mechanisms, work.active[start + row], kinds.excitability, kind)
            _descend_unit(block, row, hidden, start + row, slope, kinds, kind(gain), scale)
        products(slope, 0, rows, work.sample_inputs, samples, work.input_gradient, start)
        products(hidden, start, rows, sample_error, samples, work.output_gradient, start)
    _scatter(work, count)


@inlined
def _descend_unit(block, row, hidden, place, slope, kinds, gain, scale):
    """Write the slope along the weighted input of one unit."""
    kind, samples = hidden.dtype.type, hidden.shape[1]
    if kinds.activation == RELU:
        rise = gain * scale
        for sample in range(samples):
            slope[row, sample] = (
                kind(0) if hidden[place, sample] <= kind(0) else block[row, sample] * rise
            )
    elif kinds.activation == LINEAR and kinds.dropout == ON_UNITS:
        rise = gain * scale
        for sample in range(samples):
            slope[row, sample] = (
                kind(0) if hidden[place, sample] == kind(0) else block[row, sample] * rise
            )
    elif kinds.activation == LINEAR:
        for sample in range(samples):
            slope[row, sample] = block[row, sample] * scale
    else:
        inverse = kind(1) / gain
        for sample in range(samples):
            response = hidden[place, sample]
            slope[row, sample] = block[row, sample] * response * (kind(1) - response * inverse) * scale
