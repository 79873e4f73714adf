"""The smallest landscape with a manifold of solutions, L = (x y)^2: noise moves a network along it
although the loss is flat there.

Both axes solve the task. On the x axis the curvature is 2 x^2 across and 0 along; smaller x is
flatter. Update noise diffuses along the axis with a pull towards flat places, label noise pulls
without diffusing.

References
----------
Ratzon, Derdikman & Barak 2024, eLife 13:RP90069, Fig 5A and Eqs 10-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from scipy.special import lambertw

from drift.door import opened
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.loops.compiled import compiled
from drift.loops.normals import BLOCK, fill_normals, generator_state

NoiseName = Literal["update", "label"]
SLOWEST = (
    1e-6  # share of y that is lost in a step; with less, millions of steps lead where the flow does
)
STREAM_OF: dict[NoiseName, str] = {"update": "update_noise", "label": "label_noise"}


@compiled
def _advance(x, y, steps, learning_rate, std, on_label, state):  # x, y (walker)
    walkers = x.shape[0]
    normal = np.empty((walkers if on_label else 2 * walkers) // BLOCK * BLOCK + BLOCK, np.float32)
    rate = 2 * learning_rate
    for _step in range(steps):
        fill_normals(state, normal)
        for walker in range(walkers):
            before, error = x[walker], x[walker] * y[walker]
            if on_label:
                error -= std * normal[walker]
            x[walker] -= rate * error * y[walker]
            y[walker] -= rate * error * before
            if not on_label:
                x[walker] += std * normal[walker]
                y[walker] += std * normal[walkers + walker]


@opened
def toy_walks(
    noise: NoiseName,
    std: float,
    learning_rate: float = 0.01,
    steps: Sequence[int] = (5_000, 20_000, 40_000),
    walkers: Count = 4_000,
    start: tuple[float, float] = (3.0, 0.5),
    seed: Seed = 0,
) -> xr.Dataset:
    """Gradient descent under noise on L = (x y)^2, many walkers at a time.

    x <- x - lr 2 e y, y <- y - lr 2 e x with e = x y; update noise adds N(0, std^2) to x and to y
    in each step, label noise makes e = x y - N(0, std^2).

    Parameters
    ----------
    noise : {"update", "label"}
    std : float
        Standard deviation of the noise, on the parameters or on the label.
    learning_rate : float
        lr.
    steps : sequence of int
        Increasing steps after which the walkers are seen.
    walkers : int
    start : pair of float
        (x, y) of all walkers at step 0.
    seed : int
        Draws come from the stream ``update_noise`` or ``label_noise``.

    Returns
    -------
    xarray.Dataset
        ``x``, ``y`` and ``largest_eigenvalue`` of the Hessian, x^2 + y^2 + sqrt((x^2 - y^2)^2 + 16
        x^2 y^2), each (session, walker), with the coordinate ``elapsed`` (session) in steps.
        Walkers may change from one axis to the other.

    Raises
    ------
    RefusedInputError
        If the noise is unknown, a number is out of range, or the walk is unstable from the start.
    """
    _check(noise, std, learning_rate, steps, walkers, start)
    x, y = (np.full(walkers, float(coordinate)) for coordinate in start)
    state, positions, passed = generator_state(seed, STREAM_OF[noise]), [], 0
    for step in map(int, steps):
        _advance(x, y, step - passed, learning_rate, std, noise == "label", state)
        passed = step
        positions.append((x.copy(), y.copy()))
    x, y = np.array(positions).swapaxes(0, 1)  # (session, walker) each
    total, difference, mixed = x**2 + y**2, x**2 - y**2, 4 * x * y
    curvature = total + np.sqrt(difference**2 + mixed**2)
    variables = {
        name: (("session", "walker"), values)
        for name, values in (("x", x), ("y", y), ("largest_eigenvalue", curvature))
    }
    attrs = {
        "noise": noise,
        "std": std,
        "learning_rate": learning_rate,
        "start": list(map(float, start)),
        "seed": seed,
    }
    return xr.Dataset(
        variables,
        coords={"elapsed": ("session", np.asarray(steps, dtype=float), {"units": "step"})},
        attrs=attrs,
    )


def _check(
    noise: str,
    std: float,
    learning_rate: float,
    steps: Sequence[int],
    walkers: int,
    start: tuple[float, float],
) -> None:
    if noise not in STREAM_OF:
        raise RefusedInputError(f"noise {noise!r} is unknown: use 'update' or 'label'.")
    if not (
        std >= 0 and learning_rate > 0 and walkers >= 1 and np.isfinite([std, learning_rate]).all()
    ):
        raise RefusedInputError(
            "std, learning_rate and walkers must be at least 0, above 0 and at least 1, got "
            f"{std}, {learning_rate} and {walkers}."
        )
    if len(steps) == 0 or steps[0] < 0 or (np.diff(steps) <= 0).any():
        raise RefusedInputError(
            f"steps must be increasing and not negative, got {list(steps)}: name the steps at "
            "which to look."
        )
    if not learning_rate * max(np.square(start)) < 1:
        raise RefusedInputError(
            f"the start {start} is beyond the edge of stability 1 / sqrt(learning_rate): "
            "start nearer to 0 or make learning_rate smaller."
        )


@opened
def landing_point(learning_rate: float = 0.01, start: tuple[float, float] = (3.0, 0.5)) -> float:
    """Where gradient descent without noise meets the x axis; the flow, with an infinitely small
    learning rate, conserves x^2 - y^2.

    Parameters
    ----------
    learning_rate : float
    start : pair of float
        (x, y) with ``abs(x) > abs(y)``.

    Returns
    -------
    float
        x on the axis.

    Raises
    ------
    RefusedInputError
        If the start is nearer to the y axis, or unstable, or hardly moves.
    """
    _check("update", 0.0, learning_rate, (0,), 1, start)
    x, y = map(float, start)
    if learning_rate * x * x < SLOWEST:
        raise RefusedInputError(
            f"learning_rate x^2 must be at least {SLOWEST:g}, got "
            f"{learning_rate * x * x:.3g}: the limit of small rates is sqrt(x^2 - y^2)."
        )
    if abs(x) <= abs(y):
        raise RefusedInputError(
            f"the start {start} does not lead to the x axis: give abs(x) > abs(y)."
        )
    while abs(y) > 1e-12 * abs(x):
        x, y = x - 2 * learning_rate * x * y * y, y - 2 * learning_rate * x * x * y
    return x


@opened
def normal_variance(
    noise: NoiseName, x: float | np.ndarray, std: float, learning_rate: float
) -> np.ndarray:
    """Stationary variance of y at x: how far noise keeps the walker off the axis.

    Update noise: E[y^2] = std^2 / (4 lr x^2 (1 - lr x^2)). Label noise: E[y^2] = lr std^2 / (1 - lr
    x^2).

    Parameters
    ----------
    noise : {"update", "label"}
    x : float or array
    std, learning_rate : float

    Returns
    -------
    array
        Like ``x``.
    """
    square = np.square(x)
    stable = 1 - learning_rate * square
    return np.asarray(
        std**2 / (4 * learning_rate * square * stable)
        if noise == "update"
        else learning_rate * std**2 / stable
    )


@opened
def mean_square_under_update_noise(
    x: float, step: float | np.ndarray, std: float, learning_rate: float = 0.0
) -> np.ndarray:
    """Mean of x^2 - y^2 under update noise: conserved, E[x^2] hardly differs from it until walkers
    change the axis.

    E[x^2 - y^2] = x^2 exp(-lr std^2 t); to leading order, lr = 0, x is a Bessel process of
    dimension 0 and E[x^2] constant although the mean of x falls.

    Parameters
    ----------
    x : float
        On the axis at step 0, see ``landing_point``.
    step : float or array
        t.
    std, learning_rate : float

    Returns
    -------
    array
        Like ``step``.
    """
    return np.asarray(x**2 * np.exp(-learning_rate * std**2 * np.asarray(step, dtype=float)))


@opened
def position_under_label_noise(
    x: float, step: float | np.ndarray, std: float, learning_rate: float, leading: bool = False
) -> np.ndarray:
    """Where label noise has brought a walker: to leading order x(t) = x(0) exp(-2 lr^2 std^2 t),
    nearly without spread.

    For finite learning rates ln x - lr x^2 / 2 falls in a straight line, with slope -2 lr^2 std^2
    per step.

    Parameters
    ----------
    x : float
        On the axis at step 0, ``learning_rate * x**2 < 1``; see ``landing_point``.
    step : float or array
        t.
    std, learning_rate : float
    leading : bool
        The leading order instead of the law for finite learning rates.

    Returns
    -------
    array
        Like ``step``.
    """
    fallen = 2 * (learning_rate * std) ** 2 * np.asarray(step, dtype=float)
    if leading:
        return np.asarray(x * np.exp(-fallen))
    start = learning_rate * x**2  # w = lr x^2 solves w exp(-w) = start exp(-start - 2 fallen)
    return np.asarray(
        np.sign(x) * np.sqrt(-lambertw(-start * np.exp(-start - 2 * fallen)).real / learning_rate)
    )
