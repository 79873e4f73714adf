"""Acceptance rows K01-K17: kernels of sparse layers, their maps over depth, and the pooling at the
edge of chaos."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.integrate import dblquad, quad
from scipy.optimize import brentq
from scoreboards.acceptance import Check, Request, Row, all_near, near

from drift.streams import stream
from drift.theory.kernels import (
    joint_activation,
    kappa,
    kappa_curvature,
    kernel_table,
    mean_activity,
    mean_square_activity,
    power_series,
    threshold,
)
from drift.theory.kernels.depth import (
    amplification,
    approach_rate,
    correlation_map,
    fixed_point,
    optimal_pooling,
    optimal_window,
    sheet_map,
    weight_variance,
)
from drift.theory.kernels.references import angular_kappa, owen_kappa

TABLE_M = """
.5 0 .398942 .500000 1.4142 1.0000 0 1.4142 1 .3001
.4 .253347 .285004 .327795 1.7466 1.2203 .8889 1.5811 .758786 .3633
.3 .524401 .190372 .200169 2.2351 1.4987 2.7546 1.8257 .441548 .4359
.2 .841621 .111638 .106043 3.0708 1.8860 7.5389 2.2361 .218539 .5265
.15 1.036433 .0776938 .0694756 3.7939 2.1590 13.3400 2.5820 .140498 .5846
.1 1.281552 .0473432 .0393273 5.0426 2.5428 27.0694 3.1623 .079929 .6601
.07 1.475791 .0309625 .0243058 6.4142 2.8800 47.6638 3.7796 .050637 .7215
.05 1.644854 .0208930 .0156341 7.9977 3.1981 78.7277 4.4721 .033709 .7758
.02 2.053749 .00734316 .00491900 14.2581 4.0659 279.682 7.0711 .011970 .9106
.01 2.326348 .00338866 .00211679 21.7351 4.7241 686.509 10.0000 .005700 1.0025
.001 3.090232 2.76858e-4 1.44445e-4 83.2048 6.9230 11161.80 31.6228 5.34e-4 1.2665
"""
CORRELATIONS = np.array([-0.5, 0, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999])
TABLE_U = """
.5 .10899778 .31830989 .45330988 .60899778 .78800211 .90953840 .99030026 .99900949
.3 .02876548 .18105575 .31282913 .48603977 .70774241 .87086217 .98566620 .99852192
.2 .00981114 .11752711 .23632224 .41038653 .65305419 .84284445 .98213294 .99814538
.1 .00150871 .05699291 .14846213 .31062597 .57227678 .79862483 .97625028 .99751031
.05 .00022453 .02792067 .09428452 .23708721 .50369327 .75796904 .97049783 .99688033
.01 .00000248 .00542474 .03360270 .12896890 .37833471 .67404063 .95748395 .99542559
.001 0 .00053065 .00789916 .05534296 .25500198 .57337926 .93949988 .99335410
"""
TABLE_O = """
.5 .33333333 .50000000 .58043062 .66666667 .76994654 .85643371 .95494659 .98576356
.2 .04218890 .20000000 .30698121 .43575283 .60286223 .74966219 .92100504 .97502505
.1 .00738601 .10000000 .19333522 .32401523 .51242852 .68864940 .90103893 .96869060
.05 .00119622 .05000000 .12285729 .24378858 .44019497 .63735526 .88378973 .96320388
.01 .00001481 .01000000 .04375151 .12939244 .31706512 .54197093 .85018425 .95246675
.001 .00000002 .00100000 .01026329 .05425917 .20526087 .44066632 .81138135 .93996972
"""
TABLE_KEEP = """
.2 .02785960 .17992364 .30552373 .46692100 .67321899 .83172235 .96472383 .99089115
.1 .00559968 .09479440 .19787770 .35078041 .57113596 .75964342 .94051359 .98319052
.01 .00001302 .00986549 .04511717 .13804796 .34432038 .58357083 .87828554 .96330083
"""
DEPTH = {  # (f, m, c_0): c_1, c_2, ...; m is None at the edge of chaos
    (0.1, 0.0, 0.5): (0.310626, 0.180387, 0.116880, 0.092407),
    (0.1, None, 0.5): (0.728888, 0.821176, 0.870787, 0.901314, 0.921711),
    (0.01, None, 0.5): (0.815621, 0.891761, 0.926606, 0.946216),
    (0.1, 0.0, 0.9): (0.798625, 0.638575, 0.440868, 0.264568, 0.155744),
    (0.1, None, 0.9): (0.920805, 0.935478, 0.946273, 0.954479, 0.960881),
}
SHEETS = {
    (1, 8): (0.310626, 0.180387),
    (8, 1): (0.507221, 0.511502),
    (8, 8): (0.380040, 0.290369),
    (4, 16): (0.331096, 0.209804),
    (28, 28): (0.382688, 0.294622),
}
WINDOWS = {
    0.2: (9, 11, 16, 28, 53, 92),
    0.1: (29, 34, 51, 89, 169, 291),
    0.05: (80, 93, 136, 237, 448, 770),
}


def table(text: str) -> dict[float, np.ndarray]:
    """Rows of numbers by the active fraction that they begin with."""
    lines = [[float(word) for word in line.split()] for line in text.split("\n") if line]
    return {line[0]: np.array(line[1:]) for line in lines}


def last_digits(text: str) -> dict[float, np.ndarray]:
    """One unit of the last digit printed of every number of a table."""
    return {
        float(line.split()[0]): np.array([_last_digit(word) for word in line.split()[1:]])
        for line in text.split("\n")
        if line
    }


def _last_digit(word: str) -> float:
    digits, _, power = word.partition("e")
    return 10.0 ** (int(power or 0) - len(digits.partition(".")[2])) if "." in digits else 1e-9


def moments(_: Request) -> Iterator[Check]:
    for fraction, targets in table(TABLE_M).items():
        edge = optimal_pooling(fraction)
        found = [
            threshold(fraction),
            mean_activity(fraction),
            mean_square_activity(fraction),
            weight_variance(fraction) ** 0.5,
        ]
        found += [amplification(fraction), edge, weight_variance(fraction, edge) ** 0.5]
        yield all_near(f"f = {fraction}", targets[:7], found, last_digits(TABLE_M)[fraction][:7])


def closed_forms(_: Request) -> Iterator[Check]:
    correlation = np.cos(np.linspace(0, np.pi, 202)[:-1])
    for fraction in (0.4999, 0.49, 0.3, 0.1, 0.05, 0.01, 0.001):
        difference = (
            kappa(correlation, fraction) - owen_kappa(correlation, fraction)
        ) / mean_square_activity(fraction)
        yield all_near(
            f"difference / k1, f = {fraction}", 0, difference, 1e-11 if fraction <= 0.3 else 1e-9
        )


def angular_form(_: Request) -> Iterator[Check]:
    correlation = np.cos(np.linspace(0, np.pi, 202)[:-1])
    for fraction, tolerance in ((0.3, 3e-9), (0.01, 1e-6), (0.001, 2e-5)):
        difference = (
            kappa(correlation, fraction) - angular_kappa(correlation, fraction)
        ) / mean_square_activity(fraction)
        yield all_near(f"difference / k1, f = {fraction}", 0, difference, tolerance)


def normalised_kernel(_: Request) -> Iterator[Check]:
    for fraction, targets in table(TABLE_U).items():
        yield all_near(
            f"f = {fraction}",
            targets,
            kappa(CORRELATIONS, fraction) / mean_square_activity(fraction),
            1e-8,
        )


def overlap(_: Request) -> Iterator[Check]:
    for fraction, targets in table(TABLE_O).items():
        yield all_near(
            f"overlap, f = {fraction}",
            targets,
            joint_activation(CORRELATIONS, fraction) / fraction,
            1e-8,
        )
    for fraction, targets in table(TABLE_KEEP).items():
        found = kappa(CORRELATIONS, fraction, "keep") / kappa(1.0, fraction, "keep")
        yield all_near(f"activity kept whole, f = {fraction}", targets, found, 1e-8)


def limits(_: Request) -> Iterator[Check]:
    theta = np.linspace(0, np.pi, 1001)
    arc_cosine = ((np.pi - theta) * np.cos(theta) + np.sin(theta)) / (2 * np.pi)
    yield all_near("arc-cosine kernel", arc_cosine, kappa(np.cos(theta), 0.5), 5e-14)
    correlation = np.linspace(-0.9, 0.9, 37)
    for fraction in (0.3, 0.1, 0.01):
        series = np.polynomial.polynomial.polyval(correlation, power_series(fraction, 400))
        yield all_near(
            f"power series, f = {fraction}", owen_kappa(correlation, fraction), series, 1e-12
        )


def derivatives(_: Request) -> Iterator[Check]:
    correlation, step = np.linspace(-0.9, 0.9, 13), 1e-4
    steps = np.array([-2, -1, 1, 2])[:, np.newaxis] * step
    weights = np.array([1, -8, 8, -1])[:, np.newaxis] / (12 * step)  # fourth-order differences
    for fraction in (0.4, 0.1, 0.01):
        slope = (weights * kappa(correlation + steps, fraction)).sum(axis=0)
        yield all_near(
            f"slope, f = {fraction}", joint_activation(correlation, fraction), slope, 1e-8
        )
        bend = (weights * joint_activation(correlation + steps, fraction)).sum(axis=0)
        yield all_near(
            f"curvature, f = {fraction}", kappa_curvature(correlation, fraction), bend, 1e-8
        )
    for correlated in (-0.5, 0.5, 0.9):
        yield near(
            f"f = .8 by quadrature, c = {correlated}",
            _by_quadrature(correlated, 0.8),
            kappa(correlated, 0.8),
            1e-8,
        )


def _by_quadrature(correlation: float, fraction: float) -> float:
    """E[(u - tau)_+ (v - tau)_+] from its definition, the mean over v given u in closed form by the
    moments of a Gaussian."""
    tau, spread = float(threshold(fraction)), np.sqrt(1 - correlation**2)

    def density(v: float, u: float) -> float:
        power = (u * u - 2 * correlation * u * v + v * v) / (2 * spread**2)
        return (u - tau) * (v - tau) * np.exp(-power) / (2 * np.pi * spread)

    return dblquad(density, tau, tau + 12, tau, tau + 12, epsabs=1e-13, epsrel=1e-10)[0]


def tabulated(request: Request) -> Iterator[Check]:
    correlation = np.cos(stream(request.seed, "world").uniform(0, np.pi, 20_000))
    for fraction in (0.5, 0.3, 0.1, 0.01):
        difference = (
            kernel_table(fraction)(correlation) - kappa(correlation, fraction)
        ) / mean_square_activity(fraction)
        yield all_near(f"difference / k1, f = {fraction}", 0, difference, 2e-13)


def quadrature(_: Request) -> Iterator[Check]:
    for fraction in (0.3, 0.1, 0.01, 0.001):
        tau, scale = float(threshold(fraction)), float(mean_square_activity(fraction))
        for correlation in CORRELATIONS:
            found = _one_integral(float(correlation), tau)
            yield near(
                f"f = {fraction}, c = {correlation}",
                0,
                (found - float(kappa(correlation, fraction))) / scale,
                1e-11,
            )


def _one_integral(correlation: float, tau: float) -> float:
    """E[(u - tau)_+ (v - tau)_+] as an integral over u, where E[(v - tau)_+ | u] is that of a
    shifted Gaussian."""
    from scipy.special import erfc

    spread = np.sqrt(1 - correlation**2)

    def integrand(u: float) -> float:
        z = (correlation * u - tau) / spread
        above = spread * (np.exp(-z * z / 2) / np.sqrt(2 * np.pi) + z * 0.5 * erfc(-z / np.sqrt(2)))
        return (u - tau) * np.exp(-u * u / 2) / np.sqrt(2 * np.pi) * above

    points = sorted(
        {
            tau,
            min(max(tau / correlation, tau), tau + 9) if correlation > 0 else tau,
            tau + 1,
            tau + 3,
            tau + 10,
        }
    )
    return sum(
        quad(integrand, *pair, epsabs=1e-18, epsrel=1e-13, limit=200)[0]
        for pair in pairwise(points)
    )


def sampled_kernels(request: Request) -> Iterator[Check]:
    pairs, fraction, correlation = 1_000_000, 0.1, 0.5
    rng, tau = stream(request.seed, "world"), float(threshold(fraction))
    u = rng.standard_normal(pairs)
    v = correlation * u + np.sqrt(1 - correlation**2) * rng.standard_normal(pairs)
    both = (u > tau) & (v > tau)
    for variant, values in (
        ("subtract", (u - tau) * (v - tau) * both),
        ("binary", both * 1.0),
        ("keep", u * v * both),
    ):
        yield near(
            variant,
            kappa(correlation, fraction, variant),
            values.mean(),
            4 * values.std() / np.sqrt(pairs),
        )


def edge_of_chaos(_: Request) -> Iterator[Check]:
    fractions = np.array([0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001])
    edge = np.array([optimal_pooling(fraction) for fraction in fractions])
    mean, square = mean_activity(fractions), mean_square_activity(fractions)
    yield all_near("(f - k1) / mu^2 over m*", 1, (fractions - square) / mean**2 / edge, 1e-9)
    yield all_near("chi at m*", 1, amplification(fractions, edge), 1e-9)
    yield all_near("f sigma*^2 at m*", 1, fractions * weight_variance(fractions, edge), 1e-9)


def fixed_points(_: Request) -> Iterator[Check]:
    for fraction, targets in table(TABLE_M).items():
        found = [fixed_point(fraction), approach_rate(fraction)]
        yield all_near(f"f = {fraction}", targets[7:], found, last_digits(TABLE_M)[fraction][7:])


def depth_maps(_: Request) -> Iterator[Check]:
    for (fraction, pooling, start), targets in DEPTH.items():
        window, path = optimal_pooling(fraction) if pooling is None else pooling, [start]
        for _layer in targets:
            path.append(float(correlation_map(path[-1], fraction, window)))
        yield all_near(f"f = {fraction}, m = {window:.1f}, from {start}", targets, path[1:], 1e-6)
    for fraction, target, chi in ((0.5, 0.42642234, 1.46694), (0.1, 0.26896199, 2.69644)):
        yield near(
            f"balanced weights, f = {fraction}", target, correlation_map(0.5, fraction, -1.0), 1e-6
        )
        yield near(
            f"chi of balanced weights, f = {fraction}", chi, amplification(fraction, -1.0), 1e-5
        )
    for windows, targets in SHEETS.items():
        first = sheet_map(0.5, 0.1, *windows)
        yield all_near(f"sheet {windows}", targets, [first, sheet_map(first, 0.1, *windows)], 1e-6)


def algebraic_approach(_: Request) -> Iterator[Check]:
    for fraction, target in ((0.5, 0.988), (0.1, 0.991)):
        correlation, edge = 0.5, optimal_pooling(fraction)
        for _layer in range(3000):
            correlation = correlation_map(correlation, fraction, edge)
        found = (1 - correlation) * (approach_rate(fraction) * 3000) ** 2 / 4
        yield near(f"(1 - c) (B l)^2 / 4, f = {fraction}", target, found, 0.002)


def sheet_windows(_: Request) -> Iterator[Check]:
    for fraction, targets in WINDOWS.items():
        found = [optimal_window(fraction, reach) for reach in (1, 2, 4, 8, 16, 28)]
        yield all_near(f"window, f = {fraction}", targets, found, 1e-9)


def published_runs(_: Request) -> Iterator[Check]:
    logged = {
        0.397: 1.76,
        0.268: 2.45,
        0.190: 3.18,
        0.165: 3.55,
        0.139: 4.01,
        0.0874: 5.53,
        0.0616: 6.98,
        0.0358: 9.91,
        0.01: 21.74,
    }
    yield all_near(
        "logged sigma*",
        list(logged.values()),
        [weight_variance(fraction) ** 0.5 for fraction in logged],
        0.015,
    )
    for fraction, target, tolerance in ((0.07, 47.41, 0.02), (0.01, 682.4, 0.2)):
        slope = joint_activation(0.99999, fraction)
        found = brentq(
            lambda m, f=fraction, s=slope: float(amplification(f, m)) * s / f - 1, 1.0, 1e4
        )
        yield near(f"m of slope 1 at c = .99999, f = {fraction}", target, found, tolerance)


ROWS = (
    Row("K01", "moments of one layer", "seconds", moments),
    Row("K02", "closed form against integral", "seconds", closed_forms),
    Row("K03", "angular form against integral", "seconds", angular_form),
    Row("K04", "kernel of one layer", "seconds", normalised_kernel),
    Row("K05", "overlap and other activities", "seconds", overlap),
    Row("K06", "arc-cosine kernel, power series", "seconds", limits),
    Row("K08", "derivatives and f > 1/2", "seconds", derivatives),
    Row("K09", "tabulated kernel", "seconds", tabulated),
    Row("K10", "adaptive quadrature", "seconds", quadrature),
    Row("K11", "sampled kernels", "seconds", sampled_kernels),
    Row("K12", "edge of chaos", "seconds", edge_of_chaos),
    Row("K13", "fixed points and approach", "seconds", fixed_points),
    Row("K14", "maps over depth", "seconds", depth_maps),
    Row("K15", "algebraic approach at m*", "seconds", algebraic_approach),
    Row("K16", "optimal windows of sheets", "seconds", sheet_windows),
    Row("K17", "published runs", "seconds", published_runs),
)
