"""Similarity without the noise of maps: a code that stands still has 1, one of which half moves has
what is left, and a real mouse has what was computed of it elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from test_reliability import by_hand

import drift
from drift import metrics

DIMS = ("subject", "session", "unit", "place")
LATER = (slice(None), 0, 1)  # of (subject, session, session_other)


def fields(events: float, moved: int = 0, subjects: int = 160, units: int = 150) -> xr.Dataset:
    """Two sessions of Gaussian fields on a ring of 40 places, width 1.5 to 4 bins, floor .03, gain
    lognormal(-.3, .8), seen through Poisson events; ``moved`` units have another field in the
    second."""
    rng = np.random.default_rng(8)
    centre = np.repeat(rng.uniform(0, 40, (subjects, 1, units, 1)), 2, axis=1)
    centre[:, 1, :moved] = rng.uniform(0, 40, (subjects, moved, 1))
    width = rng.uniform(1.5, 4, (subjects, 1, units, 1))
    apart = np.abs(np.arange(40) - centre)
    field = np.exp(-(np.minimum(apart, 40 - apart) ** 2) / (2 * width**2)) + 0.03
    gain = rng.lognormal(-0.3, 0.8, (subjects, 1, units, 1))
    expected = events * gain * field / field.sum(axis=-1, keepdims=True)
    halves = rng.poisson(expected[..., np.newaxis] / 2, (*expected.shape, 2)).astype(float) * 2
    time = np.ones((subjects, 2, 40))
    return xr.Dataset(
        {
            "rate": (DIMS, halves.mean(axis=-1)),
            "rate_half": ((*DIMS, "half"), halves),
            "occupancy": (("subject", "session", "place"), time, {"units": "s"}),
            "place_unit": (DIMS[:3], np.ones(halves.shape[:3])),
        }
    )


@pytest.mark.parametrize(("events", "naive"), [(15, 0.41), (40, 0.63), (120, 0.82)])
def test_a_code_that_stands_still_has_1(events, naive):
    """160 subjects of 150 units: standard errors of the means .004, .002 and .001."""
    seen = fields(events)
    plain = metrics.mean_rate_map_correlation(seen).values[LATER]
    assert plain.mean() == pytest.approx(naive, abs=0.03)
    corrected = metrics.corrected_similarity(seen).values[LATER]
    assert corrected.mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("events", "naive"), [(15, 0.2), (40, 0.32), (120, 0.41)])
def test_half_of_the_units_move(events, naive):
    """Maps of random fields correlate by .006 of what two halves of one map do: .503 is left."""
    seen = fields(events, moved=75)
    plain = metrics.mean_rate_map_correlation(seen).values[LATER]
    assert plain.mean() == pytest.approx(naive, abs=0.03)
    corrected = metrics.corrected_similarity(seen).values[LATER]
    assert corrected.mean() == pytest.approx(0.503, abs=0.01)


@pytest.mark.parametrize("of", ["rate_map", "population_vector", "ensemble_rate"])
@pytest.mark.parametrize("form", ["mean", "pooled"])
def test_all_forms_know_a_code_that_stands_still(of, form):
    corrected = metrics.corrected_similarity(fields(120, subjects=60), of, form=form)
    values = corrected.values[LATER]
    # the pooled form of maps is biased by the noise of its weights
    atol = 0.015 if (of, form) == ("rate_map", "pooled") else 0.004
    assert values.mean() == pytest.approx(1, abs=atol)
    np.testing.assert_allclose(corrected.values[:, 0, 0], 1)


def test_the_pooled_form_weighs_units_by_their_events():
    seen = fields(40, moved=75, subjects=60)
    pooled = metrics.corrected_similarity(seen, form="pooled").values[LATER]
    assert pooled.mean() == pytest.approx(0.503, abs=0.03)


def test_by_hand():
    a, b, c, d = [0.0, 1, 2, 3], [0.0, 2, 1, 3], [0.0, 1, 2, 3], [1.0, 0, 2, 3]
    made = by_hand(np.array([[[a, b]], [[c, d]]]))
    r = lambda x, y: np.corrcoef(x, y)[0, 1]  # noqa: E731
    within, other = r(a, b), r(c, d)
    between = np.mean([r(a, c), r(a, d), r(b, c), r(b, d)])
    similarity = metrics.corrected_similarity(made).values[0]
    expected = between / np.sqrt(within * other)
    np.testing.assert_allclose(similarity, [[1, expected], [expected, 1]])
    cov = lambda x, y: np.cov(x, y)[0, 1]  # noqa: E731
    across = np.mean([cov(a, c), cov(a, d), cov(b, c), cov(b, d)])
    pooled = metrics.corrected_similarity(made, form="pooled").values[0, 0, 1]
    assert pooled == pytest.approx(across / np.sqrt(cov(a, b) * cov(c, d)))
    index = metrics.drift_index(made).values[0, :, :, 0]
    mean = (within + other) / 2
    np.testing.assert_allclose(index, (mean - between) / (mean + between) * (1 - np.eye(2)))


def test_correlations_below_nothing_count_as_next_to_nothing():
    """Marks & Goard rectify both: a map that turns round has an index of almost 1."""
    up = [0.0, 1, 2, 3]
    made = by_hand(np.array([[[up, up]], [[up[::-1], up[::-1]]]]))
    assert metrics.drift_index(made).values[0, 0, 1, 0] == pytest.approx(0.999 / 1.001)


def test_all_is_taken_over_the_places_that_four_halves_share():
    """What one half did not see is left out of all correlations of the pair, not of one of them."""
    seen = fields(40, subjects=2, units=20)
    gone = seen.copy(deep=True)
    gone["rate_half"].values[:, 0, :, 7, 1] = np.nan
    short = seen.isel(place=[place for place in range(40) if place != 7])
    for form in ("mean", "pooled"):
        for of in ("rate_map", "population_vector", "ensemble_rate"):
            own = metrics.corrected_similarity(gone, of, form=form).values[LATER]
            expected = metrics.corrected_similarity(short, of, form=form).values[LATER]
            np.testing.assert_allclose(own, expected, err_msg=f"{of} {form}")


def test_absent_units_are_left_out():
    seen = fields(40, subjects=2, units=20)
    gone = seen.copy(deep=True)
    for name in ("rate", "rate_half"):
        gone[name].values[:, 1, :5] = np.nan
    short = seen.isel(unit=slice(5, None))
    for of in ("rate_map", "population_vector", "ensemble_rate"):
        own = metrics.corrected_similarity(gone, of).values[LATER]
        np.testing.assert_allclose(own, metrics.corrected_similarity(short, of).values[LATER])
        keep = xr.DataArray(np.arange(20) >= 5, dims="unit")
        of_kept = metrics.corrected_similarity(seen, of, keep=keep).values[LATER]
        np.testing.assert_allclose(own, of_kept)


def test_rooms_are_not_compared():
    rooms = xr.DataArray([["A", "B"]] * 2, dims=("subject", "session"))
    seen = fields(40, subjects=2, units=20).assign_coords(environment=rooms)
    with pytest.raises(drift.RefusedInputError, match="share an environment"):
        metrics.corrected_similarity(seen)
    with pytest.raises(drift.RefusedInputError, match="share an environment"):
        metrics.drift_index(seen)
    across = metrics.corrected_similarity(seen, across_environments=True).values[LATER]
    assert np.isfinite(across).all()
    third = xr.concat([seen, seen.isel(session=[0])], "session")
    rooms = xr.DataArray([["A", "B", "A"]] * 2, dims=("subject", "session"))
    similarity = metrics.corrected_similarity(third.assign_coords(environment=rooms)).values
    assert np.isnan(similarity[:, 0, 1]).all() and np.isfinite(similarity[:, 0, 2]).all()


def test_lags_and_drift_rate_take_it():
    seen = fields(40, moved=75, subjects=60)
    elapsed = xr.DataArray(np.tile([0.0, 2.0], (60, 1)), dims=("subject", "session"))
    similarity = metrics.corrected_similarity(seen)
    by_lag = metrics.by_lag(similarity, elapsed.assign_attrs(units="day"))
    assert float(by_lag["correlation"].mean()) == pytest.approx(0.503, abs=0.02)


def test_several_environments_of_one_network_lie_along_a_dim():
    run = drift.wandering_fields(seeds=(0,), sessions=3, units=12)
    other = drift.wandering_fields(seeds=(1,), sessions=3, units=12)
    names = ["rate", "occupancy", "place_unit"]
    both = xr.concat(
        [made[names].drop_vars("seed").assign_coords(subject=["0"]) for made in (run, other)],
        "environment",
    )
    similarity = metrics.corrected_similarity(both)
    assert similarity.dims == ("subject", "session", "session_other", "environment")
    np.testing.assert_array_equal(similarity.isel(environment=0), metrics.corrected_similarity(run))
    assert metrics.half_correlations(both)["within"].dims[-1] == "environment"


@pytest.mark.slow
def test_a_real_mouse(data_folder):
    """Numbers computed from the files themselves: maps of 24 bins of 4 cm without the first and last
    two (which the reader leaves out), smoothed by one bin, units with 10 events in both."""
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    sessions = drift.counted_events(data_adapters.sessions("sheintuch2023", str(path)))
    made = drift.measure(sessions, halves="trials")
    assert made.sizes["place"] == 20
    keep = (made["rate"] * made["occupancy"]).sum(["place", "direction"]) >= 10
    naive = metrics.rate_map_correlation(made, 1.0, keep).isel(subject=0).mean("unit")
    halves = metrics.half_correlations(made, 1.0, keep).isel(subject=0).mean("unit")
    within = (halves["within"].values + halves["within"].values.T) / 2
    share = halves["between"].values / within
    index = metrics.drift_index(made, 1.0, keep).isel(subject=0).mean("unit").values
    split_half = metrics.reliability(made, 1.0, select="all", keep=keep)
    assert float(split_half.min()) == pytest.approx(0.64, abs=0.02)
    assert float(split_half.max()) == pytest.approx(0.87, abs=0.02)
    for lag, published in ((1, (0.690, 0.807, 0.139)), (7, (0.591, 0.651, 0.273))):
        ours = [np.diagonal(values, lag).mean() for values in (naive.values, share, index)]
        np.testing.assert_allclose(ours, published, atol=0.02)
    similarity = metrics.corrected_similarity(made, smoothing=1.0, select="all", keep=keep)
    np.testing.assert_allclose(similarity.values[0], share, atol=0.03)
