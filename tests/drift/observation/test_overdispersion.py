"""Events that scatter more than independent ones do so in the twins, too."""

from __future__ import annotations

import counted_mice
import numpy as np
import pytest

from drift.observation.counted_halves import CountedHalves
from drift.observation.frozen_maps import overdispersion
from drift.observation.twins import FrozenCode, drawn

UNITS, SESSIONS = 200, 6


def halves(counts: np.ndarray, time: np.ndarray) -> CountedHalves:
    """Of (session, unit, half, place) events, all units present; nothing belongs to neither half."""
    present = np.ones(counts.shape[:2], dtype=bool)
    nothing = np.zeros((*counts.shape[:2], 1, counts.shape[-1]))
    return CountedHalves(
        np.arange(len(counts)),
        np.arange(counts.shape[1]),
        np.concatenate([counts, nothing], axis=2).astype(float),
        np.concatenate([time, np.zeros((len(time), 1, time.shape[-1]))], axis=1),
        present,
    )


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rates = counted_mice.codes(rng, SESSIONS, UNITS, anew=0.0, events=40.0, tuned=0.7)
    return rates, counted_mice.times(rng, SESSIONS, False)


def test_poisson_events_have_none(world):
    """Over 200 units, 6 sessions and 30 places; the standard error is about .01."""
    rates, time = world
    events = np.random.default_rng(1).poisson(rates[:, :, np.newaxis] * time[:, np.newaxis])
    assert 1 <= overdispersion(halves(events, time)) < 1.03


def test_that_of_clustered_events_is_found_and_drawn(world):
    """Negative binomial events of Fano factor 1.6; what twins are drawn with is measured on them."""
    rates, time = world
    mean = rates[:, :, np.newaxis] * time[:, np.newaxis]
    events = np.random.default_rng(1).negative_binomial(mean / 0.6, 1 / 1.6)
    recorded = halves(events, time)
    found = overdispersion(recorded)
    assert found == pytest.approx(1.6, abs=0.1)
    maps = rates[0] / rates[0].mean(axis=1, keepdims=True)
    code = FrozenCode(recorded, maps, 0.0, found)
    again = drawn(*code.model(), np.random.default_rng(2))
    np.testing.assert_array_equal(again.sum(axis=-1), recorded.counts.sum(axis=-1))
    redrawn = overdispersion(recorded._replace(counts=again.astype(float)))
    assert redrawn == pytest.approx(found, abs=0.12)
