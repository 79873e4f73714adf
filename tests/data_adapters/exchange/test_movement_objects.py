"""Poses and bounding boxes of movement as positions: whose they are, where they are lost, what their
lengths and times are."""

from __future__ import annotations

import numpy as np
import pytest
from exchanged_sessions import made
from objects_of_others import TIME, TRAINS, WAY, poses, session

import drift

PLANE = np.stack([WAY * 4, 300 - WAY], axis=1)  # pixel


def mouse(singular=False, confidence=None, individuals=("mouse",), fps=20.0, attrs=None):
    """Nose and tail, 10 pixels apart in y, of one animal or two, 1000 pixels apart in x."""
    tail = PLANE + np.array([0, 10])
    bodies = np.stack([PLANE, tail], axis=2)
    position = np.stack(
        [bodies + np.array([1000 * k, 0])[:, None] for k in range(len(individuals))], -1
    )
    if confidence is not None:
        confidence = np.broadcast_to(confidence[:, None, None], np.delete(position.shape, 1))
    found = poses(position, confidence, ["nose", "tail"], individuals, fps, singular)
    found["position"].attrs |= attrs or {}
    return found


@pytest.mark.parametrize("singular", [False, True])
def test_a_body_part_of_an_individual_is_the_position(singular):
    both = mouse(singular, individuals=("a", "b"))
    found = session(TRAINS, both, bodypart="nose", individual="b")
    np.testing.assert_array_equal(found["position"], PLANE + np.array([1000, 0]))
    assert found["position"].attrs["units"] == "pixel"
    assert found.attrs["notes"] == "position is that of nose of b"
    middle = session(TRAINS, mouse(singular), bodypart="nose,tail")
    np.testing.assert_allclose(middle["position"], PLANE + np.array([0, 5]))
    np.testing.assert_array_equal(
        session(TRAINS, mouse(singular)["position"], bodypart="nose")["position"], PLANE
    )


def test_unlikely_samples_are_lost_and_no_confidence_is_no_doubt():
    confidence = np.ones(TIME.size)
    confidence[:30], confidence[30:40] = 0.5, np.nan
    seen = mouse(confidence=confidence)
    found = session(TRAINS, seen, bodypart="nose")
    assert np.isnan(found["position"].values[:, 0]).sum() == 40
    assert "lost in 3.3% of the frames of the camera (confidence below 0.9" in found.attrs["notes"]
    lenient = session(TRAINS, seen, bodypart="nose", minimum_likelihood=0.4)
    assert np.isnan(lenient["position"].values[:, 0]).sum() == 10
    assert np.isfinite(session(TRAINS, mouse(), bodypart="nose")["position"].values).all()


def test_lengths_of_movement_are_told_by_scale_or_by_the_dataset():
    scaled = session(TRAINS, mouse(), bodypart="nose", scale=0.25)
    np.testing.assert_allclose(scaled["position"], PLANE / 4)
    assert scaled["position"].attrs["units"] == "cm"
    told = session(TRAINS, mouse(attrs={"space_unit": "mm"}), bodypart="nose")
    np.testing.assert_allclose(told["position"], PLANE / 10)
    assert told["position"].attrs["units"] == "cm"
    said = session(TRAINS, mouse(), bodypart="nose", position_units="cm")
    assert np.array_equal(said["position"], PLANE) and said["position"].attrs["units"] == "cm"


def test_frames_of_movement_need_a_rate():
    frames = mouse(fps=None)
    found = session(TRAINS, frames, bodypart="nose", track_rate=20.0)
    np.testing.assert_allclose(found["time"], TIME, atol=1e-12)
    with pytest.raises(drift.RefusedInputError, match=r"say track_rate= \(Hz\)"):
        session(TRAINS, frames, bodypart="nose")
    with pytest.raises(drift.RefusedInputError, match="sampling rate of 30 Hz to 5 %"):
        session(TRAINS, mouse(), bodypart="nose", track_rate=30.0)


def test_bounding_boxes_are_positions():
    boxes = poses(PLANE[:, :, np.newaxis], individuals=["id_0"], fps=20.0)
    np.testing.assert_array_equal(session(TRAINS, boxes)["position"], PLANE)
    deep = poses(np.dstack([PLANE, PLANE]).reshape(TIME.size, -1, 1)[:, :3], None, (), ["a"], 20.0)
    assert session(TRAINS, deep)["position"].shape == (TIME.size, 2)
    assert "z was left out" in session(TRAINS, deep).attrs["notes"]


def test_what_is_not_said_of_poses_is_asked_for():
    for poses_of_mouse, options, match in (
        (mouse(), {}, r"one keypoint, got nose, tail: say bodypart="),
        (mouse(individuals=("a", "b")), {"bodypart": "nose"}, "say individual="),
        (mouse(), {"bodypart": "nos"}, "the keypoint 'nos', got nose, tail: use nose"),
        (mouse(), {"bodypart": "nose", "individual": "rat"}, "the individual 'rat', got mouse"),
        (mouse().rename(position="place"), {}, "got place, confidence: pass what movement"),
        (mouse().assign_coords(space=["rho", "phi"]), {}, "got rho, phi: pass Cartesian"),
        (made(0), {}, "as a Dataset of movement"),
    ):
        with pytest.raises(drift.RefusedInputError, match=match):
            session(TRAINS, poses_of_mouse, **options)
