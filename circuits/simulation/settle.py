"""Settle any number of circuits on any number of drives, and say whether and when they came to
rest."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from circuits.base import Circuit, Update, labelled_rest
from circuits.drives import checked_drive
from circuits.parameters import in_seconds
from circuits.simulation.batch import SNAPSHOT, Batch, Simulated, same_kind
from circuits.simulation.targets import simulate
from circuits.simulation.way_to_rest import WayToRest, way_to_rest
from circuits.stable_steps import known_update
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError

SNAPSHOT_BYTES = 256 * 2**20  # stimuli are simulated in portions whose stored rates fit in this
RESTING = 1e-5  # largest change per time constant, over the largest rate or inhibition


class Options(NamedTuple):
    """How to simulate."""

    duration: float
    dt: float
    update: Update
    trajectory: bool
    target: str
    engine: str


@opened
def settle(
    circuits: Sequence[Circuit] | Circuit,
    drive: Any,
    *,
    duration: Any = None,
    dt: Any = None,
    update: Update = "staggered",
    trajectory: bool = False,
    target: str = "numpy",
    engine: Literal["brian2", "compiled"] = "brian2",
    unstable: Literal["refuse", "flag"] = "refuse",
) -> xr.Dataset:
    """Simulate circuits of one kind from their initial state, silence for most, until they rest.

    Parameters
    ----------
    circuits : sequence of Circuit, or Circuit
        Same kind, units and time constants; gains and thresholds may differ. One alone counts as a
        list of one.
    drive : array_like or xarray.DataArray
        I: (unit,) or (stimulus, unit) without labels; any dims with ``unit`` among them with
        labels. A dim ``circuit`` gives each circuit its own drive. Without units.
    duration, dt : float or Brian2 time
        Simulated time and forward-Euler step in s, or such as 300*ms. By default 15 excitatory time
        constants, enough for 1e-6, or more for circuits that rest more slowly, and 0.1 ms, or less
        for those that need it.
    update : {"staggered", "simultaneous"}
        Whether the interneuron sees the new excitatory rates of a step or the old ones; staggered
        allows larger steps.
    trajectory : bool
        Add ``rate_trajectory (..., unit, time)`` every ms and ``inhibition_trajectory (..., step)``
        at every step.
    target : {"numpy", "cython", "cpp_standalone"}
        How Brian2 runs the equations; numpy needs no compiler and is as fast at these sizes.
    engine : {"brian2", "compiled"}
        Run the equations in Brian2, or in loops that are compiled from what Brian2 makes of them:
        the same numbers, but for the last digits of functions such as tanh, in a fraction of the
        time. The first circuit of a kind takes some seconds, to be compiled.
    unstable : {"refuse", "flag"}
        What becomes of a step beyond ``stable_dt``: refused, or simulated all the same and flagged
        by ``converged``.

    Returns
    -------
    xarray.Dataset
        Dims ``circuit``, those of the drive, ``unit``: ``rate``, ``winner``, ``inhibition``,
        ``active_units``, ``settling_time`` (s until every rate stays within 1 % of the largest last
        rate), ``final_set_time`` (s until the set of active units stays), ``peak_active_units``
        (most units active at one time), ``residual`` (change per time constant that is left) and
        ``converged``.

    Raises
    ------
    RefusedInputError
        If a circuit or the drive is not usable, or ``dt`` lies beyond the stable step.

    References
    ----------
    circuits, sections 2.10 and 3.
    """
    members = same_kind(circuits)
    array = _for_each_circuit(checked_drive(drive, members[0].units), len(members))
    drives = [array[number] for number in range(len(members))]
    dt = (
        min(circuit.usual_dt(drive) for circuit, drive in zip(members, drives, strict=True))
        if dt is None
        else dt
    )
    duration = (
        members[0].time_constants_to_rest * members[0].excitatory_time_constant
        if duration is None
        else duration
    )
    options = Options(
        _positive("duration", duration),
        _positive("dt", dt),
        known_update(update),
        trajectory,
        target,
        engine,
    )
    _refuse_unstable(members, drives, options, unstable)
    rows = array.values.reshape(-1, members[0].units)  # (circuit x stimulus, unit)
    copies = np.repeat(np.arange(len(members)), len(rows) // len(members))
    portions = [
        _settled(
            Batch(
                tuple(members[number] for number in copies[portion]),
                rows[portion],
                options.dt,
                options.update,
            ),
            options,
        )
        for portion in _portions(rows, options)
    ]
    return _labelled(members, array, portions, options)


def _positive(name: str, value: Any) -> float:
    try:
        seconds = np.nan if isinstance(value, str) or np.ndim(value) else float(in_seconds(value))
    except (TypeError, ValueError):
        seconds = np.nan
    if not (np.isfinite(seconds) and seconds > 0):
        raise RefusedInputError(
            f"{name} must be a positive number of seconds or a Brian2 time, got {value!r}: "
            "0.3 for duration and 1e-4 for dt suit most "
            "circuits."
        )
    return seconds


def _for_each_circuit(drive: xr.DataArray, circuits: int) -> xr.DataArray:
    if "circuit" not in drive.dims:
        drive = drive.expand_dims(circuit=circuits)
    if drive.sizes["circuit"] != circuits:
        raise RefusedInputError(
            f"the drive is for {drive.sizes['circuit']} circuits, got {circuits}: give one "
            "drive to all, or each its own."
        )
    return drive if drive.dims[0] == "circuit" else drive.transpose("circuit", ..., "unit")


def _refuse_unstable(
    circuits: Sequence[Circuit], drives: Sequence[xr.DataArray], options: Options, unstable: str
) -> None:
    if unstable not in ("refuse", "flag"):
        raise RefusedInputError(f"unstable must be 'refuse' or 'flag', got {unstable!r}.")
    if unstable == "flag":
        return
    limit = min(
        circuit.stable_dt(drive, options.update)
        for circuit, drive in zip(circuits, drives, strict=True)
    )
    if options.dt >= limit:
        raise RefusedInputError(
            f"dt {options.dt * 1e3:g} ms lies beyond the stable step of {limit * 1e3:.4g} ms "
            f"({options.update} update): take a smaller dt, "
            "or unstable='flag' to see the oscillation."
        )
    if options.dt > limit / 2:
        warnings.warn(
            f"dt {options.dt * 1e3:g} ms is more than half of the stable step of "
            f"{limit * 1e3:.4g} ms",
            stacklevel=4,
        )


def _portions(rows: np.ndarray, options: Options) -> Iterator[slice]:
    if options.engine == "compiled" and not options.trajectory:  # which store only what they need
        return iter([slice(0, len(rows))])
    stored = rows.shape[1] * 8 * max(1, round(options.duration / max(SNAPSHOT, options.dt)))
    size = max(1, SNAPSHOT_BYTES // stored)
    return (slice(start, start + size) for start in range(0, len(rows), size))


def _settled(batch: Batch, options: Options) -> dict[str, np.ndarray]:
    """Return the final state of a batch and what its way there was like, each (copy, ...)."""
    simulated = simulate(
        batch,
        options.duration,
        snapshots=True,
        trajectory=options.trajectory,
        target=options.target,
        engine=options.engine,
    )
    result = {"rate": simulated.rate} | _joined(
        [
            _judged(batch.circuits[copies.start], batch.drive[copies], simulated, copies)
            for copies in _same_circuit(batch.circuits)
        ]
    )
    result |= _way(simulated, batch.first.active_rate)._asdict()
    if options.trajectory:
        assert simulated.rates is not None and simulated.time is not None
        result |= {"rate_trajectory": simulated.rates, "time": simulated.time}
    return result


def _way(simulated: Simulated, active_rate: float) -> WayToRest:
    if simulated.way is not None:
        return simulated.way
    assert simulated.rates is not None and simulated.time is not None
    return way_to_rest(simulated.rates, simulated.rate, simulated.time, active_rate)


def _same_circuit(circuits: Sequence[Circuit]) -> Iterator[slice]:
    """Yield the runs of consecutive copies of one circuit."""
    start = 0
    for _, run in itertools.groupby(circuits, key=id):
        stop = start + len(list(run))
        yield slice(start, stop)
        start = stop


def _judged(
    circuit: Circuit, drive: np.ndarray, simulated: Simulated, copies: slice
) -> dict[str, np.ndarray]:
    """Return what a circuit itself says of its final state on some drives, each (copy, ...)."""
    state, rate, inhibition = (
        simulated.state[copies],
        simulated.rate[copies],
        simulated.inhibition[copies],
    )
    residual = circuit.residual(drive, state, inhibition)
    scale = np.maximum(
        np.abs(state).max(axis=1), np.abs(inhibition).reshape(len(state), -1).max(axis=1)
    )
    judged = {
        "winner": circuit.winning(drive, rate, inhibition),
        "inhibition": circuit.shared_inhibition(inhibition),
        "residual": residual,
        "converged": residual <= RESTING * np.maximum(scale, 1e-300),
    }
    if simulated.inhibitions is not None:
        path = np.moveaxis(simulated.inhibitions[copies], -1, 0)  # (step, copy[, interneuron])
        judged["inhibition_trajectory"] = circuit.shared_inhibition(path).T
    return judged


def _joined(portions: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([portion[name] for portion in portions]) for name in portions[0]}


MEANINGS = {
    "settling_time": ("s", "time after which every rate stays within 1 % of the largest last rate"),
    "final_set_time": ("s", "time after which the set of active units stays the last one"),
    "peak_active_units": ("1", "most units active at one time"),
    "residual": (
        "1",
        "largest change of a rate or of the inhibition that is left per time constant",
    ),
    "converged": ("1", "1 where the residual is below 1e-5 of the largest rate or inhibition"),
}


def _labelled(
    circuits: Sequence[Circuit],
    drive: xr.DataArray,
    portions: list[dict[str, np.ndarray]],
    options: Options,
) -> xr.Dataset:
    outer, shape = drive.dims[:-1], drive.shape[:-1]
    joined = _joined(
        [
            {name: values for name, values in portion.items() if name != "time"}
            for portion in portions
        ]
    )
    variables = {name: values.reshape(*shape, *values.shape[1:]) for name, values in joined.items()}
    own: dict[str, Any] = {
        name: (outer, variables[name], {"units": units, "long_name": meaning})
        for name, (units, meaning) in MEANINGS.items()
    }
    labels: dict[str, Any] = {"recipe": ("circuit", [circuit.to_json() for circuit in circuits])}
    if "rate_trajectory" in variables:
        own |= _trajectories(outer, variables)
        labels["time"] = ("time", portions[0]["time"], {"units": "s"})
        steps = np.arange(variables["inhibition_trajectory"].shape[-1]) * options.dt
        labels["step_time"] = ("step", steps, {"units": "s"})
    rate, winner, inhibition = (variables[name] for name in ("rate", "winner", "inhibition"))
    return labelled_rest(drive, rate, winner, inhibition, own, labels, _provenance(options))


def _trajectories(outer: tuple[Any, ...], variables: dict[str, np.ndarray]) -> dict[str, Any]:
    rate, inhibition = variables["rate_trajectory"], variables["inhibition_trajectory"]
    return {
        "rate_trajectory": (
            (*outer, "unit", "time"), rate, {"units": "1", "long_name": "excitatory rate"},
        ),
        "inhibition_trajectory": (
            (*outer, "step"), inhibition,
            {"units": "1", "long_name": "inhibition that every unit receives"},
        ),
    }  # fmt: skip


def _provenance(options: Options) -> dict[str, str | float]:
    return {
        "brian2": _version("brian2"),
        "engine": options.engine,
        **({"target": options.target} if options.engine == "brian2" else {}),
        "update": options.update,
        "dt": options.dt,
        "duration": options.duration,
    }


_version = functools.cache(importlib.metadata.version)


@opened
def cartesian(circuit: Circuit, **values: Sequence[float]) -> list[Circuit]:
    """Return the circuits with every combination of the values given, the last name varying
    fastest.

    Parameters
    ----------
    circuit : Circuit
        The one that is varied.
    **values : sequence of float
        Names of its parameters.

    Raises
    ------
    RefusedInputError
        If a parameter has no list of values, or a value is impossible.
    """
    for name, choices in values.items():
        if isinstance(choices, str) or np.ndim(choices) != 1:
            raise RefusedInputError(
                f"cartesian needs a list of values of {name}, got {choices!r}: write {name}=[...]."
            )
    return [
        circuit.replace(**dict(zip(values, combination, strict=True)))
        for combination in itertools.product(*values.values())
    ]
