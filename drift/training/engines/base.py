"""What every engine is: something that advances a list of subjects of one kind and can be stopped,
stored and restored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.experiment import Experiment

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

    def first_weights(self) -> Any:
        """Weights before learning: inward (units, inputs + 1) and outward (units, outputs), or by
        name; a text asks for every token."""
        experiment = self.experiment
        outputs = self.experience.sizes.get("token", self.targets.shape[1])
        return experiment.network.first_weights(self.inputs.shape[1], outputs, experiment.seed)


class Weights(NamedTuple):
    """Weights of all subjects, float64."""

    inward: np.ndarray  # (subject, unit, inputs + 1), the bias last
    outward: np.ndarray  # (subject, unit, outputs)


# of differentiable networks by name, (subject, ...)
AnyWeights = Weights | Mapping[str, np.ndarray]


def stacked_first_weights(subjects: Sequence[Subject]) -> AnyWeights:
    """Return the weights of subjects of one kind before learning."""
    first = [subject.first_weights() for subject in subjects]
    if isinstance(first[0], Mapping):
        return {name: side_by_side([weights[name] for weights in first]) for name in first[0]}
    return Weights(*(np.stack(matrices) for matrices in zip(*first, strict=True)))


def side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Stack arrays of several subjects along a first axis; that of one is not copied."""
    return parts[0][np.newaxis] if len(parts) == 1 else np.stack(parts)


def arrays(weights: AnyWeights) -> list[np.ndarray]:
    """Return the parts of weights of either form, each (subject, ...)."""
    return list(weights.values()) if isinstance(weights, Mapping) else list(weights)


def silenced(weights: AnyWeights, subjects: np.ndarray) -> AnyWeights:
    """Return weights with zeros for the marked subjects."""
    masked = [
        np.where(subjects.reshape(-1, *[1] * (values.ndim - 1)), values.dtype.type(0), values)
        for values in arrays(weights)
    ]
    return (
        dict(zip(weights, masked, strict=True))
        if isinstance(weights, Mapping)
        else Weights(*masked)
    )


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
    def weights(self, members: Sequence[int] | None = None) -> AnyWeights:
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
        experience.attrs.get("objective", "squared_error"),
        experiment.network.kind,
        experiment.network.to_json()
        if experiment.network.kind != "hidden_layer"
        else experiment.network.units,
        type(learner),
        tuple((name, value) for name, value in learner if not is_number(value)),
        frozenset(
            (type(noise), *(getattr(noise, name, "") for name in ("law", "acts_on", "placement")))
            for noise in experiment.noise
        ),
        *same_schedule(experiment),
    )


def same_schedule(experiment: Experiment) -> tuple[object, ...]:
    """Return what subjects of any kind must share to be advanced together: the steps at which they
    are observed."""
    return experiment.steps, tuple(experiment.session_steps())


def _map_layout(experience: xr.Dataset) -> tuple[object, ...]:
    """Return what decides the shape and the axes of rate maps."""
    if "position" not in experience:
        return ()
    environments = np.unique(experience["environment"]).size if "environment" in experience else 1
    return (environments, *sorted(experience["position"].attrs.items()))


def is_number(value: object) -> bool:
    """Tell whether a recipe entry is a number that may differ between subjects of one kind."""
    return isinstance(value, int | float) and not isinstance(value, bool)
