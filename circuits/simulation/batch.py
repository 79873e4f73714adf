"""Circuits as Brian2 networks: any number of copies, each with its own drive and parameters, in one
pair of groups.

Inhibition always runs from the units to an interneuron and back, never from unit to unit, and the
order of the updates within a step is fixed by explicit names and orders (circuits, 2.10): by
default Brian2 would let it depend on the names of objects.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.base import Circuit, Update
from circuits.simulation import brian
from circuits.simulation.brian import living_objects_set_aside as living_objects_set_aside
from circuits.simulation.way_to_rest import WayToRest
from circuits.simulation.wiring import is_wired, wired_network
from drift.schema.labelled_form import RefusedInputError

SNAPSHOT = 0.001  # s between the stored states from which settling is read


@dataclass(frozen=True)
class Batch:
    """Copies of circuits of one kind that are simulated together.

    Attributes
    ----------
    circuits : tuple of Circuit
        One for each copy; same kind, units and time constants.
    drive : numpy.ndarray
        (copy, unit).
    dt : float
        Step in s.
    update : str
        Order of the updates within a step.
    """

    circuits: tuple[Circuit, ...]
    drive: np.ndarray
    dt: float
    update: Update

    @property
    def first(self) -> Circuit:
        """Any one of the circuits: what they share can be read from it."""
        return self.circuits[0]

    @functools.cached_property
    def clock(self) -> Any:
        """The one clock of all equations, since Brian2 looks for the next among several at every
        step."""
        brian2 = brian.brian2()

        return brian2.Clock(dt=self.dt * brian2.second)

    @property
    def copy_of_unit(self) -> np.ndarray:
        """The copy that each simulated unit belongs to, (copy x unit,)."""
        return np.repeat(np.arange(len(self.circuits)), self.drive.shape[1])

    @property
    def wired(self) -> bool:
        """Whether the circuits say how their units and interneurons are connected."""
        return is_wired(self.first)

    @property
    def time_constants(self) -> dict[str, float]:
        """Those of the equations in s, by the names they have there."""
        return {
            "tau_E": self.first.excitatory_time_constant,
            "tau_I": self.first.inhibitory_time_constant,
        }

    def parameter(self, name: str) -> np.ndarray:
        """One parameter of the equations, (copy,)."""
        return np.array([circuit.equation_parameters()[name] for circuit in self.circuits])

    def group(self, size: int, equations: str, name: str, order: int) -> Any:
        """Return a Brian2 group of rate units with its parameters set for each copy."""
        brian2 = brian.brian2()

        times = {name: value * brian2.second for name, value in self.time_constants.items()}
        group = brian2.NeuronGroup(
            size,
            equations,
            method="euler",
            name=name,
            order=order,
            namespace={**times, "units": float(self.drive.shape[1])},
            clock=self.clock,
        )
        parameters = self.first.equation_parameters()
        for parameter in group.equations.parameter_names & set(parameters):
            values = self.parameter(parameter)
            setattr(group, parameter, np.repeat(values, size // len(values)))
        return group

    def excitatory(self) -> Any:
        """Return the group of all units of all copies, with their drives and first states."""
        group = self.group(self.drive.size, self.first.excitatory_equations, "excitatory", order=0)
        if "drive" in group.equations.parameter_names:
            group.drive = self.drive.ravel()
        setattr(group, self.first.state_variable, self.first.initial_state(self.drive).ravel())
        return group

    def interneurons(self, number: int = 1) -> Any:
        """Return the group of this number of interneurons for each copy."""
        # order 2 puts the sum between the two updates; with order 0 the sum is taken first and both
        # updates use old values
        order = 2 if self.update == "staggered" else 0
        return self.group(
            number * len(self.circuits), self.first.interneuron_equations, "interneuron", order
        )

    def pooled_network(self) -> dict[str, Any]:
        """Return groups and synapses of circuits in which one interneuron sums all units of its
        copy and inhibits them all."""
        brian2 = brian.brian2()

        excitatory, interneuron = self.excitatory(), self.interneurons()
        excitatory.R = brian2.linked_var(interneuron, "R", index=self.copy_of_unit)
        pooling = f"total_post = {self.first.rate_variable}_pre : 1 (summed)"
        sums = brian2.Synapses(excitatory, interneuron, pooling, name="sums", clock=self.clock)
        sums.connect(i=np.arange(self.drive.size), j=self.copy_of_unit)
        return {"excitatory": excitatory, "interneuron": interneuron, "sums": sums}

    def wired_network(self) -> dict[str, Any]:
        """Return groups and synapses of circuits that say how their units and interneurons are
        connected."""
        return wired_network(self)


@dataclass(frozen=True)
class Simulated:
    """Final values and, where asked for, the way there.

    ``state`` and ``rate (copy, unit)``, ``inhibition (copy[, interneuron])``, ``rates (copy, unit,
    time)`` and ``inhibitions (copy, [interneuron,] step)``; ``way`` to rest where it is known.
    """

    state: np.ndarray
    rate: np.ndarray
    inhibition: np.ndarray
    rates: np.ndarray | None = None
    inhibitions: np.ndarray | None = None
    time: np.ndarray | None = None
    way: WayToRest | None = None


def run_network(batch: Batch, duration: float, *, snapshots: bool, trajectory: bool) -> Simulated:
    """Build and run the network of a batch on whatever Brian2 device is set."""
    brian2 = brian.brian2()

    components = batch.first.network(batch)
    monitors = dict(_monitors(batch, components, snapshots=snapshots, trajectory=trajectory))
    brian2.Network(*components.values(), *monitors.values()).run(duration * brian2.second)
    copies, units = batch.drive.shape
    state, rate = (
        np.array(getattr(components["excitatory"], name)[:]).reshape(copies, units)
        for name in (batch.first.state_variable, batch.first.rate_variable)
    )
    stored = monitors.get("rates")
    return Simulated(
        state,
        rate,
        _by_copy(np.array(components["interneuron"].R[:]), copies),
        None
        if stored is None
        else np.array(getattr(stored, batch.first.rate_variable)).reshape(copies, units, -1),
        _by_copy(np.array(monitors["inhibitions"].R), copies) if trajectory else None,
        None if stored is None else np.asarray(stored.t / brian2.second),
    )


def _by_copy(values: np.ndarray, copies: int) -> np.ndarray:
    """Return what is known of each interneuron by copy, (copy, ...) or (copy, interneuron, ...)."""
    return values if len(values) == copies else values.reshape(copies, -1, *values.shape[1:])


def _monitors(
    batch: Batch, components: dict[str, Any], *, snapshots: bool, trajectory: bool
) -> Iterator[tuple[str, Any]]:
    brian2 = brian.brian2()

    if snapshots or trajectory:
        clock = max(SNAPSHOT, batch.dt) * brian2.second
        yield (
            "rates",
            brian2.StateMonitor(
                components["excitatory"],
                batch.first.rate_variable,
                record=True,
                dt=clock,
                name="rates",
            ),
        )
    if trajectory:
        yield (
            "inhibitions",
            brian2.StateMonitor(
                components["interneuron"], "R", record=True, clock=batch.clock, name="inhibitions"
            ),
        )


def same_kind(circuits: Sequence[Circuit] | Circuit) -> tuple[Circuit, ...]:
    """Return the circuits if they can be simulated in one pair of groups, or refuse them."""
    circuits = (circuits,) if isinstance(circuits, Circuit) else circuits
    if not isinstance(circuits, list | tuple) or not all(
        isinstance(circuit, Circuit) for circuit in circuits
    ):
        raise RefusedInputError(
            f"circuits to settle must be a list of circuits, got {type(circuits).__name__}: "
            "write settle([circuit], ...)."
        )
    if not circuits:
        raise RefusedInputError("there is no circuit to settle: give at least one.")
    shared = {
        (
            type(circuit),
            circuit.sizes(),
            circuit.excitatory_time_constant,
            circuit.inhibitory_time_constant,
        )
        for circuit in circuits
    }
    if len(shared) > 1:
        raise RefusedInputError(
            f"{len(circuits)} circuits of one batch must share kind, sizes and time "
            f"constants, got {len(shared)} different ones: "
            "settle them one by one."
        )
    return tuple(circuits)
