"""The minibatch engine: networks differentiated by torch, one after the other with all threads
each.

A step is a handful of large matrix products. What else it costs is kept small: the plain network's
gradient is written out so that it lands where it is needed, Adam passes once over the weights, and
noise is drawn by generators that write into torch's storage.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from drift.networks import DifferentiableNetwork
from drift.noise import ImplicitNoise, InputNoise
from drift.theory.input_noise.terms import surrogate
from drift.theory.input_noise.weights import network_of
from drift.training.engines.base import (
    AnyWeights,
    Engine,
    Precision,
    Subject,
    is_number,
    side_by_side,
)
from drift.training.engines.direct_gradient import DirectGradient
from drift.training.engines.draws import Draws, HostDraws, draws, noise_draws
from drift.training.engines.input_noise import noisy
from drift.training.engines.objective import mean_loss, objective_of, sample_losses


class MinibatchProgram:
    """One network and its data; ``drift.learners.Program`` says what a learning rule sees of it."""

    alone = True

    def __init__(self, subject: Subject, precision: Precision, device: str) -> None:
        self.experiment, self.step, self._device = subject.experiment, 0, device
        self.network: DifferentiableNetwork = subject.experiment.network  # type: ignore[assignment]
        dtype = torch.float64 if precision == "float64" else torch.float32
        self._autocast = precision == "bfloat16"
        self._goal = objective_of(subject.experience)
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
        self.memory = {name: self.like_parameters() for name in self.experiment.learner.remembers()}
        numbers = {name: value for name, value in self.experiment.learner if is_number(value)}
        self.numbers = {
            name: torch.full((1, 1, 1), value, dtype=dtype, device=device)
            for name, value in numbers.items()
        }
        seed = self.experiment.seed
        self.sources: dict[str, Draws] = {
            f"{noise.kind}_noise": noise_draws([seed], noise.kind, device)
            for noise in self.experiment.noise
        }
        self.sources["perturbation"] = draws([seed], "perturbation", device)
        self.order = HostDraws([seed], "order")
        self._noise = {noise.kind: noise for noise in self.experiment.noise}
        self._direct = DirectGradient(self.weights) if self._is_direct() else None

    def _is_direct(self) -> bool:
        return self.network.is_plain() and not (
            self._goal != "squared_error" or self._autocast or "implicit" in self._noise
        )

    def advance(self, steps: int) -> None:
        """Take steps, each with a noisy batch of its own."""
        faster = self.network.rates()
        for _ in range(steps):
            before = {name: self.weights[name].detach().clone() for name in faster}
            with torch.no_grad():
                self.experiment.learner.learn(self)
                for name, rate in faster.items():
                    self.weights[name].lerp_(before[name], 1 - rate)
                self._shake("weights", self.parameters)
                self.network.normalise(self.weights)
            self.step += 1

    def gradient(self) -> list[Tensor]:
        """Return the gradient of this step's loss, with noise where it acts on it."""
        slopes = self._slopes(*self._batch())
        self._shake("gradient", slopes)
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
            torch.autocast(self._device.split(":")[0], torch.bfloat16)
            if self._autocast
            else nullcontext()
        )

    def _batch(self) -> tuple[Tensor, Tensor]:
        if self.experiment.minibatch is None:
            inputs, targets = self._inputs, self._targets
        else:
            indices = torch.as_tensor(
                self.order.indices(len(self._inputs), self.experiment.minibatch)[0],
                device=self._device,
            )
            inputs = self._inputs.index_select(0, indices)
            targets = (
                inputs if self._targets is self._inputs else self._targets.index_select(0, indices)
            )
        if "label" not in self._noise:
            return inputs, targets
        buffer = torch.empty_like(targets)
        uniform = getattr(self._noise["label"], "law", "") == "uniform"
        source = self.sources["label_noise"]
        (source.uniform if uniform else source.normal)(buffer.unsqueeze(0))
        return inputs, torch.add(targets, buffer, alpha=self._noise["label"].scale(self.step))

    def _objective(self, inputs: Tensor, targets: Tensor) -> Tensor:
        if "implicit" in self._noise:
            return self._surrogate(inputs, targets)
        response = self.network.respond(
            self.weights, inputs, self.step, self.disturb, self._explore
        )
        mean = mean_loss(response.output, targets, self._goal)
        return self.network.objective(
            mean, response, lambda: sample_losses(response.output, targets, self._goal)
        )

    def _surrogate(self, inputs: Tensor, targets: Tensor) -> Tensor:
        noise: ImplicitNoise = self._noise["implicit"]  # type: ignore[assignment]
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
        noise = self._noise.get("input")
        if not isinstance(noise, InputNoise) or noise.placement != place:
            return values
        return noisy(values, noise, self.step, self.sources["input_noise"])

    def _explore(self, buffer: Tensor) -> Tensor:
        self.sources["perturbation"].normal(buffer.unsqueeze(0))
        return buffer

    def _shake(self, acts_on: str, blocks: Sequence[Tensor]) -> None:
        for kind, noise in self._noise.items():
            if getattr(noise, "acts_on", "") != acts_on:
                continue
            for block in blocks:
                normals = torch.empty_like(block)
                self.sources[f"{kind}_noise"].normal(normals)
                noise.act(block[0], normals[0], self.step)

    def like_parameters(self) -> list[Tensor]:
        """Return zeros in the shape of the parameters."""
        return [torch.zeros_like(block) for block in self.parameters]

    def loss(self) -> Tensor:
        """Return the loss on a batch of its own, shape (1, 1, 1)."""
        with torch.no_grad():
            return self._objective(*self._batch()).view(1, 1, 1)

    def perturbation(self) -> list[Tensor]:
        """Return fresh standard normal numbers in the shape of the parameters."""
        buffers = self.like_parameters()
        self.sources["perturbation"].normal(*buffers)
        return buffers

    def tensors(self) -> dict[str, Tensor]:
        """Return what changes from step to step, by name."""
        groups = {"parameters": self.parameters, **self.memory}
        return {
            f"{name}.{number}": block
            for name, blocks in groups.items()
            for number, block in enumerate(blocks)
        }

    def generators(self) -> dict[str, Draws]:
        """Return all sources of chance by name."""
        return {**self.sources, "order": self.order}


class MinibatchEngine(Engine):
    """Denoising networks of any shape, each with the whole machine for its turn."""

    name = "minibatch"

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

    @property
    def step(self) -> int:  # type: ignore[override]
        """Steps taken so far."""
        return self._programs[0].step

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

    def weights(self, members: Sequence[int] | None = None) -> AnyWeights:
        """Return the present weights by name, the subject first."""
        programs = (
            self._programs if members is None else [self._programs[member] for member in members]
        )
        return {
            name: _stacked([program.weights[name] for program in programs])
            for name in programs[0].weights
        }

    def state(self) -> dict[str, np.ndarray]:
        """Return weights, moments, generators and the step."""
        arrays = {"step": np.array(self.step)}
        for number, program in enumerate(self._programs):
            arrays |= {
                f"{number}.{name}": block.cpu().numpy().copy()
                for name, block in program.tensors().items()
            }
            arrays |= {
                f"{number}.stream.{name}": source.state()
                for name, source in program.generators().items()
            }
        return arrays

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state."""
        for number, program in enumerate(self._programs):
            for name, block in program.tensors().items():
                block.copy_(torch.from_numpy(state[f"{number}.{name}"]))
            for name, source in program.generators().items():
                source.restore(state[f"{number}.stream.{name}"])
            program.step = int(state["step"])


def _matrix(tensor: Tensor) -> Tensor:
    """View (subject, row, column) of the weights of one subject."""
    return tensor.view(1, -1, tensor.shape[-1])


def _stacked(tensors: Sequence[Tensor]) -> np.ndarray:
    return side_by_side([tensor.detach().cpu().numpy() for tensor in tensors])
