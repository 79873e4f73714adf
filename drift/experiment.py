"""The recipe of one subject: what it learns, with which network and rule, under which noise, for
how long, from which seed."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, Strict, field_validator, model_validator

from drift.door.memory import refuse_beyond_memory
from drift.learners import LEARNERS, SGD, AnyLearner
from drift.networks import NETWORKS, AnyNetwork, DifferentiableNetwork, Network
from drift.noise import NOISES, PLACES, AnyNoise, InputNoise, Noise
from drift.recipe import Recipe
from drift.tasks import TASKS, AnyTask, CorridorTask

MOST_SESSIONS = 10**6


class Experiment(Recipe):
    """A frozen recipe; ``drift.train`` runs lists of them.

    Parameters
    ----------
    task : Task
        What is to be learned; see ``drift.tasks.TASKS``.
    network : Network
        What learns.
    learner : Learner
        How it learns; see ``drift.learners.LEARNERS``.
    noise : sequence of Noise
        At most one of each kind.
    steps : int
        Steps of learning.
    minibatch : int, optional
        Samples of each step, drawn with replacement from the stream ``order``; by default each step
        takes them all.
    sessions : int or sequence of int
        Number of sessions in which the network is observed, or the steps after which that happens
        (0 is before learning).
    spacing : {"linear", "log"}
        How a number of sessions is spread between step 0 and the last step; with "log" the first
        session is still step 0.
    seed : int
        Source of all chance of this subject; see ``drift.streams``.
    """

    task: AnyTask = Field(default_factory=CorridorTask)
    network: AnyNetwork = Field(default_factory=Network)
    learner: AnyLearner = Field(default_factory=SGD)
    noise: tuple[AnyNoise, ...] = Field(default=(), strict=False)
    steps: int = Field(default=10_000, ge=1, le=2**53)
    minibatch: int | None = Field(default=None, ge=1)
    sessions: int | Annotated[tuple[int, ...], Strict(False), Field(max_length=MOST_SESSIONS)] = 11
    spacing: Literal["linear", "log"] = "linear"
    seed: int = Field(default=0, ge=0, lt=2**63)

    @field_validator("noise", mode="before")
    @classmethod
    def _listed(cls, noise: object) -> object:
        return (noise,) if isinstance(noise, Noise) else noise

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._named_apart()
        kinds = [noise.kind for noise in self.noise]
        if len(set(kinds)) < len(kinds):
            raise ValueError(
                f"noise holds the same kind twice, got {kinds}: give at most one of each"
            )
        on_gradient = [noise for noise in self.noise if getattr(noise, "acts_on", "") == "gradient"]
        if on_gradient and not self.learner.takes_gradient:
            raise ValueError(
                f"{type(self.learner).__name__} has no gradient for "
                f"{type(on_gradient[0]).__name__} to act on: use UpdateNoise(acts_on='weights')"
            )
        self._feasible()
        self._fits()
        if isinstance(self.sessions, int):
            if not 1 <= self.sessions <= self.steps + 1:
                raise ValueError(
                    f"sessions must lie between 1 and steps + 1, got {self.sessions} for "
                    f"{self.steps} steps"
                )
            if self.sessions > MOST_SESSIONS:
                raise ValueError(
                    f"sessions must be at most {MOST_SESSIONS}, got {self.sessions}: observe "
                    "the network less often"
                )
        elif (
            not self.sessions
            or list(self.sessions) != sorted(set(self.sessions))
            or not 0 <= self.sessions[0] <= self.sessions[-1] <= self.steps
        ):
            raise ValueError(
                f"sessions must be increasing steps between 0 and {self.steps}, got {self.sessions}"
            )
        return self

    def _named_apart(self) -> None:
        """Refuse a class of the user's own under the name of another: files would tell of the
        other."""
        for component, table in (
            (self.task, TASKS),
            (self.network, NETWORKS),
            (self.learner, LEARNERS),
            *((noise, NOISES) for noise in self.noise),
        ):
            registered = table.get(component.kind)
            if registered is not None and type(component) is not registered:
                raise ValueError(
                    f"{type(component).__name__} has the kind {component.kind!r} of "
                    f"{registered.__name__}: give it a kind of its own"
                )

    def _fits(self) -> None:
        """Refuse weights and activity that no memory holds."""
        samples, inputs, outputs = self.task.extent()
        refuse_beyond_memory(
            "weights, units x (inputs + outputs),",
            getattr(self.network, "units", 1),
            inputs + outputs + 1,
        )
        refuse_beyond_memory(
            "activity, samples x units,", samples, getattr(self.network, "units", 1)
        )

    def _feasible(self) -> None:
        """Refuse what no engine computes."""
        for noise in self.noise:
            acts_on = getattr(noise, "acts_on", "")
            if noise.kind not in ("input", "implicit", "label") and acts_on not in PLACES:
                raise ValueError(
                    f"{type(noise).__name__} acts on {acts_on or 'nothing'}, where no engine adds "
                    f"noise: give it acts_on, one of {', '.join(PLACES)}"
                )
        implicit = any(noise.kind == "implicit" for noise in self.noise)
        if implicit and not (
            isinstance(self.network, DifferentiableNetwork) and self.network.is_plain()
        ):
            raise ValueError(
                "implicit noise is known for a plain rectified DenoisingNetwork alone: use "
                "InputNoise"
            )
        if implicit and any(noise.kind == "input" for noise in self.noise):
            raise ValueError(
                "implicit noise stands for the input noise itself, got both: give one of them"
            )
        if getattr(self.task, "target", "") == "label":
            self._feasible_labels()
        if (self.task.kind == "text") != (self.network.kind == "transformer"):
            raise ValueError(
                f"a TextTask and a Transformer need each other, got {self.task.kind} and "
                f"{self.network.kind}: give both"
            )
        if self.task.kind == "text" and any(noise.kind == "label" for noise in self.noise):
            raise ValueError(
                "the characters of a text take no label noise: use InputNoise or UpdateNoise"
            )
        if isinstance(self.network, DifferentiableNetwork):
            if not self.learner.takes_gradient:
                raise ValueError(
                    f"a {type(self.network).__name__} learns by gradients, got "
                    f"{type(self.learner).__name__}: use SGD or Adam"
                )
            return
        if self.minibatch is not None:
            raise ValueError(
                "only a DenoisingNetwork takes minibatches, or a Transformer, got "
                f"{self.minibatch} samples: leave it out"
            )
        for noise in self.noise:
            if isinstance(noise, InputNoise) and not (
                noise.law == "gaussian" and noise.placement == "input"
            ):
                raise ValueError(
                    "only a DenoisingNetwork or Transformer takes input noise of another law "
                    "or placement: use Gaussian noise"
                )

    def _feasible_labels(self) -> None:
        if not isinstance(self.network, DifferentiableNetwork):
            raise ValueError(
                "a Network learns numbers by squared errors, got a task of labels: use a "
                "DenoisingNetwork"
            )
        if any(noise.kind == "label" for noise in self.noise):
            raise ValueError(
                "classes take no label noise, which is added to numbers: use InputNoise or "
                "UpdateNoise"
            )

    def session_steps(self) -> np.ndarray:
        """Return the steps after which the network is observed, shape (sessions,)."""
        if not isinstance(self.sessions, int):
            return np.array(self.sessions)
        if self.spacing == "linear" or self.sessions < 3:
            return np.linspace(0, self.steps, self.sessions).round().astype(int)
        return _distinct(
            np.append(0, np.geomspace(1, self.steps, self.sessions - 1).round().astype(int))
        )


def _distinct(steps: np.ndarray) -> np.ndarray:
    """Push steps that rounding has made equal apart, upwards from the first; the last stays the
    last."""
    apart = np.maximum.accumulate(steps - np.arange(len(steps))) + np.arange(len(steps))
    return np.minimum(apart, steps[-1] - np.arange(len(steps))[::-1])
