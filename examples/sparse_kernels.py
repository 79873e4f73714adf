"""Sparse networks with correlated weights, in the limit of infinite width (after Chun & Lee 2024),
and how their codes drift.

Sparse codes pull inputs apart, layer by layer, until a deep network cannot tell near from far;
weak correlations between the weights of a unit, or pooling over m + 1 of its neighbours, undo it.
Four figures: the kernel on a ring collapses and is rescued; the map from layer to layer and its
fixed points; the error of a readout over sparseness, depth and pooling; and the drift of the code
when its weights drift, theory against sampled networks.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import options
import xarray as xr
from matplotlib.ticker import FixedLocator, NullLocator

import drift
from drift.plots.sessions import COLOURS, MARKERS
from drift.streams import stream
from drift.theory.code_drift.closed_forms import code_similarity, deep_drift, weight_autocorrelation
from drift.theory.code_drift.readout import readout_error, sampled_readout_error
from drift.theory.code_drift.sampled import sampled_code_similarity, sampled_deep_drift
from drift.theory.generalisation import optimal_parameters
from drift.theory.generalisation.measurement import (
    SparseNetwork,
    input_correlation,
    network_errors,
    random_subsets,
)
from drift.theory.kernels.depth import correlation_map, deep_kernel, fixed_point, optimal_pooling

# The recipe. Rooms are told apart from 64 cues: five views of each of ten rooms, seen through
# noise.
ROOMS, VIEWS, CUES, CUE_NOISE = 10, 5, 64, 0.6
RIDGE = 1e-6  # of the readout, in units of a kernel whose diagonal is 1
DEPTHS = (2, 4, 7)
EXAMPLE = SparseNetwork(hidden_layers=7, active_fraction=0.05)
POINTS, SUBSETS = 256, 12  # half of the points train
FRACTIONS = np.array(
    [0.5, 0.35, 0.25, 0.18, 0.13, 0.1, 0.07, 0.05, 0.035, 0.025, 0.018, 0.013, 0.01]
)
POOLED = np.geomspace(1, 4000, 22)  # m + 1
RING, LAYERS = 50, 5
SPARSE = 0.07
DRIFT_FRACTIONS = (0.5, 0.1, 0.02)
PLACES, UNITS, SEEDS = 32, 20_000, 4
LAGS = np.array(
    [0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0, 1.6]
)  # in time constants of the weights, where networks are sampled
CURVE = np.linspace(0, 1.6, 81)  # where theory is drawn
DEEP = {
    "f = 0.02, m = 0": (0.02, 0),
    "f = 0.02, m = 280 (m*)": (0.02, 280),
    "f = 0.5, m = 0 (m*)": (0.5, 0),
}
STATISTICS = {
    "population_vector_cosine": "population vectors, cosine",
    "population_vector_pearson": "population vectors, Pearson",
    "active_set_overlap": "overlap of active sets",
    "pooled_rate_map_correlation": "rate maps, all units together",
}
FILES = [
    "sparse_kernels.nc",
    "sparse_kernels.txt",
    "collapse.png",
    "map.png",
    "error.png",
    "drift.png",
]
LINES = ("-", "--", "-.", ":")


def main() -> None:
    parser = options.parser(__doc__, "sparse_kernels")
    asked = parser.parse_args()
    if asked.recording is not None:
        raise drift.RefusedInputError(
            f"--recording got {asked.recording[0]}, but theory takes no recording here: leave "
            "it out."
        )
    netcdf, table, collapse, maps, error, drifting = options.results(
        asked.out, FILES, asked.overwrite
    )

    landscape = landscapes(asked.seed, asked.quick)
    experiment = experiments(asked.seed, asked.quick)
    similarity = similarities(asked.seed, asked.quick)
    deep = deep_similarities(asked.seed, asked.quick)
    readout = readouts(asked.seed, asked.quick)

    plt.rcParams.update(
        {
            "font.size": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 8,
            "legend.fontsize": 7,
        }
    )
    options.picture(draw_collapse(), collapse)
    options.picture(draw_maps(), maps)
    options.picture(draw_errors(landscape, experiment), error)
    options.picture(draw_drift(similarity, deep, readout), drifting)
    drift.save(
        xr.merge([landscape, experiment, similarity, deep, readout], compat="no_conflicts"),
        netcdf,
        overwrite=asked.overwrite,
    )
    table.write_text(text := tabulated(landscape))
    print(text)
    print(f"results: {', '.join(str(asked.out / name) for name in FILES)}")


def rooms(seed: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Cues (sample, cue) and rooms (sample, room) as ones and zeros."""
    rng = stream(seed, "world")
    views = rng.standard_normal((ROOMS * VIEWS, CUES)) + 0.5  # (view, cue)
    seen = rng.integers(0, ROOMS * VIEWS, points)
    cues = np.maximum(views[seen] + CUE_NOISE * rng.standard_normal((points, CUES)), 0.0)
    return cues, np.eye(ROOMS)[seen % ROOMS]


def landscapes(seed: int, quick: bool) -> xr.Dataset:
    """Predicted error (hidden_layers, active_fraction, pooling)."""
    cues, room = rooms(seed, 64 if quick else POINTS)
    fractions, pooled = (FRACTIONS[::7], POOLED[::7]) if quick else (FRACTIONS, POOLED)
    correlation, training = input_correlation(cues), len(cues) // 2
    found = [
        optimal_parameters(correlation, room, training, layers, fractions, pooled - 1, RIDGE)
        for layers in DEPTHS
    ]
    return xr.concat(
        [one.drop_vars("optimal_pooling") for one in found],
        dim=xr.Variable("hidden_layers", list(DEPTHS)),
    ).assign(optimal_pooling=found[0]["optimal_pooling"])


def experiments(seed: int, quick: bool) -> xr.Dataset:
    """Error of readouts (network, subset) of one deep sparse network with more and more pooling, on
    the same training sets."""
    points = 64 if quick else POINTS
    cues, room = rooms(seed, 4 * points)
    networks = [
        EXAMPLE._replace(pooling=float(pooled - 1)) for pooled in POOLED[:: 7 if quick else 2]
    ]
    found = network_errors(
        cues,
        room,
        networks,
        random_subsets(4 * points, points, 3 if quick else SUBSETS, seed),
        points // 2,
        RIDGE,
    )
    return (
        found[["error"]]
        .rename({"error": "readout_error_of_networks"})
        .reset_coords(drop=True)
        .assign_coords(network_pooling=("network", [one.pooling for one in networks]))
    )


def ring_correlation(places: int, width: float) -> np.ndarray:
    """Correlation (place, place) of the input on a ring, exp((cos D - 1) / width)."""
    angle = 2 * np.pi * np.arange(places) / places
    return np.exp((np.cos(angle[:, np.newaxis] - angle) - 1) / width)


def sampling(seed: int, quick: bool) -> dict[str, object]:
    return {
        "units": 2000 if quick else UNITS,
        "seeds": [seed + number for number in range(2 if quick else SEEDS)],
    }


def autocorrelation(dim: str, lags: np.ndarray) -> xr.DataArray:
    """Autocorrelation of the weights at lags in time constants."""
    return xr.DataArray(
        weight_autocorrelation(lags, 1.0),
        dims=dim,
        coords={dim: (dim, lags, {"units": "time constants"})},
    )


def sampled_lags(quick: bool) -> xr.DataArray:
    return autocorrelation("lag", LAGS[1::3] if quick else LAGS)


def similarities(seed: int, quick: bool) -> xr.Dataset:
    """Similarity of the codes of two days (layer_active_fraction, lag), theory and sampled."""
    places, parts = ring_correlation(PLACES, 0.36), []
    for fraction in DRIFT_FRACTIONS:
        theory = code_similarity(places, fraction, autocorrelation("curve_lag", CURVE))
        theory = theory.rename({name: f"{name}_theory" for name in STATISTICS})
        parts.append(
            theory.merge(
                sampled_code_similarity(
                    places, fraction, sampled_lags(quick), **sampling(seed, quick)
                )
            )
        )
    return xr.concat(parts, dim=xr.Variable("layer_active_fraction", list(DRIFT_FRACTIONS)))


def deep_similarities(seed: int, quick: bool) -> xr.Dataset:
    """Similarity (deep_network, layer) of the activity of three drifting layers after a loss of 2 %
    of each."""
    parts = []
    for fraction, pooling in DEEP.values():
        found = sampled_deep_drift(
            ring_correlation(PLACES, 0.36), 0.98, fraction, pooling, 3, **sampling(seed, quick)
        )
        parts.append(
            found.assign(activity_similarity_theory=deep_drift(0.98, fraction, float(pooling), 3))
        )
    return xr.concat(parts, dim=xr.Variable("deep_network", list(DEEP)))


def readouts(seed: int, quick: bool) -> xr.Dataset:
    """Squared error (layer_active_fraction, lag) of a readout of position that was learned on day
    0."""
    places, angle, parts = (
        ring_correlation(PLACES, 0.36),
        2 * np.pi * np.arange(PLACES) / PLACES,
        [],
    )
    targets = np.column_stack([np.cos(angle), np.sin(angle)])  # (place, output)
    for fraction in DRIFT_FRACTIONS:
        later = sampled_lags(quick)
        found = [
            sampled_readout_error(
                places, targets, fraction, float(r), 0.01, **sampling(seed, quick)
            )
            for r in later
        ]
        theory = readout_error(places, targets, fraction, autocorrelation("curve_lag", CURVE), 0.01)
        parts.append(xr.concat(found, dim=later["lag"]).assign(readout_error_theory=theory))
    return xr.concat(parts, dim=xr.Variable("layer_active_fraction", list(DRIFT_FRACTIONS)))


def lettered(ax, letter: str, title: str) -> None:
    ax.set_title(f"$\\bf{{{letter}}}$   {title}", loc="left")


def plain_ticks(ax, places: tuple[float, ...]) -> None:
    ax.xaxis.set_major_locator(FixedLocator(places))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_locator(NullLocator())


def explained(figure: plt.Figure) -> plt.Figure:
    """Say below a figure what its letters mean."""
    symbols = (
        "f: fraction of active units; m: further units pooled with each; m*: the m at which near "
        "inputs neither merge nor part."
    )
    figure.supxlabel(symbols, fontsize=6.5, x=0.01, ha="left")
    return figure


def draw_collapse() -> plt.Figure:
    angle = 360 * np.arange(RING) / RING
    inputs = np.cos(np.deg2rad(angle[:, np.newaxis] - angle))
    edge = float(optimal_pooling(SPARSE))
    cases = (
        ("f = 0.5, m = 0", 0.5, 0.0),
        (f"f = {SPARSE}, m = 0", SPARSE, 0.0),
        (f"f = {SPARSE}, m = m* = {edge:.1f}", SPARSE, edge),
    )
    figure, axes = plt.subplots(
        2, 3, figsize=(7.2, 4.7), layout="constrained", height_ratios=[1.25, 1]
    )
    for column, (title, fraction, pooling) in enumerate(cases):
        kernel = deep_kernel(inputs, fraction, pooling, LAYERS)
        image = axes[0, column].imshow(
            kernel, cmap="Greys", vmin=0, vmax=1, extent=(0, 360, 360, 0)
        )
        axes[0, column].set(xticks=(0, 180, 360), yticks=(0, 180, 360), xlabel="angle (degrees)")
        lettered(axes[0, column], "abc"[column], title)
        for layers in range(1, LAYERS + 1):
            curve = deep_kernel(np.cos(np.linspace(0, np.pi, 181)), fraction, pooling, layers)
            shade = plt.cm.viridis(1 - layers / LAYERS)
            axes[1, column].plot(
                np.arange(181),
                curve,
                color=shade,
                linestyle=LINES[(layers - 1) % 4],
                label=f"{layers}",
                linewidth=1.3,
            )
        axes[1, column].set(
            xticks=(0, 90, 180), ylim=(0, 1.02), xlabel="difference of angles (degrees)"
        )
    axes[0, 0].set_ylabel("angle (degrees)")
    axes[1, 0].set_ylabel("normalised kernel")
    axes[1, 1].legend(title="hidden layers", frameon=False, title_fontsize=7)
    figure.colorbar(
        image, ax=axes[0, :], label=f"normalised kernel, {LAYERS} hidden layers", shrink=0.9
    )
    return explained(figure)


def draw_maps() -> plt.Figure:
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 3.1), layout="constrained")
    edge = float(optimal_pooling(SPARSE))
    independent = [(f"f = {fraction}", fraction, 0.0) for fraction in (0.5, 0.3, 0.15, 0.07)]
    pooled = [
        (f"m = {m:.0f}" + (" (m*)" if m == edge else ""), SPARSE, m)
        for m in (0.0, 14.0, edge, 150.0)
    ]
    for ax, cases, letter, title in (
        (axes[0], independent, "a", "independent weights"),
        (axes[1], pooled, "b", f"pooled, f = {SPARSE}"),
    ):
        draw_map(ax, cases)
        lettered(ax, letter, title)
    fractions = np.geomspace(0.49, 0.002, 200)
    edges = np.array([float(optimal_pooling(fraction)) for fraction in fractions])
    axes[2].loglog(fractions, edges + 1, color=COLOURS[0], label="pooled units, m* + 1")
    axes[2].loglog(
        fractions,
        (edges + 1) * fractions,
        color=COLOURS[1],
        linestyle="--",
        label="active ones among them",
    )
    axes[2].set(xlabel="active fraction f", ylabel="units", xlim=(0.5, 0.002), ylim=(0.8, 2e4))
    axes[2].legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.22))
    plain_ticks(axes[2], (0.5, 0.1, 0.02, 0.005))
    axes[2].set_box_aspect(1)
    lettered(axes[2], "c", "pooling at the edge of chaos")
    return explained(figure)


def draw_map(ax, cases: list[tuple[str, float, float]]) -> None:
    """Correlation after a layer against that before it, with the stable fixed points."""
    before = np.linspace(0, 1, 201)
    ax.plot(before, before, color="0.75", linewidth=0.8)
    for number, (label, fraction, pooling) in enumerate(cases):
        after = correlation_map(before, fraction, pooling)
        ax.plot(
            before,
            after,
            color=COLOURS[number],
            linestyle=LINES[number],
            label=label,
            linewidth=1.3,
        )
        stable = float(fixed_point(fraction, pooling))
        ax.plot(
            stable,
            stable,
            MARKERS[number],
            color=COLOURS[number],
            markersize=6 - number,
            clip_on=False,
            zorder=3,
        )
    ax.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="correlation before the layer",
        ylabel="correlation after it",
        aspect="equal",
    )
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.22), "ncols": 2}
    ax.legend(frameon=False, title="markers: stable fixed points", title_fontsize=7, **below)


def draw_errors(landscape: xr.Dataset, experiment: xr.Dataset) -> plt.Figure:
    figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.6), layout="constrained")
    fractions, pooled = landscape["active_fraction"], landscape["pooling"] + 1
    norm = matplotlib.colors.LogNorm(
        float(landscape["error"].min()), float(landscape["error"].max())
    )
    for ax, layers, letter in zip(axes.flat, DEPTHS, "abc"):
        here = landscape.sel(hidden_layers=layers)
        error = here["error"].transpose("pooling", "active_fraction")
        image = ax.pcolormesh(fractions, pooled, error, norm=norm, cmap="cividis", rasterized=True)
        ax.plot(
            fractions,
            landscape["optimal_pooling"] + 1,
            color="white",
            linewidth=1.6,
            label="m*, edge of chaos",
        )
        least = {
            "color": "white",
            "markeredgecolor": "black",
            "markersize": 4,
            "clip_on": False,
            "label": "least error at this f",
        }
        ax.plot(fractions, here["best_pooling"] + 1, "o", **least)
        ax.set(xscale="log", yscale="log", xlabel="active fraction f", ylabel="pooled units, m + 1")
        ax.set_xlim(float(fractions.max()), float(fractions.min()))
        plain_ticks(ax, (0.5, 0.2, 0.1, 0.05, 0.02, 0.01))
        ax.set_ylim(float(pooled.min()), float(pooled.max()))
        lettered(ax, letter, f"{layers} hidden layers, theory")
    axes[0, 0].legend(loc="lower right", facecolor="0.35", labelcolor="white", framealpha=0.9)
    bar = figure.colorbar(image, ax=axes[:, 1], label="mean squared error of the readout")
    bar.ax.yaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.03, 0.05, 0.09]))
    bar.ax.yaxis.set_major_formatter("{x:g}")
    bar.ax.yaxis.set_minor_locator(NullLocator())
    draw_experiment(axes[1, 1], landscape, experiment)
    return explained(figure)


def draw_experiment(ax, landscape: xr.Dataset, experiment: xr.Dataset) -> None:
    theory = landscape["error"].sel(
        hidden_layers=EXAMPLE.hidden_layers, active_fraction=EXAMPLE.active_fraction
    )
    error = experiment["readout_error_of_networks"]
    ax.plot(landscape["pooling"] + 1, theory, color=COLOURS[0], label="theory")
    spread = error.std("subset", ddof=1) / error.sizes["subset"] ** 0.5
    ax.errorbar(experiment["network_pooling"] + 1, error.mean("subset"), spread, color=COLOURS[1], fmt="o", markersize=3.5, capsize=2,
                label=f"trained readouts,\n{error.sizes['subset']} training sets, s.e.")  # fmt: skip
    ax.axvline(
        float(optimal_pooling(EXAMPLE.active_fraction)) + 1, color="0.5", linestyle=":", label="m*"
    )
    ax.set(xscale="log", yscale="log", xlabel="pooled units, m + 1", ylabel="mean squared error")
    ax.legend(frameon=False, loc="lower left")
    lettered(ax, "d", f"{EXAMPLE.hidden_layers} hidden layers, f = {EXAMPLE.active_fraction}")


def draw_drift(similarity: xr.Dataset, deep: xr.Dataset, readout: xr.Dataset) -> plt.Figure:
    figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.4), layout="constrained")
    pearson = "population_vector_pearson"
    for number, fraction in enumerate(DRIFT_FRACTIONS):
        draw_against_theory(
            axes[0, 0],
            similarity.sel(layer_active_fraction=fraction),
            pearson,
            "lag",
            number,
            f"f = {fraction}",
        )
        draw_against_theory(
            axes[1, 1],
            readout.sel(layer_active_fraction=fraction),
            "readout_error",
            "lag",
            number,
            f"f = {fraction}",
        )
    for number, (name, label) in enumerate(STATISTICS.items()):
        draw_against_theory(
            axes[0, 1], similarity.sel(layer_active_fraction=0.1), name, "lag", number, label
        )
    for number, label in enumerate(DEEP):
        draw_against_theory(
            axes[1, 0], deep.sel(deep_network=label), "activity_similarity", "layer", number, label
        )
    lettered(axes[0, 0], "a", "population vectors, Pearson")
    lettered(axes[0, 1], "b", "four measures of one code, f = 0.1")
    lettered(axes[1, 0], "c", "three drifting layers, autocorrelation 0.98 each")
    lettered(axes[1, 1], "d", "readout of position learned on day 0")
    for ax in (*axes[:, 0], axes[0, 1]):
        ax.set(ylabel="similarity between days", ylim=(0, 1.02))
    for ax in (axes[0, 0], axes[0, 1], axes[1, 1]):
        ax.set(xlabel="time between days / time constant of weights", xlim=(0, None))
    axes[1, 0].set(xlabel="hidden layer", xticks=(1, 2, 3))
    axes[1, 1].set(ylabel="mean squared error")
    for ax in axes.flat:
        ax.legend(frameon=False, title="line: theory; marker: sampled", title_fontsize=7)
    return figure


def draw_against_theory(
    ax, found: xr.Dataset, name: str, dim: str, number: int, label: str
) -> None:
    """Theory as a line, sampled networks as markers with one standard error."""
    style = {"color": COLOURS[number]}
    theory = found[f"{name}_theory"]
    ax.plot(theory[theory.dims[0]], theory, linestyle=LINES[number], linewidth=1.2, **style)
    ax.errorbar(
        found[dim],
        found[name],
        found[f"{name}_standard_error"],
        fmt=MARKERS[number],
        markersize=4,
        capsize=2,
        label=label,
        **style,
    )


def tabulated(landscape: xr.Dataset) -> str:
    """Pooling at the edge of chaos and predicted errors without and with it, by depth and active
    fraction."""
    lines = [
        f"{'layers':>6}{'f':>9}{'m*':>10}{'best m':>10}{'error, m = 0':>15}{'error, m*':>12}{'least error':>13}"
    ]
    for layers in landscape["hidden_layers"].values:
        for fraction in landscape["active_fraction"].values:
            one = landscape.sel(hidden_layers=layers, active_fraction=fraction)
            edge = float(one["optimal_pooling"])
            at_edge = np.interp(np.log(edge + 1), np.log(one["pooling"] + 1), one["error"])
            errors = (one["error"].sel(pooling=0), at_edge, one["error"].min())
            numbers = "".join(
                f"{float(value):{width}.5f}" for value, width in zip(errors, (15, 12, 13))
            )
            lines.append(
                f"{layers:6d}{fraction:9.4f}{edge:10.1f}{float(one['best_pooling']):10.1f}{numbers}"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    options.run(main)
