"""Simulated subjects, observed as animals were, beside published slopes and a recording (after
Ratzon, Derdikman & Barak 2024, Fig. 3).

A few networks learn a corridor and go on learning under update noise. What an experimenter would
have recorded of them, in each of the four published designs and in the recording at hand, is
measured as recordings are, together with null models in which the code stands still: as it is, with
another event rate, or with less running.
"""

from __future__ import annotations

import textwrap

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import options
import xarray as xr

import data_adapters
import drift
from drift import plots
from drift.comparison.conventions import PANEL_CONVENTIONS
from drift.schema.variables import label_of

RECIPE = drift.Experiment(
    task=drift.CorridorTask(samples=150, rays=17),
    network=drift.Network(units=200, regime="lazy"),
    learner=drift.SGD(learning_rate=0.1),
    noise=[drift.UpdateNoise(std=0.03)],
    steps=30_000,
    sessions=21,
)
QUICK = RECIPE.replace(network=drift.Network(units=60, regime="lazy"), steps=300, sessions=4)
SAMPLING_RATE = 5.0  # Hz; events are counted per place, so that frames may be long
ACTIVITY = {
    panel: "active_units" if panel == "Jercog 2019" else "fraction_place_units"
    for panel in PANEL_CONVENTIONS
}


def main() -> None:
    asked = _options()
    names = ["compare_recordings.nc", "compare_recordings.png", "compare_recordings.txt"]
    netcdf, figure, table = options.results(asked.out, names, asked.overwrite)
    recording = options.recording(asked.recording)
    recorded = (
        None
        if recording is None
        else list(data_adapters.sessions(recording[0], recording[1], **recording[2]))
    )
    if asked.subjects < 2:
        raise drift.RefusedInputError(
            f"--subjects must be at least 2, got {asked.subjects}: error bars are over subjects."
        )
    recipe = QUICK if asked.quick else RECIPE
    run = drift.train(
        [recipe.replace(seed=asked.seed + number) for number in range(asked.subjects)]
    )

    settings = {
        "seed": asked.seed,
        "sampling_rate": SAMPLING_RATE,
        "shuffles": 20 if asked.quick else 100,
    }
    lenses = {panel: drift.published_design(panel) for panel in PANEL_CONVENTIONS}
    lenses = (
        {"Sheintuch 2023": lenses["Sheintuch 2023"].isel(session=slice(0, 3))}
        if asked.quick
        else lenses
    )
    comparisons = {
        panel: drift.compare(run, like=lens, **settings) for panel, lens in lenses.items()
    }
    if recorded is not None:
        comparisons[f"recording: {recording[0]}"] = drift.compare(run, recorded, **settings)

    drift.save(joined(comparisons), netcdf, overwrite=asked.overwrite)
    draw(comparisons, asked.subjects).savefig(figure, dpi=160)
    table.write_text(text := tabulated(comparisons))
    print(text)
    print(f"results: {netcdf}, {figure}, {table}")


def _options():
    parser = options.parser(__doc__, "compare_recordings")
    parser.add_argument(
        "--subjects", type=int, default=2, help="number of networks (default: %(default)s)"
    )
    return parser.parse_args()


def joined(comparisons: dict[str, xr.Dataset]) -> xr.Dataset:
    """All comparisons along the dim design."""
    parts = [one.expand_dims(design=[name]) for name, one in comparisons.items()]
    return xr.concat(
        parts,
        dim="design",
        join="outer",
        coords="different",
        compat="equals",
        combine_attrs="drop_conflicts",
    )


def tabulated(comparisons: dict[str, xr.Dataset]) -> str:
    blocks = [
        f"=== {name} ===\n{drift.comparison_table(one, PANEL_CONVENTIONS.get(name, 'mean_of_ratios'))}"
        for name, one in comparisons.items()
    ]
    return "\n".join(blocks)


def draw(comparisons: dict[str, xr.Dataset], subjects: int) -> plt.Figure:
    plt.rcParams.update(
        {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 8}
    )
    figure, grid = plt.subplots(
        3,
        len(comparisons),
        figsize=(width := max(5.8, 2.6 * len(comparisons) + 0.6), 7.9),
        layout="constrained",
        squeeze=False,
    )
    for column, (name, comparison) in zip(grid.T, comparisons.items()):
        panel = name if name in PANEL_CONVENTIONS else None
        for ax, measure in zip(
            column,
            (
                ACTIVITY.get(name, "fraction_place_units"),
                "spatial_information",
                "rate_map_correlation",
            ),
        ):
            plots.normalised_curves(
                comparison, measure, ax, panel, PANEL_CONVENTIONS.get(name, "mean_of_ratios")
            )
            ax.set_ylabel(f"{label_of(measure)} / first session")
        column[0].set_title(
            f"{'abcdefgh'[list(comparisons).index(name)]}   {name}", loc="left", fontweight="bold"
        )
    handles = {
        label: handle for ax in grid.flat for handle, label in zip(*ax.get_legend_handles_labels())
    }
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=min(len(handles), int(width / 1.8)),
        frameon=False,
    )
    caption = (
        f"What would be recorded of {subjects} networks in each design, and of codes that stand "
        "still. "
    )
    caption += (
        "Error bars: one standard error over subjects; event rates and running times of the "
        "designs are assumed."
    )
    figure.suptitle(
        "\n".join(textwrap.wrap(caption, int(15 * width))), x=0.01, ha="left", fontsize=8
    )
    return figure


if __name__ == "__main__":
    options.run(main)
