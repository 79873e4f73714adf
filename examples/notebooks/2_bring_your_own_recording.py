# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2. Bring your own recording
#
# You have followed the same cells over days, and their place fields have changed. How much of the
# change is drift? Some would
# be seen in a code that stands still: cells are quiet, so that rate maps are rough; the animal runs
# less on the last day; some
# cells are matched to the wrong partner. This notebook goes from files to an answer:
#
# 1. write the recording down in a format that any laboratory can write;
# 2. measure it: place cells, information, similarity of days;
# 3. set it beside a network that was *observed as your animal was*, and beside codes that do not
# drift.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import data_adapters
import drift
from drift import metrics, widgets
from drift.plots.rate_maps import rate_maps_over_sessions

# %% [markdown]
# ## Files
#
# One file for each session, `<animal>_<session>.npz`, with events (frame, cell) and position
# (frame,) as they come from the
# microscope. Your own data go here. In their place we make up two mice with 60 cells on a track of
# 120 cm, five days each. Two
# thirds of the cells have a field. Every night a fifth of the cells is drawn anew, with another
# field or none. Each day a tenth
# of the cells is not found.

# %%
folder = Path(tempfile.mkdtemp())
DAYS, CELLS, TRACK, RATE, FRAMES = 5, 60, 120.0, 10.0, 6_000
NEW_FIELDS = 0.2  # share of the cells, every night


def run_to_and_fro(rng: np.random.Generator) -> np.ndarray:
    """Position (frame,) of an animal that runs laps of 12 s and rests for 3 s at each end."""
    lap = np.concatenate(
        [
            np.linspace(2, TRACK - 2, 120),
            np.full(30, TRACK - 2),
            np.linspace(TRACK - 2, 2, 120),
            np.full(30, 2.0),
        ]
    )
    return np.resize(lap, FRAMES) + rng.normal(0, 0.3, FRAMES)


def record(animal: str, rng: np.random.Generator) -> None:
    """Write the sessions of one animal, and which cell is which on which day."""
    centres, loudness, tuned = (
        rng.uniform(0, TRACK, CELLS),
        rng.lognormal(0.0, 0.6, CELLS),
        rng.random(CELLS) < 2 / 3,
    )
    registration = np.zeros(
        (CELLS, DAYS), dtype=int
    )  # column of the cell in the file of the day, from 1; 0 where it was not found
    for day in range(DAYS):
        moved = rng.random(CELLS) < NEW_FIELDS * (day > 0)
        centres[moved], tuned[moved] = (
            rng.uniform(0, TRACK, moved.sum()),
            rng.random(moved.sum()) < 2 / 3,
        )
        position, found = run_to_and_fro(rng), np.flatnonzero(rng.random(CELLS) < 0.9)
        registration[found, day] = 1 + np.arange(len(found))
        fields = np.where(
            tuned, np.exp(-((position[:, np.newaxis] - centres) ** 2) / (2 * 9.0**2)), 0.2
        )  # (frame, cell)
        events = rng.poisson(loudness * fields / RATE)
        np.savez(
            folder / f"{animal}_{day + 1:02d}.npz",
            events=events[:, found], position=position, fs=RATE, n_detected=len(found), track_length_cm=TRACK, geometry="linear",
            animal=animal, region="CA1", environment="familiar", session=day + 1, time=float(day), time_unit="day",
        )  # fmt: skip
    np.savez(folder / f"{animal}_registration.npz", cell_to_index_map=registration)


for number, animal in enumerate(("mouseA", "mouseB")):
    record(animal, drift.stream(number, "world"))
sorted(path.name for path in folder.iterdir())

# %% [markdown]
# ## Measure
#
# `sessions` reads the files, `measure` makes rate maps of running times, information, and a test of
# each cell: a place cell
# tells more about place than its own events after they have been shifted in time, in all but 5 % of
# 200 shifts.

# %%
recorded = drift.measure(data_adapters.sessions("interchange", folder), shuffles=200)
measures = ["fraction_place_units", "spatial_information", "detected_units"]
recorded.drift.summary(*measures).to_dataframe()[measures].round(2)

# %% [markdown]
# `NaN` always means *not observed* and `0` means *silent*: a cell that was lost on a day is no
# silent cell. Look at the fields.
# Cells are sorted by their peak on the first day.

# %%
widgets.rate_map_slider(recorded, smoothing=1.0)

# %% [markdown]
# And which place cells of one day are place cells of the next? `turnover` counts among the cells
# that were found on both days.

# %%
kept = metrics.turnover(recorded, of="place")
share = (kept["kept"] / (kept["kept"] + kept["lost"])).mean("subject").isel(session=0)
share.round(2).to_series().rename("place cells of day 0 that are place cells again")

# %% [markdown]
# ## Beside a network that is observed alike
#
# `compare` takes a run of a network and looks at it through the lens of the recording: the same
# number of cells, the same event
# rates, the same time at each place, the same gaps. It measures what would have been recorded, and
# does the same with codes
# that stand still ("frozen code"), that stand still while the animal runs less ("changed
# behaviour"), or whose cells were
# confused ("wrong registration").

# %%
recipe = drift.Experiment(
    network=drift.Network(units=100, regime="lazy"), noise=[drift.UpdateNoise(std=0.03)], steps=6_000, sessions=7
)  # fmt: skip
run = drift.train([recipe.replace(seed=seed) for seed in range(3)], progress=False)
comparison = run.drift.compare(recorded, shuffles=40, bootstraps=50)
comparison.drift.table()

# %% [markdown]
# Read it from the recording. Its rate-map correlation falls. That of a frozen code, seen through
# the same lens, falls much
# less: the sentence below each table says how much of the change it explains. Hold every other
# change against its error, and
# against codes that do not move, before you call it drift.
#
# ## The figure

# %%
plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)
figure = plt.figure(figsize=(7.2, 5.4), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15])
maps = top.subplots(1, DAYS)
rate_maps_over_sessions(recorded, 0, range(DAYS), maps, smoothing=1.0)
maps[0].set_ylabel("place cells of day 0,\nsorted by their peak")
top.colorbar(maps[-1].images[0], ax=maps, label="rate / peak rate", ticks=[0, 0.5, 1])
panels = bottom.subplots(1, 3)
labels = {
    "fraction_place_units": "fraction of place cells",
    "spatial_information": "spatial information",
    "rate_map_correlation": "rate-map correlation",
}
for ax, (name, label) in zip(panels, labels.items()):
    comparison.drift.plot_curves(name, ax)
    ax.set_ylabel(f"{label} / first day")
handles, names = panels[2].get_legend_handles_labels()
bottom.legend(handles, names, loc="outside lower center", ncols=3)
for ax, letter in zip((maps[0], *panels), "abcd"):
    ax.text(
        -0.28 if letter != "a" else -0.42,
        1.06,
        letter,
        transform=ax.transAxes,
        fontweight="bold",
        fontsize=10,
    )

# %% [markdown]
# *What of the change is drift?* (a) Place cells of the first day on five days, grey where a cell
# was not found. (b, c) In the
# recording (orange) the share of place cells and their information change by about a tenth or less. (d)
# Rate maps become unlike those
# of the first day, more than in codes that stand still (grey); the network observed alike (blue)
# drifts more slowly. Bars: one
# standard error over animals or networks.
#
# ## Exercises
#
# 1. **A code that stands still.** Set `NEW_FIELDS = 0.0` and run the notebook again. How far does
# the rate-map correlation fall
#    now? Does the frozen code explain it?
# 2. **A quiet night.** Divide `loudness` by 4. The maps become rougher and information *rises*.
# `drift.measure(...,
#    corrected=True)` adds estimates that are freed of this bias: do they rise as well?
