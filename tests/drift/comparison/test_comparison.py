"""Simulation against recordings: curves, slopes, shares and time scales whose values are known in
advance."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift.comparison.conventions import (
    CONVENTIONS,
    mean_of_ratios,
    ratio_of_means,
    renormalised_mean_of_ratios,
)
from drift.comparison.published import PUBLISHED_SLOPES
from drift.comparison.rules import Comparison
from drift.comparison.sources import described_source
from drift.comparison.time_scale import fitted_time_scale
from drift.files.csv import units_table
from drift.observation.rules import Observation

VALUES = np.array([[2.0, 1.0, np.nan], [4.0, 4.0, 6.0], [np.nan, 3.0, 3.0]])


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    # seeds at which the time scale, whose truth is the end of the run, is found to lie there
    return drift.wandering_fields((2, 3), sessions=6, units=40, movement=0.04)


@pytest.fixture(scope="module")
def recorded(run: xr.Dataset) -> xr.Dataset:
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 5), unit=slice(10, None))
    sessions = drift.observe(run, lens.assign(rate=5 * lens["rate"]), sampling_rate=2, seed=9)
    return drift.measure(sessions)


@pytest.fixture(scope="module")
def comparison(run: xr.Dataset, recorded: xr.Dataset) -> xr.Dataset:
    return drift.compare(run, recorded, sampling_rate=2, shuffles=0, bootstraps=20)


def test_conventions_by_hand():
    ratio, mean, again = (
        ratio_of_means(VALUES),
        mean_of_ratios(VALUES),
        renormalised_mean_of_ratios(VALUES),
    )
    assert np.allclose(ratio.mean, [1, (8 / 3) / 3, 4.5 / 3])
    assert np.allclose(mean.mean, [1, 0.75, 1.5]) and np.allclose(again.mean, mean.mean)
    assert ratio.subjects.tolist() == [2, 3, 2] and mean.subjects.tolist() == [2, 2, 1]
    assert np.isclose(ratio.error[1], np.std([1, 4, 3], ddof=1) / np.sqrt(3) / 3)
    assert np.isclose(mean.error[1], 0.5 / 2) and np.isnan(mean.error[2])


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_first_session_of_nothing_is_refused(name: str):
    with pytest.raises(drift.RefusedInputError, match="must not be 0"):
        CONVENTIONS[name](np.zeros((2, 3)))


def test_slopes_state_time_and_sessions(run: xr.Dataset):
    counts = np.tile([10.0, 10.0, 8.0, 6.0, 4.0, 2.0], (2, 1))
    falling = run.assign(active_units=(("subject", "session"), counts)).isel(session=slice(1, None))
    found = described_source(falling, ["active_units"]).isel(measure=0, convention=0)
    assert np.isclose(found["slope"], -0.2 / 100) and np.isclose(found["intercept"], 1)
    assert np.isclose(found["slope_per_session"], -0.2)
    assert np.isclose(found["change"], -0.8)
    assert np.allclose(found["curve"], [1, 0.8, 0.6, 0.4, 0.2])
    assert found["subjects"].values.tolist() == [2] * 5


def test_published_slopes_stand_beside(comparison: xr.Dataset):
    for one in PUBLISHED_SLOPES:
        row = comparison["published_slope"].sel(panel=one.recording).values
        assert one.slope in row and comparison["published_per"].sel(panel=one.recording) == one.per
    assert int(comparison["published_slope"].notnull().sum()) == len(PUBLISHED_SLOPES)


def test_every_variable_says_what_it_means(comparison: xr.Dataset):
    table = units_table(comparison, [str(name) for name in comparison.data_vars])
    told = table.set_index("column").loc[list(comparison.data_vars)]
    assert (told["meaning"] != "").all() and told.loc["slope", "units"] == "1/elapsed_units"


def test_sources_and_shares(comparison: xr.Dataset):
    assert comparison["source"].values.tolist()[:3] == ["simulated", "observed", "recorded"]
    own, null = (
        comparison["change"].sel(source="observed"),
        comparison["change"].sel(source="frozen code"),
    )
    share = comparison["share_explained"].sel(source="observed", null="frozen code")
    certain = (
        comparison["p_value"].sel(source="observed") < 0.05
    )  # no share of a change that is not certain
    assert certain.any() and not certain.all()
    error = comparison["share_explained_standard_error"]
    told = certain & (error.sel(source="observed", null="frozen code").notnull())
    assert told.any() and (error.fillna(0) <= 0.5).all()
    assert np.allclose(share, (null / own).where(told), equal_nan=True)
    # those of the recording are its own
    assert comparison["share_explained"].sel(source="recorded").isnull().all()
    assert comparison["recorded_verdict"].sizes == {"recorded_measure": 7}
    assert comparison["share_explained"].sel(source="frozen code").isnull().all()
    agrees = comparison["sign_agreement"].sel(source="observed", measure="spatial_information")
    change = comparison["change"].sel(source="observed", measure="spatial_information")
    sure = comparison["p_value"].sel(source="observed", measure="spatial_information") < 0.05
    assert np.array_equal(
        agrees, np.tile((change > 0).where(sure).astype(float), (4, 1)).T, equal_nan=True
    )  # all published ones rise


def test_drift_of_the_code_is_no_artefact(comparison: xr.Dataset):
    slopes = comparison["slope"].sel(measure="rate_map_correlation", convention="mean_of_ratios")
    assert slopes.sel(source="observed") < slopes.sel(source="frozen code") - 0.01
    assert slopes.sel(source="wrong registration") < -0.02
    assert abs(slopes.sel(source="frozen code")) < 0.012


def test_the_end_of_the_run_is_no_time_scale(comparison: xr.Dataset):
    # Five recorded sessions 2 days apart show sessions 1 to 5 of the run, 100 steps apart: all of
    # it, so that 50 is its end.
    assert comparison["time_scale"].attrs["units"] == "step/day"
    assert np.isnan(comparison["time_scale"]) and np.isnan(comparison["time_scale_high"])
    assert not comparison["time_scale_low"] > 50
    text = drift.comparison_table(comparison)
    assert "time scale in step/day: not known" in text and "train longer" in text


def test_the_time_scale_of_a_known_clock_lies_inside_the_run():
    run = drift.wandering_fields(range(4), sessions=12, units=150, movement=0.04)
    faster = run.isel(session=slice(1, 7))
    found = fitted_time_scale(
        run, faster.assign_coords(elapsed=faster["elapsed"] / 50), bootstraps=40
    )
    assert (
        np.isclose(found.scale, 50, rtol=0.15)
        and np.isclose(found.attenuation, 1, rtol=0.05)
        and not found.reason
    )
    assert found.low < 50 * 1.1 and found.high > 50 * 0.9 and found.high / found.low < 3
    whole = run.isel(session=slice(1, None))
    same = fitted_time_scale(run, whole.assign_coords(elapsed=whole["elapsed"] / 50), bootstraps=0)
    assert (
        np.isnan(same.scale) and np.isnan(same.low) and "train longer" in same.reason
    )  # 50, the end of the run


def test_one_subject_is_drawn_by_units():
    one = drift.wandering_fields((0,), sessions=16, units=100, movement=0.04)
    found = fitted_time_scale(one, one.isel(session=slice(1, 5)), bootstraps=30)
    assert (
        0.5 < found.low < found.scale < found.high < 14 / 3 and not found.reason
    )  # the run is 14/3 as long


def test_limits_of_the_time_scale_that_are_ends_of_the_run_are_not_reached(run: xr.Dataset):
    one = run.isel(subject=[0])
    found = fitted_time_scale(
        one, one.isel(session=slice(1, 5)), bootstraps=30
    )  # the run is 4/3 as long
    assert 0.5 < found.low < found.scale < 4 / 3 and np.isnan(found.high)
    assert found.reason == "the upper limit is not reached within the run: train longer."
    learned = one.isel(session=slice(1, None))
    still = learned.assign(
        rate=learned["rate"].isel(session=[0] * 5).assign_coords(session=learned["session"].values)
    )
    noisy = still.assign(
        rate=still["rate"]
        + 0.05 * np.abs(np.random.default_rng(0).standard_normal(still["rate"].shape))
    )
    frozen = fitted_time_scale(one, noisy, bootstraps=10)
    assert (
        np.isnan(frozen.scale)
        and np.isnan(frozen.low)
        and "changes no more than the run" in frozen.reason
    )


def test_untracked_units_have_no_time_scale_and_say_why(run: xr.Dataset, recorded: xr.Dataset):
    days = np.array([[f"day {day}" for day in range(5)]] * 2)
    untracked = recorded.assign_coords(unit_identity=(("subject", "session"), days))
    found = fitted_time_scale(run, untracked)
    assert np.isnan(found.scale) and "not tracked" in found.reason
    found = fitted_time_scale(run, recorded.isel(session=[0, 1]))
    assert np.isnan(found.scale) and "at least three different lags" in found.reason


def test_without_a_recording_the_run_stands_beside_published_slopes(run: xr.Dataset):
    alone = drift.compare(run)
    assert alone["source"].values.tolist() == ["simulated"] and alone.sizes["null"] == 0
    assert "no recording" in drift.comparison_table(alone)


def test_curves_say_what_they_are_divided_by(comparison: xr.Dataset):
    first = comparison["first_value"].sel(source="recorded", measure="rate_map_correlation").item()
    text = drift.comparison_table(comparison)
    assert f"recorded {first:.2f}, noise ceiling not known without halves" in text
    assert np.isnan(comparison["noise_ceiling"].sel(source="recorded"))
    assert "changes of the recording beside codes of its own that stand still" in text


def test_the_table_names_units_and_nulls(comparison: xr.Dataset):
    text = drift.comparison_table(comparison)
    for words in (
        "per day",
        "per step",
        "Karlsson 2015",
        "(published)",
        "frozen code",
        "step/day",
        "not certain (p = ",
        "as independent",
    ):
        assert words in text
    with pytest.raises(drift.RefusedInputError, match="a comparison was expected"):
        drift.comparison_table(xr.Dataset())
    with pytest.raises(drift.RefusedInputError, match="convention must be one of"):
        drift.comparison_table(comparison, "median")


def test_it_is_written_and_read_back(comparison: xr.Dataset, tmp_path):
    drift.save(comparison, tmp_path / "comparison.nc")
    back = drift.load(tmp_path / "comparison.nc")
    xr.testing.assert_allclose(back["slope"], comparison["slope"])
    assert drift.comparison_table(back) == drift.comparison_table(comparison)


def test_curves_are_drawn(comparison: xr.Dataset):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from drift import plots

    figure, ax = plt.subplots()
    plots.normalised_curves(comparison, "spatial_information", ax, "Karlsson 2015")
    labels = ax.get_legend_handles_labels()[1]
    assert {"observed", "recorded", "frozen code", "published line"} <= set(
        labels
    ) and "wrong registration" not in labels
    assert ax.get_xlabel().endswith("(day)")
    line = next(one for one in ax.lines if one.get_label() == "published line")
    assert np.allclose(
        line.get_ydata(), 1 + 0.054 * comparison["since_first"].sel(source="observed")
    )
    plt.close(figure)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda run, like: (run.drop_vars("rate"), like), "rate is missing"),
        (lambda run, like: (run, []), "recorded holds no session"),
        (
            lambda run, like: (run.isel(session=[0, 1]), like),
            "at least two sessions after its first",
        ),
        (lambda run, like: (run, like.isel(session=[0])), "at least two sessions of subject 0"),
        (
            lambda run, like: (run, like.assign_coords(elapsed=like["elapsed"] * np.nan)),
            "must be finite, got NaN",
        ),
    ],
)
def test_refusals(run: xr.Dataset, recorded: xr.Dataset, change, sentence: str):
    with pytest.raises(drift.RefusedInputError, match=sentence):
        drift.compare(*change(run, recorded))


@pytest.mark.parametrize("subjects", [3, 5, 12])
def test_the_standard_error_is_that_of_the_mean_and_the_published_one_is_too_small(subjects: int):
    """Over 4,000 studies: the spread of the mean of a session in units of the known first mean,
    10."""
    rng = np.random.default_rng(subjects)
    studies = np.stack(
        [np.full((4000, subjects), 10.0), rng.normal(9, 2, (4000, subjects))], axis=-1
    )
    means = studies[..., 1].mean(axis=1) / 10
    for faithful, low, high in ((False, 0.95, 1.05), (True, 0.0, 1.02 * np.sqrt(1 - 1 / subjects))):
        errors = np.array([ratio_of_means(one, faithful).error[1] for one in studies])
        assert low < np.sqrt((errors**2).mean()) / means.std() < high


def test_options_are_kept_with_what_they_decided():
    """Each result holds the recipe of its call: comparison, observation, measurement."""
    run = drift.wandering_fields(sessions=4, units=12, places=12, movement=0.0)
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 3), unit=slice(34, None))
    sessions = list(drift.observe(run, lens, sampling_rate=2, seed=4))
    observation = Observation(sampling_rate=2, seed=4)
    assert {session.attrs["observation"] for session in sessions} == {observation.to_json()}
    measured = drift.measure(sessions)
    assert Observation.from_json(measured.attrs["observation"]) == observation
    result = drift.compare(run, like=lens, sampling_rate=2, shuffles=0, bootstraps=5, confused=0.2)
    options = Comparison(sampling_rate=2, shuffles=0, bootstraps=5, confused=0.2)
    assert Comparison.from_json(result.attrs["comparison"]) == options
    again = drift.compare(run, like=lens, **dict(options))
    xr.testing.assert_identical(again, result)


def test_a_part_of_a_comparison_keeps_its_dims():
    run = drift.wandering_fields([0], sessions=4, units=12, places=12)
    comparison = drift.compare(run, bootstraps=5)
    assert drift.comparison_table(comparison.isel(measure=[0]))
    for dim in ("measure", "source", "convention"):
        with pytest.raises(
            drift.RefusedInputError, match=rf"select by a list, \.isel\({dim}=\[0\]\)"
        ):
            drift.comparison_table(comparison.isel({dim: 0}))


def test_sessions_observed_unlike_share_no_observation():
    run = drift.wandering_fields([0, 1], sessions=4, units=12, places=12)
    lens = drift.published_design("Sheintuch 2023").isel(session=slice(0, 3), unit=slice(34, None))
    alike = [
        list(drift.observe(run.isel(subject=[number]), lens, sampling_rate=2, seed=seed))
        for number, seed in ((0, 1), (1, 1), (1, 2))
    ]
    assert "observation" in drift.measure([*alike[0], *alike[1]]).attrs
    assert "observation" not in drift.measure([*alike[0], *alike[2]]).attrs


def test_similarity_without_noise_on_request(run: xr.Dataset, comparison: xr.Dataset):
    """All else stays; less time at each place lowers the correlation, and not what is left of it
    without noise."""
    lens = drift.recording_design(np.arange(4.0), 30, minutes=10.0)
    recorded = drift.measure(drift.observe(run, lens, sampling_rate=5, seed=2), halves="trials")
    options = {
        "sampling_rate": 5,
        "shuffles": 0,
        "bootstraps": 0,
        "final_time": 0.2,
        "null_draws": 0,
    }
    plain = drift.compare(run, recorded, **options)
    halved = drift.compare(run, recorded, halves="trials", **options)
    assert set(halved["measure"].values) - set(plain["measure"].values) == {"corrected_similarity"}
    xr.testing.assert_equal(halved["slope"].sel(measure=plain["measure"]), plain["slope"])
    change = halved["change"].sel(source="changed behaviour", convention="mean_of_ratios")
    lost, left = (
        float(change.sel(measure=name)) for name in ("rate_map_correlation", "corrected_similarity")
    )
    assert lost < -0.05 and abs(left) < abs(lost) / 2
    assert "halves" not in plain.attrs["comparison"]
    with pytest.raises(drift.RefusedInputError, match='measure it with halves="trials"'):
        drift.compare(run, recorded.drop_vars("rate_half"), halves="trials", **options)
