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
# # 3. Fit a circuit
#
# In hippocampus and cortex, inhibitory interneurons see the activity of a whole population and give
# it back as inhibition. Only
# the most strongly driven cells stay active. Say that this is all there is: cells with random
# inputs from places, one
# interneuron, and synapses that slowly wander. What would a recording of such a circuit look like,
# and can one read the circuit
# off the recording?
#
# Three numbers are asked for:
#
# | parameter | meaning |
# |---|---|
# | `gain` | strength of the inhibition: the stronger, the fewer cells are active at a place |
# | `input_width` | how far apart two places are when they begin to look different (cm) |
# | `weight_lifetime` | time in which a synapse forgets its strength (days) |
#
# As we make up the recording ourselves, we know the truth, and see how well the fit finds it.

# %%
import matplotlib.pyplot as plt
import numpy as np

import circuits
import drift
from circuits.fitting.plots import profile, similarity
from drift import widgets

# %% [markdown]
# ## The circuit
#
# The equations are what is simulated; the bold entries are what we chose.

# %%
circuit = circuits.LinearInterneuron(units=400, gain=80.0)
circuit

# %% [markdown]
# One stimulus, from silence: at first all driven units answer, then the interneuron catches up and
# all but the strongest fall
# silent.

# %%
settled = circuit.settle(drift.stream(0, "world").standard_normal(400), trajectory=True)
figure, ax = plt.subplots(figsize=(4.5, 2.6), layout="constrained")
active = (settled["rate_trajectory"] > circuit.active_rate).sum("unit")
ax.plot(1e3 * settled["time"], active, color="black")
ax.axhline(
    float(settled["active_units"]),
    color="#D55E00",
    linestyle="--",
    label=f"at rest: {int(settled['active_units'])} of 400",
)
ax.set(xlabel="time (ms)", ylabel="active units", yscale="log")
_ = ax.legend(frameon=False)
# %% [markdown]
# ## A recording of it
#
# The synapses wander with a lifetime of ten days. Once every two days we look at a hundred of its
# cells for ten minutes:
# positions, Poisson events, log-normal event rates, as they are in animals. The fit will see
# nothing else.

# %%
TRUTH = {"gain": 80.0, "input_width": 8.0, "weight_lifetime": 10.0}
PLACES, BIN, MINUTES, CELLS = 24, 4.0, 10.0, 100
DAYS = np.arange(0.0, 12.0, 2.0)

run = circuits.run_sessions(
    [circuit],
    circuits.PlaceInput(places=PLACES, length=PLACES * BIN, width=TRUTH["input_width"]),
    circuits.WeightDrift(weight_lifetime=TRUTH["weight_lifetime"]),
    elapsed=DAYS, engine="fixed_point", progress=False,
)  # fmt: skip

# the experiment that is imitated: days, cells that are followed, time at each place, event rates
design = drift.recording_design(DAYS, CELLS, places=PLACES, bin_size=BIN, minutes=MINUTES)
recorded = drift.measure(run.drift.observe(design, sampling_rate=10.0, time_scale=1.0))
widgets.rate_map_slider(recorded, smoothing=1.0)

# %% [markdown]
# ## The fit
#
# The circuit is simulated again and again, observed through the lens of the recording, and measured
# by the same functions,
# until its statistics agree with the recorded ones: how many cells are active, how wide fields are,
# how alike two days are.
# Here the search is short and takes the closed form of the circuit. For a paper leave out the last
# line: circuits then settle
# in Brian2, and the search is longer.

# %%
fit = circuits.fit(
    circuits.LinearInterneuron(units=150),
    recorded,
    parameters={"gain": (1, 1000), "input_width": (2, 40), "weight_lifetime": (1, 100)},
    engine="fixed_point", restarts=1, population=6, generations=12, bootstraps=60, progress=False,
)  # fmt: skip
fit

# %% [markdown]
# Each estimate comes with an interval, and with a word on whether the recording tells the parameter
# at all. The last sentence
# holds the drifting circuit against the same circuit with frozen weights: would noise alone make
# days as unlike?
#
# ## The figure

# %%
plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)
figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.4), layout="constrained")
one = fit.dataset.isel(subject=0)
for ax, session in zip(axes[0], (0, len(DAYS) - 1)):
    recorded.drift.plot_rate_maps(session=session, smoothing=1.0, ax=ax)
    ax.set(xlabel="place (bin of 4 cm)", ylabel="cells, sorted by peak")
similarity(one, "map_similarity", axes[0, 2])
axes[0, 2].set_ylim(0, 1.05)
axes[0, 2].legend(loc="center right", bbox_to_anchor=(1, 0.72), fontsize=6.5)
for ax, (name, truth) in zip(axes[1], TRUTH.items()):
    profile(one, name, ax)
    ax.axvline(truth, color="#D55E00", linestyle="--", linewidth=1.2)
    ax.set(ylim=(-2, 40))
axes[1, 0].plot([], [], color="black", label="estimate")
axes[1, 0].plot([], [], color="#D55E00", linestyle="--", label="truth")
axes[1, 0].legend(loc="upper right")
for ax, letter in zip(axes.flat, "abcdef"):
    ax.set_title(letter, loc="left", fontweight="bold", fontsize=9)

# %% [markdown]
# *A circuit read off its recording.* (a, b) Place cells on the first and the last day, each sorted
# anew. (c) Rate-map
# correlation against the time between days: recorded, as fitted, and of the same circuit with
# weights that stay. (d-f) How much
# worse the fit becomes where a parameter is held elsewhere; grey: 95 % interval.
#
# ## Exercises
#
# 1. **Cells that are not followed.** Let every day have an identity of its own, `unit_identity =
# [["0", "1", ...]]` in the
# design. Which of the three parameters can still be told, and what does the fit say about the
# others?
# 2. **The wrong circuit.** Fit `circuits.CountControl(units=150)`, whose interneuron counts active
# cells, with
# `{"active_fraction": (0.01, 0.5), "input_width": (2, 40), "weight_lifetime": (1, 100)}`. Can the
# recording tell the two
#    apart?
