"""Which bin a position lies in, against numpy.histogram on whole numbers; places of rings, tracks
and planes."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.stats import circmean

from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics import places
from drift.metrics.places import Grid, bin_numbers, cells_of


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([1, 10, 100, 1000]),
    st.integers(1, 400),
    st.integers(-300, 300),
    st.integers(2, 90),
    st.sampled_from([float, "f4"]),
)
def test_positions_of_a_tracker_fall_by_decimals(resolution, width, first, bins, kind):
    """Positions, edges and widths are multiples of 1 / resolution cm: counts are those of whole
    numbers, which are exact."""
    steps = np.arange(first - 5, first + width * bins + 6)
    position = (steps / resolution).astype(kind).astype(float)
    exact = np.histogram(steps, first + width * np.arange(bins + 1))[0]
    edges = (first / resolution) + (width / resolution) * np.arange(bins + 1)
    number = metrics.assign_places(xr.DataArray(position, dims="sample"), edges).values
    np.testing.assert_array_equal(np.bincount(number[number >= 0], minlength=bins), exact)
    grid = Grid(
        width / resolution, first / resolution, (first + width * bins) / resolution, closed=True
    )
    cells, inside = cells_of(position[:, np.newaxis], grid, "one")
    np.testing.assert_array_equal(np.where(inside, cells[:, 0], -1), number)


@pytest.mark.parametrize("resolution", [0.1, 0.01, 1 / 3])
def test_open_grids_count_from_the_origin(resolution):
    steps = np.arange(-40, 400)
    cells, inside = cells_of((steps * resolution)[:, np.newaxis], Grid(4 * resolution), "one")
    np.testing.assert_array_equal(cells[:, 0], np.floor_divide(steps, 4))
    assert inside.all()


@pytest.mark.parametrize("length", [100.0, 33.6, 150.0, 2.4])
def test_the_end_belongs_to_the_last_bin(length):
    width = length / 24
    rounded = [np.nextafter(length, 0), length, np.nextafter(length, np.inf), length * (1 + 1e-13)]
    end = np.array([*rounded, length + 0.5 * width, length + 2.5 * width])
    cells, _ = cells_of(end[:, np.newaxis], Grid(width, 0.0, length), "one")
    assert cells[:, 0].tolist() == [23, 23, 23, 23, 23, 26]  # a head reaches beyond by 5 %
    before, _ = cells_of(
        np.array([[-0.5 * width], [-2.5 * width], [0.0]]), Grid(width, 0.0, length), "one"
    )
    assert before[:, 0].tolist() == [0, -3, 0]
    around, _ = cells_of(
        np.array([[0.0], [length], [length * (1 - 1e-13)], [length + width]]),
        Grid(width, 0.0, length, ring=True),
        "one",
    )
    assert around[:, 0].tolist() == [0, 0, 0, 1]


def test_an_end_inside_a_bin():
    cells, _ = cells_of(np.array([[149.0], [150.0], [151.0]]), Grid(4.0, 0.0, 150.0), "one")
    assert cells[:, 0].tolist() == [37, 37, 37] and Grid(4.0, 0.0, 150.0).bins == 38


def test_lost_positions_lie_in_no_bin():
    assert bin_numbers(
        np.array([np.nan, -0.1, 0.0, 9.99, 10.0, 10.1]), np.linspace(0, 10, 6)
    ).tolist() == [-1, -1, 0, 4, 4, -1]


def test_absurd_grids_name_the_sample():
    position = np.linspace(0, 100, 50)[:, np.newaxis]
    position[7] = 1e6
    with pytest.raises(RefusedInputError, match=r"250000 places .* sample 7 lies at 1000000"):
        places.refuse_absurd(position, Grid(4.0), "one")
    with pytest.raises(RefusedInputError, match="sample 0"):
        places.refuse_absurd(np.array([[1e308], [np.nan]]), Grid(1e-300), "one")


@pytest.mark.parametrize("edges", [[0, 10, 20, 50, 100.0], [0.0, 4.0, 8.1], [1.0], [3.0, 2.0]])
def test_edges_that_make_no_equal_bins(edges):
    with pytest.raises(RefusedInputError, match=r"bins of one width|increase"):
        places.equal_bins(np.array(edges), "edges")


def ring_maps(bins=25, length=100.0, origin=0.0, units=6, seed=0):
    rng = np.random.default_rng(seed)
    place = origin + (np.arange(bins) + 0.5) * length / bins
    attrs = places.place_attrs(Grid(length / bins, origin, origin + length, ring=True), "cm")
    rate = rng.gamma(0.5, size=(1, 4, units, bins))
    coords = {
        "place": ("place", place, attrs),
        "session": range(4),
        "subject": ["m"],
        "elapsed": (("subject", "session"), [[0, 1, 2, 3.0]]),
    }
    return xr.Dataset({"rate": (("subject", "session", "unit", "place"), rate)}, coords=coords)


@pytest.mark.parametrize(
    ("length", "origin"), [(100.0, 0.0), (2 * np.pi, 0.0), (360.0, -180.0), (78.4, 12.0)]
)
def test_centroids_of_a_ring_are_circular_means(length, origin):
    maps = ring_maps(length=length, origin=origin)
    found = metrics.centroid(maps.rate)
    counts = np.rint(maps.rate.values * 50).astype(int)
    whole = metrics.centroid(maps.rate.copy(data=counts.astype(float)))
    for at in np.ndindex(counts.shape[:-1]):
        events = np.repeat(maps.place.values, counts[at])
        np.testing.assert_allclose(
            whole.values[at], circmean(events, origin + length, origin), atol=1e-9 * length
        )
    assert ((found >= origin) & (found < origin + length)).all()


def test_flat_and_silent_maps_of_a_ring_have_no_centre():
    maps = ring_maps()
    assert (
        metrics.centroid(maps.rate * 0 + 1).isnull().all()
        and metrics.centroid(maps.rate * 0).isnull().all()
    )


def test_shifts_of_a_ring_take_the_shorter_way():
    maps = ring_maps()
    narrow = np.exp(
        (
            np.cos(
                2
                * np.pi
                * (maps.place.values - np.array([98.0, 2.0, 30.0, 70.0])[:, np.newaxis])
                / 100
            )
            - 1
        )
        * 8
    )
    shift = metrics.centroid_shift(
        maps.assign(rate=(maps.rate.dims, np.repeat(narrow[np.newaxis, :, np.newaxis], 6, axis=2)))
    )
    np.testing.assert_allclose(shift.values[0, 0, :, 0], [0, 4, 32, -28], atol=1e-6)
    assert (np.abs(shift) <= 50).all()


@pytest.mark.parametrize("turn", [1, 7, 24])
def test_a_ring_that_is_turned_measures_the_same(turn):
    maps = ring_maps()
    maps["occupancy"] = (
        ("subject", "session", "place"),
        np.random.default_rng(1).uniform(1, 2, (1, 4, 25)),
    )
    turned = maps.assign(
        {name: maps[name].roll(place=turn, roll_coords=False) for name in ("rate", "occupancy")}
    )
    for one in (
        lambda seen: metrics.rate_map_correlation(seen, 2.0),
        metrics.population_vector_correlation,
        metrics.centroid_shift,
        lambda seen: metrics.spatial_information(seen.rate, seen.occupancy),
    ):
        np.testing.assert_allclose(one(turned).values, one(maps).values, atol=1e-9)
    moved = metrics.centroid(turned.rate) - metrics.centroid(maps.rate)
    np.testing.assert_allclose(moved.values % 100, turn * 4 % 100, atol=1e-9)
    np.testing.assert_allclose(
        metrics.smoothed(turned.rate, 1.5).values,
        np.roll(metrics.smoothed(maps.rate, 1.5).values, turn, axis=-1),
        atol=1e-12,
    )


@pytest.mark.parametrize("width", [0.7, 2.0, 9.0])
def test_smoothing_around_a_ring(width):
    rate = ring_maps().rate
    np.testing.assert_allclose(
        metrics.smoothed(rate, width),
        gaussian_filter1d(rate.values, width, mode="wrap"),
        atol=1e-12,
    )
    part = rate.isel(place=[0, 1, 24])  # neighbours across the seam
    kernel = np.exp(-0.5 * (np.array([[0, 1, -1], [-1, 0, -2], [1, 2, 0]]) / 0.5) ** 2)
    expected = np.einsum("...q,pq->...p", part.values, kernel / kernel.sum(1, keepdims=True))
    np.testing.assert_allclose(metrics.smoothed(part, 0.5), expected, atol=1e-9)


@pytest.mark.parametrize("distance", [1, 2, 3, 4])
def test_places_that_were_left_out_keep_their_distance(distance):
    """Three places ``distance`` bins apart with nothing between: neighbours weigh exp(-d^2 / 2), on
    a track and in a plane."""
    centres = 2.0 + 4.0 * distance * np.arange(3)
    attrs = places.place_attrs(Grid(4.0), "cm")
    track = xr.DataArray(
        [0.0, 20.0, 0.0], dims="place", coords={"place": ("place", centres, attrs)}
    )
    near, far = (
        np.exp(-0.5 * distance**2),
        np.exp(-0.5 * (2 * distance) ** 2) if 2 * distance <= 4 else 0.0,
    )
    plane = track.assign_coords(
        place=range(3), place_x=("place", centres, attrs), place_y=("place", [2.0] * 3, attrs)
    )
    expected = [20 * near / (1 + near + far), 20 / (1 + 2 * near)]
    np.testing.assert_allclose(metrics.smoothed(plane, 1.0)[:2], expected, atol=1e-9)
    if distance > 2:  # the ends of the track are mirrored, one bin beyond the outer places
        mirrored = np.exp(-0.5 * (distance + 1) ** 2) if distance < 4 else 0.0
        np.testing.assert_allclose(
            metrics.smoothed(track, 1.0)[1], 20 / (1 + 2 * near + 2 * mirrored), atol=1e-9
        )


def test_places_that_are_no_bin_centres_are_smoothed_in_their_order():
    attrs = places.place_attrs(Grid(4.0), "cm")
    numbered = xr.DataArray(
        [0.0, 8.0, 0.0, 0.0], dims="place", coords={"place": ("place", range(4), attrs)}
    )
    np.testing.assert_allclose(
        metrics.smoothed(numbered, 1.0),
        gaussian_filter1d(numbered.values, 1.0, mode="reflect"),
        atol=1e-12,
    )
    with pytest.raises(RefusedInputError, match="span more than 5000 bins of 4"):
        metrics.smoothed(numbered.assign_coords(place=("place", [0.0, 4, 8, 1e9], attrs)), 1.0)


def test_places_in_a_plane_are_no_track():
    plane = xr.Dataset(coords={"place": range(3), "place_x": ("place", [0.0, 1, 2])})
    with pytest.raises(RefusedInputError, match="arena_maps"):
        places.require_track(plane, "a picture of a track")
    places.require_track(xr.Dataset(coords={"place": range(3)}), "a picture of a track")
