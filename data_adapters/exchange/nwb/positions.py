"""Where the subject was: which series of a file is a position, and what its numbers are in cm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.nwb.series import by_name, series_numbers, series_times
from data_adapters.exchange.nwb_format import (
    is_length,
    lengths,
    package,
)
from data_adapters.positions import in_centimetres
from data_adapters.statements import Statements
from data_adapters.tracks.track import Track
from drift.schema.labelled_form import RefusedInputError

POSE = "PoseEstimationSeries"  # of the extension ndx-pose, which need not be installed
POSITION_LIKE = re.compile(r"position|(^|_)pos($|_)|location|trajectory", re.IGNORECASE)
ELSEWHERE = re.compile(r"eye|pupil|gaze|direction|heading|orientation", re.IGNORECASE)
UNITS = "cm, m, mm or pixel"


class PositionChoice(NamedTuple):
    """What the caller says of the position of a file."""

    position: str | None = None  # name of the series
    position_units: str | None = None  # of its numbers, in the place of ``unit``
    bodypart: str | None = None
    minimum_likelihood: float = 0.9
    scale: float | None = None
    lost: float | None = None


def position_choice(statements: Statements, position_units: str | None) -> PositionChoice:
    """What statements say of a position.

    Raises
    ------
    RefusedInputError
        If ``position_units`` is no unit of length.
    """
    if position_units is not None and not is_length(position_units):
        raise RefusedInputError(
            f"position_units was expected to be {UNITS}, got {position_units!r}: use one of these, "
            "or scale= (cm per number)."
        )
    return PositionChoice(
        statements.position,
        position_units,
        statements.bodypart,
        statements.minimum_likelihood,
        statements.scale,
        statements.lost,
    )


def read_position(content: Any, choice: PositionChoice, path: Path) -> Track:
    """Position of the subject, in cm or pixel, on the clock of the session.

    Parameters
    ----------
    content : pynwb.NWBFile
        The open file.
    choice : PositionChoice
        What the caller says.
    path : pathlib.Path
        For messages.

    Returns
    -------
    Track
        ``notes`` say what was chosen, and what was left out because its likelihood was low.

    Raises
    ------
    RefusedInputError
        If the file has no position, or several, or what it has is in no unit of length.
    """
    series, note = _chosen(content, choice, path)
    what = f"{series.name} in {path}"
    values = series_numbers(series.data, what)
    values = in_centimetres(values, choice.scale, choice.lost, what)
    values, units = _lengths(values, series, choice, path)
    values, left = _likely(values, series, choice.minimum_likelihood, what)
    return Track(
        series_times(series, len(values), path),
        values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values,
        units=units,
        notes="; ".join(filter(None, (note, left))),
        where=what,
    )


def _lengths(
    values: NDArray[np.float64], series: Any, choice: PositionChoice, path: Path
) -> tuple[NDArray[np.float64], str]:
    if choice.scale is not None:
        return values, "cm"
    unit = series.unit if choice.position_units is None else choice.position_units
    if not is_length(unit):
        raise RefusedInputError(
            f"unit of {series.name} in {path} was expected to be a length or pixels, got "
            f"{series.unit!r}: say position_units= ({UNITS}), or scale= (cm per number)."
        )
    return lengths(values, unit, series.conversion, float(series.offset or 0.0))


def _likely(
    values: NDArray[np.float64], series: Any, least: float, what: str
) -> tuple[NDArray[np.float64], str]:
    """Positions with NaN where a pose was estimated with less than this likelihood."""
    confidence = getattr(series, "confidence", None) if _is_pose(series) else None
    if confidence is None:
        return values, ""
    likelihood = series_numbers(confidence, f"confidence of {what}")
    if likelihood.shape != (len(values),):
        raise RefusedInputError(
            f"confidence of {what} was expected for each of {len(values)} samples, got shape "
            f"{likelihood.shape}: correct it."
        )
    if np.nanmax(likelihood, initial=0.0) > 1 + 1e-6:
        return values, f"confidence of {series.name} is no probability and was not used"
    unlikely = ~(likelihood >= least)
    rows = unlikely if values.ndim == 1 else unlikely[:, np.newaxis]
    told = f"{unlikely.sum()} positions of {series.name} are less likely than {least:g}"
    return np.where(rows, np.nan, values), told if unlikely.any() else ""


def _chosen(content: Any, choice: PositionChoice, path: Path) -> tuple[Any, str]:
    """The series that was asked for, or the only one that can be a position; what was chosen."""
    every_series = [
        series
        for series in content.objects.values()
        if isinstance(series, package().TimeSeries) and _has_numbers(series)
    ]
    if choice.position is not None:
        return _named(every_series, choice.position, path), ""
    if choice.bodypart is not None:
        return _body_part(every_series, choice.bodypart, path), ""
    candidates, beside = _candidates(every_series, choice)
    if not candidates:
        raise RefusedInputError(
            f"{path} was expected to hold a SpatialSeries with the position, got none: say track= "
            "and a file with the columns time (s) and x (cm), or name a TimeSeries by position=."
        )
    preferred = [series for series in candidates if _is_preferred(series)]
    choices = preferred if len(candidates) > 1 and len(preferred) == 1 else candidates
    names = ", ".join(sorted(by_name(candidates)))
    if len(choices) > 1:
        raise RefusedInputError(
            f"{path} was expected to hold one SpatialSeries with the position, got {names}: say "
            "which by position=."
        )
    passed_over = [series for series in (*candidates, *beside) if series is not choices[0]]
    note = (
        f"position is {choices[0].name}, not {', '.join(sorted(by_name(passed_over)))}"
        if passed_over
        else ""
    )
    return choices[0], note


def _candidates(every_series: list[Any], choice: PositionChoice) -> tuple[list[Any], list[Any]]:
    """What can be a position: spatial series in a unit of length, else those in any unit (which is
    then refused, or was said), else plain series in a unit of length; and lengths beside."""
    spatial = [series for series in every_series if _is_spatial(series) and _is_of_subject(series)]
    plain = [
        series
        for series in every_series
        if type(series).__name__ == "TimeSeries" and _is_of_subject(series)
    ]
    measured = [series for series in spatial if is_length(series.unit)]
    beside = [series for series in plain if is_length(series.unit)]
    is_said = choice.scale is not None or choice.position_units is not None
    if spatial:
        return (spatial if is_said or not measured else measured), beside
    if is_said and not beside:
        return [series for series in plain if _is_preferred(series)], []
    return beside, []


def _has_numbers(series: Any) -> bool:
    shape = np.shape(series.data) if series.data is not None else ()
    return len(shape) in (1, 2) and getattr(series.data, "dtype", np.dtype(float)).kind in "biuf"


def _is_spatial(series: Any) -> bool:
    return isinstance(series, package().behavior.SpatialSeries) or _is_pose(series)


def _is_pose(series: Any) -> bool:
    return any(kind.__name__ == POSE for kind in type(series).__mro__)


def _is_of_subject(series: Any) -> bool:
    """Whether a series can say where the subject was, not whereto it or its eye looked."""
    home = type(series.parent).__name__
    return home not in ("CompassDirection", "EyeTracking", "PupilTracking") and not (
        ELSEWHERE.search(series.name) or ELSEWHERE.search(str(getattr(series.parent, "name", "")))
    )


def _is_preferred(series: Any) -> bool:
    """Whether a series of ``processing/behavior`` is named as a position, or lies in one."""
    homes, home = [], series.parent
    while home is not None:
        homes.append(home)
        home = home.parent
    in_behaviour = any(home.name == "behavior" for home in homes)
    named = POSITION_LIKE.search(series.name) or type(series.parent).__name__ == "Position"
    return in_behaviour and bool(named)


def _named(every_series: list[Any], name: str, path: Path) -> Any:
    named = by_name(every_series)
    matches = [series for series in every_series if series.name == name]
    if name not in named and len(matches) != 1:
        listed = [key for key, series in named.items() if _is_spatial(series)] or list(named)
        got = ", ".join(sorted(by_name(matches) if matches else listed)) or "none"
        raise RefusedInputError(
            f"{path} was expected to hold {name!r} as SpatialSeries or TimeSeries, got {got}: name "
            "one of these."
        )
    return named.get(name) or matches[0]


def _body_part(every_series: list[Any], part: str, path: Path) -> Any:
    """The pose that is named so, alone or with its type before it."""
    named = by_name([series for series in every_series if _is_pose(series)])
    plain = re.sub(r"[\W_]", "", part.casefold())
    matches = [
        series
        for name, series in named.items()
        if re.sub(r"[\W_]", "", name.rpartition("/")[2].casefold())
        in (plain, POSE.casefold() + plain)
    ]
    if len(matches) != 1:
        raise RefusedInputError(
            f"{path} was expected to hold one {POSE} of the body part {part!r}, got "
            f"{', '.join(sorted(named)) or 'none'}: name one of these by position=."
        )
    return matches[0]
