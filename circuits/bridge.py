"""From a network that has learned to remove noise to a circuit that does the same with an
interneuron.

Noise gives the units of a denoising network one negative bias, a threshold that no input changes;
inhibition by an interneuron follows the input instead. A circuit whose inhibition at the mean
activity is that bias should let the same units answer, and does so the better the more alike the
inputs are: random gains and offsets of the input tell a fixed threshold from a circuit.

Sources: Bricken, Schaeffer, Olshausen & Kreiman (ICML 2023); fixed points: circuits, 2.1-2.5;
variability of k: circuits, 4.8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from circuits.base import Circuit
from circuits.drives import checked_drive
from circuits.kinds.count_control import CountControl
from circuits.kinds.linear import LinearInterneuron
from circuits.kinds.saturating import SaturatingUnits
from circuits.kinds.threshold import ThresholdInterneuron
from circuits.rest.winners import top_k_winners
from circuits.simulation.settled_rates import LARGEST_DT, Engine, refuse_unknown
from drift.door import opened
from drift.door.quantities import Numbers
from drift.schema.labelled_form import RefusedInputError

CODES = ("network", "circuit", "top_k", "random")


@opened
def feedforward_drive(input_weights: Numbers, inputs: Numbers) -> xr.DataArray:
    """Return what inputs drive the units of a network with, before any bias: I = W x.

    Parameters
    ----------
    input_weights : array_like or xarray.DataArray
        W, (unit, input).
    inputs : array_like or xarray.DataArray
        x, (sample, input), with the noise on if the network has learned with noise.

    Returns
    -------
    xarray.DataArray
        I, (sample, unit), without units.

    Raises
    ------
    RefusedInputError
        If dims are missing, inputs differ in number, or something is not finite.
    """
    weights, shown = (
        _matrix("input_weights", input_weights, "unit", "input"),
        _matrix("inputs", inputs, "sample", "input"),
    )
    if weights.shape[1] != shown.shape[1]:
        raise RefusedInputError(
            f"inputs have {shown.shape[1]} entries, but each unit has {weights.shape[1]} "
            "input weights: pass both of one network."
        )
    return checked_drive(xr.DataArray(shown @ weights.T, dims=("sample", "unit")), len(weights))


@opened
def bridged(circuit: Circuit, drive: Any, bias: Any) -> Circuit:
    """Return the circuit whose inhibition is the network's bias when its units are as active as the
    network is on average.

    Let beta = -mean_j b_j be the threshold of the network, f the response of the circuit's units,
    and e the mean over inputs and units of f(I - beta). At rest R = g [e - h]_+ = beta, which gives
    the gain g = beta / e of a linear interneuron, and the threshold h = e - beta / g of an
    interneuron that has one (of rectified or saturating units) and keeps its gain g. The inhibition
    of count control is whatever its count needs: it is asked for the mean fraction of units that
    the network leaves active.

    Parameters
    ----------
    circuit : Circuit
        Linear or threshold interneuron, saturating units, or count control; its other parameters
        stay.
    drive : array_like or xarray.DataArray
        I = W x, (..., unit), for typical inputs of the network; see ``feedforward_drive``.
    bias : float or array_like
        b, (unit,), or one number for all units. Units share an interneuron, so that only the mean
        counts: biases should have synchronised.

    Returns
    -------
    Circuit
        A changed copy.

    Raises
    ------
    RefusedInputError
        If the circuit is of another kind, drive or bias do not fit it, the mean bias is not
        negative, no unit is active, or the interneuron is too weak to inhibit so much.
    """
    drive = checked_drive(drive, circuit.units)
    biases = _unit_biases(bias, circuit.units)
    level = _threshold(biases)
    if isinstance(circuit, CountControl):
        return circuit.for_active_fraction(float((drive + biases > 0).mean()), drive)
    rate = _mean_rate(circuit, drive.values - level)
    if rate == 0:
        raise RefusedInputError(
            f"no input drives a unit above the threshold of {level:g}: pass drives that the "
            "network answers to."
        )
    if isinstance(circuit, LinearInterneuron):
        return circuit.replace(gain=level / rate)
    gain = float(dict(circuit)["gain"])
    if gain * rate < level:
        raise RefusedInputError(
            f"an interneuron of gain {gain:g} is too weak for inhibition by {level:.4g} at a "
            f"mean rate of {rate:.4g}: raise the gain to at "
            f"least {level / rate:.4g}."
        )
    return circuit.replace(threshold=rate - level / gain)


@opened
def code_overlap(
    circuit: Circuit,
    drive: Any,
    bias: Any,
    generator: np.random.Generator,
    *,
    winners: int | None = None,
    engine: Engine = "brian2",
) -> xr.Dataset:
    """Settle a circuit on the drives of a network and compare which units are active.

    Four sets of units are compared for every input, each two by their Jaccard index |A and B| / |A
    or B|: ``network``, the units with I_j + b_j > 0; ``circuit``, those driven above its inhibition
    at rest; ``top_k``, the K most strongly driven; ``random``, as many units as are active in the
    circuit, drawn at random. Inputs of other gain or offset are drives with further dims, such as
    ``drive * gains`` and ``drive + offsets``: how ``active_units`` varies along them tells a fixed
    threshold from a circuit.

    Parameters
    ----------
    circuit : Circuit
        As ``bridged`` returns it.
    drive : array_like or xarray.DataArray
        I = W x, (..., unit); see ``feedforward_drive``.
    bias : float or array_like
        b, (unit,), or one number for all units.
    generator : numpy.random.Generator
        Source of the random sets.
    winners : int, optional
        K; by default the rounded mean number of units that are active in the network on these
        drives.
    engine : {"brian2", "compiled", "fixed_point"}
        Simulate the circuit, in Brian2 or in compiled loops, or take its closed form.

    Returns
    -------
    xarray.Dataset
        ``overlap (..., code, code_other)``, NaN for two empty sets, ``active_units (..., code)``,
        and ``inhibition (...)`` of the circuit; where simulated also ``converged (...)``. The attribute
        ``winners`` is K, ``recipe`` the circuit.

    Raises
    ------
    RefusedInputError
        If drive or bias do not fit the circuit, K is impossible, or the engine is unknown.
    """
    if not isinstance(generator, np.random.Generator):
        raise RefusedInputError(
            f"generator must be a numpy Generator, got {type(generator).__name__}: pass "
            "drift.stream(seed, 'observation')."
        )
    drive = checked_drive(drive, circuit.units)
    resting_state = _at_rest(circuit, drive, engine)
    # (..., unit)
    network, selected = (
        drive.values + _unit_biases(bias, circuit.units) > 0,
        resting_state["winner"].values,
    )
    winners = round(float(network.sum(axis=-1).mean())) if winners is None else winners
    if winners == 0 and not network.any():
        raise RefusedInputError(
            "no unit of the network is active on these drives: pass drives that exceed the "
            "biases, or winners."
        )
    by_chance = _strongest(generator.random(drive.shape), selected.sum(axis=-1))
    # (..., code, unit)
    sets = np.stack([network, selected, top_k_winners(drive.values, winners), by_chance], axis=-2)
    overlaps = resting_state[
        [name for name in ("inhibition", "converged") if name in resting_state]
    ].drop_vars("recipe", errors="ignore")
    dims = (*drive.dims[:-1], "code", "code_other")
    overlaps["overlap"] = (
        dims,
        _jaccard(sets),
        {"units": "1", "long_name": "Jaccard index of the sets of active units"},
    )
    overlaps["active_units"] = (
        dims[:-1],
        sets.sum(axis=-1),
        {"units": "1", "long_name": "active units"},
    )
    overlaps = overlaps.assign_coords(code=list(CODES), code_other=list(CODES))
    return overlaps.assign_attrs(winners=winners, recipe=circuit.to_json(), engine=engine)


def _at_rest(circuit: Circuit, drive: xr.DataArray, engine: str) -> xr.Dataset:
    refuse_unknown(engine)
    if engine == "fixed_point":
        return circuit.fixed_point(drive)
    # rest does not depend on the way there
    dt = min(LARGEST_DT, circuit.stable_dt(drive) / 2)
    return circuit.settle(drive, dt=dt, engine=engine)


def _mean_rate(circuit: Circuit, excess: np.ndarray) -> float:
    """Return the mean rate of units that are driven so far above their inhibition."""
    if isinstance(circuit, SaturatingUnits):
        return float(np.tanh(np.maximum(excess, 0.0) / circuit.width).mean())
    if isinstance(circuit, LinearInterneuron | ThresholdInterneuron):
        return float(np.maximum(excess, 0.0).mean())
    raise RefusedInputError(
        f"a {circuit.kind} circuit has no single interneuron that could stand for a bias: use "
        "a linear or threshold interneuron, "
        "saturating units, or count control."
    )


def _threshold(biases: np.ndarray) -> float:
    level = -float(biases.mean())
    if level <= 0:
        raise RefusedInputError(
            f"the mean bias is {-level:.4g}, but inhibition only lowers the drive: pass a "
            "sparse network."
        )
    return level


def _unit_biases(bias: Any, units: int) -> np.ndarray:
    biases = np.asarray(bias)
    if (
        biases.dtype.kind not in "iuf"
        or biases.shape not in ((), (1,), (units,))
        or not np.isfinite(biases).all()
    ):
        raise RefusedInputError(
            f"bias must be one finite number or one for each of the {units} units, got shape "
            f"{biases.shape}."
        )
    return np.broadcast_to(biases.astype(float), (units,))


def _matrix(name: str, values: Any, *dims: str) -> np.ndarray:
    if isinstance(values, xr.DataArray) and set(values.dims) == set(dims):
        values = values.transpose(*dims)
    array = np.asarray(values)
    labelled = isinstance(values, xr.DataArray) and values.dims != dims
    if labelled or array.ndim != 2 or array.dtype.kind not in "biuf":
        got = getattr(values, "dims", array.shape)
        raise RefusedInputError(
            f"{name} must be numbers ({', '.join(dims)}), got {got}: choose one subject and "
            "one session."
        )
    return array.astype(float)


def _strongest(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return which of ``values (..., unit)`` are among the largest, ``counts (...)`` of them in
    each row."""
    ranks = np.argsort(np.argsort(-values, axis=-1), axis=-1)
    return ranks < counts[..., np.newaxis]


def _jaccard(sets: np.ndarray) -> np.ndarray:
    """Return (..., set, set) of ``sets (..., set, unit)``."""
    members = sets.astype(float)
    shared = members @ np.swapaxes(members, -1, -2)
    sizes = members.sum(axis=-1)
    either = sizes[..., :, np.newaxis] + sizes[..., np.newaxis, :] - shared
    return np.divide(shared, either, out=np.full(shared.shape, np.nan), where=either > 0)
