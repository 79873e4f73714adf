"""Null models of apparent drift: the code stands still, and what moves nevertheless is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return drift.wandering_fields(sessions=5, movement=0.3)


@pytest.fixture(scope="module")
def design() -> xr.Dataset:
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 4))
    return lens.assign(rate=5 * lens["rate"])


@pytest.fixture(scope="module")
def still(run: xr.Dataset, design: xr.Dataset) -> xr.Dataset:
    return drift.measure(drift.observe(drift.frozen_code(run), design, sampling_rate=5))


def test_a_frozen_code_repeats_one_session(run: xr.Dataset):
    frozen = drift.frozen_code(run, 2)
    for session in range(run.sizes["session"]):
        assert np.array_equal(frozen["rate"].isel(session=session), run["rate"].isel(session=2))
    assert np.array_equal(frozen["elapsed"], run["elapsed"])


def test_a_falling_gain_scales_rates_and_no_information(run: xr.Dataset):
    halved = drift.frozen_code(run, 1, final_gain=0.5)
    ratio = (
        halved["rate"].mean(("subject", "unit", "place", "direction"))
        / run["rate"].isel(session=1).mean()
    )
    assert np.allclose(ratio, [1, 1, 5 / 6, 4 / 6, 0.5])
    truth = metrics.spatial_information(halved["rate"], halved["occupancy"])
    assert np.allclose(truth, truth.isel(session=[1]).values)


def test_a_frozen_code_is_limited_by_sampling_only(
    run: xr.Dataset, design: xr.Dataset, still: xr.Dataset
):
    correlation = metrics.mean_rate_map_correlation(still).values
    later = correlation[:, 0, 1:]
    assert (later > 0.6).all() and np.ptp(later, axis=1).max() < 0.06
    moved = metrics.mean_rate_map_correlation(
        drift.measure(drift.observe(run, design, sampling_rate=5))
    ).values
    assert (moved[:, 0, 1:] < later - 0.3).all()


def test_confused_identities_leave_no_correlation(still: xr.Dataset):
    shuffled = metrics.shuffled_identity(still, np.random.default_rng(1))
    control = metrics.mean_rate_map_correlation(shuffled).values[:, 0, 1:]
    assert np.abs(control).max() < 4 * 0.5 / np.sqrt(50)  # sd of a pair about 0.5, 50 units, z = 4


def test_wrong_registration_loses_units_geometrically(still: xr.Dataset):
    matched = metrics.mean_rate_map_correlation(still).values[:, 0]
    confused = metrics.mean_rate_map_correlation(drift.wrong_registration(still, 0.3)).values[:, 0]
    share = confused[:, 1:] / matched[:, 1:]
    assert np.allclose(share.mean(axis=0), 0.7 ** np.arange(1, 4), atol=0.15)
    assert np.allclose(
        still["spatial_information"].sum("unit"),
        drift.wrong_registration(still, 0.3)["spatial_information"].sum("unit"),
    )


def test_registration_of_one_subject_does_not_notice_its_company(still: xr.Dataset):
    alone = drift.wrong_registration(still.isel(subject=[1]), 0.5, seed=3)
    assert alone["rate"].equals(
        drift.wrong_registration(still, 0.5, seed=3)["rate"].isel(subject=[1])
    )
    assert drift.wrong_registration(still, 0.0)["rate"].equals(still["rate"])


def test_fewer_events_raise_naive_information(run: xr.Dataset, design: xr.Dataset):
    sparse = design.assign(rate=design["rate"] / 5)
    seen = drift.measure(
        drift.observe(drift.frozen_code(run, final_gain=0.5), sparse, sampling_rate=5)
    )
    information = metrics.of_subject(seen, "spatial_information")
    assert (information[:, -1] > information[:, 0]).all()
    assert (
        float(metrics.slope(information.mean("subject"), seen["elapsed"].mean("subject"))["slope"])
        > 0
    )


def test_behaviour_changes_as_asked(design: xr.Dataset):
    changed = drift.changed_behaviour(design, final_time=0.5, preference=np.log(4))
    total = changed["occupancy"].sum(("place", "direction")) / design["occupancy"].sum(
        ("place", "direction")
    )
    assert np.allclose(total, [[1, 5 / 6, 4 / 6, 0.5]])
    last = changed["occupancy"].isel(subject=0, session=-1, direction=0).values
    assert np.isclose(last[-1] / last[0], 4)
    assert changed["rate"].equals(design["rate"])


def test_less_running_raises_naive_information_of_a_frozen_code(
    run: xr.Dataset, design: xr.Dataset
):
    sparse = design.assign(rate=design["rate"] / 5)
    lens = drift.changed_behaviour(sparse, final_time=0.4)
    seen = drift.measure(drift.observe(drift.frozen_code(run), lens, sampling_rate=5))
    information = metrics.of_subject(seen, "spatial_information")
    assert (information[:, -1] > information[:, 0]).all()


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (lambda run: drift.frozen_code(run, 9), "session must lie between 0 and 4"),
        (lambda run: drift.frozen_code(run, 1, -1.0), "final_gain must not be negative"),
        (lambda run: drift.frozen_code(run.drop_vars("rate")), "rate is missing"),
        (lambda run: drift.wrong_registration(run, 1.5), "fraction must lie between 0 and 1"),
        (lambda run: drift.changed_behaviour(run, 0.0), "final_time must be above 0"),
        (lambda run: drift.changed_behaviour(run.isel(session=[0])), "takes at least two"),
    ],
)
def test_refusals(run: xr.Dataset, model, sentence: str):
    with pytest.raises(drift.RefusedInputError, match=sentence):
        model(run)


def test_halves_of_a_session_are_not_repeated(run: xr.Dataset, design: xr.Dataset):
    """The same halves in every session would be alike beyond what two sessions can be; confused
    cells keep theirs."""
    sessions = drift.observe(run, design, sampling_rate=5)
    halved = drift.measure(sessions, halves="trials")
    assert not {"rate_half", "occupancy_half"} & set(drift.frozen_code(halved))
    confused = drift.wrong_registration(halved, 0.2)
    np.testing.assert_allclose(
        np.sort(metrics.within_session_correlation(confused).values, axis=-1),
        np.sort(metrics.within_session_correlation(halved).values, axis=-1),
    )
