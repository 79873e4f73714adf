"""Neurodata Without Borders: one file per recording session, with events and the position of the subject. Needs the package pynwb.

NWB has no standard type of rate maps. Events are spike times (``Units``) or responses of regions of interest (``RoiResponseSeries``),
position is a ``SpatialSeries`` whose numbers times ``conversion`` plus ``offset`` are in ``unit`` (metres unless said otherwise): here cm.
Elapsed time comes from ``session_start_time``. Nothing in the format says that units are followed across files, so they are not.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.limits import refuse_absurd
from data_adapters.options import existing, one_line
from data_adapters.session import integers, numbers, session_dataset
from drift.schema import RefusedInputError

SOURCE = "NWB file"
CENTIMETRES = {"m": 100.0, "meters": 100.0, "metres": 100.0, "meter": 100.0, "cm": 1.0, "centimeters": 1.0, "mm": 0.1, "millimeters": 0.1}
PIXELS = ("px", "pixel", "pixels")


class Session(NamedTuple):
    """File of one session, whose it is and when it began."""

    path: Path
    subject: str
    start: datetime


class Series(NamedTuple):
    """Values (sample, ...) and their times, s."""

    values: NDArray[np.float64]
    time: NDArray[np.float64]


def sessions(
    path: str | Path, events: str | None = None, position: str | None = None, environment: str = "unknown", geometry: str = "unknown"
) -> Iterator[xr.Dataset]:
    """One session Dataset per file, by subject and start.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.nwb`` file, or a folder of them.
    events : str or None
        Name of the ``RoiResponseSeries``, or ``units`` for spike times; None: whichever the file has, if it is one.
    position : str or None
        Name of the ``SpatialSeries``; None: the only one.
    environment, geometry : str
        Which the file does not say.

    Returns
    -------
    iterator of xarray.Dataset
        Responses keep their frames, with the position interpolated at them (NaN outside of it). Spikes are counted in the frames of the
        position: a spike belongs to the last frame that begins before or at it. ``elapsed`` in days since the subject's first file.

    Raises
    ------
    RefusedInputError
        If pynwb is not installed, or a file cannot be used.
    """
    path = existing(path)
    _package()
    files = sorted(path.glob("*.nwb")) if path.is_dir() else [path]
    if not files:
        raise RefusedInputError(f"files named *.nwb were expected in {path}, got none: check the folder.")
    found = sorted((_begun(file) for file in files), key=lambda one: (one.subject, one.start))
    return (_session(one, found, (events, position), (environment, geometry)) for one in found)


def _package() -> Any:
    try:
        import pynwb
        import pynwb.behavior
        import pynwb.ophys
    except ImportError as error:
        raise RefusedInputError("NWB files were expected to find the package pynwb, got none: pip install repdrift[nwb].") from error
    return pynwb


@contextmanager
def _content(path: Path) -> Iterator[Any]:
    """The content of a file while it is open; whatever a damaged file makes the reader raise becomes one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions and of older versions of the format
            with _package().NWBHDF5IO(str(path), "r") as file:
                yield file.read()
    except RefusedInputError:
        raise
    except Exception as error:  # h5py, hdmf and pynwb raise nearly anything
        raise RefusedInputError(f"{path} was expected to be a whole NWB file, got: {one_line(error)}; copy it again.") from error


def _begun(path: Path) -> Session:
    with _content(path) as content:
        subject = None if content.subject is None else content.subject.subject_id
        return Session(path, str(subject or path.stem), content.session_start_time)


def _session(one: Session, found: list[Session], chosen: tuple[str | None, str | None], where: tuple[str, str]) -> xr.Dataset:
    own = [other for other in found if other.subject == one.subject]
    with _content(one.path) as content:
        place, units = _position(content, chosen[1], one.path)
        series, labels, notes = _events(content, chosen[0], place, one.path)
    at_frames = _interpolated(place, series.time)
    return session_dataset(
        subject=one.subject,
        session=own.index(one),
        elapsed=(one.start - own[0].start).total_seconds() / 86400,
        elapsed_units="day",
        environment=where[0],
        unit_identity=f"session {own.index(one)}",
        activity=series.values,
        position=at_frames,
        time=series.time,
        sampling_rate=1 / float(np.median(np.diff(series.time))),
        position_units=units,
        geometry=where[1],
        source=SOURCE,
        unit_label=labels,
        attrs={"notes": notes},
    )


def _position(content: Any, name: str | None, path: Path) -> tuple[Series, str]:
    """Position in cm or pixel."""
    kinds = _package().behavior.SpatialSeries
    found = {one.name: one for one in content.objects.values() if isinstance(one, kinds)}
    series = found[_only(found, name, "SpatialSeries", path)]
    values, unit = _numbers(series.data, f"{series.name} in {path}"), str(series.unit).casefold()
    if unit not in CENTIMETRES and unit not in PIXELS:
        raise RefusedInputError(f"unit of {series.name} in {path} was expected to be a length or pixels, got {series.unit!r}: correct it.")
    # One factor, so that metres with a conversion of 0.01 give back the centimetres that were written.
    factor = float(np.round(float(series.conversion) * CENTIMETRES.get(unit, 1.0), 12))
    scaled = values * factor + float(series.offset or 0.0) * CENTIMETRES.get(unit, 1.0)
    scaled = scaled[:, 0] if scaled.ndim == 2 and scaled.shape[1] == 1 else scaled
    return Series(scaled, _times(series, len(values), path)), "cm" if unit in CENTIMETRES else "pixel"


def _events(content: Any, name: str | None, place: Series, path: Path) -> tuple[Series, list[str], str]:
    """Events (frame, unit) with their times, labels of the units, and what was left out."""
    kind = _package().ophys.RoiResponseSeries
    found = {one.name: one for one in content.objects.values() if isinstance(one, kind)}
    if content.units is not None and "spike_times" in content.units.colnames:
        found["units"] = content.units
    series = found[_only(found, name, "RoiResponseSeries or Units", path)]
    if isinstance(series, kind):
        values = _numbers(series.data, f"{series.name} in {path}")
        values = values[:, np.newaxis] if values.ndim == 1 else values
        labels = [f"roi {number}" for number in integers(series.rois.data[:], f"rois of {series.name} in {path}")]
        return Series(values, _times(series, len(values), path)), labels, ""
    return _counted(series, place, path)


def _counted(units: Any, place: Series, path: Path) -> tuple[Series, list[str], str]:
    trains = [numbers(units.get_unit_spike_times(row), f"spike_times in {path}") for row in range(len(units))]
    frames, width = len(place.time), float(np.median(np.diff(place.time)))
    refuse_absurd((frames, len(trains)), 8, f"counts of units in {path}")
    edges, counts = np.append(place.time, place.time[-1] + width), np.zeros((frames, len(trains)))
    for unit, train in enumerate(trains):
        frame = np.searchsorted(edges, train, side="right") - 1
        counts[:, unit] = np.bincount(frame[(frame >= 0) & (frame < frames)], minlength=frames)
    outside = sum(map(len, trains)) - int(counts.sum())
    notes = f"{outside} spikes left out because they lie outside of the tracked frames" if outside else ""
    return Series(counts, place.time), [f"unit {number}" for number in units.id[:]], notes


def _only(found: dict[str, Any], name: str | None, kind: str, path: Path) -> str:
    """The name that was asked for, or the only one."""
    known = ", ".join(found) or "none"
    if name is not None and name not in found:
        raise RefusedInputError(f"{path} was expected to hold {name!r} as {kind}, got {known}: name one of these.")
    if name is None and len(found) != 1:
        raise RefusedInputError(f"{path} was expected to hold one {kind}, got {known}: say which by events= or position=.")
    return name or next(iter(found))


def _numbers(data: Any, what: str) -> NDArray[np.float64]:
    refuse_absurd(np.shape(data), 8, what)
    values = numbers(data[:], what)
    if values.ndim not in (1, 2) or len(values) < 2:
        raise RefusedInputError(f"{what} was expected by time, got shape {values.shape}: save two samples or more in the first dim.")
    return values


def _times(series: Any, samples: int, path: Path) -> NDArray[np.float64]:
    what = f"times of {series.name} in {path}"
    if series.timestamps is None:
        rate = float(series.rate or np.nan)
        times = float(series.starting_time or 0.0) + np.arange(samples) / rate
    else:
        times = numbers(series.timestamps[:], what)
    if len(times) != samples or not (np.diff(times) > 0).all():
        raise RefusedInputError(f"{what} were expected to increase, one per sample ({samples}), got {len(times)}: correct them.")
    return times


def _interpolated(place: Series, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Position at these times, linear between its samples; NaN beside a lost sample and outside."""
    if np.array_equal(place.time, time):
        return place.values
    axes = place.values.reshape(len(place.time), -1).T
    found = np.stack([np.interp(time, place.time, axis, left=np.nan, right=np.nan) for axis in axes], axis=1)
    return found[:, 0] if place.values.ndim == 1 else found
