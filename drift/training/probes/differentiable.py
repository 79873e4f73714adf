"""What a session of a differentiable network records besides: its code under the noise of learning,
thresholds, keys, implicit loss.

Each probe takes a snapshot; where it makes no sense, as without keys, it records nothing. Activity
is measured on what is held out, with noise on where the name or the description says so (Bricken et
al. 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np
import xarray as xr

from drift import metrics
from drift.training.probes.snapshot import (
    Snapshot,
    classifies,
    input_std,
    readout,
    shown_inputs,
    shown_targets,
    unit_biases,
)

NAMES = (
    "noisy_loss",
    "noisy_fraction_active_responses",
    "active_fraction_deviation",
    "count_variation",
    "top_k_overlap",
    "fraction_dead_units",
    "activity_entropy",
    "reconstruction_accuracy",
    "bias_mean",
    "bias_deviation",
    "fraction_negative_biases",
    "key_norm_mean",
    "key_norm_variation",
    "key_value_alignment",
    "key_overlap",
    "specialisation",
    "margin_fraction",
    "mean_margin_loss",
    "sparsify_term",
    "margin_term",
    "overlap_term",
)
BATCH = 1024  # images among which a reconstruction looks for its own
TERM_SAMPLES = 256  # images on which the implicit loss is evaluated

Measure = Callable[[Snapshot], xr.DataArray | None]


def _under_noise(measure: Measure) -> Measure:
    """Make a probe of a measure of networks that are trained to bear noise."""

    @wraps(measure)
    def probe(seen: Snapshot) -> xr.DataArray | None:
        return measure(seen) if seen.bears_noise else None

    return probe


def _of_keys(measure: Measure) -> Measure:
    """Make a probe of a measure of such networks with one layer of weights between inputs and
    units, the keys."""

    @wraps(measure)
    def probe(seen: Snapshot) -> xr.DataArray | None:
        return measure(seen) if seen.has_keys else None

    return probe


@_under_noise
def noisy_loss(seen: Snapshot) -> xr.DataArray:
    """Mean squared error, or cross-entropy, between the response to noisy inputs and the clean
    target."""
    return xr.DataArray(seen.losses(noisy=True), dims="subject")


@_under_noise
def noisy_fraction_active_responses(seen: Snapshot) -> xr.DataArray:
    """Fraction of all responses above zero, with noise."""
    return metrics.fraction_active_responses(seen.noisy_activity)


@_under_noise
def active_fraction_deviation(seen: Snapshot) -> xr.DataArray:
    """Standard deviation over images of the fraction of active units, with noise."""
    return metrics.active_fraction_deviation(seen.noisy_activity)


@_under_noise
def count_variation(seen: Snapshot) -> xr.DataArray:
    """Coefficient of variation over images of the number of active units, with noise."""
    return metrics.count_variation(seen.noisy_activity)


@_under_noise
def top_k_overlap(seen: Snapshot) -> xr.DataArray:
    """Jaccard index of the active units with the units of largest drive, with noise."""
    return metrics.top_k_overlap(seen.noisy_activity, seen.noisy_drive)


@_under_noise
def fraction_dead_units(seen: Snapshot) -> xr.DataArray:
    """Fraction of units that no noisy image drives."""
    return metrics.fraction_dead_units(seen.noisy_activity)


@_under_noise
def activity_entropy(seen: Snapshot) -> xr.DataArray:
    """Entropy of the units' shares in the summed activity, with noise."""
    return metrics.activity_entropy(seen.noisy_activity)


@_of_keys
def reconstruction_accuracy(seen: Snapshot) -> xr.DataArray | None:
    """Fraction of noisy images whose reconstruction has its own clean image as the nearest of
    1,024; None for labels."""
    images = np.stack([shown_targets(subject) for subject in seen.subjects])
    whole = images.shape[1] // BATCH * BATCH
    if classifies(seen.subjects[0]) or not whole:
        return None
    outputs = np.stack([response.output for response in seen.noisy])
    dims = ("subject", "sample", "output")
    return metrics.reconstruction_accuracy(
        xr.DataArray(outputs[:, :whole], dims=dims),
        xr.DataArray(images[:, :whole], dims=dims),
        BATCH,
    )


@_of_keys
def bias_mean(seen: Snapshot) -> xr.DataArray:
    """Mean bias over units."""
    return metrics.bias_mean(_biases(seen))


@_of_keys
def bias_deviation(seen: Snapshot) -> xr.DataArray:
    """Standard deviation of the biases over units."""
    return metrics.bias_deviation(_biases(seen))


@_of_keys
def fraction_negative_biases(seen: Snapshot) -> xr.DataArray:
    """Fraction of units with a negative bias."""
    return metrics.fraction_negative_biases(_biases(seen))


@_of_keys
def key_norm_mean(seen: Snapshot) -> xr.DataArray:
    """Mean length of the input weights."""
    return metrics.key_norm_mean(_keys(seen))


@_of_keys
def key_norm_variation(seen: Snapshot) -> xr.DataArray:
    """Coefficient of variation over units of the length of the input weights."""
    return metrics.key_norm_variation(_keys(seen))


@_of_keys
def key_value_alignment(seen: Snapshot) -> xr.DataArray | None:
    """Mean cosine of input and output weights of a unit; None where outputs are no inputs."""
    values = readout(seen.weights)
    if values.shape[1] != seen.weights["input_weights"].shape[2]:
        return None
    return metrics.key_value_alignment(
        _keys(seen), xr.DataArray(values, dims=("subject", "output", "unit"))
    )


@_of_keys
def key_overlap(seen: Snapshot) -> xr.DataArray:
    """Mean absolute cosine between the input weights of two units."""
    return metrics.key_overlap(_keys(seen))


@_of_keys
def specialisation(seen: Snapshot) -> xr.DataArray:
    """Mean squared image along the input weights of a unit, over the images that switch it on."""
    return metrics.specialisation(_keys(seen), _images(seen), seen.activity)


@_of_keys
def margin_fraction(seen: Snapshot) -> xr.DataArray | None:
    """Fraction of clean drives within one standard deviation of their noise from threshold; None
    without noise on the inputs."""
    return _margin(metrics.margin_fraction, seen)


@_of_keys
def mean_margin_loss(seen: Snapshot) -> xr.DataArray | None:
    """Mean unit loss of the distance of clean drives from threshold; None without noise on the
    inputs."""
    return _margin(metrics.mean_margin_loss, seen)


@_of_keys
def sparsify_term(seen: Snapshot) -> xr.DataArray | None:
    """Implicit loss that variance of the activity brings; None without noise on the inputs of a
    plain network."""
    return _term(seen, "sparsify")


@_of_keys
def margin_term(seen: Snapshot) -> xr.DataArray | None:
    """Implicit loss that the mean shift of the activity brings."""
    return _term(seen, "margin")


@_of_keys
def overlap_term(seen: Snapshot) -> xr.DataArray | None:
    """Implicit loss that units bring which vary together."""
    return _term(seen, "overlap")


def _biases(seen: Snapshot) -> xr.DataArray:
    return xr.DataArray(unit_biases(seen.weights), dims=("subject", "unit"))


def _keys(seen: Snapshot) -> xr.DataArray:
    return xr.DataArray(seen.weights["input_weights"], dims=("subject", "unit", "input"))


def _images(seen: Snapshot) -> xr.DataArray:
    return xr.DataArray(
        np.stack([shown_inputs(subject) for subject in seen.subjects]),
        dims=("subject", "sample", "input"),
    )


def _margin(measure: Callable[..., xr.DataArray], seen: Snapshot) -> xr.DataArray | None:
    """A measure of margins of each subject, NaN without noise; None where the noise on a drive is
    not std times the length of its key."""
    stds = np.array([input_std(subject, seen.step) for subject in seen.subjects])
    if not seen.network.has_plain_drive() or not (stds > 0).any():
        return None
    margins = measure(
        seen.drive, _keys(seen), xr.DataArray(np.where(stds > 0, stds, 1.0), dims="subject")
    )
    return margins.where(xr.DataArray(stds > 0, dims="subject"))


def _term(seen: Snapshot, name: str) -> xr.DataArray | None:
    """One implicit term of each subject, of first order in overlap, a mean over outputs like the
    loss; NaN without noise."""
    stds = [input_std(subject, seen.step) for subject in seen.subjects]
    if not seen.network.is_plain() or not any(stds):
        return None
    terms = [
        getattr(seen.implicit(number, TERM_SAMPLES), name) if std else np.nan
        for number, std in enumerate(stds)
    ]
    return xr.DataArray(np.array(terms, dtype=float), dims="subject")
