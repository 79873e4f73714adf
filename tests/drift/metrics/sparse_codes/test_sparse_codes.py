"""Measures of sparse codes against hand counts, closed forms and sampled twins."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.special import ndtr

from drift.errors import RefusedInputError
from drift.metrics import (
    active_fraction,
    active_fraction_deviation,
    activity_entropy,
    bias_deviation,
    bias_mean,
    count_variation,
    fraction_activated_by_bias,
    fraction_active_responses,
    fraction_dead_units,
    fraction_negative_biases,
    fraction_silenced_by_bias,
    key_norm_mean,
    key_norm_variation,
    key_overlap,
    key_value_alignment,
    margin_fraction,
    mean_margin_loss,
    nearest_image_cosine,
    reconstruction_accuracy,
    sparsity_change,
    specialisation,
    top_k_overlap,
)
from drift.metrics.sparse_codes.sparse_codes import SMOOTH_THRESHOLD
from drift.schema import VARIABLES

NAN = np.nan
CODE = xr.DataArray(
    [[1.0, 0, 0, 3, NAN], [1, 2, 0, 0, NAN], [1, 1, 0, 1, NAN], [1, 0, 0, 0, NAN]],
    dims=("sample", "unit"),
)


def responses(values, *dims: str) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, dtype=float), dims=(*dims, "sample", "unit"))


def keys(values, *dims: str) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, dtype=float), dims=(*dims, "unit", "input"))


def per_unit(values) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, dtype=float), dims="unit")


def inputs_of(values) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, dtype=float), dims=("sample", "input"))


def test_active_counts_by_hand_leave_out_units_not_observed():
    np.testing.assert_allclose(active_fraction(CODE), [0.5, 0.5, 0.75, 0.25])
    assert active_fraction_deviation(CODE).item() == pytest.approx(np.std([0.5, 0.5, 0.75, 0.25]))
    assert count_variation(CODE).item() == pytest.approx(np.std([2, 2, 3, 1]) / 2)
    assert active_fraction(CODE).mean().item() == pytest.approx(
        fraction_active_responses(CODE).item()
    )
    assert fraction_dead_units(CODE).item() == pytest.approx(1 / 4)


def test_spread_of_independent_units_is_binomial(rng):
    units, samples, share = 400, 4000, 0.2
    code = responses(rng.random((samples, units)) < share)
    expected = np.sqrt(share * (1 - share) / units)
    error = expected / np.sqrt(2 * samples)  # of a standard deviation
    assert abs(active_fraction_deviation(code).item() - expected) < 4 * error
    assert abs(count_variation(code).item() - expected / share) < 4 * error / share


def test_smooth_units_need_a_threshold():
    smooth = responses([[-2e-5, 0.3, -0.2], [5e-5, 2e-4, 0.0]])
    np.testing.assert_allclose(active_fraction(smooth, SMOOTH_THRESHOLD), [2 / 3, 1 / 3])
    with pytest.raises(RefusedInputError, match="threshold"):
        active_fraction(smooth)
    with pytest.raises(RefusedInputError, match="threshold"):
        active_fraction(CODE, -1.0)


def test_exact_top_k_overlaps_wholly_and_does_not_vary(rng):
    drive = rng.standard_normal((50, 40))
    least = np.sort(drive, axis=1)[:, -7][:, np.newaxis]
    top = responses(np.where(drive >= least, np.abs(drive) + 0.1, 0.0))
    assert top_k_overlap(top, responses(drive)).item() == pytest.approx(1, rel=1e-14)
    assert count_variation(top).item() == pytest.approx(0, abs=1e-14)


def test_overlap_with_top_k_by_hand_and_by_chance(rng):
    drive = responses([[3, 2, 1, 0], [0, 1, 2, 3]])
    assert top_k_overlap(responses([[1, 0, 1, 0], [0, 0, 1, 1]]), drive).item() == pytest.approx(
        (1 / 3 + 1) / 2
    )
    units, k = 60, 12
    shared = [
        top_k_overlap(
            _random_sets(rng, 200, units, k), responses(rng.standard_normal((200, units)))
        ).item()
        for _ in range(10)
    ]
    overlap = rng.hypergeometric(k, units - k, k, 200_000)
    expected = (overlap / (2 * k - overlap)).mean()
    assert abs(np.mean(shared) - expected) < 4 * np.std(shared, ddof=1) / np.sqrt(10)


def _random_sets(rng, samples: int, units: int, k: int) -> xr.DataArray:
    return responses(rng.permuted(np.arange(units) < k + np.zeros((samples, 1)), axis=1))


def test_no_active_unit_has_no_overlap_and_observed_units_need_a_drive():
    silent = responses(np.zeros((3, 4)))
    assert (
        np.isnan(top_k_overlap(silent, silent))
        and np.isnan(count_variation(silent))
        and np.isnan(activity_entropy(silent))
    )
    with pytest.raises(RefusedInputError, match="drive must be finite"):
        top_k_overlap(responses(np.ones((2, 2))), responses([[1, NAN], [1, 1]]))
    assert np.isfinite(top_k_overlap(CODE, CODE))


def test_sums_over_parts_of_an_epoch_tell_dead_units_as_samples_do(rng):
    code = responses(rng.exponential(size=(40, 6)) * [1, 1, 0, 1e-8, 1, 0])
    parts = responses(code.values.reshape(4, 10, 6).sum(axis=1))
    assert (
        fraction_dead_units(code).item() == fraction_dead_units(parts).item() == pytest.approx(0.5)
    )


def test_entropy_of_equal_shares_and_of_one_unit():
    assert activity_entropy(responses(np.eye(8) * 3)).item() == pytest.approx(3.0)
    assert activity_entropy(responses([[5, 0, 0], [2, 0, 0]])).item() == pytest.approx(0, abs=1e-15)
    assert activity_entropy(responses([[1, 1, 2, NAN]])).item() == pytest.approx(1.5)


def test_biases_and_norms_by_hand():
    bias = per_unit([-1, -1, 2, 0, NAN])
    assert bias_mean(bias).item() == pytest.approx(0, abs=1e-15)
    assert bias_deviation(bias).item() == pytest.approx(np.sqrt(1.5))
    assert fraction_negative_biases(bias).item() == pytest.approx(0.5)
    weights = keys([[3, 4], [0, 5], [0, 10], [NAN, NAN]])
    assert key_norm_mean(weights).item() == pytest.approx(20 / 3)
    assert key_norm_variation(weights).item() == pytest.approx(np.std([5, 5, 10]) / (20 / 3))


def test_what_biases_silence_and_activate(rng):
    bias = np.array([-0.5, 0.5, 0.0])
    without = rng.standard_normal((20_000, 3))
    drive, biases = responses(without + bias), per_unit(bias)
    expected = (
        ndtr(0.5) - 0.5
    ) / 3  # one unit of three loses, another gains, the drives in between 0 and .5
    error = np.sqrt(expected * (1 - expected) / without.size)
    assert abs(fraction_silenced_by_bias(drive, biases).item() - expected) < 4 * error
    assert abs(fraction_activated_by_bias(drive, biases).item() - expected) < 4 * error


def test_margins_against_noise_that_is_sampled(rng):
    """The mean shift of a rectified drive by noise is s L(|z| / s), and the margin is counted in
    standard deviations s of the drive."""
    weights, std, offsets = rng.standard_normal((4, 6)), 0.4, np.array([0.3, -0.6, 0.0, 2.0])
    spread = std * np.linalg.norm(weights, axis=1)
    shift = np.maximum(
        offsets + std * rng.standard_normal((200_000, 6)) @ weights.T, 0
    ) - np.maximum(offsets, 0)
    loss = mean_margin_loss(responses([offsets]), keys(weights), std).item()
    assert abs(loss - (shift / spread).mean()) < 4 * (shift / spread).mean(axis=1).std() / np.sqrt(
        len(shift)
    )
    assert margin_fraction(responses([offsets]), keys(weights), std).item() == pytest.approx(
        (np.abs(offsets) < spread).mean()
    )


def test_margin_loss_at_tabulated_margins():
    unit = keys([[1.0, 0.0]])
    table = {0: 0.39894228, 0.5: 0.19779656, 1: 0.08331547, 2: 0.00849070, 3: 0.00038215}
    for margin, expected in table.items():
        for sign in (-1, 1):
            assert mean_margin_loss(
                responses([[sign * margin]]), unit, 1.0
            ).item() == pytest.approx(expected, abs=1e-8)


def test_margins_without_key_or_noise():
    weights = keys([[0, 0], [1, 0], [NAN, NAN]])
    assert margin_fraction(responses([[0, 0, NAN]]), weights, 1.0).item() == pytest.approx(
        0.5, rel=1e-15
    )
    assert mean_margin_loss(responses([[0, 0, NAN]]), weights, 1.0).item() == pytest.approx(
        0.5 / np.sqrt(2 * np.pi)
    )
    with pytest.raises(RefusedInputError, match="std must be above 0"):
        margin_fraction(responses([[0.0]]), keys([[1.0]]), 0.0)
    by_subject = xr.DataArray([0.5, 4.0], dims="subject")
    np.testing.assert_allclose(
        margin_fraction(responses([[1.0]]), keys([[1.0]]), by_subject), [0, 1]
    )


def test_overlap_of_keys_by_hand_and_of_random_keys(rng):
    assert key_overlap(keys([[1, 0], [0, 2], [-3, 0], [0, 0]])).item() == pytest.approx(1 / 3)
    random = keys(rng.standard_normal((1500, 300)))  # more units than one block holds
    cosines = np.abs(_cosines(random.values))[np.triu_indices(1500, 1)]
    assert key_overlap(random).item() == pytest.approx(cosines.mean(), rel=1e-10)
    assert key_overlap(random).item() == pytest.approx(np.sqrt(2 / (np.pi * 300)), rel=0.01)


def _cosines(values: np.ndarray) -> np.ndarray:
    directions = values / np.linalg.norm(values, axis=1, keepdims=True)
    return directions @ directions.T


def test_alignment_of_keys_and_values():
    weights = keys([[1, 0], [0, 2], [1, 1], [0, 0]])
    values = xr.DataArray([[3.0, 0, -1, 1], [0, 1, -1, 1]], dims=("output", "unit"))
    assert key_value_alignment(weights, values).item() == pytest.approx(1 / 3)
    assert key_value_alignment(weights, values, responses([[1, 0, 3, 5]])).item() == pytest.approx(
        (1 - 3) / 4
    )
    with pytest.raises(RefusedInputError, match="equal length"):
        key_value_alignment(weights, values.isel(output=[0]))


def test_specialisation_is_the_rayleigh_quotient(rng):
    spectrum = np.array([9.0, 1.0, 0.25])
    samples = rng.standard_normal((40_000, 3)) * np.sqrt(spectrum)
    for axis, variance in enumerate(spectrum):
        along = specialisation(keys(5 * np.eye(3)[[axis]]), inputs_of(samples)).item()
        assert abs(along - variance) < 4 * variance * np.sqrt(2 / len(samples))
    weights = rng.standard_normal((4, 3))
    matrix = samples.T @ samples / len(samples)
    quotient = np.einsum("ui,ij,uj->u", weights, matrix, weights) / (weights**2).sum(axis=1)
    assert specialisation(keys(weights), inputs_of(samples)).item() == pytest.approx(
        quotient.mean()
    )


def test_specialisation_to_the_inputs_that_switch_a_unit_on():
    samples = inputs_of([[1, 0], [0, 3], [2, 2], [5, 5]])
    active = responses([[1, 0], [0, 1], [1, 1], [0, 0]])
    assert specialisation(keys([[2, 0], [0, 1]]), samples, active).item() == pytest.approx(
        ((1 + 4) / 2 + (9 + 4) / 2) / 2
    )


def test_reconstructions_are_found_among_the_candidates(rng):
    images = xr.DataArray(rng.random((64, 20)), dims=("sample", "output"))
    assert reconstruction_accuracy(images, images, 32).item() == pytest.approx(1, rel=1e-14)
    swapped = images.copy(data=images.values[[1, 0, *range(2, 64)]])
    assert reconstruction_accuracy(swapped, images, 32).item() == pytest.approx(62 / 64)
    shifted = images.roll(sample=32)  # found among the other half, which are no candidates
    assert reconstruction_accuracy(shifted, images, 64).item() == 0
    chance = [
        reconstruction_accuracy(images.copy(data=rng.random((64, 20))), images, 8).item()
        for _ in range(200)
    ]
    assert abs(np.mean(chance) - 1 / 8) < 4 * np.std(chance, ddof=1) / np.sqrt(200)


def test_accuracy_of_noisy_images_is_that_of_brute_force_and_falls_with_candidates(rng):
    clean = rng.random((512, 8))
    noisy = clean + 0.25 * rng.standard_normal(clean.shape)
    arrays = [xr.DataArray(values, dims=("sample", "output")) for values in (noisy, clean)]
    nearest = ((noisy[:, np.newaxis] - clean) ** 2).sum(axis=2).argmin(axis=1)
    found = {batch: reconstruction_accuracy(*arrays, batch).item() for batch in (16, 128, 512)}
    assert found[512] == pytest.approx((nearest == np.arange(512)).mean())
    assert found[16] > found[128] > found[512]


def test_accuracy_refuses_parts_of_batches_and_what_diverged():
    images = xr.DataArray(np.ones((10, 3)), dims=("sample", "output"))
    with pytest.raises(RefusedInputError, match="whole batches"):
        reconstruction_accuracy(images, images, 4)
    with pytest.raises(RefusedInputError, match="finite"):
        reconstruction_accuracy(images.where(images["sample"] > 0), images, 5)


def test_keys_that_store_an_image_are_found(rng):
    images = rng.standard_normal((5000, 12))  # more than one block holds
    weights = np.stack([-2 * images[3], 3 * images[4700], np.zeros(12)])
    found = nearest_image_cosine(keys(weights), inputs_of(np.vstack([images, np.zeros(12)])))
    brute = (
        images / np.linalg.norm(images, axis=1, keepdims=True) @ weights[0]
    ).max() / np.linalg.norm(weights[0])
    np.testing.assert_allclose(found, [brute, 1.0, NAN])


def test_sparsity_converges_as_an_exponential_does():
    elapsed = xr.DataArray(np.arange(0, 400, 10.0), dims="session")
    fraction = 0.1 + 0.5 * np.exp(-elapsed / 40)
    change = sparsity_change(fraction, elapsed)
    expected = 0.5 * (np.exp(-(elapsed - 50) / 40) - np.exp(-elapsed / 40)) / fraction
    np.testing.assert_allclose(change[5:], expected[5:], rtol=1e-12)
    assert change[:5].isnull().all() and change[-1] < 0.01 < change[10]
    with pytest.raises(RefusedInputError, match="rise"):
        sparsity_change(fraction, elapsed[::-1])


def test_leading_dims_are_independent_and_results_carry_their_units(rng):
    """A subject and session measured in a crowd are measured as they are alone."""
    crowd = {
        "hidden": responses(
            np.maximum(rng.standard_normal((2, 3, 40, 7)) - 0.3, 0), "subject", "session"
        ),
        "drive": responses(rng.standard_normal((2, 3, 40, 7)), "subject", "session"),
        "bias": xr.DataArray(rng.standard_normal((2, 3, 7)), dims=("subject", "session", "unit")),
        "input_weights": keys(rng.standard_normal((2, 3, 7, 5)), "subject", "session"),
        "output_weights": xr.DataArray(
            rng.standard_normal((2, 3, 5, 7)), dims=("subject", "session", "output", "unit")
        ),
        "outputs": xr.DataArray(
            rng.random((2, 3, 40, 5)), dims=("subject", "session", "sample", "output")
        ),
    }
    inputs, images = (
        inputs_of(rng.random((40, 5))),
        xr.DataArray(rng.random((40, 5)), dims=("sample", "output")),
    )
    measures = {
        active_fraction_deviation: lambda d: (d["hidden"],),
        count_variation: lambda d: (d["hidden"],),
        top_k_overlap: lambda d: (d["hidden"], d["drive"]),
        fraction_dead_units: lambda d: (d["hidden"],),
        activity_entropy: lambda d: (d["hidden"],),
        bias_mean: lambda d: (d["bias"],),
        bias_deviation: lambda d: (d["bias"],),
        fraction_negative_biases: lambda d: (d["bias"],),
        fraction_silenced_by_bias: lambda d: (d["drive"], d["bias"]),
        key_norm_mean: lambda d: (d["input_weights"],),
        key_norm_variation: lambda d: (d["input_weights"],),
        key_overlap: lambda d: (d["input_weights"],),
        key_value_alignment: lambda d: (d["input_weights"], d["output_weights"], d["hidden"]),
        specialisation: lambda d: (d["input_weights"], inputs, d["hidden"]),
        margin_fraction: lambda d: (d["drive"], d["input_weights"], 0.5),
        mean_margin_loss: lambda d: (d["drive"], d["input_weights"], 0.5),
        reconstruction_accuracy: lambda d: (d["outputs"], images, 20),
    }
    alone = {name: array.isel(subject=1, session=2) for name, array in crowd.items()}
    for measure, arguments in measures.items():
        together = measure(*arguments(crowd))
        assert together.dims == ("subject", "session"), measure.__name__
        assert together.name == measure.__name__ and "units" in together.attrs
        assert (
            together.name not in VARIABLES
            or together.attrs["units"] == VARIABLES[together.name].units
        )
        np.testing.assert_allclose(
            together[1, 2], measure(*arguments(alone)), rtol=1e-12, err_msg=measure.__name__
        )


@pytest.mark.parametrize(
    "measure", [bias_mean, key_norm_mean, key_overlap, fraction_dead_units, activity_entropy]
)
def test_missing_names_are_refused(measure):
    with pytest.raises(RefusedInputError, match="lacks the dim"):
        measure(xr.DataArray(np.ones((2, 2)), dims=("place", "session")))
