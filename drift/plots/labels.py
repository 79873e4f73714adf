"""What pictures of maps say beside the maps: where the track begins and ends, and in which rooms
sessions were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.metrics.maps import smoothed
from drift.metrics.places import of_ring
from drift.plots.stimulus_axis import label_stimuli, name_stimuli, stimulus_axis
from drift.schema.map_dims import STIMULUS, map_dim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
LONGEST = 16  # letters of the label of a subject


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


def displayed(rate: xr.DataArray, smoothing: float | None, usual: float) -> xr.DataArray:
    """Copy of maps as they are drawn.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) or (..., stimulus).
    smoothing : float or None
        Standard deviation (bins); None takes the usual one, and none over stimuli.
    usual : float
        Standard deviation (bins).
    """
    own = 0.0 if map_dim(rate) == STIMULUS else usual
    return smoothed(rate, own if smoothing is None else smoothing)


def label_places(rate: xr.DataArray, ax: Axes, divider: str = "#D55E00") -> None:
    """Name the axis of places, in pixels of an image of maps, by where the track begins and ends;
    the axis of stimuli by these.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) with the coordinate ``place``, bin centres; or (..., stimulus).
    ax : matplotlib Axes
    divider : str
        Colour of the line between the ways out and back.
    """
    if map_dim(rate) == STIMULUS:
        label_stimuli(rate, ax)
        return
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
        ax.set_xlabel(f"place {ring}\n({low} to {high}{unit} and back)".replace(" \n", "\n"))
    else:
        ax.set_xticks([-0.5, bins - 0.5], [low, high])
        ax.set_xlabel(f"place {ring}({unit.strip()})" if unit else f"place {ring}".strip())


def position_axis(rate: xr.DataArray) -> tuple[float, float, str]:
    """Where the places of maps begin and end, and what their axis is called, with units.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place) on a track or ring, with the coordinate ``place``, bin centres.
    """
    bins = rate.sizes["place"]
    if "place" not in rate.coords:
        return 0.0, float(bins), "place (bin)"
    centres, attrs = rate["place"].values.astype(float), rate["place"].attrs
    size = float(attrs.get("bin_size", np.diff(centres).mean() if bins > 1 else 1.0))
    units, ring = str(attrs.get("units", "")), of_ring(rate) is not None
    if units in ("", "1"):
        units = "laps" if ring else "tracks"
    name = "position on the ring" if ring else "position"
    ends = (
        size * round((end / size), 6) for end in (centres[0] - size / 2, centres[-1] + size / 2)
    )
    low, high = ends  # bin centres are rounded numbers
    return float(low) + 0.0, float(high), f"{name} ({units})"  # + 0.0: no minus before a 0


def label_positions(rate: xr.DataArray, ax: Axes) -> None:
    """Name the axis of places of an image of maps by positions in their units; where there are two
    ways, from one end to the other and back. The axis of stimuli is named by these.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]), see ``position_axis``; or (..., stimulus).
    ax : matplotlib Axes
    """
    if map_dim(rate) == STIMULUS:
        name_stimuli(rate, ax, np.arange(rate.sizes[STIMULUS]))
        ax.set_xlabel(stimulus_axis(rate))
        return
    low, high, name = position_axis(rate)
    ends, bins = [f"{low:.4g}", f"{high:.4g}"], rate.sizes["place"]
    if "direction" in rate.dims and rate.sizes["direction"] == 2:
        ax.axvline(bins - 0.5, color="#fefefe", linewidth=0.8)  # white on dark pages, too
        ax.set_xticks([-0.5, bins - 0.5, 2 * bins - 0.5], [*ends, ends[0]])
        ax.set_xlabel(f"{name}, out and back")
    else:
        ax.set_xticks([-0.5, bins - 0.5], ends)
        ax.set_xlabel(name)


def rate_axis(rate: xr.DataArray) -> str:
    """What an axis of rates is called, with units where they have any.

    Parameters
    ----------
    rate : xarray.DataArray
        With the attribute ``units``.
    """
    units = str(rate.attrs.get("units", ""))
    return "rate" if units in ("", "1", "as activity") else f"rate ({units})"


def rate_label(rate: float) -> str:
    """A rate in two digits, such as "3.2"; in whole numbers, such as "1,600", where it has more.

    Parameters
    ----------
    rate : float
    """
    return f"{rate:,.0f}" if abs(rate) >= 99.5 else f"{rate:.2g}"  # 99.5 in two digits is 1e+02


def time_axis(units: str) -> str:
    """What an axis of elapsed time is called.

    Parameters
    ----------
    units : str
        Of ``elapsed``.
    """
    return {"day": "days", "step": "learning steps", "": "sessions"}.get(units, units)


def time_label(value: float) -> str:
    """A point in elapsed time, such as "2.18" or "20,000".

    Parameters
    ----------
    value : float
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def shared_times(times: np.ndarray) -> bool:
    """Tell whether all subjects were recorded at the same times.

    Parameters
    ----------
    times : numpy.ndarray
        (subject, session)
    """
    return bool(np.isfinite(times).all() and np.allclose(times, times[:1], rtol=1e-9, atol=0))


def least_correlation(correlation: xr.DataArray) -> float:
    """0, or the least correlation rounded down to a tenth where it is negative."""
    least = float(correlation.min()) if bool(correlation.notnull().any()) else 0.0
    return min(0.0, np.floor(10 * least) / 10)


def subject_label(own: xr.Dataset, number: int) -> str:
    """What the curve of a subject is called, short enough for a legend.

    Parameters
    ----------
    own : xarray.Dataset
        Of the subject.
    number : int
        Its position.
    """
    label = str(own["subject"].item()) if "subject" in own.coords else f"subject {number}"
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
