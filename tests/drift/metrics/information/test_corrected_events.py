"""Information of few events cannot be corrected: NaN, not the naive value with an error of next to
nothing."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.metrics.information.corrected import FEWEST_EVENTS, corrected_spatial_information

PLACES, SAMPLES = 25, 3000
CORRECTIONS = ("_shuffle_reduced", "_scaled_shuffle_reduced", "_extrapolated")


def corrected(events, tuned=False, seed=0, amplitude=None, place_unit=None, repetitions=2):
    """Units with the given numbers of events, at random places or in a field."""
    rng = np.random.default_rng(seed)
    place = rng.integers(0, PLACES, SAMPLES)
    field = np.exp(-(((place - 12) / 2.5) ** 2) / 2) + 0.05
    activity = np.zeros((SAMPLES, len(events)))
    for unit, count in enumerate(events):
        chosen = rng.choice(SAMPLES, count, replace=False, p=field / field.sum() if tuned else None)
        activity[chosen, unit] = 1 if amplitude is None else rng.uniform(*amplitude, count)
    flags = np.ones(len(events)) if place_unit is None else np.asarray(place_unit, dtype=float)
    labelled = xr.DataArray(
        activity,
        dims=("sample", "unit"),
        attrs={"kind": "counts" if amplitude is None else "amplitudes"},
    )
    index = xr.DataArray(place, dims="sample")
    return corrected_spatial_information(
        labelled, index, 0.05, xr.DataArray(flags, dims="unit"), rng, repetitions=repetitions
    )


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("amplitude", [None, (0.01, 0.04), (100.0, 900.0)])
def test_units_with_few_events_are_not_corrected(tuned, amplitude):
    events = [1, 2, 5, 10, 19, 20, 21, 60]
    found = corrected(events, tuned, amplitude=amplitude)
    for suffix in (*CORRECTIONS, "_standard_error"):
        known = np.isfinite(found[f"spatial_information{suffix}"].values)
        assert known.tolist() == [count >= FEWEST_EVENTS for count in events]
    assert np.isfinite(found["spatial_information"]).all()  # the naive value is what it is
    assert found["spatial_information"][0] == pytest.approx(np.log2(PLACES), abs=0.5)


@pytest.mark.parametrize(
    ("events", "known"),
    [
        ([1] * 9, False),
        ([10] * 9, False),
        ([30] * 9, True),
        ([5] * 4 + [30] * 5, True),
        ([5] * 5 + [30] * 4, False),
    ],
)
def test_a_population_of_mostly_few_events_is_not_corrected(events, known):
    found = corrected(events)
    names = [f"population_spatial_information{suffix}" for suffix in CORRECTIONS]
    names += ["population_scaled_shuffle_reduction_stability", "population_extrapolation_r_squared"]
    for name in names:
        assert bool(np.isfinite(found[name])) == known, name
    assert np.isfinite(found["population_spatial_information"])


def test_units_outside_of_the_population_do_not_decide():
    assert np.isfinite(
        corrected([1] * 6 + [40] * 2, place_unit=[0] * 6 + [1] * 2)[
            "population_spatial_information_extrapolated"
        ]
    )


def test_events_without_a_place_do_not_count():
    activity = np.zeros((SAMPLES, 1))
    activity[:60] = 1.0
    place = np.arange(SAMPLES) % PLACES
    place[:45] = -1
    labelled = xr.DataArray(activity, dims=("sample", "unit"), attrs={"kind": "counts"})
    rng = np.random.default_rng(0)
    found = corrected_spatial_information(
        labelled,
        xr.DataArray(place, dims="sample"),
        0.05,
        xr.ones_like(labelled[0]),
        rng,
        repetitions=1,
    )
    assert np.isnan(found["spatial_information_extrapolated"]).all()


@pytest.mark.filterwarnings("ignore:scaled shuffle reduction is expected")
@pytest.mark.filterwarnings("ignore:bounded asymptotic extrapolation is expected")
@pytest.mark.slow
@pytest.mark.parametrize("events", [20, 30, 50, 100])
def test_enough_events_are_corrected_to_the_truth(events):
    """240 cells: mean of untuned cells within .1 bits of 0, of tuned ones within .15 of .90; spread
    within 1.6 standard errors."""
    for tuned, truth in ((False, 0.0), (True, 0.90)):
        runs = [corrected([events] * 60, tuned, seed, repetitions=5) for seed in range(4)]
        for suffix in CORRECTIONS[1:]:
            values = np.concatenate([run[f"spatial_information{suffix}"].values for run in runs])
            error = np.concatenate(
                [run["spatial_information_standard_error"].values for run in runs]
            ).mean()
            assert abs(values.mean() - truth) < (
                0.15 if tuned else 0.1
            ) + 4 * values.std() / np.sqrt(values.size), (suffix, tuned)
            assert values.std() < 1.6 * error, (suffix, tuned)
