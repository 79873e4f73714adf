"""What of a recipe goes together: tasks with networks, noise with both, and how often samples are
drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from drift.errors import RefusedInputError
from drift.networks import NETWORKS, LearningNetwork
from drift.noise import ENTRIES, ImplicitNoise, InputNoise, Noise
from drift.tasks.base import Objective

# what a task asks for, in words
OBJECTIVES = {"squared_error": "numbers", "cross_entropy": "classes", "next_token": "tokens"}
SUM_TOLERANCE = 1e-6  # of probabilities that were written with seven digits


def check_targets(noises: Sequence[Noise], objective: Objective) -> None:
    """Refuse noise on targets that are no numbers."""
    if objective != "squared_error" and any(noise.enters == "targets" for noise in noises):
        raise RefusedInputError(
            f"{OBJECTIVES[objective]} take no label noise, which is added to numbers: use "
            "InputNoise or UpdateNoise."
        )


def check_probabilities(probabilities: Sequence[float] | None, samples: int, task: str) -> None:
    """Refuse probabilities of other than the samples of a task, 0 where these are not known."""
    if probabilities is not None and samples and len(probabilities) != samples:
        raise RefusedInputError(
            f"sample_probabilities hold {len(probabilities)} numbers, but {task} has {samples} "
            "samples: give one for each."
        )


def check_entry(noise: Noise, network: LearningNetwork) -> None:
    """Refuse noise that says it enters where no engine lets it in."""
    name = type(noise).__name__
    if noise.enters not in ENTRIES:
        raise ValueError(
            f"{name} enters {noise.enters!r}, where no engine adds noise: give it one of "
            f"{', '.join(ENTRIES)}"
        )
    if noise.enters == "loss" and not isinstance(noise, ImplicitNoise):
        raise ValueError(f"{name} enters the loss, which only ImplicitNoise does: derive it")
    unknown = noise.enters == "inputs" and noise.on_inputs() is None
    if unknown and "minibatch" in network.engines:
        raise ValueError(
            f"{name} enters the inputs of a {type(network).__name__} without saying how: give it "
            "on_inputs(), or derive it from InputNoise"
        )


def check_learned(network: LearningNetwork, objective: str, task: str) -> None:
    """Refuse a task that asks for what the network does not give.

    Parameters
    ----------
    network : LearningNetwork
    objective : str
        What is asked of its outputs.
    task : str
        Name of the task that asks.

    Raises
    ------
    RefusedInputError
        If the network has no such objective.
    """
    if objective not in network.objectives:
        learned = " or ".join(OBJECTIVES[own] for own in network.objectives)
        alternatives = networks_that(lambda other: objective in other.objectives)
        remedy = (
            f"use a {alternatives}" if alternatives else f"ask for one of {', '.join(OBJECTIVES)}"
        )
        raise RefusedInputError(
            f"a {type(network).__name__} learns {learned}, got the "
            f"{OBJECTIVES.get(objective, objective)} of {task}: {remedy}."
        )


def check_taken(network: LearningNetwork, noise: InputNoise) -> None:
    """Refuse input noise of a law or at a place that a network does not take."""
    law, place = noise.law, noise.placement
    if not network.takes_input_noise(law, place):
        laws, places = " or ".join(network.noise_laws), " or ".join(network.noise_places)
        alternatives = networks_that(lambda other: other.takes_input_noise(law, place))
        raise ValueError(
            f"a {type(network).__name__} takes noise of the law {laws} placed at {places}, got "
            f"{law} at {place}: use such noise, or a {alternatives}"
        )


def networks_that(take: Callable[[type[LearningNetwork]], bool]) -> str:
    """Return the names of all networks that take something, joined by "or"."""
    return " or ".join(network.__name__ for network in NETWORKS.values() if take(network))


def check_shares(
    probabilities: Sequence[float] | None, minibatch: int | None, samples: int, task: str
) -> None:
    """Refuse probabilities of samples that are none, or that nothing is drawn by."""
    if probabilities is None:
        return
    if minibatch is None:
        raise ValueError(
            "sample_probabilities say how often a sample is drawn, but each step takes all of "
            "them: give minibatch, such as minibatch=1, or leave them out"
        )
    total = math.fsum(probabilities)
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(
            f"sample_probabilities must have the sum 1, got {total:g} of "
            f"{len(probabilities)} numbers: divide each by their sum"
        )
    check_probabilities(probabilities, samples, task)
