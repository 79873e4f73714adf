"""From the Brian2 network of a circuit to the text of a compiled loop."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from circuits.base import Circuit
from circuits.simulation import brian
from circuits.simulation.batch import Batch
from circuits.simulation.kernels import Program, remembered
from circuits.simulation.source import Source, Structure, can_go_abreast, source_of
from circuits.simulation.translation import Translated, translated
from circuits.simulation.values import by_target
from circuits.simulation.wiring import weights_of, wired_network

_programs: dict[tuple[object, ...], Program] = {}


def program_of(batch: Batch) -> Program:
    """Return the loops of one copy of a circuit whose network is the usual one.

    Parameters
    ----------
    batch : Batch
        Of such circuits.
    """
    circuit, ways = batch.first, _ways(batch)
    key = (
        circuit.excitatory_equations,
        circuit.interneuron_equations,
        circuit.state_variable,
        circuit.rate_variable,
        batch.update,
        ways,
        *(size == 1 for size in circuit.sizes()),
        *sorted(circuit.equation_parameters()),
    )
    if key not in _programs:
        _programs[key] = remembered(key, lambda: _translated_copy(batch, ways))
    return _programs[key]


def network_program(batch: Batch) -> tuple[Translated, Source]:
    """Return the whole network of a batch, which a circuit built itself, and its loop.

    Parameters
    ----------
    batch : Batch
        Of circuits with a ``network`` of their own.
    """
    components = batch.first.network(batch)
    read = translated(components, _recorded(batch.first))
    structure = _structure(read, frozenset())
    return read, source_of(read.blocks, structure, frozenset(read.synapses), abreast=False)


def _ways(batch: Batch) -> tuple[bool, ...]:
    """Return whether any copy has connections to interneurons, and back, where copies are wired."""
    if not batch.wired:
        return ()
    weights = [weights_of(circuit) for circuit in _different(batch.circuits)]
    return tuple(any(bool(own[way].any()) for own in weights) for way in (0, 1))


def _different(circuits: Iterable[Circuit]) -> list[Circuit]:
    return list({id(circuit): circuit for circuit in circuits}.values())


def _translated_copy(batch: Batch, ways: tuple[bool, ...]) -> Program:
    first = Batch(batch.circuits[:1], batch.drive[:1], batch.dt, batch.update)
    with brian.prepared("numpy"):
        if ways:
            units, interneurons = batch.first.sizes()
            inward = np.full((1, interneurons, units), float(ways[0]))
            outward = np.full((1, units, interneurons), float(ways[1]))
            components = wired_network(first, (inward, outward))
        else:
            components = first.pooled_network()
        read = translated(components, _recorded(batch.first))
    parameters = frozenset(
        (owner, name)
        for owner in ("excitatory", "interneuron")
        for name in batch.first.equation_parameters()
    )
    structure = _structure(read, parameters)
    if ways:  # which connections there are differs from circuit to circuit
        structure = structure._replace(ordered=frozenset(), pooling=frozenset())
    synapses = frozenset(read.synapses)
    alone, abreast = (
        source_of(read.blocks, structure, synapses, abreast=abreast) for abreast in (False, True)
    )
    constants = {".".join(place): value for place, value in read.constants.items()}
    return Program(alone, abreast if can_go_abreast(read.blocks) else None, constants)


def _recorded(circuit: Circuit) -> dict[str, str]:
    return {"excitatory": circuit.rate_variable, "interneuron": "R"}


def _structure(read: Translated, uniform: frozenset[tuple[str, str]]) -> Structure:
    groups = {name: item for name, item in read.objects.items() if name not in read.synapses}
    indices = {
        tuple(place.index.split("."))
        for block in read.blocks
        for place in block.places.values()
        if "." in place.index
    }
    single = frozenset(name for name, group in groups.items() if group.N == 1)
    ordered = {
        name: by_target(read, name).pre.size
        for name in read.synapses
        if np.array_equal(pre := by_target(read, name).pre, np.arange(pre.size))
    }
    return Structure(
        single,
        uniform,
        frozenset((owner, name) for owner, name in indices if not read.values(owner, name).any()),
        frozenset(ordered),
        frozenset(
            name
            for name, size in ordered.items()
            if read.objects[name].target.name in single and read.objects[name].source.N == size
        ),
    )
