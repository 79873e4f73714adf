"""The minibatch engine: networks differentiated by torch, one after the other with all threads
each.

A step is a handful of large matrix products. What else it costs is kept small: the plain network's
gradient is written out so that it lands where it is needed, Adam passes once over the weights, and
noise is drawn by generators that write into torch's storage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from drift.networks import DifferentiableNetwork
from drift.networks.objective import mean_loss, sample_losses
from drift.noise import ImplicitNoise
from drift.theory.input_noise.terms import surrogate
from drift.theory.input_noise.weights import network_of
from drift.training.engines.base import Precision, Subject, Weights, stacked
from drift.training.engines.direct_gradient import DirectGradient
from drift.training.engines.input_noise import noisy
from drift.training.engines.order import Order
from drift.training.engines.torch_program import TorchEngine, TorchProgram


class MinibatchProgram(TorchProgram):
    """One network and its data."""

    alone = True

    def __init__(self, subject: Subject, precision: Precision, device: str) -> None:
        dtype = torch.float64 if precision == "float64" else torch.float32
        super().__init__([subject], device, dtype)
        self.experiment, self._goal = subject.experiment, subject.objective
        self.network: DifferentiableNetwork = subject.experiment.network  # type: ignore[assignment]
        self._autocast = precision == "bfloat16"
        self._inputs = torch.as_tensor(subject.inputs, dtype=dtype, device=device)
        shared = np.shares_memory(subject.inputs, subject.targets)
        self._targets = (
            self._inputs if shared else torch.as_tensor(subject.targets, dtype=dtype, device=device)
        )
        # drawn for this program alone, whose weights may lie where they are
        first = subject.first_weights()
        self.weights = {
            name: torch.as_tensor(first.pop(name), dtype=dtype, device=device).requires_grad_()
            for name in list(first)
        }
        self.parameters = [_matrix(weights.detach()) for weights in self.weights.values()]
        self._remember()
        self._order = Order([subject])
        self.sources["order"] = self._order
        self._direct = DirectGradient(self.weights) if self._is_direct() else None

    def _is_direct(self) -> bool:
        squared = self._goal == "squared_error" and "loss" not in self.entering
        return self.network.is_plain() and squared and not self._autocast

    def advance(self, steps: int) -> None:
        """Take steps, each with a noisy batch of its own."""
        faster = self.network.rates()
        for _step in range(steps):
            before = {name: self.weights[name].detach().clone() for name in faster}
            with torch.no_grad():
                self.learner.learn(self)
                for name, rate in faster.items():
                    self.weights[name].lerp_(before[name], 1 - rate)
                self.shake("weights", self.parameters)
                self.confine()
                self.network.normalise(self.weights)
            self.step += 1

    def gradient(self) -> list[Tensor]:
        """Return the gradient of this step's loss, with noise where it acts on it."""
        slopes = self._slopes(*self._batch())
        self.shake("gradient", slopes)
        return slopes

    def _slopes(self, inputs: Tensor, targets: Tensor) -> list[Tensor]:
        if self._direct is not None:
            return [
                _matrix(slope)
                for slope in self._direct(self.disturb("input", inputs), targets, self.disturb)
            ]
        with torch.enable_grad(), self._mixed():
            objective = self._objective(inputs, targets)
        # zeros for weights without effect
        slopes = torch.autograd.grad(objective, list(self.weights.values()), materialize_grads=True)
        return [_matrix(slope.contiguous()) for slope in slopes]

    def _mixed(self) -> AbstractContextManager[object]:
        return (
            torch.autocast(self.device.split(":")[0], torch.bfloat16)
            if self._autocast
            else nullcontext()
        )

    def _batch(self) -> tuple[Tensor, Tensor]:
        if self.experiment.minibatch is None:
            inputs, targets = self._inputs, self._targets
        else:
            indices = torch.as_tensor(self._order.batches()[0], device=self.device)
            inputs = self._inputs.index_select(0, indices)
            targets = (
                inputs if self._targets is self._inputs else self._targets.index_select(0, indices)
            )
        if "targets" not in self.entering:
            return inputs, targets
        (noise,), buffer = self.noise[self.entering["targets"]], torch.empty_like(targets)
        self.draw_on_targets(buffer.unsqueeze(0))
        return inputs, torch.add(targets, buffer, alpha=noise.scale(self.step))

    def _objective(self, inputs: Tensor, targets: Tensor) -> Tensor:
        if "loss" in self.entering:
            return self._surrogate(inputs, targets)
        response = self.network.respond(
            self.weights, inputs, self.step, self.disturb, self._explore
        )
        mean = mean_loss(response.output, targets, self._goal)
        return self.network.objective(
            mean, response, lambda: sample_losses(response.output, targets, self._goal)
        )

    def _surrogate(self, inputs: Tensor, targets: Tensor) -> Tensor:
        noise: ImplicitNoise = self.noise[self.entering["loss"]][0]  # type: ignore[assignment]
        objective: Literal["squared_error", "cross_entropy"] = (
            "cross_entropy" if self._goal == "cross_entropy" else "squared_error"
        )
        how = {"terms": noise.terms, "form": noise.form}
        return surrogate(
            inputs,
            targets,
            network_of(self.weights),
            noise.scale(self.step),
            objective=objective,
            **how,  # type: ignore[arg-type]
        )

    def disturb(self, place: str, values: Tensor) -> Tensor:
        """Return values with the input noise that is placed there."""
        kind = self.entering.get("inputs")
        noise = None if kind is None else self.noise[kind][0].on_inputs()
        if noise is None or noise.placement != place:
            return values
        return noisy(values, noise, self.step, self.sources[f"{kind}_noise"])

    def _explore(self, buffer: Tensor) -> Tensor:
        self.sources["perturbation"].normal(buffer.unsqueeze(0))
        return buffer

    def _buffers(self) -> Iterator[Tensor]:
        return (torch.empty_like(block) for block in self.parameters)

    def like_parameters(self) -> list[Tensor]:
        """Return zeros in the shape of the parameters."""
        return [torch.zeros_like(block) for block in self.parameters]

    def loss(self) -> Tensor:
        """Return the loss on a batch of its own, shape (1, 1, 1)."""
        with torch.no_grad():
            return self._objective(*self._batch()).view(1, 1, 1)


class MinibatchEngine(TorchEngine):
    """Denoising networks of any shape, each with the whole machine for its turn."""

    name = "minibatch"
    _programs: list[MinibatchProgram]

    def __init__(
        self,
        subjects: Sequence[Subject],
        precision: Precision,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        self._programs = [MinibatchProgram(subject, precision, device) for subject in subjects]
        self._threads = (
            threads or len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else threads or os.cpu_count() or 1
        )
        self._exact = precision != "tf32"

    def advance(self, steps: int) -> None:
        """Take steps, one network after the other."""
        before, tensor_cores = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
        try:
            torch.set_num_threads(self._threads)
            torch.backends.cuda.matmul.allow_tf32 = not self._exact
            for program in self._programs:
                program.advance(steps)
        finally:
            torch.set_num_threads(before)
            torch.backends.cuda.matmul.allow_tf32 = tensor_cores

    def weights(self, members: Sequence[int] | None = None) -> Weights:
        """Return the present weights by name, the subject first."""
        programs = (
            self._programs if members is None else [self._programs[member] for member in members]
        )
        return stacked(
            [
                {name: weights.detach().cpu().numpy() for name, weights in program.weights.items()}
                for program in programs
            ]
        )


def _matrix(tensor: Tensor) -> Tensor:
    """View (subject, row, column) of the weights of one subject."""
    return tensor.view(1, -1, tensor.shape[-1])
