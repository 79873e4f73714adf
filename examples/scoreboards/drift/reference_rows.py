"""Acceptance rows D12-D21: the toy landscape, and where learning under noise settles on the worked
reference case."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import xarray as xr
from scoreboards.acceptance import Check, Row, all_near, between, near
from scoreboards.drift.runs import (
    LATE,
    MEASURES,
    RATE,
    STD,
    WEIGHTS,
    WIDTH,
    WINDOWS,
    Lengths,
    at,
    label_run,
    reference,
    spectrum,
    swept,
    update_run,
)

import drift
from drift.theory.landscape.plateaus import edge_of_stability, update_noise_loss
from drift.theory.landscape.toy import (
    landing_point,
    normal_variance,
    position_under_label_noise,
    toy_walks,
)

TOY_STEPS, TOY_RATE = (5_000, 20_000, 40_000), 0.01


@cache
def reference_task() -> xr.Dataset:
    return reference(1, 1).task.draw(0)


def target_variance() -> float:
    return float(reference_task()["targets"].values.var(ddof=1))


def log_mean(values: object) -> float:
    return float(np.log10(np.mean(np.asarray(values))))


def toy_update_noise(asked: Lengths) -> Iterator[Check]:
    walks = toy_walks("update", 0.01, TOY_RATE, TOY_STEPS, seed=asked.seed)
    x = walks["x"].values  # (session, walker)
    yield all_near("mean of x^2", 8.7, (x**2).mean(axis=1), 0.4)
    yield all_near("mean of x", (2.86, 2.53, 2.14), np.abs(x).mean(axis=1), (0.05, 0.08, 0.10))
    yield all_near(
        "mean of ln lambda_max",
        (2.73, 2.10, 1.59),
        np.log(walks["largest_eigenvalue"].values).mean(axis=1),
        0.06,
    )


def toy_label_noise(asked: Lengths) -> Iterator[Check]:
    walks = toy_walks("label", 0.3, TOY_RATE, TOY_STEPS, seed=asked.seed)
    found = walks["x"].values.mean(axis=1)
    law = position_under_label_noise(landing_point(TOY_RATE), np.array(TOY_STEPS), 0.3, TOY_RATE)
    yield all_near("mean of x", (2.679, 2.014, 1.390), found, 0.005)
    yield all_near("mean of x, against its law", law, found, 0.005)
    variance = normal_variance("label", found, 0.3, TOY_RATE)
    yield all_near(
        "mean of y^2, against its law",
        variance,
        (walks["y"].values ** 2).mean(axis=1),
        0.08 * variance,
    )


def reference_start(asked: Lengths) -> Iterator[Check]:
    probes = (*MEASURES, *WEIGHTS)
    start = swept(asked, "reference_start", [reference(1, (0,))], probes, precision="float64").isel(
        subject=0, session=0
    )
    yield near("log10 of the relative loss", 0.408, np.log10(start["relative_loss"]), 1e-3)
    yield near("fraction of active responses", 0.468, start["fraction_active_responses"], 1e-3)
    yield near("fraction of active units", 1, start["fraction_active_units"], 0)
    yield near("trace", 81.664, start["hessian_trace"], 1e-3)
    yield near("variance of the targets", 0.38516, target_variance(), 1e-5)
    eigenvalues = spectrum(start, reference_task())
    yield near("lambda_max", 3.419, eigenvalues[-1], 1e-3)
    yield near("Gauss-Newton rank", 100, (eigenvalues > 1e-8 * eigenvalues[-1]).sum(), 0)
    quiet = reference(30_000, (0, 10_000, 30_000))
    run = swept(
        asked, "reference_quiet", [quiet], (*probes, "sample_activity"), precision="float64"
    ).isel(subject=0)
    converged, end = run.isel(session=1), run.isel(session=2)
    yield between(
        "relative loss after 1e4 steps without noise", 0, converged["relative_loss"], 0, 1e-8
    )
    # One unit comes to rest on the threshold of one sample, where rounding decides the sign of its
    # response.
    changed = ((end["sample_activity"] > 1e-9) != (converged["sample_activity"] > 1e-9)).sum()
    yield near("responses that change from 1e4 to 3e4 steps", 0, changed, 0)
    yield near(
        "units that change",
        0,
        100 * (end["fraction_active_units"] - converged["fraction_active_units"]),
        0,
    )
    yield near(
        "relative change of the trace",
        0,
        end["hessian_trace"] / converged["hessian_trace"] - 1,
        1e-6,
    )


def update_plateau(asked: Lengths) -> Iterator[Check]:
    run = update_run(asked)
    for window, published in (("early", -2.21), ("settled", -2.12)):
        seen = log_mean(at(run, WINDOWS[window])["relative_loss"])
        spectra = [spectrum(at(run, step), reference_task()) for step in WINDOWS[window][::20]]
        predicted = log_mean(
            [update_noise_loss(one, RATE, STD) / target_variance() for one in spectra]
        )
        yield near(f"log10 loss against the formula, {window}", predicted, seen, 0.03)
        yield near(f"log10 loss, {window}", published, seen, 0.05)


def label_plateau(asked: Lengths) -> Iterator[Check]:
    run, variance = label_run(asked), WIDTH**2 / 12
    for window, published in (("settled", -2.46), ("later", -2.77), ("late", -2.89)):
        seen = at(run, WINDOWS[window])
        # To leading order in the learning rate the formula needs the trace alone.
        predicted = (
            RATE
            * variance
            * seen["hessian_trace"]
            / (2 * reference_task()["targets"].size)
            / target_variance()
        )
        yield near(
            f"log10 loss against the formula, {window}",
            log_mean(predicted),
            log_mean(seen["relative_loss"]),
            0.03,
        )
        yield near(f"log10 loss, {window}", published, log_mean(seen["relative_loss"]), 0.06)


def update_end(asked: Lengths) -> Iterator[Check]:
    run = update_run(asked)
    end = at(run, 1_000_000)
    yield near("log10 loss", -1.98, np.log10(end["relative_loss"]), 0.4)
    yield near("active responses", 0.07, end["fraction_active_responses"], 0.05)
    yield near("active units", 0.40, end["fraction_active_units"], 0.2)
    sharpness = [spectrum(at(run, step), reference_task())[-1] for step in LATE]
    yield all_near(
        "lambda_max from 1e5 on, against 2 / lr", edge_of_stability(RATE), sharpness, 1.5
    )


def label_end(asked: Lengths) -> Iterator[Check]:
    run = label_run(asked)
    end = at(run, 1_000_000)
    yield near("log10 loss", -2.98, np.log10(end["relative_loss"]), 0.2)
    yield near("active responses", 0.20, end["fraction_active_responses"], 0.08)
    yield near("active units", 0.94, end["fraction_active_units"], 0.08)
    yield near("trace", 7.9, end["hessian_trace"], 3)
    traces = [
        float(at(run, WINDOWS[window])["hessian_trace"].mean())
        for window in ("settled", "later", "late")
    ]
    yield between(
        "largest rise of the trace between windows",
        0,
        np.diff([*traces, float(end["hessian_trace"])]).max(),
        high=0,
    )


def adam_end(asked: Lengths) -> Iterator[Check]:
    recipe = reference(1_000_000, (0, 100_000, 1_000_000), learner=drift.Adam())
    end = swept(asked, "reference_adam", [recipe], precision="float64").isel(subject=0, session=2)
    yield near("active responses", 0.06, end["fraction_active_responses"], 0.04)
    yield near("active units", 0.33, end["fraction_active_units"], 0.15)
    yield between("trace", 14.5, end["hessian_trace"], 14.5 / 2, 14.5 * 2)


def descent_run(asked: Lengths) -> xr.Dataset:
    learner = drift.StochasticErrorDescent(learning_rate=0.95, faithful=True)
    return swept(
        asked, "reference_descent", [reference(1_000_000, (0, 100_000, 1_000_000), learner=learner)]
    ).isel(subject=0)


def descent_loss(asked: Lengths) -> Iterator[Check]:
    yield near(
        "log10 loss after 1e5 steps", -0.96, np.log10(descent_run(asked)["relative_loss"][1]), 0.15
    )


def descent_divergence(asked: Lengths) -> Iterator[Check]:
    run = descent_run(asked)
    yield near("flagged as diverged", 1, float(run["status"].item() == "diverged"), 0)
    yield between("step of divergence", 5e5, run["diverged_at"], 1e5, 1e6)


ROWS = (
    Row("D12", "toy landscape, update noise", "seconds", toy_update_noise),
    Row("D13", "toy landscape, label noise", "seconds", toy_label_noise),
    Row("D14", "reference case, start and learning without noise", "seconds", reference_start),
    Row("D15", "loss plateau of update noise", "minutes", update_plateau),
    Row("D16", "loss plateau of label noise", "minutes", label_plateau),
    Row("D17", "reference case, update noise, 1e6 steps", "minutes", update_end),
    Row("D18", "reference case, label noise, 1e6 steps", "minutes", label_end),
    Row("D19", "reference case, Adam, 1e6 steps", "minutes", adam_end),
    Row("D20", "reference case, stochastic error descent", "minutes", descent_loss),
    Row("D21", "divergence of stochastic error descent", "minutes", descent_divergence),
)
