"""What a session records: probes against independent formulas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import drift
from drift.schema import VARIABLES, Variable
from drift.training.engines.base import Subject, stacked_first_weights
from drift.training.probes import differentiable as denoising_probes
from drift.training.probes import network as probes
from drift.training.records import Records


@pytest.fixture
def seen() -> probes.Snapshot:
    recipe = drift.Experiment(
        task=drift.RandomTask(samples=5, inputs=4, outputs=3), network=drift.Network(units=6)
    )
    subjects = [Subject(recipe.replace(seed=seed), recipe.task.draw(seed)) for seed in (1, 2)]
    return probes.Snapshot(subjects, stacked_first_weights(subjects), 0)


def network_loss(one: Subject, flat: torch.Tensor) -> torch.Tensor:
    inward, outward = flat[:30].view(6, 5), flat[30:].view(6, 3)
    hidden = torch.relu(torch.from_numpy(one.inputs) @ inward[:, :-1].T + inward[:, -1])
    return ((hidden @ outward - torch.from_numpy(one.targets)) ** 2).mean()


def test_loss_norm_and_trace_are_those_of_autograd(seen: probes.Snapshot):
    for number, one in enumerate(seen.subjects):
        flat = torch.from_numpy(np.concatenate([block.ravel() for block in one.first_parameters()]))
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
    assert probes.fraction_active_units(seen)[0] == (hidden > 0).any(0).mean()


# what is there to be recorded only of several environments, a protocol, or excitable units
OF_SWITCHES = {"environment_loss", "steps_learned", "excitability"}


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
    in_rooms = drift.train(
        [
            recipe.replace(
                task=drift.CorridorTask(samples=10, rays=3, environments=2),
                network=drift.Network(
                    units=4, excitability=drift.Excitability(std=0.1, lifetime=9)
                ),
                protocol=drift.Protocol.blocks(2, 1),
            )
        ],
        probes=tuple(OF_SWITCHES),
        engine="batched",
        progress=False,
    )
    assert set(in_rooms.data_vars) >= OF_SWITCHES and not OF_SWITCHES & set(run.data_vars)
    drift.check(in_rooms, *OF_SWITCHES)
    names = set(probes.PROBES) - set(denoising_probes.NAMES) - OF_SWITCHES
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


def test_rate_maps_bring_their_occupancy():
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=20, rays=3),
        network=drift.Network(units=5),
        steps=2,
        sessions=2,
    )
    run = drift.train([recipe], probes=["rate"], progress=False)
    assert {"rate", "occupancy", "place_unit"} <= set(run)


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


def weight_lengths(seen: probes.Snapshot) -> xr.DataArray:
    """Length of the input weights of each unit: a probe from outside."""
    return np.sqrt(np.square(probes.input_weights(seen)).sum("input"))


def unknown_lengths(seen: probes.Snapshot) -> xr.DataArray:
    return weight_lengths(seen)


@pytest.fixture
def with_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Variable(("subject", "session", "unit"), "1", "length of the input weights of each unit")
    monkeypatch.setitem(VARIABLES, "weight_lengths", row)


def corridor(**changes: object) -> drift.Experiment:
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=30, rays=3),
        network=drift.Network(units=7),
        noise=[drift.UpdateNoise(std=0.05)],
        steps=20,
        sessions=3,
    )
    return recipe.replace(**changes)


@pytest.mark.parametrize("engine", ["fused", "batched"])
def test_a_function_records_beside_names(with_row: None, engine: str, tmp_path: Path):
    asked = ("loss", weight_lengths, "input_weights", probes.rate, "occupancy")
    run = drift.train([corridor()], probes=asked, engine=engine, progress=False)
    expected = np.linalg.norm(run["input_weights"].values, axis=-1)
    np.testing.assert_allclose(run["weight_lengths"].values, expected, rtol=1e-5)
    drift.check(run, "loss", "weight_lengths", "rate", "spatial_information")
    assert run["weight_lengths"].attrs["long_name"] == "length of the input weights of each unit"
    drift.save(run, tmp_path / "run.nc")
    assert drift.load(tmp_path / "run.nc")["weight_lengths"].equals(run["weight_lengths"])


@pytest.mark.parametrize("engine", ["fused", "batched"])
def test_what_a_function_records_is_the_same_alone_as_in_a_crowd(with_row: None, engine: str):
    crowd = [
        corridor(),
        corridor(seed=1, learner=drift.SGD(learning_rate=0.01)),
        corridor(network=drift.Network(units=5)),
    ]
    how = {"probes": [weight_lengths], "engine": engine, "progress": False}
    together = drift.train(crowd, **how)["weight_lengths"]
    for number, recipe in enumerate(crowd):
        alone = drift.train([recipe], **how)["weight_lengths"][0]
        found = together[number].isel(unit=slice(recipe.network.units))
        np.testing.assert_array_equal(found.values, alone.values)


def test_a_function_goes_on_from_a_checkpoint(
    with_row: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kept = tmp_path / "state.npz"
    how = {"probes": ["loss", weight_lengths], "progress": False}
    whole = drift.train([corridor()], **how)

    def interrupted(seen: probes.Snapshot) -> xr.DataArray:
        raise KeyboardInterrupt

    sessions: list[int] = []

    def weight_lengths_until(seen: probes.Snapshot) -> xr.DataArray:
        sessions.append(1)
        return weight_lengths(seen) if len(sessions) < 3 else interrupted(seen)

    weight_lengths_until.__name__ = "weight_lengths"
    with pytest.raises(KeyboardInterrupt):
        drift.train(
            [corridor()], probes=["loss", weight_lengths_until], checkpoint=kept, progress=False
        )
    assert kept.exists() and len(sessions) == 3
    monkeypatch.setattr(Records, "_record", counted := Counted(Records._record))
    resumed = drift.train([corridor()], checkpoint=kept, **how)
    assert counted.calls == 1
    for name in ("loss", "weight_lengths"):
        np.testing.assert_array_equal(resumed[name].values, whole[name].values)
    with pytest.raises(drift.RefusedInputError, match=r"another run \(probes differ\)"):
        drift.train([corridor()], probes=["loss"], checkpoint=kept, progress=False)


class Counted:
    """A method that counts how often it is called."""

    def __init__(self, method: Callable[..., None]) -> None:
        self.method, self.calls = method, 0

    def __get__(self, owner: object, kind: type) -> Callable[..., None]:
        return lambda *args: self(owner, *args)

    def __call__(self, *args: object) -> None:
        self.calls += 1
        self.method(*args)


def test_a_function_records_denoising_networks(with_row: None):
    recipe = drift.Experiment(
        task=drift.RandomTask(), network=drift.DenoisingNetwork(units=4), steps=3, sessions=2
    )
    run = drift.train([recipe], probes=["loss", weight_lengths, "input_weights"], progress=False)
    expected = np.linalg.norm(run["input_weights"].values, axis=-1)
    np.testing.assert_allclose(run["weight_lengths"].values, expected, rtol=1e-5)


def named(name: str, function: Callable[..., object]) -> Callable[..., object]:
    function.__name__ = name
    return function


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ([unknown_lengths], r"unknown_lengths needs a row of its name in drift.schema.VARIABLES"),
        ([lambda seen: None], r"probe <lambda> needs a row of its name"),
        ([partial(weight_lengths)], r"probe partial needs a row of its name"),
        ([named("position", lambda seen: None)], r"got one with the dims \(sample\)"),
        ([named("loss", lambda seen: None)], r"probe loss has the name of a variable that train"),
        ([named("place_unit", lambda seen: None)], r"place_unit has the name of a variable"),
        ([named("spatial_information", lambda seen: None)], r"give it a name of its own"),
        (
            [weight_lengths, named("weight_lengths", lambda seen: None)],
            r"two functions named weight_lengths",
        ),
        ([named("weight_lengths", lambda seen: 3.0)], r"must return a DataArray \(subject, unit\)"),
        (
            [named("weight_lengths", lambda seen: probes.loss(seen))],
            r"must return a DataArray \(subject, unit\), got a DataArray with the dims \(subject\)",
        ),
        ([named("weight_lengths", lambda seen: weight_lengths(seen)[:0])], r"of 1 subjects"),
        ([3], r"entry 0 of probes must be text or a function, got 3"),
        ("loss", r"probes must be a list of names or functions"),
        (weight_lengths, r"probes must be a list of names or functions"),
    ],
)
def test_a_function_without_a_row_or_with_the_wrong_result_is_refused(
    with_row: None, asked: object, sentence: str
):
    with pytest.raises(drift.RefusedInputError, match=sentence) as refused:
        drift.train([corridor()], probes=asked, progress=False)
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


def test_an_error_within_a_function_is_told_as_it_is(with_row: None):
    def weight_lengths(seen: probes.Snapshot) -> xr.DataArray:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        drift.train([corridor()], probes=[weight_lengths], progress=False)
