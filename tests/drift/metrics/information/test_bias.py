"""Bias of information: curves against full enumeration, corrections against closed forms, golden
results and simulated truth."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import loadmat
from scipy.optimize import curve_fit

from drift.errors import RefusedInputError
from drift.metrics.averages import slope
from drift.metrics.information.bias import (
    event_weighted_mean,
    population_curves,
    scaled_shuffle_reduction,
    shuffle_reduction,
    standard_error,
)
from drift.metrics.information.extrapolation import (
    asymptotic_extrapolation,
    bounded_asymptotic_extrapolation,
)
from drift.metrics.information.skaggs import spatial_information, spatial_information_rate
from drift.metrics.information.subsampling import (
    COARSE_FRACTIONS,
    FINE_FRACTIONS,
    information_curves,
)
from drift.metrics.maps import rate_maps, smoothed

BIN = 0.05  # s
NAME = "spatial_information"


def labelled(activity, place):
    return xr.DataArray(np.asarray(activity, dtype=float), dims=("sample", "unit")), xr.DataArray(
        np.asarray(place), dims="sample"
    )


def curves_of(observed, shuffled, samples):
    values = xr.DataArray(
        [observed, shuffled], dims=("order", "fraction"), coords={"order": ["observed", "shuffled"]}
    )
    return values.assign_coords(samples=("fraction", np.asarray(samples)))


# --- curves


def information_by_hand(activity, place):
    if activity.sum() == 0:
        return np.nan
    total = 0.0
    for x in set(place):
        p, n = np.mean(place == x), activity[place == x].sum() / activity.sum()
        total += n * np.log2(n / p) if n else 0.0
    return total


def test_curves_are_the_means_over_all_subsets_and_permutations(rng):
    activity, place = np.array([2.0, 0, 0, 1, 0, 3]), np.array([0, 1, 0, 1, 2, 2])
    curves = information_curves(
        *labelled(activity[:, None], place), 0.1, rng, 500, (1 / 3, 2 / 3, 1)
    )[NAME][..., 0]
    for i, m in enumerate((2, 4, 6)):
        subsets = [list(s) for s in combinations(range(6), m)]
        exact = np.array([information_by_hand(activity[s], place[s]) for s in subsets])
        shuffled = np.array(
            [
                information_by_hand(activity[list(p)], place[s])
                for s in subsets
                for p in permutations(s)
            ]
        )
        # At least 500 draws a point, some of them silent and left out; z = 5.
        for order, values in (("observed", exact), ("shuffled", shuffled)):
            error = np.nanstd(values) / np.sqrt(500 * np.isfinite(values).mean())
            assert abs(curves.sel(order=order)[i] - np.nanmean(values)) <= 5 * error + 1e-12


def test_the_whole_recording_gives_the_naive_information_and_samples_without_place_do_not_count(
    rng,
):
    activity, place = labelled(rng.poisson(0.3, (400, 6)), rng.integers(-1, 8, 400))
    place[place == 7] = -1
    place[:2] = 7  # too short a visit
    before = activity.copy(deep=True)
    curves = information_curves(
        activity, place, BIN, rng, 2, COARSE_FRACTIONS, minimum_occupancy=0.2
    )
    maps = rate_maps(activity, place, 8, sample_duration=BIN, minimum_occupancy=0.2)
    for name, measure in ((NAME, spatial_information), (f"{NAME}_rate", spatial_information_rate)):
        np.testing.assert_allclose(
            curves[name][0, -1], measure(maps["rate"], maps["occupancy"]), atol=1e-12
        )
    assert int(curves["samples"][-1]) == int((place.values >= 0).sum()) - 2
    xr.testing.assert_identical(activity, before)


def test_a_unit_does_not_notice_its_company_and_seeds_repeat():
    activity, place = labelled(np.random.default_rng(0).poisson(0.2, (200, 5)), np.arange(200) % 10)
    together = information_curves(activity, place, BIN, np.random.default_rng(1), 3, mutual=True)
    alone = information_curves(
        activity[:, 2:3], place, BIN, np.random.default_rng(1), 3, mutual=True
    )
    for name in together.data_vars:
        np.testing.assert_allclose(together[name][..., 2:3], alone[name], rtol=1e-12, atol=1e-15)


def test_silent_and_absent_units(rng):
    values = rng.poisson(0.5, (100, 3)).astype(float)
    values[:, 0], values[:, 1] = 0, np.nan
    curves = information_curves(
        *labelled(values, np.arange(100) % 5), BIN, rng, 2, COARSE_FRACTIONS, mutual=True
    )
    assert np.isnan(curves[NAME][..., :2]).all() and np.isfinite(curves[NAME][..., 2]).all()
    for name in (f"{NAME}_rate", "mutual_information"):
        assert (curves[name][..., 0] == 0).all() and np.isnan(curves[name][..., 1]).all()
    for estimate in (
        scaled_shuffle_reduction(curves[NAME])["estimate"],
        bounded_asymptotic_extrapolation(curves[NAME])["estimate"],
    ):
        assert np.isnan(estimate[:2]).all() and np.isfinite(estimate[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fractions": (0.5, 1.0)}, "at least three increasing"),
        ({"fractions": (0.1, 0.5, 0.9)}, "end with 1"),
        ({"repetitions": 0}, "repetitions must be a whole number from 1, got 0"),
        ({"fractions": tuple(i / 200 for i in range(1, 201))}, "record longer"),
        ({"minimum_occupancy": 99.0}, "0 samples at valid places"),
    ],
)
def test_curves_refuse(rng, options, message):
    activity, place = labelled(rng.poisson(0.3, (100, 2)), np.arange(100) % 5)
    with pytest.raises(RefusedInputError, match=message):
        information_curves(activity, place, BIN, rng, **options)


# --- corrections


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 3), st.floats(0.05, 3), st.floats(0.3, 100))
def test_bounded_extrapolation_returns_the_asymptote_of_a_hyperbola(a, b, c):
    time = np.array(FINE_FRACTIONS)
    fit = bounded_asymptotic_extrapolation(curves_of(a + b / (1 + c * time), 0 * time, 1000 * time))
    assert abs(fit["estimate"] - a) < 1e-5 and fit["r_squared"] > 1 - 1e-6


def test_bounded_extrapolation_fits_noise_no_worse_than_a_local_search(rng):
    time = np.array(COARSE_FRACTIONS)
    y = 1.2 + 1.5 / (1 + 8 * time) + 0.05 * rng.standard_normal((40, 10))
    curves = xr.DataArray(
        np.stack([y, y]),
        dims=("order", "unit", "fraction"),
        coords={"order": ["observed", "shuffled"]},
    )
    fit = bounded_asymptotic_extrapolation(curves.assign_coords(samples=("fraction", time * 100)))
    for i in range(40):
        law = lambda t, a, b, c: a + b / (1 + c * t)  # noqa: E731
        best, _ = curve_fit(law, time, y[i], (1.0, 1.0, 5.0), bounds=(0, 1e6), max_nfev=5000)
        theirs = 1 - np.mean((y[i] - law(time, *best)) ** 2) / y[i].var(ddof=1)
        assert fit["r_squared"][i] > theirs - 1e-6


def test_bounds_hold_where_the_curve_rises_or_falls_below_zero():
    time = np.array(COARSE_FRACTIONS)
    rising = bounded_asymptotic_extrapolation(curves_of(1 + time, time, time * 100))
    assert float(rising["estimate"]) == pytest.approx(1.55)  # b = 0: the mean
    straight = bounded_asymptotic_extrapolation(curves_of(1 - time, time, time * 100))
    assert float(straight["estimate"]) == pytest.approx(0, abs=1e-12)


def test_missing_points_are_left_out_of_fits():
    time = np.array(FINE_FRACTIONS)
    curve = 0.7 + 0.4 / (1 + 9 * time)
    curve[:2] = np.nan
    assert float(
        bounded_asymptotic_extrapolation(curves_of(curve, curve, time * 100))["estimate"]
    ) == pytest.approx(0.7, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 3), st.floats(0, 1), st.floats(0, 1))
def test_unbounded_extrapolation_returns_its_own_law(a, b, c):
    time = np.array(COARSE_FRACTIONS)
    assert float(
        asymptotic_extrapolation(curves_of(a + b / time + c / time**2, time, 100 * time))
    ) == pytest.approx(a, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 3), st.floats(0.1, 2))
def test_scaled_shuffle_reduction_removes_any_bias_in_proportion_to_that_of_shuffles(a, share):
    time = np.array(FINE_FRACTIONS)
    shuffled = 1 / (1 + 5 * time)
    result = scaled_shuffle_reduction(curves_of(a + share * shuffled, shuffled, 100 * time))
    assert float(result["estimate"]) == pytest.approx(a) and float(
        result["stability"]
    ) == pytest.approx(1)


def test_scaled_shuffle_reduction_by_hand():
    curves = curves_of([3.0, 2.0, 1.5], [2.0, 1.0, 0.5], [10, 20, 40])
    # SSR(20) = 2 - 1 (1/1) = 1; SSR(40) = 1.5 - .5 (1.5/1.5) = 1.
    assert float(scaled_shuffle_reduction(curves)["estimate"]) == pytest.approx(1, rel=1e-14)
    curves[0, 2] = 1.8  # SSR(40) = 1.8 - .5 (1.2 / 1.5) = 1.4; sd = .4 / sqrt 2; t2 / T = 1/2
    result = scaled_shuffle_reduction(curves)
    assert float(result["stability"]) == pytest.approx(1 - 0.4 / np.sqrt(2) / 1.4 / 2)
    assert float(shuffle_reduction(curves)) == pytest.approx(1.3)


def test_curves_without_orders_are_refused():
    with pytest.raises(RefusedInputError, match="order"):
        shuffle_reduction(xr.DataArray(np.ones(3), dims="fraction"))
    with pytest.raises(RefusedInputError, match="pass a variable of information_curves"):
        scaled_shuffle_reduction(
            xr.DataArray(np.ones((2, 3)), dims=("order", "fraction"), coords={"order": ["a", "b"]})
        )


def frozen_units(rng, rate, units=150, samples=1500):
    """Independent recordings, one a unit, of one map; and the true information of that map."""
    place = rng.permutation(np.arange(samples) % 20)
    tuning = 0.05 + np.exp(-(((np.arange(20) - 8) / 2.5) ** 2))
    true = float(
        spatial_information(
            xr.DataArray(tuning[None], dims=("unit", "place")),
            xr.DataArray(np.ones(20), dims="place"),
        )[0]
    )
    return *labelled(rng.poisson(rate * tuning[place][:, None], (samples, units)), place), true


def test_a_frozen_code_at_half_the_rate_moves_the_naive_information_only(rng):
    errors = {}
    for rate in (0.12, 0.06):
        activity, place, true = frozen_units(rng, rate)
        curves = information_curves(activity, place, BIN, rng, 10, COARSE_FRACTIONS)[NAME]
        mean = population_curves(curves)
        estimates = (
            mean[0, -1],
            scaled_shuffle_reduction(mean)["estimate"],
            bounded_asymptotic_extrapolation(mean)["estimate"],
        )
        errors[rate] = np.array([float(e) - true for e in estimates])
    # Over 150 units the standard error is about .015 (unit sd .18 at the lower rate).
    assert errors[0.12][0] > 0.08 and errors[0.06][0] > errors[0.12][0] + 0.08
    assert (np.abs(errors[0.12][1:]) < 0.06).all() and (np.abs(errors[0.06][1:]) < 0.06).all()


def test_the_standard_error_is_the_spread_over_independent_recordings(rng):
    activity, place, _ = frozen_units(rng, 0.12, units=300)
    curves = information_curves(activity, place, BIN, rng, 40, (0.25, 0.5, 1))
    expected = float(curves[NAME][0, -1].std())
    # sd of 300 values has a relative error of 4 %; z about 4, and the jackknife of so few events is
    # a little too large.
    assert float((standard_error(curves[f"{NAME}_spread"]) ** 2).mean() ** 0.5) == pytest.approx(
        expected, rel=0.2
    )


# --- golden results and simulated truth


@pytest.fixture(scope="module")
def golden(data_folder):
    folder = data_folder("zivlab_sample")
    results = loadmat(
        folder / "bias_correction_results.mat", squeeze_me=True, struct_as_record=False
    )
    results = results["unbiased_information_estimation_results"]
    cells = results.firing_statistics.significant_active_cells_indexes - 1
    activity = loadmat(folder / "spike_train.mat")["spike_train"][:, cells]
    activity, place = labelled(
        activity, loadmat(folder / "stimulus_trace.mat")["stimulus_trace"].ravel().astype(int) - 3
    )
    return activity, place, results.information


@pytest.fixture(scope="module")
def fine(golden):
    return information_curves(
        golden[0], golden[1], BIN, np.random.default_rng(1), 100, FINE_FRACTIONS
    )


@pytest.fixture(scope="module")
def coarse(golden):
    return information_curves(
        golden[0], golden[1], BIN, np.random.default_rng(1), 100, COARSE_FRACTIONS
    )


def population(curves):
    mean = population_curves(curves)
    return scaled_shuffle_reduction(mean), bounded_asymptotic_extrapolation(mean)


def test_R05_population_on_the_fine_grid(fine):
    ssr, bae = population(fine[NAME])
    assert float(ssr["estimate"]) == pytest.approx(1.5453, abs=0.010) and float(
        bae["estimate"]
    ) == pytest.approx(1.5888, abs=0.015)
    assert float(ssr["stability"]) == pytest.approx(0.9942, abs=0.0005) and float(
        bae["r_squared"]
    ) == pytest.approx(0.99971, abs=1e-4)


def test_R06_population_on_the_coarse_grid(coarse):
    ssr, bae = (float(result["estimate"]) for result in population(coarse[NAME]))
    assert ssr == pytest.approx(1.559, abs=0.010) and bae == pytest.approx(1.611, abs=0.015)
    assert abs(ssr - 1.5453) < 0.05 and abs(bae - 1.5888) < 0.05
    mean = population_curves(coarse[NAME])
    assert float(shuffle_reduction(mean)) == pytest.approx(1.28, abs=0.01)
    assert float(asymptotic_extrapolation(mean)) == pytest.approx(1.87, abs=0.01)


def test_R07_single_units(golden, fine):
    activity, _, published = golden
    estimates = (
        scaled_shuffle_reduction(fine[NAME])["estimate"],
        bounded_asymptotic_extrapolation(fine[NAME])["estimate"],
    )
    limits = (("SSR", 0.998, 0.01, 1.6340), ("BAE", 0.997, 0.02, 1.6375))
    for ours, (name, correlation, difference, weighted) in zip(estimates, limits):
        theirs = getattr(published, f"SI_{name}_bit_spike")
        assert (
            np.corrcoef(ours, theirs)[0, 1] > correlation
            and abs((ours - theirs).mean()) < difference
        )
        assert float(event_weighted_mean(ours, activity.sum("sample"))) == pytest.approx(
            weighted, abs=0.01
        )


def test_R08_bits_per_second(fine):
    ssr, bae = (float(result["estimate"]) for result in population(fine[f"{NAME}_rate"]))
    assert ssr == pytest.approx(0.8597, rel=0.01) and bae == pytest.approx(0.8838, rel=0.01)


@pytest.mark.slow
def test_R08_mutual_information(golden):
    curves = information_curves(
        golden[0], golden[1], BIN, np.random.default_rng(1), 100, FINE_FRACTIONS, mutual=True
    )
    ssr, bae = (float(result["estimate"]) for result in population(curves["mutual_information"]))
    assert ssr == pytest.approx(0.01984, rel=0.01) and bae == pytest.approx(0.02318, rel=0.01)


def test_R13_curves(fine):
    points = [0.05, *COARSE_FRACTIONS]
    naive = [3.51, 3.15, 2.69, 2.43, 2.28, 2.17, 2.10, 2.04, 1.995, 1.96, 1.929]
    shuffled = [3.33, 2.79, 2.09, 1.65, 1.36, 1.16, 1.00, 0.885, 0.793, 0.715, 0.651]
    mean = population_curves(fine[NAME]).sel(fraction=points)
    np.testing.assert_allclose(mean[:, 1:], [naive[1:], shuffled[1:]], atol=0.03)
    np.testing.assert_allclose(mean[:, 0], [naive[0], shuffled[0]], atol=0.05)


@pytest.fixture(scope="module")
def simulated(data_folder):
    folder = data_folder("zivlab_simulated")
    events = loadmat(folder / "simulated_spike_train.mat")["simulated_spike_train"].astype(float)
    place = loadmat(folder / "stimulus_trace.mat")["stimulus_trace"].ravel().astype(int) - 3
    true = loadmat(folder / "true_information.mat", squeeze_me=True, struct_as_record=False)[
        "true_information"
    ].SI_bit_spike
    return events, place, true


def test_R14_R15_simulated_truth(simulated):
    events, place, true = simulated
    active = (events > 0).sum(axis=0)
    units = np.flatnonzero(active >= 10)
    thirds = np.split(np.argsort(active[units], kind="stable"), 3)
    curves = information_curves(
        *labelled(events[:, units], place), BIN, np.random.default_rng(1), 100, COARSE_FRACTIONS
    )[NAME]
    naive, truth = curves[0, -1].values, true[units]
    assert naive.mean() == pytest.approx(1.8525, abs=1e-4) and (
        naive - truth
    ).mean() == pytest.approx(0.2072, abs=1e-4)
    np.testing.assert_allclose(
        [(naive - truth)[third].mean() for third in thirds], [0.374, 0.165, 0.083], atol=0.001
    )
    for result in population(curves):
        assert abs(float(result["estimate"]) - truth.mean()) < 0.2072 / 3
    ssr = scaled_shuffle_reduction(curves)["estimate"].values
    # Means over 30 units with an error of .36, .16 and .11 each; the seed moves them by about .01.
    np.testing.assert_allclose(
        [(ssr - truth)[third].mean() for third in thirds], [-0.09, -0.03, 0.02], atol=0.03
    )


@pytest.mark.slow
def test_R16_a_frozen_code_with_falling_event_rate(simulated):
    events, place, _ = simulated
    activity, where = labelled(events[:, (events > 0).sum(axis=0) >= 40], place)
    maps = smoothed(rate_maps(activity, where, 20, sample_duration=BIN)["rate"], 1.0)
    expected = maps.transpose("place", "unit").values[place] * BIN
    sessions, runs = xr.DataArray(np.arange(10.0), dims="session", attrs={"units": "session"}), 20
    changes, p_values = np.empty((runs, 3)), np.empty((runs, 3))
    for run in range(runs):
        values = np.array(
            [
                _session(expected, place, 1 - 0.5 * k / 9, np.random.default_rng([16, run, k]))
                for k in range(10)
            ]
        )
        line = slope(
            xr.DataArray(values.T, dims=("estimate", "session")), sessions, normalise=False
        )
        changes[run], p_values[run] = line["slope"] * 9, line["p_value"]
    naive, ssr, bae = changes.mean(axis=0)
    error = changes.std(axis=0, ddof=1) / np.sqrt(runs)
    power = (p_values[:, 0] < 0.05).mean()
    print(
        f"change over 10 sessions, {runs} runs: naive {naive:+.3f}, SSR {ssr:+.3f}, BAE "
        f"{bae:+.3f}; standard errors {error.round(4)}"
    )
    print(
        f"power of one run: {power:.2f} for the naive slope; runs with p < .05: "
        f"{(p_values < 0.05).sum(axis=0)} of {runs}"
    )
    assert naive / error[0] > 2.1 and power >= 0.8  # t with 19 degrees of freedom, p < .05
    assert naive == pytest.approx(0.10, abs=0.03) and abs(bae) < 0.03 and abs(ssr) < 0.06
    # Seen: +.083, -.045, -.020 with standard errors of .004, .004, .005, and p < .05 for the naive
    # slope in 20 of 20 runs, for SSR in 9
    # and for BAE in 3: twenty runs would show a corrected change of .013 with a power of 80 %.
    assert (error < 0.007).all()


def _session(expected, place, factor, rng):
    """Naive, SSR and BAE of the population in one session whose events are rarer by a factor."""
    events = rng.poisson(expected * factor)
    activity, where = labelled(events[:, (events > 0).sum(axis=0) >= 10], place)
    curves = information_curves(activity, where, BIN, rng, 20, COARSE_FRACTIONS)[NAME]
    return [
        float(curves[0, -1].mean()),
        *(float(result["estimate"]) for result in population(curves)),
    ]
