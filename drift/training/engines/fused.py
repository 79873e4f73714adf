"""The fused engine: compiled learning steps on the CPU, one subject a task for as many threads as
there are.

A subject's numbers depend on its own recipe and seed alone: not on the number of threads, not on
the company, not on the order.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from drift.experiment import Experiment
from drift.learners import SGD, Adam, Learner, StochasticErrorDescent
from drift.loops.compiled import NO_FOLDER, can_be_kept, is_kept
from drift.loops.layout import padded, with_tail
from drift.loops.normals import BLOCK, generator_state
from drift.networks import Dropout, Excitability, Network
from drift.networks.hidden_layer import named
from drift.noise import InputNoise, LabelNoise, UpdateNoise
from drift.training.engines import fused_kernels as kernels
from drift.training.engines.base import Engine, Precision, Subject, Weights, finish
from drift.training.engines.fused_mechanisms import advance as mechanism_steps
from drift.training.engines.fused_parts import MechanismSteps, has_mechanisms, nothing_changing


class Rule(NamedTuple):
    """A learning rule as the compiled steps take it."""

    number: int
    memories: int  # arrays in the shape of the weights that it needs beside them
    # what follows the learning rate, given the rows by which trial steps are scaled
    numbers: Callable[[Any, tuple[int, int]], list[float]]


def _of_adam(learner: Adam, rows: tuple[int, int]) -> list[float]:
    return [learner.first_decay, learner.second_decay, learner.epsilon]


def _of_descent(learner: StochasticErrorDescent, rows: tuple[int, int]) -> list[float]:
    stds = [learner.perturbation / count**0.5 for count in rows]
    return [*stds, *([1.0, 1.0] if learner.faithful else [std**2 for std in stds])]


RULES: dict[type[Learner], Rule] = {
    SGD: Rule(kernels.SGD, 0, lambda learner, rows: []),
    Adam: Rule(kernels.ADAM, 2, _of_adam),
    StochasticErrorDescent: Rule(kernels.STOCHASTIC_ERROR_DESCENT, 1, _of_descent),
}
# rows of the generators, and columns of the noise scales, that belong to what a noise enters
ENTRIES = {"inputs": kernels.INPUT, "targets": kernels.LABEL, "updates": kernels.UPDATE}
STREAMS = ("input_noise", "label_noise", "update_noise", "perturbation")
TABLE = 10_000  # steps whose noise scales are tabulated at once


def knows(experiment: Experiment) -> bool:
    """Tell whether the compiled steps cover a recipe: its network, its learning rule and its noise,
    none of them a subclass."""
    return not unknown_to(experiment)


def unknown_to(experiment: Experiment) -> str:
    """What of a recipe the compiled steps do not cover; empty where they do.

    Parameters
    ----------
    experiment : Experiment
    """
    foreign: list[Any] = [
        noise
        for noise in experiment.noise
        if type(noise) not in (InputNoise, LabelNoise, UpdateNoise)
    ]
    foreign += [] if type(experiment.network) is Network else [experiment.network]
    foreign += [
        mechanism
        for name, own in (("dropout", Dropout), ("excitability", Excitability))
        if type(mechanism := getattr(experiment.network, name, None)) not in (own, type(None))
    ]
    foreign += [] if type(experiment.learner) in RULES else [experiment.learner]
    if foreign:
        return f"{type(foreign[0]).__name__}, which has no compiled steps"
    return (
        ""
        if experiment.learner.gradient_clip is None
        else f"gradient_clip={experiment.learner.gradient_clip:g}, which they do not take"
    )


class FusedProgram:
    """One subject and its compiled step."""

    def __init__(self, subject: Subject, precision: Precision) -> None:
        self.step, self._experiment = 0, subject.experiment
        self._samples = subject.experiment.minibatch or len(subject.inputs)
        self.type = np.dtype(precision)
        inward, outward = subject.first_parameters()
        self._inputs = inward.shape[1]
        self.work = _work(subject, np.column_stack([inward, outward]), self.type)
        self._mechanisms = (
            MechanismSteps(subject, self.work) if has_mechanisms(subject.experiment) else None
        )
        buffers = ((self._inputs - 1) * self._samples, outward.shape[1] * self._samples)
        self._batch_random = tuple(
            np.zeros(-(-size // BLOCK) * BLOCK, np.float32) for size in buffers
        )
        self._rule = RULES[type(subject.experiment.learner)].number
        self._numbers, self._decays = _numbers(subject.experiment, outward.shape[1], self.type)
        self._laws = _laws(subject.experiment)

    def advance(self, steps: int) -> None:
        """Take steps; other threads run meanwhile."""
        while steps:
            count = min(steps, TABLE)
            scales = _scales(self._experiment, self.step, count).astype(self.type)
            of_rule = (self._rule, self._numbers, self._decays)
            common = (*of_rule, self._laws, scales, self.step)
            beside = () if self._mechanisms is None else self._mechanisms.arguments(count)
            self.kernel(self.work, self._batch_random, self._samples, *common, *beside)
            self.step, steps = self.step + count, steps - count

    @property
    def kernel(self) -> Any:
        """The compiled steps of this subject."""
        return kernels.advance if self._mechanisms is None else mechanism_steps

    def parameters(self) -> list[np.ndarray]:
        """Return the present weights in the blocks of a learning rule, float64."""
        return np.split(self.work.weights.astype(float), [self._inputs], axis=1)

    def changing(self) -> dict[str, np.ndarray]:
        """Return the arrays that carry a run from one step to the next, to be written in place."""
        own = self._mechanisms.changing() if self._mechanisms else nothing_changing()
        names = ("weights", "first", "second", "generators")
        return {**{name: getattr(self.work, name) for name in names}, **own}

    def restored(self) -> None:
        """Go on from what has been written to the arrays that change."""
        if self._mechanisms is not None:
            self._mechanisms.restored()

    def excitability(self) -> np.ndarray | None:
        """Return the present excitability (unit,), where there is one, float64."""
        return None if self._mechanisms is None else self._mechanisms.excitability


class FusedEngine(Engine):
    """Subjects of any shapes side by side, each in its own compiled loop."""

    name = "fused"

    def __init__(
        self, subjects: Sequence[Subject], precision: Precision, threads: int | None = None
    ) -> None:
        self._programs = [FusedProgram(subject, precision) for subject in subjects]
        for kernel in {program.kernel for program in self._programs}:
            _announce_compilation(kernel)
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)

    @property
    def step(self) -> int:  # type: ignore[override]
        """Steps taken so far."""
        return self._programs[0].step

    def advance(self, steps: int) -> None:
        """Take steps in all subjects; an interrupt waits until all have taken them."""
        finish([self._pool.submit(program.advance, steps) for program in self._programs])

    def weights(self, members: Sequence[int] | None = None) -> Weights:
        """Return the present weights of subjects of one shape by name, float64."""
        indices = range(len(self._programs)) if members is None else members
        blocks = zip(*(self._programs[member].parameters() for member in indices), strict=True)
        inward, outward = (np.stack(block) for block in blocks)
        slow = [self._programs[member].excitability() for member in indices]
        own = {} if slow[0] is None else {"excitability": np.stack(slow)}  # type: ignore[arg-type]
        return {**named(inward, outward), **own}

    def state(self) -> dict[str, np.ndarray]:
        """Return weights, moments, generators and the step; smaller subjects are filled with
        zeros."""
        changing = [program.changing() for program in self._programs]
        return {
            "step": np.array(self.step),
            **{name: _stacked([arrays[name] for arrays in changing]) for name in changing[0]},
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state."""
        for number, program in enumerate(self._programs):
            program.step = int(state["step"])
            for name, array in program.changing().items():
                array[...] = state[name][_corner(number, array)]
            program.restored()


def _corner(number: int, array: np.ndarray) -> Any:
    """Where in a stack the array of one subject lies."""
    return (number, *map(slice, array.shape))


def _stacked(arrays: Sequence[np.ndarray]) -> np.ndarray:
    largest = np.max([array.shape for array in arrays], axis=0)
    whole = np.zeros((len(arrays), *largest), arrays[0].dtype)
    for number, array in enumerate(arrays):
        whole[_corner(number, array)] = array
    return whole


def _announce_compilation(kernel: Any) -> None:
    """Say so before the first use on a machine, which compiles; later uses load what has been
    compiled from disk."""
    if not kernel.signatures and not is_kept(kernel):
        often = "once on this machine" if can_be_kept(kernel) else "in each process"
        remedy = "" if can_be_kept(kernel) else NO_FOLDER
        print(
            f"compiling the fused engine, {often} (half a minute{remedy}) ...",
            file=sys.stderr,
            flush=True,
        )


def _work(subject: Subject, weights: np.ndarray, kind: np.dtype) -> kernels.Work:
    (units, width), outputs = weights.shape, subject.targets.shape[1]
    present, shown = _first_batch(subject)
    samples = len(present)
    inputs, targets = padded(present.T, kind), padded(shown.T, kind)
    memories = RULES[type(subject.experiment.learner)].memories
    return kernels.Work(
        inputs=inputs,
        targets=targets,
        weights=with_tail(weights, kind),
        gradient=with_tail(np.zeros((units, width)), kind),
        first=np.zeros((units if memories > 0 else 0, width), kind),
        second=np.zeros((units if memories > 1 else 0, width), kind),
        noisy_inputs=inputs.copy(),
        noisy_targets=targets.copy(),
        sample_inputs=padded(present, kind),
        sample_error=padded(np.zeros((samples, outputs)), kind),
        active=np.zeros(units, np.int64),
        hidden=padded(np.zeros((units, samples)), kind),
        outward=padded(np.zeros((units, outputs)), kind),
        input_gradient=padded(np.zeros((units, width - outputs)), kind),
        output_gradient=padded(np.zeros((units, outputs)), kind),
        error=np.zeros_like(targets),
        block=padded(np.zeros((kernels.UNITS, samples)), kind),
        slope=padded(np.zeros((kernels.UNITS, samples)), kind),
        random=np.zeros(-(-units * width // BLOCK) * BLOCK, np.float32),
        generators=np.stack([generator_state(subject.experiment.seed, name) for name in STREAMS]),
    )


def _first_batch(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs with a 1 for the bias, and targets: all samples, or zeros for a minibatch."""
    samples = len(subject.inputs)
    present = np.column_stack([subject.inputs, np.ones(samples)])
    if subject.experiment.minibatch is None:
        return present, subject.targets
    size = subject.experiment.minibatch
    return np.zeros((size, present.shape[1])), np.zeros((size, subject.targets.shape[1]))


def _numbers(experiment: Experiment, outputs: int, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the learning rule, and the decays of its moments in full precision."""
    learner = experiment.learner
    own = RULES[type(learner)].numbers(learner, (experiment.network.units, outputs))
    decays = [getattr(learner, name, 0.0) for name in ("first_decay", "second_decay")]
    return np.array([getattr(learner, "learning_rate", 0.0), *own], kind), np.array(decays)


def _laws(experiment: Experiment) -> np.ndarray:
    laws = np.full(len(ENTRIES), kernels.NONE)
    for noise in experiment.noise:
        uniform = getattr(noise, "law", "") == "uniform"
        laws[ENTRIES[noise.enters]] = kernels.UNIFORM if uniform else kernels.GAUSSIAN
    return laws


def _scales(experiment: Experiment, first: int, steps: int) -> np.ndarray:
    """Return the standard deviations of noise on inputs, labels, gradient and weights, shape
    (steps, 4)."""
    scales = np.zeros((steps, 4))
    for noise in experiment.noise:
        on_weights = getattr(noise, "acts_on", "") == "weights"
        scales[:, kernels.WEIGHTS if on_weights else ENTRIES[noise.enters]] = (
            noise.std
            if noise.schedule is None
            else [noise.scale(step) for step in range(first, first + steps)]
        )
    return scales
