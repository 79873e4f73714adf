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
# # 8. Where does it drift?
#
# A code that drifts goes somewhere: along its own noise, or across it? Along the directions in which
# it codes places? In few dimensions or in many? As a whole, so that a reader could follow by a
# rotation, or cell by cell? And what drives it, days or laps? Each of these is a number, and each is
# biased, because a difference of two noisy maps is mostly noise, which has directions of its own.
# This notebook takes one mouse, asks each question three times (*naive*, as published; *frozen*, what
# a code that stands still would have shown in these sessions; *cross-validated*, from halves that
# share no noise), and ends with what may be concluded from one mouse.
#
# Set the environment variable `REPDRIFT_DATA` to a folder with recordings to see a real mouse;
# without it the mouse is invented.

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

import data_adapters
import drift
from drift import metrics, plots

plt.rcParams.update(
    {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
)
pd.set_option("display.width", 150, "display.max_columns", 12, "display.precision", 3)
DATA = Path(os.environ.get("REPDRIFT_DATA", "no recordings"))


def mouse() -> list[xr.Dataset]:
    """Sessions of a real mouse, or of an invented one whose fields wander from day to day."""
    folder = DATA / "zivlab_multiday" / "C6_M4" / "Environment A"
    if folder.is_dir():
        sessions = data_adapters.sessions("sheintuch2023", folder)
        return list(drift.counted_events(sessions))  # amplitudes of calcium: one event each
    code = drift.wandering_fields(seeds=(3,), sessions=6, units=40, movement=0.03)
    design = drift.recording_design(np.arange(0.0, 10.0, 2.0), 40, event_rate=0.3)
    return list(drift.observe(code, like=design))


days = mouse()
recorded = drift.measure(days, halves="trials")
events = (recorded["rate"] * recorded["occupancy"]).sum(["place", "direction"])
active = events >= 10
print(f"{recorded.sizes['unit']} cells, {recorded.sizes['session']} sessions")

# %% [markdown]
# ## Is there a drift that has a direction?
#
# A direction of nothing is nothing. If the code stood still, any lap of one day could be a lap of
# another: laps are exchanged between two days, and the distance of the maps is compared with that of
# the days as they were. This holds whatever laps have in common, such as laps on which all cells fire
# more, which two halves of a session cannot tell from a drift. (Changes within a session that last
# many laps do count.)

# %%
p_values = metrics.exchanged_trial_p_values(days, exchanges=99)
pairs = p_values.values[0][np.triu_indices(recorded.sizes["session"], 1)]
print(f"{np.sum(pairs < 0.023)} of {pairs.size} pairs of days differ (p < .023)")

# %% [markdown]
# ## One table
#
# The noise of the maps is told by single laps, too. `frozen` is what the naive number would be if
# nothing drifted. The null of the cross-validated number has shuffled cells, or cells that drift each
# for itself. Where at most pairs no drift is told from 0, there is no estimate: it is undefined.

# %%
noise = metrics.trial_noise_covariance(days)
table = metrics.geometry_table(recorded, noise=noise, p_values=p_values, keep=active, groups=5)
shown = ["measure", "naive", "frozen", "estimate", "lower", "upper", "null", "null_deviation"]
print(table[shown].to_string(index=False, na_rep="-"))
for row in table[table["reason"] != ""].itertuples():
    print(f"{row.measure}: {row.reason}")
print("The intervals speak of", table["speaks_of"].iloc[0])

# %% [markdown]
# The same for its frozen twin, a code that stands still and was recorded like this mouse:

# %%
still = list(drift.observe(drift.frozen_code(recorded), like=recorded))
twin = drift.measure(still, halves="trials")
of_twin = metrics.geometry_table(
    twin,
    noise=metrics.trial_noise_covariance(still),
    p_values=metrics.exchanged_trial_p_values(still, exchanges=49),
    groups=0,
    null=2,
)
print(of_twin[["measure", "naive", "frozen", "estimate"]].to_string(index=False, na_rep="-"))

# %% [markdown]
# A published table holds the first column alone, and would have found an alignment with noise, a
# dimension and a rotation in a code at rest.
#
# ## The figure

# %%
alignment = metrics.drift_alignment(
    recorded, noise=noise, keep=active, p_values=p_values, shuffles=50
)
dimension = metrics.drift_dimension(recorded, keep=active, p_values=p_values, shuffles=0)
shares = metrics.drift_transformations(recorded, keep=active, p_values=p_values, surrogates=10)
figure, (along, dimensions, together) = plt.subplots(1, 3, figsize=(8.6, 2.9), layout="constrained")
plots.alignment_with_null(alignment, along)
plots.dimension_by_lag(dimension, recorded["elapsed"], dimensions)
plots.transformation_shares(shares, together)

# %% [markdown]
# *Left: how much of the drift lies along the noise; the band is that of shuffled cells. Middle:
# dimensions of the drift by the time between days. Right: what a transformation of the whole
# population explains at places on which it was not fitted; bands are cells that drift each for
# itself.*
#
# ## Days or laps?

# %%
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    model = metrics.time_and_experience(recorded, behaviour=(), permutations=0)
print(f"days and visits correlate by {model['time_experience_correlation'].item():.3f}")
print("\n".join(str(warning.message) for warning in told))

# %% [markdown]
# ## What may be concluded from one mouse

# %%
rows = table.set_index("measure")
along_noise, turned = rows.loc["alignment with noise"], rows.loc["share of a rotation"]
print(
    f"1. The code of this mouse moved between {np.sum(pairs < 0.023)} of {pairs.size} pairs of days "
    "by more than its laps differ; that needs no other mouse."
)
beyond = along_noise["lower"] > along_noise["null"] + 2 * along_noise["null_deviation"]
alone = turned["estimate"] < turned["null"] + 2 * turned["null_deviation"]
print(
    f"2. Its drift lies along its noise by {along_noise['estimate']:.2f} "
    f"({along_noise['lower']:.2f} to {along_noise['upper']:.2f}), "
    f"{'more than' if beyond else 'not told from'} that of shuffled cells "
    f"({along_noise['null']:.2f}), and a rotation explains "
    f"{'no more of it than of' if alone else 'more of it than of'} cells that drift for themselves."
)
print(
    "3. Whether other mice drift alike, and whether days or laps drive it, one mouse that was "
    "visited at even intervals cannot tell: the intervals are those of its cells and days."
)

# %% [markdown]
# ## Exercises
#
# 1. **Few events.** Give the invented mouse an `event_rate` of 0.05. Which estimates become undefined,
# and which of the naive ones change?
# 2. **More mice.** Invent four mice with `seeds=range(4)`. Whom do the intervals speak of now, and
# which of them are narrower than those of one mouse?
