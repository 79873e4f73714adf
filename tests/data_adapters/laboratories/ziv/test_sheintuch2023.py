"""The raw layout of the Ziv laboratory: written with every trap and read back equal; what was
published per mouse, by hand."""

from __future__ import annotations

import warnings

import numpy as np
import openpyxl
import pytest
import scipy.io
from hc6_layout import row
from matlab_hdf5 import write_hdf5
from zivlab_layout import published_bins, runs, video, write_maps, write_registration, write_session

import data_adapters
import drift
from data_adapters.laboratories.ziv.files import unfolded
from data_adapters.laboratories.ziv.pairing import paired
from drift.errors import RefusedInputError
from drift.reporting.recorded_numbers import by_session

LENGTHS = (300, 420, 555, 670, 810)
ALL_MAPS = (1, 2, 1, 2, 0)


def read(path, **options):
    return list(data_adapters.sessions("sheintuch2023", path, **options))


def smoothed(velocity, kept=None):
    """Mean over frames i - 3 to i + 4 that exist and are kept."""
    kept = np.ones(len(velocity), dtype=bool) if kept is None else kept
    found = np.full(len(velocity), np.nan)
    for i in range(len(velocity)):
        window = np.arange(max(0, i - 3), min(len(velocity), i + 5))
        window = window[kept[window]]
        if len(window):
            found[i] = velocity[window].mean()
    return found


def expected(trials, faithful=False, chosen=range(5)):
    """Activity, position in cm and velocity of the trials, by hand."""
    chosen = [trials[index] for index in chosen]
    frames = [min(len(trial.events), len(trial.position) - 1) for trial in chosen]
    low = min(0.0, *(trial.position[1:].min() for trial in chosen))
    high = max(1.0, *(trial.position[1:].max() for trial in chosen))
    places = []
    for trial, count in zip(chosen, frames):
        if faithful:
            low, high = min(0.0, trial.position[1:].min()), max(1.0, trial.position[1:].max())
        part = (trial.position[1 : count + 1] - low) / (high - low)
        bins = np.maximum(np.ceil(part * 24), 1)
        value = (bins - 0.5) * 4 if faithful else part * 96
        places.append(np.where((bins >= 3) & (bins <= 22), value, np.nan))
    velocity = np.concatenate(
        [smoothed(trial.velocity)[1 : count + 1] for trial, count in zip(chosen, frames)]
    )
    events = np.concatenate([trial.events[:count] for trial, count in zip(chosen, frames)])
    return events, np.concatenate(places), velocity


@pytest.fixture
def mouse(rng, tmp_path):
    """C6_M4 with sessions 1 to 3 on the straight track and session 1 on the L; truth by
    (environment, k)."""
    truth = {
        ("A", k): [
            runs(rng, frames, 4 if k < 3 else 3, "A", surplus)
            for frames, surplus in zip(LENGTHS, (1, 0, -20, 3, 1))
        ]
        for k in (1, 2, 3)
    }
    truth["B", 1] = [runs(rng, frames, 5, "B") for frames in LENGTHS]
    a, b = (tmp_path / "C6_M4" / f"Environment {name}" for name in "AB")
    for k, date in ((1, "20150701"), (2, "20150705"), (3, "20150703")):
        write_session(a, k, truth["A", k], date, "A", spikes=False)
    write_session(b, 1, truth["B", 1], "20150719", "B")
    write_maps(a, {1: ALL_MAPS, 2: (None,) * 5, 3: ALL_MAPS})
    write_maps(b, {1: ALL_MAPS})
    # Row 0 is cell 2 of session 1 and cell 1 of session 3; cell 4 of session 1 is in no row.
    write_registration(a, np.array([[2, 1, 1], [1, 0, 3], [3, 2, 0]]))
    return tmp_path / "C6_M4", truth


@pytest.mark.parametrize("faithful", [False, True])
def test_written_and_read_back_equal(mouse, faithful):
    folder, truth = mouse
    found = read(folder, faithful=faithful, maximum_speed=None)
    assert [(one["environment"].item(), one["recording"].item()) for one in found] == [
        ("A", 1),
        ("A", 3),
        ("B", 1),
    ]
    for one, key in zip(found, [("A", 1), ("A", 3), ("B", 1)]):
        events, position, velocity = expected(truth[key], faithful)
        np.testing.assert_array_equal(one["activity"], events)
        np.testing.assert_allclose(one["position"], position, rtol=1e-12)
        np.testing.assert_allclose(one["velocity"], velocity, rtol=1e-12)
        np.testing.assert_array_equal(
            one["direction"], np.where(velocity >= 1, 1, np.where(velocity <= -1, -1, 0))
        )
        assert (
            one.attrs["geometry"] == ("linear" if key[0] == "A" else "L")
            and one["subject"].item() == "C6M4"
        )
        assert "session 2 of environment A: no map in the spreadsheet" in one.attrs["skipped"]
        assert sorted(set(one["trial"].values.tolist())) == [1, 2, 3, 4, 5]


def test_elapsed_is_the_date_and_not_the_number(mouse):
    found = read(mouse[0])
    # Session 3 was recorded on the third of July, before session 2 (the fifth); all begin at the
    # same time of day.
    assert [one["elapsed"].item() for one in found] == [0, 2, 18] and found[0]["elapsed"].attrs[
        "units"
    ] == "day"
    assert [one["session"].item() for one in found] == [0, 1, 3]


def test_registered_rows_and_unregistered_cells(mouse):
    first, third, on_l = read(mouse[0])
    assert first["unit"].values.tolist() == [1, 0, 2, 3] and third["unit"].values.tolist() == [
        0,
        4,
        1,
    ]
    assert first["detected_units"].item() == 4 and third["detected_units"].item() == 3
    assert (
        first["unit_identity"].item()
        == third["unit_identity"].item()
        == "registered in environment A"
    )
    assert on_l["unit_identity"].item() == "session 1 of environment B"


def test_trials_of_one_map(mouse):
    folder, truth = mouse
    one = read(folder / "Environment A", map_number=2, maximum_speed=None)[0]
    assert (
        sorted(set(one["trial"].values.tolist())) == [2, 4]
        and "trial 5: map 0" in one.attrs["notes"]
    )
    np.testing.assert_allclose(
        one["position"], expected(truth["A", 1], chosen=(1, 3))[1], rtol=1e-12
    )
    assert sorted(
        set(read(folder / "Environment A", map_number="0")[0]["trial"].values.tolist())
    ) == [5]


def test_maps_that_alternate_are_environments_of_their_own(mouse):
    folder = mouse[0] / "Environment A"
    apart = read(folder, maps_apart=True)
    labels = [one["environment"].item() for one in apart]
    assert labels[:2] == ["A map 1", "A map 2"] and len(set(labels)) < len(labels)
    assert [one["session"].item() for one in apart][:2] == [0, 1]
    assert len({one["session"].item() for one in apart}) == len(apart)
    for one in apart[:2]:
        number = int(one["environment"].item()[-1])
        alone = read(folder, map_number=number)[0]
        for name in ("activity", "position", "trial", "unit"):
            np.testing.assert_array_equal(one[name], alone[name])
        assert one["unit_identity"].item() == "registered in environment A"
        assert one["elapsed"].item() == 0
    with pytest.raises(RefusedInputError, match="give one of the two"):
        read(folder, maps_apart=True, map_number=1)


def test_maps_that_are_mixed_are_told(mouse):
    folder = mouse[0] / "Environment A"
    mixed, apart = read(folder), read(folder, maps_apart=True)
    assert [one.attrs["track_map"] for one in mixed] == ["1, 2"] * len(mixed)
    assert {one.attrs["track_map"] for one in apart} == {"1", "2"}
    assert read(folder, map_number=2)[0].attrs["track_map"] == "2"
    with pytest.warns(UserWarning, match=r"several maps .* in environment A \(maps 1, 2\)"):
        measured = drift.measure(mixed)
    assert set(measured["track_map"].values.ravel()) - {""} == {"1, 2"}
    assert "map of the track" in by_session(measured)


def test_a_map_by_itself_is_not_told_of(mouse):
    folder = mouse[0] / "Environment A"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drift.measure(read(folder, maps_apart=True))
        drift.measure(read(folder, map_number=1))


def test_environment(mouse):
    assert [one["environment"].item() for one in read(mouse[0].parent, environment="B")] == ["B"]
    with pytest.raises(RefusedInputError, match="got environment A"):
        read(mouse[0] / "Environment A", environment="B")


def test_tracking_jumps_are_dropped_before_smoothing(tmp_path, rng):
    trials = [runs(rng, frames, 3) for frames in LENGTHS]
    trials[1].velocity[100] = 900.0
    write_session(tmp_path / "C1_M1_A", 1, trials, "20150701")
    kept, published = read(tmp_path / "C1_M1_A")[0], read(tmp_path / "C1_M1_A", faithful="true")[0]
    at = LENGTHS[0] + 99
    mask = np.arange(len(trials[1].velocity)) != 100
    np.testing.assert_allclose(
        kept["velocity"][LENGTHS[0] : LENGTHS[0] + LENGTHS[1]],
        smoothed(trials[1].velocity, mask)[1:],
        rtol=1e-12,
    )
    assert (
        np.isnan(kept["position"][at]) and np.abs(published["velocity"][at - 4 : at + 4]).min() > 60
    )
    assert kept["subject"].item() == "C1M1" and "no spreadsheet" in kept.attrs["notes"]


def test_final_spikes_are_transposed_and_thresholded(tmp_path, rng):
    trials = [runs(rng, frames, 3) for frames in LENGTHS]
    trials = [trial._replace(events=20 * trial.events) for trial in trials]
    write_session(tmp_path / "m_A", 1, trials, "20150701", spikes=True)
    events = expected(trials)[0]
    np.testing.assert_array_equal(
        read(tmp_path / "m_A")[0]["activity"], np.where(events < 6.5, 0, events)
    )


def cut(trial, at):
    """The video of a trial in two parts."""
    return [
        trial._replace(position=trial.position[part], velocity=trial.velocity[part])
        for part in (slice(None, at), slice(at, None))
    ]


@pytest.mark.parametrize("where", ["frame log", "videos", "both"])
def test_split_trials(where, tmp_path, rng):
    trials = [runs(rng, frames, 3) for frames in LENGTHS]
    rows = [40, *LENGTHS, 40]
    videos = [None, *(video(trial, "A") for trial in trials)]
    if where != "videos":
        rows[3:4] = [200, 355]
    if where != "frame log":
        videos[3:4] = [video(part, "A") for part in cut(trials[2], 200)]
    write_session(tmp_path / "m_A", 1, trials, "20150701", rows=rows, videos=videos)
    found = read(tmp_path / "m_A", maximum_speed=None)[0]
    last = found.isel(sample=slice(-LENGTHS[4], None))
    # Pairing by number would set the last trials beside other behaviour.
    np.testing.assert_array_equal(last["activity"], trials[4].events)
    np.testing.assert_allclose(last["velocity"], smoothed(trials[4].velocity)[1:], rtol=1e-12)
    assert len(set(found["trial"].values.tolist())) == (6 if where == "both" else 5)
    assert found.sizes["sample"] == sum(LENGTHS) - (1 if where == "both" else 0)


def test_alignment_by_hand():
    assert [pair.rows[0] for pair in paired([40, 300, 400, 40], [None, 301, 401])[0]] == [1, 2]
    far, reasons = paired([40, 300, 40], [None, 480])
    assert far[0].rows == (1, 2) and "480 video and 300 imaging" in reasons[0]
    # One video is missing: the others keep their recordings, whatever their number.
    pairs, reasons = paired([40, 300, 420, 555, 40], [None, 301, 556])
    assert [(pair.trial, pair.rows) for pair in pairs] == [(1, (1, 2)), (2, (3, 4))] and not reasons
    # Recordings of one length cannot be told apart.
    pairs, reasons = paired([300, 300, 300, 300, 300, 300, 300], [None, 301, 301, 301, 301])
    assert not pairs and len(reasons) == 4 and "several" in reasons[0]
    pairs, reasons = paired([40, 300, 420, 40, 40], [None, 301, 900])
    assert [pair.trial for pair in pairs] == [
        1
    ] and "trial 2: its 900 video frames fits no" in reasons[0]
    pairs, reasons = paired([40, 300, 420, 555, 40], [None, 301, 556], faithful=True)
    assert [(pair.trial, pair.rows) for pair in pairs] == [(1, (1, 2)), (2, (2, 3))]


def test_unfolded_bins_run_along_the_track(tmp_path, rng):
    through = np.linspace(-32, 34, 400)
    bins = published_bins(through)
    assert (np.diff(bins) < 0).any() and (bins == 25).any()
    assert (np.diff(unfolded(bins)) >= 0).all() and set(unfolded(bins)) == set(range(1, 25))
    trials = [runs(rng, frames, 3, "B") for frames in LENGTHS]
    videos = [
        None,
        *(
            {
                name: part
                for name, part in video(trial, "B").items()
                if name != "rough_linearized_location"
            }
            for trial in trials
        ),
    ]
    write_session(tmp_path / "m_B", 1, trials, "20150701", "B", videos=videos)
    found = read(tmp_path / "m_B", maximum_speed=None)[0]["position"].values
    exact = expected(trials)[1]
    both = np.isfinite(found) & np.isfinite(exact)
    assert np.corrcoef(found[both], exact[both])[0, 1] > 0.99 and both.sum() > 1000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("frameLog_1.csv", "a,b\n1,2\n", "begin with session,trial"),
        (
            "frameLog_1.csv",
            "session,trial,begFrame,endFrame,Var5\n1,1,1,40,recording_20150701_120000.tif\n1,2,42,50,x\n",
            "line 3 of",
        ),
        (
            "frameLog_1.csv",
            "session,trial,begFrame,endFrame,Var5\n1,1,2,40,recording_20150701_120000.tif\n",
            "begFrame 2 after endFrame 0",
        ),
        ("frameLog_1.csv", "session,trial,begFrame,endFrame,Var5\n", "got no row"),
        (
            "frameLog_1.csv",
            "session,trial,begFrame,endFrame,Var5\n1,1,1,40,recording_20159901_120000.tif\n",
            "line 2 of",
        ),
        ("finalEventsMat_1.mat", {"other": 1.0}, "allEventsMat or finalSpikesMat, got other"),
        (
            "finalEventsMat_1.mat",
            {"allEventsMat": np.zeros((7, 3))},
            "2835 frames by the frame log",
        ),
        ("finalEventsMat_1.mat", {"allEventsMat": np.zeros((2835, 2835))}, "may be either"),
        ("finalEventsMat_1.mat", {"allEventsMat": np.full((2835, 3), -1.0)}, "not negative"),
        ("finalEventsMat_1.mat", {"allEventsMat": np.full((2835, 3), np.nan)}, "not NaN"),
        ("behavior_1.mat", {"my_mvmt": 3.0}, "cell array of trials"),
        ("behavior_1.mat", {"my_mvmt": row([None, {"velocity": [1.0]}])}, "field 'binned'"),
        (
            "behavior_1.mat",
            {"my_mvmt": row([None, {"velocity": [1.0], "position": [1.0, 2]}])},
            "velocity per position, got 1 and 2",
        ),
        (
            "behavior_1.mat",
            {"my_mvmt": row([None, {"velocity": np.ones((2, 2)), "position": [1.0, 2]}])},
            "row or a column",
        ),
        ("behavior_1.mat", {"my_mvmt": row([None, "text"])}, "struct or empty, got str"),
        ("behavior_1.mat", {"my_mvmt": row([None])}, "no trial on a track"),
        ("Maps per trial.xlsx", b"PK no", "whole spreadsheet"),
        ("cell_registration.mat", {"cell_to_index_map": [[4]]}, "got 4 of 3"),
        (
            "cell_registration.mat",
            {"cell_to_index_map": [[1], [1]]},
            "got 1 in rows 1 and 2: correct it",
        ),
    ],
)
def test_refused(name, content, message, tmp_path, rng):
    folder = tmp_path / "m_A"
    write_session(folder, 1, [runs(rng, frames, 3) for frames in LENGTHS], "20150701")
    if isinstance(content, dict):
        scipy.io.savemat(folder / name, content)
    else:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RefusedInputError, match=message) as refusal:
        read(folder)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")


def test_swapped_dims_are_turned(tmp_path, rng):
    trials = [runs(rng, frames, 3) for frames in LENGTHS]
    write_session(tmp_path / "m_A", 1, trials, "20150701")
    file = tmp_path / "m_A" / "finalEventsMat_1.mat"
    scipy.io.savemat(file, {"allEventsMat": scipy.io.loadmat(file)["allEventsMat"].T})
    np.testing.assert_array_equal(read(tmp_path / "m_A")[0]["activity"], expected(trials)[0])


def test_missing_file_and_wrong_spreadsheet(tmp_path, rng):
    folder = tmp_path / "m_A"
    write_session(folder, 1, [runs(rng, frames, 3) for frames in LENGTHS], "20150701")
    book = openpyxl.Workbook()
    book.active.append(["Session #/ Trial #", 1])
    book.active.append([1, "many"])
    book.save(folder / "maps per Trial.XLSX")
    with pytest.raises(RefusedInputError, match="whole numbers from 0, got 'many'"):
        read(folder)
    (folder / "frameLog_1.csv").unlink()
    (folder / "maps per Trial.XLSX").unlink()
    with pytest.raises(RefusedInputError, match=r"frameLog_1\.csv, got none"):
        read(folder)


def test_output_of_cellreg(tmp_path, rng):
    folder = tmp_path / "m_A"
    write_session(folder, 1, [runs(rng, frames, 3) for frames in LENGTHS], "20150701")
    write_hdf5(
        folder / "cellRegistered_20200101_120000.mat",
        {"cell_registered_struct": {"cell_to_index_map": np.array([[2], [0], [1]]), "p": 1.0}},
    )
    assert read(folder)[0]["unit"].values.tolist() == [2, 0, 3]


@pytest.fixture
def published(rng):
    """``this_mouse_data`` of 10 registered cells; session 4 is missing."""
    detected = np.arange(20.0, 36.0)
    detected[3] = np.nan
    right = [[np.array([1.0, 2.0]), np.array([2.0])] for _ in range(16)]
    left = [[np.array([10.0]), np.zeros((0, 0))] for _ in range(16)]
    registered = np.tile(np.arange(1, 11)[:, np.newaxis], (1, 16))
    registered[8, 1] = 0
    return {
        "number_of_neurons_sessions": detected,
        "average_SI_SSR_bit_spike_sessions": np.linspace(1, 2, 16),
        "significant_right_trials": right,
        "significant_left_trials": left,
        "cell_to_index_map": registered.astype(float),
        "unknown_field": "ignored",
    }


def as_v5(content):
    nested = {}
    for name in ("significant_right_trials", "significant_left_trials"):
        cells = np.empty((16, 2), dtype=object)
        for at in np.ndindex(16, 2):
            cells[at] = content[name][at[0]][at[1]]
        nested[name] = cells
    return {**content, **nested}


def write_published(content, path, kind):
    if kind == "v5":
        scipy.io.savemat(path, {"this_mouse_data": as_v5(content)}, long_field_names=True)
        return path
    import h5py

    write_hdf5(path, {"this_mouse_data": content})
    with (
        h5py.File(path, "r+") as file
    ):  # the writer makes rows of rows; MATLAB has a matrix of cells, with its dims reversed
        for name in ("significant_right_trials", "significant_left_trials"):
            rows = [file[reference] for reference in file["this_mouse_data"][name][:, 0]]
            references = np.array(
                [[one[half, 0] for one in rows] for half in range(2)], dtype=h5py.ref_dtype
            )
            del file["this_mouse_data"][name]
            made = file["this_mouse_data"].create_dataset(
                name, data=references, dtype=h5py.ref_dtype
            )
            made.attrs["MATLAB_class"] = np.bytes_("cell")
    return path


@pytest.mark.parametrize("kind", ["v5", "v7.3"])
def test_published_struct(published, kind, tmp_path):
    found = data_adapters.summary(
        "sheintuch2023", write_published(published, tmp_path / "C6M4.mat", kind)
    )
    assert found["subject"].values.tolist() == ["C6M4"] and found["region"].values.tolist() == [
        "CA1"
    ]
    present = np.arange(16) != 3
    np.testing.assert_array_equal(
        found["detected_units"][0], np.where(present, np.arange(20.0, 36.0), np.nan)
    )
    np.testing.assert_array_equal(found["place_units"][0], np.where(present, 3.0, np.nan))
    np.testing.assert_array_equal(
        found["fraction_place_units"][0], np.where(present, 3 / np.arange(20.0, 36.0), np.nan)
    )
    np.testing.assert_allclose(
        found["mean_spatial_information"][0, present], np.linspace(1, 2, 16)[present]
    )
    assert np.isnan(found["mean_spatial_information"][0, 3])
    np.testing.assert_array_equal(found["place_unit"][0, 0], [1, 1, 0, 0, 0, 0, 0, 0, 0, 1])
    assert np.isnan(found["place_unit"][0, 1, 8]) and np.isnan(found["place_unit"][0, 3]).all()
    assert (
        found["recorded"][0, 3].values.tolist() == [0] * 10
        and found["recorded"][0, 1, 8].item() == 0
    )
    np.testing.assert_array_equal(found["elapsed"][0], [*range(1, 16, 2), *range(19, 34, 2)])
    assert found["environment"][0].values.tolist() == ["A"] * 8 + ["B"] * 8


def test_folder_of_published_structs(published, tmp_path):
    write_published(published, tmp_path / "C6M4.mat", "v5")
    write_published(
        {**published, "cell_to_index_map": np.ones((12, 16))}, tmp_path / "C14M4.mat", "v5"
    )
    found = data_adapters.summary("sheintuch2023", tmp_path)
    assert found["region"].values.tolist() == ["CA3", "CA1"] and found.sizes["unit"] == 12
    assert np.isnan(found["place_unit"].sel(subject="C6M4")[0, 10:]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number_of_neurons_sessions": np.ones(8)}, "16 recording sessions, got shape"),
        ({"number_of_neurons_sessions": np.full(16, 2.0)}, "count all place cells"),
        ({"cell_to_index_map": np.ones((10, 8))}, r"\(cell, 16 sessions\)"),
        ({"cell_to_index_map": np.ones((5, 16))}, "number cells 1 to 5, got 10 to 10"),
        (
            {"significant_left_trials": [[np.array([0.0]), np.zeros((0, 0))] for _ in range(16)]},
            "number cells 1 to 10, got 0 to 0",
        ),
    ],
)
def test_published_struct_refused(published, change, message, tmp_path):
    path = write_published({**published, **change}, tmp_path / "C6M4.mat", "v5")
    with pytest.raises(RefusedInputError, match=message):
        data_adapters.summary("sheintuch2023", path)
