"""The interchange format: anyone's own recording, one file per animal and recording session.

A file ``<animal>_<session:02d>`` (``.npz`` without pickles, ``.mat`` v5 or v7.3, ``.nc``) holds
these fields. Sessions are numbered from 1 in files, from 0 in Datasets.

==================================  ================================================================
``events``                          (frame, cell) counts or amplitudes >= 0 (variant A), or instead
                                    of it
``events_are``                      optional: counts (spikes), amplitudes or trace; see
                                    ``session_dataset``
``spike_times``                     one array of times (s) per cell as a cell array (``.mat``), or
                                    all cells' times one after the other with ``spike_times_index``,
                                    the end of each cell's times (``.npz``, ``.nc``); with
                                    ``t_start``, ``t_stop`` (s); a spike goes to the frame that
                                    begins before or at it and ends after it: at the next one, or
                                    after 1.5 frames where a gap follows (more than .5 s and 3
                                    frames)
``rate_maps``, ``occupancy``        (cell, direction, bin) or (cell, y, x) in Hz, the same without
                                    cell in s (variant B)
``position``                        (frame,) or (frame, 2) in cm; NaN = tracking lost
``stimulus``                        instead of it, (frame,): what was shown, numbers (NaN = nothing)
                                    or texts ("" = nothing), with ``stimulus_metric`` (circular,
                                    linear, none), ``stimulus_period`` and ``stimulus_units`` where
                                    these are numbers; then there is no geometry, no track and no
                                    direction
``fs`` or ``t``                     Hz, or (frame,) s, increasing; where both are given they must
                                    agree to 5 %
``position_t``                      optional, (sample,) s: the times of ``position``, where it has a
                                    clock of its own; ``velocity``, ``direction`` and ``trial`` of
                                    that length are on it too. See ``data_adapters.align``
``duration``                        optional, (frame,) s: how long the events of each frame were
                                    counted
``track_length_cm``                 length of the track (around a ring, along the side of an arena);
                                    positions lie from 0 to it, or at most 5 % beyond, where they
                                    count to the bins at the ends; a ring may be counted from
                                    anywhere
``bin_edges_cm``                    instead of it, or beside it: edges of bins of equal width;
                                    positions outside lie in no bin
``geometry``                        linear or ring (one axis), square or circle (two), L, W or
                                    unknown (either)
``animal, environment, session``    text, text, number from 1
``time``, ``time_unit``             real elapsed time (not an index) in day, min or step
``n_detected``                      the denominator; may exceed the cells in the file; not needed
                                    for variant B
``velocity, trial``                 optional, (frame,): cm/s, signed on a track; number of the
                                    trial, 0 outside
``direction``                       optional, (frame,): 1 towards larger positions, -1 back, 0
                                    neither; two other codes (0 and 1, 1 and 2, two texts) are told
                                    by the way the position goes, or refused
``region``, ``source``              optional text
``unit_confidence``                 optional, (cell,): certainty of its identity, from 0 to 1
``position_units``, ``unit``        optional, as ``unit_label``, ``unit_identity``, ``bin_size``,
                                    ``minimum_speed`` (``session_dataset``)
``attr_<name>``, ``coord_<name>``   further attributes and scalar coordinates
==================================  ================================================================

Units are shared by the sessions of an animal where a file ``<animal>_registration`` holds
``cell_to_index_map`` (cell, session): the column of ``events``, from 1 with 0 where the registered
cell is absent, or from 0 with -1 or NaN. What cannot be told is asked for with ``base``: whether a
map without 0, -1 and NaN counts from 0 or 1, for example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.exchange.frames import outside_note
from data_adapters.files.containers import FORMATS, write_fields
from data_adapters.files.wording import file_in_refusals
from data_adapters.laboratories.interchange.fields import Fields
from data_adapters.laboratories.interchange.published_maps import longitudinal
from data_adapters.laboratories.interchange.recordings import Recording, recordings, registrations
from data_adapters.registrations.cell_map import Registration
from data_adapters.session import one_of, session_dataset
from data_adapters.stimuli import stimulus_fields
from drift.door import opened
from drift.metrics.clocks import frame_ends
from drift.schema.labelled_form import RefusedInputError, check

__all__ = ["longitudinal", "sessions", "write_interchange"]

SOURCE = "interchange file"
EXTENT = ("track_length", "first_edge", "last_edge")
SCALARS = (
    "subject",
    "session",
    "elapsed",
    "environment",
    "sampling_rate",
    "unit_identity",
    "unit",
    "unit_label",
    "time",
    "stimulus",
    "registration_confidence",
)


@opened
def sessions(
    path: str | Path,
    area: str | None = "any",
    position_units: str = "auto",
    events_are: str | None = None,
    threshold_sd: float | None = None,
    scale: float | None = None,
    lost: float | None = None,
    base: int | None = None,
) -> Iterator[xr.Dataset]:
    """One session Dataset per file, by animal and session.

    Parameters
    ----------
    path : str or pathlib.Path
        One file, or a folder of ``<animal>_<session:02d>`` files.
    area : str or None
        Take files of this ``region`` only; ``"any"`` or None takes all.
    position_units : {"auto", "cm", "pixel"}
        Units of position; ``auto`` takes the file's word, and cm where it has none.
    events_are : {"counts", "amplitudes", "trace"} or None
        What ``events`` are; None takes the file's word, and what the numbers look like where it has
        none.
    threshold_sd : float or None
        Events below so many standard deviations of their own cell's series become 0.
    scale : float or None
        cm per unit of position and velocity in the files, 0.1 for mm; with it positions are in cm.
    lost : float or None
        Position that marks lost frames, in units of the files, such as 1023.
    base : {0, 1} or None
        Number of the first cell in registration files; None: what the map tells, and a refusal
        where it cannot tell.

    Returns
    -------
    iterator of xarray.Dataset
        With registration ``unit`` is the row of ``cell_to_index_map`` from 0 (detected cells
        without a row follow after the last row) and ``unit_identity`` is "registered"; registered
        cells that are absent from a session are left out of it.

    Raises
    ------
    RefusedInputError
        If a file cannot be used.
    """
    one_of(position_units, ("auto", "cm", "pixel"), "position_units")
    session_files = recordings(path)
    return _chosen(
        session_files,
        None if area in ("any", None) else area,
        _Rules(position_units, events_are, threshold_sd, scale, lost, base),
    )


class _Rules(NamedTuple):
    """What the caller says of the files."""

    position_units: str
    events_are: str | None
    threshold_sd: float | None
    scale: float | None
    lost: float | None
    base: int | None


def _chosen(
    session_files: list[Recording], area: str | None, rules: _Rules
) -> Iterator[xr.Dataset]:
    regions: Counter[str] = Counter()
    registered = registrations(session_files, rules.base)
    for recording in session_files:
        fields = recording.fields()
        region = fields.text("region", "unknown")
        regions[region] += 1
        if area is None or region.casefold() == area.casefold():
            with file_in_refusals(fields.path):
                dataset = _session(fields, registered[recording.registration], rules)
            dataset.encoding["source"] = str(fields.path)  # for messages: files count from 1
            yield dataset
    if area is not None and area.casefold() not in map(str.casefold, regions):
        counts = ", ".join(f"{count} {region}" for region, count in sorted(regions.items()))
        raise RefusedInputError(
            f"files of region {area!r} were expected, got {counts}: use area='any' or one of "
            "these regions."
        )


def _session(fields: Fields, registration: Registration | None, rules: _Rules) -> xr.Dataset:
    if "rate_maps" in fields:
        remedy = "use data_adapters.interchange.longitudinal"
        raise RefusedInputError(
            f"{fields.path} was expected to hold events or spike_times, got rate_maps without "
            f"samples: {remedy}."
        )
    if "events" in fields and "spike_times" in fields:
        raise RefusedInputError(
            f"{fields.path} was expected to hold events or spike_times, got both: keep one of them."
        )
    fields.require(
        *(() if "stimulus" in fields else ("position", "geometry")),
        "animal",
        "environment",
        "session",
        "time",
        "time_unit",
        "n_detected",
    )
    units = (
        fields.text("position_units", "cm")
        if rules.position_units == "auto"
        else rules.position_units
    )
    time, rate = fields.clock()
    behaviour, told = fields.behaviour(time, rate, rules.scale, rules.lost)
    counted = (
        _given(fields) if "events" in fields else _counted(fields, time, rate, _frames(behaviour))
    )
    return session_dataset(
        subject=fields.text("animal"),
        session=fields.session() - 1,
        elapsed=fields.number("time"),
        elapsed_units=fields.text("time_unit"),
        environment=fields.text("environment"),
        activity=counted.activity,
        sampling_rate=rate,
        source=fields.text("source", SOURCE),
        position_units=units,
        geometry=fields.text("geometry", "unknown"),
        bin_size=fields.bin_size(),
        bin_edges=fields.bin_edges(),
        scale=rules.scale,
        lost=rules.lost,
        minimum_speed=fields.number("minimum_speed") if "minimum_speed" in fields else None,
        detected_units=fields.whole("n_detected"),
        time=time,
        events_are=_events_are(fields, rules),
        threshold_sd=rules.threshold_sd,
        duration=counted.duration,
        coords=fields.prefixed("coord_"),
        attrs={**fields.described(), **_noted(told, counted.notes)},
        **behaviour,
        **_units(fields, registration, counted.activity.shape[1]),
    )


class _Counted(NamedTuple):
    """Activity (frame, cell), how long each frame was counted (None: all alike, or as their times
    say), and what was left out."""

    activity: NDArray[np.float64]
    duration: NDArray[np.float64] | None
    notes: str


def _given(fields: Fields) -> _Counted:
    return _Counted(fields.matrix("events"), fields.optional("duration"), "")


def _counted(
    fields: Fields, time: NDArray[np.float64] | None, rate: float, frames: int
) -> _Counted:
    counts, outside = fields.spike_counts(time, rate, frames)
    duration = None if time is None else frame_ends(time, 1 / rate) - time
    return _Counted(counts, duration, outside_note(outside))


def _frames(behaviour: dict[str, Any]) -> int:
    """As many as there are positions or labels."""
    return len(behaviour["stimulus" if "stimulus" in behaviour else "position"])


def _noted(*notes: str) -> dict[str, str]:
    said = "; ".join(filter(None, notes))
    return {"notes": said} if said else {}


def _events_are(fields: Fields, rules: _Rules) -> str | None:
    """What the activity is: spike times make counts; of events the caller and the file may say
    it."""
    if "spike_times" in fields:
        return "counts"
    return rules.events_are or (fields.text("events_are") if "events_are" in fields else None)


def _units(fields: Fields, registration: Registration | None, cells: int) -> dict[str, Any]:
    """Numbers, labels and identity of the units; registered units are labelled by their row,
    whatever a session calls its cells."""
    if registration is not None:
        units = registration.units(fields.session(), cells)
        certain = registration.certainty(units)
        return {"unit": units, "unit_identity": "registered", "unit_confidence": certain}
    identity = fields.text("unit_identity", f"session {fields.session()}")
    return {
        "unit": fields.optional("unit"),
        "unit_label": fields.labels("unit_label", cells),
        "unit_identity": identity,
        "unit_confidence": fields.optional("unit_confidence"),
    }


@opened
def write_interchange(
    dataset: xr.Dataset, folder: str | Path, format: str = "npz", overwrite: bool = False
) -> Path:
    """Write a session Dataset as ``<subject>_<session + 1:02d>.<format>``; ``sessions`` reads it
    back equal.

    Parameters
    ----------
    dataset : xarray.Dataset
        Session Dataset.
    folder : str or pathlib.Path
        Where the file goes; must exist.
    format : {"npz", "mat", "nc"}
        Kind of file; ``mat`` is v5.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    RefusedInputError
        If the Dataset is no session Dataset, the subject cannot name a file, or the file exists.
    """
    one_of(format, FORMATS, "format")
    fields = _fields(dataset)
    name = f"{fields['animal']}_{fields['session']:02d}.{format}"
    if Path(name).name != name or not fields["animal"]:
        raise RefusedInputError(
            f"the subject was expected to be a name for a file, got {fields['animal']!r}: "
            "rename the subject."
        )
    return write_fields(fields, Path(folder) / name, overwrite)


def _fields(dataset: xr.Dataset) -> dict[str, Any]:
    shown = "stimulus" in dataset.coords
    check(dataset, "activity", *([] if shown else ["position"]))
    absent = [name for name in (*SCALARS[:-3], "detected_units") if name not in dataset.variables]
    if absent:
        raise RefusedInputError(
            f"a session Dataset was expected, got one without {', '.join(absent)}: build it "
            "with session_dataset."
        )
    fields: dict[str, Any] = {
        "events": dataset["activity"].transpose("sample", "unit").values,
        **(
            {"events_are": dataset["activity"].attrs["kind"]}
            if "kind" in dataset["activity"].attrs
            else {}
        ),
        **(stimulus_fields(dataset) if shown else _positions(dataset)),
        "animal": dataset["subject"].item(),
        "environment": dataset["environment"].item(),
        "session": dataset["session"].item() + 1,
        "time": dataset["elapsed"].item(),
        "time_unit": dataset["elapsed"].attrs["units"],
        "fs": dataset["sampling_rate"].item(),
        "unit_identity": dataset["unit_identity"].item(),
        "unit": dataset["unit"].values,
        "unit_label": dataset["unit_label"].values,
        "n_detected": dataset["detected_units"].item(),
    }
    fields |= {
        name: dataset[name].values
        for name in ("velocity", "direction", "trial", "duration")
        if name in dataset
    }
    if "registration_confidence" in dataset.coords:
        fields["unit_confidence"] = dataset["registration_confidence"].values
    fields |= {"t": dataset["time"].values} if "time" in dataset.coords else {}
    fields |= {
        f"coord_{name}": dataset[name].item() for name in dataset.coords if name not in SCALARS
    }
    own_attributes = {"geometry", "bin_size", "minimum_speed", "source", "region"}
    fields |= {str(name): value for name, value in dataset.attrs.items() if name in own_attributes}
    fields |= {
        f"attr_{name}": value
        for name, value in dataset.attrs.items()
        if name not in {*own_attributes, *EXTENT}
    }
    return fields | _extent(dataset)


def _positions(dataset: xr.Dataset) -> dict[str, Any]:
    position = dataset["position"].transpose("sample", ...)
    return {"position": position.values, "position_units": position.attrs["units"]}


def _extent(dataset: xr.Dataset) -> dict[str, float | NDArray[np.float64]]:
    attrs, extent = dataset.attrs, dict[str, float | NDArray[np.float64]]()
    if "track_length" in attrs:
        extent["track_length_cm"] = attrs["track_length"]
    if {"first_edge", "last_edge"} <= set(attrs):
        bins = max(1, round((attrs["last_edge"] - attrs["first_edge"]) / attrs["bin_size"]))
        extent["bin_edges_cm"] = np.linspace(attrs["first_edge"], attrs["last_edge"], bins + 1)
    return extent
