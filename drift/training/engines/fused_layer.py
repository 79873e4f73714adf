"""The hidden layer of the compiled steps where units are not plain rectified ones: response and
gradient with other activations, dropout and excitability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.loops.activations import filled, logistic, times, where_other
from drift.loops.compiled import compiled, inlined
from drift.loops.normals import fill_masks
from drift.loops.products import products
from drift.loops.vectors import WIDTH, add_product, any_positive, load, store, where_positive
from drift.training.engines.fused_kernels import UNITS, _copy, _scatter

RELU, LINEAR, SIGMOID = 0, 1, 2
ON_UNITS, ON_WEIGHTS = 1, 2  # dropout
ON_THRESHOLD, ON_DRIVE = 1, 2  # excitability
DROPOUT, EXCITABILITY = 0, 1  # rows of the generators


class Mechanisms(NamedTuple):
    """What a step needs beside ``Work``, in the same floating-point type unless said otherwise."""

    every_input: np.ndarray  # (every sample, input + 1), padded
    every_target: np.ndarray  # (every sample, output), padded
    used: np.ndarray  # like weights: those that take part, where dropout acts on weights
    # (UNITS, sample) of a block of units, (1, unit) of a single sample, or (1, weight)
    mask: np.ndarray
    excitability: np.ndarray  # (unit,)
    scale: np.ndarray  # (1, unit) what excitability multiplies a drive by
    shift: np.ndarray  # (1, unit) and what it adds
    normals: np.ndarray  # float32 (unit,), padded
    response: np.ndarray  # (1, unit) to a single sample
    factors: np.ndarray  # (2, unit) by what units that respond to a single sample are moved
    # (2, weight of a unit) inputs of a single sample, then zeros, and zeros, then its error
    along: np.ndarray
    generators: np.ndarray  # uint32 (2 streams, 4, lanes)


class Kinds(NamedTuple):
    """Which mechanisms there are."""

    activation: int
    dropout: int
    excitability: int
    minibatch: int  # samples of a step, 0 for all
    single: int  # whether a step is that of ``fused_single``


@compiled
def excite(mechanisms, excitability):
    """Write what excitability does to the drive of each unit in this step."""
    for unit in range(mechanisms.excitability.shape[0]):
        value = mechanisms.excitability[unit]
        if excitability == ON_THRESHOLD:
            mechanisms.shift[0, unit] = value
        else:
            mechanisms.scale[0, unit] = np.exp(value)


@inlined
def activated(drive, activation):
    """Vector of responses to a vector of drives."""
    response = drive
    if activation == RELU:
        response = where_positive(drive, drive)
    elif activation == SIGMOID:
        response = logistic(drive)
    return response


@compiled
def respond(work, mechanisms, weights, kinds, threshold, gain):
    """Write the responses of all units that respond and the error of the output; return how many
    respond, all of them where units are not rectified."""
    block, hidden, active = work.block, work.hidden, work.active
    outward, error, targets = work.outward, work.error, work.noisy_targets
    units, width, outputs, count = weights.shape[0], work.inputs.shape[0], error.shape[0], 0
    for start in range(0, units, UNITS):
        rows = min(UNITS, units - start)
        products(weights, start, rows, work.noisy_inputs, width, block, 0)
        if kinds.dropout == ON_UNITS:
            fill_masks(mechanisms.generators[DROPOUT], mechanisms.mask.ravel(), threshold, gain)
        for row in range(rows):
            if _respond_unit(work, mechanisms, kinds, row, start + row, count):
                active[count] = start + row
                _copy(weights, start + row, width, outward, count, 0, outputs)
                count += 1
    products(outward.T, 0, outputs, hidden, count, error, 0)
    for output in range(outputs):
        for sample in range(error.shape[1]):
            error[output, sample] -= targets[output, sample]
    return count


@inlined
def _respond_unit(work, mechanisms, kinds, row, unit, place):
    """Write the responses of one unit; tell whether they count.

    NaN counts as positive, so that divergence spreads and is seen.
    """
    block, hidden, mask = work.block, work.hidden, mechanisms.mask
    scale, responds = mechanisms.scale[0, unit], kinds.activation != RELU
    shift = filled(hidden, mechanisms.shift[0, unit])
    for sample in range(0, hidden.shape[1], WIDTH):
        drive = add_product(shift, scale, load(block, row, sample))
        response = activated(drive, kinds.activation)
        if kinds.dropout == ON_UNITS:
            response = times(response, load(mask, row, sample))
        store(response, hidden, place, sample)
        responds |= any_positive(response)
    return responds


@compiled
def back_propagate(work, mechanisms, kinds, count, samples, gain):
    """Write the gradient from the error; units that do not respond have none."""
    hidden, outward, error, block = work.hidden, work.outward, work.error, work.block
    slope, sample_error, kind = work.slope, work.sample_error, work.error.dtype.type
    outputs, factor = error.shape[0], kind(2 / (samples * error.shape[0]))
    # responses are multiplied by the gain where units are left out, not where weights are
    gain_of_units = kind(gain) if kinds.dropout == ON_UNITS else kind(1)
    for output in range(outputs):
        for sample in range(samples):
            error[output, sample] *= factor
            sample_error[sample, output] = error[output, sample]
    for start in range(0, count, UNITS):
        rows = min(UNITS, count - start)
        products(outward, start, rows, error, outputs, block, 0)
        for row in range(rows):
            scale = mechanisms.scale[0, work.active[start + row]]
            _hand_back(block, row, hidden, start + row, slope, kinds, gain_of_units, scale)
        products(slope, 0, rows, work.sample_inputs, samples, work.input_gradient, start)
        products(hidden, start, rows, sample_error, samples, work.output_gradient, start)
    _scatter(work, count)


@inlined
def _hand_back(block, row, hidden, place, slope, kinds, gain, scale):
    """Write the slope along the weighted input of one unit: that along the response, times what the
    response rises by.

    A response is that of a unit that takes part, times the gain of the dropout, or 0 of one that
    does not. It tells by itself what it rises by: s (1 - s) of a response s = r / gain.
    """
    rise, curve = filled(hidden, gain * scale), filled(hidden, scale)
    for sample in range(0, hidden.shape[1], WIDTH):
        response, back = load(hidden, place, sample), load(block, row, sample)
        if kinds.activation == RELU:
            back = where_positive(response, times(back, rise))
        elif kinds.activation == SIGMOID:
            back = times(times(back, response), add_product(curve, -scale / gain, response))
        elif kinds.dropout == ON_UNITS:
            back = where_other(response, times(back, rise))
        else:
            back = times(back, curve)
        store(back, slope, row, sample)
