"""The axis of pictures of tuning curves: where stimuli are drawn, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.metrics.stimuli import UNORDERED, metric_of
from drift.schema.map_dims import STIMULUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 5  # stimuli that are named below a picture
LETTERS = 16  # of a name; longer ones are cut
LETTER = 1.3  # mm, width of a letter in print


def label_stimuli(rate: xr.DataArray, ax: Axes) -> None:
    """Name a few stimuli below their columns in an image of maps, and their units.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., stimulus)
    ax : matplotlib Axes
    """
    ax.set_xlabel(stimulus_axis(rate))
    if STIMULUS not in rate.coords:
        return
    at, names = _few_names(rate)
    texts = _are_texts(rate)
    ax.set_xticks(at, names, rotation=45 if texts else 0, ha="right" if texts else "center")


def name_stimuli(rate: xr.DataArray, ax: Axes, at: NDArray[np.generic]) -> None:
    """Name stimuli below a panel that is narrow: the first and the last number, or a few texts,
    upright.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., stimulus)
    ax : matplotlib Axes
    at : numpy.ndarray
        (stimulus) where they are drawn.
    """
    if STIMULUS not in rate.coords:
        return
    if _are_texts(rate):
        columns, names = _few_names(rate)
        ax.set_xticks(at[columns], names, rotation=90)
    else:
        names = stimulus_names(rate)
        ends = sorted({0, len(names) - 1})
        ax.set_xticks(at[ends], [names[end] for end in ends])


def height_of_names(rate: xr.DataArray) -> float:
    """Height that upright names take below a panel, in mm; 0 where stimuli are numbers.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., stimulus)
    """
    if STIMULUS not in rate.coords or not _are_texts(rate):
        return 0.0
    return LETTER * max(len(name) for name in _few_names(rate)[1])


def are_ordered(rate: xr.DataArray) -> bool:
    """Tell whether the stimuli of maps have neighbours.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., stimulus)
    """
    return metric_of(rate) != UNORDERED


def stimulus_positions(rate: xr.DataArray) -> NDArray[np.float64]:
    """Where stimuli are drawn: at their labels where these have a metric, else one beside the
    other.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., stimulus)

    Returns
    -------
    numpy.ndarray
        (stimulus)
    """
    if are_ordered(rate):
        return np.asarray(rate[STIMULUS].values, dtype=np.float64)
    return np.arange(rate.sizes[STIMULUS], dtype=np.float64)


def stimulus_ends(rate: xr.DataArray) -> tuple[float, float]:
    """Where an axis of stimuli begins and ends: half of the least step before the first and after
    the last.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., stimulus)
    """
    at = stimulus_positions(rate)
    half = float(np.diff(at).min()) / 2 if at.size > 1 else 0.5
    return float(at[0]) - half, float(at[-1]) + half


def stimulus_axis(rate: xr.DataArray) -> str:
    """What an axis of stimuli is called, with units where they have any.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., stimulus)
    """
    units = str(rate[STIMULUS].attrs.get("units", "")) if STIMULUS in rate.coords else ""
    return f"stimulus ({units})" if units not in ("", "1") else "stimulus"


def stimulus_names(rate: xr.DataArray | xr.Dataset) -> list[str]:
    """What stimuli are called, numbers with four digits.

    Parameters
    ----------
    rate : xarray.DataArray or xarray.Dataset
        With the coordinate ``stimulus``.
    """
    labels = rate[STIMULUS].values
    return [f"{label:.4g}" if labels.dtype.kind in "biuf" else str(label) for label in labels]


def _are_texts(rate: xr.DataArray) -> bool:
    return rate[STIMULUS].dtype.kind not in "biuf"


def _few_names(rate: xr.DataArray) -> tuple[NDArray[np.int64], list[str]]:
    """Columns of the stimuli that are named, and their names, cut where they are long."""
    names = stimulus_names(rate)
    at = np.arange(0, len(names), -(-len(names) // NAMED))
    return at, [_cut(names[column]) for column in at]


def _cut(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
