"""The normal generator of the fused engine against its law (row D09): every z is a deviation in
standard errors of the stated sample.

Seeds are fixed, so a test gives the same answer every time; the bounds are those that a fair
generator crosses once in thousands of seeds at most.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from drift.loops.normals import BLOCK, LANES, fill_normals, fill_uniforms, generator_state
from drift.training.engines.fused import STREAMS

ROUNDS = 2**14  # normal numbers of each lane and half of a pair
SAMPLE = ROUNDS * BLOCK  # 4.2 million numbers
CHUNKS = 16  # samples of the tails, 67 million numbers
LIMIT = 4.5  # standard errors
MOMENTS = {
    1: (0, 1),
    2: (1, 2),
    3: (0, 15),
    4: (3, 96),
    6: (15, 10_395 - 225),
}  # mean and variance of the powers of a normal number
EPSILON = np.finfo(np.float32).eps
Array = NDArray[np.float64]


def drawn(
    rounds: int, seed: int = 7, name: str = "update_noise", state: np.ndarray | None = None
) -> Array:
    """Normal numbers as (round, half of a pair, lane)."""
    buffer = np.empty(rounds * BLOCK, np.float32)
    fill_normals(generator_state(seed, name) if state is None else state, buffer)
    return buffer.astype(float).reshape(rounds, 2, LANES)


def uniforms(rounds: int, seed: int = 7) -> Array:
    buffer = np.empty(rounds * LANES, np.float32)
    fill_uniforms(generator_state(seed, "label_noise"), buffer)
    return buffer.astype(float).reshape(rounds, LANES)


@pytest.fixture(scope="module")
def sample() -> Array:
    return drawn(ROUNDS)


def correlations(series: Array, others: Array) -> Array:
    """z of the correlation of every series with every other; both (time, series)."""

    def standard(values: Array) -> Array:
        return (values - values.mean(0)) / values.std(0)

    return standard(series).T @ standard(others) / np.sqrt(len(series))


def assert_uncorrelated(z: Array) -> None:
    """Largest |z| against its law among as many, and the mean square against chi squared."""
    count = z.size
    assert np.abs(z).max() < stats.norm.isf(1e-4 / (2 * count))
    assert (z**2).mean() == pytest.approx(1, abs=LIMIT * np.sqrt(2 / count))


def off_diagonal(matrix: Array) -> Array:
    return matrix[np.triu_indices(len(matrix), 1)]


# moments and shape


@pytest.mark.parametrize("seed", [0, 1, 2**40])
@pytest.mark.parametrize("name", STREAMS)
def test_d09_moments_of_four_million_numbers(seed: int, name: str):
    x = drawn(16_384, seed, name).ravel()
    square = x * x
    powers = {1: x, 2: square, 3: square * x, 4: square**2, 6: square**2 * square}
    z = {
        order: (powers[order].mean() - mean) / np.sqrt(variance / x.size)
        for order, (mean, variance) in MOMENTS.items()
    }
    assert max(map(abs, z.values())) < LIMIT, z
    excess = powers[4].mean() / square.mean() ** 2 - 3
    assert (np.abs([x.mean(), x.std() - 1, excess]) < [0.004, 0.003, 0.015]).all()


def test_d09_tails_to_four_and_a_half_standard_deviations():
    state, levels = generator_state(3, "update_noise"), np.arange(0.5, 5.01, 0.5)
    counts = np.zeros((2, len(levels)))
    for _ in range(CHUNKS):
        x = np.sort(drawn(ROUNDS, state=state).ravel())
        counts += [np.searchsorted(x, -levels), x.size - np.searchsorted(x, levels)]
    p, size = stats.norm.sf(levels), CHUNKS * SAMPLE
    z = (counts - size * p) / np.sqrt(size * p * (1 - p))
    assert size * p[-2] > 200, "the tail beyond 4.5 must hold enough numbers to be judged"
    assert np.abs(z).max() < LIMIT, z.round(1)


def test_d09_kolmogorov_smirnov_of_all_and_of_each_lane(sample: Array):
    assert stats.kstest(sample.ravel()[: 2**20], stats.norm.cdf).pvalue > 0.01
    values = [
        stats.kstest(lane, stats.norm.cdf).pvalue for lane in sample[:4096].reshape(-1, BLOCK).T
    ]  # 256 of 4,096 numbers
    assert stats.kstest(values, stats.uniform.cdf).pvalue > 0.001
    assert min(values) > 1e-4 / BLOCK


def test_a_lane_does_not_remember(sample: Array):
    series = sample.reshape(ROUNDS, BLOCK)
    for values in (series, series**2, np.abs(series) > 2):
        centred = (values - values.mean(0)) / values.std(0)
        z = [
            (centred[lag:] * centred[:-lag]).sum(0) / np.sqrt(ROUNDS - lag)
            for lag in (1, 2, 3, 4, 5, 8, 16, 64)
        ]  # 16,384 times
        assert_uncorrelated(np.array(z))


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("lag", [0, 1])
def test_lanes_and_halves_of_pairs_do_not_know_each_other(sample: Array, power: int, lag: int):
    series = sample.reshape(ROUNDS, BLOCK) ** power  # sine and cosine are columns 128 apart
    matrix = correlations(series[lag:], series[: ROUNDS - lag])
    assert_uncorrelated(matrix.ravel() if lag else off_diagonal(matrix))


@pytest.mark.parametrize("power", [1, 2, 4])
def test_sine_and_cosine_of_a_pair_are_independent(sample: Array, power: int):
    first, second = (sample[:, half].ravel() ** power for half in (0, 1))
    assert abs(correlations(first[:, None], second[:, None]).item()) < LIMIT  # 2.1 million pairs
    alike = (sample[:, 0] * sample[:, 1] > 0).mean()
    assert alike == pytest.approx(0.5, abs=LIMIT * 0.5 / np.sqrt(first.size))


def test_radius_and_angle_of_pairs_follow_their_laws(sample: Array):
    first, second = sample[:4096, 0].ravel(), sample[:4096, 1].ravel()  # 524,288 pairs
    assert stats.kstest(first**2 + second**2, stats.chi2(2).cdf).pvalue > 0.001
    assert (
        stats.kstest(np.arctan2(second, first), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.001
    )
    far = first**2 + second**2 > 2 * np.log(100)  # one pair in a hundred
    assert (
        stats.kstest(np.arctan2(second, first)[far], stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue
        > 0.001
    )


@pytest.mark.parametrize("power", [1, 2])
def test_subjects_and_streams_do_not_know_each_other(power: int):
    seeds = [*range(14), 2**32, 2**40]
    series = (
        np.array([drawn(32, seed, name).ravel() for seed in seeds for name in STREAMS]) ** power
    )  # 64 series of 8,192 numbers
    assert_uncorrelated(off_diagonal(correlations(series.T, series.T)))
    shifted = [np.roll(series, shift, axis=1) for shift in (LANES, BLOCK)]
    assert_uncorrelated(
        np.array([off_diagonal(correlations(series.T, other.T)) for other in shifted])
    )


def test_no_two_generators_start_alike():
    states = [generator_state(seed, name) for seed in range(50) for name in STREAMS]
    lanes = np.concatenate(states, axis=1).T
    assert len(np.unique(lanes, axis=0)) == len(lanes) == 200 * LANES
    assert lanes.any(axis=1).all(), "a generator of zeros stays there"


# uniform numbers


def test_uniform_numbers_follow_their_law():
    x = uniforms(ROUNDS).ravel()  # 2.1 million
    edge = np.sqrt(3)
    assert np.abs(x).max() <= edge * (1 + EPSILON) and np.abs(x).max() > edge * (1 - 1e-5)
    for order, (mean, variance) in {
        1: (0, 1),
        2: (1, 0.8),
        3: (0, 27 / 7),
        4: (1.8, 9 - 1.8**2),
    }.items():
        assert (x**order).mean() == pytest.approx(mean, abs=LIMIT * np.sqrt(variance / x.size))
    assert stats.kstest(x, stats.uniform(-edge, 2 * edge).cdf).pvalue > 0.01


@pytest.mark.parametrize("power", [1, 2])
def test_uniform_lanes_do_not_know_each_other(power: int):
    series = uniforms(4096) ** power
    assert_uncorrelated(off_diagonal(correlations(series, series)))
    assert_uncorrelated(correlations(series[1:], series[:-1]).ravel())


# the state


@pytest.mark.parametrize("fill", [fill_normals, fill_uniforms])
def test_a_saved_state_goes_on_where_it_was(fill: object):
    state, long, parts = (
        generator_state(5, "input_noise"),
        np.empty(7 * BLOCK, np.float32),
        np.empty(7 * BLOCK, np.float32),
    )
    fill(state.copy(), long)
    fill(state, parts[: 2 * BLOCK])
    kept = state.copy()
    fill(state, parts[2 * BLOCK :])
    np.testing.assert_array_equal(parts, long)
    again = np.empty(5 * BLOCK, np.float32)
    fill(kept, again)
    np.testing.assert_array_equal(again, long[2 * BLOCK :])


def test_a_state_is_that_of_its_seed_and_stream():
    np.testing.assert_array_equal(
        generator_state(3, "update_noise"), generator_state(3, "update_noise")
    )
    assert not np.array_equal(generator_state(3, "update_noise"), generator_state(3, "label_noise"))
    assert not np.array_equal(
        generator_state(3, "update_noise"), generator_state(4, "update_noise")
    )


# accuracy against numpy in float64, from the same words


def rotated(words: np.ndarray, bits: int) -> np.ndarray:
    return (words << np.uint32(bits)) | (words >> np.uint32(32 - bits))


def next_words(state: np.ndarray) -> np.ndarray:
    """xoshiro128++ (Blackman & Vigna 2021, Figure 4), all lanes at once, changing the state."""
    a, b, c, d = state
    words = rotated(a + d, 7) + a
    shifted = b << np.uint32(9)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d[:] = rotated(d, 11)
    return words


def exact_pair(
    radius_words: np.ndarray, angle_words: np.ndarray, single: bool = True
) -> tuple[Array, Array]:
    """Box & Muller (1958) in float64; ``single`` rounds the uniform number as a float32 that holds
    24 bits does."""
    upper = (radius_words >> np.uint32(8)) + 0.5
    uniform = (upper.astype(np.float32).astype(float) if single else upper) / 2.0**24
    radius = np.sqrt(-2 * np.log(uniform))
    angle = ((angle_words >> np.uint32(8)) + 0.5) / 2.0**24 * np.pi / 2
    first = np.where(angle_words & np.uint32(1), -1, 1) * radius * np.sin(angle)
    second = np.where(angle_words & np.uint32(2), -1, 1) * radius * np.cos(angle)
    return first, second


def test_xoshiro_gives_the_published_words():
    state = np.array([[1], [2], [3], [4]], np.uint32)
    assert [int(next_words(state)[0]) for _ in range(5)] == [
        641,
        1573767,
        3222811527,
        3517856514,
        836907274,
    ]


def test_numbers_are_those_of_float64_from_the_same_words():
    state = generator_state(11, "update_noise")
    found = drawn(2000, state=state.copy())
    exact = np.array([exact_pair(next_words(state), next_words(state)) for _ in range(2000)])
    np.testing.assert_allclose(found, exact, rtol=0, atol=2e-6)  # 512,000 numbers
    assert np.sqrt(np.mean((found - exact) ** 2)) < 2e-7


def words_to_state(words: np.ndarray) -> np.ndarray:
    """A state whose lanes give these words next: with a = 0 a word is d, rotated."""
    state = generator_state(1, "update_noise")
    state[0], state[3] = 0, rotated(words.astype(np.uint32), 25)
    return state


EXTREME = {
    "smallest": np.arange(LANES) << 8,
    "largest": 2**32 - 1 - (np.arange(LANES) << 8),
    "around the half": 2**31 - (64 << 8) + (np.arange(LANES) << 8),
    "around the root of a half": (int(2**31.5) - (64 << 8)) + (np.arange(LANES) << 8),
    "around a quarter of it": (int(2**29.5) - (64 << 8)) + (np.arange(LANES) << 8),
    "across all powers": np.geomspace(1, 2**32 - 1, LANES).astype(np.uint64),
}


@pytest.mark.parametrize("words", EXTREME.values(), ids=EXTREME)
def test_radius_is_exact_at_the_ends_and_at_the_seams(words: np.ndarray):
    state = words_to_state(words)
    found = drawn(1, state=state.copy())[0]
    radius_words = next_words(state)
    np.testing.assert_array_equal(radius_words, words.astype(np.uint32))
    angle_words = next_words(state)
    np.testing.assert_allclose(found, exact_pair(radius_words, angle_words), rtol=0, atol=3e-6)
    squared, exact = (
        np.square(pair).sum(0)
        for pair in (found, exact_pair(radius_words, angle_words, single=False))
    )
    np.testing.assert_allclose(
        squared, exact, rtol=1e-6, atol=2.0**-23
    )  # rounding of uniform numbers near 1


def test_the_largest_number_ends_the_tail_where_it_is_said_to():
    found = drawn(1, state=words_to_state(np.zeros(LANES)))[0]
    np.testing.assert_allclose(
        np.hypot(*found), np.sqrt(50 * np.log(2)), rtol=1e-6
    )  # 5.9 standard deviations
