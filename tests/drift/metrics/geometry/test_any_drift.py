"""What holds of the geometry of drift whatever the code: crowds, relabelled units, rooms, units that
were not recorded, networks without noise."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.errors import RefusedInputError

MEASURES = {
    "noise": lambda dataset: metrics.drift_alignment(dataset, shuffles=3),
    "components": lambda dataset: metrics.drift_alignment(dataset, "components", shuffles=3),
    "coding": lambda dataset: metrics.drift_alignment(dataset, "coding", shuffles=3),
    "dimension": lambda dataset: metrics.drift_dimension(dataset, shuffles=3),
    "transformations": lambda dataset: metrics.drift_transformations(dataset, surrogates=3),
    "stability": metrics.representational_stability,
    "coordination": lambda dataset: metrics.drift_coordination(dataset, shuffles=3),
    "covariance": metrics.noise_covariance,
    "crossnobis": metrics.crossnobis,
}
NULLS = ("shuffled", "shuffled_deviation", "surrogate_share", "surrogate_deviation")


def recorded(seeds, movement=0.05, minutes=10.0):
    run = drift.wandering_fields(seeds=seeds, sessions=6, units=24, places=24, movement=movement)
    design = drift.recording_design(np.arange(5.0), 24, minutes=minutes)
    return list(drift.observe(run.isel(session=slice(1, None)), like=design, sampling_rate=5.0))


@pytest.fixture(scope="module")
def crowd():
    return drift.measure(recorded((0, 1)), halves="trials")


def dataset_of(result):
    return result.to_dataset(name="value") if isinstance(result, xr.DataArray) else result


@pytest.mark.parametrize("name", MEASURES)
def test_a_subject_in_a_crowd_is_that_subject_alone(crowd, name: str):
    together = dataset_of(MEASURES[name](crowd)).isel(subject=[1])
    alone = dataset_of(MEASURES[name](crowd.isel(subject=[1])))
    xr.testing.assert_identical(alone, together)
    assert any(bool(values.notnull().any()) for values in alone.values())


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "covariance"])
def test_relabelled_units_change_nothing(crowd, name: str):
    order = np.random.default_rng(0).permutation(crowd.sizes["unit"])
    moved = crowd.isel(unit=order).assign_coords(unit=crowd["unit"].values)
    before, after = (dataset_of(MEASURES[name](made)) for made in (crowd, moved))
    for variable in set(before.data_vars) - set(NULLS):
        np.testing.assert_allclose(after[variable], before[variable], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", MEASURES)
def test_units_that_were_not_recorded_do_not_count(crowd, name: str):
    """Two cells that no session of these subjects has, whatever their maps say."""
    wider = crowd[["rate", "rate_half", "recorded", "occupancy", "elapsed"]].drop_vars("unit")
    wider = wider.drop_vars("unit_label").pad(unit=(0, 2), constant_values=0)
    before, after = (dataset_of(MEASURES[name](made)) for made in (crowd, wider))
    inner = {dim: slice(0, -2) for dim in ("unit", "unit_other") if dim in after.dims}
    for variable in set(before.data_vars) - set(NULLS):
        np.testing.assert_allclose(after[variable].isel(inner), before[variable], rtol=1e-9)


@pytest.mark.parametrize(
    "name", [name for name in MEASURES if name not in ("covariance", "crossnobis")]
)
def test_rooms_are_not_mixed(crowd, name: str):
    rooms = np.array([["A", "A", "B", "A", "A"]] * 2)
    mixed = crowd.assign_coords(environment=(("subject", "session"), rooms))
    result = MEASURES[name](mixed)
    if "session_other" in result.dims:
        across = result.isel(session=2, session_other=[0, 1, 3, 4])
        assert all(bool(values.isnull().all()) for values in across.values())
        own = crowd.isel(session=[0, 1, 3, 4])
        within = result.isel(session=[0, 1, 3, 4], session_other=[0, 1, 3, 4])
        xr.testing.assert_identical(MEASURES[name](own), within)
    apart = crowd.assign_coords(
        unit_identity=(("subject", "session"), np.array([list("abcde")] * 2))
    )
    with pytest.raises(RefusedInputError, match="not tracked"):
        MEASURES[name](apart)


def test_no_halves_no_geometry(crowd):
    for measure in MEASURES.values():
        with pytest.raises(RefusedInputError, match="two halves of each session"):
            measure(crowd.drop_vars(["rate_half", "occupancy_half"]))


def test_a_network_without_noise_needs_no_halves():
    run = drift.wandering_fields(sessions=4, units=12)
    for name in ("coding", "dimension", "transformations", "stability"):
        result = MEASURES[name](run)
        variable = {"coding": "alignment", "transformations": "share"}.get(name, name)
        values = result[variable].isel(subject=0, session=1, session_other=3)
        assert values.sel(kind="frozen").isnull().all()
        np.testing.assert_allclose(values.sel(kind="naive"), values.sel(kind="cross_validated"))


@pytest.mark.slow
def test_a_frozen_code_has_no_geometry():
    """Through a recording, of 12 subjects: naive as frozen (z = 4 over subjects, and .02 for
    behaviour that differs between days), cross-validated not defined but by chance (each pair of
    sessions with .025), stability 1 +- 2 standard errors."""
    sessions = recorded(range(12), movement=0.0, minutes=20.0)
    measured = drift.measure(sessions, halves="trials")
    noise = metrics.trial_noise_covariance(sessions)
    first, second = np.triu_indices(5, k=1)
    for of in ("noise", "components", "coding"):
        options = {} if of == "coding" else {"noise": noise}
        result = metrics.drift_alignment(measured, of, shuffles=0, **options)
        values = result["alignment"].values[:, first, second]
        difference = (values[..., 0] - values[..., 1]).mean(axis=1)
        bound = 4 * difference.std(ddof=1) / np.sqrt(12) + 0.02
        assert abs(difference.mean()) < bound, of
        assert result["defined"].values[:, first, second].mean() < 0.1
    stability = metrics.representational_stability(measured)["stability"].values[
        :, first, second, 2
    ]
    error = stability.mean(axis=1).std(ddof=1) / np.sqrt(12)
    assert abs(stability.mean() - 1) < 2 * error + 0.003
