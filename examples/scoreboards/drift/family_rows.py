"""Acceptance rows D30-D39: the families of runs of Figs. 4, 5B, S1 and S2, at the lengths that the
options allow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy.stats import linregress, rankdata
from scoreboards.acceptance import Check, Row, between, near
from scoreboards.drift.runs import (
    Lengths,
    alive,
    family,
    noise_sweep,
    positive_eigenvalues,
    relative,
    relative_trace,
)

from drift import metrics

UNITS, RESPONSES = "fraction_active_units", "fraction_active_responses"
LEFT = 0.7  # of the active units, when time is taken
PUBLISHED_RUNS = {
    "random_update_noise": 522,
    "random_adam": 45,
    "stochastic_error_descent": 49,
}  # without label noise


def log_rates(run: xr.Dataset) -> xr.DataArray:
    """log10 of the rate per step at which active units fall, as published; NaN where the fit
    fails."""
    found = metrics.published_log_rate(run[UNITS].load(), run["elapsed"])
    return found.where(found < 0)


def times_to(run: xr.Dataset, left: float) -> np.ndarray:
    """Steps until the active units have fallen to a share of those before learning; NaN where that
    was not seen; (subject,).

    Unlike the rate of a fitted exponential it does not depend on how long a run has gone on.
    """
    share = (run[UNITS] / run[UNITS].isel(session=0)).values
    reached = share < left
    first = np.where(reached.any(1), reached.argmax(1), 0)
    return np.where(
        first > 0, np.take_along_axis(run["elapsed"].values, first[:, np.newaxis], 1)[:, 0], np.nan
    )


def rate_exponent(asked: Lengths) -> Iterator[Check]:
    run = alive(noise_sweep(asked))
    rates, noise = log_rates(run).values, np.log10(run["update_noise"].values)
    line = linregress(noise[np.isfinite(rates)], rates[np.isfinite(rates)])
    yield near("exponent", 2.0, line.slope, 0.2)
    middle = np.log10(0.03)
    yield near(
        "log10 rate at s = .03", -1.84 + 2.1 * middle, line.intercept + line.slope * middle, 0.4
    )
    robust = np.log10(metrics.sparsification_time(run[UNITS].load(), run["elapsed"])["rate"].values)
    fitted = np.isfinite(robust)
    yield near(
        "exponent of the robust rate", 2.0, linregress(noise[fitted], robust[fitted]).slope, 0.2
    )
    inverse = -np.log10(times_to(run, LEFT))
    reached = np.isfinite(inverse)
    yield near(
        f"exponent of 1 / time until {LEFT:.0%} of the units are left",
        2.0,
        linregress(noise[reached], inverse[reached]).slope,
        0.2,
    )
    yield between("decades of noise in which they are", 1.0, np.ptp(noise[reached]), low=0.9)


def update_family(asked: Lengths) -> Iterator[Check]:
    units = relative(alive(family(asked, "random_update_noise"))[UNITS]).values
    yield between("median of units", 0.07, np.median(units), 0.04, 0.12)


def label_family(asked: Lengths) -> Iterator[Check]:
    run = alive(family(asked, "random_label_noise"))
    yield near("median of units", 0.96, np.median(relative(run[UNITS])), 0.05)
    yield near("median of responses", 0.55, np.median(relative(run[RESPONSES])), 0.08)


def adam_family(asked: Lengths) -> Iterator[Check]:
    """Of the 45 published runs 27 have no noise, 12 label noise and 6 update noise: each is held
    against runs of its own noise."""
    run = alive(family(asked, "random_adam"))
    yield between("median of units", 0.145, np.median(relative(run[UNITS])), 0.08, 0.32)
    yield near("median of responses", 0.06, np.median(relative(run[RESPONSES])), 0.04)
    for noise, published, low, high in (
        ("label", 0.104, 0.05, 0.32),
        ("update", 0.776, 0.5, 0.95),
    ):
        noisy = alive(family(asked, f"random_adam_{noise}_noise"))
        ours = np.median(relative(noisy[UNITS]))
        yield between(f"median of units, {noise} noise", published, ours, low, high)


def descent_family(asked: Lengths) -> Iterator[Check]:
    run = family(asked, "stochastic_error_descent")
    yield between(
        "median of units of survivors", 0.77, np.median(relative(alive(run)[UNITS])), 0.6, 0.9
    )
    yield between("share that diverged", 0.5, np.mean(run["status"].values == "diverged"), 0.3, 0.7)


def noises(run: xr.Dataset) -> dict[str, xr.Dataset]:
    """Runs of the comparison by their noise."""
    complete = alive(run)
    label = complete["label_noise"].values > 0
    return {
        "label": complete.isel(subject=np.flatnonzero(label)),
        "update": complete.isel(subject=np.flatnonzero(~label)),
    }


def traces(asked: Lengths) -> Iterator[Check]:
    medians = {
        name: float(np.median(relative_trace(run)))
        for name, run in noises(family(asked, "comparison")).items()
    }
    yield between("median, label noise", 0.28, medians["label"], 0.23, 0.35)
    yield between("median, update noise", 0.54, medians["update"], 0.34, 0.89)
    yield between("label less update", -0.26, medians["label"] - medians["update"], high=0)


def eigenvalues_and_units(asked: Lengths) -> Iterator[Check]:
    run = alive(family(asked, "random_update_noise"))
    positive, units = positive_eigenvalues(run), relative(run[UNITS]).values
    line = linregress(positive, units)
    yield between("correlation", 0.949, line.rvalue, low=0.93)
    yield near("slope", 2.0, line.slope, 0.4)


def separation(asked: Lengths) -> Iterator[Check]:
    label, update = (
        relative(run[UNITS]).values for run in noises(family(asked, "comparison")).values()
    )
    ranks = rankdata(np.concatenate([label, update]))[: len(label)]
    area = (ranks.sum() - len(label) * (len(label) + 1) / 2) / (len(label) * len(update))
    yield between("area under the curve, units", 0.98, area, low=0.93)


def label_loss(asked: Lengths) -> Iterator[Check]:
    run = alive(family(asked, "random_label_noise"))
    loss = np.log10(run["relative_loss"].isel(session=slice(-11, -1)).mean("session"))
    width = np.log10(run["label_noise"] * np.sqrt(12))
    yield near("slope of log10 loss on log10 a", 1.93, linregress(width, loss).slope, 0.2)


def sparsified(asked: Lengths) -> Iterator[Check]:
    """Shares of runs without label noise, the families weighted as they are in the paper."""
    ends = {
        preset: relative(alive(family(asked, preset))[UNITS]).values for preset in PUBLISHED_RUNS
    }
    for limit, published, tolerance in ((1, 0.997, 0.02), (0.9, 0.985, 0.04), (0.5, 0.83, 0.10)):
        share = sum(
            runs * np.mean(ends[preset] < limit) for preset, runs in PUBLISHED_RUNS.items()
        ) / sum(PUBLISHED_RUNS.values())
        yield near(f"share of runs that end below {limit}", published, share, tolerance)


ROWS = (
    Row("D30", "rate of sparsification against noise", "hours", rate_exponent),
    Row("D31", "active units, update noise", "hours", update_family),
    Row("D32", "active units and responses, label noise", "hours", label_family),
    Row("D33", "active units and responses, Adam", "hours", adam_family),
    Row("D34", "active units, stochastic error descent", "hours", descent_family),
    Row("D35", "sum of eigenvalues, end over beginning", "hours", traces),
    Row("D36", "active units against positive eigenvalues", "hours", eigenvalues_and_units),
    Row("D37", "label against update noise", "hours", separation),
    Row("D38", "loss against label noise", "hours", label_loss),
    Row("D39", "runs without label noise that become sparse", "hours", sparsified),
)
