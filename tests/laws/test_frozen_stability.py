"""All measures of stability together: a code at rest does not drift, a subject in a crowd is that
subject alone, and labels of units say nothing."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest
import xarray as xr

import drift

SUBJECTS, BIAS = 8, 0.003
AT_REST = {  # what each is in a code at rest
    "corrected_similarity_by_lag": 1.0,
    "corrected_population_vector_similarity_by_lag": 1.0,
    "corrected_ensemble_rate_similarity_by_lag": 1.0,
    "mean_drift_index_by_lag": 0.0,
    "mean_squared_displacement": 0.0,
    "drift_rate": 0.0,
}


@pytest.fixture(scope="module")
def frozen() -> xr.Dataset:
    run = drift.wandering_fields(seeds=range(SUBJECTS), sessions=3, units=40, places=30)
    lens = drift.recording_design(np.arange(3.0), 40, minutes=5.0)
    sessions = drift.observe(drift.frozen_code(run), like=lens, sampling_rate=5.0)
    return drift.code_stability(sessions, minimum_events=40, twins=0)


def mean_and_error(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    return values.mean("subject"), values.std("subject", ddof=1) / np.sqrt(SUBJECTS)


@pytest.mark.parametrize("name", AT_REST)
def test_a_code_at_rest_does_not_drift(frozen: xr.Dataset, name: str):
    """Mean over 8 subjects within 2 standard errors, and the bias of halves that share out a fixed
    time (see ``test_frozen_code``)."""
    mean, error = mean_and_error(frozen[name] - AT_REST[name])
    assert (abs(mean) <= 2 * error + BIAS).all(), mean.values


def test_nothing_is_lost_beyond_noise(frozen: xr.Dataset):
    """What drift would add lies below 2 standard errors: the cost of a fixed readout, turnover of
    members, and jumps. They may lie below 0: a readout refitted without a trial has fewer of them,
    and the halves of one session, which share out its time, are less alike than those of two."""
    losses = {
        "readout": frozen["decoding_error"] - frozen["refitted_decoding_error"],
        "members": frozen["recurrence_by_noise"] - frozen["recurrence_of_halves"],
        "jumps": frozen["jumps_of_halves"] - frozen["jumps_by_noise"],
    }
    for name, loss in losses.items():
        pairs = loss.where(frozen["session"] < frozen["session_other"])
        mean, error = mean_and_error(pairs.mean(["session", "session_other"]))
        assert (mean <= 2 * error).all(), f"{name}: {mean.values}"
        assert (mean > -0.05 * max(1.0, float(frozen["decoding_error"].mean()))).all(), name


def test_a_drifting_code_drifts():
    moving = drift.code_stability(decoded_days.days(4, 40, moved=0.3, frames=1600), twins=0)
    assert (moving["corrected_similarity_by_lag"] < 0.95).all()
    assert (moving["mean_drift_index_by_lag"] > 0.05).all()
    cost = moving["decoding_error_by_lag"] - moving["refitted_decoding_error_by_lag"]
    assert (cost > 0.5).all() and (moving["drift_rate"] > 0.05).all()
    assert (moving["jumps_of_halves_by_lag"] > moving["jumps_by_noise_by_lag"]).all()


@pytest.fixture(scope="module")
def crowd() -> dict[str, list[xr.Dataset]]:
    return {name: decoded_days.days(3, 15, moved=0.3, frames=800, subject=name) for name in "ab"}


def test_a_subject_in_a_crowd_is_that_subject_alone(crowd: dict[str, list[xr.Dataset]]):
    together = drift.code_stability([day for days in reversed(crowd.values()) for day in days])
    for name, days in crowd.items():
        alone, own = drift.code_stability(days), together.sel(subject=[name])
        for variable, values in alone.data_vars.items():
            labels = {dim: values[dim].values for dim in values.dims if dim in values.coords}
            shared = own[variable].reindex({**labels, "subject": [name]})
            if values.dtype.kind in "UO":
                assert shared.values.tolist() == values.values.tolist(), variable
                continue
            np.testing.assert_allclose(
                shared.values, values.values, rtol=1e-9, atol=1e-12, err_msg=str(variable)
            )


# by draws that units take in their order
DRAWN = ("shuffled", "by_chance")


def test_labels_of_units_say_nothing(crowd: dict[str, list[xr.Dataset]]):
    days = crowd["a"]
    order = np.random.default_rng(0).permutation(15)
    relabelled = [day.assign_coords(unit=order) for day in days]
    plain, moved = drift.code_stability(days), drift.code_stability(relabelled)
    for name, values in plain.data_vars.items():
        if any(word in str(name) for word in DRAWN):
            continue
        if values.dtype.kind in "UO":
            assert moved[name].values.tolist() == values.values.tolist(), name
        elif "unit" not in values.dims:
            np.testing.assert_allclose(
                moved[name].values, values.values, rtol=1e-9, atol=1e-9, err_msg=str(name)
            )
