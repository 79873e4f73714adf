"""The corridor through a circuit: what the running agent sees drives the units, inhibition selects,
and a place code is what is left.

The experience comes in as a Dataset, such as ``drift.CorridorTask(...).draw(seed)``; the code
comes out in the labelled form that networks and animals share, so that their rate maps, spatial
information and place fields are measured alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from circuits.base import Circuit
from circuits.drives import checked_drive
from circuits.simulation.settle import RESTING
from circuits.simulation.settled_rates import Engine, settled_rates
from circuits.wandering.inputs import drawn
from circuits.wandering.sessions import measured_code
from drift.door import opened
from drift.door.quantities import Count, SamplingRate, Seed
from drift.files.store import provenance
from drift.schema.labelled_form import RefusedInputError, described, labelled
from drift.streams import stream

PLACE_LABELS = ("position", "direction")


@opened
def random_input_weights(units: Count, inputs: Count, seed: Seed) -> xr.DataArray:
    """Return input weights before any learning: independent normal numbers of variance 1 / inputs.

    Parameters
    ----------
    units, inputs : int
        Of the circuit and of the experience.
    seed : int
        Of the subject; draws come from the stream ``weights``.

    Returns
    -------
    xarray.DataArray
        W, (unit, input).

    Raises
    ------
    RefusedInputError
        If there is no unit or no input.
    """
    if units < 1 or inputs < 1:
        raise RefusedInputError(
            f"input weights need at least one unit and one input, got {units} and {inputs}."
        )
    weights = stream(seed, "weights").standard_normal((units, inputs)) / np.sqrt(inputs)
    return described(xr.DataArray(weights, dims=("unit", "input")), "input_weights")


@opened
def corridor_drive(
    experience: xr.Dataset, weights: Any, bias: Any = 0.0, *, standardised: bool = True
) -> xr.DataArray:
    """Return what the view of the corridor drives each unit with, in every sample.

    I_ti = sum_j W_ij x_tj + b_i; standardised, each unit's drive then has mean 0 and variance 1
    over the samples. All views of a corridor are much alike, so that without it the same few units
    win everywhere; with it every unit has places that it prefers. A unit whose drive does not vary
    is driven by 0.

    Parameters
    ----------
    experience : xarray.Dataset
        ``inputs (sample, input)``, ``position (sample)`` with the attributes ``low``, ``high``,
        ``places`` and ``units``, and, where there is one, ``direction (sample)``; one environment.
    weights : array_like or xarray.DataArray
        W, (unit, input): random ones, or those that a network has learned.
    bias : float, array_like or xarray.DataArray
        b, (unit). Without effect on a standardised drive.
    standardised : bool
        Give all units the same mean and variance. Leave learned weights as they are.

    Returns
    -------
    xarray.DataArray
        I, (sample, unit), with the coordinates ``position`` and ``direction``.

    Raises
    ------
    RefusedInputError
        If the experience has no places or several environments, or weights and bias do not fit it
        or hold NaN.
    """
    experience = drawn(experience, 0)
    inward = _fitting("weights", weights, ("unit", "input"), (None, experience.sizes["input"]))
    shift = (
        np.asarray(bias)
        if np.ndim(bias) == 0
        else _fitting("bias", bias, ("unit",), (len(inward),))
    )
    drive = experience["inputs"].values @ inward.T + shift  # (sample, unit)
    if standardised:
        spread = drive.std(axis=0)
        # what rounding leaves of a constant is no drive
        varying = spread > 1e-12 * np.abs(drive).max(axis=0)
        drive = np.where(varying, drive - drive.mean(axis=0), 0.0) / np.where(varying, spread, 1.0)
    where = {name: experience[name].variable for name in PLACE_LABELS if name in experience}
    labels = {
        "units": "1",
        "long_name": "standardised drive of each unit" if standardised else "drive of each unit",
    }
    return xr.DataArray(drive, dims=("sample", "unit"), coords=where, name="drive", attrs=labels)


@opened
def corridor_code(
    circuit: Circuit, drive: xr.DataArray, *, engine: Engine = "brian2"
) -> xr.Dataset:
    """Let a circuit settle on every sample of a run through the corridor and measure its place
    code.

    Parameters
    ----------
    circuit : Circuit
        Of as many units as the drive.
    drive : xarray.DataArray
        I, (sample, unit), with the coordinate ``position`` of ``corridor_drive``. All samples
        settle together.
    engine : {"brian2", "compiled", "fixed_point"}
        Settle in Brian2, in loops compiled from its code, or take the closed form.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset of one subject and one session as that of ``drift.train``: rate maps,
        occupancy, active fractions and spatial information, with ``sample_activity`` (subject,
        session, sample, unit); units that do not win are silent, 0. ``residual`` (subject, session)
        is the largest relative change that was left, up to 1e-5 at rest, and ``status`` says so.

    Raises
    ------
    RefusedInputError
        If the drive does not fit the circuit or has no positions, or the circuit has no closed form
        where it is needed.
    """
    rate, residual = _settled(circuit, drive, engine)
    code = measured_code(rate[np.newaxis, np.newaxis], _places(drive)).drop_vars("place_other")
    still = {
        "units": "1",
        "long_name": "largest relative change per time constant that was left; up to 1e-5 at rest",
    }
    code = code.assign(
        sample_activity=labelled(
            "sample_activity",
            ("subject", "session", "sample", "unit"),
            rate[np.newaxis, np.newaxis],
        ),
        residual=(("subject", "session"), [[residual]], still),
    )
    code = code.assign_coords(_coordinates(circuit, residual, rate.shape))
    return code.assign_attrs(engine=engine, **provenance(), title="the corridor through a circuit")


@opened
def corridor_session(
    circuit: Circuit,
    drive: xr.DataArray,
    *,
    engine: Engine = "brian2",
    sampling_rate: SamplingRate = 1.0,
) -> xr.Dataset:
    """Let a circuit settle on every sample of a run through the corridor and label it as a recorded
    session.

    ``drift.measure`` then treats it as it treats an animal.

    Parameters
    ----------
    circuit, drive, engine
        As in ``corridor_code``.
    sampling_rate : float
        Samples per second: gives the steps of the agent a duration.

    Returns
    -------
    xarray.Dataset
        Session Dataset with ``activity (sample, unit)``, ``position (sample)`` and ``direction
        (sample)``.

    Raises
    ------
    RefusedInputError
        As ``corridor_code``, or if the sampling rate is not positive.
    """
    if not sampling_rate > 0:
        raise RefusedInputError(
            f"sampling_rate must be above 0 samples per second, got {sampling_rate}."
        )
    rate, _ = _settled(circuit, drive, engine)
    where, extent = _places(drive), drive["position"].attrs
    variables = {
        name: labelled(str(name), ("sample",), array.values)
        for name, array in where.data_vars.items()
    }
    variables["position"].attrs["units"] = extent["units"]
    labels = {
        "subject": "0",
        "session": 0,
        "elapsed": 0.0,
        "environment": "corridor",
        "unit_identity": "circuit",
    }
    return xr.Dataset(
        {"activity": labelled("activity", ("sample", "unit"), rate, units="1"), **variables},
        coords={**labels, "sampling_rate": sampling_rate},
        attrs={
            "bin_size": (extent["high"] - extent["low"]) / extent["places"],
            "minimum_speed": 0.0,
            "geometry": "track",
        },
    )


def _fitting(
    name: str, values: Any, dims: tuple[str, ...], shape: tuple[int | None, ...]
) -> np.ndarray:
    """Return finite numbers with these dims and sizes, or refuse them; None admits any size."""
    if isinstance(values, xr.DataArray) and set(values.dims) == set(dims):
        values = values.transpose(*dims).values
    array = np.asarray(values, dtype=float)
    if array.ndim != len(dims) or any(
        size not in (None, extent) for size, extent in zip(shape, array.shape, strict=True)
    ):
        needed = ", ".join(
            dim if size is None else f"{size} {dim}s" for dim, size in zip(dims, shape, strict=True)
        )
        raise RefusedInputError(
            f"{name} must be ({needed}), got shape {array.shape}: select one subject and one "
            "session, or transpose."
        )
    if not np.isfinite(array).all():
        raise RefusedInputError(
            f"{name} holds {int((~np.isfinite(array)).sum())} values that are NaN or "
            "infinite: take a healthy session."
        )
    return array


def _settled(circuit: Circuit, drive: xr.DataArray, engine: Engine) -> tuple[np.ndarray, float]:
    """Return rates (sample, unit) and the largest residual of a circuit on the samples of a run."""
    if (
        not isinstance(drive, xr.DataArray)
        or "position" not in drive.coords
        or set(drive.dims) != {"sample", "unit"}
    ):
        description = (
            f"dims {drive.dims}" if isinstance(drive, xr.DataArray) else type(drive).__name__
        )
        raise RefusedInputError(
            "a corridor drive has dims (sample, unit) and the coordinate position, got "
            f"{description}: use corridor_drive."
        )
    resting_state = settled_rates(
        [circuit], checked_drive(drive, circuit.units).values[np.newaxis], engine=engine
    )
    return resting_state.rate[0], float(resting_state.residual.max())


def _places(drive: xr.DataArray) -> xr.Dataset:
    return xr.Dataset(
        {name: drive[name].reset_coords(drop=True) for name in PLACE_LABELS if name in drive.coords}
    )


def _coordinates(circuit: Circuit, residual: float, shape: tuple[int, int]) -> dict[str, Any]:
    def of_subject(value: Any) -> xr.DataArray:
        return xr.DataArray(
            np.array([value], dtype=object if isinstance(value, str) else float), dims="subject"
        )

    return {
        "subject": of_subject("0"),
        "session": [0],
        "sample": np.arange(shape[0]),
        "unit": np.arange(shape[1]),
        "elapsed": labelled("elapsed", ("subject", "session"), [[0.0]], units="step"),
        "status": of_subject("complete" if residual <= RESTING else "unsettled"),
        "experiment": of_subject(circuit.to_json()),
        **{name: of_subject(value) for name, value in circuit.equation_parameters().items()},
    }
