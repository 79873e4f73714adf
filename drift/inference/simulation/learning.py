"""Networks that keep learning, and similarity matching: rates of their units at log-spaced
sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from drift.experiment import Experiment
from drift.inference.simulation.worlds import World
from drift.learners import SGD, Adam, StochasticErrorDescent
from drift.networks import Dropout, Network
from drift.noise import InputNoise, LabelNoise, UpdateNoise
from drift.similarity_matching.networks import SimilarityMatching
from drift.similarity_matching.programs import program
from drift.training.probes.network import place_numbers
from drift.training.training import train

RATES = (0.1, 0.3)  # learning rates
NOISES = {"update noise": UpdateNoise, "label noise": LabelNoise, "input noise": InputNoise}


def experiment(
    mechanism: str,
    noise: float,
    units: int,
    steps: np.ndarray,
    world: World,
    seed: int,
    rng: np.random.Generator,
) -> Experiment:
    """Return the recipe of a network that drifts by one mechanism.

    Parameters
    ----------
    mechanism : str
        Of the family "learning".
    noise : float
        Its size, as the table of mechanisms says.
    units : int
    steps : numpy.ndarray
        (session,) of the sessions.
    world : World
    seed : int
    rng : numpy.random.Generator
        Of learning rate and regime.
    """
    rate = float(np.exp(rng.uniform(*np.log(RATES))))
    regime = "lazy" if rng.random() < 0.5 else "rich"
    learner = {
        "single samples": SGD(learning_rate=noise),
        "Adam": Adam(learning_rate=noise),
        "stochastic error descent": StochasticErrorDescent(learning_rate=noise),
    }.get(mechanism, SGD(learning_rate=rate))
    noises: list[Any] = [NOISES[mechanism](std=noise)] if mechanism in NOISES else []
    dropout = Dropout(probability=noise) if mechanism == "dropout" else None
    return Experiment(
        task=world.corridor,
        network=Network(units=units, regime=regime, dropout=dropout),  # type: ignore[arg-type]
        learner=learner,
        noise=noises,  # type: ignore[arg-type]
        minibatch=1 if mechanism == "single samples" else None,
        steps=int(steps[-1]),
        sessions=tuple(steps.tolist()),
        seed=seed,
    )


def network_rates(
    mechanism: str,
    noise: float,
    units: int,
    steps: np.ndarray,
    world: World,
    seed: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return rates (session, unit, way, place) of a trained network; see ``experiment``.

    Places that the agent did not come by have the rate between their neighbours.
    """
    recipe = experiment(mechanism, noise, units, steps, world, seed, rng)
    run = train([recipe], probes=["input_weights", "bias"], threads=1, progress=False)
    weights = {name: run[name].isel(subject=0).values for name in ("input_weights", "bias")}
    return rates_of(recipe.task.draw(seed), weights["input_weights"], weights["bias"])


def rates_of(experience: xr.Dataset, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return rate maps (session, unit, way, place) of rectified units, by place and running
    direction, as the probe ``rate`` records them, in a fraction of its time.

    Parameters
    ----------
    experience : xarray.Dataset
        Of a task with places.
    weights : numpy.ndarray
        (session, unit, input).
    bias : numpy.ndarray
        (session, unit).
    """
    drive = experience["inputs"].values @ weights.swapaxes(1, 2) + bias[:, np.newaxis]
    hidden = np.maximum(drive, 0.0).swapaxes(1, 2)  # (session, unit, sample)
    index, places = place_numbers(experience)
    place, direction = np.asarray(index), experience["direction"].values
    maps = []
    for way in (1, -1):
        on_the_way = np.where(direction == way, place, -1)
        visits = on_the_way[:, np.newaxis] == np.arange(places)
        visited = visits.any(axis=0)
        share = visits[:, visited] / visits[:, visited].sum(axis=0)
        maps.append(hidden @ share @ between_places(np.flatnonzero(visited), visited.size))
    return np.stack(maps, axis=2).astype(np.float32)


def between_places(known: np.ndarray, places: int) -> np.ndarray:
    """Return weights (known place, place) of a linear interpolation, constant beyond the ends."""
    return np.array([np.interp(np.arange(places), known, row) for row in np.eye(known.size)])


def matching_rates(
    mechanism: str,
    noise: float,
    units: int,
    steps: np.ndarray,
    world: World,
    seed: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return rates (session, unit, way, place) of similarity matching under synaptic noise, which
    learns one way; units answer on the way back as on the way out."""
    subject = program(
        SimilarityMatching(
            inputs=world.inputs,
            units=units,
            learning_rate=float(rng.uniform(0.01, 0.03)),
            feedforward_noise=noise,
            lateral_noise=noise,
            l1_penalty=0.02 if world.similarity_offset else 0.0,
            l2_penalty=0.05,
            similarity_offset=world.similarity_offset,
            first_weights=0.3,
            steps=int(steps[-1]),
            sessions=2,
            seed=seed,
        )
    )
    answers = []
    for step in steps:
        subject.advance(int(step) - subject.step)
        answers.append(subject.responses().T)  # (unit, place)
    rates = np.stack(answers)[:, :, np.newaxis]
    return np.repeat(rates, 2, axis=2).astype(np.float32)
