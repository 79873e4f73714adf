"""Learning in stages: at each change of stage an engine is set up with what is learned from then
on, and goes on from the state of the one before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.training.engines.base import Engine, Precision, Subject, Weights

NUMBERED = re.compile(r"(\d+)\.(.+)")  # of a program, and what its state calls an array


def in_stage(subject: Subject, number: int) -> Subject:
    """Return a subject with the samples and the noise of a stage.

    Parameters
    ----------
    subject : Subject
        With the experience of all environments.
    number : int
        Of the stage in its protocol.
    """
    experiment, experience = subject
    if experiment.protocol is None:
        return subject
    stage = experiment.protocol.stages[number]
    if stage.noise is not None:
        experiment = experiment.replace(noise=stage.noise, protocol=None)
    if stage.environments is not None and "environment" in experience:
        learned = np.isin(experience["environment"].values, stage.environments)
        experience = experience.isel(sample=learned)
        experiment = _drawn_among(experiment, learned)
    return Subject(experiment, experience)


def _drawn_among(experiment: Experiment, learned: np.ndarray) -> Experiment:
    """Return a recipe whose samples are drawn as often, one beside the other, as among all."""
    if experiment.sample_probabilities is None:
        return experiment
    probabilities = np.array(experiment.sample_probabilities)[learned]
    if not probabilities.sum() > 0:
        raise RefusedInputError(
            "a stage of the protocol learns environments whose samples all have a probability of "
            "0: raise sample_probabilities there."
        )
    shares = tuple((probabilities / probabilities.sum()).tolist())
    # no longer one for each sample of the task, which the door of a recipe would refuse
    return Experiment.model_construct(**{**dict(experiment), "sample_probabilities": shares})


def learned_before(subject: Subject, step: int) -> Subject:
    """Return a subject with what it learned in the step that led to ``step``."""
    protocol = subject.experiment.protocol
    return subject if protocol is None else in_stage(subject, protocol.number_of(max(step - 1, 0)))


def refuse_absent_environments(subject: Subject) -> None:
    """Refuse a protocol that names environments without samples."""
    protocol = subject.experiment.protocol
    if protocol is None:
        return
    environment = subject.experience.get("environment")
    present = {0} if environment is None else set(np.unique(environment).tolist())
    named = {room for stage in protocol.stages for room in stage.environments or ()}
    if named - present:
        kind = type(subject.experiment.task).__name__
        raise RefusedInputError(
            f"the protocol names environment {min(named - present)}, but the task, {kind}, has "
            f"{', '.join(map(str, sorted(present)))}: name these."
        )


def learned_samples(subject: Subject) -> tuple[int, ...]:
    """Return the number of samples in each environment where a protocol takes them apart; subjects
    side by side share them."""
    if subject.experiment.protocol is None or "environment" not in subject.experience:
        return ()
    return tuple(np.bincount(subject.experience["environment"].values.astype(int)).tolist())


class StagedEngine(Engine):
    """Subjects with one protocol, in the engine of each stage.

    Parameters
    ----------
    make : callable
        Sets up an engine, given its name and subjects.
    name : str
        As ``drift.train`` takes it.
    subjects : sequence of Subject
        With the experience of all environments.
    """

    def __init__(
        self,
        make: Callable[[str, Sequence[Subject]], Engine],
        name: str,
        subjects: Sequence[Subject],
    ) -> None:
        protocol = subjects[0].experiment.protocol
        assert protocol is not None
        self._make, self._subjects, self._protocol = make, subjects, protocol
        self.name, self._stage = self._common_engine(name), protocol.number_of(0)
        self._running = self._set_up(self._stage)
        self._kept: dict[str, np.ndarray] = {}  # also of noise that rests

    def _common_engine(self, name: str) -> str:
        """The engine that runs all stages: "auto" decides by the noise of each."""
        laws = {stage.noise: number for number, stage in enumerate(self._protocol.stages)}
        names = {
            self._make(name, [in_stage(self._subjects[0], number)]).name for number in laws.values()
        }
        return names.pop() if len(names) == 1 else "batched"

    def _set_up(self, number: int) -> Engine:
        return self._make(self.name, [in_stage(subject, number) for subject in self._subjects])

    @property
    def step(self) -> int:  # type: ignore[override]
        """Steps taken so far."""
        return self._running.step

    def advance(self, steps: int) -> None:
        """Take steps, from stage to stage."""
        while steps:
            if (number := self._protocol.number_of(self.step)) != self._stage:
                self._enter(number)
            change = self._protocol.next_change(self.step)
            count = steps if change is None else min(steps, change - self.step)
            self._running.advance(count)
            steps -= count

    def _enter(self, number: int) -> None:
        self._kept = self._own_state()
        self._stage, self._running = number, self._set_up(number)
        self._go_on_from(self._kept)

    def _own_state(self) -> dict[str, np.ndarray]:
        return {**self._kept, **joined(self._running.state())}

    def _go_on_from(self, state: Mapping[str, np.ndarray]) -> None:
        fresh = self._running.state()
        self._running.restore({**fresh, **parted(state, fresh)})

    def weights(self, members: Sequence[int] | None = None) -> Weights:
        """Return the present weights by name."""
        return self._running.weights(members)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state of the running engine, and of noise that rests."""
        return self._own_state()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state, in the stage that led to it."""
        self._kept = dict(state)
        self._stage = self._protocol.number_of(max(int(state["step"]) - 1, 0))
        self._running = self._set_up(self._stage)
        self._go_on_from(state)


def joined(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a state in which arrays of numbered programs are one after the other along the
    subject: how many subjects share a program depends on how many samples they have."""
    whole: dict[str, list[tuple[int, np.ndarray]]] = {}
    single: dict[str, np.ndarray] = {}
    for name, values in state.items():
        if numbered := NUMBERED.fullmatch(name):
            whole.setdefault(numbered[2], []).append((int(numbered[1]), values))
        else:
            single[name] = values
    return single | {
        f"all.{name}": np.concatenate([values for _number, values in sorted(arrays, key=_first)])
        for name, arrays in whole.items()
    }


def _first(numbered: tuple[int, np.ndarray]) -> int:
    return numbered[0]


def parted(
    state: Mapping[str, np.ndarray], like: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return a joined state in the programs of another, with the names that both have."""
    apart, begun = {}, dict.fromkeys(state, 0)
    order = sorted(like, key=lambda name: int(m[1]) if (m := NUMBERED.fullmatch(name)) else -1)
    for name in order:
        numbered = NUMBERED.fullmatch(name)
        source = f"all.{numbered[2]}" if numbered else name
        if source not in state:
            continue
        if numbered is None:
            apart[name] = state[name]
            continue
        first, count = begun[source], len(like[name])
        apart[name] = state[source][first : first + count]
        begun[source] = first + count
    return apart


def make_staged(
    name: str,
    subjects: Sequence[Subject],
    make: Callable[..., Engine],
    *,
    precision: Precision,
    device: str,
    threads: int | None,
) -> Engine:
    """Return an engine for subjects that may have a protocol, one for all of them."""

    def set_up(name: str, subjects: Sequence[Subject]) -> Engine:
        return make(name, subjects, precision=precision, device=device, threads=threads)

    if subjects[0].experiment.protocol is None:
        return set_up(name, subjects)
    return StagedEngine(set_up, name, subjects)
