"""Acceptance rows D22-D29: the corridor network of Fig. 2 over a million steps, its spectra (Fig.
5C), and a falling trace (Fig. 5D)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scoreboards.acceptance import Check, Row, all_near, between, near
from scoreboards.drift.runs import (
    PUBLISHED_STD,
    RATE,
    Lengths,
    corridor_recipe,
    corridor_run,
    falling_trace_run,
    point,
    spectrum,
)

from drift import metrics
from drift.theory.landscape.plateaus import edge_of_stability, squared_norm_growth
from drift.theory.landscape.spectrum import largest_eigenvalues

SMOOTHING = 6.0  # bins, as published
NAMES = (
    "fraction_active_responses",
    "fraction_active_units",
    "spatial_information",
    "relative_loss",
    "place_units",
    "squared_norm",
)


def means(asked: Lengths) -> dict[str, np.ndarray]:
    """Mean over both networks of every measure, (session)."""
    run = corridor_run(asked).load()
    return {name: metrics.summary(run, name)[name].values for name in NAMES}


def correlation(asked: Lengths) -> np.ndarray:
    """Mean rate-map correlation of every two sessions, (session, session_other)."""
    return (
        metrics.mean_rate_map_correlation(
            corridor_run(asked)[["rate", "recorded", "place_unit"]].load(), SMOOTHING
        )
        .mean("subject")
        .values
    )


def task() -> xr.Dataset:
    return corridor_recipe().task.draw(0)


def smallest_rise(values: np.ndarray, stretches: int) -> float:
    """Smallest rise of the mean from one stretch of the sessions to the next, in standard errors of
    that rise (stretches alike long)."""
    parts = values.reshape(stretches, -1)
    variance = parts.var(axis=1, ddof=1) / parts.shape[1]
    return float((np.diff(parts.mean(axis=1)) / np.sqrt(variance[1:] + variance[:-1])).min())


def norm_growth(asked: Lengths) -> Iterator[Check]:
    squared = means(asked)["squared_norm"]
    predicted = squared_norm_growth(18_000, RATE, PUBLISHED_STD)
    yield between(
        "growth per step, first 1e5 steps", predicted, (squared[5] - squared[0]) / 1e5, 0.026, 0.038
    )


def end(asked: Lengths) -> Iterator[Check]:
    found = means(asked)
    yield near("active responses", 0.09, found["fraction_active_responses"][-1], 0.02)
    yield near("active units", 0.32, found["fraction_active_units"][-1], 0.05)
    yield near("spatial information (bits)", 2.7, found["spatial_information"][-1], 0.3)
    yield near(
        "log10 loss, last 10 sessions", -1.2, np.log10(found["relative_loss"][-10:].mean()), 0.3
    )


def place_cells(asked: Lengths) -> Iterator[Check]:
    counts = means(asked)["place_units"][[20, 35, 50]]
    yield all_near("against the authors' run", (221, 170, 157), counts, 25)
    yield all_near("against the re-run", (224, 181, 161), counts, 25)


def adjacent_correlation(asked: Lengths) -> Iterator[Check]:
    found = np.diagonal(correlation(asked), 1)
    yield all_near(
        "at the start, at 1e5, at the end",
        (0.77, 0.90, 0.99),
        found[[0, 5, -1]],
        (0.05, 0.04, 0.01),
    )
    yield between(
        "smallest rise from one tenth of the run to the next, in standard errors",
        0,
        smallest_rise(found, 10),
        low=-3,
    )


def lagged_correlation(asked: Lengths) -> Iterator[Check]:
    found = correlation(asked)[[5, 20, 35], [15, 30, 45]]
    yield all_near("lag 2e5 from 1e5, 4e5, 7e5", (0.65, 0.83, 0.89), found, 0.08)


def edge(asked: Lengths) -> Iterator[Check]:
    run, drawn = corridor_run(asked).isel(subject=0), task()
    places = [
        point(run.isel(session=session), drawn["inputs"].values, drawn["targets"].values)
        for session in range(5, 51, 5)
    ]
    sharpness = [largest_eigenvalues(one, seed=asked.seed)[0] for one in places]
    yield all_near("lambda_max from 1e5 on, against 2 / lr", edge_of_stability(RATE), sharpness, 1)
    trace = run["hessian_trace"].values
    yield near("trace at the start", 356, trace[0], 0.15 * 356)
    yield near("trace at the end, last 10 sessions", 497, trace[-10:].mean(), 0.15 * 497)
    yield between(
        "smallest rise from a fifth of the run to the next, in standard errors",
        0,
        smallest_rise(trace[1:], 5),
        low=-3,
    )


def quantiles(asked: Lengths) -> np.ndarray:
    """log10 of Gauss-Newton eigenvalues at 5, 25, 50, 75, 95 %, at 4e5 and 6e5 steps; (session,
    quantile)."""
    run = corridor_run(asked).isel(subject=0)
    spectra = [spectrum(run.isel(session=session), task()) for session in (20, 30)]
    positive = [np.log10(one[one > 0]) for one in spectra]
    return np.array([np.quantile(one, (0.05, 0.25, 0.5, 0.75, 0.95)) for one in positive])


def spectra_spread(asked: Lengths) -> Iterator[Check]:
    change = np.diff(quantiles(asked), axis=0)[0]
    for name, published, found in zip(("5 %", "25 %", "50 %"), (-2.1, -1.1, -0.3), change):
        yield between(f"change of the {name} quantile", published, found, high=0)
    yield near("change of the 95 % quantile", 0, change[-1], 0.1)


def falling_trace(asked: Lengths) -> Iterator[Check]:
    trace = falling_trace_run(asked)["hessian_trace"].values[1:]
    tenths = trace.reshape(10, 10).mean(axis=1)
    yield between(
        "largest rise of log10 trace from one tenth of the run to the next",
        0,
        np.diff(np.log10(tenths)).max(),
        high=0,
    )
    yield between(
        "trace at the end over that at the start", 0.3, trace[-10:].mean() / trace[0], high=1
    )


ROWS = (
    Row("D22", "growth of the weights in the corridor", "minutes", norm_growth),
    Row("D23", "corridor after 1e6 steps", "minutes", end),
    Row("D24", "place cells at 4, 7, 10 x 1e5 steps", "minutes", place_cells),
    Row("D25", "rate-map correlation of adjacent samples", "minutes", adjacent_correlation),
    Row("D26", "rate-map correlation at a lag", "minutes", lagged_correlation),
    Row("D27", "corridor at the edge of stability", "minutes", edge),
    Row("D28", "spectra at 4e5 and 6e5 steps", "minutes", spectra_spread),
    Row("D29", "trace under label noise", "minutes", falling_trace),
)
