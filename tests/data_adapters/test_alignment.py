"""Two clocks: positions are interpolated where they are known and nowhere else; pynapple is the
oracle."""

from __future__ import annotations

import numpy as np
import pytest

import data_adapters
from drift.errors import RefusedInputError
from drift.metrics.clocks import largest_gap


def two_clocks(rng, axes=1):
    """A camera with rests in which it was off, and a microscope that ran on."""
    own = np.cumsum(rng.uniform(0.03, 0.07, 3000))
    own += np.cumsum((rng.random(3000) < 0.003) * rng.uniform(1, 300, 3000))
    position = np.cumsum(rng.normal(0, 1, (3000, axes)), axis=0)
    time = np.sort(rng.uniform(own[0] - 5, own[-1] + 5, 4000))
    return time, own, position[:, 0] if axes == 1 else position


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("axes", [1, 2])
def test_interpolation_within_epochs_is_that_of_pynapple(seed, axes):
    nap = pytest.importorskip("pynapple")
    time, own, position = two_clocks(np.random.default_rng(seed), axes)
    gap = largest_gap(float(np.median(np.diff(own))))
    edges = np.flatnonzero(np.diff(own) > gap)
    epochs = nap.IntervalSet(own[np.append(0, edges + 1)], own[np.append(edges, own.size - 1)])
    asked = nap.Ts(time).restrict(epochs)
    series = nap.Tsd(own, position) if axes == 1 else nap.TsdFrame(own, position)
    oracle = series.interpolate(asked, ep=epochs)
    found = data_adapters.align(time, own, position)
    inside = np.isin(np.round(time, 9), np.round(oracle.times(), 9))
    np.testing.assert_allclose(found[inside], oracle.values, atol=1e-5)
    assert np.isnan(found[~inside]).all() and 0 < inside.mean() < 1


@pytest.mark.parametrize("camera", [5.0, 10.0, 30.0])
@pytest.mark.parametrize("microscope", [7.3, 20.0, 31.0])
def test_a_ring_is_not_crossed_where_it_closes(camera, microscope):
    own = np.arange(0, 200, 1 / camera)
    frames = np.arange(0.03, 199, 1 / microscope)
    speed, length = 8.0, 100.0
    off = np.abs(
        data_adapters.align(frames, own, (speed * own) % length, track_length=length)
        - (speed * frames) % length
    )
    off = np.minimum(off, length - off)
    assert np.nanmax(off) <= speed / camera / 2 + 1e-9 and np.isfinite(off).all()
    assert np.mean(off < 1e-9) > 0.9


def test_what_is_lost_stays_lost_and_a_hit_is_exact():
    own = np.arange(10) / 10
    position = np.arange(10.0)
    position[4] = np.nan
    found = data_adapters.align([-0.1, 0.0, 0.25, 0.3, 0.35, 0.45, 0.5, 0.9, 0.95], own, position)
    np.testing.assert_allclose(found, [np.nan, 0, 2.5, 3, np.nan, np.nan, 5, 9, np.nan], atol=1e-9)


def test_the_gap_may_be_given():
    own = np.array([0.0, 0.1, 0.2, 0.3, 0.75])
    position = np.array([0.0, 1.0, 2.0, 3.0, 7.5])
    assert data_adapters.align([0.5, 0.6], own, position, track_length=100.0) == pytest.approx(
        [5, 6]
    )
    assert np.isnan(
        data_adapters.align([0.5, 0.6], own, position, max_gap=0.4, track_length=100.0)
    ).all()
    assert data_adapters.align(
        [0.5, 0.6], own, position, max_gap=0.45, track_length=100.0
    ) == pytest.approx([5, 6])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([0, 1], [0, 0.1, 0.1], [0, 1, 2]),
            "own_time was expected to increase, got 0.1 after 0.1 s at sample 2",
        ),
        (([0, 1, 0.5], [0, 0.1, 0.2], [0, 1, 2]), "time was expected to increase"),
        (([0, 1], [0, 50, 100], [0, 1, 2]), "own_time was expected in seconds.*milliseconds"),
        (([0, 1], [0, 0.1, 0.2], [0, 1]), "one row for each of own_time"),
        (([0, 1], [0, 0.1, 0.2], [0, 1, 2], -1.0), "max_gap was expected above 0"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(RefusedInputError, match=message):
        data_adapters.align(*arguments)


def test_positions_around_a_ring_go_on_where_it_closes():
    """Lines of the shorter way, whatever bin a recording is turned by; a track keeps the nearer
    sample."""
    own, time = np.arange(60.0), np.arange(0.25, 58, 0.5)
    way = 3.1 * own
    for turn in (0.0, 7.0, 19.0):
        position = (way + turn) % 20
        found = data_adapters.align(time, own, position, track_length=20.0, ring=True)
        apart = (found - (3.1 * time + turn) + 10) % 20 - 10
        np.testing.assert_allclose(apart, 0, atol=1e-9)
        assert (found >= 0).all() and (found < 20 + 1e-9).all()
    on_track = data_adapters.align(time, own, way % 20, track_length=20.0)
    assert np.isin(on_track[on_track != found], way % 20).any()
    centred = data_adapters.align(time, own, (way % 20) - 10, track_length=20.0, ring=True)
    assert (centred >= -10 - 1e-9).all() and (centred <= 10 + 1e-9).all()
    with pytest.raises(RefusedInputError, match="a ring needs its length"):
        data_adapters.align(time, own, way % 20, ring=True)
