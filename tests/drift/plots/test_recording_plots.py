"""Pictures of a recording show what they say: one order of cells, absent cells apart from silent
ones, days on the axes."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics, plots
from drift.errors import RefusedInputError


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def recording() -> xr.Dataset:
    """Five days of twelve cells whose fields wander; cell 3 is absent on day 2, cell 5 silent."""
    run = drift.wandering_fields(seeds=(0,), sessions=6, units=12).isel(session=slice(1, None))
    run = run.isel(direction=0, drop=True).copy(deep=True)
    run["rate"][{"session": 2, "unit": 3}] = np.nan
    run["place_unit"][{"session": 2, "unit": 3}] = np.nan
    run["recorded"][{"session": 2, "unit": 3}] = 0
    run["rate"][{"session": 2, "unit": 5}] = 0.0
    days = run["elapsed"].copy(data=np.array([[0.0, 1.0, 2.5, 4.0, 9.0]])).assign_attrs(units="day")
    return run.assign_coords(elapsed=days)


def images(axes: np.ndarray) -> list[np.ma.MaskedArray]:
    return [ax.images[0].get_array() for ax in axes]


def test_one_day_gives_the_order_in_all_panels(recording: xr.Dataset):
    axes = plt.figure().subplots(1, 5)
    plots.tracked_rate_maps(recording, 0, range(5), axes, 1, 0.0)
    order = plots.cells_by_place(recording, 0, 1, 0.0)
    peaks = recording["rate"].isel(subject=0, session=1).argmax("place").values[order]
    assert (np.diff(peaks) >= 0).all() and order.size == 12
    for session, image in enumerate(images(axes)):
        maps = recording["rate"].isel(subject=0, session=session).values[order]
        peak = np.nan_to_num(maps).max(axis=1, keepdims=True)
        np.testing.assert_allclose(image.filled(np.nan), maps / np.where(peak > 0, peak, 1))


def test_an_absent_cell_is_no_silent_one(recording: xr.Dataset):
    axes = plt.figure().subplots(1, 2)
    plots.tracked_rate_maps(recording, 0, [1, 2], axes, 1)
    order = plots.cells_by_place(recording, 0, 1).tolist()
    image = axes[1].images[0].get_array()
    assert image.mask[order.index(3)].all() and not image.mask[order.index(5)].any()
    assert (image[order.index(5)] == 0).all()
    colours = axes[1].images[0].cmap(np.ma.masked_invalid([np.nan, 0.0]))
    assert colours[0].tolist() == [1, 1, 1, 1] and colours[1].max() < 1.001
    assert colours[1][:3].sum() < 1  # dark


def test_axes_are_positions_with_units(recording: xr.Dataset):
    place = recording["place"].assign_attrs(units="cm", bin_size=4.0, geometry="", length=96.0)
    own = recording.assign_coords(place=place.copy(data=2 + 4.0 * np.arange(24)))
    own["place"].attrs = {"units": "cm", "bin_size": 4.0, "origin": 0.0, "length": 96.0}
    axes = plt.figure().subplots(1, 1, squeeze=False)[0]
    plots.tracked_rate_maps(own, 0, [0], axes, 0)
    assert axes[0].get_xlabel() == "position (cm)"
    assert [text.get_text() for text in axes[0].get_xticklabels()] == ["0", "96"]


def test_cells_that_are_not_registered_are_said_to_be_others(recording: xr.Dataset):
    own = recording.assign_coords(
        unit_identity=(("subject", "session"), np.array([["a", "a", "b", "b", ""]]))
    )
    axes = plt.figure().subplots(1, 5)
    plots.tracked_rate_maps(own, 0, range(5), axes, 0)
    assert ["other cells" in ax.get_title() for ax in axes] == [False, False, True, True, True]


def test_examples_go_from_the_most_to_the_least_stable(recording: xr.Dataset):
    steady = recording.copy(deep=True)
    steady["rate"].values[:, :, 7] = steady["rate"].values[:, :1, 7]  # stands still
    units = plots.example_units(steady, 0, 0, 4)
    correlation = metrics.rate_map_correlation(steady, smoothing=1.0).isel(subject=0, session=0)
    mean = correlation.isel(session_other=slice(1, None)).mean("session_other").values
    assert units[0] == 7 and (np.diff(mean[units]) <= 0).all()
    assert 3 not in units  # recorded in fewer sessions than the others


def test_examples_have_one_scale_a_cell(recording: xr.Dataset):
    axes = plt.figure().subplots(2, 2)
    plots.example_cells(recording, 0, [0, 2], [3, 5], axes, 0.0)
    assert axes[0, 0].get_ylim() == axes[1, 0].get_ylim()
    assert [text.get_text() for text in axes[1, 0].texts if text.get_text() == "absent"]
    assert not [text for text in axes[1, 1].texts if text.get_text() == "absent"]
    with pytest.raises(RefusedInputError, match="axes must be 2 by 2"):
        plots.example_cells(recording, 0, [0, 2], [3, 5], axes[:1])


def test_the_matrix_has_days_on_its_axes_and_no_diagonal(recording: xr.Dataset):
    ax = plt.figure().subplots()
    correlation = metrics.mean_rate_map_correlation(recording).isel(subject=0)
    plots.correlation_over_elapsed(correlation, recording["elapsed"].isel(subject=0), ax)
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == ["0", "1", "2.5", "4", "9"] and ax.get_xlabel() == "time (days)"
    image = ax.images[0].get_array()
    assert np.ma.getmaskarray(image).diagonal().all()
    np.testing.assert_allclose(image[0, 1], correlation[0, 1])


def test_a_matrix_without_a_pair_is_refused(recording: xr.Dataset):
    nothing = metrics.mean_rate_map_correlation(recording).isel(subject=0) * np.nan
    with pytest.raises(RefusedInputError, match="two that are compared"):
        plots.correlation_over_elapsed(
            nothing, recording["elapsed"].isel(subject=0), plt.figure().subplots()
        )


def line(elapsed: np.ndarray, start: float) -> xr.DataArray:
    values = start - 0.05 * np.abs(elapsed[:, :, np.newaxis] - elapsed[:, np.newaxis])
    return xr.DataArray(values, dims=("subject", "session", "session_other"))


def times(*rows: list[float]) -> xr.DataArray:
    return xr.DataArray(list(rows), dims=("subject", "session"), attrs={"units": "day"})


def test_pairs_of_one_subject_have_no_error_bars():
    elapsed = times([0, 1, 2.5, 4, 9])
    ax = plt.figure().subplots()
    plots.similarity_by_lag(line(elapsed.values, 1.0), elapsed, ax, "similarity")
    pairs = ax.lines[0]
    np.testing.assert_allclose(pairs.get_ydata(), 1 - 0.05 * pairs.get_xdata())
    assert pairs.get_xdata().size == 10 and not ax.collections
    assert ax.get_xlabel() == "time between sessions (days)" and ax.get_ylim()[0] == 0


def test_rooms_have_means_of_their_own():
    elapsed = times([0, 1, 2, 3]).assign_coords(
        environment=(("subject", "session"), [["A", "B", "A", "B"]])
    )
    values = line(elapsed.values, 1.0).values
    values[:, [1, 3, 1, 3], [3, 1, 1, 3]] = 0.5
    similarity = xr.DataArray(values, dims=("subject", "session", "session_other"))
    rooms = elapsed["environment"].values[0]
    similarity = similarity.where(
        xr.DataArray(rooms[:, np.newaxis] == rooms, dims=("session", "session_other"))
    )
    ax = plt.figure().subplots()
    plots.similarity_by_lag(similarity, elapsed, ax, "similarity")
    found = {container.get_label(): container[0].get_ydata() for container in ax.containers}
    np.testing.assert_allclose(found["mean, room A"], [0.9])
    np.testing.assert_allclose(found["mean, room B"], [0.5])


def test_subjects_have_lines_and_a_mean_with_its_standard_error():
    elapsed = times([0, 1, 2], [0, 1, 2], [0, 1, np.nan])
    similarity = xr.concat(
        [line(elapsed.values[:1], start) for start in (1.0, 0.9, 0.8)], dim="subject"
    )
    similarity[2, :, 2] = similarity[2, 2, :] = np.nan
    ax = plt.figure().subplots()
    plots.similarity_by_lag(similarity, elapsed, ax, "similarity")
    [container] = ax.containers
    np.testing.assert_allclose(container[0].get_xdata(), [1])  # lag 2 is not that of all
    np.testing.assert_allclose(container[0].get_ydata(), [0.85])
    [[low, high]] = container[2][0].get_segments()
    np.testing.assert_allclose(high[1] - low[1], 2 * np.std([1, 0.9, 0.8], ddof=1) / np.sqrt(3))


def test_a_measure_is_drawn_over_days_and_no_line_joins_rooms():
    elapsed = times([0, 1, 2.5, 4]).assign_coords(
        environment=(("subject", "session"), [["A", "B", "A", "B"]])
    )
    values = xr.DataArray([[0.1, 0.2, 0.3, np.nan]], dims=("subject", "session"))
    ax = plt.figure().subplots()
    plots.measure_over_elapsed(values, elapsed, ax, "fraction")
    drawn = [container[0].get_xydata().tolist() for container in ax.containers]
    assert drawn == [[[0, 0.1], [2.5, 0.3]], [[1, 0.2]]]
    assert ax.get_xlabel() == "time (days)"
    with pytest.raises(RefusedInputError, match="got none"):
        plots.measure_over_elapsed(values * np.nan, elapsed, ax, "fraction")


def test_subjects_at_other_times_have_no_mean():
    values = xr.DataArray([[0.1, 0.2], [0.3, 0.4]], dims=("subject", "session"))
    together, apart = plt.figure().subplots(1, 2)
    plots.measure_over_elapsed(values, times([0, 1], [0, 1]), together, "fraction")
    plots.measure_over_elapsed(values, times([0, 1], [0, 2]), apart, "fraction")
    [container] = together.containers
    np.testing.assert_allclose(container[0].get_ydata(), [0.2, 0.3])
    assert not apart.containers and len(apart.lines) == 2


def test_settings_of_the_user_come_back():
    plt.rcParams["font.size"] = 13
    with plots.publication_settings():
        assert plt.rcParams["pdf.fonttype"] == 42 and plt.rcParams["svg.fonttype"] == "none"
        width, height = plots.sheet(85, 60).get_size_inches() * 25.4
    assert plt.rcParams["font.size"] == 13
    np.testing.assert_allclose([width, height], [85, 60])
