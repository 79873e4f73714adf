"""A Gaussian walk of fields seen through Poisson noise is found to be one; jumps are told from it,
and a code at rest does not move."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics.places import place_coordinate

LENGTH = 60


def walked(rng, steps, events=10.0, width=5.0):
    """Halves of Poisson maps of fields on a ring after (session, unit) steps from anywhere."""
    centres = rng.uniform(0, LENGTH, steps.shape[1]) + np.cumsum(steps, axis=0)
    place = place_coordinate({"units": "cm", "geometry": "ring"}, np.arange(LENGTH + 1.0))
    apart = (place.values - centres[..., np.newaxis] + LENGTH / 2) % LENGTH - LENGTH / 2
    density = np.exp(-(apart**2) / (2 * width**2))
    mean = events * density / density.sum(axis=-1, keepdims=True)
    halves = np.stack([rng.poisson(mean) for _half in (0, 1)], axis=-1)[np.newaxis].astype(float)
    dims = ("subject", "session", "unit", "place")
    sessions = np.arange(len(steps), dtype=float)
    return xr.Dataset(
        {
            "rate": (dims, halves.mean(axis=-1)),
            "rate_half": ((*dims, "half"), halves),
            "occupancy": (("subject", "session", "place"), np.full((1, len(steps), LENGTH), 2.0)),
        },
        coords={
            "subject": ["m"],
            "place": place,
            "elapsed": (("subject", "session"), sessions[np.newaxis], {"units": "day"}),
        },
    )


@pytest.mark.slow
def test_a_gaussian_walk_through_poisson_noise(rng):
    runs = []
    for _run in range(3):
        steps = rng.normal(0, 1.5, (6, 12_000))
        result = metrics.field_diffusion(walked(rng, steps)).isel(subject=0)
        squares = result["mean_squared_displacement"]
        np.testing.assert_allclose(squares, 2.25 * result["lag"], rtol=0.05)
        assert squares.attrs["units"] == "cm^2"
        assert result["diffusion_exponent"].item() == pytest.approx(1, abs=0.05)
        assert result["diffusion_exponent_with_noise"] < 0.8
        later = result.isel(lag=slice(1, None))
        runs.append(later["excess_kurtosis"].weighted(later["increments"]).mean().item())
    # From lag 2 on, where the walk is larger than the noise; a run is good for 0.08.
    assert abs(np.mean(runs)) < 0.1


def test_jumps_have_long_tails_that_noise_hides(rng):
    share = 0.1
    steps = np.where(rng.random((5, 12_000)) < share, rng.normal(0, 5.0, (5, 12_000)), 0.0)
    result = metrics.field_diffusion(walked(rng, steps)).isel(subject=0, lag=0)
    # A share p of Gaussian steps: fourth moment 3 p s^4 over (p s^2)^2.
    assert result["excess_kurtosis"].item() == pytest.approx(3 / share - 3, rel=0.15)
    assert result["excess_kurtosis_with_noise"] < 0.5 * result["excess_kurtosis"]


def test_a_frozen_code_does_not_move(rng):
    runs = [
        metrics.field_diffusion(walked(rng, np.zeros((4, 300)))).isel(subject=0, lag=0)
        for _run in range(20)
    ]
    moved = np.array([run["mean_squared_displacement"].item() for run in runs])
    assert abs(moved.mean()) < 2 * moved.std(ddof=1) / np.sqrt(len(moved))
    assert np.mean([run["mean_squared_displacement_with_noise"].item() for run in runs]) > 2


def test_a_walk_without_noise_needs_no_removal_and_rooms_are_kept_apart(rng):
    ds = walked(rng, rng.normal(0, 1.0, (4, 500)), events=1e9)
    ds = ds.assign(rate_half=xr.concat([ds["rate"]] * 2, dim="half").transpose(..., "half"))
    result = metrics.field_diffusion(ds)
    xr.testing.assert_allclose(
        result["mean_squared_displacement"], result["mean_squared_displacement_with_noise"]
    )
    rooms = ds.assign_coords(environment=(("subject", "session"), [list("ABAB")]))
    assert metrics.field_diffusion(rooms)["lag"].values.tolist() == [2]
    with pytest.raises(RefusedInputError, match="thinned_halves"):
        metrics.field_diffusion(ds.drop_vars("rate_half"))


def test_units_with_few_events_have_no_place(rng):
    ds = walked(rng, np.zeros((3, 400)))
    counts = metrics.field_diffusion(ds, 20)["increments"].isel(subject=0)
    events = (ds["rate"] * ds["occupancy"]).sum("place").values[0] >= 20
    assert counts.values.tolist() == [
        (events[:-1] & events[1:]).sum(), (events[0] & events[2]).sum(),
    ]  # fmt: skip
