"""Whoever makes longitudinal data, it is the same form: a network, a circuit, an animal, a
published map, a design, a similarity-matching network and a code that is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from data_adapters import interchange
from data_adapters.files.containers import write_fields
from drift.files.csv import tables, write_tables
from drift.metrics import labels, place_code
from drift.schema import VARIABLES, Variable, check, combine
from drift.similarity_matching import RingInputs, SimilarityMatching, simulate

RECIPE = drift.Experiment(
    task=drift.CorridorTask(samples=60, rays=5),
    network=drift.Network(units=12),
    steps=40,
    sessions=4,
)
MAPS = ("rate", "occupancy", "recorded", "detected_units")
CODE = ("place_unit", "place_units", "fraction_place_units", *place_code.OF_MAPS)


def network(folder: Path) -> xr.Dataset:
    return drift.train([RECIPE, RECIPE.replace(seed=1)], progress=False)


def circuit(folder: Path) -> xr.Dataset:
    kind = circuits.LinearInterneuron(units=12, gain=20.0)
    return circuits.run_sessions(
        [kind],
        circuits.PlaceInput(places=8),
        circuits.WeightDrift(weight_lifetime=5.0),
        elapsed=np.arange(3.0),
        engine="fixed_point",
        progress=False,
    )


def animal(folder: Path) -> xr.Dataset:
    lens = drift.published_design("Khatib 2023")
    return drift.measure(drift.observe(network(folder), like=lens, sampling_rate=2.0))


def published_map(folder: Path) -> xr.Dataset:
    rng = np.random.default_rng(0)
    for session in (1, 2, 3):
        content = {
            "rate_maps": rng.uniform(0, 2, (3, 1, 6)), "occupancy": np.full((1, 6), 5.0), "geometry": "linear",
            "animal": "m", "environment": "A", "session": session, "time": float(session), "time_unit": "day",
            "track_length_cm": 24.0, "n_detected": 5,
        }  # fmt: skip
        write_fields(content, folder / f"m_{session:02d}.npz")
    return interchange.longitudinal(folder)


def design(folder: Path) -> xr.Dataset:
    return drift.published_design("Sheintuch 2023")


def matching(folder: Path) -> xr.Dataset:
    recipe = SimilarityMatching(inputs=RingInputs(angles=24), units=6, steps=60, sessions=3)
    return simulate([recipe], progress=False)


def planned(folder: Path) -> xr.Dataset:
    return drift.recording_design([0, 1, 2], 12)


def fields(folder: Path) -> xr.Dataset:
    return drift.wandering_fields(sessions=3, units=12)


PRODUCERS = (network, circuit, animal, published_map, design, matching, planned, fields)


@pytest.mark.parametrize("producer", PRODUCERS)
def test_every_producer_gives_the_same_variables_described_alike(
    producer: Callable[[Path], xr.Dataset], tmp_path: Path
):
    made = check(producer(tmp_path), *MAPS, *CODE, "elapsed")
    assert set(made.dims) >= {"subject", "session", "unit", "place"}
    second = "sample" if made["occupancy"].attrs["units"] == "sample" else "second"
    for name in (*MAPS, *CODE):
        row, array = VARIABLES[name], made[name]
        assert array.attrs["long_name"] == row.meaning, name
        own = name in ("rate", "occupancy")
        assert own or array.attrs["units"] == row.units.replace("second", second), name
        assert tuple(dim for dim in array.dims if dim in row.dims) == row.dims, name
        assert set(array.attrs) == {"units", "long_name"}, name
    assert made["recorded"].dtype == np.int8 and made["elapsed"].attrs["units"] in (
        "step",
        "day",
        "min",
    )


def highest_rate(rate: xr.DataArray, occupancy: xr.DataArray) -> xr.DataArray:
    """A measure from outside."""
    return rate.max([dim for dim in ("place", "direction") if dim in rate.dims])


@pytest.fixture
def from_outside(monkeypatch: pytest.MonkeyPatch) -> str:
    """Its file is this one, its row and its line are here."""
    row = Variable(
        ("subject", "session", "unit"),
        "as activity",
        "highest rate of the map",
        of_place=True,
        label="highest rate",
    )
    monkeypatch.setitem(VARIABLES, "highest_rate", row)
    monkeypatch.setitem(place_code.OF_MAPS, "highest_rate", highest_rate)
    return "highest_rate"


@pytest.mark.parametrize("producer", PRODUCERS)
def test_a_measure_from_outside_is_in_every_dataset(
    producer: Callable[[Path], xr.Dataset], tmp_path: Path, from_outside: str
):
    made = producer(tmp_path)
    assert made[from_outside].attrs["long_name"] == "highest rate of the map"
    expected = highest_rate(made["rate"], made["occupancy"])
    if producer is not matching:
        np.testing.assert_allclose(made[from_outside].values, expected.values, rtol=1e-6)


def test_a_measure_from_outside_is_compared_reported_and_written(tmp_path: Path, from_outside: str):
    run = network(tmp_path)
    lens = drift.published_design("Khatib 2023")
    comparison = drift.compare(run, like=lens, sampling_rate=2.0, shuffles=20, bootstraps=20)
    assert from_outside in comparison["measure"].values
    curve = comparison["curve"].sel(measure=from_outside, source="observed")
    assert curve.notnull().any()
    assert "highest rate" in drift.comparison_table(comparison)
    page = drift.report(comparison, tmp_path / "page.html").read_text()
    assert "highest rate" in page.lower()
    assert any(from_outside in table for table in tables(run).values())
    (tmp_path / "tables").mkdir()
    written = write_tables(run, tmp_path / "tables")
    assert any(from_outside in Path(path).read_text() for path in written)


def test_a_measure_from_outside_is_unknown_where_nobody_was(from_outside: str):
    rooms = RECIPE.replace(task=drift.CorridorTask(samples=60, rays=5, environments=2))
    one, two = (drift.train([recipe], progress=False) for recipe in (RECIPE, rooms))
    both = combine([one.assign_coords(subject=["one"]), two.assign_coords(subject=["two"])])
    assert both[from_outside].sel(subject="one", environment=1).isnull().all()
    assert both[from_outside].sel(subject="two").notnull().any(["session", "unit"]).all()


@pytest.mark.parametrize("shuffles", [0, 20])
def test_three_sessions_are_validated_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shuffles: int
):
    lens = drift.published_design("Khatib 2023").isel(session=slice(3))
    run = drift.train([RECIPE], progress=False)
    sessions = list(drift.observe(run, like=lens, sampling_rate=2.0))
    validated: list[xr.DataArray] = []
    original = labels._validated_units

    def counted(activity: xr.DataArray) -> xr.DataArray:
        validated.append(activity)
        return original(activity)

    monkeypatch.setattr(labels, "_validated_units", counted)
    drift.measure(sessions, shuffles=shuffles)
    assert len(validated) == len(sessions) == 3
