"""Sessions as objects of pynapple: back and forth equal, and tuning curves of pynapple are the rate
maps of ``drift.measure``."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import xarray as xr
from exchanged_sessions import assert_equal, made, simulated, wmaze

import data_adapters
import drift

nap = pytest.importorskip("pynapple")

LABELS = {"subject": "m1", "session": 0, "elapsed": 0.0, "elapsed_units": "day", "environment": "A"}


def edges(session: xr.Dataset, measured: xr.Dataset) -> list[np.ndarray]:
    width = session.attrs["bin_size"]
    if "place_x" not in measured.coords:
        return [np.append(measured["place"] - width / 2, measured["place"][-1] + width / 2)]
    return [
        width * np.arange(np.floor(np.nanmin(axis) / width), np.floor(np.nanmax(axis) / width) + 2)
        for axis in session["position"].T
    ]


def assert_tuning_curves_are_rates(session: xr.Dataset, objects: dict, kind: str) -> None:
    measured, rate = (
        drift.measure(session).isel(subject=0, session=0),
        session["sampling_rate"].item(),
    )
    bins = edges(session, measured)
    ways = (
        {"outbound": {"direction": 1}, "inbound": {"direction": -1}}
        if "direction" in measured.dims
        else {"running": {}}
    )
    for epochs, way in ways.items():
        fs = {"fs": rate} if kind == "spikes" else {}
        curves = nap.compute_tuning_curves(
            objects[kind], objects["position"], bins=bins, epochs=objects[epochs], **fs
        )
        time, values = curves.attrs["occupancy"] / rate, curves.values * (1 if fs else rate)
        if "place_x" in measured.coords:
            cells = tuple(
                np.searchsorted(bins[axis], measured[name].values) - 1
                for axis, name in enumerate(("place_x", "place_y"))
            )
            time, values = time[cells], values[(slice(None), *cells)]
        expected = (
            measured.sel(way)["rate"].transpose("unit", "place").values[session["unit"].values]
        )
        assert np.isfinite(expected).sum() > 20
        np.testing.assert_allclose(time, measured.sel(way)["occupancy"], rtol=1e-9)
        np.testing.assert_allclose(
            np.where(time > 0.1 * (1 + 1e-9), values, np.nan), expected, rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("kind", ["activity", "spikes"])
def test_tuning_curves_of_a_simulated_session_are_its_rates(kind):
    for session in simulated(drift.wandering_fields(sessions=3, units=30, movement=0.05), 2)[:2]:
        assert_tuning_curves_are_rates(
            session, data_adapters.to_pynapple(session, spikes=True), kind
        )


@pytest.mark.parametrize("kind", ["activity", "spikes"])
@pytest.mark.parametrize("geometry", [None, pytest.param("W", marks=pytest.mark.slow)])
def test_tuning_curves_of_a_recorded_session_are_its_rates(kind, geometry, data_folder):
    if geometry:
        pytest.importorskip("track_linearization")
    session = wmaze(data_folder("hc6_layout_wmaze"), geometry=geometry)[0]
    assert_tuning_curves_are_rates(session, data_adapters.to_pynapple(session, spikes=True), kind)


def test_running_samples_are_those_that_count():
    session = made(0)
    objects = data_adapters.to_pynapple(session)
    speed, known = np.abs(session["velocity"].values), np.isfinite(session["position"].values)
    kept = known & (speed > 1) & (session["direction"].values != 0)
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(
        objects["activity"].restrict(objects["running"]).times(),
        session["time"].values[kept],
        atol=1e-9,
    )
    np.testing.assert_array_equal(
        objects["position"].restrict(objects["outbound"]).values > 0, True
    )
    slow = data_adapters.to_pynapple(session, minimum_speed=0.0)["running"]
    assert slow.tot_length() > objects["running"].tot_length()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"time": None},
        {"position": np.ones((400, 2))},
        {"velocity": None, "direction": None, "trial": None},
    ],
)
def test_there_and_back_is_equal(change):
    given = made(1, **change)
    assert_equal(data_adapters.from_pynapple(data_adapters.to_pynapple(given)), given)


def test_recordings_there_and_back_are_equal(data_folder):
    for given in wmaze(data_folder("hc6_layout_wmaze")):
        assert_equal(data_adapters.from_pynapple(data_adapters.to_pynapple(given)), given)


def test_objects_say_what_they_are():
    session = made(0)
    objects = data_adapters.to_pynapple(session, spikes=True)
    assert (
        objects["activity"].columns.tolist() == [7, 0, 3, 12]
        and objects["activity"]["unit_label"].tolist()[2] == "ç"
    )
    assert (
        sorted(objects["spikes"].keys()) == [0, 3, 7, 12]
        and objects["spikes"]["unit_label"][7] == "a"
    )
    counts = {unit: len(objects["spikes"][unit]) for unit in (7, 0, 3, 12)}
    assert list(counts.values()) == session["activity"].sum("sample").values.astype(int).tolist()
    assert objects["trials"]["trial"].tolist() == [1, 2, 3, 1]
    again = data_adapters.from_pynapple(
        {name: value for name, value in objects.items() if name != "activity"}
    )
    np.testing.assert_array_equal(again["activity"].sel(unit=7), session["activity"].sel(unit=7))


def test_objects_of_anyone_become_a_session():
    frames, line = np.arange(200) / 10.0, np.linspace(0, 99.5, 200)
    place = nap.Tsd(t=frames, d=line)
    spikes = nap.TsGroup(
        {3: nap.Ts(t=np.array([0.0, 0.05, 1.0])), 5: nap.Ts(t=np.array([19.95, 25.0]))},
        time_support=place.time_support,
    )
    found = data_adapters.from_pynapple(
        {"position": place, "spikes": spikes}, **LABELS, geometry="linear"
    )
    assert found["unit"].values.tolist() == [3, 5] and found["activity"].sum(
        "sample"
    ).values.tolist() == [3, 0]
    assert (
        found["activity"][0, 0] == 2
        and found["sampling_rate"].item() == 10
        and found["unit_identity"].item() == "session 0"
    )
    traces = nap.TsdFrame(t=np.array([0.05, 1.05, 2.05]), d=np.ones((3, 2)), columns=["a", "b"])
    other = data_adapters.from_pynapple({"position": place, "activity": traces}, **LABELS)
    np.testing.assert_allclose(other["position"], [0.25, 5.25, 10.25])
    assert other["unit_label"].values.tolist() == ["unit a", "unit b"] and other[
        "unit"
    ].values.tolist() == [0, 1]


def test_restricted_objects_keep_their_own_times():
    objects = data_adapters.to_pynapple(made(0))
    times, sampled = objects["activity"].times(), ("activity", "position", "velocity", "direction")
    half = nap.IntervalSet(start=times[100], end=times[199])
    cut = {
        name: value.restrict(half) if name in sampled else value for name, value in objects.items()
    }
    found = data_adapters.from_pynapple(cut)
    given = made(0).isel(sample=slice(100, 200))
    np.testing.assert_allclose(found["time"], given["time"], atol=1e-9)
    for name in ("activity", "position", "trial", "direction"):
        np.testing.assert_array_equal(found[name], given[name])


def test_refused(monkeypatch):
    objects = data_adapters.to_pynapple(made(0))
    cases = [
        ({"position": objects["position"]}, LABELS, "activity as TsdFrame, got only position"),
        (
            {"activity": objects["activity"]},
            LABELS,
            "position as Tsd or TsdFrame, got only activity",
        ),
        (
            {"activity": objects["position"], "position": objects["position"]},
            LABELS,
            "activity as TsdFrame, got Tsd",
        ),
        (
            {"activity": objects["activity"], "position": objects["position"]},
            {"subject": "m"},
            "got no session, elapsed",
        ),
    ]
    for given, labels, message in cases:
        with pytest.raises(drift.RefusedInputError, match=message) as refusal:
            data_adapters.from_pynapple(given, **labels)
        assert "\n" not in str(refusal.value)
    with pytest.raises(drift.RefusedInputError, match=r"to hold counts, got 0\.5"):
        data_adapters.to_pynapple(made(0, activity=np.full((400, 4), 0.5)), spikes=True)
    with pytest.raises(drift.RefusedInputError, match="lower minimum_speed"):
        data_adapters.to_pynapple(made(0), minimum_speed=1e6)
    monkeypatch.setitem(sys.modules, "pynapple", None)
    for call in (
        lambda: data_adapters.to_pynapple(made(0)),
        lambda: data_adapters.from_pynapple(objects),
    ):
        with pytest.raises(drift.RefusedInputError, match="pip install"):
            call()
