"""Number and width of the place fields of a Top-K layer: formula and sampled twin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Alike, Count, Numbers, Positive, Seed, Share, Size
from drift.errors import RefusedInputError
from drift.streams import stream
from drift.theory.code_drift.closed_forms import alike
from drift.theory.code_drift.sampled import SEEDS, UNITS, over_seeds, square_root
from drift.theory.kernels.checks import checked_number, counted, plain_numbers, position_matrix
from drift.theory.kernels.finite_layers import top_k
from drift.theory.kernels.one_layer import threshold


@opened
def place_field_statistics(
    active_fraction: Alike, curvature: Alike, length: Positive
) -> xr.Dataset:
    """Number and width of the place fields of a Top-K layer, and the fraction of units with any
    field.

    Rice's formula for the upward crossings of the threshold: nu = sqrt(lambda_2) exp(-tau^2 / 2) /
    (2 pi) fields per unit and unit length, of mean width f / nu; in an open corridor of length T
    about 1 - (1 - f) exp(-nu T / (1 - f)) of the units are active anywhere, as if fields began
    independently.

    Parameters
    ----------
    active_fraction : float or xarray.DataArray
        f, fraction of units active at a place.
    curvature : float or xarray.DataArray
        lambda_2 = -c0''(0) of the correlation of the input with itself some way on, per squared
        length.
    length : float
        T, of the corridor.

    Returns
    -------
    xarray.Dataset
        ``fields_per_unit`` (nu T), ``field_width`` in units of length, ``fraction_active_units``.

    Raises
    ------
    RefusedInputError
        If curvature or length is not above 0, or all units are active.

    References
    ----------
    Rice 1945, Bell System Technical Journal 24:46.
    """
    if (
        not (plain_numbers("curvature", curvature) > 0).all()
        or not checked_number("length", length) > 0
    ):
        raise RefusedInputError(
            f"curvature and length must be above 0, got {np.min(curvature)} and {length}: "
            "give an input that varies."
        )
    if not isinstance(curvature, xr.DataArray) and np.ndim(curvature) > np.ndim(active_fraction):
        raise RefusedInputError(
            f"curvature must be a number or labelled, got shape {np.shape(curvature)}: name "
            "its dims by xarray.DataArray."
        )
    fraction = xr.DataArray(active_fraction)
    if (fraction >= 1).any():
        raise RefusedInputError(
            "active_fraction 1 has no place fields, as all units are active everywhere: give "
            "one below 1."
        )
    tau = alike(threshold, fraction)
    density = np.sqrt(curvature) * np.exp(-(tau**2) / 2) / (2 * np.pi)
    anywhere = 1 - (1 - fraction) * np.exp(-density * length / (1 - fraction))
    fields = {
        "fields_per_unit": density * length,
        "field_width": fraction / density,
        "fraction_active_units": anywhere,
    }
    return xr.Dataset(
        {
            name: values.assign_attrs(units="as length" if name == "field_width" else "1")
            for name, values in fields.items()
        }
    )


@opened
def curvature(position_correlation: Numbers, spacing: Size) -> float:
    """Curvature lambda_2 = -c0''(0) of the correlation between neighbouring places, from its values
    at one and two spacings.

    c0(D) = 1 - lambda_2 D^2 / 2 + b D^4 through c0(h) and c0(2h), both averaged over the corridor.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0 between equally spaced places in order.
    spacing : float
        h, between neighbouring places.

    Returns
    -------
    float
        Per squared unit of ``spacing``.

    Raises
    ------
    RefusedInputError
        If there are fewer than three places, or the spacing is not above 0.
    """
    matrix = position_matrix(position_correlation)
    if not checked_number("spacing", spacing) > 0:
        raise RefusedInputError(
            f"spacing must be above 0, got {spacing}: give the distance between neighbouring "
            "places."
        )
    if len(matrix) < 3:
        raise RefusedInputError(
            f"curvature takes at least three places in order, got {len(matrix)}: use finer places."
        )
    near, far = (1 - np.diagonal(matrix, offset).mean() for offset in (1, 2))
    return float((16 * near - far) / (6 * spacing**2))


def _runs(active: np.ndarray, ring: bool) -> np.ndarray:
    """(unit) number of maximal runs of active places."""
    before = np.roll(active, 1, axis=0)
    if not ring:
        before[0] = False
    return np.maximum((active & ~before).sum(axis=0), active.all(axis=0))


@opened
def sampled_place_field_statistics(
    active_fraction: Share,
    position_correlation: Numbers,
    length: Positive,
    *,
    ring: bool = False,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> xr.Dataset:
    """Twin of ``place_field_statistics``: a field is a run of active places, its width the active
    length over the number of fields.

    Parameters
    ----------
    active_fraction : float
        f.
    position_correlation : array
        (place, place_other) c0 between equally spaced places in order, instead of its curvature.
    length : float
        T, of the corridor or around the ring.
    ring : bool
        The last place is next to the first.
    units : int
        Width of the layer.
    seeds : sequence of int

    Returns
    -------
    xarray.Dataset
        As ``place_field_statistics``, means over seeds and ``*_standard_error``.

    References
    ----------
    Rice 1945, Bell System Technical Journal 24:46 (its expectation).
    """
    root, units = square_root(position_matrix(position_correlation)), counted("units", units, 2)

    def measure(seed: int) -> np.ndarray:
        active = (
            top_k(
                root @ stream(seed, "weights").standard_normal((len(root), units)), active_fraction
            )
            > 0
        )  # (place, unit)
        fields = _runs(active, ring).mean()
        return np.array([fields, active.mean() * length / fields, active.any(axis=0).mean()])

    statistics = over_seeds(
        ["fields_per_unit", "field_width", "fraction_active_units"], (), measure, seeds
    )
    return statistics.assign(field_width=statistics["field_width"].assign_attrs(units="as length"))
