"""Place fields that wander: correlation and information are those that are known, and a design is
what it says."""

from __future__ import annotations

import numpy as np
import pytest

import drift
from drift.metrics import rate_map_correlation


@pytest.mark.parametrize(("movement", "width"), [(0.05, 0.1), (0.02, 0.05), (0.3, 0.1), (0.0, 0.2)])
def test_maps_decorrelate_as_the_closed_form_says(movement: float, width: float):
    run = drift.wandering_fields(
        range(4), sessions=8, units=500, places=60, movement=movement, width=width
    )
    correlation = rate_map_correlation(run).isel(session=1)
    for apart in (1, 3, 6):
        drawn = correlation.isel(session_other=1 + apart).values.ravel()  # 2,000 units
        error = drawn.std(ddof=1) / np.sqrt(drawn.size)
        truth = drift.wandering_fields_correlation(apart, movement, width)
        assert abs(drawn.mean() - truth) < 4 * error + 1e-9  # z = 4


def test_information_is_known_and_stays():
    run = drift.wandering_fields(width=0.05, places=60)
    information = run["spatial_information"].isel(session=slice(1, None))
    known = -np.log2(0.05 * np.sqrt(2 * np.pi)) - 1 / (2 * np.log(2))
    assert np.allclose(information, known, atol=1e-6)
    assert (run["place_units"][:, 0] == 0).all() and (run["place_units"][:, 1:] == 60).all()


def test_limits_of_the_correlation():
    apart = np.arange(5)
    narrow = drift.wandering_fields_correlation(apart, 0.01, 0.02)
    overlap, mean = 1 / np.sqrt(1 + apart * 0.01**2 / (2 * 0.02**2)), 2 * np.sqrt(np.pi) * 0.02
    assert np.allclose(narrow, (overlap - mean) / (1 - mean), atol=1e-9)
    assert np.allclose(drift.wandering_fields_correlation(apart, 0.0), 1)
    assert drift.wandering_fields_correlation(1, 10.0) < 1e-12


def test_a_subject_does_not_notice_its_company_and_still_fields_are_those_that_moved_first():
    crowd = drift.wandering_fields((3, 4, 5), movement=0.1)
    alone = drift.wandering_fields((4,), movement=0.1)
    np.testing.assert_array_equal(crowd["rate"].values[1], alone["rate"].values[0])
    still = drift.wandering_fields((4,), movement=0.0)
    np.testing.assert_array_equal(still["rate"][:, 1], alone["rate"][:, 1])
    assert (still["rate"][:, 2:] == still["rate"][:, 1]).all()


def test_a_design_holds_what_was_planned():
    design = drift.recording_design([0, 2, 7], 40, places=10, bin_size=5.0, minutes=4.0)
    assert np.allclose(design["occupancy"].sum("place"), 240)
    assert design["elapsed"].values.tolist() == [[0, 2, 7]]
    assert np.isclose(np.exp(np.log(design["rate"]).mean()), 0.4)  # the median of log-normal rates
    equal = drift.recording_design([0, 1], rate_spread=0.0)
    assert (equal["rate"] == 0.4).all()


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (lambda: drift.wandering_fields([]), "at least one subject"),
        (lambda: drift.wandering_fields(sessions=1), "sessions must be at least 2"),
        (lambda: drift.wandering_fields(places=5), "must be at least 10, got 5"),
        (lambda: drift.wandering_fields(units=10**6, places=10**5), "must fit in 32 GiB"),
        (lambda: drift.wandering_fields(width=0.5), "width"),
        (lambda: drift.wandering_fields_correlation(1, -0.1), "movement"),
        (lambda: drift.recording_design([0, 0]), "elapsed must rise"),
        (lambda: drift.recording_design([]), "elapsed must rise"),
    ],
)
def test_refusals(world, sentence: str):
    with pytest.raises(drift.RefusedInputError, match=sentence):
        world()
