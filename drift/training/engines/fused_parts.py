"""What the compiled steps need for single samples or minibatches, other activations, dropout,
excitability, and weights that decay or are bounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from drift.experiment import Experiment
from drift.learners import SGD
from drift.loops.layout import padded, with_tail
from drift.loops.normals import BLOCK, LANES, generator_state
from drift.loops.vectors import WIDTH
from drift.networks import Network
from drift.networks.activation import ACTIVATIONS
from drift.training.engines import fused_layer as layer
from drift.training.engines.base import Subject
from drift.training.engines.draws import STATE_BYTES
from drift.training.engines.fused_kernels import UNITS, Work
from drift.training.engines.order import Order

STREAMS = ("dropout", "excitability")
DROPOUTS = {"units": layer.ON_UNITS, "weights": layer.ON_WEIGHTS}
EXCITABILITIES = {"threshold": layer.ON_THRESHOLD, "drive": layer.ON_DRIVE}
WORDS = 2**32  # values of a word of random bits


def has_mechanisms(experiment: Experiment) -> bool:
    """Tell whether a recipe needs other steps than those of ``fused_kernels``."""
    network, learner = experiment.network, experiment.learner
    return (
        experiment.minibatch is not None
        or network.activation != "relu"  # type: ignore[attr-defined]
        or network.dropout is not None  # type: ignore[attr-defined]
        or network.excitability is not None  # type: ignore[attr-defined]
        or learner.weight_decay is not None
        or learner.largest_weight is not None
    )


class MechanismSteps:
    """The mechanisms of one subject, and its steps."""

    def __init__(self, subject: Subject, work: Work) -> None:
        experiment, self._type = subject.experiment, work.weights.dtype
        network: Network = experiment.network  # type: ignore[assignment]
        dropout, slow = network.dropout, network.excitability
        self._kinds = layer.Kinds(
            ACTIVATIONS.index(network.activation),
            0 if dropout is None else DROPOUTS[dropout.acts_on],
            0 if slow is None else EXCITABILITIES[slow.acts_on],
            experiment.minibatch or 0,
            _takes_single_samples(experiment),
        )
        self._threshold = np.uint32(0 if dropout is None else round(dropout.probability * WORDS))
        self._gain = self._type.type(1.0 if dropout is None else dropout.gain)
        largest = experiment.learner.largest_weight
        self._limits = np.array(
            [experiment.learner.kept(), np.inf if largest is None else largest], self._type
        )
        self._slow = np.array([0.0, 0.0] if slow is None else [slow.keep, slow.renewal])
        self._order = Order([subject]) if experiment.minibatch else None
        self._order_state = np.zeros(STATE_BYTES if self._order else 0, np.uint8)
        self.arrays = _mechanisms(subject, work, self._kinds)

    def arguments(self, steps: int) -> tuple[Any, ...]:
        """Return what the next steps take beside the arguments of ``fused_kernels.advance``."""
        drawn = np.zeros(0, np.int64) if self._order is None else self._order.batches(steps)[0]
        of_dropout = (self._threshold, self._gain)
        return (self.arrays, drawn, self._kinds, *of_dropout, self._limits, self._slow)

    @property
    def excitability(self) -> np.ndarray | None:
        """Present excitability (unit,), where there is one, float64."""
        return self.arrays.excitability.astype(float) if self._kinds.excitability else None

    def changing(self) -> dict[str, np.ndarray]:
        """Return the arrays that carry a run from one step to the next."""
        if self._order is not None:
            self._order_state[:] = self._order.state()[0]
        return {
            "excitability": self.arrays.excitability,
            "own_generators": self.arrays.generators,
            "order": self._order_state,
        }

    def restored(self) -> None:
        """Go on from what has been written to the arrays."""
        if self._order is not None:
            self._order.restore(self._order_state[np.newaxis])


def _takes_single_samples(experiment: Experiment) -> bool:
    """Tell whether the steps are those of ``fused_single``: plain gradient descent on one sample,
    without noise on the weights or a draw of those that take part."""
    dropout = experiment.network.dropout  # type: ignore[attr-defined]
    return (
        experiment.minibatch == 1
        and type(experiment.learner) is SGD
        and all(noise.enters != "updates" for noise in experiment.noise)
        and (dropout is None or dropout.acts_on != "weights")
    )


def nothing_changing() -> dict[str, np.ndarray]:
    """Return what a subject without mechanisms gives for them."""
    return {
        "excitability": np.zeros(0),
        "own_generators": np.zeros((0, 4, LANES), np.uint32),
        "order": np.zeros(0, np.uint8),
    }


def _mechanisms(subject: Subject, work: Work, kinds: layer.Kinds) -> layer.Mechanisms:
    network: Network = subject.experiment.network  # type: ignore[assignment]
    kind, (units, width) = work.weights.dtype, work.weights.shape
    first = np.zeros(units)
    if network.excitability is not None:
        first = network.excitability.first(units, subject.experiment.seed)
    every = np.column_stack([subject.inputs, np.ones(len(subject.inputs))])
    shown = kinds.minibatch > 0
    return layer.Mechanisms(
        every_input=padded(every if shown else every[:0], kind),
        every_target=padded(subject.targets if shown else subject.targets[:0], kind),
        used=with_tail(np.zeros((units if kinds.dropout == layer.ON_WEIGHTS else 0, width)), kind),
        mask=_mask(work, kinds),
        excitability=first.astype(kind),
        scale=np.ones((1, _whole(units, WIDTH)), kind),
        shift=np.zeros((1, _whole(units, WIDTH)), kind),
        normals=np.zeros(_whole(units if kinds.excitability else 0, BLOCK), np.float32),
        response=np.zeros((1, _whole(units, WIDTH)), kind),
        factors=np.zeros((2, _whole(units, WIDTH)), kind),
        # copied in whole vectors, from the bias on
        along=np.zeros((2, _whole(width, WIDTH) + WIDTH), kind),
        generators=np.stack([generator_state(subject.experiment.seed, name) for name in STREAMS]),
    )


def _mask(work: Work, kinds: layer.Kinds) -> np.ndarray:
    """Ones for a block of units and all samples, for all units and one sample, or for weights."""
    units, width = work.weights.shape
    shape = (UNITS, work.hidden.shape[1])
    if kinds.dropout == layer.ON_WEIGHTS:
        shape = (1, _whole(units * width, LANES))
    elif kinds.single:
        shape = (1, _whole(units, LANES))
    return np.ones(shape, work.weights.dtype)


def _whole(count: int, block: int) -> int:
    """Return the next multiple of a block."""
    return -(-count // block) * block
