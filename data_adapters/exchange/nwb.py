"""Neurodata Without Borders: one file per recording session, with events and the position of the
subject. Needs the package pynwb.

NWB has no standard type of rate maps. Events are spike times (``Units``) or responses of regions
of interest (``RoiResponseSeries``), position is a ``SpatialSeries`` whose numbers times
``conversion`` plus ``offset`` are in ``unit`` (metres unless said otherwise): here cm. Elapsed time
comes from ``session_start_time``. Nothing in the format says that units are followed across files;
where regions or units have a column ``global_roi_id``, equal entries in two files of a subject are
taken for the same unit. What ``data_adapters.to_nwb`` wrote is read back as it was.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.alignment import positions_at
from data_adapters.exchange.frames import frame_counts, outside_note, stretches
from data_adapters.exchange.nwb_events import Asked, chosen_series, epoch_samples, kept_units
from data_adapters.files.limits import refuse_absurd
from data_adapters.options import existing, one_line
from data_adapters.positions import decimals, in_centimetres
from data_adapters.session import integers, numbers, session_dataset
from drift.door import opened
from drift.files.own_content import check_own_content
from drift.metrics.clocks import frame_ends, refuse_times, usual_frame
from drift.schema.labelled_form import RefusedInputError

SOURCE = "NWB file"
CENTIMETRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 100.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 1.0),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.1),
}
IMPLAUSIBLE = 3000.0  # cm; no track or arena of a rodent is so long
PIXELS = ("px", "pixel", "pixels")
GLOBAL = "global_roi_id"
ROOM = "repdrift"  # module in which to_nwb keeps what the standard has no place for
LABELS = {
    "subject": "who was recorded",
    "session": "number of the session, from 0",
    "elapsed": "real elapsed time, in elapsed_units",
    "elapsed_units": "day, min or step",
    "environment": "where",
    "unit_identity": "sessions of a subject with the same text share unit numbers",
    "sampling_rate": "samples per second, Hz",
    "source": "paper or data set",
    "position_units": "cm or pixel",
    "geometry": "of the track or arena",
    "bin_size": "recommended width of a place, in position_units",
    "events_are": "counts, amplitudes or trace",
    "minimum_speed": "speed above which samples count, in position_units per second",
    "detected_units": "units detected, silent ones included: the denominator of fractions",
    "samples": "further samples of the session, JSON",
    "coords": "further scalar coordinates, JSON",
    "attrs": "further attributes, JSON",
}


class Session(NamedTuple):
    """File of one session, whose it is, when it began, what ``to_nwb`` wrote of it, and who its
    units are across files."""

    path: Path
    subject: str
    start: datetime
    labels: dict[str, Any]
    identities: frozenset[str]

    @property
    def order(self) -> tuple[str, datetime, int]:
        """By subject and start; by number where to_nwb wrote one, since sessions may begin
        together."""
        return self.subject, self.start, self.labels.get("session", 0)


class Series(NamedTuple):
    """Values (sample, ...), their times, s, and how long each was counted, s, where that is
    known."""

    values: NDArray[np.float64]
    time: NDArray[np.float64]
    duration: NDArray[np.float64] | None = None


@opened
def sessions(
    path: str | Path,
    events: str | None = None,
    position: str | None = None,
    environment: str | None = None,
    geometry: str | None = None,
    track_length: float | None = None,
    scale: float | None = None,
    lost: float | None = None,
    events_are: str | None = None,
    threshold_sd: float | None = None,
    keep_rejected: bool = False,
    epochs: str | None = None,
) -> Iterator[xr.Dataset]:
    """One session Dataset per file, by subject and start.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.nwb`` file, or a folder of them.
    events : str or None
        Name of the ``RoiResponseSeries``, or ``units`` for spike times; None: the only one, or the
        only one that is named as events (``Deconvolved``, ``event...``, ``units``). Traces of
        fluorescence are refused.
    position : str or None
        Name of the ``SpatialSeries``; None: the only one.
    environment, geometry : str or None
        Which the standard does not say; None: unknown, unless ``to_nwb`` wrote it.
    track_length : float or None
        In cm, which the standard does not say either; a ring needs it, and positions beyond it are
        refused.
    scale : float or None
        cm per number of the ``SpatialSeries``, in the place of its ``conversion``, ``offset`` and
        ``unit``.
    lost : float or None
        Number that marks lost samples of the ``SpatialSeries``.
    events_are : {"counts", "amplitudes", "trace"} or None
        What responses are; None: what they look like, and a refusal of traces.
    threshold_sd : float or None
        Events below so many standard deviations of their own unit's series become 0.
    keep_rejected : bool
        Count units too that columns of their table reject (``iscell``, ``accepted``, ``quality``,
        ``group``, ``KSLabel``).
    epochs : str or None
        Tags of epochs to read, separated by commas; None: all samples, if tags do not tell of
        several environments.

    Returns
    -------
    iterator of xarray.Dataset
        Responses keep their frames, with the position interpolated at them (NaN outside of it).
        Spikes are counted in the frames of the position: a spike belongs to the frame that begins
        before or at it and ends after it, see ``drift.metrics.clocks``. ``elapsed`` in days since
        the subject's first file, and sessions are numbered from it. With ``global_roi_id`` the
        number of a unit is the rank of its entry among those of the subject.

    Raises
    ------
    RefusedInputError
        If pynwb is not installed, or a file cannot be used.
    """
    path = existing(path)
    package()
    files = sorted(path.glob("*.nwb")) if path.is_dir() else [path]
    if not files:
        raise RefusedInputError(
            f"files named *.nwb were expected in {path}, got none: check the folder."
        )
    recordings = sorted((_begun(file) for file in files), key=lambda recording: recording.order)
    labels = {"environment": environment, "geometry": geometry, "track_length": track_length}
    said = {name: value for name, value in labels.items() if value is not None}
    if threshold_sd is not None:
        said["threshold_sd"] = threshold_sd
    request = Asked(events, position, events_are, keep_rejected, epochs, environment)
    return (
        _session(recording, recordings, request, said, (scale, lost)) for recording in recordings
    )


def package() -> Any:
    """Return pynwb with what is used of it, or refuse in one sentence where it is not installed."""
    try:
        import pynwb
        import pynwb.behavior
        import pynwb.misc
        import pynwb.ophys
    except ImportError as error:
        raise RefusedInputError(
            "NWB files were expected to find the package pynwb, got none: pip install "
            "repdrift[nwb]."
        ) from error
    return pynwb


@contextmanager
def quietly() -> Iterator[None]:
    """Silence what pynwb says of extensions, of older versions of the format and of its own
    future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _content(path: Path) -> Iterator[Any]:
    """The content of a file while it is open; whatever a damaged file makes the reader raise
    becomes one sentence."""
    try:
        check_own_content(path)
        with quietly(), package().NWBHDF5IO(str(path), "r") as file:
            yield file.read()
    except RefusedInputError:
        raise
    except Exception as error:  # h5py, hdmf and pynwb raise nearly anything
        raise RefusedInputError(
            f"{path} was expected to be a whole NWB file, got: {one_line(error)}; copy it again."
        ) from error


def _begun(path: Path) -> Session:
    with _content(path) as content:
        labels = _labels(content)
        subject = labels.get("subject") or (
            None if content.subject is None else content.subject.subject_id
        )
        tables = [
            container
            for container in content.objects.values()
            if GLOBAL in getattr(container, "colnames", ())
        ]
        identities = frozenset(str(entry) for table in tables for entry in table[GLOBAL].data[:])
        return Session(
            path, str(subject or path.stem), content.session_start_time, labels, identities
        )


def _labels(content: Any) -> dict[str, Any]:
    """What ``to_nwb`` wrote beside the samples; empty for a file of anyone else."""
    room = content.processing.get(ROOM)
    if room is None or "session" not in room.data_interfaces:
        return {}
    row = {
        name: room["session"][name].data[0] for name in LABELS if name in room["session"].colnames
    }
    row = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in row.items()
    }
    return {
        name: json.loads(value) if name in ("samples", "coords", "attrs") else value
        for name, value in row.items()
    }


def _session(
    recording: Session,
    recordings: list[Session],
    request: Asked,
    said: dict[str, Any],
    numbers_mean: tuple[float | None, float | None],
) -> xr.Dataset:
    own = [sibling for sibling in recordings if sibling.subject == recording.subject]
    with _content(recording.path) as content:
        place, units = _position(content, request.position, recording.path, *numbers_mean)
        series, who, notes, kind = _events(content, request, place, recording.path)
        written = _written(content, recording, series.time) if recording.labels else {}
        where = positions_at(place.values, place.time, series.time)
        inside = (
            None
            if recording.labels
            else epoch_samples(
                content,
                series.time,
                ~np.isnan(where.reshape(len(where), -1)[:, 0]),
                request,
                recording.path,
            )
        )
    if units == "cm":  # told outside of the block above, which silences pynwb
        _tell_length(place.values, recording.path)
    number = own.index(recording)
    defaults = {
        "subject": recording.subject,
        "session": number,
        "elapsed": (recording.start - own[0].start).total_seconds() / 86400,
        "elapsed_units": "day",
        "environment": "unknown",
        "time": series.time,
        "sampling_rate": 1 / float(np.median(np.diff(series.time))),
        "position_units": units,
        "geometry": "unknown",
        "source": SOURCE,
        "events_are": kind,
        "attrs": {"notes": notes},
        **_units(who, recording, own, f"session {number}"),
    }
    samples = {"activity": series.values, "duration": series.duration, "position": where}
    if request.epochs is not None:
        defaults["environment"] = request.epochs
    if request.events_are is not None:
        said = {**said, "events_are": request.events_are}
    arguments = {**defaults, **samples, **written, **said}
    if inside is not None and not inside.all():
        sampled = ("time", "activity", "position", "duration")
        arguments |= {
            name: arguments[name][inside] for name in sampled if arguments[name] is not None
        }
    return session_dataset(**arguments)


class Who(NamedTuple):
    """Who the units of a file are: numbers and names in it, and entries of ``global_roi_id`` where
    it has them."""

    numbers: NDArray[np.int64]
    labels: list[str]
    identities: list[str] | None


def _units(who: Who, recording: Session, own: list[Session], session: str) -> dict[str, Any]:
    """Numbers, labels and identity of units, by their rank among all of the subject where files say
    who they are."""
    if recording.labels:
        return {"unit": who.numbers, "unit_label": who.labels}
    if who.identities is None:
        return {"unit_label": who.labels, "unit_identity": session}
    if len(set(who.identities)) < len(who.identities):
        twice = next(entry for entry in who.identities if who.identities.count(entry) > 1)
        raise RefusedInputError(
            f"{GLOBAL} in {recording.path} was expected to name every unit once, got {twice!r} "
            "twice: correct the column."
        )
    ranks = {
        entry: rank
        for rank, entry in enumerate(
            sorted(frozenset().union(*(sibling.identities for sibling in own)), key=_natural)
        )
    }
    return {
        "unit": [ranks[entry] for entry in who.identities],
        "unit_label": [f"roi {entry}" for entry in who.identities],
        "unit_identity": GLOBAL,
    }


def _natural(entry: str) -> tuple[float, str]:
    return (float(entry) if entry.isdigit() else np.inf, entry)


def _written(content: Any, recording: Session, time: NDArray[np.float64]) -> dict[str, Any]:
    """Arguments of ``session_dataset`` that ``to_nwb`` wrote."""
    held = recording.labels["samples"]
    further: dict[str, Any] = {
        name: value for name, value in recording.labels.items() if name != "samples"
    }
    series = content.processing["behavior"].data_interfaces.get("BehavioralTimeSeries")
    further |= {
        name: numbers(series[name].data[:], f"{name} in {recording.path}")
        for name in ("velocity", "direction", "duration")
        if name in held
    }
    if "trial" in held:
        rows = content.trials  # absent where no sample lies in a trial
        columns: Any = (
            [np.zeros(0)] * 3
            if rows is None
            else [rows[name][:] for name in ("start_time", "stop_time", "trial")]
        )
        further["trial"] = stretches(time, *columns)
    return further | ({} if "time" in held else {"time": None, "duration": further.get("duration")})


def _position(
    content: Any, name: str | None, path: Path, scale: float | None, lost: float | None
) -> tuple[Series, str]:
    """Position in cm or pixel; with ``scale`` (cm per number) whatever the file says of its
    unit."""
    kinds = package().behavior.SpatialSeries
    candidates = {
        container.name: container
        for container in content.objects.values()
        if isinstance(container, kinds)
    }
    series = candidates[_only(candidates, name, "SpatialSeries", path)]
    values, unit = _numbers(series.data, f"{series.name} in {path}"), str(series.unit).casefold()
    values = in_centimetres(values, scale, lost, f"{series.name} in {path}")
    if scale is not None:
        return Series(_flat(values), _times(series, len(values), path)), "cm"
    if unit not in CENTIMETRES and unit not in PIXELS:
        raise RefusedInputError(
            f"unit of {series.name} in {path} was expected to be a length or pixels, got "
            f"{series.unit!r}: correct it."
        )
    # One factor, so that metres with a conversion of 0.01 give back the centimetres that were
    # written.
    factor = float(np.round(float(series.conversion) * CENTIMETRES.get(unit, 1.0), 12))
    scaled = (values if factor == 1 else decimals(values)) * factor + float(
        series.offset or 0.0
    ) * CENTIMETRES.get(unit, 1.0)
    return Series(
        _flat(scaled), _times(series, len(values), path)
    ), "cm" if unit in CENTIMETRES else "pixel"


def _tell_length(position: NDArray[np.float64], path: Path) -> None:
    """Warn of a track of which no rodent sees the end: cm under the unit metres."""
    tracked = position[np.isfinite(position)]
    if tracked.size and np.ptp(tracked) > IMPLAUSIBLE:
        length = f"{np.ptp(tracked) / 100:.0f} m"
        warnings.warn(
            f"position in {path} goes over {length}: if its numbers are cm, say scale=1.",
            stacklevel=2,
        )


def _flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _events(
    content: Any, request: Asked, place: Series, path: Path
) -> tuple[Series, Who, str, str | None]:
    """Events (frame, unit) with their times, who the units are, what was chosen and left out, and
    what the numbers are."""
    kind = package().ophys.RoiResponseSeries
    candidates = {
        container.name: container
        for container in content.objects.values()
        if isinstance(container, kind)
    }
    if content.units is not None and "spike_times" in content.units.colnames:
        candidates["units"] = content.units
    name, choice = chosen_series(candidates, request, path)
    if name == "units":
        counted, who, notes = _counted(candidates[name], request, place, path)
        return counted, who, "; ".join(filter(None, (choice, notes))), "counts"
    series, what = candidates[name], f"{name} in {path}"
    values = _numbers(series.data, what)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    rows = integers(series.rois.data[:], f"rois of {what}")
    if rows.size != values.shape[1] or not ((rows >= 0) & (rows < len(series.rois.table))).all():
        raise RefusedInputError(
            f"rois of {what} were expected to name a region for each column of "
            f"{values.shape}, got {rows.size}: correct them."
        )
    accepted, notes = kept_units(series.rois.table, rows, request.keep_rejected, path)
    frames = Series(
        values if accepted.all() else values[:, accepted], _times(series, len(values), path)
    )
    return (
        frames,
        _who(series.rois.table, rows[accepted], "roi"),
        "; ".join(filter(None, (choice, notes))),
        request.events_are,
    )


def _who(table: Any, rows: NDArray[np.int64], word: str) -> Who:
    """Who the units in these rows of a table are."""
    ids = np.asarray(table.id[:])[rows]
    written_labels = table["unit_label"].data[:] if "unit_label" in table.colnames else None
    labels = (
        [f"{word} {number}" for number in (rows if word == "roi" else ids)]
        if written_labels is None
        else [str(written_labels[row]) for row in rows]
    )
    entries = table[GLOBAL].data[:] if GLOBAL in table.colnames else None
    return Who(ids, labels, None if entries is None else [str(entries[row]) for row in rows])


def _counted(units: Any, request: Asked, place: Series, path: Path) -> tuple[Series, Who, str]:
    accepted, left = kept_units(units, np.arange(len(units)), request.keep_rejected, path)
    rows = np.flatnonzero(accepted)
    trains = [
        numbers(units.get_unit_spike_times(row), f"spike_times in {path}") for row in rows.tolist()
    ]
    refuse_absurd((len(place.time), len(trains)), 8, f"counts of units in {path}")
    ends = frame_ends(place.time, usual_frame(place.time))
    counts, outside = frame_counts(trains, place.time, ends, f"spike_times in {path}")
    notes = "; ".join(filter(None, (left, outside_note(outside))))
    return Series(counts, place.time, ends - place.time), _who(units, rows, "unit"), notes


def _only(candidates: dict[str, Any], name: str | None, kind: str, path: Path) -> str:
    """The name that was asked for, or the only one."""
    names = ", ".join(candidates) or "none"
    if name is not None and name not in candidates:
        raise RefusedInputError(
            f"{path} was expected to hold {name!r} as {kind}, got {names}: name one of these."
        )
    if name is None and len(candidates) != 1:
        raise RefusedInputError(
            f"{path} was expected to hold one {kind}, got {names}: say which by events= or "
            "position=."
        )
    return name or next(iter(candidates))


def _numbers(data: Any, what: str) -> NDArray[np.float64]:
    refuse_absurd(np.shape(data), 8, what)
    values = numbers(data[:], what)
    if values.ndim not in (1, 2) or len(values) < 2:
        raise RefusedInputError(
            f"{what} was expected by time, got shape {values.shape}: save two samples or more "
            "in the first dim."
        )
    return values


def _times(series: Any, samples: int, path: Path) -> NDArray[np.float64]:
    what = f"times of {series.name} in {path}"
    if series.timestamps is None:
        rate = float(series.rate or np.nan)
        times = float(series.starting_time or 0.0) + np.arange(samples) / rate
    else:
        times = numbers(series.timestamps[:], what)
    if len(times) != samples:
        raise RefusedInputError(
            f"{what} were expected one per sample ({samples}), got {len(times)}: correct them."
        )
    return refuse_times(times, what)
