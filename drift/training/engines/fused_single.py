"""The compiled step of a single sample under plain gradient descent: weights of units that do not
respond are not touched, and no gradient is written.

A pass over the weights gives the responses, eight units at a time; a second one, over those of the
units that respond, hands the error back and changes them.
"""

from __future__ import annotations

import numpy as np

from drift.loops.activations import times, totals
from drift.loops.compiled import compiled, inlined
from drift.loops.normals import fill_masks
from drift.loops.vectors import WIDTH, add_product, load, store, zeros
from drift.training.engines.fused_layer import DROPOUT, ON_UNITS, SIGMOID, activated
from drift.training.engines.fused_updates import confine


@inlined
def _weighted(weights, units, first, last, column, vector, columns):
    """Vector of the sums over columns of weights[unit, column + ...] times vector[0, ...], which
    ends in zeros, for eight units in a list from ``first`` on; the one before ``last`` is repeated
    where fewer are left."""
    end = last - 1
    u0, u1, u2, u3 = (
        units[first],
        units[min(first + 1, end)],
        units[min(first + 2, end)],
        units[min(first + 3, end)],
    )
    u4, u5, u6, u7 = (
        units[min(first + 4, end)],
        units[min(first + 5, end)],
        units[min(first + 6, end)],
        units[min(first + 7, end)],
    )
    s0, s1, s2, s3 = zeros(vector), zeros(vector), zeros(vector), zeros(vector)
    s4, s5, s6, s7 = zeros(vector), zeros(vector), zeros(vector), zeros(vector)
    for offset in range(0, columns, WIDTH):
        factor, place = load(vector, 0, offset), column + offset
        s0 = add_product(s0, factor, load(weights, u0, place))
        s1 = add_product(s1, factor, load(weights, u1, place))
        s2 = add_product(s2, factor, load(weights, u2, place))
        s3 = add_product(s3, factor, load(weights, u3, place))
        s4 = add_product(s4, factor, load(weights, u4, place))
        s5 = add_product(s5, factor, load(weights, u5, place))
        s6 = add_product(s6, factor, load(weights, u6, place))
        s7 = add_product(s7, factor, load(weights, u7, place))
    return totals(s0, s1, s2, s3, s4, s5, s6, s7)


@inlined
def _add_rows(weights, factors, units, count, column, out, place):
    """Write the sum over units in a list of factors[0, unit] weights[unit, column ...] to out[0,
    place ...]."""
    first, second, third, fourth = zeros(out), zeros(out), zeros(out), zeros(out)
    whole = count - count % 4
    for number in range(0, whole, 4):
        u0, u1, u2, u3 = (
            units[number],
            units[number + 1],
            units[number + 2],
            units[number + 3],
        )
        first = add_product(first, factors[0, u0], load(weights, u0, column))
        second = add_product(second, factors[0, u1], load(weights, u1, column))
        third = add_product(third, factors[0, u2], load(weights, u2, column))
        fourth = add_product(fourth, factors[0, u3], load(weights, u3, column))
    for number in range(whole, count):
        first = add_product(first, factors[0, units[number]], load(weights, units[number], column))
    unity = out.dtype.type(1)
    both = add_product(add_product(first, unity, second), unity, add_product(third, unity, fourth))
    store(both, out, 0, place)


@inlined
def _subtract(weights, unit, column, factor, vector, columns):
    """Subtract factor times vector[0, ...], which ends in zeros, from weights[unit, column ...]."""
    for offset in range(0, columns, WIDTH):
        before = load(weights, unit, column + offset)
        store(add_product(before, -factor, load(vector, 0, offset)), weights, unit, column + offset)


@compiled
def _respond(work, mechanisms, kinds, units):
    """Write the response of every unit, and list those that respond; return their number."""
    response, active = mechanisms.response, work.active
    width = work.inputs.shape[0]
    for unit in range(units):
        active[unit] = unit
    for unit in range(0, units, WIDTH):
        drive = _weighted(work.weights, active, unit, units, 0, work.sample_inputs, width)
        drive = add_product(load(mechanisms.shift, 0, unit), load(mechanisms.scale, 0, unit), drive)
        answer = activated(drive, kinds.activation)
        if kinds.dropout == ON_UNITS:
            answer = times(answer, load(mechanisms.mask, 0, unit))
        store(answer, response, 0, unit)
    count = 0
    for unit in range(units):
        active[count] = unit
        count += response[0, unit] != 0
    return count


@compiled
def _find_error(work, response, count):
    """Write the slope of the loss along each output, followed by zeros, to sample_error[0]."""
    error, kind = work.sample_error, work.error.dtype.type
    width, outputs = work.inputs.shape[0], work.error.shape[0]
    for column in range(0, outputs, WIDTH):
        _add_rows(work.weights, response, work.active, count, width + column, error, column)
    factor = kind(2) / kind(outputs)
    for output in range(outputs):
        error[0, output] = factor * (error[0, output] - work.noisy_targets[output, 0])
    for output in range(outputs, error.shape[1]):
        error[0, output] = kind(0)


@inlined
def _risen(response, back, activation, gain, scale):
    """Slope along the weighted input of a unit that responds."""
    if activation != SIGMOID:
        return back * gain * scale
    return back * response * (scale - response * scale / gain)


@compiled
def single_step(work, mechanisms, kinds, threshold, gain, rate, limits):
    """Gradient descent on one sample, the first of the batch."""
    weights, inputs, error = work.weights, work.sample_inputs, work.sample_error
    response, back, active = mechanisms.response, mechanisms.back, work.active
    units, width, outputs = weights.shape[0], work.inputs.shape[0], work.error.shape[0]
    kind = error.dtype.type
    if kinds.dropout == ON_UNITS:
        fill_masks(mechanisms.generators[DROPOUT], mechanisms.mask.ravel(), threshold, gain)
    count = _respond(work, mechanisms, kinds, units)
    _find_error(work, response, count)
    for number in range(0, count, WIDTH):
        store(_weighted(weights, active, number, count, width, error, outputs), back, 0, number)
    for number in range(count):
        unit = active[number]
        slope = _risen(
            response[0, unit],
            back[0, number],
            kinds.activation,
            kind(gain),
            mechanisms.scale[0, unit],
        )
        _subtract(weights, unit, width, rate * response[0, unit], error, outputs)
        _subtract(weights, unit, 0, rate * slope, inputs, width)
    if limits[0] != kind(1) or limits[1] < np.inf:
        confine(weights.ravel(), limits[0], limits[1])
