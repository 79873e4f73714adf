"""Networks that know a corridor keep changing their code for it (after Ratzon, Derdikman & Barak 2024, Fig. 2).

Several networks learn to predict what an agent will see next in a corridor, and go on learning under update noise. The figure
shows how the loss stays flat while the code drifts, becomes sparser and more informative about place, beside the published
slopes of four hippocampal recordings and, if one is at hand, a recording measured by the same functions.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import options
import xarray as xr

import data_adapters
import drift
from drift import metrics, plots
from drift.published import PUBLISHED_CORRIDOR, PUBLISHED_SLOPES, SPATIAL_INFORMATION

# The recipe. The published configuration (--full) takes 500 units, update noise of .0139 and a million steps; by default stronger
# noise drives somewhat smaller networks through the same stages sooner: drift is faster in proportion to the variance of the noise.
PUBLISHED = drift.Experiment(
    task=drift.CorridorTask(samples=150, rays=17),
    network=drift.Network(units=500, regime="lazy"),
    learner=drift.SGD(learning_rate=0.1),
    noise=[drift.UpdateNoise(std=0.013894954943731374)],
    steps=1_000_000,
    sessions=51,
)
DEFAULT = PUBLISHED.replace(network=drift.Network(units=400, regime="lazy"), noise=[drift.UpdateNoise(std=0.02)], steps=60_000, sessions=21)
QUICK = DEFAULT.replace(network=drift.Network(units=60, regime="lazy"), steps=400, sessions=5)
SMOOTHING = 3.0  # bins of rate maps that are shown or correlated; 6 % of a direction's bins, as published
MEASURES = ("relative_loss", "fraction_active_responses", "fraction_active_units", "spatial_information", "place_units")


def main() -> None:
    asked = _options()
    netcdf, figure, table = options.results(asked.out, ["corridor_drift.nc", "corridor_drift.png", "corridor_drift.txt"], asked.overwrite)
    recording = options.recording(asked.recording)
    recorded = None if recording is None else measured(*recording)
    recipe = published() if asked.full else QUICK if asked.quick else DEFAULT
    recipe = recipe if asked.steps is None else recipe.replace(steps=asked.steps, sessions=min(recipe.sessions, asked.steps + 1))
    seeds = asked.seeds if asked.seeds is not None else 1 if asked.full else 4
    if seeds < 1:
        raise drift.RefusedInputError(f"--seeds must be at least 1, got {seeds}: give the number of networks.")
    if len(recipe.session_steps()) < 3:
        raise drift.RefusedInputError(f"--steps must be at least 2, got {recipe.steps}: drift shows between sessions after learning.")
    recipes = [recipe.replace(seed=asked.seed + number) for number in range(seeds)]

    run = drift.train(recipes, checkpoint=asked.checkpoint)
    run["rate_map_correlation"] = metrics.mean_rate_map_correlation(run, smoothing=SMOOTHING)

    drift.save(run, netcdf, overwrite=asked.overwrite)
    draw(run, recorded).savefig(figure, dpi=160)
    table.write_text(text := tabulated(run, recorded, asked.full))
    print(text)
    print(f"engine: {run.attrs['engine']}; results: {netcdf}, {figure}, {table}")


def published() -> drift.Experiment:
    """The published configuration, on the published data where they are at hand, else on a corridor drawn as the published one."""
    known = options.data_folder("corridor_reference")
    if known is not None:
        return PUBLISHED.replace(task=drift.StoredTask(path=str(known / "predictive_track_up.npz")))
    print("the published data are not at hand (set REPDRIFT_DATA): a corridor of the same kind takes their place.")
    return PUBLISHED.replace(task=drift.CorridorTask(faithful=True, heading_noise=0.0))


def _options():
    parser = options.parser(__doc__, "corridor_drift")
    parser.add_argument("--full", action="store_true", help="the published configuration, 1,000,000 steps")
    parser.add_argument("--seeds", type=int, help="number of networks (default: 4, or 1 with --full)")
    parser.add_argument("--steps", type=int, help="steps of learning")
    parser.add_argument("--checkpoint", metavar="FILE", help="keep the state of a long run here and go on from it if it is there")
    return parser.parse_args()


def measured(name: str, path: str, reader_options: dict[str, str]) -> xr.Dataset:
    """Measure a recording as the networks are measured; place cells by circular shifts, as the published recordings were."""
    return drift.measure(data_adapters.sessions(name, path, **reader_options), shuffles=500)


def learned(run: xr.Dataset) -> xr.Dataset:
    """The sessions after learning; the first one shows networks that know nothing yet."""
    return run.isel(session=slice(1, None))


def change(dataset: xr.Dataset, name: str) -> tuple[float, float]:
    """Fitted change from first to last session, relative to the first, and its standard error."""
    values = metrics.summary(dataset, name)[name]
    elapsed = dataset["elapsed"].mean("subject")
    line = metrics.slope(values, elapsed.assign_attrs(dataset["elapsed"].attrs))
    span = float(elapsed[-1] - elapsed[0])
    return float(line["slope"]) * span, float(line["standard_error"]) * span


def draw(run: xr.Dataset, recorded: xr.Dataset | None) -> plt.Figure:
    plt.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 8})
    figure = plt.figure(figsize=(10, 8.4), layout="constrained")
    rows = figure.subfigures(3, 1, height_ratios=[1.1, 1, 1.15])
    _draw_maps(run, rows[0])
    _draw_time_courses(run, rows[1].subplots(1, 3))
    _draw_stability(run, recorded, rows[2].subplots(1, 4, width_ratios=[1, 1, 1, 1]))
    note = f"error bars: one standard error over {run.sizes['subject']} networks; blue: not visited"
    figure.text(0.99, 0.992, note, ha="right", va="top", fontsize=7)
    return figure


def _draw_maps(run: xr.Dataset, part) -> None:
    axes = part.subplots(1, 4)
    for ax, session in zip(axes, np.linspace(0.1 * run.sizes["session"], run.sizes["session"] - 1, 4).astype(int)):
        plots.sorted_rate_maps(run, 0, session, ax, SMOOTHING)
        ax.set_xlabel("place in the corridor")
    axes[0].set_ylabel("place units of one network,\nsorted by peak")
    part.suptitle("a   Rate maps of one network in four sessions", x=0.01, ha="left", fontsize=9, fontweight="bold")


def _draw_time_courses(run: xr.Dataset, axes) -> None:
    plots.time_course(run, ["relative_loss"], axes[0])
    axes[0].set(yscale="log", ylabel="loss / variance of targets", title="b   performance")
    plots.time_course(
        run, ["fraction_active_units", "fraction_active_responses"], axes[1], ["units active anywhere", "responses above zero"]
    )
    axes[1].set(ylim=(0, 1), ylabel="active fraction", title="c   activity")
    axes[1].legend(frameon=False)
    plots.time_course(run, ["spatial_information"], axes[2])
    axes[2].set(ylabel="spatial information (bits/event)", title="d   information of place units")


def _draw_stability(run: xr.Dataset, recorded: xr.Dataset | None, axes) -> None:
    plots.correlation_matrix(run["rate_map_correlation"], axes[0])
    axes[0].set_title("e   similarity of sessions")
    later = learned(run)
    plots.correlation_by_lag(later, later["rate_map_correlation"].isel(session_other=slice(1, None)), axes[1])
    axes[1].set_title("f   similarity by lag")
    axes[1].legend(frameon=False)
    for ax, ours, theirs, title in (
        (axes[2], "place_units", "fraction of place cells", "g   number of place units"),
        (axes[3], "spatial_information", SPATIAL_INFORMATION, "h   spatial information"),
    ):
        rows = [("simulated", *change(learned(run), ours))]
        rows += [
            (one.recording, one.change, np.nan)
            for one in PUBLISHED_SLOPES
            if (one.measure == SPATIAL_INFORMATION) == (theirs == SPATIAL_INFORMATION)
        ]
        rows += [] if recorded is None else [(f"this recording\n({recorded.sizes['session']} sessions)", *change(recorded, ours))]
        plots.changes(rows, ax)
        ax.set(xlabel="change over the study (%)", title=title)


def tabulated(run: xr.Dataset, recorded: xr.Dataset | None, full: bool) -> str:
    """First and last session; slope per session as a share of the first, and its standard error; the published run."""
    lines = [f"{'measure':36}{'first':>10}{'last':>10}{'relative slope':>18}{'s.e.':>9}   published, 1e6 steps of 500 units"]
    for source, dataset in (("simulated", learned(run)), ("recorded", recorded)):
        for name in MEASURES if dataset is not None else ():
            if name not in dataset:
                continue
            values, sessions = metrics.summary(dataset, name)[name], dataset.sizes["session"]
            total, error = (value / max(sessions - 1, 1) for value in change(dataset, name))
            numbers = f"{float(values[0]):10.3f}{float(values[-1]):10.3f}{total:+18.4f}{error:9.4f}"
            first, last = PUBLISHED_CORRIDOR.get(name, (None, None)) if source == "simulated" else (None, None)
            lines.append(f"{source + ' ' + name.replace('_', ' '):36}{numbers}   {'' if first is None else f'{first} -> {last}'}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    options.run(main)
