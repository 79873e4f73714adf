"""What input noise adds to the loss of a network with one rectified hidden layer: terms that
sparsify, set margins and spread codes.

Notation: x clean input, z = W x + b drive, h = [z]_+ activity, y = D h + c outputs, r = x - y
(targets minus outputs); noise of standard deviation sigma on every input gives unit j the noise s_j
= sigma |w_j| on its drive, and units i and j the correlation rho_ij = cos(w_i, w_j). Delta, V and M
are mean, mean square and mean product of the changes of activity; Phi_j = Phi(z_j / s_j). Losses
are sums over outputs and means over samples. Noise of another law but mean 0 acts, to order
sigma^2, through its variance: give its standard deviation. All functions are differentiable, and
with first-order overlap can be mapped over networks with ``torch.vmap``.

References
----------
Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML (the three terms); Bishop 1995, Neural
Computation 7:108 (Jacobian penalty); Poole, Sohl-Dickstein & Ganguli 2014, arXiv:1406.1831 (noise
on hidden units).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch.utils.checkpoint import checkpoint

from drift.door import opened
from drift.errors import RefusedInputError
from drift.theory.input_noise.objectives import Objective
from drift.theory.input_noise.rectified_normal import (
    RectifiedNoise,
    covariance_beyond_first_order,
    rectified_noise,
)
from drift.theory.input_noise.weights import (
    NetworkWeights,
    Parameters,
    check_network,
    check_samples,
    checked_std,
    chosen_from,
    chosen_objective,
    preactivation,
)

FORMS = ("moments", "bias_variance")
OVERLAPS = ("exact", "first_order")
PAIRS = 1 << 18  # pairs of units, times samples, whose covariances are held at once


class ImplicitLoss(NamedTuple):
    """Noise-free loss and what noise adds to it, as scalars."""

    loss: torch.Tensor
    sparsify: torch.Tensor
    margin: torch.Tensor
    overlap: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        """Mean loss under noise."""
        return self.loss + self.sparsify + self.margin + self.overlap


class _Noisy(NamedTuple):
    """A network at its samples, and what noise does to its units."""

    objective: Objective
    form: str
    parameters: Parameters
    targets: torch.Tensor
    noise_std: float
    drive: torch.Tensor  # (sample, unit)
    std: torch.Tensor  # (unit,)
    units: RectifiedNoise  # (sample, unit) each
    outputs: torch.Tensor  # (sample, output)
    moved: torch.Tensor  # (sample, output) D Delta

    @property
    def centre(self) -> torch.Tensor:
        """Outputs at which the objective is expanded."""
        return self.outputs if self.form == "moments" else self.outputs + self.moved


def _noisy(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    noise_std: float,
    form: str,
    objective: str,
) -> _Noisy:
    criterion, std = chosen_objective(objective), checked_std(noise_std)
    check_samples(inputs, targets, parameters, criterion)
    chosen_from("form", form, FORMS)
    drive = preactivation(inputs, parameters)
    stds = std * torch.linalg.vector_norm(parameters.input_weights, dim=1)
    units = rectified_noise(drive, stds)
    outputs = torch.nn.functional.linear(
        drive.relu(), parameters.output_weights, parameters.output_bias
    )
    moved = units.shift @ parameters.output_weights.T
    return _Noisy(criterion, form, parameters, targets, std, drive, stds, units, outputs, moved)


def _loss(noisy: _Noisy) -> torch.Tensor:
    return noisy.objective.value(noisy.outputs, noisy.targets).mean()


def _sparsify(noisy: _Noisy) -> torch.Tensor:
    spread = (
        noisy.units.square
        if noisy.form == "moments"
        else noisy.units.square - noisy.units.shift.square()
    )
    return (
        (noisy.objective.of_units(noisy.centre, noisy.parameters.output_weights) * spread)
        .sum(dim=1)
        .mean()
    )


def _margin(noisy: _Noisy) -> torch.Tensor:
    if noisy.form == "moments":
        return (noisy.objective.slope(noisy.outputs, noisy.targets) * noisy.moved).sum(dim=1).mean()
    return noisy.objective.value(noisy.centre, noisy.targets).mean() - _loss(noisy)


def _first_order_overlap(noisy: _Noisy) -> torch.Tensor:
    keys, values = noisy.parameters.input_weights, noisy.parameters.output_weights
    objective, gate, centre = noisy.objective, noisy.units.active, noisy.centre
    own = noisy.std.square() * gate.square()  # (sample, unit)
    result = noisy.noise_std**2 * objective.of_jacobian(centre, values, keys, gate)
    if noisy.form == "moments":
        own = own + noisy.units.shift.square()
        result = result + objective.quadratic(centre, noisy.moved)
    return (result - (objective.of_units(centre, values) * own).sum(dim=1)).mean()


def _pair_covariances(noisy: _Noisy, samples: slice, pairs: torch.Tensor) -> torch.Tensor:
    """Sum over samples and pairs (2, pair) of what the first order leaves out."""
    keys, std = noisy.parameters.input_weights.double(), noisy.std.double()
    unit = torch.nn.functional.normalize(keys, dim=1)
    score = noisy.drive[samples].double() / torch.where(std > 0, std, 1.0)  # (sample, unit)
    first, second = pairs
    beyond = covariance_beyond_first_order(
        score[:, first], score[:, second], (unit @ unit.T)[first, second]
    )  # (sample, pair)
    weight = noisy.objective.of_pairs(noisy.centre[samples], noisy.parameters.output_weights, pairs)
    return 2 * (weight * std[first] * std[second] * beyond).sum()


def _exact_overlap(noisy: _Noisy) -> torch.Tensor:
    samples, units = noisy.drive.shape
    result = torch.zeros((), dtype=torch.float64, device=noisy.drive.device)
    for pairs in torch.triu_indices(units, units, 1, device=noisy.drive.device).split(PAIRS, dim=1):
        step = max(1, PAIRS // max(1, pairs.shape[1]))
        for start in range(0, samples, step):
            result = result + checkpoint(
                _pair_covariances, noisy, slice(start, start + step), pairs, use_reentrant=False
            )
    return _first_order_overlap(noisy) + (result / samples).to(noisy.drive.dtype)


TERMS: dict[str, Callable[[_Noisy], torch.Tensor]] = {
    "sparsify": _sparsify,
    "margin": _margin,
    "overlap": _first_order_overlap,
}


@opened
def implicit_loss(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    noise_std: float,
    *,
    form: Literal["moments", "bias_variance"] = "moments",
    overlap: Literal["exact", "first_order"] = "exact",
    objective: Literal["squared_error", "cross_entropy"] = "squared_error",
) -> ImplicitLoss:
    """Mean loss of a network whose inputs carry normal noise, split into what the noise asks of the
    hidden code.

    E |r|^2 = |r|^2 + sum_j |d_j|^2 V_j - 2 r.(D Delta) + sum_{i != j} (d_i.d_j) M_ij: loss,
    sparsify, margin, overlap; exact for squared errors. The form "bias_variance" splits the same
    total into the loss, the variance sum_j |d_j|^2 (V_j - Delta_j^2), the growth of the squared
    bias |r - D Delta|^2 - |r|^2, and the covariances sum_{i != j} (d_i.d_j) (M_ij - Delta_i
    Delta_j). For cross-entropy the terms are of second order in what noise adds to the outputs,
    around the clean outputs y ("moments") or around y + D Delta: d_i.d_j becomes d_i.H d_j / 2, H =
    diag p - p p', and the margin sum_k (p_k - t_k) (D Delta)_k.

    Parts are no functions of the map from inputs to outputs: a unit replaced by copies moves loss
    from sparsify to overlap. The time of the exact overlap is of order samples units^2; it is
    computed in float64, in pieces of 2^18 covariances, so that memory is bounded.

    Parameters
    ----------
    inputs : torch.Tensor
        (sample, input) without noise.
    targets : torch.Tensor
        (sample, output); for cross-entropy probabilities of the classes.
    parameters : NetworkWeights or alike
        Object with the tensors ``input_weights`` (unit, input), ``bias`` (unit,),
        ``output_weights`` (output, unit), ``output_bias``.
    noise_std : float
        sigma, on each input.
    form : {"moments", "bias_variance"}
        Moments of the changes of activity about 0 or about their means.
    overlap : {"exact", "first_order"}
        First order in rho: M_ij = sigma^2 (w_i.w_j) Phi_i Phi_j + Delta_i Delta_j.
    objective : {"squared_error", "cross_entropy"}

    Returns
    -------
    ImplicitLoss
        ``loss``, ``sparsify``, ``margin``, ``overlap`` and their ``total``. Divide by the outputs
        for a mean over outputs.

    Raises
    ------
    RefusedInputError
        If shapes, dtypes or options do not fit, data are not finite, or sigma is negative.

    References
    ----------
    Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML (the three terms); their closed forms are
    derived here.
    """
    chosen_from("overlap", overlap, OVERLAPS)
    check_network(parameters)
    if not all(bool(getattr(parameters, name).isfinite().all()) for name in NetworkWeights._fields):
        raise RefusedInputError(
            "weights must be finite, got NaN or infinity: look at a network that has not diverged."
        )
    noisy = _noisy(inputs, targets, parameters, noise_std, form, objective)
    spread = _exact_overlap(noisy) if overlap == "exact" else _first_order_overlap(noisy)
    return ImplicitLoss(_loss(noisy), _sparsify(noisy), _margin(noisy), spread)


@opened
def surrogate(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    noise_std: float,
    *,
    terms: Sequence[str] = ("sparsify", "margin", "overlap"),
    form: Literal["moments", "bias_variance"] = "moments",
    objective: Literal["squared_error", "cross_entropy"] = "squared_error",
) -> torch.Tensor:
    """Objective that trains a network without noise as if there were noise: its loss plus some of
    the implicit terms.

    Overlap is of first order in rho. In the form "moments" margin and overlap are unbounded below
    without the others.

    Parameters
    ----------
    inputs, targets, parameters, noise_std, form, objective
        As for ``implicit_loss``.
    terms : sequence of {"sparsify", "margin", "overlap"}
        What is added to the loss; all three stand for training with noise.

    Returns
    -------
    torch.Tensor
        Scalar; squared errors are divided by the outputs, as in training with the mean over them.

    Raises
    ------
    RefusedInputError
        As for ``implicit_loss``, or if a term is unknown.

    References
    ----------
    Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML (the three terms); the surrogate is derived
    here.
    """
    if isinstance(terms, str):
        raise RefusedInputError(
            f"terms must be a sequence of names, got {terms!r}: write ({terms!r},)."
        )
    term_functions = [TERMS[chosen_from("term", term, TERMS)] for term in dict.fromkeys(terms)]
    noisy = _noisy(inputs, targets, parameters, noise_std, form, objective)
    total = torch.stack([_loss(noisy), *(term(noisy) for term in term_functions)]).sum()
    return total / noisy.objective.scale(noisy.outputs.shape[1])


@opened
def jacobian_penalty(
    inputs: torch.Tensor, parameters: Parameters, *, objective: str = "squared_error"
) -> torch.Tensor:
    """Coefficient of sigma^2 that sparsify and overlap share: the sensitivity of the outputs to the
    inputs.

    E |J|_F^2 with J = D diag(1[z > 0]) W; for cross-entropy E tr(J' H J) / 2. It is a function of
    the map from inputs to outputs.

    Parameters
    ----------
    inputs : torch.Tensor
        (sample, input).
    parameters : NetworkWeights or alike
    objective : {"squared_error", "cross_entropy"}

    Returns
    -------
    torch.Tensor
        Scalar, mean over samples.

    Raises
    ------
    RefusedInputError
        If shapes do not fit or the objective is unknown.

    References
    ----------
    Bishop 1995, Neural Computation 7:108; Rifai et al. 2011, ICML.
    """
    criterion, (_inputs, _units, outputs) = chosen_objective(objective), check_network(parameters)
    check_samples(
        inputs, inputs.new_full((len(inputs), outputs), 1 / outputs), parameters, criterion
    )
    drive, values = preactivation(inputs, parameters), parameters.output_weights
    centre = torch.nn.functional.linear(drive.relu(), values, parameters.output_bias)
    return criterion.of_jacobian(
        centre, values, parameters.input_weights, (drive > 0).to(drive.dtype)
    ).mean()


@opened
def hidden_noise_penalty(output_weights: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """Squared error that noise added to the activity of hidden units brings, whatever the input:
    tr(D' D Sigma).

    Parameters
    ----------
    output_weights : torch.Tensor
        (output, unit) D.
    covariance : torch.Tensor
        (unit, unit) Sigma of the noise.

    Returns
    -------
    torch.Tensor
        Scalar, a sum over outputs.

    Raises
    ------
    RefusedInputError
        If the shapes do not fit.

    References
    ----------
    Poole, Sohl-Dickstein & Ganguli 2014, arXiv:1406.1831.
    """
    if output_weights.ndim != 2 or covariance.shape != (output_weights.shape[1],) * 2:
        shapes = f"{tuple(output_weights.shape)} and {tuple(covariance.shape)}"
        raise RefusedInputError(
            "output_weights must be (output, unit) and covariance (unit, unit), got "
            f"{shapes}: give one of each."
        )
    return ((output_weights @ covariance) * output_weights).sum()
