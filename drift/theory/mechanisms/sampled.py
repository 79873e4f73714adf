"""Sampled twins of the formulas of mechanisms; none shares code with its formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from drift.door import opened
from drift.door.quantities import Count, Positive, Share
from drift.streams import stream
from drift.theory.mechanisms.dropout import Dropped, Hidden, OutputWeights, Targets
from drift.theory.mechanisms.sampling_noise import Inputs, OfSamples, least_loss_weights


class Sampled(NamedTuple):
    """Mean over independent repetitions and its standard error."""

    mean: np.ndarray
    error: np.ndarray


def _of(repetitions: Sequence[np.ndarray]) -> Sampled:
    values = np.asarray(repetitions, float)
    return Sampled(values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values)))


@opened
def sampled_drift_rate(
    inputs: Inputs,
    targets: Targets,
    units: int,
    learning_rate: Positive,
    weight_decay: Positive,
    probabilities: OfSamples | None = None,
    networks: Count = 200,
    steps: Count = 50_000,
    looks: Count = 30,
    seed: int = 0,
) -> Sampled:
    """Slope of the relative squared displacement of each response against the lag, of networks that
    learn from single samples; the first look, before fluctuations are stationary, is left out.

    Parameters
    ----------
    inputs, targets, units, learning_rate, weight_decay, probabilities
        As for ``sampling_drift_rate``.
    networks, steps, looks : int
        Networks that learn independently, steps of each, and times at which responses are looked at.
    seed : int
        Stream "order".

    Returns
    -------
    Sampled
        (sample,) mean and standard error over networks, per step.
    """
    samples = len(inputs)
    shares = np.full(samples, 1 / samples) if probabilities is None else np.asarray(probabilities)
    first = least_loss_weights(inputs, targets, units, weight_decay, probabilities)
    shown, rng = np.column_stack([inputs, np.ones(samples)]), stream(seed, "order")
    inward, outward = (np.repeat(weights[np.newaxis], networks, 0) for weights in first)
    every, responses = steps // looks, []
    for step in range(steps):
        if step and step % every == 0:
            responses.append(inward @ shown.T)  # (network, unit, sample)
        picked = rng.choice(samples, networks, p=shares)
        x = shown[picked][:, :, np.newaxis]
        hidden = inward @ x
        error = 2 / targets.shape[1] * (outward @ hidden - targets[picked][:, :, np.newaxis])
        back = outward.swapaxes(1, 2) @ error
        outward = (1 - learning_rate * weight_decay) * (
            outward - learning_rate * error * hidden.swapaxes(1, 2)
        )
        inward = (1 - learning_rate * weight_decay) * (
            inward - learning_rate * back * x.swapaxes(1, 2)
        )
    return _slopes(np.array(responses), every)


def _slopes(responses: np.ndarray, interval: int) -> Sampled:
    """Slope against lag, over lags of up to a third of the looks (look, network, unit, sample)."""
    lags = np.arange(1, len(responses) // 3 + 1)
    squares = np.array(
        [np.square(responses[lag:] - responses[:-lag]).sum(2).mean(0) for lag in lags]
    )  # (lag, network, sample)
    size = np.square(responses).sum(2).mean((0, 1))
    centred = (lags - lags.mean())[:, np.newaxis, np.newaxis]
    slopes = (centred * squares).sum(0) / (np.square(centred).sum() * interval)
    return _of(slopes / size)


@opened
def sampled_dropout_loss(
    hidden: Hidden,
    targets: Targets,
    output_weights: OutputWeights,
    probability: Dropped,
    masks: Count = 2000,
    seed: int = 0,
) -> Sampled:
    """Mean squared error under masks that are drawn.

    Parameters
    ----------
    hidden, targets, output_weights, probability
        As for ``dropout_loss``.
    masks : int
        Masks of all samples and units.
    seed : int
        Stream "dropout".

    Returns
    -------
    Sampled
    """
    rng = stream(seed, "dropout")
    losses = []
    for _mask in range(masks):
        present = (rng.random(hidden.shape) >= probability) / (1 - probability)
        losses.append(np.square((hidden * present) @ output_weights - targets).mean())
    return _of(losses)


@opened
def sampled_excitable_overlap(
    drive_std: Positive,
    std: Positive,
    autocorrelation: float,
    active_fraction: Share,
    units: Count = 20_000,
    seeds: Sequence[int] = range(16),
) -> Sampled:
    """Share of active units that are active again, of Gaussian drives with excitability.

    Parameters
    ----------
    drive_std, std, autocorrelation, active_fraction
        As for ``excitable_overlap``.
    units : int
        Of each repetition.
    seeds : sequence of int
        One repetition each; stream "excitability".

    Returns
    -------
    Sampled
    """
    threshold = norm.isf(active_fraction) * np.hypot(drive_std, std)
    overlaps = []
    for seed in seeds:
        rng = stream(seed, "excitability")
        drive, before, fresh = rng.standard_normal((3, units))
        after = autocorrelation * before + np.sqrt(1 - autocorrelation**2) * fresh
        active = [drive_std * drive + std * each > threshold for each in (before, after)]
        overlaps.append((active[0] & active[1]).sum() / active[0].sum())
    return _of(overlaps)
