"""Acceptance rows S40-S43 of sparse coding: learning from the implicit loss of noise instead of
noise, 48 components of MNIST."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import xarray as xr
from scoreboards.acceptance import Check, Row, between, near
from scoreboards.sparse_coding.runs import COMPONENTS, NOISY, Asked, surrogate


def active(run: xr.Dataset) -> float:
    """Fraction of active responses to images without noise."""
    return float(run["fraction_active_responses"])


def loss(run: xr.Dataset) -> float:
    """Squared error under noise, summed over components; infinite for a network that training has
    flagged as diverged."""
    return (
        math.inf
        if str(run["status"].item()) == "diverged"
        else COMPONENTS * float(run["noisy_loss"])
    )


def all_terms(asked: Asked) -> Iterator[Check]:
    noisy, full = (
        active(surrogate(asked, NOISY)),
        active(surrogate(asked, "L0+S+M+O")),
    )
    yield near("active after noisy training", 0.415, noisy, 0.02)
    yield near("active after L0+S+M+O", 0.422, full, 0.02)
    yield between("difference", 0.007, abs(full - noisy), high=0.02 - 1e-9)


def order(asked: Asked) -> Iterator[Check]:
    names, published = ("L0+S", "L0", "L0+S+O", "L0+S+M+O"), (0.855, 0.709, 0.542, 0.422)
    runs = [surrogate(asked, name) for name in names]
    for number, (one, other) in enumerate(pairwise(names)):
        drop = active(runs[number]) - active(runs[number + 1])
        yield between(
            f"active of {one} less that of {other}",
            published[number] - published[number + 1],
            drop,
            low=1e-9,
        )
    noisy = loss(surrogate(asked, NOISY))
    yield between(
        "loss under noise, L0+S+M+O over noisy training", 0.97, loss(runs[-1]) / noisy, 0.95, 1.05
    )
    yield between(
        "loss under noise of L0+S+M+O less that of L0+S",
        -2.5,
        loss(runs[-1]) - loss(runs[0]),
        high=-1e-9,
    )


def margin(asked: Asked) -> Iterator[Check]:
    alone, shifted = (
        float(surrogate(asked, name)["margin_fraction"])
        for name in ("L0+S (B)", "L0+S+mean shift (B)")
    )
    yield between(
        "drives within s of threshold, change by the mean shift", -0.06, shifted - alone, high=-1e-9
    )


def divergence(asked: Asked) -> Iterator[Check]:
    for name, published in (("L0+M", 9e6), ("L0+O", 9e5), ("L0+S+M", 5e6)):
        run = surrogate(asked, name)
        yield between(
            f"loss under noise after {name} (diverged by step {float(run['diverged_at']):g})",
            published,
            loss(run),
            low=1e4,
        )


ROWS = (
    Row("S40", "implicit loss and noise give one sparsity", "minutes", all_terms, "mnist"),
    Row("S41", "order of the terms", "minutes", order, "mnist"),
    Row("S42", "mean shift clears the threshold", "minutes", margin, "mnist"),
    Row("S43", "terms that are unbounded alone", "minutes", divergence, "mnist"),
)
