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
# # 7. Is it drift?
#
# Rate maps of two days are less alike than those of one day. Before that is called drift, four
# questions are open: how alike could they be at best? What would a code that stands still have
# shown, seen through the same recording? Can yesterday's readout read today's code? And was it the
# same room? This notebook answers them one by one, with a figure each, and then puts the whole set
# to five codes: a network, the same network seen as an animal is seen, a circuit whose weights
# wander, a mouse, and a rat on a W maze.
#
# Set the environment variable `REPDRIFT_DATA` to a folder with recordings to see real animals;
# without it the mouse is invented, and the W maze left out.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import circuits
import data_adapters
import drift
from drift import metrics, plots

plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)
DATA = Path(os.environ.get("REPDRIFT_DATA", "no recordings"))


def mouse() -> list[xr.Dataset]:
    """Sessions of a real mouse, or of an invented one whose fields wander from day to day."""
    folder = DATA / "zivlab_multiday" / "C6_M4" / "Environment A"
    if folder.is_dir():
        return list(data_adapters.sessions("sheintuch2023", folder))
    code = drift.wandering_fields(seeds=(3,), sessions=9, units=60, movement=0.03)
    design = drift.recording_design(np.arange(0.0, 16.0, 2.0), 60, event_rate=0.15)
    return list(drift.observe(code, like=design))


days = mouse()
recorded = drift.measure(days, halves="trials")
print(f"{recorded.sizes['unit']} cells, {recorded.sizes['session']} sessions")

# %% [markdown]
# ## How alike could they be? The ceiling
#
# Odd and even laps of one session are two estimates of one map. Their correlation says how much of
# a map is noise, and with it how alike two sessions would be were nothing to change: the *ceiling*.
# Divided by it, similarity is 1 for a code that stands still, however few events there were.

# %%
stability = drift.code_stability(days)
figure, ax = plt.subplots(figsize=(3.6, 2.8), layout="constrained")
plots.similarity_and_ceiling(
    stability["rate_map_correlation"],
    stability["corrected_similarity"],
    stability["elapsed"],
    ax,
    stability["correlation_ceiling"],
)

# %% [markdown]
# *Similarity as seen, at best, and with the noise taken out.* What lies between the ceiling and the
# curve below it is lost by more than noise within a session.
#
# ## What would a code that stands still have shown? Four null models
#
# Each takes one map for every cell, from all sessions together, and looks at it through the
# recording: (1) the same cells, events and time at each place, (2) with activity that falls to a
# half, (3) with half of the running time on the last day, (4) with one cell in twenty matched to
# a wrong one from each session to the next.

# %%
still = drift.frozen_code(recorded)
nulls = {
    "sampling noise": drift.observe(still, like=recorded),
    "activity falls to a half": drift.observe(
        drift.frozen_code(recorded, final_gain=0.5), like=recorded
    ),
    "half of the running": drift.observe(still, like=drift.changed_behaviour(recorded, 0.5)),
}
maps = {name: drift.measure(sessions, halves="trials") for name, sessions in nulls.items()}
maps["wrong matches (5 %)"] = drift.wrong_registration(maps["sampling noise"], 0.05)

figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.8), layout="constrained", sharey=True)
styles = zip(maps, ("o", "s", "^", "D"), ("-", "--", ":", "-."))
looks = [("recorded", "X", "-"), *styles]
for name, marker, dash in looks:
    seen = maps.get(name, recorded)
    naive = metrics.mean_rate_map_correlation(seen, smoothing=1.0)
    without_noise = metrics.corrected_similarity(seen, smoothing=1.0)
    for ax, similarity in zip(axes, (naive, without_noise)):
        curve = metrics.curve_by_lag(similarity, seen["elapsed"]).mean("subject")
        colour = "black" if name == "recorded" else None
        ax.plot(curve["mean_lag"], curve, marker=marker, linestyle=dash, color=colour, ms=3.5, lw=1)
axes[0].set(ylabel="rate-map similarity", title="as seen", ylim=(0, 1.1))
axes[1].set(title="without noise")
for ax in axes:
    ax.set_xlabel("time between sessions (days)")
figure.legend(
    *[axes[0].get_lines(), [name for name, *_ in looks]], loc="outside lower center", ncols=3
)

# %% [markdown]
# *A recording (black) beside four codes that stand still.* Noise, fading activity and less running
# pull the curve on the left down, and none of them the one on the right. Wrong matches do, in both:
# only a program that says how certain its matches are can take them out, see the page "Same cell or
# not".
#
# One call makes many such codes and gives a verdict for each measure:

# %%
noise = drift.sampling_noise(recorded, draws=20)
for sentence in noise["sentence"].isel(subject=0).values:
    print("-", sentence)

# %% [markdown]
# ## Can yesterday's readout read today's code? Three curves
#
# A decoder learns where the animal was from one session, and is tested in another. If it fails
# there (*fixed*) where one that learns anew does well (*refitted*), the place is still in the code
# and the code has moved. *Shuffled* is the fixed one with cells in disorder: chance.

# %%
figure, ax = plt.subplots(figsize=(3.6, 2.8), layout="constrained")
plots.decoding_by_lag(stability, ax)

# %% [markdown]
# *Error of a fixed, a refitted and a shuffled readout against the time between sessions.*
#
# ## Was it the same room? Environments
#
# Maps of two rooms differ, and that is no drift: pairs across rooms enter no curve above, and have
# a name of their own, *remapping*. Here the animal is in room B on every second day, with other
# fields.

# %%
anew = drift.wandering_fields(seeds=(8,), sessions=9, units=60, movement=0.03)
here = drift.wandering_fields(seeds=(3,), sessions=9, units=60, movement=0.03)
rooms = []
for room, code, first in (("A", here, 0.0), ("B", anew, 1.0)):
    design = drift.recording_design(np.arange(first, 16.0, 4.0), 60, event_rate=0.5)
    for session in drift.observe(code.assign_coords(subject=["0"]), like=design):
        number = int(2 * session["session"] + first)
        session = session.drop_vars("unit_label")  # of the simulated units, others in each room
        rooms.append(session.assign_coords(environment=room, session=number))
both = drift.measure(sorted(rooms, key=lambda session: int(session["session"])), halves="trials")
across = metrics.remapping(both, smoothing=1.0)
print(across["spatial_correlation"].isel(subject=0).to_pandas().round(2))
drift_within = metrics.drift_rate(
    metrics.corrected_similarity(both, smoothing=1.0), both["elapsed"]
)
print("drift rate within rooms:", drift_within["drift_rate"].values.round(3), "per day")

figure, ax = plt.subplots(figsize=(3.6, 3.0), layout="constrained")
similarity = metrics.mean_rate_map_correlation(both, smoothing=1.0, across_environments=True)
plots.correlation_by_environment(similarity[0], both["elapsed"][0], ax)

# %% [markdown]
# *Rate-map correlation of every two sessions, room by room.* Within a room it falls with time,
# across rooms it is low from the first day on.
#
# ## The whole set, for five codes
#
# `drift.code_stability` takes whatever holds a code. What a source does not tell is absent, and it
# says why.

# %%
recipe = drift.Experiment(
    task=drift.CorridorTask(samples=100, rays=9),
    network=drift.Network(units=60, regime="lazy"),
    learner=drift.SGD(learning_rate=0.1),
    noise=[drift.UpdateNoise(std=0.03)],
    steps=8_000, sessions=9,
)  # fmt: skip
network = drift.train([recipe], progress=False)
design = drift.recording_design(np.arange(0.0, 16.0, 2.0), 60, event_rate=0.3)
circuit = circuits.run_sessions(
    [circuits.LinearInterneuron(units=60, gain=20.0)],
    circuits.PlaceInput(places=24),
    circuits.WeightDrift(weight_lifetime=10.0),
    elapsed=np.arange(0.0, 16.0, 2.0),
    engine="fixed_point",
    progress=False,
)
codes = {
    "network": drift.code_stability(network),
    "observed network": drift.code_stability(drift.observe(network, like=design)),
    "circuit": drift.code_stability(circuit),
    "mouse": stability,
}
maze = DATA / "hc6_layout_wmaze" / "Nel"
if maze.is_dir():
    options = {"area": "any", "position_units": "pixel"}
    codes["W maze"] = drift.code_stability(data_adapters.sessions("karlsson2015", maze, **options))

SHOWN = {
    "rate_map_correlation": "as seen",
    "corrected_similarity": "without noise",
    "decoding_error": "fixed readout",
    "refitted_decoding_error": "refitted",
    "recurrence": "recurrence",
}
for name, found in codes.items():
    print(f"\n{name}: halves by {found.attrs['halves']}")
    for variable, label in SHOWN.items():
        if f"{variable}_by_lag" in found:
            curve = found[f"{variable}_by_lag"].isel(subject=0, room=0)
            curve = curve.sel(group="active") if "group" in curve.dims else curve
            curve = curve.dropna("lag")
            print(f"  {label:14} {float(curve[0]):6.2f} -> {float(curve[-1]):6.2f}")
    missing = drift.stability.absent_measures(found)
    print("  absent:", ", ".join(sorted({text.split(":")[0] for text in missing["measure"]})))

# %% [markdown]
# ## The figure
#
# All of it on one page, here of the mouse; `repdrift stability READER PATH --out FOLDER` makes the
# same from the command line, with tables.

# %%
with plots.publication_settings():
    page = plots.stability_overview(stability, plots.sheet(180, 165))
page

# %% [markdown]
# *Does the code drift?* (a) Cells in the order of one day, on all days. (b) Similarity as seen, at
# best and without noise. (c) The three readouts. (d) Who is active again, beside chance and test
# noise. (e) Who stays. (f, g) How far fields shift, and how many jump.
#
# ## Exercises
#
# 1. **Few events.** Give the invented mouse an `event_rate` of 0.03, and look at the ceiling, at
# the curve without noise, and at the verdicts. Which of them can still be told?
# 2. **Jumps or steps?** Replace the wandering fields by fields that are redrawn: `drift.frozen_code`
# of one session for half of the cells, and of another for the rest. Which panels of the last figure
# tell the two kinds of drift apart?
