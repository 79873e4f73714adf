"""What compiled steps do with a gradient where weights decay or are bounded, over flat arrays."""

from __future__ import annotations

import numpy as np

from drift.loops.compiled import compiled, inlined
from drift.training.engines.fused_kernels import UPDATE, WEIGHTS


@inlined
def _confined(value, kept, bound):
    """What decay and bounds leave of a weight; NaN stays."""
    shrunk = kept * value
    return bound if shrunk > bound else (-bound if shrunk < -bound else shrunk)


@compiled
def descend(weights, gradient, normals, rate, shake, kept, bound):
    """Gradient descent over flat arrays; the noise on gradient and weights is one number."""
    for index in range(weights.shape[0]):
        value = weights[index] + shake * normals[index] - rate * gradient[index]
        weights[index] = _confined(value, kept, bound)


@compiled
def adapt(weights, gradient, first, second, normals, numbers, moments, scales, kept, bound):
    """Adam over flat arrays."""
    keep_first, keep_second, epsilon = numbers[1], numbers[2], numbers[3]
    step, correction, learn_first, learn_second = moments[0], moments[1], moments[2], moments[3]
    on_gradient, on_weights = scales[UPDATE], scales[WEIGHTS]
    for index in range(weights.shape[0]):
        slope = gradient[index] + on_gradient * normals[index]
        first[index] = keep_first * first[index] + learn_first * slope
        second[index] = keep_second * second[index] + learn_second * slope * slope
        value = weights[index] + on_weights * normals[index]
        value -= step * first[index] / (np.sqrt(second[index]) * correction + epsilon)
        weights[index] = _confined(value, kept, bound)


@compiled
def confine(weights, kept, bound):
    for index in range(weights.shape[0]):
        weights[index] = _confined(weights[index], kept, bound)


@compiled
def multiply(left, right, out):
    for index in range(out.shape[0]):
        out[index] = left[index] * right[index]
