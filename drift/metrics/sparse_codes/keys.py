"""What sparse codes do to weights: keys of one length that point apart, follow the inputs, and
resemble their values.

The input weights w_j of a unit are its key, the output weights d_j its value.

References
----------
Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Fig 3.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.labels import described, require_dims
from drift.metrics.sparse_codes.sparse_codes import active_responses

BLOCK = 1024  # keys compared at a time, so that ten thousand units need no matrix of all pairs


@opened
def key_norm(input_weights: xr.DataArray) -> xr.DataArray:
    """Length of the input weights of each unit, |w_j|.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input); NaN where not observed.

    Returns
    -------
    xarray.DataArray
        (..., unit) NaN where not observed.

    Raises
    ------
    RefusedInputError
        If a dim is missing.
    """
    squared = (require_dims(input_weights, "input_weights", "unit", "input") ** 2).sum(
        "input", skipna=False
    )
    return (
        (squared**0.5)
        .rename("key_norm")
        .assign_attrs(units="1", long_name="length of the input weights of a unit")
    )


@opened
def key_norm_mean(input_weights: xr.DataArray) -> xr.DataArray:
    """Mean length of the keys, mean over units of |w_j|.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input); NaN where not observed.

    Returns
    -------
    xarray.DataArray
        (...)

    Raises
    ------
    RefusedInputError
        If a dim is missing.
    """
    return described(key_norm(input_weights).mean("unit"), "key_norm_mean")


@opened
def key_norm_variation(input_weights: xr.DataArray) -> xr.DataArray:
    """Coefficient of variation over units of the length of their keys, sd |w| / mean |w| with
    divisor units.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input); NaN where not observed.

    Returns
    -------
    xarray.DataArray
        (...) 0 if all keys are equally long; NaN if all are zero.

    Raises
    ------
    RefusedInputError
        If a dim is missing.
    """
    norm = key_norm(input_weights)
    mean = norm.mean("unit")
    return described(norm.std("unit") / mean.where(mean > 0), "key_norm_variation")


def _directions(weights: np.ndarray) -> np.ndarray:
    """Weights (..., unit, input) at length 1; NaN for a unit without weights."""
    length = np.linalg.norm(weights, axis=-1, keepdims=True)
    return np.divide(weights, length, out=np.full(weights.shape, np.nan), where=length > 0)


@opened
def key_value_alignment(
    input_weights: xr.DataArray, output_weights: xr.DataArray, hidden: xr.DataArray | None = None
) -> xr.DataArray:
    """How well what a unit adds to the output resembles what switches it on: cos(w_j, d_j), mean
    over units.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input) keys.
    output_weights : xarray.DataArray
        (..., output, unit) values, with as many outputs as inputs.
    hidden : xarray.DataArray, optional
        (..., sample, unit) activity; units then count by the size of their activity.

    Returns
    -------
    xarray.DataArray
        (...) between -1 and 1; units without key or value are left out.

    Raises
    ------
    RefusedInputError
        If a dim is missing, or there are not as many outputs as inputs.
    """
    require_dims(input_weights, "input_weights", "unit", "input")
    require_dims(output_weights, "output_weights", "output", "unit")
    if input_weights.sizes["input"] != output_weights.sizes["output"]:
        raise RefusedInputError(
            f"keys and values must have equal length, got {input_weights.sizes['input']} "
            f"inputs and {output_weights.sizes['output']} "
            "outputs: the alignment is defined for networks that reconstruct their inputs."
        )

    def cosines(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
        return (_directions(keys) * _directions(values)).sum(axis=-1)

    core = [["unit", "input"], ["unit", "output"]]
    cosine = xr.apply_ufunc(
        cosines, input_weights, output_weights, input_core_dims=core, output_core_dims=[["unit"]]
    )
    if hidden is None:
        return described(cosine.mean("unit"), "key_value_alignment")
    weight = abs(require_dims(hidden, "hidden", "sample", "unit")).mean("sample").fillna(0.0)
    cosine, weight = xr.align(cosine, weight, join="exact")
    return described(cosine.weighted(weight).mean("unit"), "key_value_alignment")


def _overlap(keys: np.ndarray) -> float:
    """Mean of |cos| over pairs of different keys among (unit, input), those without a direction
    left out."""
    directions = _directions(keys)
    directions = directions[np.isfinite(directions).all(axis=1)]
    units = len(directions)
    if units < 2:
        return np.nan
    total = sum(
        np.abs(directions[first : first + BLOCK] @ directions.T).sum()
        for first in range(0, units, BLOCK)
    )
    return float((total - units) / (units * (units - 1)))


@opened
def key_overlap(input_weights: xr.DataArray) -> xr.DataArray:
    """How similar the keys of two units are: mean over pairs i != j of |cos(w_i, w_j)|.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input); NaN where not observed.

    Returns
    -------
    xarray.DataArray
        (...) about sqrt(2 / (pi n)) for random keys of n inputs, 1 if all are parallel; NaN with
        fewer than two keys.

    Raises
    ------
    RefusedInputError
        If a dim is missing.
    """
    require_dims(input_weights, "input_weights", "unit", "input")
    return described(
        xr.apply_ufunc(
            _overlap, input_weights, input_core_dims=[["unit", "input"]], vectorize=True
        ),
        "key_overlap",
    )


@opened
def specialisation(
    input_weights: xr.DataArray,
    inputs: xr.DataArray,
    hidden: xr.DataArray | None = None,
    threshold: float = 0.0,
) -> xr.DataArray:
    """How much of the inputs lies along a key: w_j^T C w_j / |w_j|^2, mean over units.

    C = mean of x x^T over all inputs or, with ``hidden``, C_j over the inputs that switch unit j
    on. Divided by the variance of the noise it is the signal that a unit gains for the noise it
    lets in.

    Parameters
    ----------
    input_weights : xarray.DataArray
        (..., unit, input) keys.
    inputs : xarray.DataArray
        (..., sample, input) clean inputs; subtract their mean first to have their covariance.
    hidden : xarray.DataArray, optional
        (..., sample, unit) activity for the same samples.
    threshold : float
        0 for rectified units, ``drift.metrics.sparse_codes.sparse_codes.SMOOTH_THRESHOLD`` for
        others.

    Returns
    -------
    xarray.DataArray
        (...) in squared inputs; units without a key or never on are left out.

    Raises
    ------
    RefusedInputError
        If a dim is missing, inputs are not finite, or as ``active_responses``.
    """
    require_dims(input_weights, "input_weights", "unit", "input")
    require_dims(inputs, "inputs", "sample", "input")
    if not bool(np.isfinite(inputs).all()):
        raise RefusedInputError(
            "inputs must be finite, got NaN or infinity: leave out the samples that were not "
            "presented."
        )

    def projections(keys: np.ndarray, samples: np.ndarray) -> np.ndarray:
        return (samples @ np.swapaxes(_directions(keys), -1, -2)) ** 2

    core, result = [["unit", "input"], ["sample", "input"]], [["sample", "unit"]]
    power = xr.apply_ufunc(
        projections, input_weights, inputs, input_core_dims=core, output_core_dims=result
    )
    if hidden is not None:
        power, active = xr.align(power, active_responses(hidden, threshold)[0], join="exact")
        power = power.where(active)
    return described(power.mean("sample").mean("unit"), "specialisation")
