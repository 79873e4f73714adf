"""The labelled form: every fault at once, and joining without inventing data."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import schema


def subject(name: str, units: int = 2, **more: object) -> xr.Dataset:
    rate = np.ones((1, 1, units, 3, 2))
    run = xr.Dataset({"rate": (("subject", "session", "unit", "place", "direction"), rate), **more})
    run["recorded"] = (
        ("subject", "session", "unit"),
        np.ones((1, 1, units), "int8"),
        {"units": "1"},
    )
    return run.assign_coords(
        subject=[name], session=[0], unit=range(units), place=[0.0, 1.0, 2.0], direction=[1, -1]
    )


def test_all_faults_stand_in_one_sentence():
    run = xr.Dataset(
        {
            "rate": ("unit", [1.0]),
            "loss": (("subject", "session"), [["a"]]),
            "occupancy": (("subject", "session", "place"), np.ones((1, 1, 0))),
        }
    )
    with pytest.raises(drift.SchemaError) as refusal:
        drift.check(run, "rate", "loss", "occupancy", "elapsed")
    sentence = str(refusal.value)
    for part in (
        "rate has dims (unit)",
        "loss holds <U1 instead of numbers",
        "occupancy is empty",
        "elapsed is missing",
    ):
        assert part in sentence
    assert "\n" not in sentence and sentence.endswith(".")
    assert issubclass(drift.SchemaError, drift.RefusedInputError)


def test_what_fits_comes_back_and_what_is_no_dataset_is_refused():
    run = subject("a")
    assert drift.check(run, "rate", "recorded") is run
    with pytest.raises(drift.SchemaError, match="got list"):
        drift.check([1], "rate")  # type: ignore[arg-type]
    with pytest.raises(drift.SchemaError, match="no subject to combine"):
        schema.combine([])


def test_joined_subjects_keep_their_numbers_and_get_no_others():
    joined = schema.combine([subject("a"), subject("b", units=3)])
    assert joined.sizes["unit"] == 3 and joined.recorded.dtype == np.int8
    assert (
        joined.rate.sel(subject="a", unit=2).isnull().all()
        and joined.recorded.sel(subject="a", unit=2) == 0
    )
    assert (joined.rate.sel(subject="b") == 1).all()
    with pytest.raises(drift.SchemaError, match=r"with and without running direction .*\.$"):
        schema.combine([subject("a"), subject("b").isel(direction=0, drop=True)])


def test_labelled_gives_units_and_meaning():
    values = schema.labelled("spatial_information", ("unit",), [1.0])
    assert values.attrs["units"] == "bits/event" and "silent" in values.attrs["long_name"]


@pytest.mark.parametrize(
    "name",
    [
        "spatial_information",
        "mutual_information",
        "centroid",
        "spatial_information_extrapolated",
        "a_new_measure",
    ],
)
def test_nothing_is_copied_into_environments_that_were_never_visited(name: str):
    """Whatever the measure: it lies in the first environment of a subject that knows one, and is
    not observed in the others."""
    values = (("subject", "session", "unit"), np.ones((1, 1, 2)))
    several = xr.concat([subject("a"), 2 * subject("a")], dim="environment").transpose(
        ..., "environment"
    )
    several = several.assign(
        recorded=subject("a")["recorded"],
        **{name: ((*values[0], "environment"), np.ones((1, 1, 2, 2)))},
    )
    joined = schema.combine(
        [several.assign_coords(environment=[0, 1]), subject("b", **{name: values})]
    )
    assert joined[name].sel(subject="b", environment=0).notnull().all()
    assert joined[name].sel(subject="b", environment=1).isnull().all()
    if name in schema.VARIABLES:  # and where the others lack the measure the table tells
        joined = schema.combine(
            [
                several.drop_vars(name).assign_coords(environment=[0, 1]),
                subject("b", **{name: values}),
            ]
        )
        assert joined[name].sel(subject="b", environment=1).isnull().all()
