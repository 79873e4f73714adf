"""What every engine is: something that advances a list of subjects of one kind and can be stopped,
stored and restored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.experiment import Experiment
from drift.networks import NETWORKS
from drift.networks.hidden_layer import named
from drift.tasks.base import Objective

Precision = Literal["float32", "float64", "tf32", "bfloat16"]


class Subject(NamedTuple):
    """One experiment with the experience that its task and seed have drawn."""

    experiment: Experiment
    experience: xr.Dataset

    @property
    def inputs(self) -> np.ndarray:
        """Inputs, shape (samples, inputs)."""
        return self.experience["inputs"].values

    @property
    def targets(self) -> np.ndarray:
        """Targets, shape (samples, outputs)."""
        return self.experience["targets"].values

    @property
    def objective(self) -> Objective:
        """What is asked of the outputs: numbers, one class, or the next token at every position."""
        return self.experience.attrs.get("objective", "squared_error")

    def first_weights(self) -> dict[str, np.ndarray]:
        """Weights before learning, by name; a text asks for every token."""
        experiment = self.experiment
        outputs = self.experience.sizes.get("token", self.targets.shape[1])
        weights = experiment.network.first_weights(self.inputs.shape[1], outputs, experiment.seed)
        if type(experiment.network) in NETWORKS.values():
            return weights
        # a network of one's own may give the two blocks of ``Network`` as a pair, and may keep
        # its arrays, which learning must not change
        own = weights if isinstance(weights, Mapping) else named(*weights)
        return {name: np.array(values) for name, values in own.items()}

    def first_parameters(self) -> list[np.ndarray]:
        """Weights before learning, in the blocks that a learning rule changes."""
        return self.experiment.network.parameters(self.first_weights())


# by name, each (subject, ...)
Weights = Mapping[str, np.ndarray]


def stacked_first_weights(subjects: Sequence[Subject]) -> Weights:
    """Return the weights of subjects of one kind before learning."""
    return stacked([subject.first_weights() for subject in subjects])


def stacked(weights: Sequence[Mapping[str, np.ndarray]]) -> Weights:
    """Return weights of several subjects, the subject first."""
    return {name: side_by_side([own[name] for own in weights]) for name in weights[0]}


def side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Stack arrays of several subjects along a first axis; that of one is not copied."""
    return parts[0][np.newaxis] if len(parts) == 1 else np.stack(parts)


def silenced(weights: Weights, subjects: np.ndarray) -> Weights:
    """Return weights with zeros for the marked subjects."""
    return {
        name: np.where(subjects.reshape(-1, *[1] * (values.ndim - 1)), values.dtype.type(0), values)
        for name, values in weights.items()
    }


class Engine(ABC):
    """Runs subjects side by side; they never influence each other."""

    name: str
    step: int  # steps taken so far

    @abstractmethod
    def __init__(self, subjects: Sequence[Subject], precision: Precision) -> None: ...

    @abstractmethod
    def advance(self, steps: int) -> None:
        """Take the given number of steps; an interrupt is answered after them, with all subjects at
        the same step."""

    @abstractmethod
    def weights(self, members: Sequence[int] | None = None) -> Weights:
        """Return the present weights of subjects of one shape, by their place in the list; of all
        by default."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on as if never stopped."""

    @abstractmethod
    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state; the next step is the one that would have followed."""


def finish(futures: Sequence[Future[None]]) -> None:
    """Wait for all programs, also when one fails or an interrupt arrives, so that they stop at the
    same step."""
    try:
        for future in futures:
            future.result()
    finally:
        wait(futures)


def same_kind(experiment: Experiment, experience: xr.Dataset) -> tuple[object, ...]:
    """Return what subjects must share to be run side by side: shapes, learner, kinds of noise;
    numbers may differ."""
    learner = experiment.learner
    return (
        tuple(sorted(experience.sizes.items())),
        _map_layout(experience),
        Subject(experiment, experience).objective,
        experiment.network.kind,
        experiment.network.shared_entries(),
        type(learner),
        tuple((name, value) for name, value in learner if not is_number(value)),
        frozenset(
            (type(noise), *(getattr(noise, name, "") for name in ("law", "acts_on", "placement")))
            for noise in experiment.noise
        ),
        experiment.minibatch,
        *same_schedule(experiment),
    )


def same_schedule(experiment: Experiment) -> tuple[object, ...]:
    """Return what subjects of any kind must share to be advanced together: the steps at which they
    are observed."""
    schedule = experiment.steps, tuple(experiment.session_steps())
    return schedule if experiment.protocol is None else (*schedule, experiment.protocol)


def _map_layout(experience: xr.Dataset) -> tuple[object, ...]:
    """Return what decides the shape and the axes of rate maps."""
    if "position" not in experience:
        return ()
    environments = np.unique(experience["environment"]).size if "environment" in experience else 1
    return (environments, *sorted(experience["position"].attrs.items()))


def is_number(value: object) -> bool:
    """Tell whether a recipe entry is a number that may differ between subjects of one kind."""
    return isinstance(value, int | float) and not isinstance(value, bool)
