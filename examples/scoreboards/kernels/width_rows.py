"""Acceptance rows K20-K27: networks of finite width with exact Top-K layers against the theory of
infinite width."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from scoreboards.acceptance import Check, Request, Row, all_near, between, near

from drift.streams import stream
from drift.theory.kernels.depth import correlation_map, measured_pooling, sheet_map
from drift.theory.kernels.finite_layers import weight_rows
from drift.theory.kernels.sampled import sampled_network

# (f, m): root mean square error of the kernel after layers 1 to 4, mean over 40 seeds, 10,000 units
RMS = {
    (0.5, 0): (0.0045, 0.0063, 0.0073, 0.0073),
    (0.3, 0): (0.0060, 0.0098, 0.0125, 0.0129),
    (0.2, 0): (0.0076, 0.0126, 0.0153, 0.0164),
    (0.1, 0): (0.0112, 0.0176, 0.0199, 0.0203),
    (0.05, 0): (0.0165, 0.0238, 0.0254, 0.0239),
    (0.01, 0): (0.0397, 0.0498, 0.0443, 0.0228),
    (0.5, 10): (0.0040, 0.0014, 0.0004, 0.0001),
    (0.3, 3): (0.0071, 0.0077, 0.0073, 0.0067),
    (0.2, 8): (0.0091, 0.0091, 0.0078, 0.0070),
    (0.1, 27): (0.0140, 0.0120, 0.0108, 0.0098),
    (0.05, 79): (0.0194, 0.0168, 0.0149, 0.0129),
    (0.01, 687): (0.0440, 0.0326, 0.0242, 0.0199),
}
BIAS = {0.5: 0.005, 0.3: 0.006, 0.2: 0.008, 0.1: 0.012, 0.05: 0.023, 0.01: 0.046}
SHEETS = {
    (1, 8): 0.0085,
    (8, 1): 0.006,
    (8, 8): 0.0125,
    (4, 16): 0.0145,
    (28, 28): 0.023,
}  # (z_w, z_h)


def half_circle() -> np.ndarray:
    """Correlation (input, input) of 17 inputs on half a circle."""
    angle = np.pi * np.arange(17) / 16
    return np.cos(angle[:, np.newaxis] - angle)


def over_depth(step: Callable[[np.ndarray], np.ndarray], layers: int) -> np.ndarray:
    """Kernel (layer, input, input) after each of the layers."""
    path = [half_circle()]
    for _ in range(layers):
        path.append(step(path[-1]))
    return np.array(path[1:])


@cache
def networks(
    active_fraction: float,
    pooling: int,
    units: int,
    layers: int,
    seeds: range,
    weights: str = "gram",
) -> tuple[np.ndarray, np.ndarray]:
    """Error (seed, layer, input, input) of the kernel and squared norm (seed, layer, input) of the
    activity."""
    found = sampled_network(
        half_circle(), active_fraction, pooling, layers, units, seeds, weights=weights
    )
    theory = over_depth(lambda c: correlation_map(c, active_fraction, pooling), layers)
    return found["kernel"].values - theory, found["squared_norm"].values


def root_mean_square(error: np.ndarray) -> np.ndarray:
    """Over the inputs, (seed, layer)."""
    return np.sqrt((error**2).mean(axis=(-2, -1)))


def forty(active_fraction: float, pooling: int, request: Request) -> tuple[np.ndarray, np.ndarray]:
    return networks(active_fraction, pooling, 10_000, 4, range(request.seed, request.seed + 40))


def mean_errors(request: Request) -> Iterator[Check]:
    for (fraction, pooling), targets in RMS.items():
        found = root_mean_square(forty(fraction, pooling, request)[0]).mean(axis=0)
        yield all_near(
            f"rms, f = {fraction}, m = {pooling}",
            targets,
            found,
            np.maximum(0.25 * np.array(targets), 0.0002),
        )


def biases(request: Request) -> Iterator[Check]:
    for fraction, target in BIAS.items():
        of_mean = [
            np.abs(forty(fraction, m, request)[0].mean(axis=0)).max()
            for f, m in RMS
            if f == fraction
        ]
        yield between(
            f"largest error of the mean, f = {fraction}", target, max(of_mean), high=1.5 * target
        )


def single_networks(request: Request) -> Iterator[Check]:
    for (fraction, pooling), targets in RMS.items():
        ratio = root_mean_square(forty(fraction, pooling, request)[0]).max(axis=0) / np.array(
            targets
        )
        yield between(
            f"worst rms / mean rms, f = {fraction}, m = {pooling}", 1, float(ratio.max()), high=4
        )


def width_scaling(request: Request) -> Iterator[Check]:
    seeds = range(request.seed, request.seed + 10)
    for fraction in (0.1, 0.01):
        narrow, wide = (
            root_mean_square(networks(fraction, 0, units, 1, seeds)[0]).mean()
            for units in (10_000, 100_000)
        )
        yield between(
            f"rms(10,000) / rms(100,000), f = {fraction}", 10**0.5, narrow / wide, 2.2, 4.2
        )


def norms(request: Request) -> Iterator[Check]:
    for fraction, pooling in RMS:
        if fraction >= 0.1:
            found = forty(fraction, pooling, request)[1].mean(axis=(0, 2))
            yield all_near(
                f"squared norm, f = {fraction}, m = {pooling}",
                1,
                found,
                0.025 if pooling == 0 else 0.05,
            )


def explicit_weights(request: Request) -> Iterator[Check]:
    seeds = range(request.seed, request.seed + 4)
    for pooling in (0, 27):
        explicit, drawn = (
            root_mean_square(networks(0.1, pooling, 4000, 3, seeds, weights)[0]).mean()
            for weights in ("explicit", "gram")
        )
        yield between(f"rms(explicit) / rms(Gram), m = {pooling}", 1, explicit / drawn, 0.5, 2)


def sheets(request: Request) -> Iterator[Check]:
    for (before, after), target in SHEETS.items():
        seeds = range(request.seed, request.seed + 4)
        found = sampled_network(
            half_circle(), 0.1, before - 1, 3, 100_000, seeds, postsynaptic_window=after
        )["kernel"].values
        theory = over_depth(lambda c, windows=(before, after): sheet_map(c, 0.1, *windows), 3)
        yield between(
            f"rms, windows {before} and {after}",
            target,
            root_mean_square(found - theory).mean(),
            target / 2,
            2 * target,
        )


def pooling_of_weights(request: Request) -> Iterator[Check]:
    for pooling, correlated in ((0, "local"), (10, "local"), (50, "local"), (50, "global")):
        found, _ = measured_pooling(
            weight_rows(400, 5000, pooling, correlated, stream(request.seed, "weights"))
        )
        yield near(
            f"m of {correlated} weights", pooling, found, 3.5 * (pooling + 1) * (2 / 400) ** 0.5
        )


ROWS = (
    Row("K20", "finite networks, mean error", "seconds", mean_errors),
    Row("K21", "finite networks, bias", "seconds", biases),
    Row("K22", "finite networks, single seeds", "seconds", single_networks),
    Row("K23", "finite networks, width", "minutes", width_scaling),
    Row("K24", "finite networks, norm", "seconds", norms),
    Row("K25", "explicit weights", "minutes", explicit_weights),
    Row("K26", "sheets of units", "minutes", sheets),
    Row("K27", "pooling measured on weights", "seconds", pooling_of_weights),
)
