"""The one constructor: what it makes, and each thing that it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from data_adapters.session import session_dataset
from drift.errors import RefusedInputError
from drift.schema import check

GOOD: dict[str, Any] = {
    "subject": "m1",
    "session": 2,
    "elapsed": 4.5,
    "elapsed_units": "day",
    "environment": "A",
    "unit_identity": "registered",
    "activity": np.array([[0, 1], [255, 0], [1, 0]], dtype=np.uint8),
    "position": np.array([1.0, np.nan, 3.0]),
    "sampling_rate": 20.0,
    "source": "made",
    "geometry": "linear",
}


def test_labelled_form():
    made = session_dataset(
        **GOOD,
        velocity=[1, 2, 3],
        direction=[1, 0, -1],
        trial=[0, 1, 1],
        time=[0.0, 0.05, 0.1],
        coords={"exposure": 3.0},
    )
    check(made, "activity", "position", "velocity", "direction", "trial")
    assert made["activity"].attrs["units"] == "events" and made["velocity"].attrs["units"] == "cm/s"
    assert made["elapsed"].attrs["units"] == "day" and float(made["elapsed"]) == 4.5
    assert (
        made["unit"].values.tolist() == [0, 1]
        and made["detected_units"].item() == 2
        and made["exposure"].item() == 3
    )
    assert (made.attrs["bin_size"], made.attrs["minimum_speed"]) == (4.0, 1.0)


def test_small_integers_cannot_overflow():
    made = session_dataset(**GOOD)
    assert made["activity"].dtype == np.float64 and float(made["activity"].sum("sample")[0]) == 256


def test_input_is_not_mutated_and_netcdf_takes_it(tmp_path):
    before = GOOD["position"].copy()
    made = session_dataset(**GOOD)
    np.testing.assert_array_equal(GOOD["position"], before)
    made.to_netcdf(tmp_path / "s.nc")
    with xr.open_dataset(tmp_path / "s.nc") as found:
        np.testing.assert_array_equal(found["position"], made["position"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activity": np.array([[0.0, np.nan], [0, 0], [0, 0]])}, "nan at sample 0, unit 1"),
        ({"activity": np.array([[0.0, 0], [-1, 0], [0, 0]])}, "-1.0 at sample 1, unit 0"),
        ({"activity": np.array([[0.0, np.inf], [0, 0], [0, 0]])}, "infinite"),
        ({"activity": np.zeros((0, 2))}, r"got shape \(0, 2\)"),
        ({"activity": np.zeros((3, 0))}, r"got shape \(3, 0\)"),
        ({"activity": np.zeros(3)}, "one column per unit"),
        ({"activity": np.array([["a", "b"]] * 3)}, "real numbers"),
        ({"activity": [[0, 1], [0], [1, 1]]}, "rectangular"),
        ({"position": np.zeros(4)}, r"one row per sample \(3\), got shape \(4,\)"),
        ({"position": np.zeros((3, 3))}, "1 or 2 axes, got 3"),
        ({"position": np.full(3, np.nan)}, "NaN in every sample"),
        ({"velocity": np.zeros(2)}, "velocity of session 2 of m1"),
        ({"direction": np.array([1, 2, 0])}, "got 1, 2, 0"),
        ({"trial": np.array([1, -2, 0])}, "got -2"),
        ({"trial": np.array([1, 0.5, 0])}, "whole numbers, got 0.5"),
        ({"time": np.array([0.0, 2.0, 1.0])}, "got 1.0 after 2.0 s at sample 2"),
        ({"time": np.array([0.0, np.nan, 1.0])}, "time of session 2"),
        ({"detected_units": 1}, "2 or more, got 1"),
        ({"unit": [0, 0]}, "distinct"),
        ({"unit": [0, 1, 2]}, r"columns of activity \(2\)"),
        ({"unit_label": ["a"]}, "1 labels"),
        ({"unit_label": ["a", "a"]}, "'a' twice"),
        ({"sampling_rate": 0.0}, "sampling_rate"),
        ({"sampling_rate": np.nan}, "sampling_rate"),
        ({"elapsed": np.nan}, "elapsed"),
        ({"elapsed_units": "days"}, "one of day, min, step"),
        ({"position_units": "m"}, "one of cm, pixel"),
        ({"geometry": "torus"}, "geometry"),
        ({"bin_size": 0.0}, "bin_size"),
        ({"session": -1}, "session"),
    ],
)
def test_refused(change, message):
    with pytest.raises(RefusedInputError, match=message) as refusal:
        session_dataset(**{**GOOD, **change})
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)
