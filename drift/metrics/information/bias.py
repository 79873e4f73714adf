"""What information would be in an endless recording: corrections of its limited-sampling bias.

Information estimated from few events is too high, by up to about (places - 1) / (2 ln2 events)
bits per event, so that a falling event rate alone raises it. All corrections here start from
``information_curves``: I(t), the information of t samples, and S(t), the same after shuffling, with
t_1 the smallest and T the largest number of samples.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.information.subsampling import ORDERS
from drift.metrics.information.validity import warn_of_error
from drift.metrics.labels import require_dims


def both_orders(curves: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Observed and shuffled curves, if these are the curves of ``information_curves``."""
    require_dims(curves, "curves", "order", "fraction")
    if (
        "samples" not in curves.coords
        or list(curves["order"].values) != list(ORDERS)
        or curves.sizes["fraction"] < 3
    ):
        raise RefusedInputError(
            "curves must have the orders observed and shuffled and the samples of at least "
            "three fractions: pass a variable of "
            "information_curves."
        )
    return curves.isel(order=0, drop=True), curves.isel(order=1, drop=True)


@opened
def population_curves(curves: xr.DataArray, keep: xr.DataArray | None = None) -> xr.DataArray:
    """Curves averaged over units: corrected, they give the population value, which is not the mean
    of corrected units.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, unit[, direction]).
    keep : xarray.DataArray, optional
        (unit[, direction]) bool or 1, units that enter; place units for the published value.

    Returns
    -------
    xarray.DataArray
        (order, fraction), NaN where no unit enters. Its coordinate ``events`` is the median of the
        units that enter, from which corrections know how far they are off.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, published analysis.
    """
    require_dims(curves, "curves", "order", "fraction", "unit")
    population = (
        curves
        if keep is None
        else curves.where((keep == 1).reset_coords(drop=True).drop_vars("unit", errors="ignore"))
    )
    members = [dim for dim in ("unit", "direction") if dim in curves.dims]
    count = population.notnull().sum(members)
    mean = (population.sum(members) / count.where(count > 0)).assign_attrs(curves.attrs)
    if "events" not in curves.coords:
        return mean
    entering = population.isel(order=0, fraction=-1, drop=True).notnull()
    return mean.assign_coords(events=curves["events"].where(entering).median())


@opened
def shuffle_reduction(curves: xr.DataArray) -> xr.DataArray:
    """Information minus that of shuffled activity, I(T) - S(T); corrects too much.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, ...), a variable of ``information_curves``.

    Returns
    -------
    xarray.DataArray
        (...) in the units of the curves.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    observed, shuffled = both_orders(curves)
    return (observed - shuffled).isel(fraction=-1, drop=True).assign_attrs(curves.attrs)


@opened
def scaled_shuffle_reduction(curves: xr.DataArray) -> xr.Dataset:
    """Information minus the bias of shuffled activity, scaled to how fast the bias of the unit
    itself falls.

    SSR(t) = I(t) - S(t) (I(t_1) - I(t)) / (S(t_1) - S(t)), taken at T.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, ...), a variable of ``information_curves``.

    Returns
    -------
    xarray.Dataset
        ``estimate`` (...) in the units of the curves; ``stability`` (...) = 1 - sd_t(SSR(t)) /
        SSR(T) t_2 / T over t from t_2 to T, 1 for a correction that does not depend on how much was
        recorded. NaN where S does not fall.

    Warns
    -----
    UserWarning
        If the curves are those of a population with so few events for so many places that more than
        .1 bits of error are to be expected; see ``expected_error``.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    observed, shuffled = both_orders(curves)
    warn_of_error(curves, "scaled_shuffle_reduction")
    fallen = shuffled.isel(fraction=0) - shuffled
    scale = (observed.isel(fraction=0) - observed) / fallen.where(fallen != 0)
    reduced = (observed - shuffled * scale).isel(fraction=slice(1, None))
    estimate = reduced.isel(fraction=-1, drop=True)
    share = float(reduced["samples"][0] / reduced["samples"][-1])
    deviations = reduced - reduced.mean("fraction", skipna=False)
    spread = (
        (deviations**2).sum("fraction", skipna=False) / (reduced.sizes["fraction"] - 1)
    ) ** 0.5
    stability = 1 - spread / estimate.where(estimate != 0) * share
    return xr.Dataset(
        {
            "estimate": estimate.assign_attrs(curves.attrs),
            "stability": stability.assign_attrs(units="1"),
        }
    )


def standard_error(spread: xr.DataArray) -> xr.DataArray:
    """Standard error of the naive information: a delete-half jackknife over samples.

    SE = sd(I(m)) sqrt(m / (T - m)) with sd over random subsamples of m samples, m next to T / 2. It
    takes samples for independent; slow calcium transients make the true error larger. Corrected
    estimates of single units are about as uncertain.

    Parameters
    ----------
    spread : xarray.DataArray
        (fraction, ...), a variable ``<name>_spread`` of ``information_curves``.

    Returns
    -------
    xarray.DataArray
        (...) in the units of the spread.

    References
    ----------
    Shao & Wu 1989, Ann Stat 17:1176 (delete-d jackknife).
    """
    require_dims(spread, "spread", "fraction")
    share = spread["samples"].values / spread["samples"].values[-1]
    half = int(np.abs(share - 0.5).argmin())
    scale = np.sqrt(share[half] / (1 - share[half]))
    return (spread.isel(fraction=half, drop=True) * scale).assign_attrs(spread.attrs)


@opened
def event_weighted_mean(information: xr.DataArray, rate: xr.DataArray) -> xr.DataArray:
    """Mean over units weighted by their rates, sum_i I_i r_i / sum_i r_i: the information of an
    average event.

    Parameters
    ----------
    information : xarray.DataArray
        (..., unit) bits/event; NaN units are left out.
    rate : xarray.DataArray
        (..., unit) mean rates, or numbers of events.

    Returns
    -------
    xarray.DataArray
        (...) bits/event; NaN where no unit with events is left.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    require_dims(information, "information", "unit")
    weight = require_dims(rate, "rate", "unit").where(information.notnull())
    total = weight.sum("unit")
    return ((information * weight).sum("unit") / total.where(total > 0)).assign_attrs(
        information.attrs
    )
