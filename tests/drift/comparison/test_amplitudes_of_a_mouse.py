"""A real mouse as its reader gives it, amplitudes and all: frozen, set beside its twins, and beside a
network."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mouse(data_folder) -> xr.Dataset:
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    return drift.measure(data_adapters.sessions("sheintuch2023", str(path)), halves="trials")


def test_it_drifts_more_than_sampling_noise(mouse: xr.Dataset):
    """Maps of cells with 10 events, both directions, smoothed by a bin: recorded .623 and frozen .877
    on average, with the noise taken out .722 and 1.00."""
    assert mouse.attrs["activity_kind"] == "amplitudes"
    noise = drift.sampling_noise(mouse).isel(subject=0)
    assert noise["recorded"].values[:2] == pytest.approx([0.623, 0.722], abs=0.005)
    assert noise["frozen"].values[:2] == pytest.approx([0.877, 1.0], abs=0.015)
    assert (noise["verdict"].values[:3] == "more than sampling noise").all()
    frozen = noise["frozen_by_lag"].sel(curve="corrected_similarity")
    np.testing.assert_allclose(frozen, 1, atol=0.03)


def test_an_observed_network_has_place_units(mouse: xr.Dataset):
    run = drift.wandering_fields((0,), sessions=9, units=300)
    seen = drift.measure(drift.observe(run, mouse))
    assert (seen["place_units"] > 50).all()
    numbers = [
        recording["event_count"].isel(session=0).sum(["place", "direction"]).values
        for recording in (seen, mouse)
    ]
    network, recorded = (events[events > 0].mean() for events in numbers)
    assert network == pytest.approx(recorded, rel=0.15)
    comparison = drift.compare(run, mouse, shuffles=0, bootstraps=0, null_draws=0)
    assert (
        comparison["curve"].sel(source="recorded").notnull().any("session").any("convention").sum()
        >= 4
    )


def test_frozen_codes_are_seen_through_it(mouse: xr.Dataset):
    seen = drift.measure(drift.observe(drift.frozen_code(mouse), mouse), halves="time")
    keep = seen["event_count"].sum(["place", "direction"]) >= 10
    options = {"smoothing": 1.0, "select": "all", "keep": keep}
    similarity = metrics.corrected_similarity(seen, **options).values[0]
    assert np.mean(similarity[np.triu_indices(8, 1)]) == pytest.approx(1, abs=0.03)
