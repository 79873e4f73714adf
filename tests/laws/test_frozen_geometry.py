"""A code at rest does not drift: no measure of geometry gives it a direction, a dimension or a
transformation, through any lens."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from ring_days import days

import drift
from drift import metrics

MICE, SIMILAR = 4, "stability of similarities"


def seen(sessions: int, **lens: float) -> list[list[xr.Dataset]]:
    """Codes at rest through a lens."""
    run = drift.wandering_fields(seeds=range(MICE), sessions=sessions, units=20, places=20)
    design = drift.recording_design(np.arange(float(sessions)), 20, **lens)
    listed = list(drift.observe(drift.frozen_code(run), like=design, sampling_rate=5.0))
    names = dict.fromkeys(str(session["subject"].item()) for session in listed)
    return [[own for own in listed if str(own["subject"].item()) == name] for name in names]


LENSES = {
    "few events": lambda: seen(4, minutes=6.0, event_rate=0.05),
    "much running": lambda: seen(4, minutes=20.0, event_rate=0.5),
    "laps of one gain": lambda: [days(seed, 0.8, rooms="AAAA") for seed in range(MICE)],
}


@pytest.mark.parametrize("lens", LENSES)
def test_no_figure_of_geometry(lens: str):
    """Of four mice, by the exchange of laps; squared drift within 3 standard errors of 0 (Student,
    3 degrees of freedom: p .06 where errors are over mice)."""
    drifts, told = [], []
    for sessions in LENSES[lens]():
        measured = drift.measure(sessions, halves="trials")
        options = {
            "noise": metrics.trial_noise_covariance(sessions),
            "p_values": metrics.exchanged_trial_p_values(sessions, exchanges=59),
        }
        table = metrics.geometry_table(measured, groups=0, null=1, **options)
        told.append(table.set_index("measure")["estimate"])
        alignment = metrics.drift_alignment(measured, shuffles=0, **options)
        drifts.append(float(alignment["squared_drift"].sel(kind="cross_validated").mean()))
    estimates = np.array([each.drop(SIMILAR).isna().all() for each in told])
    assert estimates.mean() >= 0.75
    error = np.std(drifts, ddof=1) / np.sqrt(MICE)
    assert abs(np.mean(drifts)) < 3 * error
    similar = np.array([each[SIMILAR] for each in told])
    if np.isfinite(similar).all():
        error = similar.std(ddof=1) / np.sqrt(MICE)
        assert abs(similar.mean() - 1) < 3 * error + 0.02


def test_a_network_that_stands_still_has_none():
    """Rates without noise, that do not move at all."""
    run = drift.wandering_fields(seeds=[0], sessions=2, units=12, places=16)
    still = xr.concat([run.isel(session=0)] * 4, "session").assign_coords(session=np.arange(4))
    still["elapsed"] = (("subject", "session"), np.arange(4.0)[np.newaxis], run["elapsed"].attrs)
    table = metrics.geometry_table(still, groups=0, null=1).set_index("measure")
    assert table.drop(SIMILAR)["estimate"].isna().all()
    assert table.loc[SIMILAR, "estimate"] == pytest.approx(1.0)
