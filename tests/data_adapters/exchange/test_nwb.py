"""NWB files: written from known numbers and read back equal, metres as centimetres."""

from __future__ import annotations

import sys
import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import data_adapters
from drift.errors import RefusedInputError

pynwb = pytest.importorskip("pynwb")
START = datetime(2015, 7, 1, 12, tzinfo=UTC)
FRAMES = 40


def write(path, start=START, subject="m1", position=(), responses=None, trains=None, extra=None):
    """One file with a position (keyword arguments of SpatialSeries) and responses or spike
    trains."""
    from pynwb.behavior import Position
    from pynwb.file import Subject
    from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = pynwb.NWBFile(
            session_description="made", identifier=str(path), session_start_time=start
        )
        content.subject = Subject(subject_id=subject, species="Mus musculus", sex="U", age="P90D")
        module = content.create_processing_module("behavior", "made")
        place = Position(name="Position")
        for keywords in position if isinstance(position, list) else [position]:
            place.create_spatial_series(
                **{"name": "SpatialSeries", "reference_frame": "corner", **keywords}
            )
        module.add(place)
        if responses is not None:
            device = content.create_device("microscope")
            channel = OpticalChannel(name="channel", description="made", emission_lambda=500.0)
            plane = content.create_imaging_plane(
                name="plane",
                optical_channel=channel,
                description="made",
                device=device,
                excitation_lambda=600.0,
                indicator="GCaMP",
                location="CA1",
            )
            cells = ImageSegmentation()
            regions = cells.create_plane_segmentation(
                name="cells", description="made", imaging_plane=plane
            )
            for _ in range(responses["data"].shape[1]):
                regions.add_roi(image_mask=np.ones((2, 2)))
            rois = regions.create_roi_table_region(
                region=list(range(responses["data"].shape[1])), description="all"
            )
            ophys = content.create_processing_module("ophys", "made")
            ophys.add(cells)
            traces = Fluorescence()
            traces.create_roi_response_series(name="events", rois=rois, unit="a.u.", **responses)
            ophys.add(traces)
        for train in trains or []:
            content.add_unit(spike_times=train)
        with pynwb.NWBHDF5IO(str(path), "w") as file:
            file.write(content)
    return path


def read(path, **options):
    return list(data_adapters.sessions("nwb", path, **options))


@pytest.fixture
def track(rng):
    # Quarters are exact in binary, so that metres come back as the centimetres that they are.
    return np.round(rng.uniform(0, 4, (FRAMES, 2)) * 4) / 4


@pytest.mark.parametrize(
    ("unit", "conversion", "scale"),
    [("meters", 1.0, 100.0), ("meters", 0.01, 1.0), ("pixels", 1.0, 1.0)],
)
def test_responses_and_units_of_position(unit, conversion, scale, tmp_path, rng, track):
    events = rng.poisson(0.5, (FRAMES, 3)).astype(float)
    time = np.arange(FRAMES) / 20
    place = {"data": track, "unit": unit, "conversion": conversion, "timestamps": time}
    write(
        tmp_path / "b.nwb",
        START + timedelta(days=2, hours=6),
        position=place,
        responses={"data": events, "timestamps": time},
    )
    write(
        tmp_path / "a.nwb",
        START,
        position=place,
        responses={"data": 2 * events, "timestamps": time},
    )
    write(
        tmp_path / "c.nwb",
        START + timedelta(days=5),
        "m2",
        position=place,
        responses={"data": events, "timestamps": time},
    )
    found = read(tmp_path, environment="box", geometry="square")
    assert [
        (one["subject"].item(), one["session"].item(), one["elapsed"].item()) for one in found
    ] == [
        ("m1", 0, 0),
        ("m1", 1, 2.25),
        ("m2", 0, 0),
    ]
    for one, factor in zip(found, (2, 1, 1)):
        np.testing.assert_array_equal(one["activity"], factor * events)
        np.testing.assert_array_equal(one["position"], track * scale)
        assert one["position"].attrs["units"] == ("pixel" if unit == "pixels" else "cm") and one[
            "sampling_rate"
        ].item() == pytest.approx(20)
        assert (
            one["unit_label"].values.tolist() == ["roi 0", "roi 1", "roi 2"]
            and one["environment"].item() == "box"
        )
    assert found[0]["unit_identity"].item() != found[1]["unit_identity"].item()


def test_responses_slower_than_the_position(tmp_path):
    line = np.arange(FRAMES, dtype=float)
    write(
        tmp_path / "a.nwb",
        position={"data": line, "unit": "cm", "rate": 10.0, "starting_time": 1.0},
        responses={"data": np.ones((3, 2)), "timestamps": np.array([0.5, 1.25, 2.5])},
    )
    np.testing.assert_allclose(read(tmp_path / "a.nwb")[0]["position"], [np.nan, 2.5, 15])


def test_spikes_are_counted_in_frames_of_the_position(tmp_path, track):
    trains = [np.array([0.0, 0.1, 0.125, 9.74]), np.array([-1.0, 9.99, 11.0])]
    write(tmp_path / "a.nwb", position={"data": track, "unit": "cm", "rate": 4.0}, trains=trains)
    one = read(tmp_path / "a.nwb")[0]
    expected = np.zeros((FRAMES, 2))
    expected[0, 0], expected[38, 0], expected[39, 1] = 3, 1, 1
    np.testing.assert_array_equal(one["activity"], expected)
    assert one.attrs["notes"].startswith("2 spikes left out") and one["detected_units"].item() == 2


def test_refused(tmp_path, track, monkeypatch):
    place = {"data": track, "unit": "cm", "rate": 4.0}
    responses = {"data": np.ones((FRAMES, 2)), "rate": 4.0}
    cases = {
        "furlong": (
            {"position": {**place, "unit": "furlong"}, "responses": responses},
            {},
            "'furlong'",
        ),
        "nothing": ({"position": place}, {}, "one RoiResponseSeries or Units, got none"),
        "both": (
            {"position": place, "responses": responses, "trains": [np.ones(2)]},
            {},
            "got events, units: say which",
        ),
        "twice": (
            {"position": [place, {**place, "name": "other"}], "responses": responses},
            {},
            "got .*other.*: say which",
        ),
        "name": (
            {"position": place, "responses": responses},
            {"position": "absent"},
            "'absent' as SpatialSeries",
        ),
        "negative": (
            {"position": place, "responses": {**responses, "data": -np.ones((FRAMES, 2))}},
            {},
            "not negative",
        ),
        "times": (
            {
                "position": {"data": track, "unit": "cm", "timestamps": np.zeros(FRAMES)},
                "responses": responses,
            },
            {},
            "to increase",
        ),
    }
    for name, (content, options, message) in cases.items():
        path = write(tmp_path / f"{name}.nwb", **content)
        with pytest.raises(RefusedInputError, match=message) as refusal:
            read(path, **options)
        assert "\n" not in str(refusal.value)
    assert read(tmp_path / "both.nwb", events="units")[0].sizes["unit"] == 1
    for size in (0, 100, 20_000):
        (tmp_path / "cut.nwb").write_bytes((tmp_path / "both.nwb").read_bytes()[:size])
        with pytest.raises(RefusedInputError, match="whole NWB file"):
            read(tmp_path / "cut.nwb")
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(RefusedInputError, match="pip install"):
        read(tmp_path / "both.nwb")
