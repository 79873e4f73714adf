"""Networks that know a corridor keep changing their code for it (after Ratzon, Derdikman & Barak
2024, Fig. 2).

Several networks learn to predict what an agent will see next in a corridor, and go on learning
under update noise. The figure shows how the code drifts, becomes sparser and more informative about
place while the corridor is known as well as before, what that means for whoever reads the code,
beside the published slopes of four hippocampal recordings and, if one is given, a recording
measured by the same functions: its similarity without noise and its readouts of other days stand
beside those of the networks, observed as the animal was.
"""

from __future__ import annotations

import textwrap

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import options
import xarray as xr

import data_adapters
import drift
from drift import metrics, plots
from drift.comparison.published import PUBLISHED_CORRIDOR, PUBLISHED_SLOPES, SPATIAL_INFORMATION
from drift.plots.rate_maps import rate_maps_over_sessions
from drift.stability.absent import reason_for

# The recipe. The published configuration (--full) takes 500 units, a learning rate of .1, update
# noise of .0139 and a million steps. By default a higher rate of learning takes smaller networks
# through the same stages sooner: diffusion goes with (rate x noise) squared, what the noise costs in
# loss with rate x noise squared, so that a high rate drifts fast and stays accurate.
PUBLISHED = drift.Experiment(
    task=drift.CorridorTask(samples=150, rays=17),
    network=drift.Network(units=500, regime="lazy"),
    learner=drift.SGD(learning_rate=0.1),
    noise=[drift.UpdateNoise(std=0.013894954943731374)],
    steps=1_000_000,
    sessions=51,
)
DEFAULT = PUBLISHED.replace(
    network=drift.Network(units=300, regime="lazy"),
    learner=drift.SGD(learning_rate=0.35),
    noise=[drift.UpdateNoise(std=0.012)],
    steps=60_000,
    sessions=21,
)
QUICK = DEFAULT.replace(network=drift.Network(units=60, regime="lazy"), steps=400, sessions=5)
SMOOTHING = (
    3.0  # bins of rate maps that are shown or correlated; 6 % of a direction's bins, as published
)
MEASURES = (
    "relative_loss",
    "fraction_active_responses",
    "fraction_active_units",
    "spatial_information",
    "place_units",
)
STABILITY = (
    "rate_map_correlation",
    "corrected_similarity",
    "decoding_error",
    "refitted_decoding_error",
    "shuffled_decoding_error",
)


def main() -> None:
    asked = _options()
    netcdf, figure, table = options.results(
        asked.out,
        ["corridor_drift.nc", "corridor_drift.png", "corridor_drift.txt"],
        asked.overwrite,
    )
    named = None if asked.recording is None else options.recording(asked.recording)
    sessions = [] if named is None else recorded_sessions(*named)
    recorded = measured(sessions) if sessions else None
    recipe = published() if asked.full else QUICK if asked.quick else DEFAULT
    recipe = (
        recipe
        if asked.steps is None
        else recipe.replace(steps=asked.steps, sessions=min(recipe.sessions, asked.steps + 1))
    )
    seeds = asked.seeds if asked.seeds is not None else 1 if asked.full else 4
    if seeds < 1:
        raise drift.RefusedInputError(
            f"--seeds must be at least 1, got {seeds}: give the number of networks."
        )
    if len(recipe.session_steps()) < 3:
        raise drift.RefusedInputError(
            f"--steps must be at least 2, got {recipe.steps}: drift shows between sessions "
            "after learning."
        )
    recipes = [recipe.replace(seed=asked.seed + number) for number in range(seeds)]

    run = drift.train(recipes, checkpoint=asked.checkpoint)
    run["rate_map_correlation"] = metrics.mean_rate_map_correlation(run, smoothing=SMOOTHING)

    drift.save(run, netcdf, overwrite=asked.overwrite)
    stabilities = stability_of(run, sessions)
    drawn = draw(run, recorded, stabilities)
    options.picture(drawn, figure, recipes, numbers(run), dpi=160)
    text = tabulated(run, recorded, asked.full) + tabulated_stability(stabilities)
    table.write_text(text)
    print(text)
    print(f"engine: {run.attrs['engine']}; results: {netcdf}, {figure}, {table}")


def published() -> drift.Experiment:
    """The published configuration, on the published data where they are at hand, else on a corridor
    drawn as the published one."""
    known = options.data_folder("corridor_reference")
    if known is not None:
        return PUBLISHED.replace(task=drift.StoredTask(path=str(known / "predictive_track_up.npz")))
    print(
        "the published data are not at hand (set REPDRIFT_DATA): a corridor of the same kind "
        "takes their place."
    )
    return PUBLISHED.replace(task=drift.CorridorTask(faithful=True, heading_noise=0.0))


def _options():
    parser = options.parser(__doc__, "corridor_drift")
    parser.add_argument(
        "--full", action="store_true", help="the published configuration, 1,000,000 steps"
    )
    parser.add_argument(
        "--seeds", type=int, help="number of networks (default: 4, or 1 with --full)"
    )
    parser.add_argument("--steps", type=int, help="steps of learning")
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="keep the state of a long run here and go on from it if it is there",
    )
    return parser.parse_args()


def recorded_sessions(name: str, path: str, reader_options: dict[str, str]) -> list[xr.Dataset]:
    """Sessions of a recording; they are measured, decoded, and set the lens for the networks."""
    return list(data_adapters.sessions(name, path, **reader_options))


def measured(sessions: list[xr.Dataset]) -> xr.Dataset:
    """Measure a recording as the networks are measured; place cells by circular shifts, as the
    published recordings were."""
    return drift.measure(sessions, shuffles=500)


def stability_of(run: xr.Dataset, sessions: list[xr.Dataset]) -> dict[str, xr.Dataset | str]:
    """Whether the code of the networks, seen as the recording was, and that of the recording drift;
    a sentence where the networks cannot be seen so."""
    if not sessions:
        return {}
    counted = list(drift.counted_events(sessions))
    try:
        networks = drift.code_stability(drift.observe(run, like=counted))
    except drift.RefusedInputError as refusal:
        networks = str(refusal)
    return {"networks, observed": networks, "this recording": drift.code_stability(counted)}


def learned(run: xr.Dataset) -> xr.Dataset:
    """The sessions after learning; the first one shows networks that know nothing yet."""
    return run.isel(
        {dim: slice(1, None) for dim in ("session", "session_other") if dim in run.dims}
    )


def change(dataset: xr.Dataset, name: str) -> tuple[float, float]:
    """Fitted change from first to last session as a share of the first, and its standard error:
    over subjects, of one that of its fit."""
    found, errors = np.transpose(
        [_change(dataset.isel(subject=[one]), name) for one in range(dataset.sizes["subject"])]
    )
    return found.mean(), errors[0] if found.size == 1 else found.std(ddof=1) / np.sqrt(found.size)


def _change(subject: xr.Dataset, name: str) -> tuple[float, float]:
    elapsed = subject["elapsed"].isel(subject=0)
    line = metrics.slope(metrics.summary(subject, name)[name], elapsed)
    span = float(elapsed[-1] - elapsed[0])
    return float(line["slope"]) * span, float(line["standard_error"]) * span


def numbers(run: xr.Dataset) -> dict[str, list[float]]:
    """What the figure shows, in numbers: each network in the first and the last session after
    learning."""
    ends = {
        name: learned(run)[name].mean([dim for dim in run[name].dims if dim == "unit"])
        for name in MEASURES
    }
    return {
        f"{name} {when}": ends[name].isel(session=at).values.tolist()
        for name in ends
        for when, at in (("first", 0), ("last", -1))
    }


def draw(
    run: xr.Dataset, recorded: xr.Dataset | None, stabilities: dict[str, xr.Dataset | str]
) -> plt.Figure:
    plt.rcParams.update(
        {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 8}
    )
    heights = [1.6, 1, 1.1, 1.1][: 4 if stabilities else 3]
    figure = plt.figure(figsize=(10, 2.5 * sum(heights)), layout="constrained")
    rows = figure.subfigures(len(heights), 1, height_ratios=heights)
    _draw_maps(run, rows[0])
    _draw_time_courses(run, rows[1].subplots(1, 4))
    _draw_stability(run, recorded, rows[2].subplots(1, 4 if recorded is None else 5))
    if stabilities:
        _draw_stabilities(stabilities, rows[3].subplots(1, 4))
    rows[-1].supxlabel(_meaning_of_bars(run), x=0.99, ha="right", fontsize=7)
    return figure


def _meaning_of_bars(run: xr.Dataset) -> str:
    networks = (
        "Filled markers: networks, with one standard error over them, where it is larger than the "
        "marker."
        if run.sizes["subject"] > 1
        else "Filled markers: one network, no bars."
    )
    return f"{networks} Open circles: published, with the largest standard error that its p allows."


def _draw_maps(run: xr.Dataset, part) -> None:
    """Four sessions, each in its own order, which shows a code in all of them, and all in the order
    of the first, which shows that it is made by other units."""
    axes = part.subplots(2, 4)
    shown = np.linspace(1, run.sizes["session"] - 1, 4).astype(int).tolist()
    for ax, session in zip(axes[0], shown):
        rate_maps_over_sessions(run, 0, [session], [ax], SMOOTHING)
        ax.set(
            title=f"{run['elapsed'].isel(subject=0, session=session).item():,.0f} steps",
            xlabel="",
            ylabel="",
        )
    rate_maps_over_sessions(run, 0, shown, axes[1], SMOOTHING)
    for ax in axes[1]:
        ax.set(xlabel="place in the corridor", title="")
    axes[0, 0].set_ylabel("a   each session's\nplace units,\nin its own order")
    axes[1, 0].set_ylabel("b   place units of\nthe first picture,\nin its order in all")
    part.colorbar(
        axes[0, -1].images[0],
        ax=axes,
        label="rate / peak rate",
        ticks=[0, 0.5, 1],
        fraction=0.05,
        pad=0.01,
        aspect=30,
    )
    title = "Rate maps of one network: a code in every session (a), made by other units (b)"
    part.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")


def _draw_time_courses(run: xr.Dataset, axes) -> None:
    later = learned(run)
    _draw_loss(run, axes[0])
    plots.time_course(
        later,
        ["fraction_active_units", "fraction_active_responses"],
        axes[1],
        ["units active anywhere", "responses above zero"],
    )
    _draw_untrained(run, ["fraction_active_units", "fraction_active_responses"], axes[1])
    axes[1].set(ylim=(0, 1.3), yticks=[0, 0.5, 1], ylabel="active fraction", title="d   activity")
    axes[1].legend(frameon=False, loc="upper right", handlelength=1.4, labelspacing=0.3)
    plots.time_course(later, ["spatial_information"], axes[2])
    _draw_untrained(run, ["spatial_information"], axes[2])
    axes[2].set(ylabel="spatial information (bits/event)", title="e   information of place units")
    _draw_matrix(later, axes[3])


def _draw_loss(run: xr.Dataset, ax) -> None:
    """Loss from 0 on, each network and their mean; the untrained networks, far above, in words."""
    for one in range(run.sizes["subject"]):
        line = learned(run).isel(subject=one)
        ax.plot(
            line["elapsed"],
            line["relative_loss"],
            color="0.75",
            linewidth=0.8,
            label="each network" if one == 0 else None,
        )
    plots.time_course(learned(run), ["relative_loss"], ax, ["mean"])
    untrained = float(run["relative_loss"].isel(session=0).mean())
    ax.set(
        ylabel="loss / variance of targets",
        title="c   loss after learning",
        ylim=(0, 1.4 * ax.get_ylim()[1]),
    )
    ax.legend(frameon=False, loc="upper right", title=f"before learning: {untrained:.2g}")


def _draw_untrained(run: xr.Dataset, names: list[str], ax) -> None:
    """The session before any learning, apart from the course of those that follow: open markers."""
    means = metrics.summary(run.isel(session=[0]), *names)
    for number, name in enumerate(names):
        style = {
            "color": plots.COLOURS[number],
            "marker": plots.MARKERS[number],
            "markersize": 3.5,
            "capsize": 2,
            "mfc": "white",
        }
        label = "before learning" if number == 0 else None
        ax.errorbar(
            0,
            means[name],
            means[f"{name}_standard_error"].fillna(0.0),
            linestyle="",
            label=label,
            **style,
        )


def _draw_stability(run: xr.Dataset, recorded: xr.Dataset | None, axes) -> None:
    later = learned(run)
    halves = ("first half", "second half")
    correlation = later["rate_map_correlation"]
    plots.correlation_by_lag(later, correlation, axes[0], halves, bars="standard_error")
    axes[0].set_title("g   similarity by lag")
    axes[0].legend(frameon=False)
    _draw_readouts(later, axes[1])
    for ax, ours, theirs, title in (
        (axes[2], "place_units", "fraction of place cells", "i   number of place units"),
        (axes[3], "spatial_information", SPATIAL_INFORMATION, "j   spatial information"),
    ):
        rows = [("simulated", *change(later, ours))]
        rows += [
            (one.recording, one.change, one.largest_standard_error)
            for one in PUBLISHED_SLOPES
            if (one.measure == SPATIAL_INFORMATION) == (theirs == SPATIAL_INFORMATION)
        ]
        rows += (
            []
            if recorded is None
            else [
                (f"this recording\n({recorded.sizes['session']} sessions)", *change(recorded, ours))
            ]
        )
        plots.changes(
            [
                (label, found, error if error is not None and np.isfinite(error) else None)
                for label, found, error in rows
            ],
            ax,
        )
        ax.set(xlabel="change over the study (%)", title=title)
    if recorded is not None:
        _draw_recorded(recorded, axes[4])


def _draw_matrix(later: xr.Dataset, ax) -> None:
    plots.correlation_matrix(later["rate_map_correlation"], ax)
    ticks = np.unique(np.linspace(0, later.sizes["session"] - 1, 3).astype(int))
    ax.set(
        title="f   similarity of sessions",
        xticks=ticks,
        yticks=ticks,
        xticklabels=ticks + 1,
        yticklabels=ticks + 1,
    )


def _draw_readouts(later: xr.Dataset, ax) -> None:
    """Place as read in every third session: by a readout of an earlier one, and by its own."""
    ax.set_title("h   place read from the code")
    some = slice(None, None, max(later.sizes["session"] // 7, 1))
    read = metrics.decoder_triple(later.isel(session=some, session_other=some), "template")
    plots.decoding_by_lag(read, ax)
    ax.get_legend().set_frame_on(False)


def _draw_recorded(recorded: xr.Dataset, ax) -> None:
    """Similarity by lag of the recording, where its units are tracked."""
    ax.set_title("k   this recording")
    try:
        plots.correlation_by_lag(
            recorded,
            metrics.mean_rate_map_correlation(recorded, smoothing=SMOOTHING),
            ax,
            bars="standard_error",
        )
        ax.legend(frameon=False)
    except drift.RefusedInputError:
        ax.text(
            0.5,
            0.5,
            "not known: units are\nnot tracked over sessions",
            transform=ax.transAxes,
            ha="center",
            color="0.3",
        )
        ax.set(xticks=[], yticks=[])


def _draw_stabilities(stabilities: dict[str, xr.Dataset | str], axes) -> None:
    """Similarity as seen, at best and without noise, and readouts of other sessions."""
    for letter, ax, (source, stability) in zip("lm", axes[:2], stabilities.items()):
        ax.set_title(f"{letter}   similarity: {source}")
        _draw_or_say(
            stability, ("corrected similarity", "corrected_similarity"), _draw_similarity, ax
        )
    for letter, ax, (source, stability) in zip("no", axes[2:], stabilities.items()):
        ax.set_title(f"{letter}   readouts: {source}")
        _draw_or_say(stability, ("decoder triple", "decoding_error"), plots.decoding_by_lag, ax)


def _draw_similarity(stability: xr.Dataset, ax) -> None:
    names = ("rate_map_correlation", "corrected_similarity", "elapsed")
    ceiling = stability["correlation_ceiling"]
    plots.similarity_and_ceiling(*(stability[name] for name in names), ax, ceiling)


def _draw_or_say(stability: xr.Dataset | str, measure: tuple[str, str], draw_panel, ax) -> None:
    """Draw, or say why it cannot be drawn."""
    reason = stability if isinstance(stability, str) else reason_for(stability, *measure)
    if not reason:
        draw_panel(stability, ax)
        ax.get_legend().set_frame_on(False)
        return
    ax.text(0.5, 0.5, textwrap.fill(reason, 34), transform=ax.transAxes, ha="center", va="center")
    ax.set(xticks=[], yticks=[])


def tabulated_stability(stabilities: dict[str, xr.Dataset | str]) -> str:
    """Similarity without noise and errors of readouts, at the shortest and the longest lag."""
    lines = []
    for source, stability in stabilities.items():
        if isinstance(stability, str):
            lines.append(f"{source}: {stability}")
            continue
        for name in STABILITY:
            if f"{name}_by_lag" not in stability:
                continue
            curve = stability[f"{name}_by_lag"].mean(["subject", "room"]).dropna("lag")
            ends = "".join(f"{float(curve[at]):10.3f}" for at in (0, -1)[: curve.size])
            lags = " and ".join(f"{float(curve['lag'][at]):.3g}" for at in (0, -1)[: curve.size])
            told = f"at lags {lags} {stability['elapsed'].attrs['units']}"
            lines.append(f"{source + ' ' + name.replace('_', ' '):46}{ends}   {told}")
    return "\n".join(["", *lines, ""]) if lines else ""


def tabulated(run: xr.Dataset, recorded: xr.Dataset | None, full: bool) -> str:
    """First and last session; change per session as a share of the first, and its standard error;
    of --full the published run."""
    beside = "   published run" if full else ""
    lines = [
        f"{'measure':38}{'first':>10}{'last':>10}{'change per session':>20}{'s.e.':>9}{beside}"
    ]
    for source, dataset in (("simulated", learned(run)), ("recorded", recorded)):
        for name in MEASURES if dataset is not None else ():
            if name not in dataset:
                continue
            values, sessions = metrics.summary(dataset, name)[name], dataset.sizes["session"]
            share, error = (100 * value / max(sessions - 1, 1) for value in change(dataset, name))
            found = (
                f"{float(values[0]):10.3f}{float(values[-1]):10.3f}{share:+18.2f} %{error:7.2f} %"
            )
            first, last = (
                PUBLISHED_CORRIDOR.get(name, (None, None))
                if full and source == "simulated"
                else (None, None)
            )
            lines.append(
                f"{source + ' ' + name.replace('_', ' '):38}{found}   "
                f"{'' if first is None else f'{first} -> {last}'}".rstrip()
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    options.run(main)
