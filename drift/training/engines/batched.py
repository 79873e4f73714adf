"""The batched engine: one torch program advances many networks of one shape, on the CPU or on a
GPU.

On the CPU a subject's numbers do not depend on its company, to the last bit: matrix products are
taken per subject on storage that starts at a cache line, element-wise kernels see every subject at
the same offsets, and no reduction runs over several threads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from drift.networks.hidden_layer import named
from drift.noise import Noise, UpdateNoise
from drift.training.engines.base import Precision, Subject, Weights, finish
from drift.training.engines.draws import Draws
from drift.training.engines.mechanisms import Layer
from drift.training.engines.order import Order
from drift.training.engines.torch_program import TorchEngine, TorchProgram

if TYPE_CHECKING:  # loads the compiler
    from drift.training.engines.weight_draws import WeightDraws

LINE = 64  # bytes of a cache line; vector kernels treat storage that starts there alike
WORKING_SET = 1 << 20  # bytes of activity that one CPU program keeps in cache
MANY_WEIGHTS = 1 << 17  # of one network; noise on them is drawn by compiled generators


def aligned(shape: Sequence[int], device: str, dtype: torch.dtype) -> Tensor:
    """Return zeros (subject, rows, columns) in which every subject's storage starts at a cache
    line."""
    subjects, rows, columns = shape
    line = LINE // dtype.itemsize
    width = -(-rows * columns // line) * line
    return torch.zeros(subjects, width, device=device, dtype=dtype)[:, : rows * columns].unflatten(
        1, (rows, columns)
    )


def product(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    """Write matrix products (subject, row, column) to ``out`` and return it.

    On the CPU subject by subject: a product of many matrices may take other instructions than that
    of one, where a side has length 1, and round otherwise.
    """
    if left.device.type != "cpu":
        return torch.bmm(left, right, out=out)
    for rows, columns, values in zip(left, right, out, strict=True):
        torch.mm(rows, columns, out=values)
    return out


class BatchedProgram(TorchProgram):
    """Networks of one shape and kind as stacked tensors."""

    alone = False

    def __init__(self, subjects: Sequence[Subject], device: str, dtype: torch.dtype) -> None:
        super().__init__(subjects, device, dtype)
        # (subject, sample, input + 1)
        self._inputs = self._stack(
            [
                np.column_stack([subject.inputs, np.ones(len(subject.inputs))])
                for subject in subjects
            ]
        )
        # (subject, sample, output)
        self._targets = self._stack([subject.targets for subject in subjects])
        self._order: Order | None = None
        if subjects[0].experiment.minibatch is not None:
            self._order = self.sources["order"] = Order(subjects)
        self._layer = Layer(subjects, device, lambda shape: aligned(shape, device, dtype))
        self.sources |= self._layer.sources
        self.parameters = [
            self._stack(blocks)
            for blocks in zip(*(subject.first_parameters() for subject in subjects), strict=True)
        ]
        self._weight_draws = weight_draws(subjects, device, self.parameters)
        self._remember()
        self._allocate()
        self._constant = {
            kind: self._scale(kind, 0)
            for kind, noises in self.noise.items()
            if all(noise.schedule is None for noise in noises)
        }

    def _stack(self, arrays: Sequence[np.ndarray]) -> Tensor:
        stacked = aligned((len(arrays), *arrays[0].shape), self.device, self.dtype)
        stacked.copy_(torch.from_numpy(np.stack(arrays)))
        return stacked

    def _like(self, tensor: Tensor) -> Tensor:
        return aligned(tensor.shape, self.device, self.dtype)

    def _allocate(self) -> None:
        self._take_batches()
        subjects, samples, _ = self._inputs.shape
        activity = (subjects, samples, self.parameters[0].shape[1])
        self._hidden, self._slope = (
            aligned(activity, self.device, self.dtype) for _iteration in range(2)
        )
        self._error = self._like(self._targets)
        self._gradient = self.like_parameters()
        self._normals = self.like_parameters()
        self._layer.allocate(activity, self.like_parameters)
        self._noisy_inputs, self._noisy_targets = self._inputs, self._targets
        if "inputs" in self.entering:
            self._noisy_inputs = self._like(self._inputs)
            self._noisy_inputs[..., -1] = 1  # for the bias
            self._input_draw = self._like(self._inputs[..., :-1])
        if "targets" in self.entering:
            self._noisy_targets = self._like(self._targets)

    def _take_batches(self) -> None:
        """Keep all samples apart from those of a step, where a step takes some of them."""
        self._all_samples = (self._inputs, self._targets)
        if self._order is not None:
            self._inputs, self._targets = (
                aligned((len(each), self._order.size, each.shape[2]), self.device, self.dtype)
                for each in self._all_samples
            )

    def _scale(self, kind: str, step: int) -> Tensor:
        return self._column([noise.scale(step) for noise in self.noise[kind]])

    def _scale_now(self, kind: str) -> Tensor:
        return self._constant[kind] if kind in self._constant else self._scale(kind, self.step)

    def advance(self, steps: int) -> None:
        """Take steps, each with a noisy batch of its own."""
        for _step in range(steps):
            self._draw_batch()
            self.learner.learn(self)
            self.shake("weights", self.parameters)
            self.confine()
            if self._layer.excitability is not None:
                self._layer.excitability.advance()
            self.step += 1

    def _select(self, order: Order) -> None:
        """Copy the samples of this step to where a step looks."""
        numbers = torch.as_tensor(order.batches(), device=self.device)
        for every, shown in zip(self._all_samples, (self._inputs, self._targets), strict=True):
            for rows, number, place in zip(every, numbers, shown, strict=True):
                torch.index_select(rows, 0, number, out=place)

    def _draw_batch(self) -> None:
        if self._order is not None:
            self._select(self._order)
        self._layer.draw()
        if "inputs" in self.entering:
            kind = self.entering["inputs"]
            self.sources[f"{kind}_noise"].normal(self._input_draw)
            torch.addcmul(
                self._inputs[..., :-1],
                self._input_draw,
                self._scale_now(kind),
                out=self._noisy_inputs[..., :-1],
            )
        if "targets" in self.entering:
            self.draw_on_targets(self._noisy_targets)
            torch.addcmul(
                self._targets,
                self._noisy_targets,
                self._scale_now(self.entering["targets"]),
                out=self._noisy_targets,
            )

    def _act(self, kind: str, block: Tensor, normals: Tensor) -> None:
        if type(self.noise[kind][0]).act is Noise.act:
            block.addcmul_(normals, self._scale_now(kind))
        else:  # written for one network
            super()._act(kind, block, normals)

    def _shake_by(self, kind: str, blocks: Sequence[Tensor]) -> None:
        compiled = self._weight_draws.get(f"{kind}_noise")
        if compiled is None:
            super()._shake_by(kind, blocks)
        else:
            compiled.add(blocks, [noise.scale(self.step) for noise in self.noise[kind]])

    def perturbation(self) -> list[Tensor]:
        """Return fresh standard normal numbers in the shape of the parameters."""
        if "perturbation" not in self._weight_draws:
            return super().perturbation()
        for buffer in self._normals:
            buffer.zero_()
        self._weight_draws["perturbation"].add(self._normals, [1.0] * len(self._normals[0]))
        return self._normals

    def _generators(self) -> Mapping[str, Draws | WeightDraws]:
        return {**self.sources, **self._weight_draws}

    def _forward(self) -> None:
        self._used = inward, outward = self._layer.taking_part(self.parameters)
        product(self._noisy_inputs, inward.mT, out=self._hidden)  # (subject, sample, unit)
        self._layer.respond(self._hidden)
        product(self._hidden, outward, out=self._error)  # (subject, sample, output)
        self._error.sub_(self._noisy_targets)

    def gradient(self) -> list[Tensor]:
        """Return the gradient of the mean squared error in closed form, with noise where it acts on
        it."""
        self._forward()
        self._error.mul_(2 / (self._error.shape[1] * self._error.shape[2]))
        product(self._hidden.mT, self._error, out=self._gradient[1])
        product(self._error, self._used[1].mT, out=self._slope)
        self._layer.hand_back(self._slope, self._hidden)
        product(self._slope.mT, self._noisy_inputs, out=self._gradient[0])
        self._layer.mask(self._gradient)
        self.shake("gradient", self._gradient)
        return self._gradient

    def loss(self) -> Tensor:
        """Return the mean squared error on this step's batch, shape (subject, 1, 1)."""
        self._forward()
        flat = self._error.flatten(1).unsqueeze(1)  # (subject, 1, sample x output)
        return product(flat, flat.mT, out=self._like(flat[..., :1])) / flat.shape[2]

    def _buffers(self) -> list[Tensor]:
        return self._normals

    def like_parameters(self) -> list[Tensor]:
        """Return zeros in the shape of the parameters."""
        return [self._like(weights) for weights in self.parameters]

    def tensors(self) -> dict[str, Tensor]:
        """Return what changes from step to step, by name."""
        slow = self._layer.excitability
        return super().tensors() | ({} if slow is None else {"excitability": slow.values})

    def weights(self) -> dict[str, np.ndarray]:
        """Return the present weights by name, and the excitability where there is one, float64."""
        inward, outward = (block.double().cpu().numpy() for block in self.parameters)
        slow = self._layer.excitability
        own = {} if slow is None else {"excitability": slow.values[:, 0].double().cpu().numpy()}
        return {**named(inward, outward), **own}


def weight_draws(
    subjects: Sequence[Subject], device: str, parameters: Sequence[Tensor]
) -> dict[str, WeightDraws]:
    """Return the compiled generators that draw for the weights of large networks on a CPU, by the
    name of their stream; none for others."""
    if device != "cpu" or sum(block[0].numel() for block in parameters) < MANY_WEIGHTS:
        return {}
    from drift.training.engines.weight_draws import WeightDraws

    seeds = [subject.experiment.seed for subject in subjects]
    built_in = any(type(noise) is UpdateNoise for noise in subjects[0].experiment.noise)
    names = ["update_noise"] * built_in + ["perturbation"]
    return {name: WeightDraws(seeds, name) for name in names}


class BatchedEngine(TorchEngine):
    """Subjects in cache-sized programs that share the CPU's threads, or in one program on a GPU."""

    name = "batched"
    _programs: list[BatchedProgram]

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
        """Return the present weights by name, float64."""
        weights = [program.weights() for program in self._programs]
        rows = slice(None) if members is None else list(members)
        return {name: np.concatenate([each[name] for each in weights])[rows] for name in weights[0]}


def _subjects_per_program(subject: Subject, dtype: torch.dtype) -> int:
    samples = subject.experiment.minibatch or len(subject.inputs)
    activity = samples * subject.experiment.network.units * dtype.itemsize
    return max(1, WORKING_SET // (2 * activity))


def _advance_alone(program: BatchedProgram, steps: int) -> None:
    # programs run in parallel; a second level of threads would only compete
    torch.set_num_threads(1)
    program.advance(steps)
