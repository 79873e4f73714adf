"""Means over subjects say where they mix environments, in numbers, pictures and on the command
line."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure
from recorded_rooms import sessions

import drift
from drift import metrics, plots
from drift.cli.lines.summaries import rooms
from drift.plots.labels import mixed_rooms

NAME = "fraction_active_units"


@pytest.mark.parametrize(
    ("plan", "labels", "mixed"),
    [
        ({"m": "AAAB", "n": "AAAA"}, ["A", "A", "A", "B, A"], [3]),
        ({"m": "ABAB", "n": "BABA"}, ["A, B", "B, A", "A, B", "B, A"], [0, 1, 2, 3]),
        ({"m": "ABA", "n": "ABA"}, ["A", "B", "A"], []),
        ({"m": "ABB", "n": "AB"}, ["A", "B", "B"], []),  # an absent subject is in no room
    ],
)
def test_means_name_their_rooms(plan, labels, mixed):
    recorded = drift.measure(sessions(plan, units=5))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = metrics.summary(recorded, NAME)
        axes = plots.time_course(recorded, [NAME], Figure().subplots())
    assert found["environment"].values.tolist() == labels
    assert [f"session {number}" for number in mixed] == [
        one.split(" (")[0] for one in mixed_rooms(found)
    ]
    said = [str(one.message) for one in caught if "mix environments" in str(one.message)]
    assert len(said) == (2 if mixed else 0) and all(f"session {mixed[0]}" in one for one in said)
    assert axes.get_title().startswith("rooms mixed" if mixed else "") and bool(
        axes.get_title()
    ) == bool(mixed)
    assert [
        f"session {number}" in " ".join(rooms(recorded)[1:]) for number in range(len(labels))
    ] == [n in mixed for n in range(len(labels))]


def test_one_room_says_nothing():
    recorded = drift.measure(sessions({"m": "AAA", "n": "AAA"}, units=5))
    assert "environment" not in metrics.summary(recorded, NAME).coords and rooms(recorded) == []


def test_slope_of_means_knows_the_rooms():
    """A measure that differs between rooms and stands still in each has slope 0, by way of the mean
    over subjects too."""
    recorded = drift.measure(sessions({"m": "AABB", "n": "AABB"}, units=5))
    level = recorded[NAME].copy(data=np.broadcast_to([0.2, 0.2, 0.6, 0.6], (2, 4)))
    means = metrics.summary(recorded.assign({NAME: level}), NAME)[NAME]
    elapsed = recorded["elapsed"].mean("subject").assign_attrs(units="day")
    assert abs(float(metrics.slope(means, elapsed, normalise=False)["slope"])) < 1e-12
