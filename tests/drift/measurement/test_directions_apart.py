"""Running directions measured apart, the published convention for tracks."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import data_adapters
import drift
from data_adapters.session import session_dataset
from drift import metrics
from drift.comparison.rules import conventions_of
from drift.errors import RefusedInputError
from drift.measurement.event_counting import counted_maps

PLACE_CELLS = (117, 103, 125, 173, 247, 139, 166, 182)
INFORMATION = (2.34, 2.33, 2.03, 2.30, 1.95, 2.36, 2.47, 2.42)
MAPS = (0.528, 0.486, 0.415, 0.411, 0.435, 0.431, 0.405)  # at lags 1 to 7
VECTORS = (0.593, 0.533, 0.494, 0.439, 0.442, 0.416, 0.402)


def by_lag(similarity):
    """Mean over pairs of sessions a number of sessions apart."""
    values = similarity.values[0]
    return np.array([np.diagonal(values, lag).mean() for lag in range(1, len(values))])


@pytest.mark.slow  # most of it is reading
def test_a_mouse_by_the_published_convention(data_folder):
    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    sessions = data_adapters.sessions("sheintuch2023", path, faithful=True)
    recorded = drift.measure(
        drift.counted_events(sessions), direction="apart", shuffles=300, minimum_events=10
    )
    place_cells = recorded["place_units"].values[0]
    np.testing.assert_allclose(place_cells, PLACE_CELLS, rtol=0.03)
    information = metrics.of_subject(recorded, "spatial_information").values[0]
    np.testing.assert_allclose(information, INFORMATION, atol=0.03)
    maps = metrics.mean_rate_map_correlation(recorded, select="either", directions="apart")
    np.testing.assert_allclose(by_lag(maps), MAPS, atol=0.01)
    vectors = metrics.population_vector_correlation(recorded)
    np.testing.assert_allclose(by_lag(vectors), VECTORS, atol=0.01)


def session(number=0, samples=3000, subject="mouse", ways=(1, -1)):
    """A unit with a field when running up, one with a field both ways, one without, one silent and
    one that was not observed; laps of some 100 samples go up and down the track."""
    rng = np.random.default_rng(number)
    laps = [np.linspace(0.5, 99.5, length) for length in rng.integers(60, 140, samples // 100)]
    position = np.concatenate([lap if up % 2 else lap[::-1] for up, lap in enumerate(laps)])
    direction = np.concatenate([np.full(lap.size, ways[up % 2]) for up, lap in enumerate(laps)])
    samples = position.size
    near = np.abs(position - 30) < 6
    rate = np.stack(
        [0.4 * near * (direction == 1), 0.4 * near, np.full(samples, 0.06), np.zeros(samples)], 1
    )
    activity = np.column_stack([rng.poisson(rate), np.zeros(samples)])
    made = session_dataset(
        subject=subject,
        session=number,
        elapsed=float(number),
        elapsed_units="day",
        environment="A",
        unit_identity="tracked",
        activity=activity,
        position=position,
        direction=direction,
        sampling_rate=10.0,
        source="simulated",
        bin_size=5.0,
        minimum_speed=0.0,
    )
    return made.assign(activity=made["activity"].where(made["unit"] < 4))


def measured(*sessions, **options):
    return drift.measure(
        list(sessions), direction="apart", shuffles=100, minimum_shift=2.0, **options
    )


def test_information_of_a_direction_is_that_of_its_map_alone():
    apart, split = measured(session()), drift.measure(session(), direction="split")
    for name in ("rate", "occupancy"):
        xr.testing.assert_identical(apart[name], split[name])
    for way in (0, 1):
        alone = metrics.spatial_information(
            split["rate"].isel(direction=way), split["occupancy"].isel(direction=way)
        )
        np.testing.assert_allclose(
            apart["spatial_information"].isel(direction=way), alone, rtol=1e-12
        )
    both = np.nanmean(apart["spatial_information"].values[0, 0, 1])
    joint = split["spatial_information"].values[0, 0, :2]
    assert joint[1] == pytest.approx(both, abs=0.1)  # a field both ways: direction tells nothing
    up = apart["spatial_information"].values[0, 0, 0, 0]
    assert joint[0] == pytest.approx(up + 1, abs=0.02)  # every event names the direction: one bit


def test_a_place_unit_is_one_in_either_direction_by_the_events_of_that_direction():
    recorded = measured(session())
    flags = recorded["place_unit_by_direction"].values[0, 0]
    assert flags[0].tolist() == [1, 0] and flags[1].tolist() == [1, 1]
    assert recorded["place_unit"].values[0, 0, :2].tolist() == [1, 1]
    assert recorded["place_unit"].values[0, 0, 3] == 0 and np.isnan(flags[4]).all()
    assert recorded["place_units"].item() == np.nansum(recorded["place_unit"].values)
    events = (recorded["rate"] * recorded["occupancy"]).sum("place").values[0, 0]
    above = measured(session(), minimum_events=int(events[1].min()) + 1)
    fewer = above["place_unit_by_direction"].values[0, 0, 1]
    assert fewer.tolist() == (events[1] > events[1].min()).tolist()


def test_the_mean_is_over_the_unit_directions_that_are_place_units():
    recorded = measured(session(), session(1))
    flags = recorded["place_unit_by_direction"].values == 1
    values = recorded["spatial_information"].values
    means = [np.mean(values[0, day][flags[0, day]]) for day in (0, 1)]
    np.testing.assert_allclose(metrics.of_subject(recorded, "spatial_information")[0], means)
    np.testing.assert_allclose(
        metrics.summary(recorded, "spatial_information")["spatial_information"], means
    )


def test_correlations_of_unit_directions_are_those_of_twice_as_many_units():
    recorded = measured(session(), session(1), session(2))
    apart = metrics.rate_map_correlation(recorded, directions="apart")
    ways = [recorded.isel(direction=way, drop=True) for way in (0, 1)]
    for way, one in enumerate(ways):
        np.testing.assert_array_equal(apart.isel(direction=way), metrics.rate_map_correlation(one))
    flags = recorded["place_unit_by_direction"].drop_vars("direction")
    twice = xr.concat(
        [
            xr.Dataset({"rate": one["rate"], "place_unit": flags[..., way]})
            for way, one in enumerate(ways)
        ],
        "unit",
        coords="minimal",
    ).assign_coords(unit=np.arange(10))
    for select in ("both", "either"):
        np.testing.assert_allclose(
            metrics.mean_rate_map_correlation(recorded, select=select, directions="apart"),
            metrics.mean_rate_map_correlation(twice, select=select),
        )


def test_corrections_of_each_direction_and_of_the_population_of_both():
    plain = measured(session())
    recorded = measured(session(samples=6000), corrected=True, repetitions=2)
    for name in ("shuffle_reduced", "scaled_shuffle_reduced", "extrapolated", "standard_error"):
        variable = recorded[f"spatial_information_{name}"]
        assert variable.dims == ("subject", "session", "unit", "direction")
        assert (
            np.isfinite(variable.values[0, 0, 1]).all() and np.isnan(variable.values[0, 0, 3]).all()
        )
    naive = metrics.of_subject(recorded, "spatial_information").item()
    assert recorded["population_spatial_information"].item() == pytest.approx(naive)
    reduced = recorded["population_spatial_information_scaled_shuffle_reduced"].item()
    assert 0 < naive - reduced < 0.3
    assert set(plain.data_vars) < set(recorded.data_vars)


def test_a_subject_alone_and_in_a_crowd():
    alone = measured(session(1, subject="b"))
    crowd = measured(session(1, subject="a"), session(1, subject="b"))
    for name in ("spatial_information", "place_unit_by_direction", "place_unit"):
        np.testing.assert_array_equal(alone[name][0], crowd[name].sel(subject="b"))


def test_without_shuffles_the_published_threshold_holds_in_each_direction():
    recorded = drift.measure(session(), direction="apart")
    flags = (recorded["spatial_information"] > 0.01).where(recorded["recorded"] == 1)
    np.testing.assert_array_equal(recorded["place_unit_by_direction"], flags)
    assert "either running direction" in recorded.attrs["place_unit_rule"]


def test_halves_are_tested_in_each_direction():
    recorded = measured(session(samples=6000), halves="trials", half_place_units=True)
    assert recorded["place_unit_half"].dims == ("subject", "session", "unit", "half")
    assert (recorded["place_unit_half"].values[0, 0, :2] == 1).all()


def test_refused():
    with pytest.raises(RefusedInputError, match="no sample has the direction -1"):
        measured(session(ways=(1, 1)))
    with pytest.raises(RefusedInputError, match="running directions cannot be told apart"):
        drift.measure(session().drop_vars("direction"), direction="apart")
    split = drift.measure(session(), direction="pooled")
    with pytest.raises(RefusedInputError, match="lacks the dim direction"):
        metrics.spatial_information(split["rate"], split["occupancy"], directions="apart")
    activity = xr.DataArray(np.ones((40, 2)), dims=("sample", "unit"))
    place = xr.DataArray(np.arange(40) % 4, dims="sample")
    with pytest.raises(RefusedInputError, match="one entry per sample of activity, got 50"):
        metrics.circular_shift_p_values(
            activity, place, 0.1, 20, 2, np.random.default_rng(0),
            direction=xr.DataArray(np.ones(50), dims="sample"),
        )  # fmt: skip


def test_active_units_have_a_least_number_of_events():
    usual, ten = (drift.measure(session(), active_events=events) for events in (1, 200))
    counts = (usual["rate"] * usual["occupancy"]).sum(["place", "direction"]).values[0, 0, :4]
    assert usual["active_units"].item() == (np.rint(counts) >= 1).sum() == 3
    assert ten["active_units"].item() == (np.rint(counts) >= 200).sum() < 3
    assert ten["fraction_active_units"].item() == ten["active_units"].item() / 4
    activity = xr.DataArray([[0.5, 2.0], [0.5, 0.0], [0.0, 0.0]], dims=("sample", "unit"))
    assert [metrics.active_units(activity, minimum_events=least).item() for least in (1, 2, 3)] == [
        2,
        1,
        0,
    ]


def test_a_recording_of_amplitudes_stays_apart_in_events():
    amplitudes = session()
    activity = 0.02 * amplitudes["activity"]
    amplitudes = amplitudes.assign(activity=activity.assign_attrs(kind="amplitudes"))
    counted = counted_maps(measured(amplitudes), "a test")
    assert counted["spatial_information"].dims == ("subject", "session", "unit", "direction")
    recorded = measured(*drift.counted_events(amplitudes))
    np.testing.assert_allclose(counted["spatial_information"], recorded["spatial_information"])
    np.testing.assert_array_equal(counted["place_unit"], measured(amplitudes)["place_unit"])


def test_a_run_is_observed_by_the_conventions_of_a_recording():
    recorded = measured(session(), active_events=7)
    assert conventions_of(recorded) == {"active_events": 7, "direction": "apart"}
    assert conventions_of(drift.measure(session())) == {"active_events": 1}
    assert conventions_of([session()]) == {}
