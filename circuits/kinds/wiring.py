"""Circuits with several interneurons: each sums some of the units and inhibits some of them, with
weights of its own."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from circuits.simulation import brian
from circuits.simulation.batch import Batch


class Wired(Protocol):
    """A circuit that says how units and interneurons are connected."""

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights to interneurons (interneuron, unit) and to units (unit,
        interneuron)."""


def wired_network(batch: Batch) -> dict[str, Any]:
    """Return groups and synapses of circuits whose units and interneurons are connected one by one.

    Parameters
    ----------
    batch : Batch
        Circuits that follow ``Wired``; the interneurons' equations have ``total``, the units'
        equations ``inhibition``.

    Returns
    -------
    dict
        Brian2 objects by name.
    """
    weights = {
        key: circuit.weights()  # type: ignore[attr-defined]
        for key, circuit in {id(member): member for member in batch.circuits}.items()
    }
    inward, outward = (
        np.stack([weights[id(circuit)][way] for circuit in batch.circuits]) for way in (0, 1)
    )
    excitatory, interneuron = batch.excitatory(), batch.interneurons(inward.shape[1])
    components = {"excitatory": excitatory, "interneuron": interneuron}
    if inward.any():  # Brian2 runs no synapses that connect nothing; the sums stay 0 without them
        components["sums"] = _synapses(
            batch,
            excitatory,
            interneuron,
            f"total_post = weight * {batch.first.rate_variable}_pre",
            inward,
        )
    if outward.any():
        components["inhibitions"] = _synapses(
            batch, interneuron, excitatory, "inhibition_post = weight * R_pre", outward
        )
    return components


def _synapses(batch: Batch, source: Any, target: Any, summed: str, weights: np.ndarray) -> Any:
    """Return synapses for the weights (copy, target, source) that are not 0; their sums are taken
    from the values of that moment."""
    brian2 = brian.brian2()

    targets, sources = weights.shape[1:]
    synapses = brian2.Synapses(
        source, target, f"{summed} : 1 (summed)\nweight : 1 (constant)", clock=batch.clock
    )
    copy, to, of = np.nonzero(weights)
    synapses.connect(i=copy * sources + of, j=copy * targets + to)
    synapses.weight = weights[copy, to, of]
    return synapses
