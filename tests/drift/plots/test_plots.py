"""Pictures tell the truth: every lag, every sign, every curve, the room, and nothing where there is
nothing."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from recorded_rooms import sessions

import drift
from drift import metrics, plots
from drift.errors import RefusedInputError
from drift.plots import rate_maps as map_plots
from drift.schema.selection import position_of

NAMES = [
    "fraction_place_units", "active_units", "fraction_active_units", "participation_ratio", "spatial_information", "detected_units",
    "place_units", "spatial_information_rate", "fraction_active_responses",
]  # fmt: skip


@pytest.fixture(scope="module")
def recorded() -> xr.Dataset:
    return drift.measure(sessions({"m": "AAABAA", "other": "AAAAAA"}, units=8, moved=1))


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def shown_lags(ax: plt.Axes) -> dict[str, list[float]]:
    return {one.get_label(): np.asarray(one.lines[0].get_xdata()).tolist() for one in ax.containers}


@pytest.mark.filterwarnings("ignore:the means of session 3 mix environments")
@pytest.mark.parametrize("count", [1, 4, 5, 9])
def test_any_number_of_curves_and_no_two_alike(recorded: xr.Dataset, count: int):
    ax = plots.time_course(recorded, NAMES[:count], plt.subplots()[1])
    lines = [one.lines[0] for one in ax.containers]
    looks = {(one.get_color(), one.get_marker(), one.get_linestyle()) for one in lines}
    assert len(lines) == len(looks) == count
    assert len(recorded.drift.plot_time_course(*NAMES[:count]).get_legend().get_texts()) == count


def test_every_lag_is_drawn_and_named(recorded: xr.Dataset):
    correlation = metrics.mean_rate_map_correlation(recorded)
    ax = plots.correlation_by_lag(recorded, correlation, plt.subplots()[1])
    known = metrics.by_lag(correlation, recorded["elapsed"])
    assert shown_lags(ax)["all sessions"] == known["lag"].values.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(
        np.asarray(ax.containers[0].lines[0].get_ydata(), dtype=float),
        known["correlation"].mean("subject"),
    )
    assert [one.get_text() for one in ax.get_legend().get_texts()] == list(plots.PARTS)
    assert ax.get_xlabel() == "lag (days)"
    assert ax.get_legend().get_title().get_text() == "mean and 95 % interval\nover 1 to 2 subjects"
    with pytest.raises(RefusedInputError, match=r"did you mean first half\?"):
        plots.correlation_by_lag(recorded, correlation, ax, ["first haf"])


def test_bars_are_intervals_over_subjects(recorded: xr.Dataset):
    correlation = metrics.mean_rate_map_correlation(recorded)
    means = metrics.by_lag(correlation, recorded["elapsed"])["correlation"]
    interval = metrics.nested_interval(means, ("subject",), within=(-1, 1))
    ax = plots.correlation_by_lag(recorded, correlation, plt.subplots()[1], ["all sessions"])
    bars = np.array([segment[:, 1] for segment in ax.containers[0].lines[2][0].get_segments()])
    np.testing.assert_allclose(bars, np.stack([interval["lower"], interval["upper"]], axis=1))
    assert np.nanmax(np.abs(bars)) <= 1
    ax = plots.correlation_by_lag(
        recorded, correlation, plt.subplots()[1], ["all sessions"], bars="standard_error"
    )
    bars = np.array([segment[1, 1] for segment in ax.containers[0].lines[2][0].get_segments()])
    error = means.std("subject", ddof=1) / np.sqrt(means.notnull().sum("subject"))
    np.testing.assert_allclose(bars[:3], (means.mean("subject") + error)[:3])
    assert "s.e.\nover 2 subjects" in ax.get_legend().get_title().get_text()
    one = recorded.isel(subject=[1])
    ax = plots.correlation_by_lag(one, correlation.isel(subject=[1]), plt.subplots()[1])
    assert ax.get_legend().get_title().get_text() == "1 subject: no interval over subjects"
    assert not ax.containers[0].has_yerr


def test_similarity_without_noise_and_the_ceiling_stand_beside():
    halved = drift.measure(
        sessions({"m": "AAAA", "other": "AAAA"}, units=8, moved=1), halves="trials"
    )
    ax = halved.drift.plot_correlation_by_lag()
    names = [one.get_text() for one in ax.get_legend().get_texts()]
    assert {"all sessions", "corrected similarity", "noise ceiling"} <= set(names)
    assert ax.get_ylabel() == "similarity of rate maps"
    corrected = metrics.corrected_similarity(halved)
    means = metrics.by_lag(corrected, halved["elapsed"])["correlation"].mean("subject")
    shown = next(one for one in ax.containers if one.get_label() == "corrected similarity")
    np.testing.assert_allclose(np.asarray(shown.lines[0].get_ydata(), dtype=float), means)
    smooth = halved.drift.plot_correlation_by_lag(smoothing=1.0)
    assert "noise ceiling" not in [one.get_text() for one in smooth.get_legend().get_texts()]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_sessions_have_a_picture(recorded: xr.Dataset, count: int):
    few = recorded.isel(session=slice(0, count))
    assert shown_lags(few.drift.plot_correlation_by_lag())["all sessions"] == list(range(1, count))
    with pytest.raises(RefusedInputError, match="single one"):
        recorded.isel(session=[0]).drift.plot_correlation_by_lag()


@pytest.mark.parametrize("least", [-0.93, -0.2, -0.01, 0.0, 0.4])
def test_everything_lies_inside_of_axes_and_colours(least: float):
    values = np.array([[[1.0, 0.8, least], [0.8, 1.0, 0.5], [least, 0.5, 1.0]]])
    correlation = xr.DataArray(values, dims=("subject", "session", "session_other"))
    dataset = xr.Dataset(
        coords={"elapsed": (("subject", "session"), [[0.0, 1, 2]], {"units": "day"})}
    )
    left, right = plt.subplots(1, 2)[1]
    bottom = plots.correlation_by_lag(dataset, correlation, left).get_ylim()[0]
    low, high = plots.correlation_matrix(correlation, right).images[0].get_clim()
    assert bottom == low and high == 1
    assert min(least, 0) - 0.11 < low <= min(least, 0)


def test_sessions_that_are_not_compared_are_grey(recorded: xr.Dataset):
    correlation = metrics.mean_rate_map_correlation(recorded.isel(subject=[0]))
    ax = plots.correlation_matrix(correlation, plt.subplots()[1])
    assert np.ma.getmaskarray(ax.images[0].get_array())[3, 0]
    assert "not compared" in ax.images[0].colorbar.ax.get_ylabel()
    whole = plots.correlation_matrix(
        metrics.mean_rate_map_correlation(recorded.isel(subject=[1])), plt.subplots()[1]
    )
    assert whole.images[0].colorbar.ax.get_ylabel() == "rate-map correlation"


def test_a_session_without_place_units_is_an_empty_panel(recorded: xr.Dataset):
    silent = recorded.assign(place_unit=recorded["place_unit"].where(recorded["session"] != 1, 0))
    ax = plots.sorted_rate_maps(silent, 0, 1, plt.subplots()[1])
    assert "0 place units" in ax.get_title() and not ax.images and ax.get_xlabel() == "place (cm)"
    map_plots.rate_maps_over_sessions(silent, 0, [1, 2], plt.subplots(1, 2)[1])


def test_pictures_say_when_where_and_how_far(recorded: xr.Dataset):
    axes = plt.subplots(1, 2)[1]
    map_plots.rate_maps_over_sessions(recorded, "m", [2, 3], axes)
    assert [ax.get_title() for ax in axes] == ["day 2\nroom A", "day 3\nroom B"]
    assert [one.get_text() for one in axes[0].get_xticklabels()] == ["0", "64"] and axes[
        0
    ].get_xlabel() == "place (cm)"
    map_plots.rate_maps_over_sessions(recorded, "other", [2, 3], axes)
    assert [ax.get_title() for ax in axes] == ["day 2", "day 3"]


def test_subjects_and_sessions_by_label_or_position(recorded: xr.Dataset):
    drawn = [
        recorded.drift.plot_rate_maps(subject=who, session=when).get_title()
        for who, when in ((0, 3), ("m", "3"), (-2, -3))
    ]
    assert len(set(drawn)) == 1
    for options, said in (
        ({"subject": "othr"}, r"did you mean other\?"),
        ({"subject": 2}, "position from 0 to 1 or a label"),
        ({"subject": True}, "got True"),
        ({"subject": 0.5}, "got 0.5"),
        ({"session": 6}, "session must be a position from 0 to 5"),
        ({"session": "9"}, "session '9' is unknown"),
    ):
        with pytest.raises(RefusedInputError, match=said):
            recorded.drift.plot_rate_maps(**options)
    with pytest.raises(RefusedInputError, match="with the dim subject"):
        position_of(recorded.isel(subject=0), "subject", 0)


def test_the_accessor_says_what_it_offers(recorded: xr.Dataset):
    said = repr(recorded.drift)
    assert "subject 2" in said and "plot_rate_maps" in said and "0x" not in said


@pytest.mark.parametrize(
    "name", ["spatial_informatoin", "Spatial_Information", "fraction_place_unit"]
)
def test_misspelt_measures_are_answered_by_the_right_name(recorded: xr.Dataset, name: str):
    with pytest.raises(
        drift.SchemaError, match=r"did you mean (spatial_information|fraction_place_units)\?"
    ):
        recorded.drift.summary(name)
    with pytest.raises(
        drift.SchemaError, match=r"did you mean (spatial_information|fraction_place_units)\?"
    ):
        drift.schema.described(xr.DataArray(0.0), name)


def test_what_is_not_in_the_table_is_refused_and_what_measures_return_is_in_it(
    recorded: xr.Dataset,
):
    with pytest.raises(drift.SchemaError, match="not in the table"):
        metrics.summary(recorded.assign(mine=recorded["active_units"]), "mine")
    similar = metrics.mean_rate_map_correlation(recorded)
    lags = metrics.summary(metrics.by_lag(similar, recorded["elapsed"]), "correlation")
    assert lags["correlation_subjects"].values.tolist() == [2] * 5
    assert (
        metrics.summary(metrics.drift_rate(similar, recorded["elapsed"]), "drift_rate")[
            "drift_rate_subjects"
        ]
        == 2
    )
    assert (
        metrics.summary(metrics.turnover(recorded), "kept")["kept_subjects"].sel(
            session=3, session_other=0
        )
        == 1
    )
