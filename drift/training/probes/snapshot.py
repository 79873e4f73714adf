"""Differentiable networks between two steps of learning: their responses to what they do not learn
from, with and without noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import xarray as xr

from drift.networks.differentiable import DifferentiableNetwork, Response
from drift.noise import ImplicitNoise, InputNoise
from drift.training.engines.base import Subject, side_by_side


class DenoisingSnapshot:
    """Subjects of one kind, their weights by name (subject, ...), and their responses to what is
    held out, computed when first asked for.

    Noise comes from the stream ``observation``, the same in every session, with the size that the
    recipe gives it in this step.
    """

    def __init__(
        self, subjects: Sequence[Subject], weights: Mapping[str, np.ndarray], step: int
    ) -> None:
        self.subjects, self.weights, self.step = subjects, weights, step
        self._implicit: dict[int, Any] = {}

    @cached_property
    def clean(self) -> list[Response]:
        """Response of each subject to the images as they are."""
        return [self._response(number, noisy=False) for number in range(len(self.subjects))]

    @cached_property
    def noisy(self) -> list[Response]:
        """Response of each subject to the images with the noise that it learns with."""
        return [self._response(number, noisy=True) for number in range(len(self.subjects))]

    def _response(self, number: int, noisy: bool) -> Response:
        import torch

        from drift.training.engines.draws import HostDraws
        from drift.training.engines.input_noise import noisy as with_noise

        subject = self.subjects[number]
        noise = input_noise(subject)
        source = HostDraws([subject.experiment.seed], "observation")

        def disturb(place: str, values: torch.Tensor) -> torch.Tensor:
            return (
                values
                if noise is None or noise.placement != place
                else with_noise(values, noise, self.step, source)
            )

        def explore(buffer: torch.Tensor) -> torch.Tensor:
            source.normal(buffer.unsqueeze(0))
            return buffer

        network: DifferentiableNetwork = subject.experiment.network  # type: ignore[assignment]
        with torch.no_grad():
            weights = {
                name: torch.as_tensor(values[number]) for name, values in self.weights.items()
            }
            inputs = torch.as_tensor(
                shown_inputs(subject), dtype=next(iter(weights.values())).dtype
            )
            return network.respond(
                weights, inputs, self.step, *((disturb, explore) if noisy else ())
            )

    @cached_property
    def hidden(self) -> xr.DataArray:
        """Noise-free activity of the hidden units (subject, sample, unit)."""
        return _labelled([response.selection.hidden for response in self.clean])

    @cached_property
    def activity(self) -> xr.DataArray:
        """Size of the noise-free activity (subject, sample, unit); 0 where a unit without a
        rectifier counts as silent."""
        return self._counted(self.hidden)

    @cached_property
    def noisy_activity(self) -> xr.DataArray:
        """Size of the activity under noise, likewise."""
        return self._counted(_labelled([response.selection.hidden for response in self.noisy]))

    def _counted(self, hidden: xr.DataArray) -> xr.DataArray:
        off = self.subjects[0].experiment.network.off()  # type: ignore[union-attr]
        return hidden if off == 0 else abs(hidden).where(abs(hidden) > off, 0.0)

    @cached_property
    def drive(self) -> xr.DataArray:
        """Noise-free drive of the hidden units (subject, sample, unit)."""
        return _labelled([response.selection.drive for response in self.clean])

    @cached_property
    def noisy_drive(self) -> xr.DataArray:
        """Drive under noise (subject, sample, unit)."""
        return _labelled([response.selection.drive for response in self.noisy])

    def losses(self, noisy: bool) -> np.ndarray:
        """Loss of each subject: mean squared error, or cross-entropy of labels or next tokens;
        shape (subject,)."""
        import torch

        from drift.training.engines.objective import mean_loss, objective_of

        losses = []
        for subject, response in zip(
            self.subjects, self.noisy if noisy else self.clean, strict=True
        ):
            targets = torch.as_tensor(shown_targets(subject), dtype=response.output.dtype)
            losses.append(
                float(mean_loss(response.output, targets, objective_of(subject.experience)))
            )
        return np.array(losses)

    def all_losses(self) -> list[np.ndarray]:
        """Return the losses without and with noise, each (subject,)."""
        return [self.losses(noisy=False), self.losses(noisy=True)]

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


def input_noise(one: Subject) -> InputNoise | None:
    """Noise that a subject learns to remove, also where only its implicit loss stands for it."""
    for noise in one.experiment.noise:
        if isinstance(noise, ImplicitNoise):
            return InputNoise(std=noise.std, schedule=noise.schedule)
        if isinstance(noise, InputNoise):
            return noise
    return None


def input_std(one: Subject, step: int) -> float:
    """Standard deviation of the noise of mean 0 on the inputs of a subject in a step; 0 where there
    is none."""
    noise = input_noise(one)
    centred = noise is not None and noise.placement == "input" and noise.mean(step) == 0
    return noise.scale(step) if noise is not None and centred else 0.0


def shown_inputs(one: Subject) -> np.ndarray:
    """Inputs that a session shows: held-out ones where the task has them; (sample, input)."""
    return one.experience["test_inputs" if "test_inputs" in one.experience else "inputs"].values


def shown_targets(one: Subject) -> np.ndarray:
    """Their targets, (sample, output)."""
    return one.experience["test_targets" if "test_targets" in one.experience else "targets"].values


def classifies(one: Subject) -> bool:
    """Whether the targets are classes, as ones and zeros."""
    return one.experience.attrs.get("objective") == "cross_entropy"


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
    if not classifies(subject) and tokens is None:
        return float(targets.var(dtype=float))
    shares = (
        targets.mean(0, dtype=float)
        if tokens is None
        else np.bincount(targets.ravel(), minlength=tokens) / targets.size
    )
    return float(-np.sum(shares * np.log(np.maximum(shares, 1e-300))))


def _labelled(tensors: Sequence[Any]) -> xr.DataArray:
    return xr.DataArray(
        side_by_side([tensor.numpy() for tensor in tensors]), dims=("subject", "sample", "unit")
    )
