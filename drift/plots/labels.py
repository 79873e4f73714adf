"""What pictures of maps say beside the maps: where the track begins and ends, and in which rooms
sessions were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.metrics.places import of_ring

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mixed_rooms(means: xr.Dataset) -> list[str]:
    """Say of which sessions a summary mixes environments, such as "session 4 (A, B)".

    Parameters
    ----------
    means : xarray.Dataset
        Of ``metrics.summary``.
    """
    if "environment" not in means.coords:
        return []
    rooms, numbers = means["environment"], means["session"].values
    return [
        f"session {number} ({room})"
        for number, room in zip(numbers, rooms.values)
        if ", " in str(room)
    ]


def several_environments(own: xr.Dataset) -> bool:
    """Tell whether the sessions of one subject lie in several environments.

    Parameters
    ----------
    own : xarray.Dataset
        Longitudinal Dataset without the dim subject.
    """
    if "environment" not in own.coords or own["environment"].dims != ("session",):
        return False
    return len({str(label) for label in own["environment"].values} - {""}) > 1


def label_places(rate: xr.DataArray, ax: Axes, divider: str = "#D55E00") -> None:
    """Name the axis of places, in pixels of an image of maps, by where the track begins and ends.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) with the coordinate ``place``, bin centres.
    ax : matplotlib Axes
    divider : str
        Colour of the line between the ways out and back.
    """
    bins, labelled = rate.sizes["place"], "place" in rate.coords
    centres = rate["place"].values.astype(float) if labelled else np.arange(bins, dtype=float)
    size = (
        float(rate["place"].attrs.get("bin_size", np.diff(centres).mean() if bins > 1 else 1.0))
        if labelled
        else 1.0
    )
    low, high = (f"{value:.4g}" for value in (centres[0] - size / 2, centres[-1] + size / 2))
    units = str(rate["place"].attrs.get("units", "")) if labelled else "bin"
    unit = "" if units in ("", "1") else f" {units}"
    ring = "around the ring " if labelled and of_ring(rate) is not None else ""
    if "direction" in rate.dims:
        ax.axvline(bins - 0.5, color=divider, linewidth=1.0)
        ax.set_xticks([bins / 2, 1.5 * bins], ["out", "back"])
        ax.set_xlabel(f"place {ring}({low} to {high}{unit} and back)")
    else:
        ax.set_xticks([-0.5, bins - 0.5], [low, high])
        ax.set_xlabel(f"place {ring}({unit.strip()})" if unit else f"place {ring}".strip())
