"""Kaplan and Meier's curve by hand and beside lifelines; fields lost by chance have geometric life
times, a constant hazard and no memory."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import kstest
from test_returning import of_flags, redrawn
from test_shifts import of_places

from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics.fields.sequences import stays

NAN = np.nan
BY_HAND = np.array(
    # Each column is a unit: lost at once; stays; not observed and back; gained, then lost; never.
    [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 1, NAN, 1, 0], [1, 1, 1, 0, 0]]
)


def test_stays_by_hand():
    stay = stays(BY_HAND)
    rows = sorted(zip(stay.duration.tolist(), stay.lost.tolist(), stay.born.tolist()))
    # Unit 2 is censored after one session, and seen again later with an unknown beginning.
    assert rows == [
        (0, False, False), (0, False, True), (1, False, False), (1, True, False), (2, True, True), (3, False, False),
    ]  # fmt: skip


def test_survival_by_hand():
    table = metrics.survival(of_flags(BY_HAND), "active").isel(subject=0)
    assert table["at_risk"].values.tolist() == [6, 4, 2, 1]
    assert table["losses_at_age"].values.tolist() == [0, 1, 1, 0]
    assert table["censored"].values.tolist() == [2, 1, 0, 1]
    np.testing.assert_allclose(table["survival"], [1, 3 / 4, 3 / 8, 3 / 8])
    greenwood = 3 / 8 * np.sqrt(1 / 12 + 1 / 2)
    assert table["standard_error"].values[3] == pytest.approx(greenwood)
    for name, counts in {
        "gains": [NAN, 1, 0, 1], "losses": [NAN, 1, 0, 1], "in_before": [NAN, 3, 2, 2], "out_before": [NAN, 2, 2, 2],
    }.items():  # fmt: skip
        np.testing.assert_array_equal(table[name], counts)
    born = metrics.survival(of_flags(BY_HAND), "active", stays="born").isel(subject=0)
    assert born["at_risk"].values.tolist() == [2, 1, 1]


def test_survival_equals_that_of_lifelines(rng):
    lifelines = pytest.importorskip("lifelines")
    flags = np.where(rng.random((12, 300)) < 0.1, NAN, rng.random((12, 300)) < 0.7)
    table = metrics.survival(of_flags(flags), "active").isel(subject=0)
    stay = stays(flags)
    fitted = lifelines.KaplanMeierFitter().fit(
        stay.duration, stay.lost, timeline=table["age"].values
    )
    np.testing.assert_allclose(table["survival"], fitted.survival_function_.iloc[:, 0], atol=1e-12)


def test_a_session_of_another_room_is_passed_over_and_one_without_units_is_none():
    flags = [[1, 1], [0, 0], [1, 0], [NAN, NAN], [1, 0]]
    rooms = metrics.survival(of_flags(flags, list("ABAAA")), "active").isel(subject=0)
    assert rooms["losses"].values[[0, 2, 4]].tolist()[1:] == [1, 0]
    assert rooms["survival"].values.tolist() == [1, 0.5, 0.5]
    assert rooms["losses"].isnull().values.tolist() == [True, True, False, True, False]
    one_room = metrics.survival(of_flags(flags), "active").isel(subject=0)
    assert one_room["survival"].values[1] == 1 / 3
    with pytest.raises(RefusedInputError, match="no two sessions"):
        metrics.survival(of_flags(flags, list("ABCDE")), "active")


def test_fields_drawn_anew_have_geometric_life_times(rng):
    share, member = 0.2, 0.3
    ds = of_flags(redrawn(rng, 8, 30_000, share, None, lambda g, n: g.random(n) < member))
    table = metrics.survival(ds, "active").isel(subject=0)
    geometric = (1 - share * (1 - member)) ** table["age"].values
    assert (np.abs(table["survival"] - geometric) <= 3 * table["standard_error"]).all()
    fitted = metrics.hazard(ds, "active").isel(subject=0)
    assert fitted["constant_hazard"].item() == pytest.approx(share * (1 - member), abs=0.005)
    assert fitted["bic_difference"] > 0


def jumps(rng, rate, sessions, units):
    """Members of the first session, each of which is redrawn, and lost, at a rate."""
    times = rng.exponential(1 / rate, units)
    return of_flags(times > np.arange(sessions)[:, np.newaxis])


def test_jumps_survive_exponentially_and_their_hazard_is_constant(rng):
    rate = 0.25
    table = metrics.survival(jumps(rng, rate, 7, 20_000), "active").isel(subject=0)
    expected = np.exp(-rate * table["age"].values)
    assert (np.abs(table["survival"] - expected) <= 3 * table["standard_error"]).all()
    tests = [metrics.hazard(jumps(rng, rate, 7, 600), "active", stays="all") for _ in range(200)]
    p_values = np.array([test["p_value"].item() for test in tests])
    assert {test["degrees_of_freedom"].item() for test in tests} == {5}
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_a_hazard_that_falls_with_age_is_found(rng):
    times = rng.weibull(0.6, 3000) * 4
    ds = of_flags(times > np.arange(8)[:, np.newaxis])
    fitted = metrics.hazard(ds, "active", stays="all").isel(subject=0)
    assert fitted["p_value"] < 1e-6 and fitted["bic_difference"] < 0
    assert fitted["hazard"][0] > fitted["hazard"][5]


def chain(rng, probability, sessions, units):
    """States of a chain with a probability of being in after each past (out-out, ..., in-in)."""
    state = [rng.random(units) < 0.5, rng.random(units) < 0.5]
    for _session in range(2, sessions):
        past = 2 * state[-2].astype(int) + state[-1]
        state.append(rng.random(units) < np.asarray(probability)[past])
    return of_flags(state)


@pytest.mark.parametrize(
    ("order", "probability"),
    [(0, [0.4] * 4), (1, [0.2, 0.7, 0.2, 0.7]), (2, [0.1, 0.6, 0.4, 0.9])],
)
def test_the_order_of_a_chain_is_found(rng, order, probability):
    ds = chain(rng, probability, 10, 1500)
    fitted = metrics.markov_order(ds, "active").isel(subject=0)
    assert fitted["best_order"] == order
    error = np.sqrt(0.25 / fitted["triples"])
    assert (abs(fitted["probability"] - probability) < 4 * error).all()
    assert float(fitted["triples"].sum()) == 8 * 1500


def test_the_test_of_memory_keeps_its_level(rng):
    p_values = [
        metrics.markov_order(chain(rng, [0.3, 0.6, 0.3, 0.6], 6, 200), "active")["p_value"].values[
            0, 2
        ]
        for _ in range(200)
    ]
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_relabelled_units_and_company_change_nothing(rng):
    flags = np.where(rng.random((6, 80)) < 0.1, NAN, rng.random((6, 80)) < 0.6)
    alone = of_flags(flags)
    other = of_flags(rng.random((6, 80)) < 0.9).assign_coords(subject=["other"])
    crowd = xr.concat([other, alone], dim="subject")
    for measure in (metrics.survival, metrics.hazard, metrics.markov_order):
        expected = measure(alone, "active")
        xr.testing.assert_allclose(
            measure(of_flags(flags[:, ::-1]), "active"), expected, rtol=1e-14
        )
        own = measure(crowd, "active").sel(subject=["m"])
        for name in expected:
            numbers = own[name].isel(
                {"age": slice(0, expected.sizes["age"])} if "age" in own[name].dims else {}
            )
            np.testing.assert_array_equal(numbers, expected[name])


def test_the_same_field_stays_until_it_jumps():
    # By session: unit 0 wanders a bin a day; unit 1 jumps, and stays there; unit 2 is not observed.
    ds = of_places([[5, 5, 5], [6, 15, NAN], [7, 15, 5]])
    table = metrics.survival(ds, "same_field").isel(subject=0)
    # Stays: 2 censored, 1 lost, then 1 censored, and twice 0 censored.
    assert table["at_risk"].values.tolist() == [5, 3, 1]
    assert table["losses_at_age"].values.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(table["losses"], [NAN, 1, 0])
    np.testing.assert_array_equal(table["gains"], [NAN, 1, 0])
    born = metrics.survival(ds, "same_field", stays="born").isel(subject=0)
    assert born["at_risk"].values.tolist() == [1, 1]
    with pytest.raises(RefusedInputError, match="of"):
        metrics.recurrence(ds, "same_field")


def test_fields_drawn_anew_elsewhere_have_geometric_life_times(rng):
    share, places = 0.2, 20
    centres = redrawn(rng, 8, 4000, share, None, lambda g, n: g.integers(0, places, n))
    ds = of_places(centres, "ring", places=places)
    fields = metrics.place_fields(ds["rate"], threshold=0.5, smoothing=0.0)
    table = metrics.survival(ds.assign(fields), "same_field").isel(subject=0)
    near = 7 / places  # up to 3 bins to either side: fields are 3 wide
    geometric = (1 - share * (1 - near)) ** table["age"].values
    assert (np.abs(table["survival"] - geometric) <= 3 * table["standard_error"]).all()
    assert metrics.hazard(ds.assign(fields), "same_field")["bic_difference"] > 0
