"""What is held possible before a recording is looked at: mechanisms, and the ranges of their
numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, Strict, field_validator, model_validator

from drift.recipe import Recipe

LEARNING = ("log_noise", "log_steps_per_day", "log_age")
ARTEFACTS = ("active_fraction", "wrong_matches", "rate_trend")
PARAMETERS = (*LEARNING, "log_lifetime", "excitability", *ARTEFACTS)
MEANINGS = {
    "log_noise": "log10 of the size of the noise",
    "log_steps_per_day": "log10 of steps of learning a day",
    "log_age": "log10 of steps learned before the first session",
    "log_lifetime": "log10 of the lifetime, days",
    "excitability": "standard deviation of excitability",
    "active_fraction": "share of responses that are active",
    "wrong_matches": "share of cells matched wrongly from session to session",
    "rate_trend": "change of log event rates a session",
}


class Mechanism(NamedTuple):
    """A class of the answer: its family, what is noise in it and within which powers of ten, and
    which parameters it has."""

    family: str
    noise: str
    exponents: tuple[float, float]
    parameters: tuple[str, ...]


def _learned(noise: str, low: float, high: float) -> Mechanism:
    return Mechanism("learning", noise, (low, high), (*LEARNING, *ARTEFACTS))


# The published corridor learns for 1e6 to 1e7 steps; runs of a bank are a tenth to a hundredth as
# long. Drift goes with the square of noise and of the learning rate, so that ranges reach above the
# published ones, up to where a run in some ten diverges.
MECHANISMS: dict[str, Mechanism] = {
    "update noise": _learned("std of UpdateNoise", -2.5, -1.0),
    "label noise": _learned("std of LabelNoise", -0.5, 1.0),
    "input noise": _learned("std of InputNoise", -1.0, 0.5),
    "dropout": _learned("probability of Dropout", -1.6, -0.1),
    "single samples": _learned("learning rate with minibatch 1", -1.2, 0.3),
    "Adam": _learned("learning rate of Adam", -3.0, -1.5),
    "stochastic error descent": _learned("learning rate of StochasticErrorDescent", -4.0, -2.5),
    "similarity matching": Mechanism(
        "synaptic", "synaptic noise of SimilarityMatching", (-4.0, -2.5), (*LEARNING, *ARTEFACTS)
    ),
    "wandering weights": Mechanism("synaptic", "none", (0, 0), ("log_lifetime", *ARTEFACTS)),
    "excitability": Mechanism(
        "intrinsic", "none", (0, 0), ("log_lifetime", "excitability", *ARTEFACTS)
    ),
    "jumps": Mechanism("intrinsic", "none", (0, 0), ("log_lifetime", *ARTEFACTS)),
    "frozen code": Mechanism("artefact", "none", (0, 0), ARTEFACTS),
}

WorldName = Literal["narrow view", "wide view", "long corridor"]
Low = Annotated[float, Field(gt=0)]
Range = Annotated[tuple[Low, Low], Strict(False)]
Whole = Annotated[tuple[int, int], Strict(False)]


class Prior(Recipe):
    """A frozen recipe from which runs and windows of a bank are drawn.

    Each mechanism is drawn as often; ranges are log-uniform if nothing else is said. A window that
    would reach beyond the end of its run is drawn again, so that steps a day, age and span of the
    sessions depend on each other.

    Parameters
    ----------
    mechanisms : sequence of str
        Of ``drift.inference.prior.MECHANISMS``.
    steps : int
        Of learning in a run.
    first_step : int
        Of its first session.
    sessions : int
        Of a run, log-spaced.
    windows : int
        What is seen of a run: so many times other cells, sessions, days and artefacts.
    units : sequence of int
        Sizes of networks, of which one is drawn.
    worlds : sequence of str
        Tasks, of ``drift.inference.simulation.worlds.WORLDS``, of which one is drawn.
    steps_per_day : (float, float)
        Three decades.
    age : (float, float)
        Steps before the first session, from convergence to ten times it.
    cells : (int, int)
        Recorded; at most the units of the network.
    session_counts : (int, int)
        Uniform.
    span : (float, float)
        Days from the first to the last session.
    events : (float, float)
        Median over cells, in a session.
    missing : float
        Largest share of cells that are not recorded in a session; uniform from 0.
    wrong_matches : (float, float)
        Parameters of the beta distribution of the share q.
    rate_trend : float
        Standard deviation of the normal distribution of the trend of log rates a session.
    """

    mechanisms: Annotated[tuple[str, ...], Strict(False)] = Field(
        default=tuple(MECHANISMS), min_length=2
    )
    steps: int = Field(default=200_000, ge=100, le=10**7)
    first_step: int = Field(default=2000, ge=1)
    sessions: int = Field(default=200, ge=3, le=10_000)
    windows: int = Field(default=40, ge=1, le=10_000)
    units: Annotated[tuple[int, ...], Strict(False)] = (80, 120)
    worlds: Annotated[tuple[WorldName, ...], Strict(False)] = Field(
        default=("narrow view", "wide view"), min_length=1
    )
    steps_per_day: Range = (50.0, 50_000.0)
    age: Range = (2000.0, 20_000.0)
    cells: Whole = (20, 120)
    session_counts: Whole = (3, 12)
    span: Range = (3.0, 30.0)
    events: Range = (5.0, 80.0)
    missing: float = Field(default=0.4, ge=0, le=0.9)
    wrong_matches: Range = (1.0, 19.0)
    rate_trend: float = Field(default=0.1, ge=0, le=1)

    @field_validator("mechanisms")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in MECHANISMS]
        if unknown or len(set(names)) < len(names):
            raise ValueError(
                f"mechanisms must be different names among {', '.join(MECHANISMS)}, got "
                f"{', '.join(names)}"
            )
        return names

    @field_validator(
        "steps_per_day", "age", "cells", "session_counts", "span", "events", mode="after"
    )
    @classmethod
    def _rising(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if not ends[0] <= ends[1]:
            raise ValueError(f"a range must rise, got {ends}")
        return ends

    @model_validator(mode="after")
    def _of_networks(self) -> Prior:
        if not self.units or min(self.units) < 2:
            raise ValueError(f"units must be sizes of at least 2, got {self.units}")
        if not 1 <= self.cells[0] <= min(self.units):
            raise ValueError(
                f"the fewest cells must be 1 to the {min(self.units)} units of the smallest "
                f"network, got {self.cells[0]}"
            )
        fewest, most = self.session_counts
        if fewest < 3 or most > self.sessions:
            raise ValueError(
                f"session_counts must lie within 3 and the {self.sessions} sessions of a run, got "
                f"{self.session_counts}"
            )
        return self

    @model_validator(mode="after")
    def _within_runs(self) -> Prior:
        shortest = self.age[1] + self.span[0] * self.steps_per_day[0]
        if not self.first_step <= self.age[0] or not shortest <= self.steps:
            raise ValueError(
                "first_step must be at most the least age, and steps at least the largest age and "
                f"the shortest span, got first_step {self.first_step}, ages {self.age} and "
                f"{self.steps} steps for {shortest:g}: no window would lie within a run"
            )
        return self

    @classmethod
    def small(cls, **changes: Any) -> Prior:
        """Return a prior of smaller, shorter and fewer looked-at runs, which take a fifth of the
        time: 60 units, 100,000 steps, 24 windows."""
        numbers = {
            "units": (60,), "steps": 100_000, "first_step": 1000, "windows": 24,
            "age": (1000.0, 10_000.0), "steps_per_day": (30.0, 30_000.0), "cells": (15, 60),
        }  # fmt: skip
        return cls(**{**numbers, **changes})

    def sentences(self) -> list[str]:
        """Return the prior in words, for a report."""
        families = {
            family: [name for name in self.mechanisms if MECHANISMS[name].family == family]
            for family in dict.fromkeys(MECHANISMS[name].family for name in self.mechanisms)
        }
        told = "; ".join(f"{family}: {', '.join(names)}" for family, names in families.items())
        return [
            f"Mechanisms, each as probable ({told}).",
            "Noise: log-uniform over 1.5 decades, "
            + ", ".join(
                f"{MECHANISMS[name].noise} {10 ** MECHANISMS[name].exponents[0]:.2g} to "
                f"{10 ** MECHANISMS[name].exponents[1]:.2g}"
                for name in self.mechanisms
                if MECHANISMS[name].noise != "none"
            )
            + ".",
            f"Steps a day {self.steps_per_day[0]:g} to {self.steps_per_day[1]:g}, age at the first "
            f"session {self.age[0]:g} to {self.age[1]:g} steps, log-uniform within runs of "
            f"{self.steps} steps.",
            f"Wrong matches Beta({self.wrong_matches[0]:g}, {self.wrong_matches[1]:g}) from "
            f"session to session; trend of log rates N(0, {self.rate_trend:g}) a session.",
            f"Designs: {self.cells[0]} to {self.cells[1]} cells, {self.session_counts[0]} to "
            f"{self.session_counts[1]} sessions over {self.span[0]:g} to {self.span[1]:g} days, "
            f"{self.events[0]:g} to {self.events[1]:g} events of the median cell in a session.",
        ]
