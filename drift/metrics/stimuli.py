"""Stimuli in the place of places: what the stimulus coordinate says of its metric, and which
measures need one."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.errors import RefusedInputError
from drift.schema.map_dims import STIMULUS, map_dim

CIRCULAR, LINEAR, UNORDERED = "circular", "linear", "none"
METRICS = (CIRCULAR, LINEAR, UNORDERED)
EVEN = 1e-6  # of a step: labels this near to a grid lie on it


def stimulus_attrs(
    labels: NDArray[np.generic], metric: str, period: float | None, units: str
) -> dict[str, str | float]:
    """What a stimulus coordinate says of its metric, by the attributes that a place coordinate has,
    too.

    Parameters
    ----------
    labels : numpy.ndarray
        (stimulus) distinct labels in order, numbers or texts.
    metric : {"circular", "linear", "none"}
        Whether stimuli have neighbours, and whether the last is next to the first.
    period : float or None
        Of a circular stimulus, in units of its labels.
    units : str
        Of labels that are numbers.

    Returns
    -------
    dict
        ``long_name``, ``metric``; ``units`` of numbers; ``period`` of a circular stimulus; where
        stimuli with a metric are evenly spaced, or some of an even grid are left out, ``bin_size``,
        from one to the next, and ``origin``, half of it before the first.
    """
    attrs: dict[str, str | float] = {"long_name": "stimulus", "metric": metric}
    if units:
        attrs["units"] = units
    if metric == CIRCULAR and period is not None:
        attrs["period"] = float(period)
    spacing = None if metric == UNORDERED else _spacing(labels.astype(float), period)
    if spacing is not None:
        attrs |= {"bin_size": spacing, "origin": float(labels[0]) - spacing / 2}
    return attrs


def _spacing(labels: NDArray[np.float64], period: float | None) -> float | None:
    """Smallest step between stimuli, if all other steps, and the period, are whole numbers of
    it."""
    around = labels if period is None else np.append(labels, labels[0] + period)
    steps = np.diff(around)
    if not steps.size:
        return None
    smallest = float(steps.min())
    whole = np.abs(steps / smallest - np.rint(steps / smallest)) < EVEN
    if not whole.all():
        return None
    # the mean of all steps, so that the last bits of one step do not decide
    return float((around[-1] - around[0]) / np.rint(steps / smallest).sum())


def metric_of(labelled: xr.DataArray | xr.Dataset) -> str | None:
    """Metric of the stimuli of an array or a Dataset, None where it runs over places.

    Parameters
    ----------
    labelled : xarray.DataArray or xarray.Dataset
        With or without the dim ``stimulus``.

    Returns
    -------
    {"circular", "linear", "none"} or None
        "none" also for stimuli without a coordinate.
    """
    if map_dim(labelled) != STIMULUS:
        return None
    coordinate = labelled.coords.get(STIMULUS)
    return UNORDERED if coordinate is None else str(coordinate.attrs.get("metric", UNORDERED))


def require_metric(labelled: xr.DataArray | xr.Dataset, what: str) -> None:
    """Refuse stimuli without neighbours where a measure needs distances.

    Parameters
    ----------
    labelled : xarray.DataArray or xarray.Dataset
        Maps over places, which have neighbours, or over stimuli.
    what : str
        Beginning of the sentence: what needs distances.

    Raises
    ------
    RefusedInputError
        If the stimuli have no metric.
    """
    if metric_of(labelled) == UNORDERED:
        raise RefusedInputError(
            f"{what} needs distances between stimuli, but these have no metric: leave it out, or "
            'say stimulus_metric="circular" or "linear" of the session where they are numbers.'
        )


def require_even(labelled: xr.DataArray, what: str) -> None:
    """Refuse stimuli that do not lie on one even grid where a measure counts in bins.

    Parameters
    ----------
    labelled : xarray.DataArray
        Maps.
    what : str
        Beginning of the sentence.

    Raises
    ------
    RefusedInputError
        If the stimuli have no metric, or are not evenly spaced.
    """
    require_metric(labelled, what)
    if metric_of(labelled) is not None and "bin_size" not in labelled[STIMULUS].attrs:
        raise RefusedInputError(
            f"{what} counts in steps between stimuli, but these are not evenly spaced: leave it "
            "out, or bin the labels evenly."
        )


def require_places(labelled: xr.DataArray | xr.Dataset, what: str) -> None:
    """Refuse maps over stimuli where places are needed.

    Parameters
    ----------
    labelled : xarray.DataArray or xarray.Dataset
        Maps, or a longitudinal Dataset.
    what : str
        Beginning of the sentence: what needs places.

    Raises
    ------
    RefusedInputError
        If it has the dim ``stimulus``.
    """
    if STIMULUS in labelled.dims:
        raise RefusedInputError(
            f"{what} needs maps over places, got maps over stimuli: measure sessions with a "
            "position."
        )
