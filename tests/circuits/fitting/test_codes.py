"""The compiled passes behind the statistics of a fit, against the same numbers by numpy and
scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from circuits.fitting.statistics import chosen_statistics, codes, statistics
from drift.metrics.information.skaggs import information_per_second
from drift.observation.expected_maps import Halves, Lens

SESSIONS, UNITS, CELLS = 5, 30, 20


def seen_through(rng: np.random.Generator, *, ways: int, ring: bool) -> tuple[Lens, np.ndarray]:
    """A recording by chance with places without a visit, and units that are missing or silent."""
    halved = rng.integers(0, 4, (SESSIONS, 2, CELLS)) * 0.37
    mean = rng.gamma(0.4, 2.0, (1, UNITS, 1)) * np.exp(rng.normal(0, 1.5, (SESSIONS, UNITS, CELLS)))
    counts = rng.poisson(mean[:, np.newaxis] * halved[:, :, np.newaxis]).astype(float)
    gone = rng.random((SESSIONS, UNITS)) < 0.2
    counts[:, :, 3] = 0.0
    rates = [
        np.divide(events, time, out=np.full(events.shape, np.nan), where=time > 0)
        for events, time in (
            (counts, halved[:, :, np.newaxis]),
            (counts.sum(axis=1), halved.sum(axis=1)[:, np.newaxis]),
        )
    ]
    halves, maps = np.where(gone[:, np.newaxis, :, np.newaxis], np.nan, rates[0]), rates[1]
    maps = np.where(gone[..., np.newaxis], np.nan, maps)
    way = np.repeat(np.arange(ways), CELLS // ways)
    coordinates, elapsed = np.arange(float(CELLS))[:, np.newaxis], np.arange(float(SESSIONS))
    around = 100.0 if ring else None
    own = Lens(maps, halved.sum(axis=1), elapsed, coordinates, way, np.ones(3), True, around)
    return own._replace(halves=Halves(halves, halved)), halves


def fields_by_scipy(rate: np.ndarray, lens: Lens) -> tuple[np.ndarray, np.ndarray]:
    """Number of fields and share of cells in them, (...), of maps (..., cell)."""
    border = "nearest" if lens.around is None else "wrap"
    ways = [np.flatnonzero(lens.way == way) for way in np.unique(lens.way)]
    smooth = np.concatenate([gaussian_filter1d(rate[..., w], 1.0, mode=border) for w in ways], -1)
    inside = smooth > 0.5 * smooth.max(axis=-1, keepdims=True)
    fields = np.zeros(rate.shape[:-1])
    for way in ways:
        own = inside[..., way]
        first = own[..., :1] & ~own[..., -1:] if border == "wrap" else own[..., :1]
        begun = np.concatenate([first, own[..., 1:] & ~own[..., :-1]], axis=-1).sum(axis=-1)
        fields += np.maximum(begun, own.all(axis=-1))
    return fields, inside.mean(axis=-1)


@pytest.mark.parametrize(("ways", "ring"), [(1, False), (2, False), (1, True)])
def test_numbers_of_units_are_those_of_numpy(ways, ring, rng):
    lens, _halves = seen_through(rng, ways=ways, ring=ring)
    found = codes(lens.rate, lens)
    rate = np.where(lens.occupancy[:, np.newaxis] > 0, np.nan_to_num(lens.rate), 0.0)
    events = (rate * lens.occupancy[:, np.newaxis]).sum(axis=-1)
    kept = events.sum(axis=0) > 0
    rate, events, seen = rate[:, kept], events[:, kept], lens.seen[:, kept]
    probability = (lens.occupancy / lens.occupancy.sum(axis=-1, keepdims=True))[:, np.newaxis]
    enough, (per_second, mean) = events >= 5, information_per_second(rate, probability)
    fields, width = fields_by_scipy(rate, lens)
    with np.errstate(divide="ignore", invalid="ignore"):
        information, logarithm = per_second / mean, np.log(mean)
    visited = (lens.occupancy > 0).sum(axis=-1, keepdims=True)
    assert (~enough).any() and enough.any() and (~seen).any() and (~kept).any()
    for name, expected, counts in (
        ("active", events > 0, seen), ("responses", (rate > 0).sum(axis=-1) / visited, seen),
        ("information", information, enough), ("fields", fields, enough),
        ("width", width, enough), ("event_rate", logarithm, events > 0),
    ):  # fmt: skip
        np.testing.assert_allclose(
            getattr(found, name), np.where(counts, expected, np.nan), rtol=1e-12, err_msg=name
        )
    np.testing.assert_array_equal(found.seen, seen)
    np.testing.assert_array_equal(found.vectors, rate.transpose(2, 0, 1))


def pearson(first: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two maps, NaN where one is flat."""
    flat = np.ptp(first) == 0 or np.ptp(other) == 0
    return np.nan if flat else float(np.corrcoef(first, other)[0, 1])


def test_similarity_of_maps_is_a_correlation_over_visited_cells(rng):
    lens, _halves = seen_through(rng, ways=1, ring=False)
    everywhere = lens._replace(occupancy=np.maximum(lens.occupancy, 0.37))
    maps = np.nan_to_num(lens.rate)
    found = codes(maps, everywhere)
    kept = np.flatnonzero(maps.any(axis=(0, 2)))
    enough = (maps * everywhere.occupancy[:, np.newaxis]).sum(axis=-1) >= 5
    for place, unit in enumerate(kept):
        for session in range(SESSIONS):
            for other in range(SESSIONS):
                both = enough[session, unit] and enough[other, unit]
                expected = pearson(maps[session, unit], maps[other, unit]) if both else np.nan
                own = found.map_similarity[place, session, other]
                assert own == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_similarity_of_halves_is_the_mean_over_one_of_either_session(rng):
    lens, halves = seen_through(rng, ways=1, ring=False)
    found = codes(lens.rate, lens, halves)
    kept = np.flatnonzero(np.nansum(lens.rate, axis=(0, 2)) > 0)
    time = lens.occupancy[:, np.newaxis]
    enough = np.nansum(lens.rate * time, axis=-1) >= 5

    def maps_of(session: int, half: int, unit: int) -> np.ndarray:
        visited = lens.halves.occupancy[session, half] > 0
        return np.nan_to_num(halves[session, half, unit]), visited

    for place, unit in enumerate(kept):
        scaled = {}
        for session in np.flatnonzero(enough[:, unit]):
            for half in (0, 1):
                rate, visited = maps_of(session, half, unit)
                centred = np.where(visited, rate - rate[visited].mean(), 0.0)
                norm = np.sqrt((centred**2).sum())
                if norm > 0:
                    scaled[session, half] = centred / norm
        for session in range(SESSIONS):
            for other in range(SESSIONS):
                ways = [(0, 1)] if session == other else [(a, b) for a in (0, 1) for b in (0, 1)]
                pairs = [((session, half), (other, beside)) for half, beside in ways]
                products = [scaled[a] @ scaled[b] for a, b in pairs if a in scaled and b in scaled]
                expected = np.mean(products) if products else np.nan
                own = found.map_similarity[place, session, other]
                assert own == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_means_over_lags_leave_out_what_is_not_known(rng):
    lens, halves = seen_through(rng, ways=1, ring=False)
    selection = chosen_statistics(lens, ["map_similarity"])
    found = codes(lens.rate, lens, halves)
    expected = [
        np.nanmean(found.map_similarity[:, selection.lag_class == number])
        for number in range(len(selection.lags))
    ]
    np.testing.assert_allclose(statistics(found, selection), expected, rtol=1e-12)
    drawn = np.array([1, 1, 0, 4, 1])  # which forms no pair with itself
    apart = (drawn[:, np.newaxis] != drawn) | np.eye(5, dtype=bool)
    lag_class = np.where(apart, selection.lag_class[np.ix_(drawn, drawn)], -1)
    expected = [
        np.nanmean(found.map_similarity[:, drawn[:, np.newaxis], drawn][:, lag_class == number])
        for number in range(len(selection.lags))
        if (lag_class == number).any()
    ]
    values = statistics(found, selection, sessions=drawn)
    np.testing.assert_allclose(values[np.isfinite(values)], expected, rtol=1e-12)
