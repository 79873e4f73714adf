"""What commands say of their results, in a few lines."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.metrics import of_subject

TOLD = (
    "loss", "fraction_active_units", "fraction_active_responses", "noisy_fraction_active_responses", "fraction_place_units",
    "spatial_information",
)  # fmt: skip


def run_summary(run: xr.Dataset) -> str:
    """Return how many subjects became what, and their measures in the first and the last session, as text.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset of ``train`` or ``open_sweep``.
    """
    status, counts = np.unique(run["status"].values.astype(str), return_counts=True)
    became = ", ".join(f"{count} {name}" for name, count in zip(status, counts))
    return "\n".join([f"{run.sizes['subject']} subjects ({became}), {run.sizes['session']} sessions", *measure_rows(run)])


def measure_rows(dataset: xr.Dataset) -> list[str]:
    """Return one row for each measure that the Dataset has: its mean over subjects in the first and in the last session."""
    rows = [f"  {'mean over subjects':34}{'first session':>14}{'last session':>14}"]
    for name in TOLD:
        if name in dataset:
            values = of_subject(dataset, name).mean([dim for dim in of_subject(dataset, name).dims if dim != "session"])
            rows.append(f"  {name:34}{float(values[0]):14.4g}{float(values[-1]):14.4g}")
    return rows
