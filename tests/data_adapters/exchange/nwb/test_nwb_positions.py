"""Positions of NWB files: whichever series has them, in cm whatever their unit, never those of an
eye or a head."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pynwb")
from nwb_layout import FRAMES, RATE, TIME, TRACK, events, write

import data_adapters
from drift.errors import RefusedInputError


def read(path, **options):
    return next(data_adapters.sessions("nwb", path, **options))


def refused(path, match, **options):
    with pytest.raises(RefusedInputError, match=match) as refusal:
        read(path, **options)
    text = str(refusal.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text.replace("i. e.", "")


KINDS = {
    "spatial": {},
    "spatial in acquisition": {"home": "acquisition"},
    "plain": {"kind": "TimeSeries", "home": "behavior"},
    "plain of behaviour": {"kind": "TimeSeries", "home": "BehavioralTimeSeries"},
    "plain in acquisition": {"kind": "TimeSeries", "home": "acquisition", "name": "x"},
    "pose": {"kind": "PoseEstimationSeries", "home": "behavior", "name": "nose"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_series_is_read_back(kind, tmp_path):
    session = read(write(tmp_path / "a.nwb", positions=[KINDS[kind]]))
    np.testing.assert_array_equal(session["position"], TRACK)
    np.testing.assert_array_equal(session["activity"], events())
    assert session["position"].attrs["units"] == "cm"


UNITS = {
    "m": 100, " Meters ": 100, "metre": 100, "cm": 1, "Centimetres": 1, "centimeter": 1, "mm": 0.1, "millimeters": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_units_of_length_with_conversion_and_offset(unit, tmp_path):
    given = {"unit": unit, "conversion": 0.5, "offset": 0.25, "data": TRACK / UNITS[unit]}
    session = read(write(tmp_path / "a.nwb", positions=[given]))
    np.testing.assert_allclose(session["position"], TRACK / 2 + 0.25 * UNITS[unit], rtol=1e-6)


def test_pixels_stay_pixels_unless_their_size_is_said(tmp_path):
    path = write(tmp_path / "a.nwb", positions=[{"unit": "pixels"}])
    assert read(path)["position"].attrs["units"] == "pixel"
    session = read(path, scale="0.5")
    np.testing.assert_array_equal(session["position"], TRACK / 2)
    assert session["position"].attrs["units"] == "cm"


def test_a_wrong_unit_is_overruled(tmp_path):
    path = write(tmp_path / "a.nwb", positions=[{"unit": "n.a.", "data": TRACK / 100}])
    refused(path, r"a length or pixels, got 'n\.a\.': say position_units=")
    for said in ({"position_units": "m"}, {"scale": "100"}):
        np.testing.assert_allclose(read(path, **said)["position"], TRACK, rtol=1e-12)
    refused(path, "position_units was expected to be cm, m, mm or pixel, got 'ell'",
            position_units="ell")  # fmt: skip


BESIDE = {
    "direction of the head": {"name": "hd", "home": "CompassDirection", "unit": "radians"},
    "direction in cm": {"name": "hd", "home": "CompassDirection"},
    "eye": {"name": "left", "home": "EyeTracking", "unit": "meters"},
    "pupil": {"name": "pupil_position", "home": "acquisition", "unit": "pixels"},
    "named eye": {"name": "eye_tracking", "home": "behavior", "unit": "pixels"},
    "speed": {
        "name": "speed",
        "home": "BehavioralTimeSeries",
        "kind": "TimeSeries",
        "unit": "cm/s",
    },
    "licks": {"name": "licks", "home": "BehavioralTimeSeries", "kind": "TimeSeries", "unit": "1"},
}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("kind", ["spatial", "plain of behaviour"])
def test_what_is_no_position_is_passed_over(beside, kind, tmp_path):
    noise = np.cos(np.arange(FRAMES))
    positions = [{**BESIDE[beside], "data": noise}, KINDS[kind]]
    np.testing.assert_array_equal(
        read(write(tmp_path / "a.nwb", positions=positions))["position"], TRACK
    )
    refused(
        write(tmp_path / "b.nwb", positions=positions[:1]),
        "hold a SpatialSeries with the position, got none: say track=|a length or pixels",
    )


def test_several_positions_are_chosen_by_name(tmp_path):
    leds = [{"name": "led_red"}, {"name": "led_blue", "data": TRACK + 1}]
    path = write(tmp_path / "a.nwb", positions=leds)
    refused(path, "hold one SpatialSeries with the position, got led_blue, led_red: say which by")
    np.testing.assert_array_equal(read(path, position="led_blue")["position"], TRACK + 1)
    refused(path, "'led' as SpatialSeries or TimeSeries, got led_blue, led_red", position="led")


def test_the_one_that_is_named_as_a_position_is_preferred_and_told(tmp_path):
    body = {"name": "body", "home": "acquisition", "data": TRACK + 1}
    session = read(write(tmp_path / "a.nwb", positions=[body, {}]))
    np.testing.assert_array_equal(session["position"], TRACK)
    assert session.attrs["notes"] == "position is position, not body"


def test_equal_names_are_told_apart_by_their_home(tmp_path):
    twice = [{"home": "acquisition", "data": TRACK + 1}, {"home": "behavior"}, {"home": "second"}]
    path = write(tmp_path / "a.nwb", positions=twice)
    refused(path, "got behavior/position, root/position, second/position: say which")
    np.testing.assert_array_equal(read(path, position="root/position")["position"], TRACK + 1)
    refused(
        path,
        "'position' as SpatialSeries or TimeSeries, got behavior/position, root",
        position="position",
    )


def pose(name, **changes):
    return {"kind": "PoseEstimationSeries", "home": "behavior", "name": name, **changes}


def test_poses_are_chosen_by_body_part_and_kept_where_likely(tmp_path):
    likelihood = np.where(np.arange(FRAMES) % 10 == 0, 0.5, 0.95).astype(np.float32)
    plane = np.stack([TRACK, TRACK / 2], axis=1)
    series = pose("PoseEstimationSeriesNose", data=plane, confidence=likelihood, unit="pixels")
    path = write(tmp_path / "a.nwb", positions=[series, pose("tail_base")])
    refused(path, "got PoseEstimationSeriesNose, tail_base: say which by position=")
    refused(path, "of the body part 'ear', got PoseEstimationSeriesNose, tail_base", bodypart="ear")
    session = read(path, bodypart="nose")
    expected = np.where((likelihood < 0.9)[:, np.newaxis], np.nan, plane)
    np.testing.assert_array_equal(session["position"], expected)
    told = "60 positions of PoseEstimationSeriesNose are less likely than 0.9"
    assert told in session.attrs["notes"]
    kept = read(path, bodypart="nose", minimum_likelihood="0.5")
    np.testing.assert_array_equal(kept["position"], plane)
    np.testing.assert_array_equal(read(path, bodypart="tail base")["position"], TRACK)


def test_a_confidence_that_is_no_probability_is_not_used(tmp_path):
    series = pose("nose", confidence=np.linspace(0, 30, FRAMES).astype(np.float32))
    session = read(write(tmp_path / "a.nwb", positions=[series]))
    np.testing.assert_array_equal(session["position"], TRACK)
    assert "confidence of nose is no probability" in session.attrs["notes"]


def test_gaps_of_the_camera_are_closed_as_far_as_is_said(tmp_path):
    seen = np.abs(TIME - 15) > 1
    series = {"data": TRACK[seen], "timestamps": TIME[seen], "rate": None}
    path = write(tmp_path / "a.nwb", positions=[series])
    assert np.isnan(read(path)["position"]).sum() == (~seen).sum()
    assert not np.isnan(read(path, max_gap="3")["position"]).any()


def test_conversion_of_responses(tmp_path):
    path = write(tmp_path / "a.nwb", response={"conversion": 4.0})
    np.testing.assert_array_equal(read(path)["activity"], 4 * events())


def test_a_track_takes_the_place_of_the_position(tmp_path):
    clock = np.round(np.arange(0, 40, 1 / RATE) + 100, 6)
    along = np.round(20 + 10 * np.sin(clock), 3)
    lines = ["time,x,trial", *(f"{t},{x},{int(t) % 3}" for t, x in zip(clock, along))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    path = write(tmp_path / "a.nwb", positions=[], trials={"start_time": [0.0], "stop_time": [9.0]})
    refused(path, "say track= and a file with the columns time")
    session = read(path, track="{folder}.csv", start="100")
    np.testing.assert_allclose(session["position"], along[:FRAMES], atol=1e-9)
    np.testing.assert_allclose(session["time"], TIME + 100)
    np.testing.assert_array_equal(session["trial"], clock[:FRAMES].astype(int) % 3)
    refused(path, "on the clock of the frames", track="a.csv", start="0")
    metres = read(path, track="a.csv", start="100", position_units="m")
    np.testing.assert_allclose(metres["position"], 100 * along[:FRAMES], atol=1e-6)


def test_spikes_are_counted_in_the_samples_of_a_track(tmp_path):
    trains = [np.array([0.01, 0.06, 0.07, 29.0]), np.array([5.0])]
    clock = np.arange(0, 20, 0.05) + 7
    lines = ["time,x", *(f"{t:.6f},{50 + 40 * np.sin(t):.4f}" for t in clock)]
    (tmp_path / "track.csv").write_text("\n".join(lines))
    path = write(tmp_path / "a.nwb", positions=[], responses=None, trains=trains,
                 trials={"start_time": [0.0, 10.0], "stop_time": [5.0, 20.0]})  # fmt: skip
    session = read(path, track="track.csv", start="7")
    counts = session["activity"].values
    assert counts[0, 0] == 1 and counts[1, 0] == 2 and counts[100, 1] == 1 and counts.sum() == 4
    np.testing.assert_array_equal(np.unique(session["trial"]), [0, 1, 2])
    assert session["trial"].values[99] == 1 and session["trial"].values[200] == 2
    assert session.attrs["notes"].startswith("1 spikes left out")


def test_a_track_beside_a_file_of_to_nwb(tmp_path):
    path = write(tmp_path / "whole" / "a.nwb")
    session = read(path).assign_coords(environment="box")
    (written,) = data_adapters.to_nwb(session, tmp_path)
    lines = ["time,x", *(f"{t},{x + 1}" for t, x in zip(TIME, TRACK))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    again = read(written, track="t.csv", start="0")
    np.testing.assert_array_equal(again["position"], TRACK + 1)
    np.testing.assert_array_equal(again["activity"], session["activity"])
    assert again["environment"].item() == "box" and again["unit_label"].equals(
        session["unit_label"]
    )
