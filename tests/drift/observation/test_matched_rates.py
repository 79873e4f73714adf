"""Rates of sparse recordings are those over sessions; simulated units are seen like a sample of
all."""

from __future__ import annotations

import numpy as np
import pytest

import drift
from drift.observation.expected_maps import (
    ENOUGH_EVENTS,
    Lens,
    lens,
    like_matched,
    matched_over_sessions,
    seen_maps,
    unit_likeness,
    well_counted,
)
from drift.streams import stream


def seen(event_rate: float) -> Lens:
    design = drift.recording_design(
        np.arange(5.0), 300, places=20, bin_size=4.0, minutes=5.0, event_rate=event_rate
    )
    code = stream(1, "world").exponential(1.0, (5, 300, 20)) * (
        stream(2, "world").random((5, 300, 20)) < 0.2
    )
    own = lens(design)
    return own._replace(rate=seen_maps(code, own, stream(3, "observation")))


def test_many_events_leave_the_first_session_and_few_take_all():
    rich = like_matched(seen(1.0))
    assert well_counted(rich) is rich  # 300 events of a unit
    poor = like_matched(seen(0.02))
    assert np.median(poor.event_rates) * poor.occupancy[0].sum() < ENOUGH_EVENTS
    assert well_counted(poor).matched.all()
    assert well_counted(poor, 3).matched.tolist() == [True, True, True, False, False]


def test_seen_twice_rates_over_sessions_stay_and_those_of_one_session_spread():
    """The spread of log rates after a second look over that before is nearer to 1 where rates are
    those of five sessions than where they are those of one, of 6 events."""
    spread = []
    for first in (like_matched(seen(0.02)), matched_over_sessions(seen(0.02))):
        code = np.repeat(stream(5, "world").random((1, 300, 20)), 5, axis=0)
        again = like_matched(first._replace(rate=seen_maps(code, first, stream(6, "observation"))))
        spread.append(np.log(again.event_rates).std() / np.log(first.event_rates).std())
    assert abs(spread[1] - 1) < abs(spread[0] - 1) + 0.02 and spread[1] < 1.2


@pytest.mark.parametrize("units", [10, 300, 700])
def test_simulated_units_are_seen_like_units_of_the_whole_list(units):
    like = unit_likeness(seen(0.02), units)
    assert like.size == units and like[0] == 0 and like[-1] >= 300 - 300 // min(units, 300) - 1
    assert (np.diff(like) >= 0).all()
