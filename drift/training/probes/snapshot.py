"""Networks between two steps of learning: their weights by name, and their responses, with and
without noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from drift.networks.base import SessionResponse
from drift.noise import InputNoise
from drift.training.engines.base import Subject, Weights, side_by_side

if TYPE_CHECKING:
    from torch import Tensor


class Snapshot:
    """Subjects of one kind, their weights by name (subject, ...), and their responses, computed
    when first asked for.

    Networks that are trained to bear noise see what is held out, the others what they learn from.
    Noise comes from the stream ``observation``, the same in every session, with the size that the
    recipe gives it in this step.
    """

    def __init__(self, subjects: Sequence[Subject], weights: Weights, step: int) -> None:
        self.subjects, self.weights, self.step = subjects, weights, step
        self.network = subjects[0].experiment.network
        self._implicit: dict[int, Any] = {}

    @property
    def bears_noise(self) -> bool:
        """Whether the networks are trained to bear noise, and respond to it, too."""
        return self.network.bears_noise

    @property
    def has_keys(self) -> bool:
        """Whether such a network has one layer of weights between inputs and units."""
        return self.bears_noise and "input_weights" in self.weights

    @cached_property
    def clean(self) -> list[SessionResponse]:
        """Response of each subject to its inputs as they are."""
        return [
            subject.experiment.network.session_response(
                self._own_weights(number), shown_inputs(subject), self.step
            )
            for number, subject in enumerate(self.subjects)
        ]

    @cached_property
    def noisy(self) -> list[SessionResponse]:
        """Response of each subject to its inputs with the noise that it learns with."""
        return [self._noisy(number) for number in range(len(self.subjects))]

    def _own_weights(self, number: int) -> dict[str, np.ndarray]:
        return {name: values[number] for name, values in self.weights.items()}

    def _noisy(self, number: int) -> SessionResponse:
        from drift.training.engines.draws import HostDraws
        from drift.training.engines.input_noise import noisy

        subject = self.subjects[number]
        noise = input_noise(subject)
        source = HostDraws([subject.experiment.seed], "observation")

        def disturb(place: str, values: Tensor) -> Tensor:
            if noise is None or noise.placement != place:
                return values
            return noisy(values, noise, self.step, source)

        def explore(buffer: Tensor) -> Tensor:
            source.normal(buffer.unsqueeze(0))
            return buffer

        network: Any = subject.experiment.network
        return network.session_response(
            self._own_weights(number), shown_inputs(subject), self.step, disturb, explore
        )

    @cached_property
    def hidden(self) -> xr.DataArray:
        """Noise-free activity of the hidden units (subject, sample, unit)."""
        return _labelled([response.hidden for response in self.clean])

    @cached_property
    def activity(self) -> xr.DataArray:
        """Size of the noise-free activity (subject, sample, unit); 0 where a unit without a
        rectifier counts as silent."""
        return self._counted(self.hidden)

    @cached_property
    def noisy_activity(self) -> xr.DataArray:
        """Size of the activity under noise, likewise."""
        return self._counted(_labelled([response.hidden for response in self.noisy]))

    def _counted(self, hidden: xr.DataArray) -> xr.DataArray:
        off = self.network.off()
        return hidden if off == 0 else abs(hidden).where(abs(hidden) > off, 0.0)

    @cached_property
    def drive(self) -> xr.DataArray:
        """Noise-free drive of the hidden units (subject, sample, unit)."""
        return _labelled([response.drive for response in self.clean])

    @cached_property
    def noisy_drive(self) -> xr.DataArray:
        """Drive under noise (subject, sample, unit)."""
        return _labelled([response.drive for response in self.noisy])

    @property
    def error(self) -> np.ndarray:
        """Output minus target (subject, sample, output), where the targets are numbers."""
        return np.array(
            [
                response.output - shown_targets(subject)
                for response, subject in zip(self.clean, self.subjects, strict=True)
            ]
        )

    def losses(self, noisy: bool) -> np.ndarray:
        """Loss of each subject: mean squared error, or cross-entropy of labels or next tokens;
        shape (subject,)."""
        return np.array(
            [
                subject.experiment.network.session_loss(
                    response.output, shown_targets(subject), subject.objective
                )
                for subject, response in zip(
                    self.subjects, self.noisy if noisy else self.clean, strict=True
                )
            ]
        )

    def all_losses(self) -> list[np.ndarray]:
        """Return the losses without and, where there is, with noise, each (subject,)."""
        return [self.losses(noisy) for noisy in (False, True)[: 1 + self.bears_noise]]

    def implicit(self, number: int, samples: int) -> Any:
        """Implicit loss of the noise of one subject's inputs on its first images: sparsify, margin,
        overlap, divided by the outputs."""
        if number not in self._implicit:
            import torch

            from drift.theory.input_noise.terms import implicit_loss
            from drift.theory.input_noise.weights import network_of

            subject = self.subjects[number]
            objective: Literal["cross_entropy", "squared_error"] = (
                "cross_entropy" if classifies(subject) else "squared_error"
            )
            with torch.no_grad():
                weights = network_of(
                    {name: torch.as_tensor(values[number]) for name, values in self.weights.items()}
                )
                shown = (shown_inputs(subject)[:samples], shown_targets(subject)[:samples])
                inputs, targets = (
                    torch.as_tensor(values).to(weights.bias.dtype) for values in shown
                )
                terms = implicit_loss(
                    inputs,
                    targets,
                    weights,
                    input_std(subject, self.step),
                    overlap="first_order",
                    objective=objective,
                )
            self._implicit[number] = type(terms)(
                *(term / (1 if classifies(subject) else targets.shape[1]) for term in terms)
            )
        return self._implicit[number]

    def reference_losses(self) -> np.ndarray:
        """Loss of a subject that gives the mean target, or the shares of the classes or tokens,
        whatever it sees; shape (subject,)."""
        return np.array([_reference(subject) for subject in self.subjects])


def input_noise(subject: Subject) -> InputNoise | None:
    """Noise that a subject learns to remove, also where only its implicit loss stands for it."""
    noises = (noise.on_inputs() for noise in subject.experiment.noise)
    return next((noise for noise in noises if noise is not None), None)


def input_std(subject: Subject, step: int) -> float:
    """Standard deviation of the noise of mean 0 on the inputs of a subject in a step; 0 where there
    is none."""
    noise = input_noise(subject)
    centred = noise is not None and noise.placement == "input" and noise.mean(step) == 0
    return noise.scale(step) if noise is not None and centred else 0.0


def shown_inputs(subject: Subject) -> np.ndarray:
    """Inputs that a session shows, (sample, input): held-out ones where the network is trained to
    bear noise and the task has them."""
    return subject.experience["test_inputs" if _holds_out(subject) else "inputs"].values


def shown_targets(subject: Subject) -> np.ndarray:
    """Their targets, (sample, output)."""
    return subject.experience["test_targets" if _holds_out(subject) else "targets"].values


def _holds_out(subject: Subject) -> bool:
    return subject.experiment.network.bears_noise and "test_inputs" in subject.experience


def classifies(subject: Subject) -> bool:
    """Whether the targets are classes, as ones and zeros."""
    return subject.objective == "cross_entropy"


def unit_biases(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Bias of every unit, also where all share one or have none; (subject, unit)."""
    subjects, units, _ = weights["input_weights"].shape
    return np.broadcast_to(weights.get("bias", np.zeros((subjects, 1))), (subjects, units))


def readout(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Output weights, also where they are the input weights; (subject, output, unit)."""
    return (
        weights["output_weights"]
        if "output_weights" in weights
        else weights["input_weights"].swapaxes(1, 2)
    )


def _reference(subject: Subject) -> float:
    targets, tokens = shown_targets(subject), subject.experience.sizes.get("token")
    if subject.objective == "squared_error":
        return _variance(targets, subject.experiment.network.bears_noise)
    shares = (
        targets.mean(0, dtype=float)
        if tokens is None
        else np.bincount(targets.ravel(), minlength=tokens) / targets.size
    )
    return float(-np.sum(shares * np.log(np.maximum(shares, 1e-300))))


def _variance(targets: np.ndarray, held_out: bool) -> float:
    """Variance of all targets: of those that are held out, or as an unbiased estimate from those
    that are learned, the published reference (Ratzon et al. 2024)."""
    if held_out:
        return float(targets.var(dtype=float))
    return float(targets.var(ddof=1)) if targets.size > 1 else float("nan")


def _labelled(arrays: Sequence[np.ndarray]) -> xr.DataArray:
    return xr.DataArray(side_by_side(arrays), dims=("subject", "sample", "unit"))
