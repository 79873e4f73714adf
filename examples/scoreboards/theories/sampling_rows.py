"""Rows of drift by single samples: how often a stimulus is shown, and what is irrelevant to the
task."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from scoreboards.acceptance import Check, Request, Row, between, near

import drift
from drift import similarity_matching as matching
from drift.theory.mechanisms import irrelevant_input_diffusion, sampling_drift_rate

# three stimuli of length 2, shown with either sign, and how often; constants chosen on simulations
# so that fluctuations stay small and drift is seen within minutes
STIMULI = np.concatenate([2 * np.eye(3), -2 * np.eye(3)])
SHARES = (0.2, 0.3, 0.5)
DECAY, UNITS = 0.3, 3
# theory is the limit of small rates: networks at two of them, one half of the other
RATES = {0.04: 32, 0.02: 48}
LOOKS, SETTLED = 1050, 50
# learning rate x steps between looks: six times what fluctuations need to relax, of curvature .47
INTERVAL = 12.8
LAGS = np.arange(1, 4)
# principal subspace of three directions of variance 1; others have far less
ETA, VARIANCES, EXTRAS = 0.05, (0.0125, 0.025, 0.05, 0.1), (4, 8, 16, 32)
VARIANCE, EXTRA = 0.05, 8  # held while the other changes
LARGE = (0.4, 0.6)  # variances at which the power is no longer 2
MATCHING_SEEDS, MATCHING_LOOKS = 4, 400


class Diffusion(NamedTuple):
    """Rotational diffusion, rad^2 per step, and its standard error over networks."""

    mean: float
    error: float


class StimulusDrift(NamedTuple):
    """Drift rate of each stimulus over theory."""

    ratios: np.ndarray  # (network, stimulus)
    predicted: np.ndarray  # (stimulus,) per step

    @property
    def mean(self) -> np.ndarray:
        """Over networks, (stimulus,)."""
        return self.ratios.mean(axis=0)

    @property
    def error(self) -> np.ndarray:
        """Standard error of the mean, (stimulus,)."""
        return self.ratios.std(axis=0, ddof=1) / np.sqrt(len(self.ratios))


def stimulus_recipe(folder: Path, seed: int, rate: float) -> drift.Experiment:
    """A linear network that copies one of six stimuli in each step."""
    path = folder / "stimuli.npz"
    if not path.exists():
        np.savez(path, inputs=STIMULI, targets=STIMULI)
    return drift.Experiment(
        task=drift.StoredTask(path=str(path)),
        network=drift.Network(units=UNITS, activation="linear"),
        learner=drift.SGD(learning_rate=rate, weight_decay=DECAY),
        minibatch=1,
        sample_probabilities=tuple(share / 2 for share in SHARES) * 2,
        steps=round(INTERVAL / rate) * LOOKS,
        sessions=LOOKS + 1,
        seed=seed,
    )


def stimulus_drift(rate: float, networks: int, seed: int = 0) -> StimulusDrift:
    """Measured over predicted drift rate of each stimulus at a learning rate."""
    with tempfile.TemporaryDirectory() as folder:
        recipes = [stimulus_recipe(Path(folder), seed + number, rate) for number in range(networks)]
        run = drift.train(recipes, probes=["sample_activity"], precision="float64", progress=False)
    codes = run["sample_activity"].transpose("session", "subject", "sample", "unit").values
    # half the difference of the responses to a stimulus and its opposite: biases, which all
    # stimuli share and which fluctuate most, are not in it
    either = np.split(codes[SETTLED:].astype(float), 2, axis=2)
    slopes = _slopes((either[0] - either[1]) / 2, round(INTERVAL / rate))
    probabilities = np.tile(SHARES, 2) / 2
    predicted = sampling_drift_rate(STIMULI, STIMULI, UNITS, rate, DECAY, probabilities)
    predicted = predicted[: len(SHARES)]
    return StimulusDrift(slopes / predicted, predicted)


def _slopes(codes: np.ndarray, interval: float) -> np.ndarray:
    """Slope of the squared displacement of directions against lag (network, stimulus), of codes
    (look, network, stimulus, unit).

    Rotations leave the size of a code as it is; it fluctuates, most where decay leaves little, and
    the error of a slope is mostly its. Fluctuations add the same to all lags beyond their time, and
    long lags are seen but a few times: the shortest lags tell the slope best.
    """
    directions = codes / np.linalg.norm(codes, axis=-1, keepdims=True)
    squares = np.array(
        [np.square(directions[lag:] - directions[:-lag]).sum(-1).mean(0) for lag in LAGS]
    )
    centred = (LAGS - LAGS.mean())[:, np.newaxis, np.newaxis]
    return (centred * squares).sum(0) / (np.square(centred).sum() * interval)


def frequent_stimuli(request: Request) -> Iterator[Check]:
    """Drift rate of each stimulus against theory at a small rate and where two rates point to, and
    its fall with how often a stimulus is shown."""
    coarse, fine = (
        stimulus_drift(rate, networks, request.seed) for rate, networks in RATES.items()
    )
    small = min(RATES)
    limits, errors = 2 * fine.mean - coarse.mean, np.hypot(2 * fine.error, coarse.error)
    for number, share in enumerate(SHARES):
        yield near(f"measured / theory, rate {small:g}, p = {share}", 1.0, fine.mean[number], 0.1)
        yield between(f"standard error, p = {share}", 0.0, fine.error[number], high=0.05)
        yield near(f"extrapolated to rate 0, p = {share}", 1.0, limits[number], 0.1)
        yield between(f"standard error at rate 0, p = {share}", 0.0, errors[number], high=0.05)
    twice = (coarse.mean.mean() - 1) / (fine.mean.mean() - 1)
    yield near("deviation from theory at twice the rate, over it", 2.0, twice, 1.0)
    rates, spreads = fine.mean * fine.predicted, fine.error * fine.predicted
    falls = -np.diff(rates) / np.hypot(spreads[1:], spreads[:-1])
    yield between("smallest fall, standard errors", 3.0, float(falls.min()), low=2.0)


def subspace_diffusion(
    variance: float, extra: int, noise: float = 0.0, steps: int = 400_000, seed: int = 0
) -> Diffusion:
    """Rotational diffusion of the code of three relevant directions.

    |theta|^2 = 6 D t of the rotation between two times, whose lags are long against the time in
    which the weights relax.
    """
    inputs = matching.GaussianInputs(eigenvalues=(1.0, 1.0, 1.0) + (variance,) * extra)
    networks = [
        matching.PrincipalSubspace(
            inputs=inputs,
            learning_rate=ETA,
            feedforward_noise=noise,
            lateral_noise=noise,
            steps=steps,
            sessions=MATCHING_LOOKS + 1,
            stride=inputs.samples,
            seed=seed + number,
        )
        for number in range(MATCHING_SEEDS)
    ]
    run = matching.simulate(networks, progress=False, threads=1)
    constants = [_turning(turned, steps / MATCHING_LOOKS) for turned in rotations(run)]
    return Diffusion(
        float(np.mean(constants)), float(np.std(constants, ddof=1) / np.sqrt(len(constants)))
    )


def rotations(run: xr.Dataset) -> np.ndarray:
    """Nearest rotation of the filters on the relevant directions, (subject, session, 3, 3)."""
    filters = run["neural_filters"].transpose("subject", "session", "unit", "input").values
    covariance = run["input_covariance"].transpose("subject", "input", "input_other").values
    relevant = np.linalg.eigh(covariance)[1][:, np.newaxis, :, -3:]
    left, _, right = np.linalg.svd(filters @ relevant)
    return (left @ right)[:, 1:]


def _turning(turned: np.ndarray, interval: float) -> float:
    lags = np.arange(2, 20)
    angles = []
    for lag in lags:
        cosine = (np.einsum("tij,tij->t", turned[lag:], turned[:-lag]) - 1) / 2
        angles.append(np.mean(np.arccos(np.clip(cosine, -1, 1)) ** 2))
    return float(np.polyfit(lags * interval, angles, 1)[0] / 6)


def _closed(variance: float) -> Diffusion:
    return Diffusion(irrelevant_input_diffusion(ETA, variance, EXTRA), 0.0)


def power(values: tuple[float, ...], diffusion: list[Diffusion]) -> float:
    """Slope of the logarithm of diffusion against that of a number."""
    return float(np.polyfit(np.log(values), np.log([each.mean for each in diffusion]), 1)[0])


def irrelevant_inputs(request: Request) -> Iterator[Check]:
    """D ~ variance^2 (inputs - outputs) where irrelevant variance is small."""
    by_variance = [subspace_diffusion(value, EXTRA, seed=request.seed) for value in VARIANCES]
    by_number = [subspace_diffusion(VARIANCE, extra, seed=request.seed) for extra in EXTRAS]
    for variance, each in zip(VARIANCES, by_variance, strict=True):
        expected = irrelevant_input_diffusion(ETA, variance, EXTRA)
        yield near(f"D / theory, variance {variance}", 1.0, each.mean / expected, 0.15)
    yield near("power of the irrelevant variance", 2.0, power(VARIANCES, by_variance), 0.2)
    yield near("power of their number", 1.0, power(EXTRAS, by_number), 0.15)
    beyond = [subspace_diffusion(value, EXTRA, steps=100_000, seed=request.seed) for value in LARGE]
    expected = power(LARGE, [_closed(value) for value in LARGE])
    yield near("power at variances .4 to .6", expected, power(LARGE, beyond), 0.5)


def synaptic_noise(request: Request) -> Iterator[Check]:
    """Noise on the synapses turns the code as fast whatever the number of inputs."""
    numbers = {"noise": 0.02, "steps": 200_000, "seed": request.seed}
    by_number = [subspace_diffusion(1e-4, extra, **numbers) for extra in EXTRAS]
    yield near("power of the number of inputs", 0.0, power(EXTRAS, by_number), 0.1)


ROWS = (
    Row("N01", "single samples: frequent stimuli drift less", "minutes", frequent_stimuli),
    Row("N02", "irrelevant inputs: D ~ variance^2 number", "minutes", irrelevant_inputs),
    Row("N02b", "synaptic noise: D does not know the number", "minutes", synaptic_noise),
)
