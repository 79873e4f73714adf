"""Poses and bounding boxes of movement (Sirmpilatze et al., doi 10.5281/zenodo.12755724), which are
xarray Datasets: the package itself is not needed.

``position`` has the dims time, space and individual, and for poses keypoint (in the plural before
movement 0.17); ``confidence`` has the same without space. ``time`` is in seconds or, where no frame
rate was given, in frames, as the attribute ``time_unit`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.exchange.object_forms import PositionChoice
from data_adapters.options import nearest
from data_adapters.session import numbers
from data_adapters.tracks.track import Track
from drift.metrics.clocks import refuse_times
from drift.schema.labelled_form import RefusedInputError

WHERE = "the Dataset of movement"
PLURAL = {"keypoints": "keypoint", "individuals": "individual"}
SCALES = {"m": 100.0, "cm": 1.0, "mm": 0.1}  # cm per unit, by the attribute space_unit


def is_poses(thing: Any) -> bool:
    """Tell whether it is a Dataset, or the positions of one."""
    return isinstance(thing, xr.Dataset | xr.DataArray)


def track_of(poses: xr.Dataset | xr.DataArray, choice: PositionChoice) -> Track:
    """Track (sample, 2) of an individual: of one body part, or of the mean of several.

    Raises
    ------
    RefusedInputError
        If dims are missing, the individual or the body part is unknown or not said, or times are
        frames and no rate is given.
    """
    position, confidence = _variables(poses)
    individuals = _named(position, "individual", choice.individual, several=False)
    bodyparts = _named(position, "keypoint", choice.bodypart, several=True)
    who = {"individual": individuals[0]} if individuals else {}
    selections = [{**who, "keypoint": bodypart} for bodypart in bodyparts] or [who]
    places = [_likely_places(position, confidence, selection, choice) for selection in selections]
    units, scale = _units(position, choice)
    mean_position = np.mean(places, axis=0) * scale  # NaN where one of them is lost
    minimum = None if confidence is None else choice.minimum_likelihood
    flat = "z was left out" if position.sizes["space"] > 2 else ""
    note = _note(bodyparts, individuals, mean_position, minimum)
    return Track(
        _times(poses, choice.track_rate),
        mean_position,
        units=units,
        notes="; ".join(filter(None, (note, flat))),
        where=WHERE,
    )


def _likely_places(
    position: xr.DataArray,
    confidence: xr.DataArray | None,
    selection: dict[str, str],
    choice: PositionChoice,
) -> NDArray[np.float64]:
    """(sample, 2) of one body part of one individual; NaN where it is lost or unlikely."""
    rows = {dim: _labels(position, dim).index(name) for dim, name in selection.items()}
    place = position.isel(rows).transpose("time", "space").sel(space=["x", "y"])
    values = choice.without_lost(numbers(place.values, f"position in {WHERE}"))
    if confidence is None:
        return values
    own = {dim: row for dim, row in rows.items() if dim in confidence.dims}
    likelihood = numbers(confidence.isel(own).values, f"confidence in {WHERE}")
    if np.isnan(likelihood).all():  # so movement writes that a tracker says nothing
        return values
    return np.where((likelihood >= choice.minimum_likelihood)[:, np.newaxis], values, np.nan)


def _variables(poses: xr.Dataset | xr.DataArray) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Positions and confidence with dims in the singular."""
    named = poses.rename({old: new for old, new in PLURAL.items() if old in poses.dims})
    position = named.get("position") if isinstance(named, xr.Dataset) else named
    if position is None or not {"time", "space"} <= set(position.dims):
        got = ", ".join(map(str, poses.data_vars if isinstance(poses, xr.Dataset) else poses.dims))
        raise RefusedInputError(
            f"position was expected as a Dataset of movement with position (time, space, ...), got "
            f"{got or 'nothing'}: pass what movement.io loaded."
        )
    space = position["space"].values.tolist() if "space" in position.coords else []
    if not {"x", "y"} <= set(space) or "time" not in position.coords:
        raise RefusedInputError(
            f"{WHERE} was expected to have times and the space coordinates x and y, got "
            f"{', '.join(map(str, space)) or 'none'}: pass Cartesian positions."
        )
    return position, named.get("confidence") if isinstance(named, xr.Dataset) else None


def _named(position: xr.DataArray, dim: str, said: str | None, *, several: bool) -> list[str]:
    """Names along a dim that were said; the only one where none was; empty without the dim."""
    option = {"individual": "individual", "keypoint": "bodypart"}[dim]
    known_names = _labels(position, dim)
    names = [] if said is None else [name.strip() for name in said.split(",")]
    for name in names:
        if name not in known_names:
            raise RefusedInputError(
                f"{WHERE} was expected to hold the {dim} {name!r}, got "
                f"{', '.join(known_names) or 'none'}: {nearest(name, known_names)}."
            )
    if (not names and len(known_names) > 1) or (len(names) > 1 and not several):
        raise RefusedInputError(
            f"{WHERE} was expected to hold one {dim}, got {', '.join(known_names)}: say {option}=."
        )
    return names or known_names


def _labels(position: xr.DataArray, dim: str) -> list[str]:
    if dim not in position.dims:
        return []
    named = position[dim].values if dim in position.coords else np.arange(position.sizes[dim])
    return [str(name) for name in named.tolist()]


def _units(position: xr.DataArray, choice: PositionChoice) -> tuple[str, float]:
    """Units of the track, and their size in those of the Dataset; pixel where it does not say."""
    stated_unit = str(position.attrs.get("space_unit", "")).strip()
    if choice.scale is not None:
        return "cm", 1.0
    if stated_unit in SCALES and choice.position_units in (None, "cm"):
        return "cm", SCALES[stated_unit]
    return choice.position_units or "pixel", 1.0


def _times(poses: xr.Dataset | xr.DataArray, rate: float | None) -> NDArray[np.float64]:
    time = poses["time"].values
    unit = poses.attrs.get("time_unit", "frames" if time.dtype.kind in "iu" else "seconds")
    what = f"time in {WHERE}"
    if unit != "frames":
        return refuse_times(numbers(time, what), what, rate)
    frames_per_second = rate or poses.attrs.get("fps")
    if not frames_per_second:
        raise RefusedInputError(
            f"{WHERE} was expected to come with the rate of the camera, got frames without times: "
            "say track_rate= (Hz), or load it with fps=."
        )
    return refuse_times(numbers(time, what) / float(frames_per_second), what)


def _note(
    bodyparts: Sequence[str],
    individuals: Sequence[str],
    position: NDArray[np.float64],
    minimum: float | None,
) -> str:
    who = " of ".join(filter(None, (", ".join(bodyparts), ", ".join(individuals))))
    note = f"position is that of {who}" if who else ""
    lost = np.isnan(position).any(axis=1)
    below = "" if minimum is None else f" (confidence below {minimum:g}, or none)"
    told = f"position was lost in {lost.mean():.1%} of the frames of the camera{below}"
    return "; ".join(filter(None, (note, told if lost.any() else "")))
