"""Networks that learn to remove noise become sparse: how sparse, whether an interneuron does the
same, and how the code drifts.

Networks restore whitened patches of photographs. With the noise the code becomes sparse, biases
turn negative and alike, and receptive fields become oriented. A circuit takes the place of the
learned bias: its interneuron inhibits as much at the mean activity, and nearly the same units
answer. Learning goes on under label or update noise: the code drifts at a steady loss, and goes on
getting a little sparser.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import options
import xarray as xr

import circuits
import drift
from drift.metrics import by_lag, drift_rate, population_vector_correlation
from drift.metrics.sparse_codes.receptive_fields import (
    receptive_field_fractions,
    receptive_fields,
    sampled_units,
)
from drift.plots.sessions import COLOURS, MARKERS
from drift.plots.sparse_codes import receptive_field_mosaic
from drift.streams import stream

# The recipe: noise on inputs of unit variance; three subjects each; noise that comes after learning
# leaves the code about as good.
NOISES, STD = (0.0, 0.1, 0.3, 0.8, 1.5), 0.8
LABEL, UPDATE = 1.0, 1e-3
GAINS, OFFSETS = (
    np.geomspace(0.5, 2.0, 7),
    np.linspace(-0.5, 0.5, 7),
)  # offsets in standard deviations of the drive
FILES = ["sparse_from_noise.nc", "sparse_from_noise.png", "sparse_from_noise.md"]
SPARSE = (
    "noisy_loss", "noisy_fraction_active_responses", "count_variation", "bias_mean", "bias_deviation", "key_norm_mean",
    "key_norm_variation", "input_weights", "bias",
)  # fmt: skip
DRIFTING = ("noisy_loss", "noisy_fraction_active_responses", "input_weights", "sample_activity")
CODES = ("linear", "threshold", "saturating", "count control", "exact Top-K", "random units")
CONDITIONS = ("input noise", "input and label noise", "input and update noise")
SUBJECTS = 3
TITLES = (
    "how sparse", "biases and keys", "receptive fields", f"receptive fields of one subject, noise {STD:g}", "circuits as bias",
    "another gain", "another offset", "learning on: similarity", "learning on: loss", "learning on: activity",
)  # fmt: skip


class Lengths(NamedTuple):
    """How much is computed."""

    size: int = 12  # pixels along a patch
    units: int = 256
    steps: int = 6000
    learning_rate: float = 2e-3
    samples: int = 20_000
    drifting_units: int = 128
    learned: int = 12_000  # steps before further noise
    span: int = 2000  # steps between sessions that follow
    sessions: int = 7
    images: int = 200
    fields: int = 120


FULL, QUICK = Lengths(), Lengths(8, 48, 300, 5e-3, 2000, 32, 200, 50, 4, 20, 12)


def main() -> None:
    asked = options.parser(__doc__, "sparse_from_noise").parse_args()
    options.refuse_recording(asked)
    netcdf, figure, table = options.results(asked.out, FILES, asked.overwrite)
    lengths = QUICK if asked.quick else FULL
    seeds = range(asked.seed, asked.seed + SUBJECTS)

    sparse = sparsity(lengths, seeds, asked.out, asked.quick)
    bridge = interneurons(sparse, lengths)
    drifting = drifts(lengths, seeds, asked.out, asked.quick)

    result = xr.merge([sparse, bridge, drifting], combine_attrs="drop").assign_attrs(
        seed=asked.seed, input_noise=STD
    )
    drift.save(result, netcdf, overwrite=asked.overwrite)
    options.picture(draw(result), figure)
    table.write_text(text := tabulated(result))
    print(text)
    print(f"results: {netcdf}, {figure}, {table}")


def trained(
    recipes: list[drift.Experiment], probes: tuple[str, ...], folder: Path, quick: bool
) -> xr.Dataset:
    """Train what is missing, one network on each core."""
    run = drift.run_sweep(
        recipes, folder, executor="serial" if quick else "processes", probes=probes
    )
    assert run is not None
    return run


def recipe(lengths: Lengths, seed: int, std: float) -> drift.Experiment:
    return drift.Experiment(
        task=drift.ImageTask(size=lengths.size, samples=lengths.samples, test_samples=1024),
        network=drift.DenoisingNetwork(units=lengths.units),
        learner=drift.Adam(learning_rate=lengths.learning_rate, gradient_clip=1.0), noise=[drift.InputNoise(std=std)] if std else [],
        minibatch=128, steps=lengths.steps, sessions=(lengths.steps,), seed=seed,
    )  # fmt: skip


def by_subject(run: xr.Dataset, first: str, values: tuple[object, ...]) -> xr.Dataset:
    """Return subjects, whose seeds vary fastest, as a table (first, subject)."""
    plain = run.drop_vars(
        [
            name
            for name in run.coords
            if name in ("subject", "session") or {"subject"} & set(run[name].dims)
        ]
    )
    split = plain.coarsen(subject=SUBJECTS).construct(subject=(first, "subject"))
    return split.assign_coords({first: list(values), "subject": np.arange(SUBJECTS)})


def sparsity(lengths: Lengths, seeds: range, out: Path, quick: bool) -> xr.Dataset:
    """Sparsity, synchronisation and receptive fields of networks that have learned with more or
    less noise: (noise, subject)."""
    recipes = [recipe(lengths, seed, std) for std in NOISES for seed in seeds]
    run = by_subject(
        trained(recipes, SPARSE, out / "runs" / "sparsity", quick).isel(session=0), "noise", NOISES
    )
    run["noise"].attrs["units"] = "input units"
    shown = sampled_units(run["input_weights"], stream(seeds[0], "observation"), lengths.fields)
    fractions = receptive_field_fractions(receptive_fields(shown)).rename("field_fraction")
    return run.assign(field_fraction=fractions, seeds=("subject", list(seeds)))


def interneurons(sparse: xr.Dataset, lengths: Lengths) -> xr.Dataset:
    """Overlap of active units of network and circuits in Brian2, and how many are active for inputs
    of other gain or offset."""
    found = [
        one_bridge(sparse.sel(noise=STD).isel(subject=subject), lengths)
        for subject in range(SUBJECTS)
    ]
    return xr.concat(found, dim="subject")


def one_bridge(network: xr.Dataset, lengths: Lengths) -> xr.Dataset:
    seed, units = int(network["seeds"]), lengths.units
    generator, images = (
        stream(seed, "observation"),
        recipe(lengths, seed, STD).task.draw(seed)["test_inputs"].values[: lengths.images],
    )
    drive = circuits.feedforward_drive(
        network["input_weights"], images + STD * generator.standard_normal(images.shape)
    )
    bias = network["bias"].values
    kinds = {
        "linear": circuits.LinearInterneuron(units=units),
        "threshold": circuits.ThresholdInterneuron(units=units),
        "saturating": circuits.SaturatingUnits(units=units),
        "count control": circuits.CountControl(units=units, steepness=20.0),
    }
    kinds = {name: circuits.bridged(kind, drive, bias) for name, kind in kinds.items()}
    settled = {
        name: circuits.code_overlap(kind, drive, bias, generator)["overlap"].mean("sample")
        for name, kind in kinds.items()
    }
    shared = [one.sel(code="network", code_other="circuit") for one in settled.values()]
    shared += [
        settled["linear"].sel(code="network", code_other=name) for name in ("top_k", "random")
    ]
    counts = {
        "gain": drive * xr.DataArray(GAINS, dims="gain", coords={"gain": GAINS}),
        "offset": drive
        + xr.DataArray(OFFSETS, dims="offset", coords={"offset": OFFSETS}) * float(drive.std()),
    }
    return xr.Dataset(
        {
            "bridge_overlap": (
                "selection",
                [float(one) for one in shared],
                {"units": "1", "long_name": "Jaccard index with the network"},
            )
        }
        | {
            f"active_with_{name}": counted(kinds, varied, bias, generator)
            for name, varied in counts.items()
        },
        {"selection": list(CODES)},
    )


def counted(
    kinds: dict[str, circuits.base.Circuit],
    drive: xr.DataArray,
    bias: np.ndarray,
    generator: np.random.Generator,
) -> xr.DataArray:
    """Mean number of active units over inputs, at rest in closed form: (mechanism, ...)."""
    found = {
        name: circuits.code_overlap(kind, drive, bias, generator, engine="fixed_point")
        for name, kind in kinds.items()
    }
    counts = [
        found["linear"]["active_units"].sel(code="network"),
        *(one["active_units"].sel(code="circuit") for one in found.values()),
    ]
    means = [one.mean("sample").drop_vars("code") for one in counts]
    return xr.concat(
        means, dim=xr.DataArray(["network", *found], dims="mechanism", name="mechanism")
    )


def drifts(lengths: Lengths, seeds: range, out: Path, quick: bool) -> xr.Dataset:
    """Loss, sparsity and similarity of the code between sessions of networks that go on learning:
    (condition, subject, ...)."""
    later, inputs = drift.OnOff(start=lengths.learned), drift.InputNoise(std=STD)
    noises = (
        [inputs],
        [inputs, drift.LabelNoise(std=LABEL, schedule=later)],
        [inputs, drift.UpdateNoise(std=UPDATE, acts_on="weights", schedule=later)],
    )
    sessions = tuple(lengths.learned + lengths.span * np.arange(lengths.sessions + 1))
    first = recipe(lengths, 0, STD).replace(
        task=drift.ImageTask(size=8, samples=lengths.samples, test_samples=256),
        network=drift.DenoisingNetwork(units=lengths.drifting_units),
        learner=drift.SGD(learning_rate=1.0), minibatch=64, steps=sessions[-1], sessions=sessions,
    )  # fmt: skip
    recipes = [first.replace(noise=noise, seed=seed) for noise in noises for seed in seeds]
    run = trained(recipes, DRIFTING, out / "runs" / "drift", quick)
    kept = by_subject(
        xr.merge([run[list(DRIFTING[:2])], similarities(run)]), "condition", CONDITIONS
    )
    return kept.rename(
        noisy_loss="drifting_loss", noisy_fraction_active_responses="drifting_fraction"
    )


def similarities(run: xr.Dataset) -> xr.Dataset:
    """Correlation of activity, images taken as places, and of receptive fields over their pixels,
    by the steps between sessions with noise."""
    seen = run.isel(session=slice(1, None))
    code = seen.assign(rate=seen["sample_activity"].rename(sample="place"))
    fields = seen["input_weights"]
    similar = {
        "activity": population_vector_correlation(code),
        "field": xr.corr(fields, fields.rename(session="session_other"), "input").mean("unit"),
    }
    found = {
        f"{name}_correlation": by_lag(one, seen["elapsed"])["correlation"]
        for name, one in similar.items()
    }
    found["activity_drift_rate"] = drift_rate(similar["activity"], seen["elapsed"])["drift_rate"]
    return xr.Dataset(found).assign(session_step=("session", run["elapsed"].values[0]))


def draw(result: xr.Dataset) -> plt.Figure:
    plt.rcParams.update(
        {
            "font.size": 7.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.fontsize": 6.5,
        }
    )
    figure, axes = plt.subplot_mosaic(
        "abc;ddd;efg;hij", figsize=(7.4, 8.4), height_ratios=[1, 0.75, 1, 1], layout="constrained"
    )
    draw_sparsity(result, [axes[letter] for letter in "abcd"])
    draw_bridge(result, [axes[letter] for letter in "efg"])
    draw_drift(result, [axes[letter] for letter in "hij"])
    for (letter, ax), title in zip(axes.items(), TITLES, strict=True):
        ax.set_title(letter, loc="left", fontweight="bold", fontsize=9)
        ax.set_title(title, fontsize=7.5)
    bars = f"Bars: 1 s.e. over {SUBJECTS} subjects; in b 1 s.d. over the units of a subject."
    figure.supxlabel(bars, fontsize=6.5, x=0.99, ha="right")
    return figure


def spread(
    ax: plt.Axes,
    x: object,
    values: xr.DataArray,
    place: int,
    label: str,
    error: xr.DataArray | None = None,
) -> None:
    """Draw the mean over subjects of (subject, x), and the standard error unless another one is
    given."""
    error = values.std("subject", ddof=1) / np.sqrt(SUBJECTS) if error is None else error
    style = {
        "color": (*COLOURS, "#CC79A7")[place],
        "marker": (*MARKERS, "v")[place],
        "markersize": 3.5,
        "linewidth": 1.2,
        "capsize": 2,
    }
    ax.errorbar(x, values.mean("subject"), yerr=error, label=label, **style)


def draw_sparsity(result: xr.Dataset, axes: list[plt.Axes]) -> None:
    noise = result["noise"]
    spread(
        axes[0],
        noise,
        result["noisy_fraction_active_responses"].transpose("subject", "noise"),
        0,
        "",
    )
    for place, (mean, deviation, label) in enumerate((
        ("bias_mean", result["bias_deviation"], "bias"),
        ("key_norm_mean", result["key_norm_variation"] * result["key_norm_mean"], "input-weight length"),
    )):  # fmt: skip
        spread(
            axes[1],
            noise,
            result[mean].transpose("subject", "noise"),
            place,
            label,
            deviation.mean("subject"),
        )
    for place, name in enumerate(("structured", "gabor", "centre-surround")):
        spread(
            axes[2],
            noise,
            result["field_fraction"].sel({"class": name}).transpose("subject", "noise"),
            place,
            name.capitalize(),
        )
    axes[1].axhline(0, color="0.7", linewidth=0.8, zorder=0)
    axes[0].set(ylabel="active fraction (share of responses)", ylim=(0, None))
    axes[1].set(ylabel="learned value (1)")
    axes[2].set(ylabel="share of receptive fields", ylim=(-0.02, 1))
    for ax in axes[:3]:
        ax.set_xscale("symlog", linthresh=0.1, linscale=0.5)
        ax.set_xticks(NOISES, [f"{std:g}" for std in NOISES], fontsize=6)
        ax.minorticks_off()
        ax.set_xlabel("input noise (s.d. of the input)")
    for ax in axes[1:3]:
        ax.legend(frameon=False)
    one = result.sel(noise=STD).isel(subject=0)
    receptive_field_mosaic(one["input_weights"].isel(unit=slice(0, 100)), axes[3])
    axes[3].figure.axes[-1].set_ylabel("weight /\nlargest weight")


def draw_bridge(result: xr.Dataset, axes: list[plt.Axes]) -> None:
    values = result["bridge_overlap"].transpose("subject", "selection")
    error = values.std("subject", ddof=1) / np.sqrt(SUBJECTS)
    place = np.arange(len(CODES))[::-1]
    axes[0].barh(
        place,
        values.mean("subject"),
        xerr=error,
        color=["0.75"] * 4 + ["0.9"] * 2,
        edgecolor="black",
        linewidth=0.6,
        capsize=2,
    )
    axes[0].set_yticks(place, CODES)
    axes[0].set(xlim=(0, 1), xlabel="overlap with the network's\nactive units (Jaccard index)")
    for ax, name in zip(axes[1:], ("gain", "offset")):
        counts = result[f"active_with_{name}"].transpose("subject", "mechanism", name)
        for number, mechanism in enumerate(counts["mechanism"].values):
            spread(ax, result[name], counts.sel(mechanism=mechanism), number, str(mechanism))
        ax.set(ylabel="active units", ylim=(0, None))
    axes[1].set(xscale="log", xlabel="gain of the input")
    axes[1].set_xticks([0.5, 1, 2], ["0.5", "1", "2"])
    axes[1].minorticks_off()
    axes[1].set_ylim(0, 1.45 * axes[1].get_ylim()[1])
    axes[1].legend(frameon=False, loc="upper left", ncols=2, fontsize=5.5, columnspacing=1.0)
    axes[2].set_xlabel("offset of the drive (s.d.)")


def draw_drift(result: xr.Dataset, axes: list[plt.Axes]) -> None:
    for number, condition in enumerate(CONDITIONS):
        one, steps = result.sel(condition=condition), result["session_step"] / 1000
        spread(
            axes[0],
            result["lag"] / 1000,
            one["activity_correlation"].transpose("subject", "lag"),
            number,
            condition,
        )
        spread(
            axes[1], steps, one["drifting_loss"].transpose("subject", "session"), number, condition
        )
        spread(
            axes[2],
            steps,
            one["drifting_fraction"].transpose("subject", "session"),
            number,
            condition,
        )
    axes[0].set(
        xlabel="time between sessions (1,000 steps)",
        ylabel="correlation of the activity",
        ylim=(None, 1),
    )
    axes[1].set(
        xlabel="learning (1,000 steps)", ylabel="loss (variance of the input)", ylim=(0, None)
    )
    axes[2].set(xlabel="learning (1,000 steps)", ylabel="active fraction", ylim=(0, None))
    axes[0].set_ylim(axes[0].get_ylim()[0] - 0.35 * np.ptp(axes[0].get_ylim()), 1)
    axes[0].legend(frameon=False, loc="lower left", fontsize=6)  # for all three


def stated(values: xr.DataArray, digits: int = 3) -> str:
    """Mean and standard error over subjects."""
    return (
        f"{float(values.mean()):.{digits}f} ± "
        f"{float(values.std(ddof=1)) / np.sqrt(values.size):.{digits}f}"
    )


def tabulated(result: xr.Dataset) -> str:
    """Return the three tables as Markdown; ± is one standard error over subjects."""
    rows = [
        "| input noise | active fraction | CV of k | bias | s.d. of biases | CV of key length "
        "| Gabor fraction |",
        "|" + "---|" * 7,
    ]
    for noise in NOISES:
        one = result.sel(noise=noise)
        names = (
            "noisy_fraction_active_responses",
            "count_variation",
            "bias_mean",
            "bias_deviation",
            "key_norm_variation",
        )
        gabor = stated(one["field_fraction"].sel({"class": "gabor"}), 2)
        rows.append(
            f"| {noise:g} | " + " | ".join(stated(one[name]) for name in names) + f" | {gabor} |"
        )
    rows += ["", "| selection | overlap with the network |", "|---|---|"]
    rows += [
        f"| {name} | {stated(result['bridge_overlap'].sel(selection=name))} |" for name in CODES
    ]
    titles = (
        "noise",
        "loss, first to last session",
        "active fraction",
        "correlation of activity, of fields",
        "correlation lost from one session to the next "
        f"({float(np.diff(result['session_step'])[-1]):,.0f} steps)",
    )
    rows += ["", f"| {' | '.join(titles)} |", "|" + "---|" * 5]
    span = float(np.diff(result["session_step"])[-1])
    for condition in CONDITIONS:
        one = result.sel(condition=condition)
        ends = [
            " to ".join(stated(one[name].isel(session=at)) for at in (1, -1))
            for name in ("drifting_loss", "drifting_fraction")
        ]
        similar = ", ".join(
            stated(one[f"{name}_correlation"].isel(lag=-1)) for name in ("activity", "field")
        )
        rows.append(
            f"| {condition} | {ends[0]} | {ends[1]} | {similar} | "
            f"{stated(span * one['activity_drift_rate'])} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    options.run(main)
