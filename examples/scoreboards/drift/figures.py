"""Figures 2-5, S1 and S2 in the layout of the drift paper, each drawn where its runs are at
hand."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scoreboards.drift.corridor_rows import SMOOTHING, quantiles
from scoreboards.drift.family_rows import PUBLISHED_RUNS, RESPONSES, UNITS, log_rates, noises
from scoreboards.drift.runs import (
    Lengths,
    alive,
    positive_eigenvalues,
    relative,
    relative_trace,
    ring_run,
)

from drift import metrics, plots
from drift.comparison.published import PUBLISHED_SLOPES, SPATIAL_INFORMATION
from drift.sweeps.sweep import open_sweep
from drift.theory.landscape.toy import toy_walks

STYLE = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 8}
FAMILIES = {
    "random_update_noise": "SGD, update noise", "random_label_noise": "SGD, label noise", "random_adam": "Adam",
    "stochastic_error_descent": "SED",
}  # fmt: skip
LINES = ("-", "--", "-.", ":")
EIGENVALUE_SHARES = (5, 25, 50, 75, 95)  # %


def drawn(asked: Lengths, out: Path) -> list[Path]:
    """Draw every figure whose runs are there, and return the files."""
    plt.rcParams.update(STYLE)
    sweeps = {
        path.parent.name: open_sweep(path.parent)
        for path in sorted(asked.runs.glob("*/sweep.json"))
    }
    paths = []
    for name, draw in (
        ("2", figure_2),
        ("3", figure_3),
        ("4", figure_4),
        ("5", figure_5),
        ("S1", figure_s1),
        ("S2", figure_s2),
    ):
        figure = draw(sweeps, asked)
        if figure is not None:
            paths.append(out / f"figure_{name}.png")
            figure.savefig(paths[-1], dpi=160)
            plt.close(figure)
    return paths


def figure_2(sweeps: dict[str, xr.Dataset], _: Lengths) -> Figure | None:
    """Corridor: rate maps, loss, activity and information, similarity of sessions."""
    if "corridor" not in sweeps:
        return None
    run = sweeps["corridor"].drop_vars(["input_weights", "bias", "output_weights"]).load()
    run["rate_map_correlation"] = metrics.mean_rate_map_correlation(run, smoothing=SMOOTHING)
    figure = plt.figure(figsize=(9, 5), layout="constrained")
    top, bottom = figure.subfigures(2, 1)
    for ax, session in zip(top.subplots(1, 4), np.linspace(5, 50, 4).astype(int)):
        plots.sorted_rate_maps(run, 0, session, ax, SMOOTHING)
    loss, activity, matrix = bottom.subplots(1, 3)
    plots.time_course(run, ["relative_loss"], loss).set(
        yscale="log", ylabel="loss / variance of targets"
    )
    plots.time_course(run, [UNITS, RESPONSES], activity, ["active units", "active responses"]).set(
        ylim=(0, 1), ylabel="fraction"
    )
    information = activity.twinx()
    information.plot(
        run["elapsed"].mean("subject"),
        metrics.summary(run, "spatial_information")["spatial_information"],
        color="0.5",
    )
    information.set_ylabel("information of place units (bits, grey)")
    activity.legend(frameon=False)
    plots.correlation_matrix(run["rate_map_correlation"], matrix)
    return figure


def figure_3(sweeps: dict[str, xr.Dataset], _: Lengths) -> Figure | None:
    """Published slopes over each study beside those of the corridor network after learning."""
    if "corridor" not in sweeps:
        return None
    run = sweeps["corridor"].isel(session=slice(1, None))
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained")
    for ax, ours, informative in (
        (axes[0], "place_units", False),
        (axes[1], "spatial_information", True),
    ):
        values = metrics.summary(run[[ours, "place_unit"]].load(), ours)[ours]
        line = metrics.slope(values, run["elapsed"].mean("subject").assign_attrs(units="step"))
        span = float(np.ptp(run["elapsed"].values))
        rows = [("simulated, 1e6 steps", float(line["slope"]) * span / float(values[0]), None)]
        rows += [
            (one.recording, one.change, None)
            for one in PUBLISHED_SLOPES
            if (one.measure == SPATIAL_INFORMATION) == informative
        ]
        plots.changes(rows, ax).set(
            xlabel="change over the study (%)",
            title="spatial information" if informative else "place cells",
        )
    return figure


def figure_4(sweeps: dict[str, xr.Dataset], asked: Lengths) -> Figure | None:
    """Active units over training in all families, rates and ends against noise, and the ring of
    similarity matching."""
    families = [name for name in PUBLISHED_RUNS if name in sweeps]
    if not families and "noise_sweep" not in sweeps:
        return None
    figure, (courses, rates, ring) = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    for number, name in enumerate(families):
        _courses(alive(sweeps[name]), UNITS, courses, number, FAMILIES[name])
    courses.set(
        xlabel="share of training",
        ylabel="active units, relative to the start",
        ylim=(0, 1.1),
        title="A",
    )
    if "noise_sweep" in sweeps:
        run = alive(sweeps["noise_sweep"])
        noise = run["update_noise"].values
        rates.plot(np.log10(noise), log_rates(run), "o", color=plots.COLOURS[0], markersize=3)
        rates.plot(
            axis := np.array([-2.0, -1.0]),
            2.1 * axis - 1.84,
            color=plots.COLOURS[3],
            linewidth=1,
            label="published",
        )
        rates.set(xlabel="log10 update noise", ylabel="log10 rate (1/step)", title="B")
        rates.legend(frameon=False)
    if any(asked.runs.glob("ring.*.nc")):
        run = ring_run(asked)
        plots.time_course(run, [UNITS], ring, ["active units"]).set(
            xscale="symlog", ylim=(0, 1), title="C"
        )
        loss = ring.twinx()
        loss.plot(run["elapsed"][0], run["similarity_loss"][0], color=plots.COLOURS[1])
        loss.set_ylabel("similarity loss")
    return figure


def figure_5(sweeps: dict[str, xr.Dataset], asked: Lengths) -> Figure:
    """Toy landscape, active units against positive eigenvalues, spectra of the corridor, and a
    falling trace."""
    figure, (toy, units, spectra, trace) = plt.subplots(
        1, 4, figsize=(11, 2.6), layout="constrained"
    )
    steps = np.arange(0, 40_001, 400)
    for number, (noise, std) in enumerate((("update", 0.01), ("label", 0.3))):
        walk = toy_walks(noise, std, steps=steps, walkers=1, seed=asked.seed)
        toy.plot(
            walk["x"], walk["y"], color=plots.COLOURS[number], linewidth=0.7, label=f"{noise} noise"
        )
    toy.set(xlabel="x, along the solutions", ylabel="y", title="A")
    toy.legend(frameon=False)
    if "random_update_noise" in sweeps:
        run = alive(sweeps["random_update_noise"])
        units.plot(
            positive_eigenvalues(run),
            relative(run[UNITS]),
            "o",
            color=plots.COLOURS[0],
            markersize=3,
        )
    units.set(xlabel='published "non-zero" eigenvalues', ylabel="active units", title="B")
    if "corridor" in sweeps:
        for number, (label, found) in enumerate(zip(("4e5", "6e5"), quantiles(asked))):
            spectra.plot(
                EIGENVALUE_SHARES,
                found,
                marker=plots.MARKERS[number],
                color=plots.COLOURS[number],
                label=f"{label} steps",
            )
        spectra.legend(frameon=False)
    spectra.set(xlabel="quantile (%)", ylabel="log10 eigenvalue", title="C")
    if "falling_trace" in sweeps:
        plots.time_course(sweeps["falling_trace"].load(), ["hessian_trace"], trace)
    trace.set(ylabel="sum of eigenvalues", title="D")
    for ax in (units, spectra, trace):
        if not ax.has_data():
            ax.text(0.5, 0.5, "not run", ha="center", va="center", transform=ax.transAxes)
            ax.set(xticks=[], yticks=[])
    return figure


def figure_s1(sweeps: dict[str, xr.Dataset], _: Lengths) -> Figure | None:
    """Ends of the runs of each family: active units, responses and sum of eigenvalues."""
    families = [name for name in FAMILIES if name in sweeps]
    if not families:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained")
    runs = [alive(sweeps[name]) for name in families]
    for ax, title, measure in zip(
        axes,
        ("active units", "active responses", "sum of eigenvalues"),
        (lambda run: relative(run[UNITS]), lambda run: relative(run[RESPONSES]), relative_trace),
    ):
        ax.boxplot(
            [measure(run).values for run in runs], tick_labels=[FAMILIES[name] for name in families]
        )
        ax.tick_params(axis="x", rotation=20)
        ax.set_title(f"{title}, end relative to start")
    axes[2].set_yscale("log")
    return figure


def figure_s2(sweeps: dict[str, xr.Dataset], _: Lengths) -> Figure | None:
    """Label against update noise: courses relative to the first sample."""
    if "comparison" not in sweeps:
        return None
    figure, axes = plt.subplots(1, 4, figsize=(10, 2.6), layout="constrained")
    for number, (noise, run) in enumerate(noises(sweeps["comparison"]).items()):
        mean, style = (
            np.log10(run["relative_loss"]).mean("subject"),
            {"color": plots.COLOURS[number], "linestyle": LINES[number]},
        )
        axes[0].plot(_share(run), mean, label=f"{noise} noise", **style)
        for ax, name in zip(axes[1:], (RESPONSES, UNITS, "hessian_trace")):
            _courses(run, name, ax, number, noise)
            ax.set_title(f"{name.replace('_', ' ')}, relative to the start")
    axes[0].set(title="log10 loss / variance of targets", xlabel="share of training")
    axes[0].legend(frameon=False)
    return figure


def _share(run: xr.Dataset) -> np.ndarray:
    elapsed = run["elapsed"].values[0]
    return elapsed / elapsed[-1]


def _courses(run: xr.Dataset, name: str, ax, number: int, label: str) -> None:
    """Mean over runs, relative to the first sample, with the quartiles; each run on a time axis of
    its own."""
    values = (run[name] / run[name].isel(session=0)).load()
    low, high = (values.quantile(share, "subject") for share in (0.25, 0.75))
    ax.fill_between(_share(run), low, high, color=plots.COLOURS[number], alpha=0.2, linewidth=0)
    named = f"{label} ({run.sizes['subject']})"
    ax.plot(
        _share(run),
        values.mean("subject"),
        color=plots.COLOURS[number],
        linestyle=LINES[number],
        label=named,
    )
    ax.set_xlabel("share of training; line: mean, band: quartiles")
    ax.legend(frameon=False)
