"""The batched engine: one torch program advances many networks of one shape, on the CPU or on a
GPU.

On the CPU a subject's numbers do not depend on its company, to the last bit: matrix products are
taken per subject on storage that starts at a cache line, element-wise kernels see every subject at
the same offsets, and no reduction runs over several threads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from drift.noise import Noise
from drift.training.engines.base import Engine, Precision, Subject, Weights, finish, is_number
from drift.training.engines.draws import Draws, draws, noise_draws

LINE = 64  # bytes of a cache line; vector kernels treat storage that starts there alike
WORKING_SET = 1 << 20  # bytes of activity that one CPU program keeps in cache


def aligned(shape: Sequence[int], device: str, dtype: torch.dtype) -> Tensor:
    """Return zeros (subject, rows, columns) in which every subject's storage starts at a cache
    line."""
    subjects, rows, columns = shape
    line = LINE // dtype.itemsize
    width = -(-rows * columns // line) * line
    return torch.zeros(subjects, width, device=device, dtype=dtype)[:, : rows * columns].unflatten(
        1, (rows, columns)
    )


class BatchedProgram:
    """Networks of one shape and kind as stacked tensors; ``drift.learners.Program`` says what a
    learning rule sees of it."""

    alone = False

    def __init__(self, subjects: Sequence[Subject], device: str, dtype: torch.dtype) -> None:
        self.device, self.dtype, self.step = device, dtype, 0
        self.learner = subjects[0].experiment.learner
        # (subject, sample, input + 1)
        self._inputs = self._stack(
            [
                np.column_stack([subject.inputs, np.ones(len(subject.inputs))])
                for subject in subjects
            ]
        )
        # (subject, sample, output)
        self._targets = self._stack([subject.targets for subject in subjects])
        self.parameters = [
            self._stack(list(weights))
            for weights in zip(*(subject.first_weights() for subject in subjects), strict=True)
        ]
        self.memory = {name: self.like_parameters() for name in self.learner.remembers()}
        numbers = {name for name, value in self.learner if is_number(value)}
        self.numbers = {
            name: self._column([getattr(subject.experiment.learner, name) for subject in subjects])
            for name in sorted(numbers)
        }
        self._allocate()
        self._prepare_noise(subjects)

    def _stack(self, arrays: Sequence[np.ndarray]) -> Tensor:
        stacked = aligned((len(arrays), *arrays[0].shape), self.device, self.dtype)
        stacked.copy_(torch.from_numpy(np.stack(arrays)))
        return stacked

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, device=self.device, dtype=self.dtype).view(-1, 1, 1)

    def _like(self, tensor: Tensor) -> Tensor:
        return aligned(tensor.shape, self.device, self.dtype)

    def _allocate(self) -> None:
        subjects, samples, _ = self._inputs.shape
        activity = (subjects, samples, self.parameters[0].shape[1])
        self._hidden, self._slope = (aligned(activity, self.device, self.dtype) for _ in range(2))
        self._error = self._like(self._targets)
        self._gradient = self.like_parameters()
        self._normals = self.like_parameters()

    def _prepare_noise(self, subjects: Sequence[Subject]) -> None:
        seeds = [subject.experiment.seed for subject in subjects]
        self._noise: dict[str, list[Noise]] = {}
        for noise in subjects[0].experiment.noise:
            self._noise[noise.kind] = [
                next(
                    own_noise
                    for own_noise in subject.experiment.noise
                    if own_noise.kind == noise.kind
                )
                for subject in subjects
            ]
        self._draws: dict[str, Draws] = {
            f"{kind}_noise": noise_draws(seeds, kind, self.device) for kind in self._noise
        }
        self._draws["perturbation"] = draws(seeds, "perturbation", self.device)
        self._constant = {
            kind: self._scale(kind, 0)
            for kind, noises in self._noise.items()
            if all(own_noise.schedule is None for own_noise in noises)
        }
        self._noisy_inputs = (
            self._like(self._inputs).copy_(self._inputs) if "input" in self._noise else self._inputs
        )
        self._input_draw = self._like(self._inputs[..., :-1])
        self._noisy_targets = self._like(self._targets) if "label" in self._noise else self._targets

    def _scale(self, kind: str, step: int) -> Tensor:
        return self._column([noise.scale(step) for noise in self._noise[kind]])

    def _scale_now(self, kind: str) -> Tensor:
        return self._constant[kind] if kind in self._constant else self._scale(kind, self.step)

    def advance(self, steps: int) -> None:
        """Take steps, each with a noisy batch of its own."""
        for _ in range(steps):
            self._draw_batch()
            self.learner.learn(self)
            self._shake("weights", self.parameters)
            self.step += 1

    def _draw_batch(self) -> None:
        if "input" in self._noise:
            self._draws["input_noise"].normal(self._input_draw)
            torch.addcmul(
                self._inputs[..., :-1],
                self._input_draw,
                self._scale_now("input"),
                out=self._noisy_inputs[..., :-1],
            )
        if "label" in self._noise:
            uniform = getattr(self._noise["label"][0], "law", "") == "uniform"
            source = self._draws["label_noise"]
            (source.uniform if uniform else source.normal)(self._noisy_targets)
            torch.addcmul(
                self._targets,
                self._noisy_targets,
                self._scale_now("label"),
                out=self._noisy_targets,
            )

    def _shake(self, acts_on: str, tensors: Sequence[Tensor]) -> None:
        for kind, noises in self._noise.items():
            if getattr(noises[0], "acts_on", "") != acts_on:
                continue
            self._draws[f"{kind}_noise"].normal(*self._normals)
            for tensor, normals in zip(tensors, self._normals, strict=True):
                if type(noises[0]).act is Noise.act:
                    tensor.addcmul_(normals, self._scale_now(kind))
                else:  # written for one network
                    for noise, weights, drawn in zip(noises, tensor, normals, strict=True):
                        noise.act(weights, drawn, self.step)

    def _forward(self) -> None:
        inward, outward = self.parameters
        torch.bmm(self._noisy_inputs, inward.mT, out=self._hidden)  # (subject, sample, unit)
        self._hidden.relu_()
        torch.bmm(self._hidden, outward, out=self._error)  # (subject, sample, output)
        self._error.sub_(self._noisy_targets)

    def gradient(self) -> list[Tensor]:
        """Return the gradient of the mean squared error in closed form, with noise where it acts on
        it."""
        self._forward()
        self._error.mul_(2 / (self._error.shape[1] * self._error.shape[2]))
        torch.bmm(self._hidden.mT, self._error, out=self._gradient[1])
        torch.bmm(self._error, self.parameters[1].mT, out=self._slope)
        self._slope.mul_(self._hidden > 0)
        torch.bmm(self._slope.mT, self._noisy_inputs, out=self._gradient[0])
        self._shake("gradient", self._gradient)
        return self._gradient

    def loss(self) -> Tensor:
        """Return the mean squared error on this step's batch, shape (subject, 1, 1)."""
        self._forward()
        flat = self._error.flatten(1).unsqueeze(1)  # (subject, 1, sample x output)
        return torch.bmm(flat, flat.mT) / flat.shape[2]

    def perturbation(self) -> list[Tensor]:
        """Return fresh standard normal numbers in the shape of the parameters."""
        self._draws["perturbation"].normal(*self._normals)
        return self._normals

    def like_parameters(self) -> list[Tensor]:
        """Return zeros in the shape of the parameters."""
        return [self._like(weights) for weights in self.parameters]

    def tensors(self) -> dict[str, Tensor]:
        """Return what changes from step to step, by name."""
        pairs = {"parameters": self.parameters, **self.memory}
        return {
            f"{name}.{number}": tensor
            for name, pair in pairs.items()
            for number, tensor in enumerate(pair)
        }

    def streams(self) -> dict[str, Draws]:
        """Return the generators by name."""
        return self._draws


class BatchedEngine(Engine):
    """Subjects in cache-sized programs that share the CPU's threads, or in one program on a GPU."""

    name = "batched"

    def __init__(
        self,
        subjects: Sequence[Subject],
        precision: Precision,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        self.device, dtype = device, getattr(torch, precision)
        size = len(subjects) if device != "cpu" else _subjects_per_program(subjects[0], dtype)
        self._programs = [
            BatchedProgram(subjects[first : first + size], device, dtype)
            for first in range(0, len(subjects), size)
        ]
        self._threads = threads or os.cpu_count() or 1

    @property
    def step(self) -> int:  # type: ignore[override]
        """Steps taken so far."""
        return self._programs[0].step

    def advance(self, steps: int) -> None:
        """Take steps in all programs; an interrupt waits until all have taken them."""
        if self.device != "cpu":
            self._programs[0].advance(steps)
            return
        before = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(self._threads) as pool:
                finish([pool.submit(_advance_alone, program, steps) for program in self._programs])
        finally:
            torch.set_num_threads(before)

    def weights(self, members: Sequence[int] | None = None) -> Weights:
        """Return the present weights."""
        layers = zip(*(program.parameters for program in self._programs), strict=True)
        stacked = (torch.cat(list(layer)).double().cpu().numpy() for layer in layers)
        return Weights(
            *(values if members is None else values[list(members)] for values in stacked)
        )

    def state(self) -> dict[str, np.ndarray]:
        """Return weights, moments, generators and the step."""
        pieces: dict[str, list[np.ndarray]] = {}
        for program in self._programs:
            for name, tensor in program.tensors().items():
                pieces.setdefault(name, []).append(tensor.cpu().numpy())
            for name, generators in program.streams().items():
                pieces.setdefault(f"stream.{name}", []).append(generators.state())
        return {
            "step": np.array(self.step),
            **{name: np.concatenate(arrays) for name, arrays in pieces.items()},
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state."""
        first = 0
        for program in self._programs:
            rows = slice(first, first + len(program.parameters[0]))
            for name, tensor in program.tensors().items():
                tensor.copy_(torch.from_numpy(state[name][rows]))
            for name, generators in program.streams().items():
                generators.restore(state[f"stream.{name}"][rows])
            program.step, first = int(state["step"]), rows.stop


def _subjects_per_program(subject: Subject, dtype: torch.dtype) -> int:
    activity = len(subject.inputs) * subject.experiment.network.units * dtype.itemsize
    return max(1, WORKING_SET // (2 * activity))


def _advance_alone(program: BatchedProgram, steps: int) -> None:
    # programs run in parallel; a second level of threads would only compete
    torch.set_num_threads(1)
    program.advance(steps)
