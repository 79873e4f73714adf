"""The one door through which every recording enters the labelled form: ``session_dataset``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from data_adapters.directions import coded_directions
from data_adapters.events import checked_events
from data_adapters.positions import (
    default_bin_size,
    in_centimetres,
    refuse_other_geometry,
    refuse_outside,
    refuse_uneven_ring,
    stated_extent,
)
from data_adapters.stimuli import refuse_mixture, stimulus_coordinate, stimulus_speed
from drift.door import opened
from drift.door.quantities import SamplingRate
from drift.metrics.clocks import refuse_times, sample_durations
from drift.schema.labelled_form import RefusedInputError, check, labelled

GEOMETRIES = ("linear", "ring", "L", "W", "square", "circle", "unknown")
ELAPSED_UNITS = ("day", "min", "step")
POSITION_UNITS = ("cm", "pixel")
LARGEST_WHOLE = 2**53  # beyond it float64 skips whole numbers
# Bins of 4 cm and 1 cm/s: Ratzon et al. 2024, all four recordings; 10 pixels and 20 pixels/s suit a
# 640 x 480 camera above a maze.
BIN_SIZE = {"cm": 4.0, "pixel": 10.0}
MINIMUM_SPEED = {"cm": 1.0, "pixel": 20.0}

_watcher: ContextVar[Callable[[dict[str, Any]], None] | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(tell: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Tell what comes to ``session_dataset`` while this lasts, before any of it is refused.

    Parameters
    ----------
    tell : callable
        Is given the arguments by name; must not change them.
    """
    token = _watcher.set(tell)
    try:
        yield
    finally:
        _watcher.reset(token)


def tell_watcher(arguments: dict[str, Any]) -> None:
    """Show arguments of ``session_dataset`` to whoever watches."""
    if (tell := _watcher.get()) is not None:
        tell(arguments)


def numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Values as float64, so that arithmetic on small integers (uint8) cannot overflow.

    Parameters
    ----------
    values : array_like
        Booleans, integers or floats.
    what : str
        What they are and where they stand, for the message.

    Returns
    -------
    numpy.ndarray
        A float64 copy or the same float64 array.

    Raises
    ------
    RefusedInputError
        If they are not real numbers or one of them is infinite.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        rows = isinstance(values, list | tuple)
        got = (
            "rows of unequal length: make it rectangular"
            if rows
            else f"a {type(values).__name__}: pass its values"
        )
        raise RefusedInputError(
            f"{what} was expected to be an array of numbers, got {got}."
        ) from error
    if array.dtype.kind not in "biuf":
        raise RefusedInputError(
            f"{what} was expected to hold real numbers, got {array.dtype}: convert it to float."
        )
    array = array.astype(np.float64, copy=False)
    lowest, highest = (  # without an array of truth values, which may be large
        extreme.reduce(array, axis=None, initial=0.0) for extreme in (np.fmin, np.fmax)
    )
    if np.isinf(lowest) or np.isinf(highest):
        raise RefusedInputError(
            f"{what} was expected to be finite or NaN, got an infinite value: correct or remove it."
        )
    return array


def integers(values: ArrayLike, what: str) -> NDArray[np.int64]:
    """Values as int64, if all of them are whole numbers.

    Raises
    ------
    RefusedInputError
        If one of them is not, or is too large for float64 to hold exactly.
    """
    array = numbers(values, what)
    if np.isnan(array).any() or (array != np.floor(array)).any():
        raise RefusedInputError(
            f"{what} was expected to hold whole numbers, got "
            f"{array[~(array == np.floor(array))][0]}: correct it."
        )
    if (np.abs(array) >= LARGEST_WHOLE).any():
        raise RefusedInputError(
            f"{what} was expected to hold whole numbers, got {np.abs(array).max():g}, too "
            "large to be exact: correct it."
        )
    return array.astype(np.int64)


def one_of(value: str, allowed: Sequence[str], what: str) -> str:
    """The value, if it is allowed.

    Raises
    ------
    RefusedInputError
        If it is not.
    """
    if value not in allowed:
        raise RefusedInputError(
            f"{what} was expected to be one of {', '.join(allowed)}, got {value!r}: use one "
            "of these."
        )
    return value


def _matrix(activity: ArrayLike, where: str) -> NDArray[np.float64]:
    events = numbers(activity, f"activity of {where}")
    if events.ndim != 2 or events.size == 0:
        raise RefusedInputError(
            f"activity of {where} was expected as (sample, unit), got shape {events.shape}: "
            "give one column per unit."
        )
    return events


def _by_sample(
    values: ArrayLike, samples: int, name: str, where: str, ndim: tuple[int, ...] = (1,)
) -> NDArray[np.float64]:
    array = numbers(values, f"{name} of {where}")
    if array.ndim not in ndim or array.shape[0] != samples:
        raise RefusedInputError(
            f"{name} of {where} was expected with one row per sample ({samples}), got shape "
            f"{array.shape}: cut both alike."
        )
    return array


def _position(
    values: ArrayLike, samples: int, where: str, scale: float | None, lost: float | None
) -> NDArray[np.float64]:
    position = in_centimetres(
        _by_sample(values, samples, "position", where, (1, 2)), scale, lost, where
    )
    if position.ndim == 2 and position.shape[1] != 2:
        raise RefusedInputError(
            f"position of {where} was expected with 1 or 2 axes, got {position.shape[1]}: "
            "give x, or x and y."
        )
    if np.isnan(position).all():
        raise RefusedInputError(
            f"position of {where} was expected to be tracked, got NaN in every sample: give "
            "the track."
        )
    return position


def _trial(values: ArrayLike, samples: int, where: str) -> NDArray[np.int64]:
    array = integers(_by_sample(values, samples, "trial", where), f"trial of {where}")
    if (array < 0).any():
        raise RefusedInputError(
            f"trial of {where} was expected not negative, got {array.min()}: use 0 outside of "
            "trials."
        )
    return array


def _time(values: ArrayLike, samples: int, sampling_rate: float, where: str) -> NDArray[np.float64]:
    time = _by_sample(values, samples, "time", where)
    return refuse_times(time, f"time of {where}", sampling_rate)


def _duration(values: ArrayLike, samples: int, where: str) -> NDArray[np.float64]:
    duration = _by_sample(values, samples, "duration", where)
    if not (duration > 0).all():
        first = int(np.flatnonzero(~(duration > 0))[0])
        raise RefusedInputError(
            f"duration of {where} was expected above 0 s, got {duration[first]} at sample "
            f"{first}: give how long each sample lasts."
        )
    return duration


def _units(
    unit: ArrayLike | None, unit_label: Sequence[str] | None, count: int, where: str
) -> dict[str, Any]:
    index = np.arange(count) if unit is None else integers(unit, f"unit of {where}")
    labels = (
        [f"unit {number}" for number in index]
        if unit_label is None
        else [str(label) for label in unit_label]
    )
    if len(index) != count or len(labels) != count:
        got = f"{len(index)} numbers and {len(labels)} labels"
        raise RefusedInputError(
            f"units of {where} were expected to be as many as columns of activity ({count}), "
            f"got {got}: give one each."
        )
    if len(set(index.tolist())) < count or (index < 0).any():
        raise RefusedInputError(
            f"unit numbers of {where} were expected distinct and not negative, got "
            f"{index.tolist()}: number them from 0."
        )
    if len(set(labels)) < count:
        twice = next(label for label in labels if labels.count(label) > 1)
        raise RefusedInputError(
            f"unit_label of {where} was expected to name every unit once, got {twice!r} "
            "twice: name them apart."
        )
    return {"unit": index, "unit_label": ("unit", np.asarray(labels, dtype=np.str_))}


def _confidence(values: ArrayLike | None, count: int, where: str) -> dict[str, Any]:
    if values is None:
        return {}
    certain = numbers(values, f"unit_confidence of {where}")
    if certain.shape != (count,) or ((certain < 0) | (certain > 1)).any():
        raise RefusedInputError(
            f"unit_confidence of {where} was expected to hold a probability for each of {count} "
            f"units, got shape {certain.shape}, up to {np.nanmax(certain, initial=0.0):g}: give "
            "numbers from 0 to 1, or NaN."
        )
    told = {"units": "1", "long_name": "certainty that the unit is the same over sessions"}
    return {"registration_confidence": ("unit", certain, told)}


def _scalars(where: str, **values: float) -> None:
    """Refuse scalars that are not finite numbers, or (sampling rate and bin size) not above 0."""
    for name, value in values.items():
        if not np.isfinite(value) or (
            value <= 0 if name in ("sampling_rate", "bin_size") else value < 0 and name != "elapsed"
        ):
            raise RefusedInputError(
                f"{name} of {where} was expected to be finite and in range, got {value}: "
                "correct it."
            )


def _kept_edges(attrs: Mapping[str, Any], bin_size: float | None) -> NDArray[np.float64]:
    """Edges of a session that was written out: its attributes hold the first, the last and the
    width."""
    low, high = float(attrs["first_edge"]), float(attrs["last_edge"])
    bins = 1 if bin_size is None else max(1, round((high - low) / bin_size))
    return np.linspace(low, high, bins + 1)


@opened
def session_dataset(
    *,
    subject: str,
    session: int,
    elapsed: float,
    elapsed_units: str,
    environment: str,
    unit_identity: str,
    activity: ArrayLike,
    position: ArrayLike | None = None,
    sampling_rate: SamplingRate,
    source: str,
    position_units: str = "cm",
    geometry: str = "unknown",
    track_length: float | None = None,
    bin_edges: ArrayLike | None = None,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    scale: float | None = None,
    lost: float | None = None,
    detected_units: int | None = None,
    unit: ArrayLike | None = None,
    unit_label: Sequence[str] | None = None,
    unit_confidence: ArrayLike | None = None,
    velocity: ArrayLike | None = None,
    direction: ArrayLike | None = None,
    trial: ArrayLike | None = None,
    time: ArrayLike | None = None,
    events_are: str | None = None,
    threshold_sd: float | None = None,
    duration: ArrayLike | None = None,
    coords: Mapping[str, Any] | None = None,
    attrs: Mapping[str, str | float] | None = None,
    stimulus: ArrayLike | None = None,
    stimulus_metric: str | None = None,
    stimulus_period: float | None = None,
    stimulus_units: str = "",
) -> xr.Dataset:
    """One recording session of one subject in the labelled form; every reader ends here.

    Parameters
    ----------
    subject, session, environment : str, int, str
        Which animal, which session of it (from 0), where.
    elapsed, elapsed_units : float, str
        Real elapsed time across sessions, in day, min or step.
    unit_identity : str
        Sessions of one subject with the same text share unit numbers.
    activity : array_like (sample, unit)
        Events (spike counts or event amplitudes) per sample; not negative, not NaN; 0 means silent.
        Rounding below 0 is cut.
    position : array_like (sample,) or (sample, 2)
        In ``position_units``; NaN where tracking was lost. Left out where there is a ``stimulus``.
    sampling_rate : float
        Samples per second, Hz.
    source : str
        Paper or data set.
    position_units : {"cm", "pixel"}
        Units of position; velocity is per second of these.
    geometry : str
        One of ``GEOMETRIES``: linear and ring have one axis, square and circle two, L, W and
        unknown either.
    track_length : float, optional
        From end to end, around a ring, or along a side, in position units; positions may lie 5 % of
        it beyond. A ring needs it.
    bin_edges : array_like (bin + 1,), optional
        Edges of equal bins along each axis; positions outside of them lie in no bin. They take the
        place of ``bin_size``.
    bin_size, minimum_speed : float, optional
        Recommended bin width (position units) and speed above which frames count (position
        units/s). By default 4 cm and 1 cm/s; on a ring the nearest width that goes around a whole
        number of times.
    scale, lost : float, optional
        cm per unit of the given positions and velocities (0.1 for mm), and the value that marks
        lost positions, in these units.
    detected_units : int, optional
        The denominator: units detected, silent ones included; default the number of units.
    unit_confidence : array_like (unit,), optional
        How certain the program that followed the cells over sessions is of each, from 0 to 1; NaN
        where it says nothing. The coordinate ``registration_confidence`` keeps it.
    unit, unit_label : array_like of int, sequence of str, optional
        Number and name of each unit; default 0, 1, ...
    velocity, direction, trial : array_like (sample,), optional
        Speed (position units/s, signed on linear tracks); 1 towards larger positions, -1 back and 0
        neither, or two other codes (0 and 1, 1 and 2, texts) where the position tells which is
        which; trial number, 0 outside.
    time : array_like (sample,), optional
        Time of each sample, s, increasing; the median step, or where frames were lost the shortest
        ones, is one over ``sampling_rate`` to 5 %.
    duration : array_like (sample,), optional
        How long the activity of each sample was counted, s; default, where ``time`` is given, until
        the next sample, or a usual frame where frames were lost.
    events_are : {"counts", "amplitudes", "trace"}, optional
        What activity is; by default counts or amplitudes, as its numbers look. The attribute
        ``kind`` of activity keeps it. Amplitudes of which most units are above 0 in more than 90 %
        of the samples are refused: only a trace, which has no events, is so.
    threshold_sd : float, optional
        Events below so many standard deviations of their own unit's series become 0; by default all
        stay.
    coords, attrs : mapping, optional
        Further scalar coordinates and attributes: numbers and text.
    stimulus : array_like (sample,), optional
        What was shown in each sample instead of a position: numbers or texts; NaN or "" for none,
        and -1 among whole numbers of which no other is negative. Samples count at whatever speed,
        unless ``minimum_speed`` and ``velocity`` are given.
    stimulus_metric : {"circular", "linear", "none"}, optional
        Whether stimuli that are numbers have neighbours; by default they have none, as texts.
    stimulus_period : float, optional
        Of circular stimuli, in units of the labels: 180 for orientations in deg.
    stimulus_units : str, optional
        Of labels that are numbers, such as deg or s.

    Returns
    -------
    xarray.Dataset
        Session Dataset, see ``drift.schema``; all arrays are float64 or int64.

    Raises
    ------
    RefusedInputError
        If a value cannot be what its name says; names subject and session.
    """
    tell_watcher(dict(locals()))
    where = f"session {session} of {subject}"
    position_units = (
        "cm"
        if scale is not None
        else one_of(position_units, POSITION_UNITS, f"position_units of {where}")
    )
    geometry = one_of(geometry, GEOMETRIES, f"geometry of {where}")
    attrs = dict(attrs or {})
    refuse_mixture(
        where,
        stimulus is not None,
        {
            "position": position,
            "direction": direction,
            "geometry": None if geometry == "unknown" else geometry,
            "track_length": attrs.get("track_length") if track_length is None else track_length,
            "bin_edges": bin_edges,
            "bin_size": bin_size,
            "scale": scale,
            "lost": lost,
        },
        {
            "stimulus_metric": stimulus_metric,
            "stimulus_period": stimulus_period,
            "stimulus_units": stimulus_units or None,
        },
    )
    if stimulus is not None:
        minimum_speed = stimulus_speed(minimum_speed, velocity, where)
    if bin_edges is None and {"first_edge", "last_edge"} <= set(attrs):
        bin_edges = _kept_edges(attrs, bin_size)
    extent = stated_extent(
        attrs.get("track_length") if track_length is None else track_length,
        bin_edges,
        geometry,
        where,
    )
    usual = default_bin_size(BIN_SIZE[position_units], extent, geometry)
    bin_size = usual if bin_size is None or bin_edges is not None else float(bin_size)
    minimum_speed = MINIMUM_SPEED[position_units] if minimum_speed is None else float(minimum_speed)
    _scalars(
        where,
        sampling_rate=sampling_rate,
        bin_size=bin_size,
        minimum_speed=minimum_speed,
        elapsed=elapsed,
        session=session,
    )
    events, kind = checked_events(
        _matrix(activity, where), where, float(sampling_rate), events_are, threshold_sd
    )
    samples, units = events.shape
    refuse_uneven_ring(bin_size, extent, geometry, where)
    tracked = None if position is None else _position(position, samples, where, scale, lost)
    if tracked is not None:
        refuse_other_geometry(geometry, tracked.ndim, where)
    if tracked is not None and position_units == "cm":
        refuse_outside(tracked, extent, geometry, where)
    detected = units if detected_units is None else int(detected_units)
    if detected < units:
        raise RefusedInputError(
            f"detected_units of {where} was expected to be {units} or more, got {detected}: "
            "count silent units too."
        )
    variables = {
        "activity": labelled("activity", ("sample", "unit"), events, units="events", kind=kind),
    }
    if tracked is not None:
        variables["position"] = labelled(
            "position", ("sample", "axis")[: tracked.ndim], tracked, units=position_units
        )
    variables["detected_units"] = labelled("detected_units", (), np.int64(detected))
    if velocity is not None:
        speed = _by_sample(velocity, samples, "velocity", where) * (1.0 if scale is None else scale)
        variables["velocity"] = labelled(
            "velocity", ("sample",), speed, units=f"{position_units}/s"
        )
    if direction is not None and tracked is not None:
        ways, note = coded_directions(direction, tracked, where)
        variables["direction"] = labelled("direction", ("sample",), ways)
        attrs = (
            {**attrs, "notes": "; ".join(filter(None, (str(attrs.get("notes", "")), note)))}
            if note
            else attrs
        )
    if trial is not None:
        variables["trial"] = labelled("trial", ("sample",), _trial(trial, samples, where))
    coordinates: dict[str, Any] = {
        **_units(unit, unit_label, units, where),
        **_confidence(unit_confidence, units, where),
        "subject": str(subject),
        "session": int(session),
        "elapsed": (
            (),
            float(elapsed),
            {"units": one_of(elapsed_units, ELAPSED_UNITS, f"elapsed_units of {where}")},
        ),
        "environment": str(environment),
        "sampling_rate": ((), float(sampling_rate), {"units": "Hz"}),
        "unit_identity": str(unit_identity),
        **(coords or {}),
    }
    if time is not None:
        times = _time(time, samples, sampling_rate, where)
        coordinates["time"] = ("sample", times, {"units": "s"})
        duration = sample_durations(times, 1 / sampling_rate) if duration is None else duration
    if duration is not None:
        variables["duration"] = labelled(
            "duration", ("sample",), _duration(duration, samples, where)
        )
    described = {
        "bin_size": bin_size,
        "minimum_speed": minimum_speed,
        "geometry": geometry,
        "source": str(source),
        **attrs,
    }
    described |= extent.attrs()
    if stimulus is not None:
        coordinates["stimulus"] = stimulus_coordinate(
            stimulus, samples, stimulus_metric, stimulus_period, stimulus_units, where
        )
        described = {"minimum_speed": minimum_speed, "source": str(source), **attrs}
    dataset = xr.Dataset(variables, coords=coordinates, attrs=described)
    return check(dataset, *(name for name in ("activity", "position") if name in variables))
