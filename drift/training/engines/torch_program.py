"""What torch programs share, whoever computes the gradient: the numbers and the memory of a rule,
noise with its sources, and the state from which a run goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from drift.noise import Noise
from drift.training.engines.base import Engine, Subject, is_number
from drift.training.engines.draws import Draws, draws, noise_draws

if TYPE_CHECKING:  # loads the compiler
    from drift.training.engines.weight_draws import WeightDraws


class TorchProgram(ABC):
    """Networks side by side, every tensor with the subject first; ``drift.learners.Program`` says
    what a learning rule sees of it."""

    alone: bool
    parameters: list[Tensor]  # (subject, row, column), changed in place

    def __init__(self, subjects: Sequence[Subject], device: str, dtype: torch.dtype) -> None:
        self.device, self.dtype, self.step = device, dtype, 0
        self.learner = subjects[0].experiment.learner
        self.numbers = {
            name: self._column([getattr(subject.experiment.learner, name) for subject in subjects])
            for name, value in self.learner
            if is_number(value)
        }
        self.noise: dict[str, list[Noise]] = {  # one a subject, by kind
            noise.kind: [_of_kind(noise.kind, subject) for subject in subjects]
            for noise in subjects[0].experiment.noise
        }
        self._kept = self._column([subject.experiment.learner.kept() for subject in subjects])
        # the kind of noise that enters inputs, targets or loss
        self.entering = {noises[0].enters: kind for kind, noises in self.noise.items()}
        seeds = [subject.experiment.seed for subject in subjects]
        self.sources: dict[str, Draws] = {
            f"{kind}_noise": noise_draws(seeds, kind, device) for kind in self.noise
        }
        self.sources["perturbation"] = draws(seeds, "perturbation", device)

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, device=self.device, dtype=self.dtype).view(-1, 1, 1)

    def _remember(self) -> None:
        """Begin what the rule keeps between steps, once the parameters are there."""
        self.memory = {name: self.like_parameters() for name in self.learner.remembers()}

    @abstractmethod
    def like_parameters(self) -> list[Tensor]:
        """Return zeros in the shape of the parameters."""

    @abstractmethod
    def _buffers(self) -> Iterable[Tensor]:
        """Give a buffer for normal numbers in the shape of each parameter."""

    def perturbation(self) -> list[Tensor]:
        """Return fresh standard normal numbers in the shape of the parameters."""
        buffers = list(self._buffers())
        self.sources["perturbation"].normal(*buffers)
        return buffers

    def draw_on_targets(self, buffer: Tensor) -> None:
        """Fill a buffer (subject, sample, output) with the noise of targets at variance 1."""
        kind = self.entering["targets"]
        uniform = getattr(self.noise[kind][0], "law", "") == "uniform"
        source = self.sources[f"{kind}_noise"]
        (source.uniform if uniform else source.normal)(buffer)

    def shake(self, acts_on: str, blocks: Sequence[Tensor]) -> None:
        """Add the noise that acts on the gradient, or on the weights, to their blocks."""
        for kind, noises in self.noise.items():
            if getattr(noises[0], "acts_on", "") == acts_on:
                self._shake_by(kind, blocks)

    def _shake_by(self, kind: str, blocks: Sequence[Tensor]) -> None:
        for block, normals in zip(blocks, self._buffers(), strict=True):
            self.sources[f"{kind}_noise"].normal(normals)
            self._act(kind, block, normals)

    def _act(self, kind: str, block: Tensor, normals: Tensor) -> None:
        for noise, values, drawn in zip(self.noise[kind], block, normals, strict=True):
            noise.act(values, drawn, self.step)

    def confine(self) -> None:
        """End a step: let weights decay, and bound them."""
        for block in self.parameters:
            if "weight_decay" in self.numbers:
                block.mul_(self._kept)
            if "largest_weight" in self.numbers:
                bound = self.numbers["largest_weight"]
                torch.clamp(block, -bound, bound, out=block)

    def tensors(self) -> dict[str, Tensor]:
        """Return what changes from step to step, by name."""
        groups = {"parameters": self.parameters, **self.memory}
        return {
            f"{name}.{number}": block
            for name, blocks in groups.items()
            for number, block in enumerate(blocks)
        }

    def _generators(self) -> Mapping[str, Draws | WeightDraws]:
        """Return what draws, by the name of its stream."""
        return self.sources

    def state(self) -> dict[str, np.ndarray]:
        """Return weights, memory and sources of chance."""
        tensors = {name: block.cpu().numpy().copy() for name, block in self.tensors().items()}
        streams = {f"stream.{name}": each.state() for name, each in self._generators().items()}
        return tensors | streams

    def restore(self, state: dict[str, np.ndarray], prefix: str, step: int) -> None:
        """Go back to a step and its state, under names that begin with a prefix."""
        for name, block in self.tensors().items():
            block.copy_(torch.from_numpy(state[f"{prefix}{name}"]))
        for name, source in self._generators().items():
            source.restore(state[f"{prefix}stream.{name}"])
        self.step = step


class TorchEngine(Engine):
    """Torch programs that stand at one step."""

    _programs: Sequence[TorchProgram]

    @property
    def step(self) -> int:  # type: ignore[override]
        """Steps taken so far."""
        return self._programs[0].step

    def state(self) -> dict[str, np.ndarray]:
        """Return weights, memory, sources of chance and the step."""
        return {"step": np.array(self.step)} | {
            f"{number}.{name}": values
            for number, program in enumerate(self._programs)
            for name, values in program.state().items()
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state."""
        for number, program in enumerate(self._programs):
            program.restore(state, f"{number}.", int(state["step"]))


def _of_kind(kind: str, subject: Subject) -> Noise:
    return next(noise for noise in subject.experiment.noise if noise.kind == kind)
