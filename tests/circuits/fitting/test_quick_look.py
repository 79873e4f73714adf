"""A quick look (``repdrift fit --quick``) prints no interval that the whole search contradicts.

Of 140 parameters in twenty recordings a quick look printed an interval of none: its three generations
never end a search.

QUICK_RECORDINGS in the environment says how many recordings are fitted both ways.
"""

from __future__ import annotations

import os

import pytest
import xarray as xr
from fitted_recording import WIDTH, recorded

from circuits import LinearInterneuron, fit
from drift import fit_words
from drift.cli.fit import QUICK

COUNT = int(os.environ.get("QUICK_RECORDINGS", "20"))
CIRCUIT = LinearInterneuron(units=80, gain=20.0)
BOUNDS = {"gain": (1.0, 1000.0), "input_width": (2.0, 40.0), "weight_lifetime": (1.0, 100.0)}
# what is searched at once: one parameter, two, and all three
SETS = (("weight_lifetime",), ("gain",), ("gain", "weight_lifetime"), tuple(BOUNDS))


def looked(recording: xr.Dataset, names: tuple[str, ...], seed: int, **effort) -> xr.Dataset:
    width = {} if "input_width" in names else {"input_width": WIDTH}
    searched = {name: BOUNDS[name] for name in names}
    found = fit(CIRCUIT, recording, searched, seed=seed, progress=False, **width, **effort)
    return found.dataset.isel(subject=0)


def contradiction(quick: xr.Dataset, whole: xr.Dataset, name: str) -> float:
    """How far the estimate of the whole search lies outside of the interval of the quick look, in
    widths of that interval; 0 within it. A whole search that ends at a bound is taken at it."""
    low, high = quick["interval"].sel(parameter=name).values
    best = float(whole["best"].sel(parameter=name))
    return max(low - best, best - high, 0.0) / (high - low)


@pytest.mark.slow
def test_no_interval_of_a_quick_look_is_contradicted_by_more_than_its_width():
    printed, apart = 0, []
    for seed in range(COUNT):
        recording = recorded(CIRCUIT.replace(units=300), seed, cells=100, sessions=5, minutes=6.0)
        for names in SETS:
            quick = looked(recording, names, seed, **QUICK)
            told = [name for name in names if fit_words.interval_words(quick, name)]
            printed += len(told)
            # what has no interval says why: the search had not ended, or ended at a bound
            assert all(
                not fit_words.settled(quick) or fit_words.at_bound(quick, name)
                for name in set(names) - set(told)
            )
            if told:
                whole = looked(recording, names, seed, restarts=2, bootstraps=200)
                apart += [(contradiction(quick, whole, name), name, seed) for name in told]
    parameters = COUNT * sum(map(len, SETS))
    worst = max(apart, default=(0.0, "", -1))
    outside = sum(distance > 0 for distance, *_ in apart)
    print(
        f"{printed} of {parameters} parameters have an interval in a quick look; the whole search "
        f"lies outside of {outside}, by {worst[0]:.2f} widths at most ({worst[1]}, {worst[2]})"
    )
    assert worst[0] <= 1.0
    assert outside <= 0.25 * printed
