"""NWB files of other programs: events before traces, accepted units only, one environment."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import numpy as np
import pytest

import data_adapters
from drift.errors import RefusedInputError

pynwb = pytest.importorskip("pynwb")
FRAMES, ROIS = 600, 6


def write(path, series=None, columns=None, trains=None, unit_columns=None, epochs=(), unit="cm"):
    """One file with named series of responses, columns of their table, spike trains with columns,
    and epochs (start, stop, tag)."""
    from pynwb.behavior import Position
    from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel

    content = pynwb.NWBFile(
        session_description="made",
        identifier="1",
        session_start_time=datetime(2020, 1, 1, tzinfo=UTC),
    )
    place = Position(name="Position")
    track = 50 + 45 * np.sin(np.arange(FRAMES) / 30)
    place.create_spatial_series(name="p", data=track, unit=unit, reference_frame="track", rate=20.0)
    content.create_processing_module("behavior", "made").add(place)
    if series:
        device = content.create_device("microscope")
        channel = OpticalChannel(name="c", description="d", emission_lambda=1.0)
        plane = content.create_imaging_plane(
            name="plane",
            optical_channel=channel,
            description="d",
            device=device,
            excitation_lambda=1.0,
            indicator="g",
            location="CA1",
        )
        masks = ImageSegmentation()
        regions = masks.create_plane_segmentation(name="rois", description="d", imaging_plane=plane)
        for _ in range(ROIS):
            regions.add_roi(pixel_mask=[(0, 0, 1.0)])
        for name, values in (columns or {}).items():
            regions.add_column(name, "d", data=list(values))
        module = content.create_processing_module("ophys", "d")
        module.add(masks)
        rois = regions.create_roi_table_region(region=list(range(ROIS)), description="all")
        traces = Fluorescence()
        module.add(traces)
        for name, values in series.items():
            traces.create_roi_response_series(
                name=name, data=values, rois=rois, unit="a", rate=20.0
            )
    for name in unit_columns or {}:
        content.add_unit_column(name, "d")
    for number, train in enumerate(trains or []):
        content.add_unit(
            spike_times=train,
            **{name: values[number] for name, values in (unit_columns or {}).items()},
        )
    for start, stop, tag in epochs:
        content.add_epoch(start_time=start, stop_time=stop, tags=[tag])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pynwb.NWBHDF5IO(str(path), "w") as file:
            file.write(content)
    return path


def read(path, **options):
    return next(data_adapters.sessions("nwb", path, **options))


@pytest.fixture
def events(rng):
    return np.where(rng.random((FRAMES, ROIS)) < 0.05, rng.lognormal(1, 1, (FRAMES, ROIS)), 0.0)


@pytest.fixture
def raw(rng):
    return 200 + rng.normal(0, 10, (FRAMES, ROIS))


@pytest.mark.parametrize("name", ["Deconvolved", "events", "event_amplitude", "spikes_deconvolved"])
def test_events_come_before_traces(events, raw, name, tmp_path):
    session = read(
        write(tmp_path / "a.nwb", {"Neuropil": raw / 2, "Fluorescence": raw, name: events})
    )
    np.testing.assert_array_equal(session["activity"], events)
    assert f"events are those of {name}, chosen by its name" in session.attrs["notes"]


@pytest.mark.parametrize(
    "name",
    ["Fluorescence", "DfOverF", "dff", "Neuropil", "Denoised", "Baseline", "RawFluorescence", "F"],
)
def test_a_trace_by_name_is_refused_unless_it_is_said(events, name, tmp_path):
    path = write(tmp_path / "a.nwb", {name: events})
    with pytest.raises(
        RefusedInputError, match=f"got {name}, which is a trace of fluorescence by its name"
    ):
        read(path)
    assert read(path, events_are="trace")["activity"].attrs["kind"] == "trace"


def test_a_trace_by_its_values_is_refused(raw, tmp_path):
    with pytest.raises(
        RefusedInputError, match="6 of 6 units above 0 in more than 90% of the samples"
    ):
        read(write(tmp_path / "a.nwb", {"RoiResponseSeries": raw}))


def test_threshold_of_responses(events, tmp_path):
    path = write(tmp_path / "a.nwb", {"Deconvolved": events})
    kept = read(path, threshold_sd="3")["activity"]
    np.testing.assert_array_equal(kept, np.where(events >= 3 * events.std(axis=0), events, 0))


FLAGS = {
    "iscell": [1, 0, 1, 0, 1, 1],
    "is_accepted": [True, False, True, False, True, True],
    "Accepted": [1.0, 0.0, 1.0, np.nan, 1.0, 1.0],
    "rejected": [False, True, False, True, False, False],
    "iscell of suite2p": [[1, 0.9], [0, 0.4], [1, 0.6], [0, 0.1], [1, 0.7], [1, 0.8]],
    "status": ["accepted", "rejected", "accepted", "undecided", "accepted", "accepted"],
}


@pytest.mark.parametrize("column", FLAGS)
def test_rejected_regions_do_not_count(events, column, tmp_path):
    name = {"iscell of suite2p": "iscell", "status": "accepted"}.get(column, column)
    path = write(tmp_path / "a.nwb", {"Deconvolved": events}, {name: FLAGS[column]})
    session = read(path)
    np.testing.assert_array_equal(session["activity"], events[:, [0, 2, 4, 5]])
    assert session["detected_units"].item() == 4 and session["unit_label"].values.tolist() == [
        "roi 0",
        "roi 2",
        "roi 4",
        "roi 5",
    ]
    assert f"2 of 6 units left out because they were rejected ({name}" in session.attrs["notes"]
    assert read(path, keep_rejected="true").sizes["unit"] == ROIS


LABELS = {
    "quality": (["good", "noise", "good", "mua"], 2),
    "group": (["good", "unsorted", "MUA", ""], 1),
    "KSLabel": (["good", "mua", "mua", "good"], 2),
    "location": (["CA1", "CA3", "CA1", "CA1"], 4),
    "group of electrodes": (["shank1", "shank2", "shank1", "shank1"], 4),
}


@pytest.mark.parametrize("column", LABELS)
def test_only_good_units_count(rng, column, tmp_path):
    labels, good = LABELS[column]
    name = "group" if column == "group of electrodes" else column
    trains = [np.sort(rng.uniform(0, 29, 50)) for _ in labels]
    session = read(write(tmp_path / "a.nwb", trains=trains, unit_columns={name: labels}))
    assert session.sizes["unit"] == session["detected_units"].item() == good
    assert session["activity"].attrs["kind"] == "counts"


def test_the_hand_wins_over_the_sorter(rng, tmp_path):
    columns = {"KSLabel": ["good", "good", "mua"], "group": ["good", "noise", "good"]}
    trains = [np.sort(rng.uniform(0, 29, 50)) for _ in range(3)]
    session = read(write(tmp_path / "a.nwb", trains=trains, unit_columns=columns))
    assert (
        session["unit_label"].values.tolist() == ["unit 0", "unit 2"]
        and "(group: 1 noise)" in session.attrs["notes"]
    )


def test_no_accepted_unit_is_refused(events, tmp_path):
    with pytest.raises(RefusedInputError, match=r"got none of 6 .* say keep_rejected=true"):
        read(write(tmp_path / "a.nwb", {"Deconvolved": events}, {"iscell": [0] * 6}))


def test_rooms_are_taken_apart(events, tmp_path):
    epochs = [(0.0, 10.0, "familiar"), (10.0, 20.0, "sleep"), (20.0, 30.0, "novel")]
    path = write(tmp_path / "a.nwb", {"Deconvolved": events}, epochs=epochs)
    with pytest.raises(
        RefusedInputError, match="epochs familiar, sleep, novel: take one by epochs=familiar"
    ):
        read(path)
    novel = read(path, epochs="novel")
    assert novel["environment"].item() == "novel" and novel[
        "time"
    ].values.tolist() == pytest.approx((np.arange(400, 600) / 20).tolist())
    np.testing.assert_array_equal(novel["activity"], events[400:])
    assert read(path, environment="A").sizes["sample"] == FRAMES
    with pytest.raises(RefusedInputError, match="the epoch 'rest', got familiar, sleep, novel"):
        read(path, epochs="rest")


def test_runs_of_one_room_stay_together(events, tmp_path):
    path = write(
        tmp_path / "a.nwb",
        {"Deconvolved": events},
        epochs=[(0.0, 10.0, "run1"), (10.0, 30.0, "run2")],
    )
    assert read(path).sizes["sample"] == FRAMES


@pytest.mark.parametrize("unit", ["cm", "centimeter", "centimetres", "centimeters"])
def test_names_of_the_centimetre(events, unit, tmp_path):
    assert float(
        read(write(tmp_path / "a.nwb", {"Deconvolved": events}, unit=unit))["position"].max()
    ) == pytest.approx(95, abs=0.1)


def test_a_track_of_ninety_metres_is_told(events, tmp_path):
    path = write(tmp_path / "a.nwb", {"Deconvolved": events}, unit="meters")
    with pytest.warns(UserWarning, match="goes over 90 m: if its numbers are cm, say scale=1"):
        assert float(read(path)["position"].max()) == pytest.approx(9500, abs=10)
    assert float(read(path, scale="1")["position"].max()) == pytest.approx(95, abs=0.1)


def test_metadata_of_pynapple_reject_too(rng):
    nap = pytest.importorskip("pynapple")
    place = nap.Tsd(t=np.arange(400) / 20, d=50 + 40 * np.sin(np.arange(400) / 50))
    trains = {7: nap.Ts(np.arange(1, 19, 0.7)), 950907094: nap.Ts(np.arange(1, 19, 0.9))}
    units = nap.TsGroup(trains, metadata={"quality": ["noise", "good"]})
    session = data_adapters.from_pynapple(
        {"spikes": units, "position": place},
        subject="m",
        session=0,
        elapsed=0.0,
        elapsed_units="day",
        environment="A",
    )
    assert (
        session["unit"].values.tolist() == [950907094]
        and "quality: 1 noise" in session.attrs["notes"]
    )
