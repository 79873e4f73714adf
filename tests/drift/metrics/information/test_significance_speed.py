"""The shift test and the corrections at the size of a large recording: memory, time, and that a
progress bar changes nothing."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
import xarray as xr

from drift.metrics.information.events import listed_events, unit_blocks
from drift.metrics.information.significance import circular_shift_p_values
from drift.metrics.information.skaggs import spatial_information
from drift.metrics.maps import rate_maps

GIGABYTE = 1e9


def recording(units, samples, share=0.02, seed=0):
    """Runs up and down a track of 20 places; a share of the frames has an event."""
    rng = np.random.default_rng(seed)
    place = np.clip(np.abs((np.arange(samples) // 10) % 40 - 20), 0, 19)
    activity = (rng.random((samples, units)) < share).astype(float)
    return xr.DataArray(activity, dims=("sample", "unit")), xr.DataArray(place, dims="sample")


def timed(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def plain_loop(activity, place, shuffles, rng):
    """What everyone writes: roll all activity, map it, measure it."""
    for _ in range(shuffles):
        rolled = activity.roll(sample=int(rng.integers(200, activity.sizes["sample"] - 200)))
        maps = rate_maps(rolled, place, 20, sample_duration=0.05)
        spatial_information(maps["rate"], maps["occupancy"])


def test_memory_of_a_large_recording_stays_below_a_gigabyte():
    activity, place = recording(500, 20_000)
    tracemalloc.start()
    circular_shift_p_values(activity, place, 0.05, 3, 200, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak + activity.nbytes < GIGABYTE / 2


def test_much_faster_than_a_plain_loop_measured_in_the_same_run():
    activity, place = recording(100, 5000)
    ours = (
        timed(
            lambda: circular_shift_p_values(
                activity, place, 0.05, 60, 200, np.random.default_rng(0)
            )
        )
        / 60
    )
    assert timed(lambda: plain_loop(activity, place, 10, np.random.default_rng(0))) / 10 > 5 * ours


@pytest.mark.parametrize("largest", [1, 7, 40, 10_000])
def test_blocks_hold_every_event_of_every_unit_once(largest):
    values = np.random.default_rng(1).poisson(0.1, (50, 9)).astype(float)
    values[:, [0, 4, 8]] = 0
    events = listed_events(values)
    rebuilt = np.zeros_like(values)
    blocks = unit_blocks(events, largest)
    for units, block in blocks:
        assert block.units == units.stop - units.start and (
            block.sample.size <= largest or block.units == 1
        )
        size = 1.0 if block.size is None else block.size
        np.add.at(rebuilt, (block.sample, block.unit + units.start), size)
    np.testing.assert_array_equal(rebuilt, values)
    assert [units.start for units, _ in blocks] == [
        0,
        *(units.stop for units, _ in blocks[:-1]),
    ] and blocks[-1][0].stop == 9


def test_a_progress_bar_and_a_second_run_give_the_same(capfd):
    activity, place = recording(5, 1000)
    first, second = (
        circular_shift_p_values(
            activity, place, 0.05, 20, 50, np.random.default_rng(7), progress=progress
        )
        for progress in (False, True)
    )
    xr.testing.assert_identical(first, second)
    assert "20/20" in capfd.readouterr().err


@pytest.mark.slow
def test_500_units_20000_frames_1000_shuffles_in_ten_seconds():
    activity, place = recording(500, 20_000)
    assert (
        timed(
            lambda: circular_shift_p_values(
                activity, place, 0.05, 1000, 200, np.random.default_rng(0)
            )
        )
        < 10
    )
