"""What a session records: probes against independent formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import drift
from drift.training.engines.base import Subject, Weights
from drift.training.probes import differentiable as denoising_probes
from drift.training.probes import network as probes


@pytest.fixture
def seen() -> probes.Snapshot:
    recipe = drift.Experiment(
        task=drift.RandomTask(samples=5, inputs=4, outputs=3), network=drift.Network(units=6)
    )
    subjects = [Subject(recipe.replace(seed=seed), recipe.task.draw(seed)) for seed in (1, 2)]
    weights = Weights(
        *(np.array(part) for part in zip(*(one.first_weights() for one in subjects), strict=True))
    )
    return probes.snapshot(subjects, weights, 0)


def network_loss(one: Subject, flat: torch.Tensor) -> torch.Tensor:
    inward, outward = flat[:30].view(6, 5), flat[30:].view(6, 3)
    hidden = torch.relu(torch.from_numpy(one.inputs) @ inward[:, :-1].T + inward[:, -1])
    return ((hidden @ outward - torch.from_numpy(one.targets)) ** 2).mean()


def test_loss_norm_and_trace_are_those_of_autograd(seen: probes.Snapshot):
    for number, one in enumerate(seen.subjects):
        flat = torch.from_numpy(np.concatenate([part[number].ravel() for part in seen.weights]))
        curvature = torch.autograd.functional.hessian(
            lambda values, one=one: network_loss(one, values), flat
        )
        assert probes.loss(seen)[number] == pytest.approx(float(network_loss(one, flat)), rel=1e-12)
        assert probes.relative_loss(seen)[number] == pytest.approx(
            float(network_loss(one, flat)) / one.targets.var(ddof=1), rel=1e-12
        )
        assert probes.hessian_trace(seen)[number] == pytest.approx(
            float(curvature.trace()), rel=1e-10
        )
        assert probes.squared_norm(seen)[number] == pytest.approx(float((flat**2).sum()), rel=1e-12)


def test_weights_are_recorded_by_name(seen: probes.Snapshot):
    hidden = np.maximum(
        seen.subjects[0].inputs @ probes.input_weights(seen)[0].values.T
        + probes.bias(seen)[0].values,
        0,
    )
    np.testing.assert_allclose(hidden, probes.sample_activity(seen)[0], atol=1e-12)
    np.testing.assert_allclose(
        hidden @ probes.output_weights(seen)[0].values.T - seen.subjects[0].targets,
        seen.error[0],
        atol=1e-12,
    )
    assert probes.fraction_active_responses(seen)[0] == (hidden > 0).mean()
    assert probes.active_units(seen)[0] == (hidden > 0).any(0).sum()


def test_every_probe_has_its_row_in_the_schema(tmp_path):
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=10, rays=3),
        network=drift.Network(units=4),
        steps=2,
        sessions=2,
    )
    run = drift.train(
        [recipe, recipe.replace(seed=1)],
        probes=tuple(probes.PROBES),
        engine="batched",
        progress=False,
    )
    names = set(probes.PROBES) - set(denoising_probes.NAMES)
    assert names <= set(run.data_vars) and not set(denoising_probes.NAMES) & set(run.data_vars)
    drift.check(
        run, *names, "recorded", "detected_units", "elapsed", "spatial_information", "place_units"
    )
    for name in run.data_vars:
        assert run[name].attrs["units"] and run[name].attrs["long_name"], name


def denoising_run(std: float = 0.5, **network: object) -> xr.Dataset:
    recipe = drift.Experiment(
        task=drift.ImageTask(size=5, samples=40, test_samples=1024), network=drift.DenoisingNetwork(units=30, **network),
        learner=drift.Adam(learning_rate=1e-2), noise=[drift.InputNoise(std=std)], minibatch=20, steps=40, sessions=2,
    )  # fmt: skip
    return drift.train(
        [recipe, recipe.replace(seed=1)],
        probes=[name for name in probes.PROBES if name not in probes.CURVATURE],
        progress=False,
    )


def test_curvature_of_a_denoising_network_is_refused():
    recipe = drift.Experiment(
        task=drift.RandomTask(), network=drift.DenoisingNetwork(units=3), steps=1, sessions=1
    )
    with pytest.raises(
        drift.RefusedInputError, match="largest_eigenvalue does not know a DenoisingNetwork"
    ):
        drift.train([recipe], probes=["largest_eigenvalue"], progress=False, threads=1)


def test_denoising_networks_record_their_code_under_noise():
    run = denoising_run()
    drift.check(
        run,
        *denoising_probes.NAMES,
        "loss",
        "fraction_active_responses",
        "input_weights",
        "bias",
        "output_weights",
        "squared_norm",
    )
    assert "hessian_trace" not in run and "rate" not in run
    weights = [
        run[name].isel(subject=0, session=1).values.astype(float)
        for name in ("input_weights", "bias", "output_weights")
    ]
    images = drift.ImageTask(size=5, samples=40, test_samples=1024).draw(0).test_inputs.values
    noise = 0.5 * drift.stream(0, "observation").standard_normal(images.shape, dtype=np.float32)
    clean, noisy = (
        np.maximum(seen @ weights[0].T + weights[1], 0) for seen in (images, images + noise)
    )
    assert run.fraction_active_responses[0, 1] == pytest.approx((clean > 0).mean(), abs=1e-4)
    assert run.noisy_fraction_active_responses[0, 1] == pytest.approx((noisy > 0).mean(), abs=1e-4)
    assert run.count_variation[0, 1] == pytest.approx(
        (noisy > 0).sum(1).std() / (noisy > 0).sum(1).mean(), rel=1e-2
    )
    assert run.bias_mean[0, 1] == pytest.approx(weights[1].mean(), rel=1e-4)
    assert (run.noisy_loss > run.loss).all()


def test_implicit_terms_foretell_what_noise_costs():
    """Noisy less clean loss is the sum of the terms: 1,024 images in one, the first 256 in the
    other, hence within 15 %."""
    run = denoising_run(std=0.2).isel(session=1)
    cost = run.noisy_loss - run.loss
    assert (run.sparsify_term + run.margin_term + run.overlap_term).values == pytest.approx(
        cost.values, rel=0.15
    )


def test_probes_that_make_no_sense_record_nothing():
    quiet, tied = denoising_run(std=0.0), denoising_run(tied=True)
    assert (
        not {"margin_fraction", "sparsify_term"} & set(quiet.data_vars)
        and "sparsify_term" not in tied
    )
    assert np.allclose(tied.key_value_alignment, 1.0, atol=1e-5)
    assert np.array_equal(tied.output_weights[0, 1].values, tied.input_weights[0, 1].values.T)


def test_rate_map_is_the_mean_activity_of_the_samples_at_a_place():
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=60, rays=3),
        network=drift.Network(units=4),
        steps=1,
        sessions=1,
    )
    run = drift.train(
        [recipe], probes=("rate", "occupancy", "sample_activity"), engine="batched", progress=False
    ).isel(subject=0, session=0)
    experience = recipe.task.draw(0)
    edges = np.linspace(-5.6, 5.6, 51)
    place = np.minimum(np.digitize(experience.position.values, edges) - 1, 49)
    for direction in (1, -1):
        for here in range(50):
            own = (place == here) & (experience.direction.values == direction)
            found = run.sel(direction=direction).isel(place=here)
            assert found.occupancy == own.sum()
            if own.any():
                np.testing.assert_allclose(
                    found.rate, run.sample_activity[own].mean("sample"), rtol=1e-5
                )
            else:
                assert found.rate.isnull().all()


def test_a_poor_start_is_not_divergence():
    recipe = drift.Experiment(
        network=drift.Network(units=100), learner=drift.SGD(learning_rate=0.01), steps=50
    )
    often = drift.train(
        [recipe.replace(seed=seed, sessions=tuple(range(51))) for seed in range(4)],
        probes=("relative_loss",),
        progress=False,
    )
    assert (often["status"] == "complete").all()
    assert often["relative_loss"].max() > 10, "the test must look at networks that begin far off"
