"""Place units of halves: by the rule of the session, each on its own samples."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest

import drift
from drift import metrics
from drift.errors import RefusedInputError


def days(**changes: object) -> list:
    made = decoded_days.days(2, 12, frames=1600)
    rng = np.random.default_rng(0)  # half of the units know nothing of place
    for day in made:
        day["activity"].values[:, 6:] = rng.poisson(0.1, (1600, 6))
        phase = np.abs(rng.normal(0, 0.3, 1600).cumsum() / 8 % 2 - 1)  # no lap is like another
        day["position"].values[:] = decoded_days.LENGTH * phase
        centres = np.linspace(5, 75, 6)
        day["activity"].values[:, :6] = rng.poisson(
            decoded_days.rates(day["position"].values, centres, "linear")
        )
    return [day.assign(**changes) for day in made]


def test_the_threshold_is_that_of_information_in_each_half():
    measured = drift.measure(days(), halves="time", half_place_units=True)
    information = metrics.spatial_information(measured["rate_half"], measured["occupancy_half"])
    expected = (information > 0.01).astype(float)
    np.testing.assert_array_equal(
        measured["place_unit_half"], expected.transpose(*measured["place_unit_half"].dims)
    )


def test_the_shift_test_tells_tuned_units_in_each_half():
    measured = drift.measure(days(), halves="time", half_place_units=True, shuffles=60, seed=1)
    flags = measured["place_unit_half"]
    assert flags.dims == ("subject", "session", "unit", "half")
    assert bool((flags.isel(unit=slice(0, 6)) == 1).all())
    assert float(flags.isel(unit=slice(6, None)).mean()) < 0.25
    again = metrics.recurrence(measured, "place")
    assert bool(again["recurrence_by_noise"].notnull().all())


def test_nothing_else_that_is_measured_changes():
    plain = drift.measure(days(), halves="time", shuffles=20)
    with_halves = drift.measure(days(), halves="time", shuffles=20, half_place_units=True)
    for name, values in plain.data_vars.items():
        np.testing.assert_array_equal(with_halves[name], values, err_msg=str(name))


def test_halves_are_needed():
    with pytest.raises(RefusedInputError, match="halves is None"):
        drift.measure(days(), half_place_units=True)
