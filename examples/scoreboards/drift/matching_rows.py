"""Acceptance rows D40-D46: similarity matching, its rotational diffusion, its place fields and
their phases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scoreboards.acceptance import Check, Row, all_near, between, near
from scoreboards.drift.runs import Lengths, at, matched, ring_run, ring_runs

from drift import similarity_matching as matching
from drift.metrics.time_course.phases import phases

REST = (0.01,) * 7
SUBSPACES = {  # eigenvalues and noise; simulated over predicted diffusion constant
    ((3.1, 3.1, 3.1, *REST), 0.01): 0.86,
    ((3.1, 3.1, 3.1, *REST), 0.1): 0.87,
    ((4.5, 3.5, 1.0, *REST), 0.01): 0.78,
    ((6.0, 2.0, 0.5, *REST), 0.01): 0.74,
}


def subspace(
    asked: Lengths, eigenvalues: tuple[float, ...], noise: float, seeds: int
) -> list[matching.Matching]:
    recipe = matching.published_network("principal_subspace")
    recipe = recipe.replace(
        inputs=matching.GaussianInputs(eigenvalues=eigenvalues),
        feedforward_noise=noise,
        lateral_noise=noise,
        learning_rate=0.05,
    )
    return [recipe.replace(seed=asked.seed + number) for number in range(seeds)]


def rotational_diffusion(asked: Lengths) -> Iterator[Check]:
    for (eigenvalues, noise), published in SUBSPACES.items():
        ratios = []
        for one in subspace(asked, eigenvalues, noise, 10):
            run = matching.simulate(
                [one], progress=False
            )  # one at a time: the outputs of all samples take much memory
            predicted = matching.predicted_rotational_diffusion(0.05, noise, eigenvalues)
            ratios.append(float(matching.rotational_diffusion_constant(run).item()) / predicted)
        yield near(
            f"simulated / predicted, {eigenvalues[:3]}, sigma {noise}",
            published,
            np.mean(ratios),
            0.10,
        )


def stable_subspace(asked: Lengths) -> Iterator[Check]:
    recipe = subspace(asked, (4.5, 3.5, 1.0, *REST), 0.01, 1)[0].replace(steps=50_000, sessions=501)
    run = matched(asked, "subspace", [recipe])
    outputs = run["sample_activity"].isel(subject=0).transpose("session", "sample", "unit").values
    yield between(
        "largest error of the subspace",
        0.13,
        matching.principal_subspace_error(run).max(),
        high=0.15,
    )
    yield between(
        "largest change of similarity", 0.12, matching.similarity_change(run).max(), high=0.15
    )
    same = [np.corrcoef(outputs[0].ravel(), one.ravel())[0, 1] for one in outputs]
    yield between("smallest correlation of outputs", 0.58, min(same), high=0.98)


def ring(asked: Lengths) -> Iterator[Check]:
    run = ring_run(asked).isel(subject=0)
    elapsed, loss, active = (
        run["elapsed"].values,
        run["similarity_loss"].values,
        run["fraction_active_units"].values,
    )
    recipe = matching.published_network("ring").replace(steps=300, sessions=(1, 100, 300))
    starts = matched(
        asked, "ring_starts", [recipe.replace(seed=asked.seed + number) for number in range(8)]
    )
    first = starts["similarity_loss"].mean(
        "subject"
    )  # one network starts within .012 (sd) of the mean
    yield all_near(
        "loss at 1, 100, 300, mean of 8 networks", (0.34, 0.272, 0.254), first, (0.01, 0.004, 0.001)
    )
    yield between("smallest loss after 300", 0.2533, loss[elapsed > 300].min(), 0.2523, 0.2555)
    yield between("largest loss after 300", 0.2545, loss[elapsed > 300].max(), 0.2523, 0.2555)
    yield all_near(
        "active fraction at 100, 500",
        (0.92, 0.71),
        at(run, [100, 500])["fraction_active_units"],
        (0.06, 0.07),
    )
    yield near("mean active fraction from 1500 on", 0.56, active[elapsed >= 1500].mean(), 0.05)
    peaks = (
        run["rate"].max("place").where(matching.responsive_units(run["rate"], 0.05)).mean("unit")
    )
    yield all_near(
        "peak of active units at 1, 300",
        (0.13, 0.25),
        at(run.assign(peak=peaks), [1, 300])["peak"],
        0.02,
    )
    later = peaks.values[elapsed >= 500]
    yield between("smallest peak from 500 on", 0.26, later.min(), 0.24, 0.34)
    yield between("largest peak from 500 on", 0.32, later.max(), 0.24, 0.34)


def place_cells(asked: Lengths, name: str, steps: int) -> xr.Dataset:
    recipe = matching.published_network(name).replace(
        steps=steps, sessions=tuple(range(0, steps + 1, 250)), seed=asked.seed
    )
    run = matched(asked, name, [recipe])
    return run.assign(active=matching.responsive_units(run["rate"], 0.1).mean("unit")).isel(
        subject=0
    )


def track(asked: Lengths) -> Iterator[Check]:
    run = place_cells(asked, "place_1d", 5000)
    late = run["elapsed"].values > 1000
    yield near("loss plateau", 29.3, run["similarity_loss"].values[late].mean(), 0.5)
    yield between("active fraction", 0.47, run["active"].values[late].mean(), 0.40, 0.54)


def arena(asked: Lengths) -> Iterator[Check]:
    run = place_cells(asked, "place_2d", 2500)
    late = run["elapsed"].values >= 1000
    yield between("loss plateau", 174, run["similarity_loss"].values[late].mean(), 170, 178)
    yield between("active fraction", 0.87, run["active"].values[late].mean(), 0.80, 0.95)


def noise_sources(asked: Lengths) -> Iterator[Check]:
    recipe = matching.published_network("ring_noise").replace(seed=asked.seed)
    arms = np.array(
        [0.001, 0.0015, 0.002, 0.003, 0.004]
    )  # on both sources: they differ in what they do to the size of fields
    run = matched(
        asked,
        "ring_noise",
        [recipe.replace(feedforward_noise=std, lateral_noise=std) for std in arms],
    )
    centres = matching.field_centres(run, 0.05)
    diffusion = matching.circular_diffusion_constant(centres)
    by_arm = diffusion.mean([dim for dim in diffusion.dims if dim != "subject"]).values
    yield between(
        "correlation of D with the summed variance",
        0.95,
        np.corrcoef(2 * arms**2, by_arm)[0, 1],
        low=0.8,
    )
    spacing = matching.spacing_variance(centres).isel(session=slice(-20, None))
    fields = centres.isel(session=slice(-20, None)).notnull().sum("unit")
    ratio = float((spacing / matching.independent_spacing_variance(fields.values)).mean())
    yield between("variance of spacing over that of independent walkers", 0.5, ratio, high=1)


def boundaries(asked: Lengths) -> Iterator[Check]:
    found = phases(
        ring_runs(asked).rename(similarity_loss="loss"), "loss", ("fraction_active_units",)
    )
    yield between(
        "end of learning, median of six networks", 300, found["end_of_learning"].median(), 200, 400
    )
    yield between(
        "end of directed drift, median of six networks",
        1500,
        found["end_of_directed_drift"].median(),
        1000,
        2500,
    )


ROWS = (
    Row("D40", "rotational diffusion of a principal subspace", "minutes", rotational_diffusion),
    Row("D41", "stable subspace, drifting outputs", "seconds", stable_subspace),
    Row("D42", "ring from random weights", "seconds", ring),
    Row("D43", "place cells on a track", "minutes", track),
    Row("D44", "place cells in an arena", "minutes", arena),
    Row("D45", "diffusion on the ring against noise", "minutes", noise_sources),
    Row("D46", "phases of the ring", "minutes", boundaries),
)
