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
# # 5. Kernels and predicted drift
#
# Two days, two codes, and the cosine between them is .6: is that much or little? It depends on how
# far the synapses have moved,
# and on how sparse the code is. For a large population with random inputs, in which the most
# strongly driven units are active,
# the answer is a formula without any free parameter: the *kernel*. It says how alike the codes of
# two stimuli are, given how
# alike the stimuli are; and a day on which synapses have moved is just another stimulus.
#
# Three questions:
#
# 1. How fast should a circuit drift, if its synapses have a lifetime of eight days?
# 2. A recording drifts: how long do the synapses behind it live?
# 3. Does a network that has *learned* its task drift like a random one?

# %%
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import circuits
import drift
from drift.plots.predictions import estimated_drift
from drift.plots.sessions import COLOURS, MARKERS
from drift.theory.code_drift.closed_forms import population_vector_similarity
from drift.training.probes.network import DEFAULT

FRACTIONS = (0.3, 0.1, 0.03)  # active units
LINES = ("-", "--", "-.")

# %% [markdown]
# ## The kernel
#
# Draw the inputs of many units at two places that look alike to a degree, leave the top fraction
# active, and compare the two
# population vectors. The formula needs no units at all. The sparser the code, the more it pulls
# places apart: inputs that
# correlate by .8 give codes that hardly overlap.

# %%
alike = np.linspace(0, 1, 9)


def sampled(similarity: float, fraction: float, units: int = 20_000) -> float:
    """Cosine of the population vectors of two places whose inputs correlate by ``similarity``."""
    here, other = drift.stream(0, "weights").standard_normal((2, units))
    drives = np.stack(
        [here, similarity * here + np.sqrt(1 - similarity**2) * other]
    )  # (place, unit)
    code = np.maximum(drives - np.quantile(drives, 1 - fraction, axis=1, keepdims=True), 0)
    return float(code[0] @ code[1] / np.linalg.norm(code, axis=1).prod())


kernel = xr.DataArray(
    [[sampled(one, fraction) for one in alike] for fraction in FRACTIONS],
    dims=("active_fraction", "input_similarity"), coords={"active_fraction": list(FRACTIONS), "input_similarity": alike},
)  # fmt: skip
theory = population_vector_similarity(kernel["input_similarity"], kernel["active_fraction"]).cosine
print(
    f"largest difference between formula and 20,000 units: {float(abs(kernel - theory).max()):.3f}"
)

# %% [markdown]
# ## Forward: from synapses to codes
#
# Three circuits with an interneuron. Their synapses live for eight days. `predict` measures how far
# the synapses have moved and
# how sparse the code is, puts both into the formula, and sets the result beside the code itself.
# Nothing is fitted.

# %%
lifetime, days = 8.0, np.array([0, 1, 2, 4, 7, 11, 16.0])
run = circuits.run_sessions(
    [circuits.LinearInterneuron(units=3_000).for_active_fraction(fraction) for fraction in FRACTIONS],
    circuits.PlaceInput(places=32, length=160.0, width=20.0),
    circuits.WeightDrift(weight_lifetime=lifetime),
    elapsed=days, engine="fixed_point", progress=False,
)  # fmt: skip
forward = run.drift.predict().assign_coords(subject=[f"f = {fraction}" for fraction in FRACTIONS])
forward["rms_structure"].to_series().unstack().round(3)

# %% [markdown]
# The table holds the distance of formula and circuit, as a root mean square over lags, on a scale
# from 0 to 1: a hundredth at
# most, and three hundredths for the sparsest code, in which only ninety units are active at a
# place.
#
# ## Backward: from a recording to synapses
#
# Now the other way round. We record 200 cells of the second circuit for ten minutes a day, as
# Poisson events, and know nothing
# of its synapses. `estimate` finds how sparse the code is and how long the synapses live, with
# intervals.

# %%
design = drift.recording_design(
    days, 200, places=run.sizes["place"], bin_size=5.0, event_rate=0.5, rate_spread=0.0
)
recorded = drift.measure(
    run.isel(subject=[1]).drift.observe(design, sampling_rate=10.0, time_scale=1.0)
)
estimate = recorded.drift.estimate(repetitions=60)
for name, truth in (("active_fraction", 0.1), ("weight_lifetime", lifetime)):
    low, high = estimate[f"{name}_interval"].values[0]
    print(
        f"{name.replace('_', ' ')}: {estimate[name].item():.3g} (95 % interval {low:.3g} to "
        f"{high:.3g}), truth {truth:g}"
    )

# %% [markdown]
# ## A network that has learned
#
# The formula knows nothing of learning. A network that has learned a corridor has weights that are
# anything but random. Does
# its code drift as if they were? We keep its weights in every session and ask.

# %%
trained = drift.train(
    [drift.Experiment(network=drift.Network(units=150, regime="lazy"), noise=[drift.UpdateNoise(std=0.03)], steps=12_000, sessions=13)],
    probes=(*DEFAULT, "input_weights", "bias", "output_weights"), threads=1, progress=False,
)  # fmt: skip
learned = trained.isel(session=slice(1, None)).drift.predict()
learned["rms_structure"].to_series().round(3)

# %% [markdown]
# The code of the units drifts almost as the formula says, although nobody told it about learning.
# The last row is another
# matter: it reads the codes of two days with the output weights of one of them. Two readings differ
# far more than they would
# with random output weights. A learned readout rests on fine differences between units, which drift
# spoils; that the loss stays
# small all the same means that the readout is mended as the code moves.
#
# ## The figure

# %%
plt.rcParams.update(
    {
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": 7,
    }
)
figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.6), layout="constrained")
finer = xr.DataArray(np.linspace(0, 1, 101), dims="input_similarity")
for number, fraction in enumerate(FRACTIONS):
    style = {"color": COLOURS[number], "linestyle": LINES[number]}
    marks = {
        "color": COLOURS[number],
        "marker": MARKERS[number],
        "linestyle": "none",
        "markersize": 4,
        "mfc": "white",
    }
    axes[0, 0].plot(
        finer,
        population_vector_similarity(finer, fraction).cosine,
        label=f"f = {fraction}",
        **style,
    )
    axes[0, 0].plot(alike, kernel.sel(active_fraction=fraction), **marks)
    one = forward.isel(subject=number).sel(statistic="population_vector_cosine")
    axes[0, 1].plot(one["lag"], one["prediction"], label=f"f = {fraction}", **style)
    axes[0, 1].plot(one["lag"], one["measurement"], **marks)
axes[0, 0].set(
    xlabel="correlation of the inputs", ylabel="similarity of the codes (cosine)", ylim=(0, 1.02)
)
axes[0, 1].set(
    xlabel="time between sessions (days)", ylabel="similarity of the codes (cosine)", ylim=(0, 1.02)
)
axes[0, 0].legend(title="lines: formula; markers: sampled")
axes[0, 1].legend(title="lines: formula; markers: circuit")
estimated_drift(estimate, axes[1, 0])
axes[1, 0].set(
    xlabel="time between sessions (days)",
    ylabel="similarity of the recorded code (cosine)",
    ylim=(0, 1.02),
)
axes[1, 0].legend([], title="line: estimate; markers: recording")
statistics = {
    "population_vector_cosine": "population vectors",
    "active_set_overlap": "active units",
    "readout_cosine": "readout of one day",
}
for number, (name, label) in enumerate(statistics.items()):
    one, colour = learned.isel(subject=0).sel(statistic=name), COLOURS[number]
    axes[1, 1].plot(
        one["lag"], one["prediction"], color=colour, linestyle=LINES[number], label=label
    )
    axes[1, 1].plot(
        one["lag"], one["measurement"], MARKERS[number], color=colour, markersize=4, mfc="white"
    )
axes[1, 1].set(
    xlabel="time between sessions (steps)", ylabel="similarity of the learned code", ylim=(0, 1.02)
)
axes[1, 1].legend(title="lines: formula; markers: network")
for ax, letter in zip(axes.flat, "abcd"):
    ax.set_title(letter, loc="left", fontweight="bold", fontsize=9)

# %% [markdown]
# *How fast should a code drift?* (a) The kernel of layers with a fraction f of active units. (b)
# Drift of three circuits whose
# synapses live for eight days. (c) Drift of a recording of the second circuit, and of the layer
# estimated from it. (d) Drift of
# a network that has learned a corridor; no line was fitted to its markers.
#
# ## Exercises
#
# 1. **Half the cells.** Observe 100 cells, or for five minutes a day. How wide do the intervals
# become? How far apart may two
#    recordings be before you would say that their synapses live for different times?
# 2. **Without learning.** Ask `predict` about a network that learns nothing: train with
# `learner=drift.SGD(learning_rate=1e-6)`
# and `noise=[drift.UpdateNoise(std=0.001, acts_on="weights")]`. Does the readout of another day
# still fail more than the
#    formula says?
