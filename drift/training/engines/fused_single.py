"""The compiled step of a single sample under plain gradient descent: weights of units that do not
respond are not touched, and no gradient is written.

A pass over the weights gives the responses, eight units at a time; a second one, over the output
weights of the units that respond, the error; a third one hands it back to eight of these units at a
time, and a fourth one changes four of them at a time, for which what they are moved along is loaded
once. What a pass writes in vectors is read by the next: a processor waits where it reads one number
of a vector that it has just written.
"""

from __future__ import annotations

import numpy as np

from drift.loops.activations import times, totals
from drift.loops.compiled import inlined
from drift.loops.normals import fill_masks
from drift.loops.vectors import WIDTH, add_product, load, store, zeros
from drift.training.engines.fused_kernels import _copy
from drift.training.engines.fused_layer import DROPOUT, ON_UNITS, SIGMOID, activated
from drift.training.engines.fused_updates import confine


@inlined
def _weighted(weights, u0, u1, u2, u3, u4, u5, u6, u7, column, vector, columns):
    """Vector of the sums over columns of weights[unit, column + ...] times vector[0, ...], which
    ends in zeros, for eight units."""
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
    """Write the sum over a list of units of factors[1, number] weights[unit, column ...] to out[0,
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
        first = add_product(first, factors[1, number], load(weights, u0, column))
        second = add_product(second, factors[1, number + 1], load(weights, u1, column))
        third = add_product(third, factors[1, number + 2], load(weights, u2, column))
        fourth = add_product(fourth, factors[1, number + 3], load(weights, u3, column))
    for number in range(whole, count):
        first = add_product(first, factors[1, number], load(weights, units[number], column))
    unity = out.dtype.type(1)
    both = add_product(add_product(first, unity, second), unity, add_product(third, unity, fourth))
    store(both, out, 0, place)


@inlined
def _moved(weights, unit, column, of_inputs, inputs, of_error, error):
    """Vector of weights plus both factors times what they stand before."""
    return add_product(add_product(load(weights, unit, column), of_inputs, inputs), of_error, error)


@inlined
def _move_four(weights, u0, u1, u2, u3, along, factors, first):
    """Add factors[0] along[0] + factors[1] along[1] to the weights of four units, whose factors
    follow each other.

    The last vector ends with the row and is read before those that it overlaps are written, see
    above.
    """
    a0, a1, a2, a3 = (
        factors[0, first], factors[0, first + 1], factors[0, first + 2], factors[0, first + 3],
    )  # fmt: skip
    b0, b1, b2, b3 = (
        factors[1, first], factors[1, first + 1], factors[1, first + 2], factors[1, first + 3],
    )  # fmt: skip
    last = max(weights.shape[1] - WIDTH, 0)
    inputs, error = load(along, 0, last), load(along, 1, last)
    end0 = _moved(weights, u0, last, a0, inputs, b0, error)
    end1 = _moved(weights, u1, last, a1, inputs, b1, error)
    end2 = _moved(weights, u2, last, a2, inputs, b2, error)
    end3 = _moved(weights, u3, last, a3, inputs, b3, error)
    for column in range(0, last, WIDTH):
        inputs, error = load(along, 0, column), load(along, 1, column)
        store(_moved(weights, u0, column, a0, inputs, b0, error), weights, u0, column)
        store(_moved(weights, u1, column, a1, inputs, b1, error), weights, u1, column)
        store(_moved(weights, u2, column, a2, inputs, b2, error), weights, u2, column)
        store(_moved(weights, u3, column, a3, inputs, b3, error), weights, u3, column)
    store(end0, weights, u0, last)
    store(end1, weights, u1, last)
    store(end2, weights, u2, last)
    store(end3, weights, u3, last)


@inlined
def _move(weights, unit, along, factors, place):
    """The same for one unit."""
    last = max(weights.shape[1] - WIDTH, 0)
    of_inputs, of_error = factors[0, place], factors[1, place]
    end = _moved(
        weights, unit, last, of_inputs, load(along, 0, last), of_error, load(along, 1, last)
    )
    for column in range(0, last, WIDTH):
        inputs, error = load(along, 0, column), load(along, 1, column)
        store(
            _moved(weights, unit, column, of_inputs, inputs, of_error, error), weights, unit, column
        )
    store(end, weights, unit, last)


@inlined
def _respond(work, mechanisms, kinds, units):
    """Write the response of every unit, and list those that respond and what they respond; return
    their number."""
    response, active, end, count = mechanisms.response, work.active, units - 1, 0
    width = work.inputs.shape[0]
    for unit in range(0, units, WIDTH):
        # where fewer are left the last one is repeated
        drive = _weighted(
            work.weights, unit, min(unit + 1, end), min(unit + 2, end), min(unit + 3, end),
            min(unit + 4, end), min(unit + 5, end), min(unit + 6, end), min(unit + 7, end), 0,
            work.sample_inputs, width,
        )  # fmt: skip
        drive = add_product(load(mechanisms.shift, 0, unit), load(mechanisms.scale, 0, unit), drive)
        answer = activated(drive, kinds.activation)
        if kinds.dropout == ON_UNITS:
            answer = times(answer, load(mechanisms.mask, 0, unit))
        store(answer, response, 0, unit)
    for unit in range(units):
        active[count] = unit
        mechanisms.factors[1, count] = response[0, unit]
        count += response[0, unit] != 0
    return count


@inlined
def _find_error(work, mechanisms, count):
    """Write the slope of the loss along each output, followed by zeros, to sample_error[0], and
    what weights are moved along."""
    error, along, kind = work.sample_error, mechanisms.along, work.error.dtype.type
    width, outputs = work.inputs.shape[0], work.error.shape[0]
    for column in range(0, outputs, WIDTH):
        _add_rows(
            work.weights, mechanisms.factors, work.active, count, width + column, error, column
        )
    factor = kind(2) / kind(outputs)
    for output in range(outputs):
        error[0, output] = factor * (error[0, output] - work.noisy_targets[output, 0])
    for output in range(outputs, error.shape[1]):
        error[0, output] = kind(0)
    _copy(work.sample_inputs, 0, 0, along, 0, 0, width)
    _copy(error, 0, 0, along, 1, width, outputs)


@inlined
def _risen(response, back, activation, gain, scale):
    """Slope along the weighted input of a unit that responds."""
    if activation != SIGMOID:
        return back * gain * scale
    return back * response * (scale - response * scale / gain)


@inlined
def _hand_back(work, mechanisms, kinds, count, gain, rate):
    """Write what the units that respond are moved by: along the inputs, and along the error."""
    weights, active, factors = work.weights, work.active, mechanisms.factors
    width, outputs, end = work.inputs.shape[0], work.error.shape[0], count - 1
    for first in range(0, count, WIDTH):
        slope = _weighted(
            weights, active[first], active[min(first + 1, end)], active[min(first + 2, end)],
            active[min(first + 3, end)], active[min(first + 4, end)], active[min(first + 5, end)],
            active[min(first + 6, end)], active[min(first + 7, end)], width, work.sample_error,
            outputs,
        )  # fmt: skip
        store(slope, factors, 0, first)
    for place in range(count):
        response, scale = factors[1, place], mechanisms.scale[0, active[place]]
        risen = _risen(response, factors[0, place], kinds.activation, gain, scale)
        factors[0, place] = -rate * risen
        factors[1, place] = -rate * response


@inlined
def _move_active(work, mechanisms, count):
    """Change the weights of the units that respond."""
    weights, active, whole = work.weights, work.active, count - count % 4
    along, factors = mechanisms.along, mechanisms.factors
    for place in range(0, whole, 4):
        _move_four(
            weights, active[place], active[place + 1], active[place + 2], active[place + 3], along,
            factors, place,
        )  # fmt: skip
    for place in range(whole, count):
        _move(weights, active[place], along, factors, place)


@inlined
def single_step(work, mechanisms, kinds, threshold, gain, rate, limits):
    """Gradient descent on one sample, the first of the batch."""
    kind = work.error.dtype.type
    if kinds.dropout == ON_UNITS:
        fill_masks(mechanisms.generators[DROPOUT], mechanisms.mask.ravel(), threshold, gain)
    count = _respond(work, mechanisms, kinds, work.weights.shape[0])
    _find_error(work, mechanisms, count)
    _hand_back(work, mechanisms, kinds, count, kind(gain), rate)
    _move_active(work, mechanisms, count)
    if limits[0] != kind(1) or limits[1] < np.inf:
        confine(work.weights.ravel(), limits[0], limits[1])
