"""Which mechanism, by an ensemble of small networks whose certainty is set on runs that they have
not seen."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from drift.inference.gradient_fit import fitted
from drift.streams import stream

MEMBERS, UNITS = 5, 64
SOFTENING = (-1.5, 3.0)  # log of the temperature


class Classifier(NamedTuple):
    """Five networks, and the temperature that their log probabilities are divided by."""

    members: list[nn.Sequential]
    temperature: float

    def log_odds(self, inputs: np.ndarray) -> np.ndarray:
        """Return mean log probabilities (window, mechanism) of the members, not softened."""
        numbers = torch.as_tensor(inputs)
        with torch.no_grad():
            logs = [member(numbers).log_softmax(dim=1) for member in self.members]
        return np.asarray(torch.stack(logs).mean(dim=0).double().numpy())

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Return p(mechanism | statistics), (window, mechanism)."""
        return softened(self.log_odds(inputs), self.temperature)


def softened(log_odds: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(log odds / temperature)."""
    scaled = log_odds / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def network(inputs: int, outputs: int, rng: np.random.Generator | None = None) -> nn.Sequential:
    """Return one member, with weights of a stream; of no stream for weights that are loaded.

    Parameters
    ----------
    inputs, outputs : int
    rng : numpy.random.Generator, optional
    """
    layers = nn.Sequential(
        nn.Linear(inputs, UNITS), nn.ReLU(), nn.Linear(UNITS, UNITS), nn.ReLU(),
        nn.Linear(UNITS, outputs),
    )  # fmt: skip
    if rng is not None:
        redrawn(layers, rng)
    return layers


def redrawn(module: nn.Module, rng: np.random.Generator) -> None:
    """Draw all weights anew, normal of variance 2 / inputs, from a stream; biases are 0.

    Parameters
    ----------
    module : torch.nn.Module
    rng : numpy.random.Generator
    """
    with torch.no_grad():
        for weights in module.parameters():
            if weights.ndim < 2:
                weights.zero_()
                continue
            scale = np.sqrt(2 / weights.shape[1])
            weights.copy_(torch.as_tensor(scale * rng.standard_normal(tuple(weights.shape))))


def trained_classifier(
    inputs: np.ndarray,
    classes: np.ndarray,
    runs: np.ndarray,
    calibration: tuple[np.ndarray, np.ndarray],
    outputs: int,
    seed: int,
) -> Classifier:
    """Return an ensemble, each member of which stops where the loss of a fifth of the runs is
    least, which it does not learn from.

    Parameters
    ----------
    inputs : numpy.ndarray
        (window, input).
    classes, runs : numpy.ndarray
        (window,) int.
    calibration : tuple of numpy.ndarray
        Inputs and classes of runs that set the temperature.
    outputs : int
        Number of mechanisms.
    seed : int
    """
    members = []
    blocks = np.unique(runs, return_inverse=True)[1]
    for number in range(MEMBERS):
        held = blocks % MEMBERS == number
        member = network(inputs.shape[1], outputs, stream(seed, "weights", number))
        fitted(
            member,
            partial(_cross_entropy, member),
            (torch.as_tensor(inputs), torch.as_tensor(classes)),
            held,
            stream(seed, "order", number),
        )
        members.append(member)
    ensemble = Classifier(members, 1.0)
    return ensemble._replace(temperature=_temperature(ensemble, *calibration))


def _cross_entropy(member: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    return nn.functional.cross_entropy(member(inputs), classes)


def _temperature(ensemble: Classifier, inputs: np.ndarray, classes: np.ndarray) -> float:
    """The temperature under which the log score of other runs is best."""
    log_odds = ensemble.log_odds(inputs)

    def loss(log_temperature: float) -> float:
        chances = softened(log_odds, np.exp(log_temperature))[np.arange(len(classes)), classes]
        return -float(np.log(np.maximum(chances, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=SOFTENING, method="bounded").x))
