"""The hc-6 layout: files written with every trap read back equal; the real W-maze has the published
structure."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import xarray as xr
from hc6_layout import info, pos, row, spikes, walk, write
from matlab_hdf5 import write_hdf5

import data_adapters
from data_adapters.files import matlab
from drift.errors import RefusedInputError

FRAMES = 400
PERMISSIVE = {"maximum_rate": None, "minimum_spikes": None}


def run(environment, exposure, exposureday, daily):
    return {
        "type": "run",
        "environment": environment,
        "exposure": exposure,
        "exposureday": exposureday,
        "dailyexposure": daily,
    }


@pytest.fixture
def truth(rng):
    """Days 3 (three epochs) and 4 (two tracks); tetrodes 1 (three cells), 2 (empty) and 3 (one
    cell); values by (day, epoch)."""
    tables = {
        (3, 2): walk(rng, FRAMES, 1200.0, 5),
        (4, 1): walk(rng, FRAMES, 60.0, 9),
        (4, 2): walk(rng, FRAMES + 7, 900.0, 9),
    }
    tables[3, 1] = np.column_stack([np.arange(30) / 30 + 10, np.full((30, 4), 2.0)])
    tables[3, 3] = walk(rng, FRAMES, 2000.0, 5)
    slots = {(1, 1): "CA1", (1, 2): "CA1", (1, 3): None, (3, 1): "CA1", (4, 1): "MEC"}
    trains = {
        key: {
            slot: rng.integers(1, len(table) + 1, size=0 if slot == (1, 2) else 100)
            for slot in slots
        }
        for key, table in tables.items()
    }
    return tables, slots, trains


@pytest.fixture
def folder(truth, tmp_path):
    tables, slots, trains = truth

    def cellinfo(key):
        cells = {
            slot: info(trains[key][slot].size, 3.0 if slot != (3, 1) else 7.0, area)
            for slot, area in slots.items()
        }
        return row(
            [
                row([cells[1, 1], cells[1, 2], cells[1, 3]]),
                None,
                row([cells[3, 1]]),
                row([cells[4, 1]]),
            ]
        )

    def spiking(key):
        cells = {slot: spikes(tables[key], trains[key][slot]) for slot in slots}
        return row(
            [
                row([cells[1, 1], cells[1, 2], cells[1, 3]]),
                None,
                row([cells[3, 1]]),
                row([cells[4, 1]]),
            ]
        )

    tasks = {
        3: [
            {"type": "sleep", "sleepnum": 1},
            run("TrackA", 5, 3, 1),
            {"environment": "TrackA", "exposureday": 3},
        ],
        4: [run("TrackA", 6, 4, 1), run("TrackB", 1, 1, 1)],
    }
    epochs = {3: (1, 2, 3), 4: (1, 2)}
    days = {
        day: {
            "pos": [pos(tables[day, epoch]) for epoch in epochs[day]],
            "spikes": [spiking((day, epoch)) for epoch in epochs[day]],
            "task": tasks[day],
        }
        for day in epochs
    }
    return write(
        tmp_path / "Con",
        "con",
        days,
        {day: [cellinfo((day, epoch)) for epoch in epochs[day]] for day in epochs},
    )


def counts(rows, frames):
    found = np.zeros(frames)
    for one in rows:
        found[one - 1] += 1
    return found


def test_written_and_read_back_equal(folder, truth):
    tables, _, trains = truth
    found = list(data_adapters.sessions("karlsson2015", folder, **PERMISSIVE))
    assert [(one["recording_day"].item(), one["epoch"].item()) for one in found] == [
        (3, 2),
        (4, 1),
        (4, 2),
    ]
    assert [one["session"].item() for one in found] == [0, 1, 2]
    for one, key in zip(found, [(3, 2), (4, 1), (4, 2)]):
        table = tables[key]
        columns = (1, 2, 4) if key[0] == 3 else (5, 6, 8)
        np.testing.assert_array_equal(one["time"], table[:, 0])
        np.testing.assert_array_equal(one["position"], table[:, columns[:2]])
        np.testing.assert_array_equal(one["velocity"], table[:, columns[2]])
        expected = np.column_stack(
            [counts(trains[key][slot], len(table)) for slot in ((1, 1), (1, 2), (3, 1))]
        )
        np.testing.assert_array_equal(one["activity"], expected)
        assert one["unit_label"].values.tolist() == [
            "tetrode 1 cell 1",
            "tetrode 1 cell 2",
            "tetrode 3 cell 1",
        ]
        assert one["unit_identity"].item() == f"day {key[0]}" and one["subject"].item() == "con"
        assert one["detected_units"].item() == 3 and one["sampling_rate"].item() == 30.0
        assert one["position"].attrs["units"] == "cm" and one.attrs["geometry"] == "W"
        assert one.attrs["notes"] == "1 of 5 cells left out because cellinfo names no area"
        assert one.attrs["skipped"] == "day 3 epoch 3: task has no type"
    assert [one["environment"].item() for one in found] == ["TrackA", "TrackA", "TrackB"]
    assert [one["exposure"].item() for one in found] == [5, 6, 1]
    assert [one["exposureday"].item() for one in found] == [3, 4, 1]
    assert not found[0]["activity"][:, 1].any()


def test_elapsed_is_the_day_of_experience_of_one_track_and_the_recording_day_of_several(folder):
    both = list(data_adapters.sessions("karlsson2015", folder, **PERMISSIVE))
    np.testing.assert_allclose(
        [float(one["elapsed"]) for one in both],
        [3 + 1190 / 86400, 4, 4 + 840 / 86400],
        rtol=0,
        atol=1e-12,
    )
    second = next(
        data_adapters.sessions("karlsson2015", folder, environment="TrackB", **PERMISSIVE)
    )
    assert float(second["elapsed"]) == pytest.approx(1 + 840 / 86400, abs=1e-12)
    assert (both[0].attrs["elapsed_axis"], second.attrs["elapsed_axis"]) == (
        "recording day",
        "day of experience",
    )


def test_filter_of_karlsson_drops_fast_and_quiet_cells(folder):
    first = next(data_adapters.sessions("karlsson2015", folder))
    assert (
        first["unit_label"].values.tolist() == ["tetrode 1 cell 1"]
        and first["detected_units"].item() == 1
    )
    slow = next(
        data_adapters.sessions("karlsson2015", folder, minimum_spikes="none", maximum_rate="7")
    )
    assert slow["unit_label"].values.tolist() == ["tetrode 1 cell 1", "tetrode 1 cell 2"]


def test_other_areas(folder):
    entorhinal = next(data_adapters.sessions("karlsson2015", folder, area="MEC"))
    assert entorhinal["unit_label"].values.tolist() == ["tetrode 4 cell 1"]
    every = next(data_adapters.sessions("karlsson2015", folder, area="any", **PERMISSIVE))
    assert every.sizes["unit"] == 5 and every.attrs["notes"] == ""
    with pytest.raises(
        RefusedInputError,
        match=r"'CA3'.*9 CA1, 3 MEC, 3 without area|'CA3'.*3 without area, 9 CA1, 3 MEC",
    ):
        data_adapters.sessions("karlsson2015", folder, area="CA3")


def test_unit_numbers_hold_within_a_day_where_an_epoch_loses_a_cell(folder):
    path = folder / "concellinfo.mat"
    content = matlab.read(path, "cellinfo")["cellinfo"]
    content[0, 3][0, 0][0, 0][0, 0]["numspikes"] = 3.0
    scipy.io.savemat(path, {"cellinfo": content})
    first, second = data_adapters.sessions("karlsson2015", folder, days="4", maximum_rate=None)
    assert first["unit_label"].values.tolist() == ["tetrode 3 cell 1"] and first[
        "unit"
    ].values.tolist() == [1]
    assert second["unit"].values.tolist() == [0, 1]


def test_folder_of_animals(folder):
    other = folder.parent / "Dud"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name.replace("con", "dud", 1)).write_bytes(file.read_bytes())
    found = list(data_adapters.sessions("karlsson2015", folder.parent, days=[4], **PERMISSIVE))
    assert [(one["subject"].item(), one["session"].item()) for one in found] == [
        ("con", 0),
        ("con", 1),
        ("dud", 0),
        ("dud", 1),
    ]


def test_position_units(folder):
    path = folder / "conpos03.mat"
    content = matlab.read(path, "pos")["pos"]
    leaf = content[0, 2][0, 1]
    truth = leaf["data"][:, 1:3].copy()
    leaf["data"][:, 1:3] *= 2
    scipy.io.savemat(path, {"pos": content})
    scaled = next(data_adapters.sessions("karlsson2015", folder, **PERMISSIVE))
    np.testing.assert_allclose(scaled["position"], truth, rtol=1e-15)
    pixel = next(
        data_adapters.sessions("karlsson2015", folder, position_units="pixel", **PERMISSIVE)
    )
    np.testing.assert_array_equal(pixel["position"], 2 * truth)
    assert (
        pixel["position"].attrs["units"] == "pixel"
        and pixel["velocity"].attrs["units"] == "pixel/s"
    )
    leaf["data"][:, 1:3] *= 4
    scipy.io.savemat(path, {"pos": content})
    with pytest.raises(
        RefusedInputError, match=r"50 to 110 cm, got 640.0 and 320.0 after cmperpixel = 0.5"
    ):
        data_adapters.sessions("karlsson2015", folder, **PERMISSIVE)


@pytest.mark.parametrize("row_number", [0, FRAMES + 1, 1.5, np.nan])
def test_index_outside_of_the_positions(folder, row_number):
    path = folder / "conspikes03.mat"
    content = matlab.read(path, "spikes")["spikes"]
    content[0, 2][0, 1][0, 2][0, 0]["data"][5, 6] = row_number
    scipy.io.savemat(path, {"spikes": content})
    with pytest.raises(
        RefusedInputError,
        match=f"tetrode 3, cell 1 in day 3, epoch 2 of con was expected as rows 1 to {FRAMES}",
    ):
        data_adapters.sessions("karlsson2015", folder, **PERMISSIVE)


def test_spikes_without_the_cells_of_cellinfo(folder):
    path = folder / "conspikes03.mat"
    content = matlab.read(path, "spikes")["spikes"]
    content[0, 2][0, 1][0, 2] = np.zeros((0, 0))
    scipy.io.savemat(path, {"spikes": content})
    with pytest.raises(RefusedInputError, match="100 by cellinfo, got an empty slot"):
        data_adapters.sessions("karlsson2015", folder, **PERMISSIVE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": "time x y vel"}, "columns time x y vel"),
        ({"fields": "time a b dir vel"}, "column 'x'"),
        ({"data": np.zeros((0, 0))}, "columns time x y dir vel"),
        ({"data": np.full((20, 5), np.nan)}, "NaN in every frame"),
    ],
)
def test_damaged_positions(folder, truth, change, message):
    path = folder / "conpos03.mat"
    content = matlab.read(path, "pos")["pos"]
    content[0, 2][0, 1] = pos(truth[0][3, 2], **change)
    scipy.io.savemat(path, {"pos": content})
    with pytest.raises(RefusedInputError, match=message):
        data_adapters.sessions("karlsson2015", folder, **PERMISSIVE)


@pytest.mark.parametrize(
    "name", ["conpos04.mat", "conspikes03.mat", "contask04.mat", "concellinfo.mat"]
)
def test_missing_and_truncated_files(folder, name):
    path = folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RefusedInputError, match=name):
        list(data_adapters.sessions("karlsson2015", folder, **PERMISSIVE))
    path.unlink()
    with pytest.raises(RefusedInputError, match=f"{name}, got no file"):
        data_adapters.sessions("karlsson2015", folder, **PERMISSIVE)


def test_file_without_its_variable(folder):
    scipy.io.savemat(folder / "conpos03.mat", {"position": 1.0})
    with pytest.raises(RefusedInputError, match="variable 'pos', got position"):
        data_adapters.sessions("karlsson2015", folder, **PERMISSIVE)


def test_nothing_left(folder):
    with pytest.raises(RefusedInputError, match="check environment= and days="):
        data_adapters.sessions("karlsson2015", folder, environment="TrackC")
    with pytest.raises(RefusedInputError, match=r"days \[9\] were expected .* got only \[3, 4\]"):
        data_adapters.sessions("karlsson2015", folder, days=9)
    with pytest.raises(RefusedInputError, match="numspikes >= 1000"):
        data_adapters.sessions("karlsson2015", folder, minimum_spikes=1000)


def listed(value):
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [listed(item) for item in value.ravel()]
    return (
        {name: listed(item) for name, item in value.items()} if isinstance(value, dict) else value
    )


def test_both_kinds_of_matlab_files_read_equal(folder):
    before = list(data_adapters.sessions("karlsson2015", folder, **PERMISSIVE))
    for file in folder.glob("*.mat"):
        write_hdf5(file, {name: listed(value) for name, value in matlab.read(file).items()})
    for one, other in zip(
        before, data_adapters.sessions("karlsson2015", folder, **PERMISSIVE), strict=True
    ):
        xr.testing.assert_identical(one, other)


def test_cell_without_count_and_without_spikes_was_not_recorded(folder):
    for name, kind in (("concellinfo.mat", "cellinfo"), ("conspikes03.mat", "spikes")):
        content = matlab.read(folder / name, kind)[kind]
        content[0, 2][0, 1][0, 2][0, 0] = (
            {"area": "CA1"} if kind == "cellinfo" else np.zeros((0, 0))
        )
        scipy.io.savemat(folder / name, {kind: content})
    first = next(
        data_adapters.sessions("karlsson2015", folder, minimum_spikes=None, maximum_rate=None)
    )
    assert (
        first["unit_label"].values.tolist() == ["tetrode 1 cell 1", "tetrode 1 cell 2"]
        and first["detected_units"].item() == 2
    )


def test_epoch_whose_cells_all_fail_is_named(folder):
    content = matlab.read(folder / "concellinfo.mat", "cellinfo")["cellinfo"]
    content[0, 2][0, 1][0, 0][0, 0]["numspikes"] = 3.0
    scipy.io.savemat(folder / "concellinfo.mat", {"cellinfo": content})
    found = list(data_adapters.sessions("karlsson2015", folder))
    assert [one["recording_day"].item() for one in found] == [4, 4]
    assert (
        found[0].attrs["skipped"]
        == "day 3 epoch 2: no cell passes the filter; day 3 epoch 3: task has no type"
    )


def test_two_prefixes(folder):
    (folder / "dudpos01.mat").write_bytes((folder / "conpos03.mat").read_bytes())
    with pytest.raises(RefusedInputError, match="prefixes con, dud"):
        data_adapters.sessions("karlsson2015", folder)


@pytest.fixture(scope="module")
def wmaze(data_folder):
    path = data_folder("hc6_layout_wmaze")
    return list(
        data_adapters.sessions(
            "karlsson2015", path, area="any", position_units="pixel", **PERMISSIVE
        )
    )


TABLE = {  # (tetrode, cell): spikes, moving spikes, bits/spike in epochs 1 and 3
    "tetrode 1 cell 1": ((532, 206, 2.497352), (444, 281, 2.613828)),
    "tetrode 1 cell 2": ((425, 283, 2.868484), (360, 207, 2.915346)),
    "tetrode 4 cell 1": ((4762, 2218, 0.268416), (3537, 1746, 0.331672)),
    "tetrode 10 cell 7": ((1114, 662, 2.326598), (987, 627, 2.610270)),
    "tetrode 10 cell 8": ((149316, 67095, 0.012323), (155413, 69980, 0.015190)),
    "tetrode 10 cell 12": ((1642, 1049, 2.379547), (1566, 1181, 2.222472)),
}


def binned(session):
    """Counts and frames while moving, (unit, bin) and (bin,), over bins of 10 pixels."""
    moving = session["velocity"].values > 20
    x, y = (session["position"].values[moving] // 10).astype(int).T
    place = y * 64 + x
    spiking = np.stack(
        [np.bincount(place, weights, 64 * 48) for weights in session["activity"].values[moving].T]
    )
    return spiking, np.bincount(place, minlength=64 * 48), moving


def information(spiking, frames):
    valid = frames >= 4
    probability = frames[valid] / frames[valid].sum()
    rate = spiking[:, valid] / (frames[valid] / 30)
    relative = rate / (rate @ probability)[:, np.newaxis]
    return (probability * relative * np.log2(np.where(relative > 0, relative, 1))).sum(axis=1)


def test_wmaze_structure(wmaze):
    assert [one.sizes["sample"] for one in wmaze] == [34197, 36604]
    assert [one.sizes["unit"] for one in wmaze] == [35, 35] and [
        one["epoch"].item() for one in wmaze
    ] == [1, 3]
    assert [int((one["activity"].sum("sample") > 0).sum()) for one in wmaze] == [24, 24]
    tetrodes = [label.split()[1] for label in wmaze[0]["unit_label"].values.tolist()]
    assert {tetrode: tetrodes.count(tetrode) for tetrode in tetrodes} == {
        "1": 18,
        "4": 1,
        "9": 1,
        "10": 12,
        "11": 2,
        "13": 1,
    }
    silent = wmaze[0]["activity"][
        :, wmaze[0]["unit_label"].values.tolist().index("tetrode 1 cell 3")
    ]
    assert not silent.any() and {one["sampling_rate"].item() for one in wmaze} == {30.0}
    spiking, frames, moving = zip(*map(binned, wmaze))
    assert [int(one.sum()) for one in moving] == [12687, 13298]
    assert [int((one > 0).sum()) for one in frames] == [506, 536]
    assert [int((one >= 4).sum()) for one in frames] == [415, 438]
    assert [int((one.sum(axis=1) >= 30).sum()) for one in spiking] == [18, 18]


@pytest.mark.parametrize(("epoch", "median", "mean"), [(0, 2.3789, 2.3634), (1, 2.4833, 2.6278)])
def test_wmaze_information(wmaze, epoch, median, mean):
    spiking, frames, _ = binned(wmaze[epoch])
    enough = spiking.sum(axis=1) >= 30
    bits = np.full(len(spiking), np.nan)
    bits[enough] = information(spiking[enough], frames)
    assert np.median(bits[enough]) == pytest.approx(median, abs=1e-4) and bits[
        enough
    ].mean() == pytest.approx(mean, abs=1e-4)
    labels, events = (
        wmaze[epoch]["unit_label"].values.tolist(),
        wmaze[epoch]["activity"].sum("sample").values,
    )
    for label, expected in TABLE.items():
        unit = labels.index(label)
        assert (events[unit], spiking[unit].sum()) == expected[epoch][:2]
        assert bits[unit] == pytest.approx(expected[epoch][2], abs=1e-5)


def test_wmaze_refusals_and_filter(data_folder):
    path = data_folder("hc6_layout_wmaze")
    with pytest.raises(RefusedInputError, match=r"'CA1'.*70 unknown.*area='any'"):
        data_adapters.sessions("karlsson2015", path)
    with pytest.raises(
        RefusedInputError, match=r"50 to 110 cm, got 356.4 and 356.4 after cmperpixel = 1"
    ):
        data_adapters.sessions("karlsson2015", path, area="any")
    filtered = data_adapters.sessions(
        "karlsson2015", path / "Nel", area="any", position_units="pixel"
    )
    assert [(one.sizes["unit"], one["detected_units"].item()) for one in filtered] == [
        (17, 17),
        (18, 18),
    ]
