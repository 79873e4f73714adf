"""A small comparison, its run and its recording, and a fit as ``circuits.fit`` describes it; texts
that a page must not obey."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

import drift

HOSTILE = (
    '<script>document.title = "taken"</script><img src="https://example.org/x.png">&amp; $x_1$'
)


@cache
def inputs() -> dict[str, xr.Dataset]:
    """Keyword arguments of ``drift.report``, and ``comparison``."""
    run = drift.wandering_fields(sessions=5, units=24, places=12, movement=0.05)
    recipes = [drift.Experiment(seed=seed).to_json() for seed in range(run.sizes["subject"])]
    run = run.assign_coords(
        experiment=("subject", recipes),
        unit_label=("unit", [f"{HOSTILE} {unit}" for unit in run["unit"].values]),
    )
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 4), unit=slice(34, None))
    sessions = drift.observe(run, lens.assign(rate=5 * lens["rate"]), sampling_rate=2, seed=9)
    recorded = drift.measure(one.assign_attrs(source=HOSTILE) for one in sessions)
    recorded = recorded.assign_coords(subject=[HOSTILE, "b"])
    comparison = drift.compare(run, recorded, sampling_rate=2, shuffles=0, bootstraps=10)
    return {"comparison": comparison, "run": run, "recorded": recorded, "fit": fitted()}


def fitted() -> xr.Dataset:
    """A fit of one subject with two parameters, one of them not identified."""
    lags = [f"map similarity, lag {lag}" for lag in (1, 2, 3)]
    names, statistics = ["gain", "weight_lifetime"], ["active fraction", *lags]
    by = ("subject", "statistic")
    return xr.Dataset(
        {
            "estimate": (("subject", "parameter"), [[80.0, 9.0]]),
            "interval": (("subject", "parameter", "bound"), [[[40.0, 160.0], [1.0, 100.0]]]),
            "identified": (("subject", "parameter"), [[1, 0]]),
            "profile_distance": (("subject", "parameter", "point"), np.ones((1, 2, 3))),
            "measured": (by, [[0.2, 0.8, 0.7, 0.6]]), "measured_error": (by, [[0.02, 0.05, 0.05, 0.05]]),
            "predicted": (by, [[0.21, 0.79, 0.69, 0.62]]), "frozen": (by, [[0.21, 0.95, 0.95, 0.95]]),
            "distance": ("subject", [2.5]), "degrees_of_freedom": ("subject", [2]), "p_value": ("subject", [0.29]),
            "frozen_p_value": ("subject", [1e-9]), "converged": (("subject", "restart"), [[1, 0]]),
        },
        coords={
            "subject": [HOSTILE], "parameter": names, "bound": ["low", "high"], "statistic": statistics,
            "group": ("statistic", ["active_fraction", *["map_similarity"] * 3]), "search_low": ("parameter", [1.0, 1.0]),
            "search_high": ("parameter", [1000.0, 100.0]), "parameter_units": ("parameter", ["1", "day"]),
        },
        attrs={"elapsed_units": "day", "circuit": '{"kind": "linear"}'},
    )  # fmt: skip
