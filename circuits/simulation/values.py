"""The numbers that compiled loops are called with: of copies, from circuits and drives alone; of a
whole network, from its Brian2 objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from circuits.simulation.batch import Batch
from circuits.simulation.source import Argument, Source
from circuits.simulation.translation import Translated
from circuits.simulation.wiring import weights_of


class Synapses(NamedTuple):
    """Connections sorted by target: presynaptic elements, where those of each target begin, and
    which of the unsorted ones they are."""

    pre: np.ndarray
    starts: np.ndarray
    order: np.ndarray


def by_target(read: Translated, name: str) -> Synapses:
    """Return the synapses of a network by target, those of each in the order that they have.

    Parameters
    ----------
    read : Translated
        The network.
    name : str
        Of the synapses.
    """
    pre, post, targets = read.synapses[name]
    order = np.argsort(post, kind="stable")
    return Synapses(pre[order], np.searchsorted(post[order], np.arange(targets + 1)), order)


class NetworkValues:
    """Values of a whole network, read from its Brian2 objects.

    Parameters
    ----------
    read : Translated
        The network.
    components : mapping
        Its objects, "excitatory" and "interneuron" among them.
    """

    def __init__(self, read: Translated) -> None:
        self.read = read
        self.sorted = {name: by_target(read, name) for name in read.synapses}

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of units and interneurons."""
        return self.read.units, self.read.interneurons

    def all_of(self, source: Source) -> list[Any]:
        """Return what a loop is called with."""
        return [self._value(argument) for argument in source.arguments]

    def _value(self, argument: Argument) -> Any:
        _name, form, owner, variable = argument
        if form == "constant":
            return self.read.constants[owner, variable]
        if form == "size":
            return int(self.read.objects[owner].N)
        if form in ("pre", "starts"):
            return getattr(self.sorted[owner], form)
        values = np.atleast_1d(self.read.values(owner, variable))
        of_synapses = owner in self.sorted and values.size == self.sorted[owner].order.size
        return values[self.sorted[owner].order] if of_synapses else values


class CopyValues:
    """Values of some copies of a batch, for loops over one copy or over several abreast.

    Parameters
    ----------
    batch : Batch
        Circuits of the usual network.
    group : numpy.ndarray
        Numbers of the copies.
    constants : mapping
        Of the equations, by "owner.name", where they are not those of the circuit.
    lanes : bool
        Whether arrays have a last axis of copies.
    """

    def __init__(
        self, batch: Batch, group: np.ndarray, constants: Mapping[str, float], *, lanes: bool
    ) -> None:
        self.circuits = [batch.circuits[number] for number in group.tolist()]
        self.first, self.drive, self.lanes = self.circuits[0], batch.drive[group], lanes
        # many copies are of one circuit, whose numbers are looked up once
        different = {id(circuit): circuit for circuit in self.circuits}
        rows = {key: row for row, key in enumerate(different)}
        self.owner = [rows[id(circuit)] for circuit in self.circuits]
        self.parameters = [circuit.equation_parameters() for circuit in different.values()]
        units = self.drive.shape[1]
        self.sizes = (units, self.first.sizes()[1] if batch.wired else 1)
        self.constants = {
            **constants,
            **{
                f"{owner}.{name}": value
                for owner, size in zip(("excitatory", "interneuron"), self.sizes, strict=True)
                for name, value in {
                    **batch.time_constants, "units": float(units), "N": size,
                }.items()
            },
        }  # fmt: skip
        self.wired = batch.wired

    def all_of(self, source: Source) -> list[Any]:
        """Return what a loop is called with."""
        return [self._value(argument) for argument in source.arguments]

    def _value(self, argument: Argument) -> Any:
        _name, form, owner, variable = argument
        if form == "constant":
            return self.constants[f"{owner}.{variable}"]
        if form == "size":
            return self._size(owner)
        if form in ("pre", "starts") or owner not in ("excitatory", "interneuron"):
            return self._connections(owner)[variable or form]
        return self._array(owner, variable)

    def _size(self, owner: str) -> int:
        return self.sizes[0 if owner == "excitatory" else 1]

    def _array(self, owner: str, variable: str) -> np.ndarray:
        if variable in self.parameters[0]:
            values = np.array([[own[variable]] for own in self.parameters])[self.owner]
        elif owner == "excitatory" and variable == "drive":
            values = self.drive
        elif owner == "excitatory" and variable == self.first.state_variable:
            values = self.first.initial_state(self.drive)
        else:
            values = np.zeros((len(self.circuits), self._size(owner)))
        own = values.T if self.lanes else values[0]
        return np.array(own, dtype=float, order="C")

    def _connections(self, owner: str) -> dict[str, np.ndarray]:
        if not self.wired:
            return {"starts": np.array([0, self.sizes[0]]), "pre": np.arange(self.sizes[0])}
        weights = weights_of(self.first)[0 if owner == "sums" else 1]
        target, source = np.nonzero(weights)
        starts = np.searchsorted(target, np.arange(len(weights) + 1))
        return {"starts": starts, "pre": source, "weight": weights[target, source]}
