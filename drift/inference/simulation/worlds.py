"""What is learned, or encoded, in the runs of a bank."""

from __future__ import annotations

from typing import NamedTuple

from drift.similarity_matching.inputs import GridTrackInputs, Inputs, RingInputs
from drift.tasks.corridor import CorridorTask


class World(NamedTuple):
    """A corridor for networks, inputs for similarity matching and, for layers of random units, the
    distance over which places look alike, as a part of the track."""

    corridor: CorridorTask
    inputs: Inputs
    similarity_offset: float
    width: float


SAMPLES = 60
WORLDS: dict[str, World] = {
    "narrow view": World(
        CorridorTask(samples=SAMPLES, speed=0.5), RingInputs(angles=50), 0.0, 0.08
    ),
    "wide view": World(
        CorridorTask(
            samples=SAMPLES, rays=13, field_of_view=0.9, length=9.0, texture_width=0.05, speed=0.3
        ),
        RingInputs(angles=40),
        0.0,
        0.15,
    ),
    "long corridor": World(
        CorridorTask(samples=SAMPLES, rays=21, field_of_view=0.6, length=20.0, speed=0.7),
        GridTrackInputs(positions=50, modules=3, orientations=2, offsets=2, smallest_spacing=0.2),
        2.0,
        0.05,
    ),
}
"""The last one is held out of training: the test of other architectures."""
