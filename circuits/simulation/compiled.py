"""Circuits as compiled loops: what Brian2 would do step by step, translated from what Brian2 itself
makes of their equations."""

from __future__ import annotations

import functools
import itertools
import math
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.base import Circuit
from circuits.simulation import brian
from circuits.simulation.batch import SNAPSHOT, Batch, Simulated
from circuits.simulation.clocks import steps_before, steps_until
from circuits.simulation.kernels import loop
from circuits.simulation.programs import network_program, program_of
from circuits.simulation.source import Source
from circuits.simulation.stored_rates import way_of_copies
from circuits.simulation.values import CopyValues, NetworkValues
from circuits.simulation.way_to_rest import WayToRest

WORKING_SET = 2**19  # bytes of states and drives that are advanced together
STORED = 2**26  # bytes of rates that are stored together
FEWEST_ABREAST, MOST_ABREAST = 4, 256  # copies


NOT_STORED = WayToRest(*(np.empty(0) for _number in WayToRest._fields))
_memory = threading.local()


class Times(NamedTuple):
    """Steps of a run: how many, how long in s, how many come before each stored rate, and when in s
    that is."""

    steps: int
    dt: float
    before: np.ndarray
    stored: np.ndarray


class Ended(NamedTuple):
    """What a run leaves, copies last: ``state`` and ``rate (unit, copy)``, ``inhibition
    (interneuron, copy)``, ``rates (time, unit, copy)``, ``inhibitions (step, interneuron, copy)``
    and the way to rest."""

    state: np.ndarray
    rate: np.ndarray
    inhibition: np.ndarray
    rates: np.ndarray
    inhibitions: np.ndarray
    way: WayToRest


def simulate_compiled(
    batch: Batch, duration: float, *, snapshots: bool = False, trajectory: bool = False
) -> Simulated:
    """Run a batch in compiled loops; see ``circuits.simulation.targets.simulate``.

    Copies of a kind with the usual network are advanced one by one, or abreast where several fit
    into the processor's cache; a network that a kind builds itself is translated as a whole.

    Raises
    ------
    RefusedInputError
        If the network does more than to change rates and to sum them.
    """
    times = _times(float(batch.dt), float(duration), snapshots or trajectory)
    run = _copies if type(batch.first).network is Circuit.network else _network
    ended = run(batch, times, trajectory)
    few = slice(None) if len(batch.first.sizes()) > 1 else 0  # the only one of a kind has no axis
    return Simulated(
        state=ended.state.T,
        rate=ended.rate.T,
        inhibition=ended.inhibition.T[:, few],
        rates=ended.rates.T if trajectory else None,
        inhibitions=ended.inhibitions.T[:, few] if trajectory else None,
        time=times.stored.copy() if times.stored.size else None,
        way=ended.way if times.stored.size else None,
    )


@functools.lru_cache(maxsize=64)
def _times(dt: float, duration: float, stored: bool) -> Times:
    """Return the steps of a run; their arrays are kept, for reading only."""
    interval = max(SNAPSHOT, dt)
    moments = np.arange(steps_until(duration, interval) if stored else 0) * interval
    before = steps_before(moments, dt, interval)
    return Times(steps_until(duration, dt), dt, before, moments)


def _network(batch: Batch, times: Times, trajectory: bool) -> Ended:
    """Run the network that a kind builds itself."""
    with brian.prepared("numpy"):
        read, source = network_program(batch)
    values = NetworkValues(read)
    ended = _advanced(batch, source, values.all_of(source), times, trajectory, values.sizes)
    copies = len(batch.circuits)

    def by_copy(array: np.ndarray) -> np.ndarray:  # (..., copy x element, 1)
        split = array.reshape(*array.shape[:-2], copies, array.shape[-2] // copies)
        return split.swapaxes(-1, -2)

    return _judged(batch, Ended._make([*map(by_copy, ended[:-1]), ended.way]), times, trajectory)


def _copies(batch: Batch, times: Times, trajectory: bool) -> Ended:
    """Run copies of circuits with the usual network."""
    program = program_of(batch)
    endings = []
    for portion in _portions(batch, times, trajectory):
        together = program.abreast is not None and len(portion) >= FEWEST_ABREAST
        groups = [portion] if together else portion[:, np.newaxis]
        for group in groups:
            source = program.alone if program.abreast is None or not together else program.abreast
            values = CopyValues(batch, group, program.constants, lanes=together)
            ended = _advanced(
                batch, source, values.all_of(source), times, trajectory, values.sizes,
                len(group) if together else None,
            )  # fmt: skip
            endings.append(_judged(batch, ended, times, trajectory))
    if len(endings) == 1:
        return endings[0]
    *arrays, ways = zip(*endings, strict=True)
    joined = [np.concatenate(array, axis=-1) for array in arrays]
    way = WayToRest(*(np.concatenate(way) for way in zip(*ways, strict=True)))
    return Ended._make([*joined, way])


def _portions(batch: Batch, times: Times, trajectory: bool) -> list[np.ndarray]:
    """Return the numbers of copies that are advanced together: wired alike, and few enough."""
    units = batch.drive.shape[1]
    most = min(MOST_ABREAST, WORKING_SET // (16 * units))
    if times.stored.size:
        most = min(most, STORED // (8 * units * times.stored.size))
    most = max(1, most)
    alike = [np.arange(len(batch.circuits))]
    if batch.wired:
        pairs = itertools.pairwise(batch.circuits)
        changes = np.flatnonzero([before is not after for before, after in pairs]) + 1
        alike = np.split(alike[0], changes)
    return [portion for numbers in alike for portion in _evenly(numbers, most)]


def _evenly(numbers: np.ndarray, most: int) -> list[np.ndarray]:
    return [numbers] if numbers.size <= most else np.array_split(numbers, -(-numbers.size // most))


def _advanced(
    batch: Batch,
    source: Source,
    arrays: Sequence[Any],
    times: Times,
    trajectory: bool,
    sizes: tuple[int, int],
    copies: int | None = None,
) -> Ended:
    """Call the loop of a source."""
    lanes = () if copies is None else (copies,)
    units, interneurons = sizes
    shape = (times.stored.size, units, *lanes)
    rates = np.empty(shape) if trajectory else _stored(shape)
    inhibitions = np.empty((times.steps if trajectory else 0, interneurons, *lanes))
    rate, inhibition = np.empty((units, *lanes)), np.empty((interneurons, *lanes))
    advance = loop(source.text)
    advance(times.steps, times.dt, times.before, rates, inhibitions, rate, inhibition, *arrays)
    state = arrays[source.position("excitatory", batch.first.state_variable)]
    left = (state, rate, inhibition, rates, inhibitions)
    arrays_by_copy = [array if lanes else array[..., np.newaxis] for array in left]
    return Ended._make([*arrays_by_copy, NOT_STORED])


def _judged(batch: Batch, ended: Ended, times: Times, trajectory: bool) -> Ended:
    """Add the way to rest, and keep the stored rates only where they are part of the result."""
    way = NOT_STORED
    if times.stored.size:
        way = way_of_copies(ended.rates, ended.rate, times.stored, batch.first.active_rate)
    return ended._replace(way=way, rates=ended.rates if trajectory else ended.rates[:0])


def _stored(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array for rates that are only read until the next ones are stored: new memory costs
    as much as the steps."""
    size = math.prod(shape)
    if 8 * size > STORED:
        return np.empty(shape)
    held = getattr(_memory, "rates", None)
    if held is None or held.size < size:
        held = _memory.rates = np.empty(size)
    return held[:size].reshape(shape)
