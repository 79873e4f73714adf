"""Rows of dropout: a ridge for linear units."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scoreboards.acceptance import Check, Request, Row, between

import drift
from drift.theory.mechanisms import dropout_readout

PROBABILITY, UNITS, SAMPLES, NETWORKS = 0.3, 8, 30, 24
# targets so small that input weights, whose gradient is proportional to output weights and error,
# stand still: what learns is one linear layer
SIZE = 1e-4
STEPS, LOOKS, SETTLED = 600_000, 3000, 300


class Readouts(NamedTuple):
    """Output weights of linear networks under dropout, and closed forms."""

    weights: np.ndarray  # (network, look, unit, output)
    ridge: np.ndarray  # (network, unit, output)
    least_squares: np.ndarray  # likewise, without dropout


def readouts(request: Request) -> Readouts:
    """Learn linear layers under dropout."""
    rng = drift.stream(request.seed, "world")
    inputs, targets = rng.standard_normal((SAMPLES, 6)), SIZE * rng.standard_normal((SAMPLES, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "linear.npz"
        np.savez(path, inputs=inputs, targets=targets)
        base = drift.Experiment(
            task=drift.StoredTask(path=str(path)),
            network=drift.Network(
                units=UNITS,
                regime="lazy",
                activation="linear",
                dropout=drift.Dropout(probability=PROBABILITY),
            ),
            learner=drift.SGD(learning_rate=0.02),
            steps=STEPS,
            sessions=LOOKS + 1,
        )
        recipes = [base.replace(seed=request.seed + number) for number in range(NETWORKS)]
        probes = ["output_weights", "sample_activity"]
        run = drift.train(recipes, probes=probes, progress=False, precision="float64")
    weights = run["output_weights"].transpose("subject", "session", "unit", "output").values
    hidden = run["sample_activity"].isel(session=-1).transpose("subject", "sample", "unit").values
    closed = [
        np.array([dropout_readout(each.astype(float), targets, probability) for each in hidden])
        for probability in (PROBABILITY, 1e-9)
    ]
    return Readouts(weights[:, SETTLED:].astype(float), *closed)


def ridge(request: Request) -> Iterator[Check]:
    """Mean weights over time against the closed form, relative to its size."""
    weights, expected, least_squares = readouts(request)
    difference = weights.mean(1) - expected
    size = np.sqrt(np.square(expected).mean())
    bias = np.sqrt(np.square(difference.mean(0) / size).mean())
    yield between("mean over networks - ridge, relative", 0.0, float(bias), high=1e-3)
    apart = np.sqrt(np.square(weights.mean(1) - least_squares).mean()) / size
    yield between("mean - least squares without dropout, relative", 0.5, float(apart), low=0.1)


ROWS = (Row("N03", "dropout of linear units is a ridge", "minutes", ridge),)
