"""The recipe of one subject: what it learns, with which network and rule, under which noise, for
how long, from which seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, Strict, field_validator, model_validator

from drift.consistency import (
    OBJECTIVES,
    check_entry,
    check_learned,
    check_probabilities,
    check_shares,
    check_taken,
    check_targets,
    networks_that,
)
from drift.door.memory import refuse_beyond_memory
from drift.learners import LEARNERS, SGD, AnyLearner
from drift.networks import NETWORKS, AnyNetwork, DifferentiableNetwork, LearningNetwork, Network
from drift.noise import NOISES, PLACES, AnyNoise, Noise
from drift.protocol import Protocol
from drift.recipe import Recipe
from drift.tasks import TASKS, AnyTask, CorridorTask

MOST_SESSIONS = 10**6
# what a network declares, and what the engines of ``Network`` compute themselves
DECLARED = sorted(LearningNetwork.__class_vars__ & set(LearningNetwork.__annotations__))
OF_ENGINE = ("objectives", "parameters", "session_response", "session_loss")
Probability = Annotated[float, Field(ge=0, le=1)]

__all__ = [
    "OBJECTIVES",
    "Experiment",
    "check_learned",
    "check_probabilities",
    "check_targets",
]


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
    protocol : Protocol, optional
        Which environments are learned when, under which noise; by default all together, all the
        time.
    minibatch : int, optional
        Samples of each step, drawn with replacement from the stream ``order``; by default each step
        takes them all.
    sample_probabilities : sequence of float, optional
        How often each sample is drawn into a minibatch, one number a sample, of sum 1; by default
        all alike.
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
    protocol: Protocol | None = None
    minibatch: int | None = Field(default=None, ge=1, le=10**7)
    sample_probabilities: tuple[Probability, ...] | None = Field(default=None, strict=False)
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
        self._network_is_run()
        self._noise_enters()
        self._rule_teaches()
        self._input_noise_is_taken()
        self._task_is_learned()
        self._minibatch_is_taken()
        self._fits()
        self._sessions_lie_within()
        self._protocol_fits()
        return self

    def _named_apart(self) -> None:
        """Refuse a class of the user's own under the name of another: files would tell of the
        other."""
        components: list[tuple[Any, Mapping[str, type[Recipe]]]] = [
            (self.task, TASKS),
            (self.network, NETWORKS),
            (self.learner, LEARNERS),
            *((noise, NOISES) for noise in self.noise),
        ]
        for component, table in components:
            registered = table.get(component.kind)
            if registered is not None and type(component) is not registered:
                raise ValueError(
                    f"{type(component).__name__} has the kind {component.kind!r} of "
                    f"{registered.__name__}: give it a kind of its own"
                )

    def _network_is_run(self) -> None:
        """Refuse a network of the user's own that no engine runs as it says."""
        network, name = self.network, type(self.network).__name__
        absent = [entry for entry in DECLARED if not hasattr(network, entry)]
        if absent:
            raise ValueError(f"{name} does not declare {', '.join(absent)}: see LearningNetwork")
        if network.engines == ("minibatch",) and isinstance(network, DifferentiableNetwork):
            return
        if not isinstance(network, Network) or not set(network.engines) <= set(Network.engines):
            raise ValueError(
                f"no engine runs {name} with engines {network.engines}: derive it from Network, "
                "or from DifferentiableNetwork, whose engine is minibatch"
            )
        overridden = [
            entry for entry in OF_ENGINE if getattr(type(network), entry) != getattr(Network, entry)
        ]
        if overridden:
            raise ValueError(
                f"{name} has {', '.join(overridden)} of its own, which the engines of Network do "
                "not follow: derive it from DifferentiableNetwork"
            )

    def _noise_enters(self) -> None:
        """Refuse noise that would be added twice, or nowhere."""
        kinds = [noise.kind for noise in self.noise]
        if len(set(kinds)) < len(kinds):
            raise ValueError(
                f"noise holds the same kind twice, got {kinds}: give at most one of each"
            )
        entries = [noise.enters for noise in self.noise if noise.enters != "updates"]
        for entry in set(entries):
            if entries.count(entry) > 1:
                raise ValueError(f"noise enters {entry} twice, got {kinds}: give one of them")
        if {"inputs", "loss"} <= set(entries):
            raise ValueError(
                "implicit noise stands for the input noise itself, got both: give one of them"
            )
        for noise in self.noise:
            check_entry(noise, self.network)
            acts_on = getattr(noise, "acts_on", "")
            if noise.enters == "updates" and acts_on not in PLACES:
                raise ValueError(
                    f"{type(noise).__name__} acts on {acts_on or 'nothing'}, where no engine adds "
                    f"noise: give it acts_on, one of {', '.join(PLACES)}"
                )

    def _rule_teaches(self) -> None:
        """Refuse a rule without a gradient where noise acts on one, or the network learns by it."""
        if self.learner.takes_gradient:
            return
        for noise in self.noise:
            if getattr(noise, "acts_on", "") == "gradient":
                raise ValueError(
                    f"{type(self.learner).__name__} has no gradient for {type(noise).__name__} to "
                    "act on: use UpdateNoise(acts_on='weights')"
                )
        if self.network.needs_gradient:
            raise ValueError(
                f"a {type(self.network).__name__} learns by gradients, got "
                f"{type(self.learner).__name__}: use SGD or Adam"
            )

    def _input_noise_is_taken(self) -> None:
        """Refuse noise on inputs, or what stands for it, that does not reach this network."""
        for noise in self.noise:
            if noise.enters == "loss" and not self.network.is_plain():
                raise ValueError(
                    "implicit noise is known for a plain rectified DenoisingNetwork alone: use "
                    "InputNoise"
                )
            input_noise = noise.on_inputs()
            if input_noise is not None:
                check_taken(self.network, input_noise)

    def _task_is_learned(self) -> None:
        """Refuse a task that asks for what the network does not give, or noise on what is no
        number."""
        objective = self.task.objective()
        check_learned(self.network, objective, type(self.task).__name__)
        check_targets(self.noise, objective)

    def _minibatch_is_taken(self) -> None:
        if self.minibatch is not None and not self.network.takes_minibatches:
            alternatives = networks_that(lambda network: network.takes_minibatches)
            raise ValueError(
                f"a {type(self.network).__name__} takes no minibatches, got {self.minibatch} "
                f"samples: leave it out, or use a {alternatives}"
            )
        check_shares(
            self.sample_probabilities,
            self.minibatch,
            self.task.extent()[0],
            type(self.task).__name__,
        )

    def _fits(self) -> None:
        """Refuse weights and activity that no memory holds."""
        samples, inputs, outputs = self.task.extent()
        refuse_beyond_memory(
            "weights, units x (inputs + outputs),", self.network.units, inputs + outputs + 1
        )
        refuse_beyond_memory("activity, samples x units,", samples, self.network.units)

    def _sessions_lie_within(self) -> None:
        """Refuse sessions that are none, too many, or not in the order of the steps."""
        if not isinstance(self.sessions, int):
            increasing = list(self.sessions) == sorted(set(self.sessions))
            if not (
                self.sessions
                and increasing
                and 0 <= self.sessions[0] <= self.sessions[-1] <= self.steps
            ):
                raise ValueError(
                    f"sessions must be increasing steps between 0 and {self.steps}, got "
                    f"{self.sessions}"
                )
        elif not 1 <= self.sessions <= self.steps + 1:
            raise ValueError(
                f"sessions must lie between 1 and steps + 1, got {self.sessions} for "
                f"{self.steps} steps"
            )
        elif self.sessions > MOST_SESSIONS:
            raise ValueError(
                f"sessions must be at most {MOST_SESSIONS}, got {self.sessions}: observe "
                "the network less often"
            )

    def _protocol_fits(self) -> None:
        """Refuse environments that the task has not, and noise of a stage that would be refused
        anywhere else."""
        stages = () if self.protocol is None else self.protocol.stages
        count = getattr(self.task, "environments", None)
        for number, stage in enumerate(stages):
            room = max(stage.environments or (0,))
            if count is not None and room >= count:
                raise ValueError(
                    f"stage {number} of the protocol learns environment {room}, but the task has "
                    f"{count}, numbered from 0: give the task more environments"
                )
        for noise in {stage.noise for stage in stages if stage.noise is not None}:
            self.replace(noise=noise, protocol=None)

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
