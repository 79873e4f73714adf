"""Circuits with several interneurons: each sums some of the units and inhibits some of them, with
weights of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.base import Circuit
from circuits.simulation import brian

if TYPE_CHECKING:
    from circuits.simulation.batch import Batch

Weights = tuple[np.ndarray, np.ndarray]
"""Weights to interneurons (..., interneuron, unit) and to units (..., unit, interneuron)."""


def is_wired(circuit: Circuit) -> bool:
    """Tell whether a circuit says how units and interneurons are connected one by one."""
    return type(circuit).weights is not Circuit.weights


def weights_of(circuit: Circuit) -> Weights:
    """Return the weights of a wired circuit."""
    weights = circuit.weights()
    assert weights is not None
    return weights


def wired_network(batch: Batch, weights: Weights | None = None) -> dict[str, Any]:
    """Return groups and synapses of circuits whose units and interneurons are connected one by one.

    Parameters
    ----------
    batch : Batch
        Circuits that have ``weights``; the interneurons' equations have ``total``, the units'
        equations ``inhibition``.
    weights : tuple of numpy.ndarray, optional
        To interneurons (copy, interneuron, unit) and to units (copy, unit, interneuron), in place
        of those of the circuits.

    Returns
    -------
    dict
        Brian2 objects by name.
    """
    inward, outward = _of_copies(batch) if weights is None else weights
    excitatory, interneuron = batch.excitatory(), batch.interneurons(inward.shape[1])
    components = {"excitatory": excitatory, "interneuron": interneuron}
    if inward.any():  # Brian2 runs no synapses that connect nothing; the sums stay 0 without them
        summed = f"total_post = weight * {batch.first.rate_variable}_pre"
        components["sums"] = _synapses(batch, excitatory, interneuron, "sums", summed, inward)
    if outward.any():
        summed = "inhibition_post = weight * R_pre"
        components["returns"] = _synapses(
            batch, interneuron, excitatory, "returns", summed, outward
        )
    return components


def _of_copies(batch: Batch) -> Weights:
    weights = {id(circuit): weights_of(circuit) for circuit in batch.circuits}
    inward, outward = (
        np.stack([weights[id(circuit)][way] for circuit in batch.circuits]) for way in (0, 1)
    )
    return inward, outward


def _synapses(
    batch: Batch, source: Any, target: Any, name: str, summed: str, weights: np.ndarray
) -> Any:
    """Return synapses for the weights (copy, target, source) that are not 0; their sums are taken
    from the values of that moment."""
    brian2 = brian.brian2()

    targets, sources = weights.shape[1:]
    synapses = brian2.Synapses(
        source, target, f"{summed} : 1 (summed)\nweight : 1 (constant)", name=name,
        clock=batch.clock,
    )  # fmt: skip
    copy, to, of = np.nonzero(weights)
    synapses.connect(i=copy * sources + of, j=copy * targets + to)
    synapses.weight = weights[copy, to, of]
    return synapses
