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
# # 9. Gallery: every picture and the call that makes it
#
# Each function of `drift.plots` draws one panel on the axes that it is given. Here they are, on two
# small networks, three invented mice and their measures; put your own Datasets in their place.

# %%
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

import drift
from drift import metrics, plots

plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)


def panel(width: float = 3.6, height: float = 2.8) -> Axes:
    """One panel; sizes in inches."""
    return plt.figure(figsize=(width, height), layout="constrained").subplots()


recipe = drift.Experiment(
    task=drift.CorridorTask(samples=100, rays=9),
    network=drift.Network(units=60, regime="lazy"),
    noise=[drift.UpdateNoise(std=0.04)],
    steps=1_500,
    sessions=7,
)
run = drift.train([recipe, recipe.replace(seed=1)])

fields = drift.wandering_fields(seeds=(1, 2, 3), sessions=7, units=40, movement=0.03)
design = drift.recording_design(np.arange(7.0), 40, minutes=8.0, event_rate=0.2)
days = list(drift.observe(fields, like=design, sampling_rate=5.0))
mice = drift.measure(days, halves="trials", shuffles=40)
stability = drift.code_stability(days)

# %% [markdown]
# ## Rate maps
#
# The place units of one session, sorted by place.

# %%
plots.sorted_rate_maps(run, subject=0, session=-1, ax=panel())

# %% [markdown]
# The same units of a network in several sessions, in the order of the first.

# %%
axes = plt.figure(figsize=(7.2, 2.6), layout="constrained").subplots(1, 3)
plots.rate_maps_over_sessions(run, 0, [1, 3, 6], axes)

# %% [markdown]
# The same cells of an animal in the order of any session, here the second; white: not recorded.

# %%
axes = plt.figure(figsize=(7.2, 2.6), layout="constrained").subplots(1, 4)
plots.tracked_rate_maps(mice, 0, [0, 1, 3, 6], axes, sorted_by=1)

# %% [markdown]
# Single cells over days, from the most to the least stable.

# %%
cells = plots.example_units(mice, 0, sorted_by=0, count=4)
axes = plt.figure(figsize=(7.2, 4.0), layout="constrained").subplots(4, len(cells))
plots.example_cells(mice, 0, [0, 2, 4, 6], cells, axes)

# %% [markdown]
# Where fields are, against time spent there, with a band for fields that crowd nowhere.

# %%
_ = plots.field_density(metrics.centroid_density(mice), 0, 0, panel())

# %% [markdown]
# ## Sessions
#
# Measures over sessions: mean over subjects and one standard error.

# %%
names = ["fraction_active_units", "fraction_active_responses"]
plots.time_course(run, names, panel(), ["units", "responses"]).legend()

# %% [markdown]
# One number a session, subject by subject.

# %%
information = mice["spatial_information"].mean("unit")
_ = plots.measure_over_elapsed(
    information, mice["elapsed"], panel(), "spatial information (bits/event)"
)

# %% [markdown]
# How alike every two sessions are: mean over subjects by number of the session, and one subject by
# its days.

# %%
alike = metrics.mean_rate_map_correlation(mice, smoothing=1.0)
left, right = plt.figure(figsize=(7.2, 2.8), layout="constrained").subplots(1, 2)
plots.correlation_matrix(alike, left)
_ = plots.correlation_over_elapsed(alike[0], mice["elapsed"][0], right)

# %% [markdown]
# Changes over a study, beside those of others.

# %%
_ = plots.changes([("ours", -0.2, 0.05), ("a recording", -0.3, 0.08)], panel(3.6, 1.6))

# %% [markdown]
# ## Similarity by the time between sessions
#
# All pairs, early ones and late ones, with intervals over subjects.

# %%
_ = plots.correlation_by_lag(mice, alike, panel())

# %% [markdown]
# Any similarity, subject by subject, beside a ceiling.

# %%
ceiling = stability["correlation_ceiling"]
_ = plots.similarity_by_lag(
    alike, mice["elapsed"], panel(), "rate-map correlation", ceiling, "ceiling"
)

# %% [markdown]
# As seen, at best, and with the noise of few events taken out.

# %%
_ = plots.similarity_and_ceiling(
    stability["rate_map_correlation"],
    stability["corrected_similarity"],
    stability["elapsed"],
    panel(),
    stability["correlation_ceiling"],
)

# %% [markdown]
# Beside codes that stand still, seen through the same recording.

# %%
one = mice.isel(subject=[0])
noise = drift.sampling_noise(one, draws=20)
_ = plots.recorded_beside_frozen(noise, panel())

# %% [markdown]
# Against days, and against visits.

# %%
visited = one.assign_coords(visits=xr.ones_like(one["elapsed"]).cumsum("session"))
_ = plots.similarity_by_clock(visited, alike.isel(subject=[0]), panel())

# %% [markdown]
# What wrong matches of cells would explain.

# %%
_ = plots.wrong_match_sensitivity(metrics.wrong_matches(mice), panel(), assumed=0.05)

# %% [markdown]
# ## Readouts
#
# Errors of a kept, a refitted and a shuffled readout.

# %%
_ = plots.decoding_by_lag(stability, panel())

# %% [markdown]
# Which places are taken for which.

# %%
frames = [day for day in days if day["subject"] == days[0]["subject"]]
read = metrics.decoding(frames, readout="fixed", confusion=True)
_ = plots.confusion_matrix(read["confusion"].isel(subject=0, session=0, session_other=-1), panel())

# %% [markdown]
# ## Who stays, who returns, what moves

# %%
again, stays, moves = plt.figure(figsize=(8.6, 2.6), layout="constrained").subplots(1, 3)
active = stability.sel(group="active")
plots.recurrence_by_lag(active, stability["elapsed"], again)
plots.survival_curve(metrics.survival(mice), stays)
fields_of_mice = metrics.place_fields(mice["rate"])
_ = plots.shift_histogram(metrics.shift_distribution(fields_of_mice), mice["elapsed"], moves)

# %%
jumps, walk, hazard = plt.figure(figsize=(8.6, 2.6), layout="constrained").subplots(1, 3)
plots.jumps_by_lag(stability, stability["elapsed"], jumps)
plots.displacement_by_lag(stability, walk)
_ = plots.hazard_by_age(metrics.hazard(mice), hazard)

# %% [markdown]
# ## Geometry: where does it drift?

# %%
along, dimensions, together = plt.figure(figsize=(8.6, 2.6), layout="constrained").subplots(1, 3)
covariance = metrics.trial_noise_covariance(days)
plots.alignment_with_null(metrics.drift_alignment(mice, noise=covariance), along)
plots.dimension_by_lag(metrics.drift_dimension(mice, shuffles=0), mice["elapsed"], dimensions)
_ = plots.transformation_shares(metrics.drift_transformations(mice, surrogates=10), together)

# %% [markdown]
# ## Everything on one page

# %%
plots.stability_overview(stability, plots.sheet(180, 165), subject=0)

# %% [markdown]
# ## Planning

# %%
effect, study = drift.DriftRateEffect(rate=0.05, spread=0.02), drift.StudyDesign(units=40)
power = drift.power(effect, study, animals=[3, 5, 8], sessions=[4, 6], repetitions=50)
_ = plots.power_by_animals(power, panel())

# %% [markdown]
# ## Worlds

# %%
corners = [(-50, -50), (-50, 50), (0, 50), (0, 0), (50, 0), (50, -50)]
arena = drift.Arena(
    corners=corners, objects=[drift.Disc(centre=(20, -25), radius=8.0, height=10.0)]
)
_ = plots.arena_plan(arena, panel(2.8, 2.8))

# %% [markdown]
# Pictures of circuits, sparse codes and kernels are drawn by the examples:
# `examples/interneuron_top_k.py`, `examples/sparse_from_noise.py`, `examples/sparse_kernels.py`;
# what a fit says by `fit.plot()`, and sets for a paper by `repdrift figure`.
