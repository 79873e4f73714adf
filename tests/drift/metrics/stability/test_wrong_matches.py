"""Units that are other cells: what they take from a similarity, and what it is without them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics, plots
from drift.errors import RefusedInputError

DIMS = ("subject", "session", "unit", "place")
CODES = ("rate_map", "population_vector", "ensemble_rate")


def frozen(
    subjects: int, units: int, sessions: int, events: float = 60, tuned: float = 1.0, seed: int = 5
) -> xr.Dataset:
    """Gaussian fields on a ring of 20 places that stand still, seen through Poisson events; a share
    ``tuned`` are place units, the others fire as much everywhere."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0, 20, (subjects, 1, units, 1))
    apart = np.abs(np.arange(20) - centre)
    field = np.exp(-(np.minimum(apart, 20 - apart) ** 2) / 8) + 0.03
    place = np.arange(units) < tuned * units
    field = np.where(place[:, np.newaxis], field, 1.0)
    gain = rng.lognormal(-0.3, 0.6, (subjects, 1, units, 1))
    expected = events * gain * field / field.sum(axis=-1, keepdims=True)
    expected = np.broadcast_to(expected, (subjects, sessions, units, 20))
    halves = 2.0 * rng.poisson(expected[..., np.newaxis] / 2, (*expected.shape, 2))
    labels = ("subject", "session")
    days = np.tile(np.arange(float(sessions)), (subjects, 1))
    return xr.Dataset(
        {
            "rate": (DIMS, halves.mean(axis=-1)),
            "rate_half": ((*DIMS, "half"), halves),
            "occupancy": ((*labels, "place"), np.ones((subjects, sessions, 20)), {"units": "s"}),
            "recorded": (DIMS[:3], np.ones(halves.shape[:3], dtype="int8")),
            "place_unit": (DIMS[:3], np.broadcast_to(place * 1.0, halves.shape[:3])),
        },
        coords={
            "subject": [str(number) for number in range(subjects)],
            "session": np.arange(sessions),
            "unit": np.arange(units),
            "elapsed": (labels, days, {"units": "day"}),
        },
    )


def by_lag(similarity: xr.DataArray, elapsed: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over subjects at each lag, and its standard error."""
    lags = metrics.by_lag(similarity, elapsed)["correlation"]
    error = lags.std("subject", ddof=1) / np.sqrt(lags.sizes["subject"])
    return lags.mean("subject").values, error.values


@pytest.mark.parametrize("q", [0.05, 0.1, 0.2])
def test_m60_wrong_registration_of_a_code_that_stands_still(q: float):
    """40 subjects of 300 units, lags 1 to 3: standard errors up to .009, z = 2; without correction
    the similarity falls as (1 - q)^lag, but for what different cells have in common."""
    seen = drift.wrong_registration(frozen(40, 300, 4), q, seed=1)
    probability = metrics.match_probability(seen, q)
    true = (1 - q) ** np.arange(1, 4)
    measured, _ = by_lag(metrics.corrected_similarity(seen), seen["elapsed"])
    np.testing.assert_allclose(measured, true, atol=0.02)
    similarity = metrics.corrected_similarity(seen, match_probability=probability)
    corrected, error = by_lag(similarity, seen["elapsed"])
    np.testing.assert_allclose(corrected, 1, atol=0.02)
    assert (np.abs(corrected - 1) < 2 * error + 0.005).all(), (corrected, error)
    assert similarity.attrs["candidates"] == "all units of both sessions"


@pytest.mark.parametrize("of", CODES)
@pytest.mark.parametrize("form", ["mean", "pooled"])
def test_all_forms_are_corrected(of: str, form: str):
    """30 subjects of 150 units, z = 3; the pooled form of maps is biased by the noise of its
    weights, whoever is matched."""
    true = frozen(30, 150, 3)
    seen = drift.wrong_registration(true, 0.2, seed=6)
    probability = metrics.match_probability(seen, 0.2)
    similarity = metrics.corrected_similarity(seen, of, form=form, match_probability=probability)
    corrected, error = by_lag(similarity, seen["elapsed"])
    expected, _ = by_lag(metrics.corrected_similarity(true, of, form=form), seen["elapsed"])
    assert (np.abs(corrected - expected) < 3 * error + 0.01).all(), (corrected, expected, error)


@pytest.mark.slow
@pytest.mark.parametrize("of", CODES)
def test_m60_of_all_codes_and_longer_lags(of: str):
    """100 subjects of 300 units; of mean rates, which are one correlation, errors reach .01."""
    for q in (0.05, 0.2):
        seen = drift.wrong_registration(frozen(100, 300, 6), q, seed=2)
        probability = metrics.match_probability(seen, q)
        similarity = metrics.corrected_similarity(seen, of, match_probability=probability)
        corrected, error = by_lag(similarity, seen["elapsed"])
        assert (np.abs(corrected - 1) < 2.5 * error + 0.005).all(), (q, corrected, error)
        np.testing.assert_allclose(corrected[:3], 1, atol=0.02)


@pytest.mark.parametrize("select", ["both", "either", "all"])
def test_units_are_compared_by_what_they_look_like(select: str):
    """A third are place units: a wrong match is compared less often than a right one, which the
    share of right ones must know; 60 subjects of 150 units, z = 3."""
    seen = drift.wrong_registration(frozen(60, 150, 3, tuned=1 / 3), 0.2, seed=3)
    probability = metrics.match_probability(seen, 0.2)
    options = {"select": select, "match_probability": probability}
    corrected, error = by_lag(metrics.corrected_similarity(seen, **options), seen["elapsed"])
    assert np.isfinite(corrected).all()
    assert (np.abs(corrected - 1) < 3 * error + 0.01).all(), (corrected, error)


def test_neighbours_in_the_field_of_view():
    """Cells that lie side by side fire alike, and are taken for one another: what wrong matches of
    neighbours take is less than that of any two cells."""
    units, rng = 400, np.random.default_rng(8)
    seen = frozen(24, units, 2)
    order = np.argsort(seen["rate"].isel(session=0).argmax("place").values, axis=1, kind="stable")
    rows = xr.DataArray(order, dims=("subject", "unit"))
    sorted_units = {
        name: seen[name].isel(unit=rows, subject=xr.DataArray(np.arange(24), dims="subject"))
        for name in ("rate", "rate_half")
    }
    seen = seen.assign({name: sorted_units[name].transpose(*seen[name].dims) for name in sorted_units})  # fmt: skip
    seen = seen.assign_coords(
        unit_x=("unit", np.arange(units) * 1.0), unit_y=("unit", np.zeros(units))
    )
    confused = seen.copy(deep=True)
    for subject in range(24):  # pairs of neighbours are exchanged in the second session
        first = 2 * rng.choice(units // 2, units // 10, replace=False)
        for name in ("rate", "rate_half"):
            own = confused[name].values[subject, 1]
            own[first], own[first + 1] = own[first + 1].copy(), own[first].copy()
    probability = metrics.match_probability(confused, 0.2)
    near = metrics.corrected_similarity(confused, match_probability=probability)
    far = metrics.corrected_similarity(
        confused.drop_vars(["unit_x", "unit_y"]), match_probability=probability
    )
    assert near.attrs["candidates"] == "the 10 nearest units"
    mean, error = by_lag(near, seen["elapsed"])
    assert abs(mean[0] - 1) < 3 * error[0] + 0.02
    assert by_lag(far, seen["elapsed"])[0][0] > 1.1


@pytest.mark.parametrize("of", CODES)
def test_certain_matches_change_nothing(of: str):
    seen = drift.wrong_registration(frozen(2, 40, 3), 0.3)
    certain = metrics.match_probability(seen, 0.0)
    assert (certain == 1).all()
    plain = metrics.corrected_similarity(seen, of)
    np.testing.assert_array_equal(
        metrics.corrected_similarity(seen, of, match_probability=certain).values, plain.values
    )


def test_a_subject_in_a_crowd_is_that_subject_alone():
    seen = drift.wrong_registration(frozen(3, 60, 4), 0.1)
    short = seen.copy(deep=True)
    for name in ("rate", "rate_half"):
        short[name].values[0, :, 50:] = np.nan
        short[name].values[0, 1] = np.nan  # a session that the first subject does not have
    alone = short.isel(subject=[0], session=[0, 2, 3], unit=slice(0, 50))
    pick = {"subject": [0], "session": [0, 2, 3], "session_other": [0, 2, 3]}
    for of in CODES:
        crowd, own = (
            metrics.corrected_similarity(
                one, of, match_probability=metrics.match_probability(one, 0.1)
            )
            for one in (short, alone)
        )
        np.testing.assert_allclose(crowd.isel(pick), own, rtol=1e-12)
    curves = metrics.wrong_matches(short), metrics.wrong_matches(alone)
    np.testing.assert_allclose(
        curves[0]["explained"].isel(subject=[0]), curves[1]["explained"], rtol=1e-12
    )


def test_too_few_right_matches_tell_nothing():
    seen = drift.wrong_registration(frozen(2, 20, 3), 0.9)
    probability = metrics.match_probability(seen, 0.9)
    similarity = metrics.corrected_similarity(seen, match_probability=probability)
    assert np.isnan(similarity.values[:, 0, 2]).all()
    assert (np.diagonal(similarity.values, axis1=1, axis2=2) == 1).all()


def test_probabilities_of_a_program():
    seen = frozen(1, 6, 3)
    certain = np.array([[[1, 0.9, 0.8, 0.7, np.nan, 0.5]] * 3])
    certain[0, 1, 0] = 0.6
    seen = seen.assign_coords(registration_confidence=(DIMS[:3], certain))
    seen["rate"].values[0, 2, 1] = np.nan
    probability = metrics.match_probability(seen).values[0]
    np.testing.assert_allclose(probability[0, 1], [0.6, 0.9, 0.8, 0.7, np.nan, 0.5])
    np.testing.assert_allclose(probability[0, 2], [1, np.nan, 0.8, 0.7, np.nan, 0.5])
    assert (probability[0, 0] == 1).all()
    pairs = metrics.session_pairs(seen).set_index("measure")
    assert {"match_probability", "matched_similarity"} <= set(pairs.index)
    told = pairs.loc["match_probability"].iloc[0]["value"]
    assert told == pytest.approx(np.mean([0.6, 0.9, 0.8, 0.7, 0.5]))
    at_once = metrics.match_probability(seen, 0.1, registered="at_once").values[0]
    np.testing.assert_allclose(at_once[0, 2, [0, 2]], 0.9)
    np.testing.assert_allclose(metrics.match_probability(seen, 0.1).values[0, 0, 2, 0], 0.81)


def test_the_rate_that_explains_all_is_that_of_the_confusion():
    """Wrong matches alone, 12 subjects of 200 units: the rate is found to within 3 standard errors
    and 2 %; of a code that stands still nothing is to be explained."""
    q = 0.1
    curve = metrics.wrong_matches(drift.wrong_registration(frozen(12, 200, 4), q, seed=4))
    found = curve["rate_explaining_all"].values
    assert abs(found.mean() - q) < 3 * found.std(ddof=1) / np.sqrt(12) + 0.002
    explained = curve["explained"].values
    assert (explained[:, 0] == 0).all() and (np.diff(explained, axis=1) > 0).all()
    at = [
        np.interp(rate, curve["wrong_match_rate"], share) for rate, share in zip(found, explained)
    ]
    np.testing.assert_allclose(at, 1, atol=0.01)
    drifting = metrics.wrong_matches(frozen(2, 200, 2).pipe(_another_code))
    assert (drifting["rate_explaining_all"] > 0.9).all() or drifting[
        "rate_explaining_all"
    ].isnull().any()


def _another_code(seen: xr.Dataset) -> xr.Dataset:
    """Every unit has another field in the second session."""
    turned = seen.copy(deep=True)
    for name in ("rate", "rate_half"):
        turned[name].values[:, 1] = np.roll(seen[name].values[:, 1], 1, axis=1)
    return turned


def test_a_picture_of_what_wrong_matches_would_explain():
    curve = metrics.wrong_matches(drift.wrong_registration(frozen(3, 80, 3), 0.1))
    ax = plots.wrong_match_sensitivity(curve, plt.subplots()[1], assumed=0.05)
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["explained"].get_ydata(), curve["explained"].mean("subject"))
    assert {"one subject", "all of the drift", "believed rate"} <= set(lines)
    nothing = curve.assign(explained=curve["explained"] * np.nan)
    with pytest.raises(RefusedInputError, match="needs drift"):
        plots.wrong_match_sensitivity(nothing, ax)
    plt.close("all")


def test_refusals():
    seen = frozen(1, 10, 2)
    with pytest.raises(RefusedInputError, match="registration_confidence"):
        metrics.match_probability(seen)
    probability = metrics.match_probability(seen, 0.1)
    with pytest.raises(RefusedInputError, match="match_probability was expected over"):
        metrics.corrected_similarity(seen, match_probability=probability.isel(session_other=0))
    with pytest.raises(RefusedInputError, match="from 0 to 1"):
        metrics.corrected_similarity(seen, match_probability=probability * 3)
    rooms = xr.concat([seen[["rate", "rate_half"]]] * 2, "environment")
    assert metrics.match_probability(rooms, 0.1).dims == (*DIMS[:2], "session_other", "unit")
    with pytest.raises(RefusedInputError, match="in one environment"):
        metrics.wrong_matches(rooms)
    with pytest.raises(RefusedInputError, match="rates of wrong matches"):
        metrics.wrong_matches(seen, np.array([0.5, 1.0]))


def test_a_rate_that_contradicts_the_selection_is_a_rate_all_the_same():
    """Units are kept by their events, which come back more often than chance allows if every match
    were wrong: shares stay shares, what would be explained still rises, and the planted rate is
    found; 20 subjects, z = 3, and a bias of .02 as noise decides who is kept."""
    seen = drift.wrong_registration(frozen(20, 150, 3, events=40), 0.2, seed=9)
    keep = seen["rate"].sum("place") > 40
    curve = metrics.wrong_matches(seen, np.linspace(0, 0.99, 12), select="all", keep=keep)
    assert (curve["explained"].diff("wrong_match_rate") > 0).all()
    rest = curve["similarity_at_rest"].values
    assert np.nanmax(rest) <= 1 and np.nanmin(rest) > -0.2
    found = curve["rate_explaining_all"].values
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - 0.2) < 3 * error + 0.02 and error < 0.03, (found.mean(), error)


def test_steps_are_counted_in_the_order_of_time():
    """Sessions 0 and 1 of a Dataset that is not sorted lay one step apart, however long."""
    seen = frozen(2, 20, 5)
    order = [3, 0, 4, 1, 2]
    shuffled = metrics.match_probability(seen.isel(session=order), 0.1)
    sorted_before = metrics.match_probability(seen, 0.1)
    pick = {"session": order, "session_other": order}
    np.testing.assert_array_equal(shuffled, sorted_before.isel(pick))
