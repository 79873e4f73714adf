"""Circuits at rest as differentiable torch layers, to stand in a trained network where a rectifier
stands otherwise.

All circuits with one interneuron rest where one scalar equation holds,

    sum_i f(I_i - lambda) = theta + lambda / w,      E_i = f(I_i - lambda),

with f rectifying (linear and threshold interneuron), saturating, or logistic (count control: w
infinite, theta = k). The derivative of lambda follows from the implicit-function theorem, d lambda
= (sum_i f'_i dI_i - d theta - lambda d(1/w)) / (1/w + sum_i f'_i), and 0 where inhibition is off;
it costs O(units) per stimulus and no matrix is ever built (circuits, 2.9). Importing this module
loads torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from circuits.base import Circuit
from circuits.rest.levels import LOGISTIC, RECTIFYING, SATURATING, Inhibition, Response
from drift.schema.labelled_form import RefusedInputError


def _rate(drive: Tensor, compliance: Any, total: Any, scale: Any, response: Response) -> Tensor:
    drive = _checked(drive)
    parameters = [
        torch.as_tensor(value, dtype=drive.dtype, device=drive.device)
        for value in (compliance, total, scale)
    ]
    outer = torch.broadcast_shapes(drive.shape[:-1], *(value.shape for value in parameters))
    drive = drive.expand(*outer, drive.shape[-1])
    expanded = [value.expand(outer) for value in parameters]
    level = Inhibition.apply(drive, *expanded, response)
    return response.rate(drive - level[..., None], expanded[2][..., None])


def _checked(drive: Tensor) -> Tensor:
    if (
        not isinstance(drive, Tensor)
        or not drive.is_floating_point()
        or drive.ndim == 0
        or drive.shape[-1] == 0
    ):
        description = (
            f"{drive.dtype} of shape {tuple(drive.shape)}"
            if isinstance(drive, Tensor)
            else type(drive).__name__
        )
        raise RefusedInputError(
            f"a circuit layer needs a floating-point tensor (..., unit), got {description}: use "
            "torch.as_tensor."
        )
    # one pass; a sum that overflows is no drive either
    if not bool(torch.isfinite(drive.detach().sum())):
        raise RefusedInputError(
            "the drive of a circuit layer holds NaN or infinity: lower the learning rate or "
            "look at its inputs."
        )
    return drive


def _require(holds: bool | Tensor, name: str, needed: str, got: Any) -> None:
    if not bool(torch.as_tensor(holds).all()):
        shown = got.detach().flatten()[:3].tolist() if isinstance(got, Tensor) else got
        raise RefusedInputError(
            f"{name} of a circuit layer must be {needed}, got {shown}: change it or its "
            "parametrisation."
        )


def threshold_linear_rate(
    drive: Tensor, gain: float | Tensor, offset: float | Tensor = 0.0
) -> Tensor:
    """Return the rates at rest of threshold-linear units with one interneuron, differentiably.

    E_i = [I_i - lambda]_+, lambda = w [sum_i E_i - theta]_+ (circuits, 2.1 and 2.2); theta = 0 is
    the linear interneuron, w = infinity sparsemax. dE_i/dI_j = delta_ij - w / (1 + w k) between
    winners, d lambda/dw = (sum E - theta) / (1 + w k), d lambda/d theta = -w / (1 + w k).

    Parameters
    ----------
    drive : torch.Tensor
        I, (..., unit).
    gain : float or torch.Tensor
        w, (...), above 0; infinity where theta is above 0.
    offset : float or torch.Tensor
        theta, (...).

    Returns
    -------
    torch.Tensor
        (..., unit).

    Raises
    ------
    RefusedInputError
        If the drive is no finite floating-point tensor, or a parameter lies outside its range.
    """
    _require(gain > 0, "gain", "above 0", gain)
    _require(
        (torch.as_tensor(gain) < torch.inf) | (torch.as_tensor(offset) > 0),
        "offset",
        "above 0 where the gain is infinite",
        offset,
    )
    return _rate(drive, 1 / gain, offset, 1.0, RECTIFYING)


def saturating_rate(
    drive: Tensor, gain: float | Tensor, offset: float | Tensor, width: float | Tensor
) -> Tensor:
    """Return the rates at rest of saturating units with one interneuron, differentiably.

    E_i = tanh([I_i - lambda]_+ / L), lambda = w [sum_i E_i - theta]_+ (circuits, 2.3).
    dE_i/dI_j = g_i (delta_ij - w g_j / (1 + w sum g)) with g_i = (1 - E_i^2) / L for active units.

    Parameters
    ----------
    drive : torch.Tensor
        I, (..., unit).
    gain, offset, width : float or torch.Tensor
        w, theta and L, (...); w and L above 0.

    Returns
    -------
    torch.Tensor
        (..., unit).

    Raises
    ------
    RefusedInputError
        If the drive is no finite floating-point tensor, or a parameter lies outside its range.
    """
    _require(gain > 0, "gain", "above 0", gain)
    _require(width > 0, "width", "above 0", width)
    return _rate(drive, 1 / gain, offset, width, SATURATING)


def count_control_rate(drive: Tensor, winners: float | Tensor, steepness: float | Tensor) -> Tensor:
    """Return the rates at rest of logistic units whose sum is controlled, differentiably.

    E_i = sigma(beta (I_i - R)) with sum_i E_i = k (circuits, 2.5). dE_i/dI_j = g_i (delta_ij - g_j
    / sum g), g_i = beta E_i (1 - E_i).

    Parameters
    ----------
    drive : torch.Tensor
        I, (..., unit).
    winners, steepness : float or torch.Tensor
        k and beta, (...); 0 < k < units, beta above 0.

    Returns
    -------
    torch.Tensor
        (..., unit).

    Raises
    ------
    RefusedInputError
        If the drive is no finite floating-point tensor, or a parameter lies outside its range.
    """
    units = _checked(drive).shape[-1]
    _require(
        (torch.as_tensor(winners) > 0) & (torch.as_tensor(winners) < units),
        "winners",
        f"between 0 and the {units} units",
        winners,
    )
    _require(steepness > 0, "steepness", "above 0", steepness)
    return _rate(drive, 0.0, winners, steepness, LOGISTIC)


# What one interneuron brings to rest, by kind of circuit; gains, thresholds and fractions of
# circuits are per unit.
RATES: dict[str, Callable[..., Tensor]] = {
    "linear": lambda drive, gain: threshold_linear_rate(drive, gain / drive.shape[-1]),
    "threshold": lambda drive, gain, threshold: threshold_linear_rate(
        drive, gain / drive.shape[-1], threshold * drive.shape[-1]
    ),
    "saturating": lambda drive, gain, threshold, width: saturating_rate(
        drive, gain / drive.shape[-1], threshold * drive.shape[-1], width
    ),
    "count_control": lambda drive, active_fraction, steepness: count_control_rate(
        drive, active_fraction * drive.shape[-1], steepness
    ),
}
PARAMETERS = {kind: tuple(inspect.signature(rate).parameters)[1:] for kind, rate in RATES.items()}


class CircuitLayer(nn.Module):
    """A circuit at rest as a layer of a trained network: drives (..., unit) in, rates (..., unit)
    out.

    Parameters
    ----------
    circuit : Circuit
        Linear or threshold interneuron, saturating units, or count control.
    learned : sequence of str
        Names of the circuit's parameters that are trained along, such as "gain"; they walk on a
        logarithmic scale, the active fraction on a logistic one, so that they stay in their range.

    Raises
    ------
    RefusedInputError
        If the circuit does not rest in a state that one interneuron determines, or a name is not
        one of its parameters.
    """

    def __init__(self, circuit: Circuit, learned: Sequence[str] = ()) -> None:
        super().__init__()
        self._recipe = circuit
        parameters = _movable(circuit, learned)
        self._fixed = {name: getattr(circuit, name) for name in parameters if name not in learned}
        self.learned = nn.ParameterDict(
            {name: nn.Parameter(_unbounded(name, getattr(circuit, name))) for name in learned}
        )

    def forward(self, drive: Tensor) -> Tensor:
        """Return the rates at rest, (..., unit), of drives (..., unit)."""
        if drive.shape[-1] != self._recipe.units:
            raise RefusedInputError(
                f"the drive has {drive.shape[-1]} units, the circuit of this layer "
                f"{self._recipe.units}: "
                f"use circuit.replace(units={drive.shape[-1]})."
            )
        return RATES[self._recipe.kind](drive, **self._fixed, **self._trained())

    def circuit(self) -> Circuit:
        """Return the circuit with its parameters as they have been trained, for instance to settle
        it in Brian2."""
        return self._recipe.replace(
            **{name: float(value.detach()) for name, value in self._trained().items()}
        )

    def _trained(self) -> dict[str, Tensor]:
        return {name: _bounded(name, value) for name, value in self.learned.items()}

    def extra_repr(self) -> str:
        """Return the circuit's recipe, which torch prints."""
        return repr(self._recipe)


def _unbounded(name: str, value: float) -> Tensor:
    if value == 0:
        raise RefusedInputError(
            f"{name} is 0 and cannot be learned on a logarithmic scale: start above 0, for "
            "instance at 1e-3."
        )
    on_line = torch.logit if name == "active_fraction" else torch.log
    return on_line(torch.tensor(value, dtype=torch.float64)).to(torch.get_default_dtype())


def _bounded(name: str, on_line: Tensor) -> Tensor:
    return torch.sigmoid(on_line) if name == "active_fraction" else torch.exp(on_line)


def _movable(circuit: Circuit, learned: Sequence[str]) -> tuple[str, ...]:
    """Return the parameters that move the circuit's fixed point, among which the learned ones must
    be."""
    if circuit.kind not in RATES:
        raise RefusedInputError(
            f"a {circuit.kind} circuit has no fixed point that one interneuron determines: "
            f"use one of {', '.join(RATES)}."
        )
    parameters = PARAMETERS[circuit.kind]
    if isinstance(learned, str) or not set(learned) <= set(parameters):
        raise RefusedInputError(
            "learned must be a list of parameters that move the fixed point of a "
            f"{circuit.kind} circuit, got {learned!r}: "
            f"choose from {', '.join(parameters)}."
        )
    return parameters
