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
# # 4. Sparse codes from noise
#
# In most sensory areas only a few cells answer to any one stimulus. Why? Nobody has to ask for it:
# a network that learns to see
# through noise becomes sparse by itself. A unit near its threshold is pushed over it by noise, now
# and then and for nothing.
# Learning moves units away from where noise can push them, and most of them down, below threshold.
#
# Here networks restore small patches of photographs to which noise was added. We ask how many units
# answer, what becomes of
# their thresholds, and what they look for in an image.

# %%
import matplotlib.pyplot as plt

import drift
from drift import widgets
from drift.plots.sparse_codes import (
    density_over_sessions,
    receptive_field_mosaic,
    sparsity_against_noise,
)

# %% [markdown]
# ## Patches of photographs
#
# Patches of 8 by 8 pixels from eleven photographs, without download. They are *whitened*, as the
# retina does about: no pixel
# predicts its neighbour by brightness alone, only edges are left. The variance of each pixel is 1,
# so that noise of 0.8 is
# nearly as strong as the image.

# %%
task = drift.ImageTask(size=8, samples=5_000, test_samples=512)
patches = task.draw(0)["inputs"][:10]
noisy = patches + 0.8 * drift.stream(0, "input_noise").standard_normal(patches.shape)
figure, axes = plt.subplots(2, 10, figsize=(7.2, 1.6), layout="constrained")
for row, images in zip(axes, (patches, noisy)):
    for ax, image in zip(row, images.values):
        ax.imshow(image.reshape(8, 8), cmap="Greys_r", vmin=-3, vmax=3)
        ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("clean")
_ = axes[1, 0].set_ylabel("noisy")
# %% [markdown]
# ## Eight networks
#
# One hidden layer, a hundred units, four sizes of noise, two subjects each. Everything else is the
# same. The loss knows nothing
# of sparsity: it is the squared difference between what comes out and the clean patch.

# %%
quiet = drift.Experiment(
    task=task,
    network=drift.DenoisingNetwork(units=100),
    learner=drift.Adam(learning_rate=4e-3, gradient_clip=1.0),
    minibatch=64,
    steps=1_800,
    sessions=9,
    spacing="log",
)
stds = (0.0, 0.1, 0.3, 0.8)
recipes = [
    quiet.replace(seed=seed, noise=[drift.InputNoise(std=std)] if std else [])
    for std in stds
    for seed in range(2)
]
probes = [
    "noisy_loss",
    "noisy_fraction_active_responses",
    "bias",
    "bias_mean",
    "fraction_negative_biases",
    "input_weights",
]
run = drift.train(recipes, probes=probes, threads=1, progress=False)
measures = [
    "noisy_loss",
    "noisy_fraction_active_responses",
    "bias_mean",
    "fraction_negative_biases",
]
run.isel(session=-1)[measures].groupby("input_noise").mean().to_dataframe()[measures].round(2)

# %% [markdown]
# With more noise fewer units answer. Biases, which are minus the thresholds, turn negative in
# nearly all units: as if one
# interneuron inhibited them all alike. (Notebook 3 is about such an interneuron; `circuits.bridged`
# puts it in the place of the
# learned biases.)
#
# ## Try the noise yourself
#
# The same sliders as in notebook 1, on another network: it learns to reproduce ten random patterns,
# under noise on its synapses
# and on its labels. That noise, too, makes codes sparse, more slowly.

# %%
widgets.noise_sliders(
    drift.Experiment(
        task=drift.RandomAutoencoderTask(samples=10, inputs=10), network=drift.Network(units=60),
        noise=[drift.UpdateNoise(std=0.05)], steps=8_000, sessions=9,
    )
)  # fmt: skip

# %% [markdown]
# ## The figure

# %%
plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)
figure, axes = plt.subplot_mosaic(
    "abc;ddd;eee", figsize=(7.2, 4.9), height_ratios=[2, 1, 1], layout="constrained"
)
last = run.isel(session=-1)
sparsity_against_noise(last["noisy_fraction_active_responses"], last["input_noise"], axes["a"])
axes["a"].set(
    ylim=(0, None), xlim=(-0.01, 1), xlabel="noise on the input (s.d.)", ylabel="active fraction"
)
axes["a"].set_xticks(stds, [f"{std:g}" for std in stds])
for letter, subject in (("b", 0), ("c", 6)):
    one = run.isel(subject=subject, session=slice(1, None))
    density_over_sessions(one["bias"], one["elapsed"], axes[letter])
    axes[letter].set(
        xscale="log", xlabel="step of learning", ylim=(-1.1, 1.4), ylabel="bias of the units"
    )
figure.axes[-2].remove()  # both panels share the scale of grey
for letter, subject in (("d", 0), ("e", 6)):
    receptive_field_mosaic(
        last["input_weights"].isel(subject=subject, unit=slice(0, 75)), axes[letter]
    )
titles = {
    "a": "",
    "b": "no noise",
    "c": "noise 0.8",
    "d": "receptive fields, no noise",
    "e": "receptive fields, noise 0.8",
}
for letter, title in titles.items():
    axes[letter].set_title(title)
    axes[letter].set_title(letter, loc="left", fontweight="bold", fontsize=10)

# %% [markdown]
# *Noise makes codes sparse.* (a) Share of the units that answer to a noisy patch; bars: one
# standard error over two subjects.
# (b, c) Biases of all units of one network during learning. (d, e) Input weights of 75 units of the
# same networks, each divided
# by its largest. Without noise they look random; with noise they become edges.
#
# ## Exercises
#
# 1. **Another law.** Cells do not receive Gaussian noise. Use `drift.InputNoise(std=0.8,
# law="laplace")`, and then
#    `law="poisson"`. Does sparsity care?
# 2. **Sparse by order.** Take the noise away and let units compete:
# `drift.DenoisingNetwork(units=100,
#    inhibition=drift.TopK(active_units=10))`. Are the receptive fields those of (d) or of (e)?
