"""A corridor in 9,216 pixels: networks that see it through a camera and foresee what rays will see,
under noise on every weight.

Drift of their rate maps over steps, and the loss, from a camera of 64 x 48 pixels in three colours;
about half a minute a network.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import options
import xarray as xr
from matplotlib.figure import Figure

import drift
from drift import metrics, plots

FILES = ["camera_drift.nc", "camera_drift.png", "camera_drift.md"]
EYE = drift.Camera(rows=48, columns=64, channels=3, field_of_view=0.7, height=0.3)
SMALL_EYE = drift.Camera(rows=6, columns=8, channels=3, field_of_view=0.7, height=0.3)
NETWORKS = 3


def main() -> None:
    asked = options.parser(__doc__, "camera_drift").parse_args()
    options.refuse_recording(asked)
    file, picture, table = options.results(asked.out, FILES, asked.overwrite)
    networks = 2 if asked.quick else NETWORKS
    recipes = [recipe(asked.quick, asked.seed + number) for number in range(networks)]
    run = drift.train(recipes)
    drift.save(run, file, overwrite=asked.overwrite)
    options.picture(draw(run, recipes[0].task, asked.seed), picture, recipes)
    text = told(run)
    table.write_text(text)
    print(text)
    print(f"results: {file}, {picture}, {table}")


def recipe(quick: bool, seed: int) -> drift.Experiment:
    return drift.Experiment(
        task=drift.ArenaTask.corridor(SMALL_EYE if quick else EYE, foreseen=drift.Rays()),
        network=drift.Network(units=50 if quick else 500, regime="lazy"),
        learner=drift.SGD(learning_rate=0.05),
        noise=[drift.UpdateNoise(std=0.0004, acts_on="weights")],
        steps=400,
        sessions=tuple(range(100, 401, 50)),
        seed=seed,
    )


def by_lag(run: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Lags (step), and the rate-map correlation (network, lag) over them."""
    correlation = metrics.mean_rate_map_correlation(run)
    correlation = correlation.transpose("subject", "session", "session_other")
    steps = run["elapsed"].isel(subject=0).values
    lag = np.abs(np.subtract.outer(steps, steps))
    lags = np.unique(lag[lag > 0])
    means = [np.nanmean(correlation.values[:, lag == own], axis=1) for own in lags]
    return lags, np.stack(means, axis=1)


def with_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over networks (first axis), and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def draw(run: xr.Dataset, task: drift.ArenaTask, seed: int) -> Figure:
    figure, axes = plt.subplots(1, 4, figsize=(11.0, 3.0), layout="constrained")
    scene = task.scene(seed)[0]
    plots.eye_view(scene, task.eye, axes[0])
    axes[0].set_title("what the network sees")
    plots.rate_maps_over_sessions(run, 0, [0, run.sizes["session"] - 1], axes[1:3])
    steps = run["elapsed"].isel(subject=0).values
    for ax, step in zip(axes[1:3], steps[[0, -1]]):
        ax.set_title(f"after {step:.0f} steps")
        ax.set_xlabel("place, along the corridor")
    axes[1].set_ylabel("place units of the first session")
    lags, correlation = by_lag(run)
    axes[3].errorbar(lags, *with_error(correlation), fmt="ko-", markersize=4, capsize=2)
    axes[3].set(xlabel="lag (steps)", ylabel="rate-map correlation")
    axes[3].set_title(f"{run.sizes['subject']} networks, mean ± s.e.")
    return figure


def told(run: xr.Dataset) -> str:
    """Table of the numbers that the picture shows."""
    lags, correlation = by_lag(run)
    loss = run["relative_loss"].transpose("subject", "session").values
    rows = [("loss over variance, first session", *with_error(loss[:, 0]))]
    rows += [("loss over variance, last session", *with_error(loss[:, -1]))]
    for own, mean, error in zip(lags, *with_error(correlation)):
        rows.append((f"rate-map correlation over {own:.0f} steps", mean, error))
    lines = [f"| {what} | {mean:.3f} | {error:.3f} |" for what, mean, error in rows]
    return "\n".join(["| | mean | s.e. |", "|---|---|---|", *lines, ""])


if __name__ == "__main__":
    options.run(main)
