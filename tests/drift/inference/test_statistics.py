"""Statistics are those of ``drift.metrics`` where these have them, whoever is measured, and say what
they should of codes that are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from counted_mice import mouse

import drift
from drift import metrics
from drift.inference.observed import observed_subject
from drift.inference.prior import Prior
from drift.inference.simulation.codes import drawn_code
from drift.inference.simulation.layers import layer_rates
from drift.inference.simulation.learning import experiment, rates_of
from drift.inference.simulation.windows import drawn_window
from drift.inference.simulation.worlds import WORLDS
from drift.inference.statistics.maps import maps_of
from drift.inference.statistics.similarity import map_similarity
from drift.inference.statistics.table import statistics


def test_similarity_is_the_corrected_similarity_of_metrics():
    recorded = mouse(5, label="five", anew=0.2, lost=0.0, events=60.0, sessions=5)
    maps = maps_of(observed_subject(recorded, 0))
    keep = xr.DataArray(
        maps.active[np.newaxis], dims=("subject", "session", "unit"),
    )  # fmt: skip
    theirs = metrics.corrected_similarity(recorded, smoothing=1.0, select="all", keep=keep)
    first, later = maps.pairs
    # edges of a smoothed map differ: ours weighs by time, theirs by what is visited
    ours, known = map_similarity(maps)[first, later], theirs[0].values[first, later]
    np.testing.assert_allclose(ours, known, atol=0.03)


@pytest.mark.parametrize("anew", [0.0, 0.3])
def test_a_code_that_stands_still_keeps_its_similarity(anew: float):
    numbers = statistics(observed_subject(mouse(6, label="six", anew=anew, events=80.0), 0))
    lost = 1 - numbers["maps_lag_4"]
    assert lost < 0.08 if anew == 0 else lost > 0.4
    assert numbers["design_log_sessions"] == pytest.approx(np.log(8))


def test_statistics_do_not_depend_on_the_order_of_cells():
    seen = observed_subject(mouse(7, label="seven"), 0)
    order = np.random.default_rng(0).permutation(seen.present.shape[1])
    ours, theirs = statistics(seen), statistics(seen.of_units(order))
    for name, value in ours.items():
        assert theirs[name] == pytest.approx(value, rel=1e-6, abs=1e-8, nan_ok=True), name


def test_what_is_missing_is_nan_and_no_error():
    seen = observed_subject(mouse(8, label="eight", events=0.5, sessions=3, units=12), 0)
    numbers = statistics(seen)
    assert np.isnan(list(numbers.values())).any()
    assert np.isfinite([value for name, value in numbers.items() if "design" in name]).all()


def test_rates_of_a_run_are_those_of_its_probe():
    steps = np.array([300, 600])
    for world in WORLDS.values():
        recipe = experiment("dropout", 0.2, 20, steps, world, 3, np.random.default_rng(0))
        run = drift.train(
            [recipe],
            probes=["input_weights", "bias", "rate", "occupancy"],
            threads=1,
            progress=False,
        )
        weights, bias = (run[name].values[0] for name in ("input_weights", "bias"))
        ours = rates_of(recipe.task.draw(3), weights, bias)
        theirs = run["rate"].isel(subject=0).transpose("session", "unit", "direction", "place")
        visited = np.isfinite(theirs.values)
        np.testing.assert_allclose(ours[visited], theirs.values[visited], atol=1e-6)


def test_layers_keep_their_share_active_and_forget_with_their_lifetime():
    """Overlap of active sets falls from 1 towards the active share; jumps leave the others alone."""
    steps = np.array([0, 1, 10**7])
    for mechanism in ("wandering weights", "excitability", "jumps"):
        layer = layer_rates(mechanism, 200, steps, 0.1, 4, np.random.default_rng(1))
        active = layer.rates > 0
        share = active.mean()
        assert np.ptp(active.sum(axis=1)) == 0
        kept = (active[0] & active[1:]).sum(axis=(1, 2, 3)) / active[0].sum()
        assert kept[0] > 0.9
        # 200 units at about ten independent places each
        assert abs(kept[1] - share) < 4 * np.sqrt(share * (1 - share) / 2000) + 0.02


def test_windows_are_named_draws_and_hold_their_truth():
    prior = Prior.small(
        units=(20,), sessions=20, first_step=300, steps=3000, age=(400.0, 800.0), cells=(5, 20)
    )
    code = drawn_code(prior, "jumps", 9)
    one, same = (drawn_window(code, prior, 9, 2) for _ in range(2))
    other = drawn_window(code, prior, 9, 3)
    np.testing.assert_array_equal(one.observed.counts, same.observed.counts)
    assert one.observed.counts.shape != other.observed.counts.shape or not np.array_equal(
        one.observed.counts, other.observed.counts
    )
    assert np.isfinite(one.truth[[3, 5, 6, 7]]).all() and np.isnan(one.truth[[0, 1, 2, 4]]).all()


def test_a_frozen_run_is_one_code_in_all_sessions():
    prior = Prior.small(units=(20,), sessions=20, first_step=300, steps=1500, age=(400.0, 800.0))
    code = drawn_code(prior, "frozen code", 1)
    np.testing.assert_array_equal(code.rates, np.broadcast_to(code.rates[:1], code.rates.shape))
