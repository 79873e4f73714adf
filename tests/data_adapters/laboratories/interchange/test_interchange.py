"""The interchange format: written and read back equal in every kind of file; what is wrong is
refused and no code runs."""

from __future__ import annotations

import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import scipy.io
import xarray as xr
from hc6_layout import row
from hypothesis import given, settings
from hypothesis import strategies as st
from matlab_hdf5 import write_hdf5

import data_adapters
from data_adapters.files.containers import read_fields, write_fields
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError

KINDS = ("npz", "mat", "nc", "mat v7.3")


def save(fields, path, kind):
    """Fields in a file of this kind; lists of arrays only fit the kinds of MATLAB."""
    if kind == "mat v7.3":
        texts = {
            name: list(value)
            for name, value in fields.items()
            if np.asarray(value, dtype=object).ndim and isinstance(value[0], str)
        }
        return write_hdf5(path.with_suffix(".mat"), {**fields, **texts})
    return write_fields(fields, path.with_suffix(f".{kind}"))


def read(path, **options):
    return list(data_adapters.sessions("interchange", path, **options))


TEXT = st.text(
    st.characters(codec="ascii", min_codepoint=33, exclude_characters="/\\"), min_size=1, max_size=6
)
NUMBER = st.floats(-1e6, 1e6)


@st.composite
def datasets(draw):
    frames, units, axes = draw(st.integers(2, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    position = rng.uniform(0, 110, (frames, 2)[:axes])
    position[draw(st.integers(1, frames - 1))] = np.nan
    tracks = {
        "velocity": rng.normal(size=frames),
        "direction": np.resize([-1, *rng.integers(-1, 2, 2)], frames),
        "trial": rng.integers(0, 9, frames),
        "time": np.cumsum(rng.uniform(0.01, 1, frames)),
    }
    tracks = {name: values for name, values in tracks.items() if draw(st.booleans())}
    rate = (
        1 / float(np.median(np.diff(tracks["time"])))
        if "time" in tracks
        else draw(st.floats(0.1, 1e4))
    )
    attrs = draw(
        st.sampled_from(
            [
                {},
                {"track_length": 120.0, "region": "CA1", "notes": ""},
                {"skipped": "day 3", "depth": 1.5},
            ]
        )
    )
    attrs |= draw(st.sampled_from([{}, {"first_edge": -10.0, "last_edge": 110.0}]))
    geometries = {1: ["linear", "W", "unknown"], 2: ["square", "circle", "W", "unknown"]}[axes]
    return session_dataset(
        subject=draw(TEXT),
        session=draw(st.integers(0, 120)),
        elapsed=draw(NUMBER),
        elapsed_units=draw(st.sampled_from(["day", "min", "step"])),
        environment=draw(TEXT),
        unit_identity=draw(TEXT),
        activity=rng.poisson(1, (frames, units)) * rng.uniform(0, 2, units),
        position=position,
        sampling_rate=rate,
        source=draw(TEXT),
        position_units=draw(st.sampled_from(["cm", "pixel"])),
        geometry=draw(st.sampled_from(geometries)),
        bin_size=draw(st.sampled_from([0.5, 1.6, 4.0, 12.0])),
        detected_units=units + draw(st.integers(0, 3)),
        unit=rng.permutation(10)[:units],
        unit_label=[f"t{number} \u00b5" for number in range(units)],
        coords=draw(
            st.sampled_from(
                [{}, {"exposure": 2.0, "note": "first"}, {"missing": float("nan"), "epoch": 3}]
            )
        ),
        attrs=attrs,
        **tracks,
    )


@settings(max_examples=25, deadline=None)
@given(datasets())
def test_written_and_read_back_equal_in_every_kind_of_file(dataset):
    with TemporaryDirectory() as folder:
        for kind in ("npz", "mat", "nc"):
            path = write_interchange(dataset, folder, kind)
            assert (
                path.name
                == f"{dataset['subject'].item()}_{dataset['session'].item() + 1:02d}.{kind}"
            )
            xr.testing.assert_identical(read(path)[0], dataset)
        hdf5 = save(
            read_fields(Path(folder) / path.with_suffix(".npz").name),
            Path(folder) / "hdf5",
            "mat v7.3",
        )
        xr.testing.assert_identical(read(hdf5)[0], dataset)


@pytest.fixture
def fields(rng):
    return {
        "events": rng.poisson(0.5, (20, 3)).astype(float),
        "position": rng.uniform(0, 96, 20),
        "fs": 10.0,
        "track_length_cm": 96.0,
        "geometry": "linear",
        "animal": "m1",
        "region": "CA1",
        "environment": "A",
        "session": 1,
        "time": 0.0,
        "time_unit": "day",
        "n_detected": 5,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_fields_as_documented(fields, kind, tmp_path):
    found = read(save(fields, tmp_path / "m1_01", kind))[0]
    np.testing.assert_array_equal(found["activity"], fields["events"])
    np.testing.assert_array_equal(found["position"], fields["position"])
    assert (
        found["session"].item() == 0
        and found["detected_units"].item() == 5
        and found["sampling_rate"].item() == 10
    )
    assert (found.attrs["bin_size"], found.attrs["track_length"], found.attrs["region"]) == (
        4.0,
        96.0,
        "CA1",
    )
    assert found["unit_identity"].item() == "session 1" and found["elapsed"].attrs["units"] == "day"


@pytest.mark.parametrize("kind", KINDS)
def test_spike_times_are_counted_by_frame(fields, kind, tmp_path, rng):
    trains = [np.sort(rng.uniform(5, 7, size)) for size in (30, 0, 1)]
    trains[0][:2] = [5.0, 5.1]
    del fields["events"]
    flat = {
        "spike_times": np.concatenate(trains),
        "spike_times_index": np.cumsum([len(train) for train in trains]),
    }
    path = save({**fields, **flat, "t_start": 5.0, "t_stop": 7.0}, tmp_path / "m1_01", kind)
    found = read(path)[0]
    expected = [
        [sum(5 + i / 10 <= s < 5 + (i + 1) / 10 for s in train) for train in trains]
        for i in range(20)
    ]
    np.testing.assert_array_equal(found["activity"], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spike_times_index": np.array([1, 3])}, r"got \[1, 3\] for 2 times"),
        ({"spike_times_index": np.array([2, 1, 2])}, "expected to rise"),
        ({"spike_times": np.array([0.1, 9.0])}, "within t_start 0.0 and t_stop 2.0 s, got 9.0"),
        ({"spike_times": np.array([0.1, np.nan])}, "got nan"),
        ({"t": np.arange(19) / 10}, r"one time per frame \(20\), got 19"),
        ({"t": np.zeros(20)}, "expected to increase"),
    ],
)
def test_wrong_spike_times(fields, change, message, tmp_path):
    del fields["events"]
    trains = {
        "spike_times": np.array([0.1, 0.2]),
        "spike_times_index": np.array([1, 2]),
        "t_start": 0.0,
        "t_stop": 2.0,
    }
    with pytest.raises(RefusedInputError, match=message):
        read(save({**fields, **trains, **change}, tmp_path / "m1_01", "npz"))


@pytest.mark.parametrize("kind", ["mat", "mat v7.3"])
def test_spike_times_as_a_cell_array(fields, kind, tmp_path):
    del fields["events"]
    trains = [np.array([5.05, 5.06, 6.95]), np.zeros((0, 0)), np.array([4.5, 6.0, 7.5])]
    content = {**fields, "t": 5 + np.arange(20) / 10, "t_start": 4.0, "t_stop": 8.0}
    if kind == "mat":
        scipy.io.savemat(tmp_path / "m1_01.mat", {**content, "spike_times": row(trains)})
    else:
        write_hdf5(tmp_path / "m1_01.mat", {**content, "spike_times": trains})
    found = read(tmp_path)[0]
    assert found["activity"].sum("sample").values.tolist() == [3, 0, 1]
    assert found["activity"][0].values.tolist() == [2, 0, 0] and found["activity"][
        10
    ].values.tolist() == [0, 0, 1]
    assert (
        found.attrs["notes"] == "2 spikes left out because they lie outside of the tracked frames"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_registered_units(fields, kind, tmp_path, rng):
    columns = np.array([[1, 2], [0, 1], [3, 0], [0, 0]])
    save({"cell_to_index_map": columns}, tmp_path / "m1_registration", kind)
    save(fields, tmp_path / "m1_01", kind)
    save(
        {**fields, "session": 2, "time": 2.0, "events": rng.poisson(1, (20, 3))},
        tmp_path / "m1_02",
        kind,
    )
    first, second = read(tmp_path)
    assert first["unit"].values.tolist() == [0, 4, 2] and second["unit"].values.tolist() == [
        1,
        0,
        5,
    ]
    assert first["unit_identity"].item() == second["unit_identity"].item() == "registered"
    np.testing.assert_array_equal(first["activity"].sel(unit=2), fields["events"][:, 2])
    assert read(next(tmp_path.glob("m1_02.*")))[0]["unit"].values.tolist()[:2] == [1, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([[1], [4]], "got 4 of 3"),
        ([[1], [1]], "got 1 in rows 1 and 2: correct it"),
        ([[1, 2, 3], [1, 3, 2]], "got 1 in rows 1 and 2: transpose it, if its rows are sessions"),
        ([[1], [-1]], "from 0"),
        ([[1], [1.5]], "whole numbers"),
        (np.zeros((3, 0)), "column for session 1"),
    ],
)
def test_wrong_registration(fields, columns, message, tmp_path):
    save({"cell_to_index_map": np.asarray(columns)}, tmp_path / "m1_registration", "npz")
    save(fields, tmp_path / "m1_01", "npz")
    with pytest.raises(RefusedInputError, match=message):
        read(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"events": np.full((20, 3), np.nan)}, "nan at sample 0, unit 0"),
        ({"events": np.full((20, 3), -1.0)}, "not negative"),
        ({"events": np.zeros((20, 0))}, r"\(20, 0\)"),
        ({"events": np.zeros((3, 20))}, "position in .* transpose or cut"),
        ({"position": np.zeros(19)}, r"one row per frame of events \(20\)"),
        ({"fs": None}, "expected to hold fs"),
        ({"n_detected": None}, "n_detected"),
        ({"n_detected": 2}, "3 or more, got 2"),
        ({"session": 0}, "count from 1, got 0"),
        ({"session": 1.5}, "whole numbers, got 1.5"),
        ({"animal": 3.0}, "expected to be text"),
        ({"geometry": "maze"}, "one of linear"),
        ({"time_unit": "hour"}, "one of day, min, step"),
        ({"track_length_cm": None}, "track_length_cm or bin_edges_cm"),
        ({"velocty": np.zeros(20)}, "'velocty': use velocity"),
        ({"spike_times": np.zeros(2), "spike_times_index": np.array([1, 2, 2])}, "got both"),
        ({"rate_maps": np.zeros((3, 1, 4))}, r"interchange\.longitudinal"),
    ],
)
def test_wrong_fields(fields, kind, change, message, tmp_path):
    changed = {name: value for name, value in {**fields, **change}.items() if value is not None}
    with pytest.raises(RefusedInputError, match=message) as refusal:
        read(save(changed, tmp_path / "recording", kind))
    assert "\n" not in str(refusal.value)


def run_code(path):
    Path(path).write_text("ran")


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return run_code, (str(self.path),)


def test_pickles_are_refused_and_run_no_code(fields, tmp_path):
    witness = tmp_path / "witness"
    harmful = np.array([Harmful(witness)], dtype=object)
    np.savez(tmp_path / "objects.npz", **{**fields, "events": harmful})
    for name in ("plain.pkl", "disguised.npz", "disguised.mat", "disguised.nc"):
        (tmp_path / name).write_bytes(pickle.dumps(Harmful(witness)))
    for name in ("objects.npz", "plain.pkl", "disguised.npz", "disguised.mat", "disguised.nc"):
        with pytest.raises(RefusedInputError, match=name):
            read(tmp_path / name)
    assert not witness.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_truncated(fields, kind, tmp_path):
    path = save(fields, tmp_path / "m1_01", kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RefusedInputError, match="m1_01") as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def test_folder(fields, tmp_path):
    save({**fields, "session": 2, "region": "CA3"}, tmp_path / "m1_02", "mat")
    save(fields, tmp_path / "m1_01", "npz")
    save({**fields, "animal": "a"}, tmp_path / "a_01", "nc")
    assert [(one["subject"].item(), one["session"].item()) for one in read(tmp_path)] == [
        ("a", 0),
        ("m1", 0),
        ("m1", 1),
    ]
    assert [one["session"].item() for one in read(tmp_path, area="ca3")] == [1]
    assert {one["position"].attrs["units"] for one in read(tmp_path, position_units="pixel")} == {
        "pixel"
    }
    with pytest.raises(RefusedInputError, match="'MEC' were expected, got 2 CA1, 1 CA3"):
        read(tmp_path, area="MEC")
    save(fields, tmp_path / "m1_01", "mat")
    with pytest.raises(RefusedInputError, match="one file per animal and session"):
        read(tmp_path)


def test_names_of_files(fields, tmp_path):
    save(fields, tmp_path / "m2_01", "npz")
    with pytest.raises(RefusedInputError, match="animal 'm2', session 1, got 'm1', 1"):
        read(tmp_path)
    save(fields, tmp_path / "other", "npz")
    with pytest.raises(RefusedInputError, match="named <animal>_<session>"):
        read(tmp_path)


def test_nothing_is_overwritten_unasked(fields, tmp_path):
    dataset = read(save(fields, tmp_path / "first", "npz"))[0]
    path = write_interchange(dataset, tmp_path)
    with pytest.raises(RefusedInputError, match="overwrite=True"):
        write_interchange(dataset, tmp_path)
    assert write_interchange(dataset, tmp_path, overwrite=True) == path and not list(
        tmp_path.glob("*.part")
    )
    with pytest.raises(RefusedInputError, match="name for a file"):
        write_interchange(dataset.assign_coords(subject="a/b"), tmp_path)
    with pytest.raises(RefusedInputError, match="without detected_units"):
        write_interchange(dataset.drop_vars("detected_units"), tmp_path)
