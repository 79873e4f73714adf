"""Interneuron circuits leave about k units active: which circuit selects what, how it settles, and
for which inputs k is kept.

All circuits are set to 5 % of their units, simulated in Brian2 on one drive, and compared by their
winners and their way to rest. Then every input gets a gain and an offset of its own: a fixed
threshold keeps neither k nor the winners, a linear interneuron removes the gain, a strong
interneuron with a threshold the offset, and control of the count both.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import options
import xarray as xr
from matplotlib.ticker import NullLocator
from scipy.special import ndtri

import circuits
import drift
from circuits.drives import normal_quantiles
from drift.plots.sessions import COLOURS, MARKERS
from drift.progress import progress_bar
from drift.streams import stream

# The recipe: gain and offset of inputs are exp(.3 n1) and .3 n2 with standard normal n1 and n2,
# drives are standard normal.
FRACTION = 0.05
GAIN_SPREAD, OFFSET_SPREAD = 0.3, 0.3
OFFSETS, GAINS = np.linspace(-1, 1, 9), np.geomspace(0.4, 2.5, 9)
FILES = ["interneuron_top_k.nc", "interneuron_top_k.png", "interneuron_top_k.md"]
STYLES = dict(
    zip(("solid", "dashed", "dashdot", "dotted", (0, (5, 1, 1, 1, 1, 1))), (*COLOURS, "#CC79A7"))
)


def main() -> None:
    asked = options.parser(__doc__, "interneuron_top_k").parse_args()
    options.refuse_recording(asked)
    netcdf, figure, table = options.results(asked.out, FILES, asked.overwrite)
    units, inputs = (200, 200) if asked.quick else (1000, 2000)

    selected = selections(units, 0.4 if asked.quick else 0.6)
    varied = variability(units, inputs, asked.seed)
    swept = sweeps(units)

    result = xr.merge([selected, varied, swept]).assign_attrs(
        units=units, inputs=inputs, seed=asked.seed, active_fraction=FRACTION
    )
    drift.save(result, netcdf, overwrite=asked.overwrite)
    options.picture(draw(result), figure)
    table.write_text(text := tabulated(result))
    print(text)
    print(f"results: {netcdf}, {figure}, {table}")


def selecting_circuits(units: int) -> dict[str, circuits.base.Circuit]:
    """Return circuits that are set to the same fraction of winners, by name."""
    few = {
        "linear": circuits.LinearInterneuron(units=units),
        "threshold": circuits.ThresholdInterneuron(units=units),
        "saturating": circuits.SaturatingUnits(units=units),
        "random": circuits.RandomInterneurons(units=units, gain=1000.0),
        "count control": circuits.CountControl(units=units),
    }
    return {
        name: circuit.for_active_fraction(FRACTION, normal_quantiles(units))
        for name, circuit in few.items()
    }


def selections(units: int, duration: float) -> xr.Dataset:
    """Settle every circuit on one drive in Brian2: rates at rest by rank of the drive, winners, and
    the way there."""
    drive, settled = normal_quantiles(units), []
    for circuit in progress_bar(selecting_circuits(units).values(), desc="settling"):
        found = circuit.settle(drive, duration=duration, trajectory=True)
        active = (found["rate_trajectory"] > circuit.active_rate).sum("unit")
        settled.append(xr.Dataset({
            "rate": found["rate"],
            "active_units": active.assign_attrs(units="1", long_name="active units"),
            "winners": found["active_units"],
            "settling_time": found["settling_time"],
            "selection_overlap": overlap(drive[np.newaxis], found["winner"].values[np.newaxis])[0],
        }))  # fmt: skip
    names = xr.DataArray(list(selecting_circuits(units)), dims="circuit", name="circuit")
    return xr.concat(settled, names, coords="minimal", compat="override").drop_vars(
        "recipe", errors="ignore"
    )


def overlap(drive: np.ndarray, winner: np.ndarray) -> np.ndarray:
    """Return the share of the wanted number of most strongly driven units among the winners, over
    the larger number, (stimulus,)."""
    asked = round(FRACTION * drive.shape[1])
    strongest = drive >= np.sort(drive, axis=1)[:, [-asked]]
    return (winner & strongest).sum(axis=1) / np.maximum(asked, winner.sum(axis=1))


def mechanisms(units: int) -> dict[str, circuits.base.Circuit | None]:
    """Return what holds the number of winners, by name, as it is tuned for standard normal drives;
    None is a fixed threshold."""
    strong = circuits.ThresholdInterneuron(units=units, gain=1e9)
    return {
        "fixed threshold": None,
        "linear interneuron": circuits.LinearInterneuron(units=units).for_active_fraction(FRACTION),
        "threshold interneuron": strong.for_active_fraction(FRACTION),
        "saturating, L = 0.5": circuits.SaturatingUnits(
            units=units, gain=float(units), threshold=FRACTION, width=0.5
        ),
        "saturating, L = 0.05": circuits.SaturatingUnits(
            units=units, gain=float(units), threshold=FRACTION, width=0.05
        ),
        "count control": circuits.CountControl(units=units, active_fraction=FRACTION),
    }


def winning(circuit: circuits.base.Circuit | None, drive: np.ndarray) -> np.ndarray:
    return (
        drive > -ndtri(FRACTION) if circuit is None else circuit.fixed_point(drive)["winner"].values
    )


def variability(units: int, inputs: int, seed: int) -> xr.Dataset:
    """Winners of every mechanism over inputs with random gain and offset, at rest."""
    generator = stream(seed, "world")
    gain, offset = (
        np.exp(GAIN_SPREAD * generator.normal(size=(inputs, 1))),
        OFFSET_SPREAD * generator.normal(size=(inputs, 1)),
    )
    drive = gain * (offset + generator.normal(size=(inputs, units)))  # (stimulus, unit)
    winner = {
        name: winning(circuit, drive)
        for name, circuit in progress_bar(mechanisms(units).items(), desc="inputs")
    }
    dims = ("mechanism", "stimulus")
    return xr.Dataset(
        {
            "count": (
                dims,
                np.array([won.sum(axis=1) for won in winner.values()]),
                {"units": "1", "long_name": "winners"},
            ),
            "overlap": (
                dims,
                np.array([overlap(drive, won) for won in winner.values()]),
                {"units": "1", "long_name": "overlap with top k"},
            ),
        },
        {"mechanism": list(winner)},
    )


def sweeps(units: int) -> xr.Dataset:
    """Winners on normal quantiles under one offset or one gain at a time."""
    drive = normal_quantiles(units)
    shifted, scaled = drive + OFFSETS[:, np.newaxis], drive * GAINS[:, np.newaxis]
    counts = [
        [winning(circuit, part).sum(axis=1) for circuit in mechanisms(units).values()]
        for part in (shifted, scaled)
    ]
    return xr.Dataset(
        {
            "count_with_offset": (("mechanism", "offset"), np.array(counts[0])),
            "count_with_gain": (("mechanism", "gain"), np.array(counts[1])),
        },
        {"offset": OFFSETS, "gain": GAINS},
    )


def draw(result: xr.Dataset) -> plt.Figure:
    plt.rcParams.update(
        {
            "font.size": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.fontsize": 6.5,
        }
    )
    figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.4), layout="constrained")
    draw_rates(result, axes[0, 0])
    draw_settling(result, axes[0, 1])
    draw_variability(result, axes[1, 0])
    draw_sweeps(result, axes[1, 1])
    titles = (
        "rates at rest",
        "on the way there",
        "inputs of random gain and offset",
        "inputs of one gain and one offset",
    )
    for letter, title, ax in zip("abcd", titles, axes.flat):
        ax.set_title(letter, loc="left", fontweight="bold", fontsize=9)
        ax.set_title(title, fontsize=8)
    return figure


def draw_rates(result: xr.Dataset, ax: plt.Axes) -> None:
    asked = round(FRACTION * result.attrs["units"])
    shown = slice(0, round(2.0 * asked))
    ax.axvline(asked, color="0.8", linewidth=4, zorder=0)
    for (style, colour), name in zip(STYLES.items(), result["circuit"].values):
        rate = result["rate"].sel(circuit=name).values
        scattered = (
            {"linestyle": "none", "marker": "."} if name == "random" else {"linestyle": style}
        )
        ax.plot(
            np.arange(1, 1 + len(rate[shown])),
            rate[shown] / rate.max(),
            color=colour,
            label=name,
            linewidth=1.4,
            **scattered,
        )
    ax.set_xlabel("rank of the drive")
    ax.set_ylabel("rate at rest / largest rate")
    ax.legend(frameon=False, loc="upper right")


def draw_settling(result: xr.Dataset, ax: plt.Axes) -> None:
    ax.axhline(round(FRACTION * result.attrs["units"]), color="0.8", linewidth=4, zorder=0)
    for (style, colour), name in zip(STYLES.items(), result["circuit"].values):
        active = result["active_units"].sel(circuit=name)
        ax.plot(
            1e3 * result["time"],
            active.where(active > 0),
            linestyle=style,
            color=colour,
            linewidth=1.4,
        )
    ax.set_yscale("log")
    ax.set_yticks(round(FRACTION * result.attrs["units"]) * 2.0 ** np.arange(-1, 4))
    ax.yaxis.set_major_formatter("{x:.0f}")
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_xlim(0, 400)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("active units")


def draw_variability(result: xr.Dataset, ax: plt.Axes) -> None:
    asked = round(FRACTION * result.attrs["units"])
    ax.axvline(asked, color="0.8", linewidth=4, zorder=0)
    low, middle, high = np.quantile(result["count"], [0.025, 0.5, 0.975], axis=1)
    position = np.arange(len(middle))[::-1]
    ax.errorbar(
        middle,
        position,
        xerr=[middle - low, high - middle],
        fmt="|",
        color="#0072B2",
        capsize=3,
        markersize=9,
        linewidth=1.4,
    )
    ax.set_yticks(position, result["mechanism"].values)
    ax.set_xscale("symlog", linthresh=10)
    ticks = [tick for tick in (0, 5, 10, 20, 50, 100, 200, 500) if tick <= 1.1 * high.max()]
    ax.set_xticks(ticks, [f"{tick}" for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(-0.6, len(middle) - 0.4)
    ax.set_xlim(0, None)
    ax.set_xlabel("winners per input: median, 95 % of inputs")


def draw_sweeps(result: xr.Dataset, ax: plt.Axes) -> None:
    shown = (
        "fixed threshold",
        "linear interneuron",
        "threshold interneuron",
        "saturating, L = 0.05",
        "count control",
    )
    asked = round(FRACTION * result.attrs["units"])
    for (style, colour), marker, name in zip(STYLES.items(), (*MARKERS, "v"), shown):
        counts = result.sel(mechanism=name)
        ax.plot(
            OFFSETS,
            counts["count_with_offset"] / asked,
            linestyle=style,
            color=colour,
            linewidth=1.4,
        )
        ax.plot(
            np.log(GAINS),
            counts["count_with_gain"] / asked,
            marker,
            color=colour,
            markersize=4.5,
            fillstyle="none",
        )
        ax.plot(
            [],
            [],
            linestyle=style,
            marker=marker,
            color=colour,
            markersize=4.5,
            fillstyle="none",
            label=name,
        )
    ax.set_yscale("log")
    ax.set_ylim(0.06, 8)
    ax.plot([], [], color="black", linewidth=1.4, label="lines: the offset changes")
    ax.plot(
        [],
        [],
        "o",
        color="black",
        markersize=4.5,
        fillstyle="none",
        label="markers: the gain changes",
    )
    ax.set_xlabel("offset of the input, or logarithm of its gain")
    ax.set_ylabel("winners / wanted number")
    ax.legend(frameon=False, loc="lower right", fontsize=6)


def tabulated(result: xr.Dataset) -> str:
    """Return both tables as Markdown."""
    rows = ["| circuit | winners | overlap with top k | settled to 1 % (ms) |", "|---|---|---|---|"]
    for name in result["circuit"].values:
        one = result.sel(circuit=name)
        rows.append(
            f"| {name} | {one['winners']:.0f} | {one['selection_overlap']:.3f} | "
            f"{1e3 * one['settling_time']:.0f} |"
        )
    rows += [
        "",
        "| inputs of random gain and offset | k mean | sd | 2.5-97.5 % | overlap with top k |",
        "|---|---|---|---|---|",
    ]
    for name in result["mechanism"].values:
        count, shared = (
            result["count"].sel(mechanism=name).values,
            result["overlap"].sel(mechanism=name).values,
        )
        low, high = np.quantile(count, [0.025, 0.975])
        rows.append(
            f"| {name} | {count.mean():.1f} | {count.std():.1f} | {low:.0f}-{high:.0f} | "
            f"{shared.mean():.3f} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    options.run(main)
