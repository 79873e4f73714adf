"""Where the thresholds of units stand: biases, what they silence, and how far drives keep from
threshold.

References
----------
Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Fig 3 and poster (margin).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import ndtr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.labels import described, require_dims
from drift.metrics.sparse_codes.keys import key_norm


@opened
def bias_mean(bias: xr.DataArray) -> xr.DataArray:
    """Mean bias over units.

    Parameters
    ----------
    bias : xarray.DataArray
        (..., unit); NaN where not observed.

    Returns
    -------
    xarray.DataArray
        (...)

    Raises
    ------
    RefusedInputError
        If the dim unit is missing.
    """
    return described(require_dims(bias, "bias", "unit").mean("unit"), "bias_mean")


@opened
def bias_deviation(bias: xr.DataArray) -> xr.DataArray:
    """Standard deviation of the biases over units, with divisor units.

    Parameters
    ----------
    bias : xarray.DataArray
        (..., unit); NaN where not observed.

    Returns
    -------
    xarray.DataArray
        (...)

    Raises
    ------
    RefusedInputError
        If the dim unit is missing.
    """
    return described(require_dims(bias, "bias", "unit").std("unit"), "bias_deviation")


@opened
def fraction_negative_biases(bias: xr.DataArray) -> xr.DataArray:
    """Share of the units with a bias below 0.

    Parameters
    ----------
    bias : xarray.DataArray
        (..., unit); NaN where not observed.

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1.

    Raises
    ------
    RefusedInputError
        If the dim unit is missing.
    """
    require_dims(bias, "bias", "unit")
    return described((bias < 0).where(bias.notnull()).mean("unit"), "fraction_negative_biases")


def _switched(drive: xr.DataArray, bias: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Sign of the drive without and with bias, NaN where not observed."""
    require_dims(drive, "drive", "sample", "unit")
    require_dims(bias, "bias", "unit")
    unbiased = xr.apply_ufunc(np.subtract, drive, bias)
    return (unbiased > 0).where(unbiased.notnull()), (drive > 0).where(unbiased.notnull())


@opened
def fraction_silenced_by_bias(drive: xr.DataArray, bias: xr.DataArray) -> xr.DataArray:
    """Share of all drives that would be positive without the bias and are not: mean of [z - b > 0
    and z <= 0].

    Parameters
    ----------
    drive : xarray.DataArray
        (..., sample, unit) drive z = w.x + b.
    bias : xarray.DataArray
        (..., unit).

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1.

    Raises
    ------
    RefusedInputError
        If a dim is missing.
    """
    without, with_bias = _switched(drive, bias)
    silenced = (without * (1 - with_bias)).mean(("sample", "unit"))
    return silenced.rename("fraction_silenced_by_bias").assign_attrs(
        units="1", long_name="drives that the bias turns negative"
    )


@opened
def fraction_activated_by_bias(drive: xr.DataArray, bias: xr.DataArray) -> xr.DataArray:
    """Share of all drives that are positive only thanks to the bias: mean of [z - b <= 0 and z >
    0].

    Parameters
    ----------
    drive : xarray.DataArray
        (..., sample, unit) drive z = w.x + b.
    bias : xarray.DataArray
        (..., unit).

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1.

    Raises
    ------
    RefusedInputError
        If a dim is missing.
    """
    without, with_bias = _switched(drive, bias)
    activated = ((1 - without) * with_bias).mean(("sample", "unit"))
    return activated.rename("fraction_activated_by_bias").assign_attrs(
        units="1", long_name="drives that the bias turns positive"
    )


def _margins(
    drive: xr.DataArray, input_weights: xr.DataArray, std: float | xr.DataArray
) -> xr.DataArray:
    """Distance of each drive from threshold in standard deviations of its noise; infinite where
    noise does not reach the unit."""
    require_dims(drive, "drive", "sample", "unit")
    if not bool(np.all(np.asarray(std) > 0)):
        raise RefusedInputError(
            "std must be above 0, as margins are counted in standard deviations of the noise: "
            "leave out noise-free runs."
        )
    drive, spread = xr.align(drive, std * key_norm(input_weights), join="exact")
    return xr.where(spread == 0, np.inf, abs(drive) / spread).where(drive.notnull())


@opened
def margin_fraction(
    drive: xr.DataArray, input_weights: xr.DataArray, std: float | xr.DataArray
) -> xr.DataArray:
    """Share of the drives that their noise could carry across the threshold: |z_j| / (sigma |w_j|)
    < 1.

    Parameters
    ----------
    drive : xarray.DataArray
        (..., sample, unit) clean drive z = w.x + b; NaN where not observed.
    input_weights : xarray.DataArray
        (..., unit, input) keys w_j.
    std : float or xarray.DataArray
        Standard deviation sigma of the noise on each input, above 0; an array where it differs over
        leading dims.

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1.

    Raises
    ------
    RefusedInputError
        If a dim is missing or std is not above 0.
    """
    margins = _margins(drive, input_weights, std)
    return described(
        (margins < 1).where(margins.notnull()).mean(("sample", "unit")), "margin_fraction"
    )


@opened
def mean_margin_loss(
    drive: xr.DataArray, input_weights: xr.DataArray, std: float | xr.DataArray
) -> xr.DataArray:
    """Mean shift of a rectified response by its noise, in standard deviations s of the noise on the
    drive: mean of L(|z| / s).

    L(a) = phi(a) - a Phi(-a) with the density phi and the distribution Phi of the standard normal
    law, s_j = sigma |w_j|.

    Parameters
    ----------
    drive : xarray.DataArray
        (..., sample, unit) clean drive z = w.x + b; NaN where not observed.
    input_weights : xarray.DataArray
        (..., unit, input) keys w_j.
    std : float or xarray.DataArray
        Standard deviation sigma of the noise on each input, above 0; an array where it differs over
        leading dims.

    Returns
    -------
    xarray.DataArray
        (...) between 0, far from threshold, and 1 / sqrt(2 pi), at threshold.

    Raises
    ------
    RefusedInputError
        If a dim is missing or std is not above 0.
    """
    margins = _margins(drive, input_weights, std)
    # where L is zero to the last digit, and infinity times zero is avoided
    near = margins.clip(max=40.0)
    loss = np.exp(-0.5 * near**2) / np.sqrt(2 * np.pi) - near * ndtr(-near)
    return described(loss.mean(("sample", "unit")), "mean_margin_loss")
