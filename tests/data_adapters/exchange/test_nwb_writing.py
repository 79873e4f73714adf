"""Sessions as NWB files: what is written reads back equal, is valid, says what it is, and is
written whole or not at all."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from exchanged_sessions import assert_equal, made, simulated, wmaze

import data_adapters
import drift

pynwb = pytest.importorskip("pynwb")


def read(folder: Path, **options) -> list[xr.Dataset]:
    return list(data_adapters.sessions("nwb", folder, **options))


@pytest.fixture(scope="module")
def observed() -> list[xr.Dataset]:
    return simulated(drift.wandering_fields((0,), sessions=4, units=30, movement=0.05))


@pytest.mark.parametrize(
    ("events", "change"),
    [
        ("responses", {}),
        ("spike_times", {}),
        ("spike_times", {"time": None, "trial": np.zeros(400)}),
        (
            "responses",
            {
                "time": None,
                "velocity": None,
                "direction": None,
                "trial": None,
                "position": np.ones((400, 2)),
            },
        ),
    ],
)
def test_a_session_reads_back_equal(events, change, tmp_path):
    given = [made(number, **change) for number in (0, 1)]
    data_adapters.to_nwb(iter(given), tmp_path, events=events)
    for one, other in zip(read(tmp_path), given, strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("events", ["responses", "spike_times"])
def test_measured_numbers_are_those_of_simulated_sessions(events, observed, tmp_path):
    paths = data_adapters.to_nwb(observed, tmp_path, events=events)
    assert [path.name for path in paths] == [
        "sub-0_ses-01.nwb",
        "sub-0_ses-02.nwb",
        "sub-0_ses-03.nwb",
    ]
    found = read(tmp_path)
    for one, other in zip(found, observed, strict=True):
        assert_equal(one, other)
    xr.testing.assert_equal(drift.measure(found, shuffles=20), drift.measure(observed, shuffles=20))


@pytest.mark.parametrize("geometry", [None, pytest.param("W", marks=pytest.mark.slow)])
def test_measured_numbers_are_those_of_a_recording(geometry, data_folder, tmp_path):
    if geometry:
        pytest.importorskip("track_linearization")
    given = wmaze(data_folder("hc6_layout_wmaze"), geometry=geometry)
    data_adapters.to_nwb(given, tmp_path)
    found = read(tmp_path)
    for one, other in zip(found, given, strict=True):
        assert_equal(one, other)
    xr.testing.assert_equal(drift.measure(found), drift.measure(given))


def test_files_are_valid_and_the_standard_finds_everything(tmp_path):
    (responses,) = data_adapters.to_nwb(
        made(2), tmp_path, subject={"species": "Mus musculus", "sex": "F", "age": "P90D"}
    )
    session = made(2)
    assert not pynwb.validate(path=str(responses))
    with pynwb.NWBHDF5IO(str(responses), "r") as file:
        content = file.read()
        place = content.processing["behavior"]["Position"]["position"]
        np.testing.assert_allclose(place.data[:] * place.conversion, session["position"] / 100)
        assert place.unit == "meters" and np.array_equal(place.timestamps[:], session["time"])
        series = content.processing["ophys"]["Fluorescence"]["activity"]
        np.testing.assert_array_equal(series.data[:], session["activity"])
        regions = series.rois.table.to_dataframe()
        assert regions.index.tolist() == [7, 0, 3, 12] and regions["unit_label"].tolist() == [
            "a",
            "b",
            "ç",
            "<script>",
        ]
        assert regions["global_roi_id"].tolist() == [
            f"registered, unit {unit}" for unit in (7, 0, 3, 12)
        ]
        assert content.trials["trial"][:].tolist() == [1, 2, 3, 1]
        assert (content.subject.subject_id, content.subject.species, content.session_id) == (
            "mouse ü",
            "Mus musculus",
            "3",
        )
        assert content.session_start_time == datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=2.6)
        assert (
            "simulated" not in content.keywords[:]
            and "SIMULATED" not in content.session_description
        )


def test_spikes_are_valid_and_lie_in_their_frames(tmp_path):
    session = made(0)
    (path,) = data_adapters.to_nwb(session, tmp_path, events="spike_times", reference="2024-02-29")
    assert not pynwb.validate(path=str(path))
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        content = file.read()
        assert (
            content.units["global_roi_id"][1] == "registered, unit 0"
            and content.session_start_time.year == 2024
        )
        edges = np.append(session["time"], session["time"][-1] + 0.04)
        for row in range(4):
            spikes = content.units.get_unit_spike_times(row)
            assert (np.diff(spikes) > 0).all() and np.array_equal(
                np.histogram(spikes, edges)[0], session["activity"][:, row]
            )


def test_a_simulation_says_so_and_carries_its_recipe(observed, tmp_path):
    recipe = drift.Experiment(seed=4).to_json()
    (path,) = data_adapters.to_nwb(observed[0].assign_coords(experiment=recipe), tmp_path)
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        content = file.read()
        assert (
            content.session_description.startswith("SIMULATED")
            and "simulated" in content.keywords[:]
        )
        assert (
            "not an animal" in content.subject.description
            and recipe in content.experiment_description
        )
    assert drift.Experiment.from_json(read(tmp_path)[0]["experiment"].item()).seed == 4


def test_global_roi_id_of_other_files_tracks_units(tmp_path):
    given = [made(0), made(1).isel(unit=[2, 0, 1])]
    data_adapters.to_nwb(given, tmp_path)
    for path in tmp_path.glob("*.nwb"):  # as anyone else would have written them
        with h5py.File(path, "r+") as file:
            del file["processing/repdrift"]
            column = file["processing/ophys/ImageSegmentation/units/global_roi_id"]
            column[:] = [entry.decode().rsplit(" ", 1)[1] for entry in column[:]]
    first, second = read(tmp_path, geometry="linear")
    assert first["unit"].values.tolist() == [2, 0, 1, 3] and second["unit"].values.tolist() == [
        1,
        2,
        0,
    ]  # ranks of 0, 3, 7, 12
    assert first["unit_identity"].item() == second["unit_identity"].item() == "global_roi_id"
    assert (
        second["elapsed"].item() == pytest.approx(1.25) and first["unit_label"].values[0] == "roi 7"
    )
    np.testing.assert_array_equal(second["activity"].values[:, 1], made(1)["activity"].values[:, 0])
    assert drift.measure([first, second])["recorded"].sum().item() == 7


def test_files_are_kept_unless_overwriting_is_asked_for(tmp_path):
    data_adapters.to_nwb(made(0), tmp_path)
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    with pytest.raises(drift.RefusedInputError, match="not to exist yet"):
        data_adapters.to_nwb([made(1), made(0)], tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name] and path.read_bytes() == before
    data_adapters.to_nwb(made(0, activity=np.ones((400, 4))), tmp_path, overwrite=True)
    assert read(tmp_path)[0]["activity"].values.all()


def refusals() -> dict[str, tuple]:
    whole = made(0)
    return {
        "scalar coordinates": (
            [whole.drop_vars("environment")],
            {},
            "got none of the name environment",
        ),
        "none": ([], {}, "sessions were expected, got none"),
        "twice": ([whole, whole], {}, "expected once, got it twice"),
        "axes": (
            [whole, made(1, position=np.ones((400, 2)), geometry="unknown")],
            {},
            "axes of position of session 1 .* to be 1 as in session 0",
        ),
        "units": ([whole, made(1, elapsed_units="min")], {}, "units of elapsed .* to be day"),
        "direction": ([whole, made(1, direction=None)], {}, "running direction"),
        "surplus": ([whole.assign(pupil=("sample", np.ones(400)))], {}, "got also pupil"),
        "negative": ([whole.assign(activity=-whole["activity"])], {}, "not negative"),
        "amplitudes": (
            [whole.assign(activity=whole["activity"] / 2)],
            {"events": "spike_times"},
            "counts of spikes, got 0.5",
        ),
        "silent": (
            [whole.assign(activity=0 * whole["activity"])],
            {"events": "spike_times"},
            "at least one spike",
        ),
        "name": ([made(0, subject="a/b")], {}, "a name for a file"),
        "date": ([whole], {"reference": "tomorrow"}, "a date such as 2000"),
        "late": ([made(0, elapsed=1e9)], {}, "to lead to a date"),
        "field": ([whole], {"subject": {"colour": "black"}}, "'colour'"),
        "kind": ([whole], {"events": "calcium"}, "responses, spike_times"),
    }


@pytest.mark.parametrize("name", refusals())
def test_what_does_not_fit_is_refused_in_one_sentence_and_nothing_is_left(name, tmp_path):
    sessions, options, message = refusals()[name]
    with pytest.raises(drift.RefusedInputError, match=message) as refusal:
        data_adapters.to_nwb(sessions, tmp_path, **options)
    assert "\n" not in str(refusal.value) and not list(tmp_path.iterdir())


def test_a_longitudinal_dataset_is_no_session(tmp_path):
    with pytest.raises(drift.SchemaError, match="activity is missing"):
        data_adapters.to_nwb(drift.published_design("Khatib 2023"), tmp_path)


def test_refused_without_pynwb_or_folder(tmp_path, monkeypatch):
    with pytest.raises(drift.RefusedInputError, match="got nothing there"):
        data_adapters.to_nwb(made(0), tmp_path / "absent")
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(drift.RefusedInputError, match="pip install"):
        data_adapters.to_nwb(made(0), tmp_path)
