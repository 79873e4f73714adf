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
# # 1. Drift in a corridor
#
# An animal that knows a track runs it just as well a week later. But the hippocampal cells that
# fire along the track are no
# longer the same, and those that still fire do so elsewhere. The code *drifts*.
#
# Here a small network stands for the animal. It runs to and fro in a corridor, and learns to
# predict what it will see next.
# When it has learned, it goes on learning, and every synapse keeps trembling a little. Nothing else
# happens. We look at it in
# sessions, as one would record an animal, and ask three questions:
#
# 1. Does it still know the corridor?
# 2. Which units fire where?
# 3. How long until two sessions look unrelated?
#
# The networks and the measures are those of Ratzon, Derdikman and Barak ([eLife
# 2024](https://doi.org/10.7554/eLife.90069)).

# %%
import matplotlib.pyplot as plt

import drift
from drift import widgets
from drift.plots.rate_maps import rate_maps_over_sessions

# %% [markdown]
# ## A recipe
#
# A *recipe* says what is learned, by which network, by which rule, under which noise, and for how
# long. `Network` has one layer
# of units that are silent below a threshold, as cells are. `UpdateNoise` shakes the synapses in
# every step. The recipe is shown
# as a table; what differs from the defaults is bold.

# %%
recipe = drift.Experiment(
    task=drift.CorridorTask(samples=150),
    network=drift.Network(units=150, regime="lazy"),
    learner=drift.SGD(learning_rate=0.1),
    noise=[drift.UpdateNoise(std=0.03)],
    steps=20_000,
    sessions=21,
)
recipe

# %% [markdown]
# Three *subjects* are trained side by side. They differ in their seed: in what they saw, in the
# synapses they began with, and
# in how these trembled. The result is one table of numbers with names, an
# [xarray](https://docs.xarray.dev) Dataset.

# %%
run = drift.train([recipe.replace(seed=seed) for seed in range(3)], progress=False)
run

# %% [markdown]
# ## Does it still know the corridor?
#
# The relative loss is the error of the predictions, as a share of the variance of what is to be
# predicted: 1 for a network that
# always says the average, 0 for one that is always right. It falls within the first thousand steps
# and then stays low.
# Meanwhile fewer units answer, and those that do say more about place.

# %%
measures = [
    "relative_loss",
    "fraction_active_units",
    "fraction_active_responses",
    "spatial_information",
]
run.drift.summary(*measures).isel(session=slice(None, None, 4)).to_dataframe()[measures].round(3)

# %% [markdown]
# ## Which units fire where?
#
# Move the slider (click it, then use the arrow keys). Each row is the rate map of one unit: the way
# out on the left, the way
# back on the right, black where the unit fires most. Units are sorted by the place of their peak in
# the first session after
# learning. There they line up along two staircases. Later the staircases dissolve. The blue stripes
# are places that were not
# visited.

# %%
widgets.rate_map_slider(run)

# %% [markdown]
# The new code covers the corridor as the old one did, though the table above shows what the
# trembling costs: the loss has risen.
# Sorted by its own peaks, the last session shows staircases again, of other units:

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, session in zip(axes, (1, 10, 20)):
    run.drift.plot_rate_maps(subject=0, session=session, ax=ax)
    ax.set_xlabel("place in the corridor")
_ = axes[0].set_ylabel("place units, sorted by peak\nin the session shown")
# %% [markdown]
# ## How long until two sessions look unrelated?
#
# The rate-map correlation of two sessions is 1 if every place unit fires just as before. The more
# time lies between two
# sessions, the lower it is. Late in the run the code moves more slowly: few units are left, and
# each is more informative.

# %%
run.drift.correlation_by_lag(smoothing=3.0)["correlation"].mean("subject").isel(
    lag=[0, 4, 9, 14, 18]
).round(2).to_series()

# %% [markdown]
# ## Turn the noise up and down
#
# Each slider trains a small network anew, in a second or two. The run before stays in grey. Without
# any noise the code all but
# stands still once the task is learned: it is the noise that moves it.

# %%
widgets.noise_sliders()

# %% [markdown]
# ## The figure

# %%
plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)
figure = plt.figure(figsize=(7.2, 5.6), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[1.1, 1])
maps = top.subplots(1, 4)
rate_maps_over_sessions(run, 0, (1, 5, 10, 20), maps, smoothing=3.0)
maps[0].set_ylabel("unit, sorted by its peak\nafter 1,000 steps")
top.colorbar(maps[-1].images[0], ax=maps, label="rate / peak rate", ticks=[0, 0.5, 1])
panels = bottom.subplots(1, 3)
run.drift.plot_time_course("relative_loss", ax=panels[0])
panels[0].set(yscale="log", ylabel="loss / variance of targets")
run.drift.plot_time_course(
    "fraction_active_units",
    "fraction_active_responses",
    ax=panels[1],
    labels=["units", "responses"],
)
panels[1].set(ylim=(0, 1), ylabel="active fraction")
panels[1].legend()
learned = run.isel(session=slice(1, None))
learned.drift.plot_correlation_by_lag(smoothing=3.0, ax=panels[2], bars="standard_error")
panels[2].set(xlabel="time between sessions (steps)", xticks=[0, 5000, 10000])
panels[2].legend()
for ax, letter in zip((maps[0], *panels), "abcd"):
    ax.set_title(letter, loc="left", fontweight="bold", x=-0.18 if letter == "a" else 0)

# %% [markdown]
# *A network that knows a corridor keeps changing its code for it.* (a) Rate maps of one network,
# units in one order throughout.
# (b) The error of its predictions stays small. (c) Fewer and fewer responses are needed. (d) Rate
# maps of two sessions are the
# less alike the more time lies between them. Bars: one standard error over three networks.
#
# ## Exercises
#
# 1. **No noise.** Train `recipe.replace(noise=[])` and draw panel (d) again. What is left of the
# decay, and in which half of
#    the run?
# 2. **Another noise.** Put `drift.LabelNoise(std=3.0)` in the place of the update noise. It shakes
# what the network is told,
# not its synapses. Does the code drift? Does it become sparser, and how fast beside update noise?
