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
# # 6. A new learning rule
#
# You have a theory of how synapses change. What would it do to the code for a place, over weeks?
# This notebook writes a
# learning rule in a few lines, checks it, and runs it beside gradient descent, with everything that
# repdrift measures.
#
# The example is an old observation: large synapses change more than small ones. Spines in the
# auditory cortex of mice grow and
# shrink in proportion to their size, which makes their sizes log-normal ([Loewenstein, Kuras and
# Rumpel
# 2011](https://doi.org/10.1523/JNEUROSCI.6130-10.2011)). Gradient descent is blind to size. The
# same idea for learning is the
# exponentiated gradient (Kivinen and Warmuth 1997):
#
# $$ w \leftarrow w \, \exp(-\eta \, \mathrm{sign}(w) \, g) $$
#
# with the gradient $g$ and the learning rate $\eta$. A synapse of size 2 moves twice as far as one
# of size 1; and excitation
# never becomes inhibition. Does a code drift in the same way, if synapses tremble like this?

# %%
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from pydantic import Field

import drift
from drift.learners import LEARNERS, Learner, Program
from drift.plots.sessions import COLOURS
from drift.training.probes.network import DEFAULT

# %% [markdown]
# ## The rule
#
# A rule is a recipe with numbers, and one method. `learn` sees a *program*: many networks side by
# side, the subject first in
# every array. `program.parameters` are the weights: of inputs and bias to units (subject, unit,
# input + 1), and of units to
# outputs (subject, unit, output). They are changed in place. `self.slopes(program)` is the gradient
# of the step, noise
# included. `program.numbers` holds the numbers of the rule, one for each subject, as networks that
# run side by side may differ
# in them.


# %%
class MultiplicativeSynapses(Learner):
    """w <- w exp(-learning_rate * sign(w) * gradient): synapses change in proportion to their size
    and keep their sign."""

    kind: Literal["multiplicative_synapses"] = "multiplicative_synapses"
    learning_rate: float = Field(default=0.2, gt=0)

    def learn(self, program: Program) -> None:
        """Take one step."""
        for weights, slope in zip(program.parameters, self.slopes(program), strict=True):
            change = -program.numbers["learning_rate"] * weights.sign() * slope
            weights.mul_(change.clamp(-1, 1).exp())  # no synapse grows more than e-fold in a step


# %% [markdown]
# That is all. A rule that remembers something from step to step, such as a trace of activity, names
# it in `remembers` and finds
# it in `program.memory`; `drift/learners/adam.py` shows how. A rule that tries changes and keeps
# what helped finds
# `program.loss()` and `program.perturbation()`, see `drift/learners/stochastic_error_descent.py`.
#
# ## Check it
#
# Before believing a rule, hold it against a case that is known. Without noise one step of gradient
# descent moves a weight by
# $-\eta_0 g$. One step of ours must then change its logarithm by that, times $\eta \,
# \mathrm{sign}(w) / \eta_0$.

# %%
one_step = drift.Experiment(
    task=drift.CorridorTask(samples=40, rays=5),
    network=drift.Network(units=20),
    steps=1,
    sessions=2,
)
probes = ("loss", "input_weights", "output_weights")
ours, plain = (
    drift.train(
        [one_step.replace(learner=rule)], probes=probes, precision="float64", progress=False
    )
    for rule in (MultiplicativeSynapses(learning_rate=0.01), drift.SGD(learning_rate=0.01))
)
for name in ("input_weights", "output_weights"):
    before, after = (ours[name].isel(session=session) for session in (0, 1))
    moved = plain[name].diff("session").isel(session=0)
    np.testing.assert_allclose(
        np.log(after / before), np.sign(before) * moved, rtol=1e-3, atol=1e-6
    )
print("one step is as it should be")

# %% [markdown]
# The house law of repdrift is that a subject in a crowd is that subject alone. It must hold for
# your rule too, or subjects have
# been mixed up:

# %%
recipes = [
    one_step.replace(learner=MultiplicativeSynapses(learning_rate=rate), steps=30, seed=seed)
    for seed, rate in enumerate((0.1, 0.2, 0.3))
]
crowd, alone = (
    drift.train(recipes, probes=probes, progress=False),
    drift.train(recipes[1:2], probes=probes, progress=False),
)
for name in probes:
    np.testing.assert_array_equal(
        crowd[name].isel(subject=1).values, alone[name].isel(subject=0).values
    )
print("alone as in a crowd, to the last bit")

# %% [markdown]
# One more line makes the rule known to recipes in files. Recipes in Python do without it.

# %%
LEARNERS["multiplicative_synapses"] = MultiplicativeSynapses
recipe = drift.Experiment(
    network=drift.Network(units=100), learner=MultiplicativeSynapses(), noise=[drift.UpdateNoise(std=0.07)], steps=5_000, sessions=11
)  # fmt: skip
assert drift.Experiment.from_toml(recipe.to_toml()) == recipe
recipe

# %% [markdown]
# ## Let it drift
#
# Two networks for each rule. The noise is on the gradient, and so goes through the rule: under
# ours, large synapses tremble
# more. Its size is chosen such that both rules lose about as much of their code over the run.

# %%
additive = recipe.replace(
    learner=drift.SGD(learning_rate=0.1), noise=[drift.UpdateNoise(std=0.045)]
)
RULES = {"additive": additive, "multiplicative": recipe}
runs = {
    name: drift.train(
        [one.replace(seed=seed) for seed in range(2)],
        probes=(*DEFAULT, "input_weights"),
        threads=1,
        progress=False,
    )
    for name, one in RULES.items()
}
measures = ["relative_loss", "fraction_active_responses", "spatial_information"]
ends = {name: run.drift.summary(*measures)[measures].isel(session=-1) for name, run in runs.items()}
xr.concat(ends.values(), dim=xr.Variable("rule", list(ends))).to_dataframe()[measures].round(3)

# %% [markdown]
# ## The figure

# %%
plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)
figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.4), layout="constrained")
styles = {"additive": (COLOURS[0], "-", "o"), "multiplicative": (COLOURS[1], "--", "s")}
bins = np.linspace(-4, 2, 61)
for name, run in runs.items():
    colour, line, marker = styles[name]
    look = {
        "color": colour,
        "linestyle": line,
        "marker": marker,
        "markersize": 3,
        "capsize": 2,
        "label": name,
    }
    loss = run.drift.summary("relative_loss")
    axes[0, 0].errorbar(
        run["elapsed"][0], loss["relative_loss"], loss["relative_loss_standard_error"], **look
    )
    similar = run.isel(session=slice(1, None)).drift.correlation_by_lag(smoothing=3.0)[
        "correlation"
    ]
    axes[0, 1].errorbar(
        similar["lag"], similar.mean("subject"), similar.std("subject", ddof=1) / np.sqrt(2), **look
    )
    synapses = (
        run["input_weights"]
        .stack(synapse=("unit", "input"))
        .transpose("session", "subject", "synapse")
        .values
    )
    sizes = np.log10(np.abs(synapses[-1]).ravel())
    axes[1, 0].hist(
        sizes,
        bins,
        density=True,
        histtype="step",
        color=colour,
        linestyle=line,
        linewidth=1.3,
        label=name,
    )
    first, last = synapses[1, 0], synapses[-1, 0]
    axes[1, 1].plot(
        np.abs(first),
        np.abs(last - first),
        marker,
        color=colour,
        markersize=2,
        alpha=0.25,
        label=name,
        rasterized=True,
    )
    print(
        f"{name}: {np.mean(np.sign(first) != np.sign(last)):.1%} of the input synapses changed sign"
    )
unlearned = np.log10(np.abs(runs["additive"]["input_weights"].isel(session=0).values.ravel()))
axes[1, 0].hist(unlearned, bins, density=True, color="0.85", zorder=0, label="before learning")
axes[0, 0].set(yscale="log", xlabel="learning (steps)", ylabel="loss / variance of targets")
axes[0, 1].set(
    xlabel="time between sessions (steps)", ylabel="rate-map correlation", ylim=(0, 1.02)
)
axes[1, 0].set(xlabel="log10 of the size of input synapses", ylabel="density")
axes[1, 1].set(
    xscale="log",
    yscale="log",
    xlabel="size of a synapse after 500 steps",
    ylabel="its change until the end",
    xlim=(1e-3, 10),
    ylim=(1e-4, 10),
)
for ax, letter in zip(axes.flat, "abcd"):
    ax.legend(markerscale=2 if letter == "d" else 1)
    ax.set_title(letter, loc="left", fontweight="bold", fontsize=9)

# %% [markdown]
# *The code drifts alike, the synapses do not.* (a) Both rules learn the corridor and keep it. (b)
# Rate maps of two sessions
# become unlike at a similar pace. (c) Sizes of multiplicative synapses spread to both sides; those
# of additive ones hardly do.
# (d) Under the additive rule synapses of all sizes change by about as much, under the
# multiplicative one large synapses change
# more. Bars: one standard error over two networks.
#
# From rate maps alone one could not tell the two rules apart; from spines one could.
#
# ## Exercises
#
# 1. **Silence.** The additive rule makes codes sparser in the long run (notebook 1). Does the
# multiplicative one? Run both for
#    longer, and draw `fraction_active_responses`.
# 2. **A rule of your own.** Add a decay, `weights.mul_(1 - program.numbers["decay"])`, with an
# entry `decay: float =
# Field(default=1e-4, ge=0)`. What does it do to `squared_norm`, which grows without bound under
# update noise, and to drift?
