"""Speed of the information measures: `python tests/benchmarks/bench_information.py [--quick]`.

First the shift test of 500 units x 20 000 frames x 1 000 shuffles, each case in a process of its
own, with the peak of its memory (interpreter, libraries and recording included). Then its ratio, at
a smaller size and in one process and run, to the loop that everyone writes (roll all activity, rate
maps, information) and to pynapple (roll, tuning curves, mutual information) per shuffle. Last the
corrections, against the same subsamples one by one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np
import xarray as xr

from drift.metrics.information.events import (
    events_by_place,
    information_of_counts,
    listed_events,
)
from drift.metrics.information.significance import circular_shift_p_values
from drift.metrics.information.skaggs import spatial_information
from drift.metrics.information.subsampling import FINE_FRACTIONS, _plan, information_curves
from drift.metrics.maps import rate_maps

BIN = 0.05  # s
PLACES = 20
MINIMUM_SHIFT = 200  # samples
CURVES_LIMIT = 0.4  # of the time of the same subsamples one by one in numpy
# share of frames with an event, amplitudes instead of ones, one lag for all units
CASES = {
    "2 % of frames, spikes, one lag for all": (0.02, False, True),
    "2 % of frames, amplitudes, one lag each": (0.02, True, False),
    "10 % of frames, spikes, one lag for all": (0.10, False, True),
}


def recording(
    units: int, samples: int, share: float = 0.02, amplitudes: bool = False
) -> tuple[xr.DataArray, xr.DataArray]:
    """Runs up and down a track of 20 places; a share of the frames has an event."""
    rng = np.random.default_rng(0)
    place = np.clip(np.abs((np.arange(samples) // 10) % (2 * PLACES) - PLACES), 0, PLACES - 1)
    activity = (rng.random((samples, units)) < share).astype(float)
    if amplitudes:
        activity *= rng.uniform(0.5, 1.5, activity.shape)
    return xr.DataArray(activity, dims=("sample", "unit")), xr.DataArray(place, dims="sample")


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def shift_test(
    activity: xr.DataArray, place: xr.DataArray, shuffles: int, one_lag_for_all: bool = True
) -> None:
    circular_shift_p_values(
        activity, place, BIN, shuffles, MINIMUM_SHIFT, np.random.default_rng(0), one_lag_for_all
    )


def plain_loop(activity: xr.DataArray, place: xr.DataArray, shuffles: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(shuffles):
        rolled = activity.roll(
            sample=int(rng.integers(MINIMUM_SHIFT, activity.sizes["sample"] - MINIMUM_SHIFT))
        )
        maps = rate_maps(rolled, place, PLACES, sample_duration=BIN)
        spatial_information(maps["rate"], maps["occupancy"])


def pynapple_loop(activity: xr.DataArray, place: xr.DataArray, shuffles: int) -> None:
    import pynapple

    rng = np.random.default_rng(0)
    times = np.arange(activity.sizes["sample"]) * BIN
    feature, rates = (
        pynapple.Tsd(t=times, d=place.values.astype(float)),
        activity.values.mean(axis=0),
    )
    for _ in range(shuffles):
        rolled = np.roll(
            activity.values, int(rng.integers(MINIMUM_SHIFT, times.size - MINIMUM_SHIFT)), axis=0
        )
        frame = pynapple.TsdFrame(t=times, d=rolled)
        curves = pynapple.compute_tuning_curves(
            frame, feature, bins=PLACES, range=[(-0.5, PLACES - 0.5)]
        )
        pynapple.compute_mutual_information(curves, rates=rates)


def _large(case: str, shuffles: int, answer: multiprocessing.SimpleQueue) -> None:
    share, amplitudes, one_lag_for_all = CASES[case]
    activity, place = recording(500, 20_000, share, amplitudes)
    taken = seconds(lambda: shift_test(activity, place, shuffles, one_lag_for_all))
    answer.put((taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9))


def large(case: str, shuffles: int) -> tuple[float, float]:
    """Seconds and peak memory in GB of one case in a fresh process."""
    context = multiprocessing.get_context("spawn")
    answer = context.SimpleQueue()
    process = context.Process(target=_large, args=(case, shuffles, answer))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"the case {case!r} ended with exit code {process.exitcode}")
    return answer.get()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the shuffles and repetitions"
    )
    scale = 10 if parser.parse_args().quick else 1
    shuffles = 1000 // scale
    print(
        f"shift test, 500 units x 20 000 frames x {shuffles} shuffles".ljust(70),
        "seconds".rjust(9),
        "peak GB".rjust(9),
    )
    for case in CASES:
        taken, peak = large(case, shuffles)
        print(f"  {case}".ljust(70), f"{taken:9.2f}", f"{peak:9.2f}")

    activity, place = recording(100, 5000)
    plain_loop(activity, place, 1)
    pynapple_loop(activity, place, 1)
    repeats = 50 // scale
    per_shuffle = {
        "ours": seconds(lambda: shift_test(activity, place, 20 * repeats)) / (20 * repeats),
        "plain loop over shuffles": seconds(lambda: plain_loop(activity, place, repeats)) / repeats,
        "pynapple per shuffle": seconds(lambda: pynapple_loop(activity, place, repeats)) / repeats,
    }
    print(
        "shift test, 100 units x 5 000 frames".ljust(70), "ms/shuffle".rjust(10), "ratio".rjust(8)
    )
    for name, taken in per_shuffle.items():
        print(f"  {name}".ljust(70), f"{1e3 * taken:10.3f}", f"{taken / per_shuffle['ours']:8.1f}")

    repetitions = 100 // scale
    for mutual in (False, True):
        curves = seconds(
            lambda mutual=mutual: information_curves(
                activity, place, BIN, np.random.default_rng(0), repetitions, mutual=mutual
            )
        )
        plain = seconds(lambda: plain_curves(activity, place, max(1, repetitions // 20)))
        plain *= repetitions / max(1, repetitions // 20)
        what = "with mutual information" if mutual else "Skaggs information"
        limit = "" if mutual else f" (limit {CURVES_LIMIT:g})"
        print(
            f"bias curves, 100 units x 5 000 frames, {repetitions} repetitions, {what}".ljust(70),
            f"{curves:9.2f} s, {curves / plain:.2f} x numpy, one subsample after the other{limit}",
        )


def plain_curves(activity: xr.DataArray, place: xr.DataArray, repetitions: int) -> None:
    """The named baseline of the corrections: subsamples one by one, in numpy, each with a pass over
    all events and maps of all units."""
    rng, places = np.random.default_rng(0), PLACES
    events = listed_events(activity.values)
    for size, repeats in _plan(FINE_FRACTIONS, place.size, repetitions):
        for _repeat in range(repeats):
            samples = rng.choice(place.size, size, replace=False, shuffle=False)
            where = np.full((2, place.size), places)
            where[:, samples] = place.values[samples], rng.permutation(place.values[samples])
            visits = np.bincount(place.values[samples], minlength=places)
            counts = [events_by_place(events, row[events.sample], places) for row in where]
            information_of_counts(np.stack(counts), visits * BIN)


if __name__ == "__main__":
    main()
