"""What looks odd in a session, in one sentence each, by the column of the table that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from data_adapters.events import DENSE, OFTEN
from data_adapters.inspection.impressions import Impression
from drift.metrics.clocks import largest_gap

FASTEST, SLOWEST = 1000.0, 2.0  # Hz; of the samples of a recording
BUSIEST, QUIETEST = 50.0, 1e-4  # events a second and cell
FULLEST = 0.02  # of all events in one frame, where there are many
OUTSIDE = 0.1  # samples of the track outside of the recording, of those inside
SMALL, BEYOND = 0.5, 1.05  # of the length of the track
MOSTLY = 0.7  # of the time
RESTLESS, IDLE = 0.98, 0.02  # of the tracked time


def faults(seen: Impression) -> Iterator[tuple[str, str]]:
    """Columns of the table that are odd, and what they may mean."""
    yield from _of_the_clock(seen)
    yield from _of_events(seen)
    yield from _of_places(seen)
    yield from _of_the_recording(seen)


def _of_the_clock(seen: Impression) -> Iterator[tuple[str, str]]:
    if seen.rate > FASTEST or seen.rate < SLOWEST:
        yield "rate", f"{seen.rate:.3g} Hz are unusual: are the times in seconds?"
    if seen.longest_gap > max(2.0, 4 * largest_gap(1 / seen.rate)):
        yield (
            "longest_gap",
            f"{seen.longest_gap:.4g} s lie between two samples: nothing in this gap counts",
        )


def _of_events(seen: Impression) -> Iterator[tuple[str, str]]:
    if seen.above > DENSE:
        yield (
            "above",
            "nearly all samples are above 0, as traces of fluorescence are: deconvolve them",
        )
    elif seen.above > OFTEN:
        yield (
            "above",
            f"{seen.above:.0%} of the samples are above 0: are these traces that were cut at 0?",
        )
    if seen.lowest_event < 0:
        yield "lowest_event", f"events go down to {seen.lowest_event:.2g}: rounding, or a trace"
    if seen.above <= OFTEN and seen.events > BUSIEST:
        yield "events", f"{seen.events:.3g} events a second and cell are many"
    if seen.events < QUIETEST:
        yield "events", "cells are nearly silent: are times in seconds, and the clocks the same?"
    if seen.fullest > max(FULLEST, 20 / max(seen.frames, 1)):
        yield "fullest", f"{seen.fullest:.0%} of all events fall into one frame"


def _of_the_recording(seen: Impression) -> Iterator[tuple[str, str]]:
    match = re.search(r"(\d+) samples of the track lie before or after the recording", seen.notes)
    if match and int(match[1]) > OUTSIDE * seen.frames:
        yield "frames", f"{match[0]}: do the clocks fit?"


def _of_places(seen: Impression) -> Iterator[tuple[str, str]]:
    if seen.stimuli:
        return
    if not np.isfinite(seen.highest):
        yield "lowest", "no position is known: say track="
        return
    span, length = seen.highest - seen.lowest, seen.track_length
    if seen.position_units == "pixel":
        yield "lowest", "positions are pixels: say scale= (cm per pixel)"
    elif np.isfinite(length) and seen.highest > BEYOND * length and span > BEYOND * length:
        yield "highest", f"positions go to {seen.highest:.5g} on a track of {length:g} cm"
    elif np.isfinite(length) and span < SMALL * length:
        yield "highest", f"positions cover {span:.4g} cm of a track of {length:g} cm"
    elif span < 10 or span > 3000:
        yield "highest", f"a range of {span:.4g} cm is unusual: is the unit right?"
    if seen.tracked < MOSTLY * seen.recorded:
        yield (
            "tracked",
            f"positions are known in {seen.tracked:.0f} of {seen.recorded:.0f} s: do the clocks "
            "fit?",
        )
    if seen.running > RESTLESS * seen.tracked:
        yield (
            "running",
            f"{seen.running / seen.tracked:.0%} of the time is running: do positions jitter?",
        )
    if seen.running < IDLE * seen.tracked:
        yield "running", "the animal hardly runs: is the unit of the position right?"
