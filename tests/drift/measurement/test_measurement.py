"""Recorded sessions in, labelled form out: synthetic place cells, refusals, and a real recording on
a W-maze."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.measuring import measure
from drift.measurement.rules import Measurement
from drift.metrics import (
    event_counts,
    mean_rate_map_correlation,
    rate_map_correlation,
    shuffled_identity,
)
from drift.schema import VARIABLES, check

SAMPLES, UNITS, RATE = 6000, 12, 20.0


def session(
    subject="mouse",
    number=0,
    elapsed=0.0,
    seed=0,
    units=UNITS,
    plane=False,
    identity="all",
    directed=False,
    bin_size=4.0,
) -> xr.Dataset:
    """Runs up and down a 96 cm track (or over a 40 cm square) with unit i tuned to a place of its
    own; the last unit is silent."""
    rng = np.random.default_rng(seed)
    phase = np.cumsum(rng.uniform(0.5, 1.5, SAMPLES))
    position = 48 + 47.9 * np.sin(phase / 40)
    if plane:
        position = np.stack([20 + 19 * np.sin(phase / 40), 20 + 19 * np.cos(phase / 61)], axis=1)
    line = position[:, 0] if plane else position
    centre = np.linspace(5, 90, units)
    expected = np.exp(-(((line[:, None] - centre) / 6) ** 2))
    activity = rng.poisson(0.3 * expected).astype(float)
    activity[:, -1] = 0
    ds = xr.Dataset(
        {
            "activity": (("sample", "unit"), activity),
            "position": (("sample", "axis")[: position.ndim], position),
        }
    )
    ds["position"].attrs["units"], ds["activity"].attrs["units"] = "cm", "events"
    if directed:
        ds["direction"] = ("sample", np.sign(np.gradient(position)).astype(int))
    labels = {
        "subject": subject,
        "session": number,
        "environment": "A",
        "sampling_rate": RATE,
        "unit_identity": identity,
    }
    ds = ds.assign_coords(
        {**labels, "unit": np.arange(units), "elapsed": ((), float(elapsed), {"units": "day"})}
    )
    return ds.assign_attrs(
        bin_size=bin_size, minimum_speed=1.0, geometry="linear", source="synthetic"
    )


def days(count=3, **options):
    return [session(number=i, elapsed=2.0 * i, seed=i, **options) for i in range(count)]


def test_the_result_is_the_labelled_form_and_inputs_stay_as_they_were():
    sessions = days(directed=True)
    before = [one.copy(deep=True) for one in sessions]
    ds = measure(iter(sessions))
    check(ds, *(name for name in ds.data_vars))
    assert ds["rate"].dims == ("subject", "session", "unit", "place", "direction")
    assert set(ds.data_vars) <= set(VARIABLES)
    assert ds["elapsed"].values.tolist() == [[0, 2, 4]] and ds["elapsed"].attrs["units"] == "day"
    assert ds["rate"].attrs["units"] == "events/s" and ds["occupancy"].attrs["units"] == "s"
    for one, was in zip(sessions, before):
        xr.testing.assert_identical(one, was)
    assert mean_rate_map_correlation(ds).values[0, 0, 2] > 0.8


def steadiest_slope(position, i):
    """Slope of the best line of half a second (10 steps at 20 Hz) around, before or after a sample,
    by numpy."""
    finest, found = np.median(np.abs(np.diff(position))) ** 2 / 12, []
    for low, high, weight in ((i - 5, i + 6, 0.5), (i - 10, i + 1, 1.0), (i, i + 11, 1.0)):
        part = np.arange(max(0, low), min(SAMPLES, high))
        if part.size > 2:
            line = np.polyfit((part - i) / RATE, position[part], 1)
            left = position[part] - np.polyval(line, (part - i) / RATE)
            found.append((weight * ((left**2).sum() / (part.size - 2) + finest), abs(line[0])))
    return min(found)[1]


def test_rates_equal_a_count_sample_by_sample():
    one = session(directed=True)
    ds = measure([one], minimum_speed=15.0)
    position, activity = one["position"].values, one["activity"].values
    speed = np.array([steadiest_slope(position, i) for i in range(SAMPLES)])
    for place in ds["place"].values:
        for direction in (1, -1):
            here = (
                (speed > 15)
                & (np.floor(position / 4) * 4 + 2 == place)
                & (one["direction"].values == direction)
            )
            cell = ds.sel(place=place, direction=direction).isel(subject=0, session=0)
            assert cell["occupancy"].item() == pytest.approx(here.sum() / RATE)
            if here.sum() / RATE > 0.1:
                np.testing.assert_allclose(
                    cell["rate"], activity[here].sum(axis=0) / here.sum() * RATE
                )
            else:
                assert cell["rate"].isnull().all()


def test_fields_lie_where_the_units_are_tuned_and_silent_is_not_absent():
    ds = measure(days(1)).isel(subject=0, session=0)
    peak = ds["place"].values[ds["rate"].fillna(0).argmax("place")]
    assert np.abs(peak[:-1] - np.linspace(5, 90, UNITS)[:-1]).max() < 8
    assert (ds["rate"].isel(unit=-1).dropna("place") == 0).all() and ds["recorded"].values.all()
    assert (
        np.isnan(ds["spatial_information"][-1])
        and ds["spatial_information_rate"][-1] == 0
        and ds["place_unit"][-1] == 0
    )
    assert (
        ds["active_units"] == UNITS - 1 == ds["place_units"]
        and ds["fraction_active_units"] == (UNITS - 1) / UNITS
    )


def test_detected_units_are_the_denominator():
    one = session().assign(detected_units=48)
    ds, plain = measure([one]), measure([session()])
    assert ds["fraction_active_units"].item() == pytest.approx((UNITS - 1) / 48, rel=1e-15)
    assert ds["fraction_active_responses"].item() == pytest.approx(
        plain["fraction_active_responses"].item() * UNITS / 48
    )
    with pytest.raises(RefusedInputError, match="denominator"):
        measure([session().assign(detected_units=3)])


def test_absent_units_are_nan_in_every_form():
    """A unit may be missing from a session, or be NaN throughout; either way it was not
    observed."""
    first, second = days(2)
    second = second.isel(unit=[0, 1, 4, 5])
    third = session(number=2, elapsed=9, seed=2)
    third["activity"][:, 3] = np.nan
    ds = measure([first, second, third]).isel(subject=0)
    assert (
        ds["recorded"].sum("unit").values.tolist()
        == [12, 4, 11]
        == ds["detected_units"].values.tolist()
    )
    absent = ds["recorded"] == 0
    for name in ("spatial_information", "spatial_information_rate", "place_unit"):
        assert ds[name].where(absent, drop=True).isnull().all()
    assert ds["rate"].where(absent).isnull().all()
    assert np.isfinite(ds["spatial_information"].sel(session=1, unit=[0, 1, 4, 5])).all()


def test_subjects_share_a_grid_and_do_not_notice_each_other():
    other = [session("rat", number=i, elapsed=i, seed=7 + i, units=5) for i in (1, 4)]
    alone = measure(days(2), shuffles=20, minimum_shift=2)
    crowd = measure([*other, *days(2)], shuffles=20, minimum_shift=2)
    assert crowd["subject"].values.tolist() == ["rat", "mouse"] and crowd[
        "session"
    ].values.tolist() == [0, 1, 4]
    mouse = crowd.sel(subject="mouse", session=[0, 1], unit=alone["unit"], place=alone["place"])
    for name in alone.data_vars:
        np.testing.assert_array_equal(
            mouse[name].values, alone[name].isel(subject=0).values, err_msg=str(name)
        )
    assert crowd["recorded"].sel(subject="rat").sum("unit").values.tolist() == [0, 5, 5]
    assert crowd["unit_identity"].sel(subject="rat", session=0) == "" and np.isnan(
        crowd["elapsed"].sel(subject="rat", session=0)
    )


def test_a_plane_has_visited_places_with_coordinates():
    ds = measure([session(plane=True), session(plane=True, number=1, seed=3, elapsed=1)])
    assert ds["rate"].dims == ("subject", "session", "unit", "place")
    assert (ds["occupancy"].sum("session") > 0).all()
    assert (
        len({(x, y) for x, y in zip(ds["place_x"].values, ds["place_y"].values)})
        == ds.sizes["place"]
    )
    assert set(np.unique((ds["place_x"] - 2) % 4)) == {0.0}
    assert ds["occupancy"].sum(["place"]).values.max() <= SAMPLES / RATE
    mean_rate_map_correlation(ds, smoothing=1.0)


def test_directions_are_split_where_known_and_pooled_on_request():
    split, pooled = (
        measure(days(1, directed=True)),
        measure(days(1, directed=True), direction="pooled"),
    )
    assert "direction" in split.dims and "direction" not in pooled.dims
    assert split["occupancy"].sum() == pytest.approx(pooled["occupancy"].sum())
    with pytest.raises(
        RefusedInputError, match=r"give it for each sample, 1 towards .* field direction"
    ):
        measure(days(1), direction="split")
    with pytest.raises(
        RefusedInputError,
        match="direction 'both' is unknown: use one of auto, split, apart, pooled",
    ):
        measure(days(1), direction="both")


def test_lost_tracking_and_rest_are_left_out():
    one = session()
    one["position"][100:400] = np.nan
    assert measure([session()], minimum_speed=0)["occupancy"].sum() == pytest.approx(SAMPLES / RATE)
    assert measure([one], minimum_speed=0)["occupancy"].sum() == pytest.approx(
        (SAMPLES - 300) / RATE
    )
    assert measure([one])["occupancy"].sum() < measure([session()])["occupancy"].sum() - 290 / RATE
    with_velocity = session().assign(
        velocity=("sample", np.where(np.arange(SAMPLES) < 1000, -5.0, 0.5))
    )
    assert measure([with_velocity])["occupancy"].sum() == pytest.approx(1000 / RATE)


def test_shift_test_finds_place_cells_and_rejects_noise():
    one = session()
    rng = np.random.default_rng(1)
    one["activity"][:, :4] = rng.poisson(0.05, (SAMPLES, 4))
    one["activity"][:, 4] = 0
    one["activity"][:9, 4] = 1
    ds = measure([one], shuffles=200, minimum_shift=10).isel(subject=0, session=0)
    assert ds["place_unit"][:4].sum() <= 2 and ds["place_unit"][4] == 0
    xr.testing.assert_identical(
        ds, measure([one], shuffles=200, minimum_shift=10).isel(subject=0, session=0)
    )
    assert measure([one])["place_unit"].isel(subject=0, session=0)[:5].all()


def test_units_of_different_identity_stay_apart():
    apart = measure([*days(1, identity="day 1"), session(number=1, elapsed=1, identity="day 2")])
    with pytest.raises(RefusedInputError, match="not tracked"):
        rate_map_correlation(apart)
    named = [
        one.assign_coords(unit_label=("unit", [f"{one.session.item()} {u}" for u in range(UNITS)]))
        for one in days(2)
    ]
    with pytest.raises(RefusedInputError, match="same unit_identity"):
        measure(named)


def spoilt(**change) -> xr.Dataset:
    one = session()
    for name, value in change.items():
        one["activity"][0, 0] = value if name == "activity" else one["activity"][0, 0]
    return one


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ([], "no session"),
        ([spoilt(activity=np.nan)], "subject mouse, session 0: activity is NaN in a part"),
        ([spoilt(activity=-1.0)], "subject mouse, session 0: .*not negative"),
        ([session().isel(unit=[])], "activity is empty|there is no unit"),
        ([session().isel(sample=[])], "is empty"),
        ([session() * np.nan], "NaN throughout"),
        ([session().drop_vars("elapsed")], "lacks the scalar coordinates elapsed"),
        ([session().drop_vars("position")], "position is missing"),
        (
            [session().drop_vars("position").assign(position=("frame", np.ones(5)))],
            r"position has dims \(frame\)",
        ),
        ([session(), session(seed=1)], "occurs twice"),
        ([session(elapsed=3), session(number=1, elapsed=2)], "elapsed falls"),
        ([session(), session(number=1, bin_size=5.0)], "does not fit"),
        ([session(), session(number=1, plane=True)], "does not fit"),
        ([session().assign_attrs(bin_size=0.0)], "bin_size is 0"),
        (["a path"], "entry 0 of sessions must be an xarray Dataset"),
    ],
)
def test_what_cannot_be_measured_is_refused(sessions, message):
    with pytest.raises(RefusedInputError, match=message):
        measure(
            [
                one.assign_attrs(session().attrs | one.attrs)
                if isinstance(one, xr.Dataset)
                else one
                for one in sessions
            ]
        )


def test_nobody_ran():
    with pytest.raises(RefusedInputError, match="subject mouse, session 0: none of 6000 samples"):
        measure([session()], minimum_speed=1e6)
    with pytest.raises(RefusedInputError, match="no place was visited"):
        measure([session()], minimum_occupancy=1e6)
    with pytest.raises(RefusedInputError, match="minimum_speed is None"):
        plain = session()
        del plain.attrs["minimum_speed"]
        measure([plain])


WMAZE = {  # (tetrode, cell): spatial information in epochs 1 and 3
    (1, 1): (2.497352, 2.613828),
    (1, 2): (2.868484, 2.915346),
    (4, 1): (0.268416, 0.331672),
    (10, 7): (2.326598, 2.610270),
    (10, 8): (0.012323, 0.015190),
    (10, 12): (2.379547, 2.222472),
}


@pytest.fixture(scope="module")
def wmaze(data_folder):
    """The longitudinal Dataset of both run epochs, and the events of each unit while moving
    (session, unit)."""
    path = data_folder("hc6_layout_wmaze")
    adapters = pytest.importorskip("data_adapters", reason="the readers are not installed")
    options = {
        "area": "any",
        "position_units": "pixel",
        "maximum_rate": None,
        "minimum_spikes": None,
    }
    recorded = list(adapters.sessions("karlsson2015", path, **options))
    ds = measure(
        recorded,
        bin_size=10,
        minimum_speed=20,
        minimum_occupancy=0.1,
        shuffles=500,
        minimum_events=30,
    )
    moving = [
        event_counts(one["activity"].reset_coords(drop=True)[np.abs(one["velocity"].values) > 20])
        for one in recorded
    ]
    return ds, xr.concat(moving, dim="session")


def test_R17_wmaze_structure(wmaze):
    ds, moving = wmaze
    assert [ds.sizes[dim] for dim in ("subject", "session", "unit")] == [1, 2, 35]
    assert (ds["occupancy"] > 0).sum("place").values.tolist() == [[506, 536]]
    assert ds["rate"].isel(unit=0).notnull().sum("place").values.tolist() == [[415, 438]]
    assert np.rint(ds["occupancy"].sum("place") * 30).values.tolist() == [[12687, 13298]]
    assert int(ds["rate"].isel(unit=0).notnull().all("session").sum()) == 335
    assert (moving >= 30).sum("unit").values.tolist() == [18, 18]


def test_R18_wmaze_information(wmaze):
    ds, moving = wmaze
    labels = ds["unit_label"].values[0, 0].tolist()
    for (tetrode, cell), expected in WMAZE.items():
        unit = labels.index(f"tetrode {tetrode} cell {cell}")
        np.testing.assert_allclose(ds["spatial_information"][0, :, unit], expected, atol=1e-5)
    information = ds["spatial_information"].isel(subject=0).where(moving >= 30)
    np.testing.assert_allclose(information.median("unit"), [2.3789, 2.4833], atol=1e-4)
    np.testing.assert_allclose(information.mean("unit"), [2.3634, 2.6278], atol=1e-4)


def test_R19_wmaze_place_cells_and_correlations(wmaze):
    ds, moving = wmaze
    assert np.abs(ds["place_units"].values - 16).max() <= 1
    keep = moving >= 30
    chosen = ((ds["place_unit"] == 1).any("session") & keep.all("session")).values[0]
    assert chosen.sum() == 17
    raw, smooth = (
        mean_rate_map_correlation(ds, smoothing, "either", keep).values[0, 0, 1]
        for smoothing in (0.0, 1.5)
    )
    median = np.median(rate_map_correlation(ds, smoothing=1.5).values[0, 0, 1, chosen])
    shuffles = [
        shuffled_identity(ds.isel(unit=chosen), np.random.default_rng(seed)) for seed in range(60)
    ]
    different = np.mean(
        [
            mean_rate_map_correlation(shuffled, 1.5, "either").values[0, 0, 1]
            for shuffled in shuffles
        ]
    )
    np.testing.assert_allclose(
        [raw, smooth, median, different], [0.547, 0.814, 0.848, 0.071], atol=0.02
    )


def test_options_are_kept_with_the_result_and_measure_alike_again():
    """The attribute ``measurement`` is the recipe of the call, and gives the same again."""
    options = {"bin_size": 5.0, "shuffles": 40, "minimum_speed": 2.0, "seed": 7}
    measured = measure([session()], **options)
    rules = Measurement.from_json(measured.attrs["measurement"])
    assert rules == Measurement(**options)
    xr.testing.assert_identical(measure([session()], **dict(rules)), measured)
