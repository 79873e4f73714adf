"""The compiled steps of similarity matching: settle, then let every weight follow its product of
activities, with noise."""

from __future__ import annotations

import numpy as np

from drift.loops.compiled import compiled
from drift.loops.normals import fill_normals
from drift.similarity_matching.fixed_points import _factorised, _substituted, settle

# Compiled code is found again by the date of this file: after a change to fixed_points.py or
# engines/normals.py, touch it too.


@compiled
def drive_of(feedforward, threshold, root_offset, penalty, pattern, drive):
    """Set the drive of the outputs: W x - sqrt(offset) b - penalty."""
    for unit in range(feedforward.shape[0]):
        total = -root_offset * threshold[unit] - penalty
        for source in range(pattern.shape[0]):
            total += feedforward[unit, source] * pattern[source]
        drive[unit] = total


@compiled
def _follow(weights, rows, columns, rate, gain, sign, floor, generator, noise):
    """Move weights towards the products of two activities: w <- (1 - rate) w + rate a b + gain xi,
    then sign * w >= floor."""
    if gain > 0.0:
        fill_normals(generator, noise)
    width = columns.shape[0]
    for row in range(rows.shape[0]):
        strength, first = sign * rate * rows[row], row * width
        for column in range(width):
            value = (1.0 - rate) * weights[row, column] + strength * columns[column]
            if gain > 0.0:
                value += sign * gain * noise[first + column]
            weights[row, column] = sign * max(floor, sign * value)


@compiled
def _drift_threshold(threshold, outputs, rate, root_offset):
    for unit in range(threshold.shape[0]):
        threshold[unit] += rate * (root_offset * outputs[unit] - threshold[unit])


@compiled
def learn_linear(patterns, order, feedforward, lateral, rate, gains, generators, noises, system):
    """Take a step for each number in ``order`` with linear outputs y = M^-1 W x; return how many
    had none."""
    units, restless = feedforward.shape[0], 0
    outputs, nothing = np.zeros(units), np.zeros(units)
    for sample in order:
        drive_of(feedforward, nothing, 0.0, 0.0, patterns[sample], outputs)
        system[:] = lateral
        if _factorised(system, units):
            _substituted(system, units, outputs)
        else:
            restless += 1
            outputs[:] = np.nan
        _follow(
            feedforward,
            outputs,
            patterns[sample],
            rate,
            gains[0],
            1.0,
            -np.inf,
            generators[0],
            noises[0],
        )
        _follow(lateral, outputs, outputs, rate, gains[1], 1.0, -np.inf, generators[1], noises[1])
    return restless


@compiled
def learn_rectified(
    patterns, order, weights, shift, numbers, gains, generators, noises, memory, work
):
    """Take a step for each number in ``order`` with rectified outputs; return how many did not come
    to rest.

    ``weights`` are W, M and b; ``memory`` (sample, unit) holds the last outputs for each input, the
    first guess of the next time.
    """
    feedforward, lateral, threshold = weights
    rate, root_offset, penalty = numbers
    drive, restless = np.zeros(shift.shape[0]), 0
    for sample in order:
        drive_of(feedforward, threshold, root_offset, penalty, patterns[sample], drive)
        outputs = memory[sample]
        restless += not settle(lateral, shift, drive, outputs, work)
        _follow(
            feedforward,
            outputs,
            patterns[sample],
            rate,
            gains[0],
            1.0,
            -np.inf,
            generators[0],
            noises[0],
        )
        _follow(lateral, outputs, outputs, rate, gains[1], 1.0, 0.0, generators[1], noises[1])
        _drift_threshold(threshold, outputs, rate, root_offset)
    return restless


@compiled
def learn_with_interneurons(
    patterns, order, weights, shift, numbers, gains, generators, noises, memory, work
):
    """Take a step for each number in ``order`` with outputs and interneurons; return how many did
    not come to rest.

    The matrix M of ``weights`` has the blocks 0, Wei, -Wie and M of the interneurons; noise is
    drawn for Wei, Wie and M in turn.
    """
    feedforward, blocks, threshold = weights
    rate, root_offset, penalty = numbers
    units = feedforward.shape[0]
    drive, restless = np.zeros(shift.shape[0]), 0
    for sample in order:
        drive_of(feedforward, threshold, root_offset, penalty, patterns[sample], drive)
        both = memory[sample]
        restless += not settle(blocks, shift, drive, both, work)
        outputs, interneurons = both[:units], both[units:]
        _follow(
            feedforward,
            outputs,
            patterns[sample],
            rate,
            gains[0],
            1.0,
            -np.inf,
            generators[0],
            noises[0],
        )
        _follow(
            blocks[:units, units:],
            outputs,
            interneurons,
            rate,
            gains[1],
            1.0,
            0.0,
            generators[1],
            noises[1],
        )
        _follow(
            blocks[units:, :units],
            interneurons,
            outputs,
            rate,
            gains[1],
            -1.0,
            0.0,
            generators[1],
            noises[1],
        )
        _follow(
            blocks[units:, units:],
            interneurons,
            interneurons,
            rate,
            gains[1],
            1.0,
            0.0,
            generators[1],
            noises[1],
        )
        _drift_threshold(threshold, outputs, rate, root_offset)
    return restless


@compiled
def mismatch(similarity, outputs):
    """Return the mean over pairs of samples of (similarity of the inputs - y . y')^2, similarity
    (sample, sample)."""
    samples, units = outputs.shape
    total = 0.0
    for row in range(samples):
        for column in range(row + 1):
            product = 0.0
            for unit in range(units):
                product += outputs[row, unit] * outputs[column, unit]
            error = similarity[row, column] - product
            total += error * error * (1.0 if row == column else 2.0)
    return total / (samples * samples)
