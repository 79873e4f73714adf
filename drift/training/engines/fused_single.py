"""The compiled step of a single sample under plain gradient descent: weights of units that do not
respond are not touched, and no gradient is written."""

from __future__ import annotations

import numpy as np

from drift.loops.compiled import compiled, inlined
from drift.loops.normals import fill_masks
from drift.loops.vectors import WIDTH, add_product, load, store, total, zeros
from drift.training.engines.fused_layer import DROPOUT, ON_UNITS, excited, response_of, slope_of
from drift.training.engines.fused_updates import confine


@inlined
def _weighted(weights, unit, column, vector, columns):
    """Sum over columns of weights[unit, column + ...] times vector[0, ...], which ends in zeros."""
    products_of = zeros(vector)
    for offset in range(0, columns, WIDTH):
        products_of = add_product(
            products_of, load(vector, 0, offset), load(weights, unit, column + offset)
        )
    return total(products_of)


@inlined
def _add_rows(weights, factors, units, column, out, place):
    """Write the sum over units of factors[unit] weights[unit, column ...] to out[0, place ...]."""
    first, second, third, fourth = zeros(out), zeros(out), zeros(out), zeros(out)
    whole = units - units % 4
    for unit in range(0, whole, 4):
        first = add_product(first, factors[unit], load(weights, unit, column))
        second = add_product(second, factors[unit + 1], load(weights, unit + 1, column))
        third = add_product(third, factors[unit + 2], load(weights, unit + 2, column))
        fourth = add_product(fourth, factors[unit + 3], load(weights, unit + 3, column))
    for unit in range(whole, units):
        first = add_product(first, factors[unit], load(weights, unit, column))
    unity = out.dtype.type(1)
    both = add_product(add_product(first, unity, second), unity, add_product(third, unity, fourth))
    store(both, out, 0, place)


@inlined
def _subtract(weights, unit, column, factor, vector, columns):
    """Subtract factor times vector[0, ...], which ends in zeros, from weights[unit, column ...]."""
    for offset in range(0, columns, WIDTH):
        before = load(weights, unit, column + offset)
        store(
            add_product(before, -factor, load(vector, 0, offset)), weights, unit, column + offset
        )


@compiled
def single_step(work, mechanisms, kinds, threshold, gain, rate, limits):
    """Gradient descent on one sample, the first of the batch: weights of units that do not respond
    stay as they are, decay and bounds apart."""
    weights, inputs, error = work.weights, work.sample_inputs, work.sample_error
    response, kind = mechanisms.response, error.dtype.type
    units, width, outputs = weights.shape[0], work.inputs.shape[0], work.error.shape[0]
    if kinds.dropout == ON_UNITS:
        fill_masks(mechanisms.generators[DROPOUT], mechanisms.mask, threshold, gain)
    for unit in range(units):
        scale, shift = excited(mechanisms, unit, kinds.excitability, kind)
        potential = _weighted(weights, unit, 0, inputs, width) * scale + shift
        response[unit] = response_of(potential, kinds.activation, kind) * mechanisms.mask[unit]
    for column in range(0, outputs, WIDTH):
        _add_rows(weights, response, units, width + column, error, column)
    factor = kind(2) / kind(outputs)
    for output in range(outputs):
        error[0, output] = factor * (error[0, output] - work.noisy_targets[output, 0])
    for output in range(outputs, error.shape[1]):
        error[0, output] = kind(0)
    for unit in range(units):
        if response[unit] != kind(0):
            scale, _ = excited(mechanisms, unit, kinds.excitability, kind)
            back = _weighted(weights, unit, width, error, outputs) * scale
            slope = slope_of(response[unit], back, kinds.activation, kind(gain), kind)
            _subtract(weights, unit, width, rate * response[unit], error, outputs)
            _subtract(weights, unit, 0, rate * slope, inputs, width)
    if limits[0] != kind(1) or limits[1] < np.inf:
        confine(weights.ravel(), limits[0], limits[1])
