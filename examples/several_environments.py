"""Two questions about what stays: is a code that noise made sparse still sparse when the noise
stops, and how alike are the codes of several corridors, session by session?

Networks learn a corridor under noise on labels or on updates; half way the noise stops for one
group of them and goes on for another of the same seeds, beside networks that never had noise. Other
networks learn three corridors together under update noise, and rate maps are correlated between any
two sessions in any two corridors.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import options
import xarray as xr

import drift
from drift import metrics, plots
from drift.plots.sessions import MARKERS

FILES = [
    "noise_that_stops.nc", "noise_that_stops.png", "remapping_matrix.nc", "remapping_matrix.png",
    "several_environments.md",
]  # fmt: skip
NOISES = {"label noise": drift.LabelNoise(std=6.0), "update noise": drift.UpdateNoise(std=0.05)}
CONDITIONS = ("goes on", "stops", "never")
SPARSITY = "fraction_active_responses"
ROOMS = "ABC"


class Lengths(NamedTuple):
    """How much is computed."""

    units: int = 60
    samples: int = 60
    networks: int = 12
    noisy: int = 20_000  # steps until noise stops, and as many after it
    span: int = 2_000  # steps between sessions
    rooms: tuple[int, ...] = (4_000, 8_000, 12_000, 16_000, 20_000)  # sessions in three corridors


FULL, QUICK = Lengths(), Lengths(12, 30, 2, 200, 100, (100, 200, 300))


def main() -> None:
    asked = options.parser(__doc__, "several_environments").parse_args()
    options.refuse_recording(asked)
    stopping, stopped, rooms, matrix, table = options.results(asked.out, FILES, asked.overwrite)
    lengths = QUICK if asked.quick else FULL
    seeds = range(asked.seed, asked.seed + lengths.networks)

    runs = {name: noise_that_stops(lengths, seeds, name) for name in NOISES}
    together = three_corridors(lengths, seeds)
    across = between_rooms(together)

    kept = xr.Dataset(
        {
            f"{name} {measure}": run[measure]
            for name, run in runs.items()
            for measure in (SPARSITY, "relative_loss")
        }
    ).drop_attrs()
    drift.save(kept, stopping, overwrite=asked.overwrite)
    drift.save(across.to_dataset().drop_attrs(), rooms, overwrite=asked.overwrite)
    text = f"{sparsity_table(runs, lengths)}\n{remapping_table(together)}"
    options.picture(draw_stopping(runs, lengths), stopped)
    options.picture(draw_matrix(across), matrix)
    table.write_text(text)
    print(text)
    print(f"results: {stopping}, {stopped}, {rooms}, {matrix}, {table}")


def recipe(lengths: Lengths, rooms: int, **entries: object) -> drift.Experiment:
    return drift.Experiment(
        task=drift.CorridorTask(samples=lengths.samples, rays=9, environments=rooms),
        network=drift.Network(units=lengths.units, regime="lazy"),
        **entries,
    )


def noise_that_stops(lengths: Lengths, seeds: range, name: str) -> xr.Dataset:
    """Networks (condition, network, session) whose noise goes on, stops half way, or never was."""
    steps = 2 * lengths.noisy
    stages = [drift.Stage(steps=lengths.noisy), drift.Stage(steps=lengths.noisy, noise=[])]
    base = recipe(
        lengths, 1, noise=[NOISES[name]], steps=steps,
        sessions=tuple(range(lengths.span, steps + 1, lengths.span)),
    )  # fmt: skip
    variants = (
        base,
        base.replace(protocol=drift.Protocol(stages=stages, repeats=False)),
        base.replace(noise=[]),
    )
    recipes = [variant.replace(seed=seed) for variant in variants for seed in seeds]
    run = drift.train(recipes, probes=["loss", "relative_loss", SPARSITY], progress=False)
    values = run[[SPARSITY, "relative_loss"]]
    plain = values.drop_vars(set(values.coords) - {"session"})
    split = plain.coarsen(subject=len(seeds)).construct(subject=("condition", "network"))
    steps_elapsed = ("session", run["elapsed"].isel(subject=0).values)
    return split.assign_coords(condition=list(CONDITIONS), elapsed=steps_elapsed)


def three_corridors(lengths: Lengths, seeds: range) -> xr.Dataset:
    """Networks that learn three corridors together under update noise."""
    base = recipe(
        lengths, len(ROOMS), noise=[drift.UpdateNoise(std=0.03)], steps=lengths.rooms[-1],
        sessions=lengths.rooms,
    )  # fmt: skip
    return drift.train([base.replace(seed=seed) for seed in seeds], progress=False)


def between_rooms(run: xr.Dataset) -> xr.DataArray:
    """Rate-map correlation of any two sessions in any two corridors, mean over place units of
    both: (subject, session, session_other), sessions sorted by corridor."""
    names = ["rate", "occupancy", "recorded", "place_unit"]
    shape = (run.sizes["subject"], run.sizes["session"])
    labels = {"subject", "unit", "place", "direction", "elapsed"}
    by_room = [
        run[names]
        .isel(environment=number, drop=True)
        .drop_vars(set(run.coords) - labels, errors="ignore")
        .assign_coords(environment=(("subject", "session"), np.full(shape, room, dtype=object)))
        for number, room in enumerate(ROOMS)
    ]
    joined = xr.concat(by_room, "session").assign_coords(session=np.arange(len(ROOMS) * shape[1]))
    correlation = metrics.mean_rate_map_correlation(joined, across_environments=True)
    return correlation.assign_coords(elapsed=joined["elapsed"]).rename("rate_map_correlation")


def mean_and_error(values: xr.DataArray, dim: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean over networks and its standard error."""
    error = values.std(dim, ddof=1) / np.sqrt(values.sizes[dim])
    return values.mean(dim).values, error.values


def sparsity_table(runs: dict[str, xr.Dataset], lengths: Lengths) -> str:
    """Active responses when noise stops, and at the end, with paired differences."""
    head = "| noise | what it does | at half time | at the end | change, paired |\n" + "|---" * 5
    lines = []
    for name, run in runs.items():
        half = int(np.flatnonzero(run["elapsed"] == lengths.noisy)[0])
        for condition in CONDITIONS:
            values = run[SPARSITY].sel(condition=condition)
            before, after = values.isel(session=half), values.isel(session=-1)
            cells = [
                "{:.3f} ± {:.3f}".format(*mean_and_error(each, "network"))
                for each in (before, after, after - before)
            ]
            lines.append(f"| {name} | {condition} | {' | '.join(cells)} |")
    return "\n".join([head + "|", *lines, ""])


def remapping_table(run: xr.Dataset) -> str:
    """How alike the codes of corridors are, means over networks ± standard errors."""
    remapped = metrics.remapping(run, draws=5)
    same = np.eye(len(ROOMS), dtype=bool)
    lines = ["| measure | one corridor | two corridors | two, by chance |", "|---|---|---|---|"]
    for name in ("spatial_correlation", "population_vector_correlation", "rate_overlap"):
        cells = []
        for values, where in (
            (remapped[name], same),
            (remapped[name], ~same),
            (remapped[f"{name}_by_chance"], ~same),
        ):
            pairs = values.transpose("subject", "environment", "environment_other").values[:, where]
            mean, error = mean_and_error(xr.DataArray(pairs.mean(1), dims="network"), "network")
            cells.append(f"{mean:.2f} ± {error:.2f}")
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def draw_stopping(runs: dict[str, xr.Dataset], lengths: Lengths) -> plt.Figure:
    figure, panels = plt.subplots(
        2, len(runs), figsize=(7.6, 4.8), sharex=True, sharey="row", layout="constrained"
    )
    for column, (name, run) in zip(panels.T, runs.items(), strict=True):
        for ax, measure in zip(column, (SPARSITY, "relative_loss"), strict=True):
            for condition, marker, style in zip(CONDITIONS, MARKERS, ("--", "-", ":")):
                mean, error = mean_and_error(run[measure].sel(condition=condition), "network")
                ax.errorbar(
                    run["elapsed"] / 1000, mean, error, marker=marker, linestyle=style,
                    color="black", markerfacecolor="0.7", markersize=4, linewidth=1, label=condition,
                )  # fmt: skip
            ax.axvline(lengths.noisy / 1000, color="0.6", linewidth=1)
        column[0].set_title(name, loc="left")
        column[1].set(xlabel="elapsed (1000 steps)", yscale="log")
    panels[0, 0].set(ylabel="active responses (fraction)", ylim=(0, None))
    panels[1, 0].set(ylabel="loss (of the variance)")
    panels[0, 0].legend(title="noise", frameon=False)
    return figure


def draw_matrix(across: xr.DataArray) -> plt.Figure:
    figure, ax = plt.subplots(figsize=(7.4, 6.2), layout="tight")
    elapsed = across["elapsed"].isel(subject=0)
    elapsed = elapsed.assign_coords(environment=across["environment"].isel(subject=0))
    plots.correlation_by_environment(across.mean("subject"), elapsed, ax)
    return figure


if __name__ == "__main__":
    options.run(main)
