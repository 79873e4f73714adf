"""What a track can hold: positions beyond it, geometries of another number of axes, lost samples,
rings and given edges."""

import warnings

import numpy as np
import pytest
import xarray as xr

import data_adapters
import drift
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.positions import decimals, in_centimetres
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError

RUN = 75 + 74 * np.sin(np.arange(3000) / 40)  # cm, on a track of 150


def made(position=RUN, **changes):
    known = {"subject": "m", "session": 0, "elapsed": 0.0, "elapsed_units": "day", "environment": "A", "unit_identity": "r",
             "sampling_rate": 20.0, "source": "x",
             "activity": np.ones((len(position), 1)), "geometry": "linear", "track_length": 150.0}  # fmt: skip
    return session_dataset(**{**known, "position": position, **changes})


def with_stray(value, samples=(500,)):
    position = RUN.copy()
    position[list(samples)] = value
    return position


@pytest.mark.parametrize(
    ("position", "change", "message"),
    [
        (RUN * 10, {}, r"1489.9974 at sample 2576 .* mm, so pass scale=0.1"),
        (RUN * 4, {}, "pixels"),
        (RUN / 100, {}, "metres, pass scale=100"),
        (RUN / 100, {"track_length": None, "geometry": "unknown"}, "metres, pass scale=100"),
        (RUN - 75, {}, r"count from elsewhere: subtract -7\d"),
        (RUN, {"track_length": 100.0}, "stated length is wrong"),
        (RUN, {"track_length": 15.0}, "stated length is wrong"),
        (with_stray(9000.0), {}, r"9000 at sample 500 \(1 of 3000 .* pass lost=9000"),
        (with_stray(-1.0 - 7.5), {}, r"-8.5 at sample 500"),
        (
            with_stray(1023.0, range(0, 3000, 10)),
            {},
            r"1023 at sample 0 \(300 of 3000 .* pass lost=1023",
        ),
        (with_stray(-100.0, range(0, 3000, 2)), {}, "pass lost=-100"),
        (np.stack([with_stray(9000.0), RUN], 1), {"geometry": "square"}, "9000 at sample 500"),
        (np.stack([RUN, RUN], 1) * 10, {"geometry": "square"}, "mm"),
        (np.stack([RUN, RUN], 1), {}, "one axis .* 'linear', got 2: linearise"),
        (np.stack([RUN, RUN], 1), {"geometry": "ring"}, "one axis .* 'ring', got 2"),
        (RUN, {"geometry": "square"}, "two axes .* got 1: give both axes"),
        (RUN, {"geometry": "circle"}, "geometry='ring' for a circular track"),
        (
            RUN,
            {"geometry": "ring", "track_length": None},
            "ring of session 0 of m .* give track_length",
        ),
        (
            RUN,
            {"geometry": "ring", "bin_size": 4.0},
            "no whole number of bins of 4: use bin_size=3.94736842105",
        ),
        (
            RUN,
            {"geometry": "ring", "bin_edges": np.arange(0, 101, 4.0)},
            "go around the ring of 150",
        ),
        (RUN, {"track_length": -3.0}, "track_length of session 0"),
        (RUN, {"bin_edges": [0, 10, 20, 50, 100.0]}, "bins of one width"),
        (RUN, {"scale": 0.0}, "scale of"),
    ],
)
def test_refused_with_the_cause(position, change, message):
    with pytest.raises(RefusedInputError, match=message) as refusal:
        made(position, **change)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("position", "change"),
    [
        (RUN, {}),
        (np.clip(RUN, 1, 149) * 1.04, {}),  # a nose beyond the end
        (np.stack([RUN, RUN[::-1]], 1) - 75, {"geometry": "square"}),  # centred on the arena
        (np.stack([RUN, RUN[::-1]], 1), {"geometry": "W"}),
        (RUN, {"geometry": "ring"}),
        (RUN * 4, {"position_units": "pixel"}),
        (RUN / 100, {"track_length": 1.5}),  # an insect
        (RUN * 10, {"scale": 0.1}),
        (RUN / 100, {"scale": 100.0}),
        (with_stray(1023.0, range(0, 3000, 10)), {"lost": 1023.0}),
        (np.where(np.arange(3000) % 9 == 0, 65535, RUN * 10), {"scale": 0.1, "lost": 65535.0}),
    ],
)
def test_accepted(position, change):
    session = made(position, **change)
    if "scale" in change:
        np.testing.assert_allclose(session["position"].dropna("sample").max(), RUN.max(), rtol=1e-3)
    if "lost" in change:
        np.testing.assert_array_equal(session["position"].isnull(), position == change["lost"])


def test_a_track_that_is_hardly_visited_is_asked_about():
    with pytest.warns(
        UserWarning, match="positions of session 0 of m cover 148 cm of a track of 1500 cm: correct"
    ):
        made(track_length=1500.0)


@pytest.mark.parametrize("start", [-75.0, -150.0, 600.0])
def test_a_ring_may_be_counted_from_anywhere(start):
    usual, moved = (
        drift.measure([made(position, geometry="ring")], minimum_speed=0.0)
        for position in (RUN, RUN + start)
    )
    np.testing.assert_allclose(moved["occupancy"].sum(), usual["occupancy"].sum())
    np.testing.assert_allclose(
        moved["occupancy"].values,
        np.roll(usual["occupancy"].values, round(38 * start / 150), axis=-1),
    )
    with pytest.raises(RefusedInputError, match=r"may be in mm, so pass scale=0.1"):
        made(10 * RUN + start, geometry="ring")


def test_a_head_beyond_the_ends_is_at_the_ends():
    reached = drift.measure([made(np.where(RUN > 145, RUN + 5, RUN))], minimum_speed=0.0)
    assert float(reached["place"].max()) < 152 and float(reached["place"].min()) > 0


def test_velocity_is_scaled_like_position():
    assert made(RUN * 10, scale=0.1, velocity=np.full(3000, 50.0))["velocity"].values[
        0
    ] == pytest.approx(5.0)


@pytest.mark.parametrize("kind", ["npz", "mat", "nc"])
def test_rings_and_edges_are_written_and_read_back(kind, tmp_path):
    for number, change in enumerate(
        (
            {"geometry": "ring"},
            {"bin_edges": np.arange(-2.0, 155, 4.0)},
            {"geometry": "ring", "bin_edges": np.arange(0.0, 151, 5)},
        )
    ):
        session = made(session=number, **change)
        xr.testing.assert_identical(
            next(data_adapters.sessions("interchange", write_interchange(session, tmp_path, kind))),
            session,
        )


@pytest.mark.parametrize("change", [{"geometry": "ring"}, {"bin_edges": np.arange(-2.0, 155, 4.0)}])
def test_rings_and_edges_through_other_formats(change, tmp_path):
    pytest.importorskip("pynwb")
    session = made(
        activity=np.random.default_rng(0).poisson(0.2, (3000, 1)).astype(float),
        time=np.arange(3000) / 20 + 5.0,
        **change,
    )
    data_adapters.to_nwb([session], tmp_path)
    again = next(data_adapters.sessions("nwb", tmp_path))
    assert {k: again.attrs[k] for k in session.attrs} == session.attrs
    np.testing.assert_allclose(again["position"], session["position"], atol=1e-9)
    other = data_adapters.from_pynapple(data_adapters.to_pynapple(session))
    assert {k: other.attrs[k] for k in session.attrs} == session.attrs


@pytest.mark.parametrize("scale", [100.0, 0.1, 2.54])
def test_single_precision_times_a_factor_stays_decimal(scale):
    """A tracker of 1 mm whose metres (or mm) are kept as float32: 16 samples in each bin of 1.6
    cm."""
    exact = np.arange(1600) / 10 / scale  # 160 cm
    position = in_centimetres(exact.round(6).astype(np.float32).astype(float), scale, None, "one")
    if scale != 2.54:
        counts = np.bincount(
            drift.metrics.assign_places(xr.DataArray(position, dims="sample"), 1.6 * np.arange(101))
        )
        np.testing.assert_array_equal(counts, np.full(100, 16))
    np.testing.assert_allclose(position, exact * scale, rtol=1e-6, atol=1e-4)
    other = np.random.default_rng(0).uniform(0, 100, 50)
    np.testing.assert_array_equal(decimals(other), other)


def test_walls_of_an_arena_belong_to_its_last_bins():
    rng = np.random.default_rng(0)
    position = np.clip(rng.uniform(-5, 53, (5000, 2)), 0, 48)
    measured = drift.measure(
        [made(position, geometry="square", track_length=48.0)], minimum_speed=0.0
    )
    edges = np.linspace(0, 48, 13)
    oracle = np.histogram2d(*position.T, bins=[edges, edges])[0]
    assert measured.sizes["place"] == 144
    column, row = ((measured[name].values / 4).astype(int) for name in ("place_x", "place_y"))
    np.testing.assert_allclose(
        measured.occupancy.values.ravel() * 20, oracle[column, row], atol=1e-6
    )


def test_another_width_between_given_edges():
    measured = drift.measure(
        [made(bin_edges=np.arange(10.0, 91, 4.0))], bin_size=3.0, minimum_speed=0.0
    )
    inside = RUN[(RUN >= 10) & (RUN <= 90)]
    assert measured.sizes["place"] == 27 and measured.occupancy.sum() * 20 == pytest.approx(
        inside.size
    )


def test_readers_take_scale_and_lost(tmp_path):
    fields = {"events": np.ones((3000, 1)), "fs": 20.0, "n_detected": 1, "track_length_cm": 150.0, "geometry": "linear", "animal": "m",
              "region": "CA1", "environment": "A", "session": 1, "time": 1.0, "time_unit": "day"}  # fmt: skip
    np.savez(
        tmp_path / "m_01.npz", **fields, position=np.where(np.arange(3000) % 7 == 0, 1023, RUN * 10)
    )
    with pytest.raises(RefusedInputError, match=r"scale=0\.1"):
        data_adapters.sessions("interchange", tmp_path)
    for options in ({"scale": 0.1, "lost": 1023.0}, {"scale": "0.1", "lost": "1023"}):
        session = next(data_adapters.sessions("interchange", tmp_path, **options))
        np.testing.assert_allclose(
            session["position"], np.where(np.arange(3000) % 7 == 0, np.nan, RUN), atol=1e-9
        )


@pytest.mark.parametrize("first", [0.0, 2.0, -3.5, 7.25])
@pytest.mark.parametrize("width", [1.6, 4.0, 7.3])
def test_given_edges_are_the_edges(first, width):
    edges = first + width * np.arange(int((150 - first) / width))
    session = made(bin_edges=edges)
    measured = drift.measure([session], minimum_speed=0.0)
    np.testing.assert_allclose(measured.place, (edges[:-1] + edges[1:]) / 2, atol=1e-9)
    np.testing.assert_allclose(
        measured.occupancy.values.ravel() * 20, np.histogram(RUN, edges)[0], atol=1e-6
    )
    assert measured.place.attrs["origin"] == first and measured.place.attrs[
        "bin_size"
    ] == pytest.approx(width)
    assert measured.attrs["track_length"] == 150.0 and measured.place.attrs["length"] == 150.0


def test_a_clamped_end_makes_no_place_behind_the_track():
    position = np.concatenate(
        [
            np.linspace(0, 150, 600, endpoint=False),
            np.full(200, 150.0),
            np.full(200, 150 * (1 + 1e-15)),
        ]
        * 3
    )
    for change in ({}, {"bin_size": 3.0}, {"bin_edges": np.linspace(0, 150, 76)}):
        measured = drift.measure([made(position, **{"bin_size": 5.0, **change})], minimum_speed=0.0)
        width = measured.attrs["bin_size"]
        oracle = np.histogram(
            np.minimum(position, 150.0), np.linspace(0, 150, round(150 / width) + 1)
        )[0]
        np.testing.assert_allclose(measured.occupancy.values.ravel() * 20, oracle, atol=1e-6)


def test_rings_are_measured_around():
    """A field at the seam of a ring of 150 cm stays one field, wherever the seam is put."""
    phase = (np.arange(6000) * 0.05 * 20) % 150
    found = []
    for seam in (0.0, 40.0, 110.0):
        place = (phase - seam) % 150
        rate = np.exp((np.cos(2 * np.pi * (phase - 1.0) / 150) - 1) * 12)
        rate = np.where(rate > 0.2, rate, 0.0)
        session = made(
            place,
            geometry="ring",
            activity=np.stack([rate, rate[::-1]], 1),
            bin_size=5.0,
            minimum_speed=0.0,
        )
        measured = drift.measure([session])
        assert (
            measured.sizes["place"] == 30
            and measured.place.attrs["geometry"] == "ring"
            and measured.place.attrs["length"] == 150.0
        )
        centre = drift.metrics.centroid(measured.rate).values[0, 0]
        found.append([(centre[0] + seam) % 150, measured.spatial_information.values[0, 0, 0]])
    np.testing.assert_allclose(np.array(found)[:, 0], found[0][0], atol=0.05)
    np.testing.assert_allclose(np.array(found)[:, 1], found[0][1], atol=1e-9)


def test_other_grids_are_refused_and_other_lengths_said():
    one = made()
    for other in (
        made(session=1, bin_edges=np.arange(2.0, 150, 4)),
        made(session=1, geometry="ring", bin_size=5.0, track_length=150.0),
    ):
        with pytest.raises(RefusedInputError, match="does not fit"), warnings.catch_warnings():
            drift.measure([one, other])
    with pytest.raises(
        RefusedInputError, match="a ring from 0 to 120 against a ring from 0 to 150"
    ):
        drift.measure(
            [
                made(geometry="ring", bin_size=5.0),
                made(
                    np.clip(RUN, 0, 120),
                    session=1,
                    geometry="ring",
                    bin_size=5.0,
                    track_length=120.0,
                ),
            ]
        )
    with pytest.warns(
        UserWarning, match="track lengths differ: 150, 120 cm .subject m, session 1 has 120"
    ):
        measured = drift.measure([one, made(np.clip(RUN, 0, 120), session=1, track_length=120.0)])
    assert (
        measured["track_length"].values.tolist() == [[150.0, 120.0]]
        and "length" not in measured.place.attrs
    )


def test_one_stray_frame_makes_no_quarter_million_places():
    session = made(track_length=None)
    session["position"][500] = 1e6
    with pytest.raises(RefusedInputError, match="sample 500 lies at 1000000"):
        drift.measure([session])
