"""The numbers of a mechanism: neural posterior estimation with a neural spline flow of the package
sbi, one for each mechanism."""

from __future__ import annotations

import importlib
import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from drift.errors import RefusedInputError
from drift.inference.classifier import redrawn
from drift.inference.gradient_fit import fitted
from drift.inference.prior import PARAMETERS
from drift.streams import stream

HIDDEN, TRANSFORMS, BINS = 32, 3, 6
SHARES = ("active_fraction", "wrong_matches")
EDGE = 1e-3  # shares closer to 0 and 1 count as this
HELD = 5  # of the runs, every fifth says when to stop
FLOWS = 3  # whose mean is nearer to the posterior than each (Hermans et al. 2022)


class Flow(NamedTuple):
    """A neural spline flow that has learned a posterior.

    Attributes
    ----------
    parameters : tuple of str
    centre, spread : numpy.ndarray
        (parameter,) of unbounded parameters, by which the flow sees them.
    estimator : ConditionalDensityEstimator
        Of sbi.
    """

    parameters: tuple[str, ...]
    centre: np.ndarray
    spread: np.ndarray
    estimator: Any

    def draws(self, inputs: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws (window, draw, parameter) from the posterior of each window (window, input).

        The flow is run backwards on normal numbers of the stream that is given.
        """
        normals = torch.as_tensor(
            rng.standard_normal((len(inputs) * count, len(self.parameters))), dtype=torch.float32
        )
        context = torch.as_tensor(inputs).repeat_interleave(count, dim=0)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a function of torch that the flow calls
            values, _ = self.estimator.net._transform.inverse(normals, context=context)
        scaled = values.double().numpy().reshape(len(inputs), count, -1)
        return bounded(scaled * self.spread + self.centre, self.parameters)


class Posterior(NamedTuple):
    """Posterior of the parameters of one mechanism: the mean of several flows, each of which was
    stopped by other runs."""

    flows: tuple[Flow, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self.flows[0].parameters

    def draws(self, inputs: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws (window, draw, parameter), as many from each flow.

        Parameters
        ----------
        inputs : numpy.ndarray
            (window, input).
        count : int
        rng : numpy.random.Generator
        """
        shares = np.diff(np.linspace(0, count, len(self.flows) + 1).round().astype(int))
        draws = [flow.draws(inputs, int(own), rng) for flow, own in zip(self.flows, shares) if own]
        return np.concatenate(draws, axis=1)


def unbounded(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return parameters (..., parameter) of which shares are log odds."""
    result = np.array(values, dtype=float)
    for at, name in enumerate(names):
        if name in SHARES:
            share = np.clip(result[..., at], EDGE, 1 - EDGE)
            result[..., at] = np.log(share / (1 - share))
    return result


def bounded(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return what ``unbounded`` was given."""
    result = np.array(values, dtype=float)
    for at, name in enumerate(names):
        if name in SHARES:
            result[..., at] = 1 / (1 + np.exp(-result[..., at]))
    return result


def require_sbi() -> None:
    """Refuse posteriors of parameters where sbi is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages that it loads
            importlib.import_module("sbi.neural_nets")
    except ImportError:
        raise RefusedInputError(
            "posteriors of parameters need the package sbi, got none: pip install "
            "'repdrift[posterior]', or ask for mechanisms alone (parameters=False, "
            "--no-parameters)."
        ) from None


def flow_network(parameters: int, inputs: int) -> Any:
    """Return a neural spline flow of sbi with weights of no meaning.

    Parameters
    ----------
    parameters, inputs : int
    """
    require_sbi()
    from sbi.neural_nets.net_builders import build_nsf

    rows = torch.zeros((2, parameters)), torch.zeros((2, inputs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build_nsf(
            *rows, z_score_x="none", z_score_y="none", hidden_features=HIDDEN,
            num_transforms=TRANSFORMS, num_bins=BINS, tail_bound=4.0,
        )  # fmt: skip


def trained_posterior(
    inputs: np.ndarray, truth: np.ndarray, runs: np.ndarray, names: tuple[str, ...], seed: int
) -> Posterior:
    """Return the posterior of one mechanism, trained on windows of its runs.

    Parameters
    ----------
    inputs : numpy.ndarray
        (window, input).
    truth : numpy.ndarray
        (window, parameter) all that there are.
    runs : numpy.ndarray
        (window,).
    names : tuple of str
        Parameters that the mechanism has.
    seed : int
    """
    columns = [PARAMETERS.index(name) for name in names]
    values = unbounded(truth[:, columns], names)
    centre, spread = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    scaled = torch.as_tensor((values - centre) / spread, dtype=torch.float32)
    data, blocks = (scaled, torch.as_tensor(inputs)), np.unique(runs, return_inverse=True)[1]
    flows = []
    for number in range(FLOWS):
        chance = stream(seed, "weights", number), stream(seed, "order", number)
        estimator = trained_estimator(data, blocks % HELD == number, *chance)
        flows.append(Flow(names, centre, spread, estimator))
    return Posterior(tuple(flows))


def trained_estimator(
    data: tuple[Tensor, Tensor],
    held: np.ndarray,
    weights: np.random.Generator,
    order: np.random.Generator,
) -> Any:
    """Return a neural spline flow of sbi that has learned parameters from inputs.

    Parameters
    ----------
    data : tuple of torch.Tensor
        Parameters (row, parameter) and inputs (row, input).
    held : numpy.ndarray
        (row,) bool, which say when to stop.
    weights, order : numpy.random.Generator
        Of the first weights and of the batches.
    """
    parameters, inputs = data
    estimator = flow_network(parameters.shape[1], inputs.shape[1])
    _redraw(estimator, weights)
    fitted(estimator, partial(_loss, estimator), data, held, order)
    return estimator


def _redraw(estimator: Any, rng: np.random.Generator) -> None:
    """Draw weights from a stream, smaller than usual, so that the flow begins near the prior; and
    the order in which it takes parameters."""
    redrawn(estimator, rng)
    with torch.no_grad():
        for weights in estimator.parameters():
            weights.mul_(0.3)
        for name, values in estimator.named_buffers():
            if name.endswith("_permutation"):
                values.copy_(torch.as_tensor(rng.permutation(values.numel())))


def _loss(estimator: Any, truth: Tensor, inputs: Tensor) -> Tensor:
    return estimator.loss(truth, condition=inputs).mean()
