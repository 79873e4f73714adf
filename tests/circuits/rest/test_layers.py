"""Circuits at rest as torch layers: values, derivatives, and what a network trained with them
reaches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import Tensor

import drift
from circuits.base import Circuit
from circuits.drives import normal_quantiles
from circuits.kinds.count_control import CountControl
from circuits.kinds.linear import LinearInterneuron
from circuits.kinds.saturating import SaturatingUnits
from circuits.kinds.threshold import ThresholdInterneuron
from circuits.rest.fixed_points import count_control_level, saturating_level, threshold_linear_level
from circuits.rest.layers import (
    PARAMETERS,
    CircuitLayer,
    count_control_rate,
    saturating_rate,
    threshold_linear_rate,
)
from drift.schema import RefusedInputError

Layer = Callable[..., Tensor]
# Functions of drive and parameters, and parameters at which some units win and some lose.
LAYERS: dict[str, tuple[Layer, tuple[float, ...]]] = {
    "linear": (threshold_linear_rate, (0.4,)),
    "threshold": (threshold_linear_rate, (1.5, 0.7)),
    "sparsemax": (lambda drive, total: threshold_linear_rate(drive, torch.inf, total), (2.0,)),
    "saturating": (saturating_rate, (1.2, 1.5, 0.5)),
    "count_control": (count_control_rate, (3.0, 4.0)),
}


def drives(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


def numbers(values: tuple[float, ...]) -> list[Tensor]:
    return [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]


@pytest.mark.parametrize("name", LAYERS)
def test_first_and_second_derivatives(name: str):
    """C24 for the drive and every parameter, against central differences."""
    layer, values = LAYERS[name]
    arguments = (drives(2, 2, 6), *numbers(values))
    assert torch.autograd.gradcheck(layer, arguments, eps=1e-6, atol=1e-7, rtol=1e-7)
    assert torch.autograd.gradgradcheck(layer, arguments, eps=1e-6, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_derivatives_with_a_parameter_for_each_stimulus(name: str):
    """C24 with parameters (stimulus) that broadcast against the drive."""
    layer, values = LAYERS[name]
    spread = torch.linspace(0.9, 1.1, 3, dtype=torch.float64)
    arguments = [(value * spread).requires_grad_() for value in values]
    assert torch.autograd.gradcheck(
        layer, (drives(3, 9, seed=1), *arguments), eps=1e-6, atol=1e-7, rtol=1e-7
    )
    one_drive = layer(drives(9, seed=2), *arguments)
    assert one_drive.shape == (3, 9)
    for row, alone in enumerate(zip(*arguments, strict=True)):
        torch.testing.assert_close(
            one_drive[row], layer(drives(9, seed=2), *alone), rtol=0, atol=1e-14
        )


def closed_jacobian(
    name: str, drive: np.ndarray, rate: np.ndarray, values: tuple[float, ...]
) -> np.ndarray:
    """The matrices of circuits, 2.9, built in full."""
    if name == "count_control":
        slope, pooled = values[1] * rate * (1 - rate), np.inf
    elif name == "saturating":
        slope, pooled = (1 - rate**2) / values[2] * (rate > 0), values[0]
    else:
        slope, pooled = (rate > 0).astype(float), np.inf if name == "sparsemax" else values[0]
    return np.diag(slope) - np.outer(slope, slope) / (1 / pooled + slope.sum())


@pytest.mark.parametrize("name", LAYERS)
def test_jacobians_are_those_of_the_implicit_function_theorem(name: str):
    """C24 in closed form."""
    layer, values = LAYERS[name]
    drive = drives(40, seed=3)
    jacobian = torch.autograd.functional.jacobian(
        lambda inputs: layer(inputs, *values), drive
    ).numpy()
    rate = layer(drive, *values).detach().numpy()
    np.testing.assert_allclose(
        jacobian, closed_jacobian(name, drive.detach().numpy(), rate, values), rtol=0, atol=1e-12
    )


def unrolled(name: str, drive: Tensor, values: list[Tensor], steps: int = 1500) -> Tensor:
    """Rates after many small steps of the circuit's own feedback loop, all of them in the graph."""
    level = torch.zeros((), dtype=torch.float64)
    for _ in range(steps):
        if name == "count_control":
            level = level + 0.05 * (torch.sigmoid(values[1] * (drive - level)).sum() - values[0])
        elif name == "sparsemax":
            level = level + 0.02 * ((drive - level).relu().sum() - values[0])
        elif name == "saturating":
            total = torch.tanh((drive - level).relu() / values[2]).sum()
            level = level + 0.02 * (values[0] * (total - values[1]).relu() - level)
        else:
            threshold = values[1] if name == "threshold" else 0.0
            level = level + 0.02 * (
                values[0] * ((drive - level).relu().sum() - threshold).relu() - level
            )
    if name == "count_control":
        return torch.sigmoid(values[1] * (drive - level))
    return (
        torch.tanh((drive - level).relu() / values[2])
        if name == "saturating"
        else (drive - level).relu()
    )


@pytest.mark.parametrize("name", LAYERS)
def test_vector_jacobian_products_equal_those_of_an_unrolled_solver(name: str):
    """C24: autograd through the solver's steps gives the same products at its own cost."""
    layer, values = LAYERS[name]
    drive, parameters, weights = drives(20, seed=4), numbers(values), drives(20, seed=5).detach()
    ours = layer(drive, *parameters)
    theirs = unrolled(name, drive, parameters)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    products = (
        torch.autograd.grad(rate @ weights, (drive, *parameters)) for rate in (ours, theirs)
    )
    for one, other in zip(*products, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("units", [10, 1000])
def test_rates_equal_the_closed_forms(units: int, scale: float):
    drive = scale * np.random.default_rng(6).standard_normal((20, units))
    tensor, excess = torch.from_numpy(drive), lambda level: drive - level[:, np.newaxis]
    for gain, offset in (
        (79 / units, 0.0),
        (5.0, 0.2 * scale * units),
        (1e-6, 0.0),
        (1e6, 0.0),
        (np.inf, 3.0 * scale),
    ):
        expected = np.maximum(excess(threshold_linear_level(drive, gain, offset)[0]), 0)
        np.testing.assert_allclose(
            threshold_linear_rate(tensor, gain, offset).numpy(),
            expected,
            rtol=0,
            atol=1e-13 * max(scale, 1),
        )
    for gain, offset, width in (
        (1.0, 0.05 * units, 0.5),
        (100.0, 0.05 * units, 0.005),
        (1.0, 2.0 * units, 0.1),
    ):
        expected = np.tanh(
            np.maximum(excess(saturating_level(drive, gain, offset, width)), 0) / width
        )
        rounding = (
            8 * np.finfo(float).eps * np.abs(drive).max() / width
        )  # of the level, as the slope 1 / L passes it on
        np.testing.assert_allclose(
            saturating_rate(tensor, gain, offset, width).numpy(),
            expected,
            rtol=0,
            atol=1e-13 + rounding,
        )
    for steepness in (1.0, 50.0, 1000.0):
        expected = expit(steepness * excess(count_control_level(drive, 0.3 * units, steepness)))
        rate = count_control_rate(tensor, 0.3 * units, steepness).numpy()
        np.testing.assert_allclose(
            rate, expected, rtol=0, atol=1e-9
        )  # the level is rounded, and multiplied by the steepness
        np.testing.assert_allclose(rate.sum(-1), 0.3 * units, rtol=1e-10)


@pytest.mark.parametrize(
    ("width", "inhibition", "active"),
    [(0.5, 0.930820, 18), (0.1, 1.149443, 13), (0.005, 1.199349, 12)],
)
def test_saturating_layer_on_the_grid(width: float, inhibition: float, active: int):
    """Values of row C13."""
    rate = saturating_rate(torch.from_numpy(normal_quantiles(100)), 1.0, 10.0, width)
    assert int((rate > 0).sum()) == active and float(rate.sum()) == pytest.approx(
        10 + inhibition, abs=1e-6
    )


def test_single_precision_and_silent_stimuli():
    drive = drives(5, 200).detach()
    drive[2] = -drive[2].abs()
    single = drive.float().requires_grad_()
    for name, (layer, values) in LAYERS.items():
        rate = layer(single, *values)
        assert rate.dtype == torch.float32
        torch.testing.assert_close(rate.double(), layer(drive, *values), rtol=1e-4, atol=1e-5)
        (gradient,) = torch.autograd.grad(rate.square().sum(), single)
        assert bool(torch.isfinite(gradient).all()), name
    assert not threshold_linear_rate(drive, 0.4)[2].any(), "no drive, no rate"


def test_equal_drives_win_or_lose_together():
    tied = torch.tensor([2.0, 1.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    rate = threshold_linear_rate(tied, 0.5)
    assert rate[1] == rate[2] and int((rate > 0).sum()) == 3
    at_threshold = torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(
        threshold_linear_rate(at_threshold, 1.0).sum(), at_threshold
    )  # lambda is 1, the second drive
    assert gradient.tolist() == pytest.approx([0.5, 0.0, 0.0], rel=1e-15, abs=1e-15)


def test_derivatives_where_inhibition_is_off_or_undetermined():
    drive = torch.tensor([2.0, 1.0, 0.3, -1.0], dtype=torch.float64, requires_grad=True)
    below = torch.autograd.functional.jacobian(
        lambda inputs: threshold_linear_rate(inputs, 3.0, 5.0), drive
    )
    assert torch.equal(below, torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)))
    (steep,) = torch.autograd.grad(
        count_control_rate(drive, 2.0, 1e5).square().sum(), drive
    )  # the level lies anywhere between 0.3 and 1
    assert bool((steep == 0).all())


CIRCUITS = (
    LinearInterneuron(units=200, gain=27.0),
    ThresholdInterneuron(units=200, gain=300.0, threshold=0.03),
    SaturatingUnits(units=200, gain=100.0, threshold=0.1, width=0.3),
    CountControl(units=200, active_fraction=0.1, steepness=20.0),
)


@pytest.mark.parametrize("circuit", CIRCUITS, ids=lambda circuit: circuit.kind)
def test_layer_is_the_fixed_point_of_its_circuit(circuit: Circuit):
    drive = drives(7, 200).detach()
    expected = circuit.fixed_point(drive.numpy())["rate"].values
    np.testing.assert_allclose(CircuitLayer(circuit)(drive).numpy(), expected, rtol=0, atol=1e-12)
    trained = CircuitLayer(circuit, learned=PARAMETERS[circuit.kind]).double()
    np.testing.assert_allclose(
        trained(drive).detach().numpy(), expected, rtol=0, atol=1e-5
    )  # parameters are made in single precision
    torch.testing.assert_close(
        torch.from_numpy(trained.circuit().fixed_point(drive.numpy())["rate"].values),
        trained(drive).detach(),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize("circuit", CIRCUITS, ids=lambda circuit: circuit.kind)
def test_learned_parameters_return_to_the_recipe(circuit: Circuit):
    """Gradient descent finds the one parameter that was changed."""
    name, drive = PARAMETERS[circuit.kind][-1], drives(20, 200).detach()
    target = torch.from_numpy(circuit.fixed_point(drive.numpy())["rate"].values)
    layer = CircuitLayer(
        circuit.replace(**{name: 1.5 * getattr(circuit, name)}), learned=[name]
    ).double()
    optimiser = torch.optim.LBFGS(
        layer.parameters(), max_iter=30, line_search_fn="strong_wolfe", tolerance_change=1e-14
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        error = (layer(drive) - target).square().sum()
        error.backward()
        return error

    optimiser.step(loss)
    assert getattr(layer.circuit(), name) == pytest.approx(getattr(circuit, name), rel=1e-5)
    restored = CircuitLayer(circuit, learned=[name]).double()
    restored.load_state_dict(layer.state_dict())
    assert restored.circuit() == layer.circuit() and CircuitLayer(circuit).circuit() == circuit


def final_loss(seed: int, selection: str, steps: int = 2000, units: int = 150) -> float:
    """Loss on the corridor of a network with one hidden layer after full-batch Adam, from the
    weights and the world of a seed."""
    experience = drift.CorridorTask(samples=150, rays=17).draw(seed)
    inputs, targets = (
        torch.from_numpy(experience[name].values).float() for name in ("inputs", "targets")
    )
    inputs = torch.nn.functional.pad(inputs, (0, 1), value=1.0)  # the last input is the bias
    network = drift.Network(units=units)
    first = network.first_weights(inputs.shape[1] - 1, targets.shape[1], seed)
    inward, outward = (
        torch.from_numpy(block).float().requires_grad_() for block in network.parameters(first)
    )
    circuit = LinearInterneuron(units=units).for_active_fraction(
        0.2, (inputs @ inward.T).detach().numpy()
    )
    layer = CircuitLayer(circuit) if selection == "linear" else torch.nn.ReLU()
    optimiser = torch.optim.Adam([inward, outward], lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (layer(inputs @ inward.T) @ outward - targets).square().mean()
        loss.backward()
        optimiser.step()
    return float(loss.detach())


@pytest.mark.slow
def test_network_with_a_circuit_reaches_the_loss_of_rectified_units():
    """Same worlds, first weights, optimiser and steps; a fifth of the units active instead of about
    half, and no worse than 10 %."""
    pairs = np.array(
        [
            [final_loss(seed, selection) for selection in ("rectified", "linear")]
            for seed in range(3)
        ]
    )
    print("loss with rectified units, with an interneuron:", *pairs.tolist())
    assert (pairs[:, 1] <= 1.1 * pairs[:, 0]).all() and (pairs < 5e-4).all()


class Unsupported(LinearInterneuron):
    """A circuit of another kind."""

    kind: str = "unsupported"  # type: ignore[assignment]


def test_refusals():
    circuit = LinearInterneuron(units=5)
    with pytest.raises(
        RefusedInputError, match="has no fixed point that one interneuron determines"
    ):
        CircuitLayer(Unsupported(units=5))
    with pytest.raises(RefusedInputError, match=r"got \['threshold'\]: choose from gain"):
        CircuitLayer(circuit, learned=["threshold"])
    with pytest.raises(RefusedInputError, match="threshold is 0 and cannot be learned"):
        CircuitLayer(ThresholdInterneuron(units=5, threshold=0.0), learned=["threshold"])
    with pytest.raises(RefusedInputError, match="has 4 units, the circuit of this layer 5"):
        CircuitLayer(circuit)(torch.ones(4))
    with pytest.raises(RefusedInputError, match="needs a floating-point tensor"):
        threshold_linear_rate(torch.ones(4, dtype=torch.long), 1.0)
    with pytest.raises(RefusedInputError, match="holds NaN or infinity"):
        CircuitLayer(circuit)(torch.tensor([1.0, 2.0, 3.0, 4.0, torch.nan]))
    with pytest.raises(RefusedInputError, match="gain of a circuit layer must be above 0"):
        threshold_linear_rate(torch.ones(4), torch.tensor([0.0]))
    with pytest.raises(
        RefusedInputError,
        match="offset of a circuit layer must be above 0 where the gain is infinite",
    ):
        threshold_linear_rate(torch.ones(4), torch.inf)
    with pytest.raises(
        RefusedInputError, match="winners of a circuit layer must be between 0 and the 4 units"
    ):
        count_control_rate(torch.ones(4), 4.0, 1.0)
    with pytest.raises(RefusedInputError, match="width of a circuit layer must be above 0"):
        saturating_rate(torch.ones(4), 1.0, 1.0, -1.0)
