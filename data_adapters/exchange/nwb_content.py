"""What an NWB file of a session holds, and where: behaviour, events, trials, and what the standard
has no place for."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import xarray as xr

from data_adapters.exchange.frames import interval_bounds, runs, spike_times
from data_adapters.exchange.labels import (
    CONFIDENCE,
    SAMPLED,
    is_simulated,
    session_labels,
    session_name,
)
from data_adapters.exchange.nwb_format import GLOBAL, LABELS, ROOM, package
from drift.metrics.clocks import sample_times
from drift.schema.labelled_form import RefusedInputError

SECONDS = {"day": 86400.0, "min": 60.0, "step": 1.0}
METRES = {"cm": ("meters", 0.01), "pixel": ("pixels", 1.0)}
NOT_TOLD = "not told by the session"
UNIT_COLUMNS = {
    "unit_label": "name of the unit",
    CONFIDENCE: "certainty that the unit is the same over sessions, from 0 to 1; NaN not known",
}
IDENTITY = "the same text in two files of a subject means the same unit"


def file_content(
    session: xr.Dataset, events: str, reference: datetime, subject: Mapping[str, str]
) -> Any:
    """Return a session as content of an NWB file.

    Parameters
    ----------
    session : xarray.Dataset
        As ``data_adapters.exchange.labels.checked`` returns it.
    events, reference, subject
        See ``data_adapters.to_nwb``.

    Returns
    -------
    pynwb.NWBFile

    Raises
    ------
    RefusedInputError
        If spike times are asked for where activity is no counts, or elapsed leads to no date.
    """
    content = _described(session, reference, subject)
    behaviour = content.create_processing_module("behavior", "where the subject was")
    clock = _add_behaviour(behaviour, session)
    if events == "spike_times":
        _add_spikes(content, session)
    else:
        _add_responses(content, session, clock)
    if "trial" in session and session["trial"].values.any():
        _add_trials(content, session)
    content.create_processing_module(
        ROOM, "what repdrift knows of a session beside its samples"
    ).add(_labels(session))
    return content


def _described(session: xr.Dataset, reference: datetime, subject: Mapping[str, str]) -> Any:
    nwb = package()
    labels, elapsed = session_labels(session), session["elapsed"].item()
    simulated = is_simulated(session.attrs)
    number, who, place, units = (
        labels[name] for name in ("session", "subject", "environment", "elapsed_units")
    )
    where = (
        f"session {number + 1} of subject {who}, environment {place}, {elapsed:g} {units} of "
        "elapsed time"
    )
    origin = (
        f"observed like {session.attrs.get('like', 'unknown')}; not recorded from an animal"
        if simulated
        else labels["source"]
    )
    recipe = labels["coords"].get("experiment")
    told = "Simulated with repdrift." if simulated else f"Recording: {labels['source']}."
    content = nwb.NWBFile(
        session_description=f"{'SIMULATED: ' if simulated else ''}{where}; {origin}",
        identifier=str(
            uuid.uuid5(uuid.NAMESPACE_URL, f"repdrift {where} {origin} {_digest(session)}")
        ),
        session_start_time=_start(session, reference),
        session_id=str(labels["session"] + 1),
        experiment_description=f"{told} Recipe: {recipe}" if recipe else told,
        keywords=[
            "representational drift",
            *(["simulated", "synthetic data"] if simulated else []),
        ],
        notes=f"session_start_time is {reference.isoformat()} plus elapsed, and no date of the "
        "experiment.",
        source_script="repdrift, data_adapters.to_nwb",
        source_script_file_name="nwb_writing.py",
    )
    about = "simulated subject, not an animal" if simulated else "recorded subject"
    content.subject = nwb.file.Subject(subject_id=labels["subject"], description=about, **subject)
    return content


def _digest(session: xr.Dataset) -> str:
    return hashlib.sha256(session["activity"].values.tobytes()).hexdigest()


def _start(session: xr.Dataset, reference: datetime) -> datetime:
    elapsed, units = session["elapsed"].item(), session["elapsed"].attrs["units"]
    try:
        return reference + timedelta(seconds=elapsed * SECONDS[units])
    except OverflowError as error:
        raise RefusedInputError(
            f"elapsed of {session_name(session)} was expected to lead to a date, got "
            f"{elapsed:g} {units} after {reference.isoformat()}: "
            "choose an earlier reference, or a larger unit of elapsed."
        ) from error


def _times(session: xr.Dataset) -> dict[str, Any]:
    """Arguments of a time series: recorded times, or a rate."""
    if "time" in session.coords:
        return {"timestamps": session["time"].values}
    return {"starting_time": 0.0, "rate": session["sampling_rate"].item()}


def _add_behaviour(module: Any, session: xr.Dataset) -> dict[str, Any]:
    """Add position, velocity and direction; return the arguments of a time series on the same
    clock."""
    nwb = package()
    unit, conversion = METRES[session["position"].attrs["units"]]
    geometry = session.attrs["geometry"]
    origin = "along the track" if session["position"].ndim == 1 else "corner of the arena"
    place = nwb.behavior.SpatialSeries(
        name="position",
        data=session["position"].values,
        unit=unit,
        conversion=conversion,
        reference_frame=f"{origin}, geometry {geometry}",
        **_times(session),
    )
    module.add(nwb.behavior.Position(spatial_series=place))
    clock = {"timestamps": place} if "time" in session.coords else _times(session)
    further = nwb.behavior.BehavioralTimeSeries()
    if "velocity" in session:
        speed = f"{'m' if unit == 'meters' else unit}/s"
        further.create_timeseries(
            name="velocity",
            data=session["velocity"].values,
            unit=speed,
            conversion=conversion,
            **clock,
        )
    if "direction" in session:
        about = "1 towards larger positions, -1 back, 0 neither"
        further.create_timeseries(
            name="direction", data=session["direction"].values, unit="1", description=about, **clock
        )
    if "duration" in session:
        about = "how long the activity of each sample was counted"
        further.create_timeseries(
            name="duration", data=session["duration"].values, unit="s", description=about, **clock
        )
    if further.time_series:
        module.add(further)
    return clock


def _identities(session: xr.Dataset) -> list[str]:
    """Text that is equal in two files of a subject exactly where the unit is the same."""
    return [f"{session['unit_identity'].item()}, unit {unit}" for unit in session["unit"].values]


def _add_responses(content: Any, session: xr.Dataset, clock: Mapping[str, Any]) -> None:
    nwb = package()
    simulated = is_simulated(session.attrs)
    maker = "simulated, no microscope" if simulated else NOT_TOLD
    device = content.create_device("microscope", description=maker)
    channel = nwb.ophys.OpticalChannel(name="channel", description=maker, emission_lambda=np.nan)
    plane = content.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        description=maker,
        device=device,
        excitation_lambda=np.nan,
        indicator="none" if simulated else NOT_TOLD,
        location=str(session.attrs.get("region", "none" if simulated else NOT_TOLD)),
    )
    cells = nwb.ophys.ImageSegmentation()
    regions = cells.create_plane_segmentation(
        name="units", description="one row a unit; masks are not known", imaging_plane=plane
    )
    regions.add_column(GLOBAL, IDENTITY)
    for name, about in UNIT_COLUMNS.items():
        if name in session.coords:
            regions.add_column(name, about)
    for unit, said in _unit_rows(session):
        regions.add_roi(id=unit, pixel_mask=[(0, 0, 1.0)], **said)
    module = content.create_processing_module("ophys", "events of units")
    module.add(cells)
    rois = regions.create_roi_table_region(
        region=list(range(session.sizes["unit"])), description="all units"
    )
    traces = nwb.ophys.Fluorescence()
    about = (
        "events (counts or amplitudes) of each unit in each frame, not fluorescence; 0 means silent"
    )
    traces.create_roi_response_series(
        name="activity",
        data=_compressed(session["activity"].values),
        rois=rois,
        unit="events",
        description=about,
        **clock,
    )
    module.add(traces)


def _compressed(values: np.ndarray) -> Any:
    from hdmf.backends.hdf5 import H5DataIO

    return H5DataIO(values, compression="gzip", shuffle=True)


def _add_spikes(content: Any, session: xr.Dataset) -> None:
    counts = session["activity"].values
    if (counts != np.floor(counts)).any():
        raise RefusedInputError(
            f"activity of {session_name(session)} was expected to hold counts of spikes, got "
            f"{counts[counts != np.floor(counts)][0]:g}: "
            'use events="responses".'
        )
    if not counts.any():
        raise RefusedInputError(
            f"activity of {session_name(session)} was expected to hold at least one spike, "
            'got none: use events="responses".'
        )
    units = package().misc.Units(
        name="units",
        description="spikes spread evenly over the first half of the frames that they were counted "
        "in",
    )
    units.add_column(GLOBAL, IDENTITY)
    for name, about in UNIT_COLUMNS.items():
        if name in session.coords:
            units.add_column(name, about)
    trains = spike_times(counts, sample_times(session))
    for (unit, said), train in zip(_unit_rows(session), trains, strict=True):
        units.add_unit(id=unit, spike_times=train, **said)
    content.units = units


def _unit_rows(session: xr.Dataset) -> list[tuple[int, dict[str, Any]]]:
    """Number of each unit, and what its row says."""
    said: dict[str, list[Any]] = {
        GLOBAL: _identities(session),
        **{name: session[name].values.tolist() for name in UNIT_COLUMNS if name in session.coords},
    }
    return [
        (int(unit), {name: values[row] for name, values in said.items()})
        for row, unit in enumerate(session["unit"].values)
    ]


def _add_trials(content: Any, session: xr.Dataset) -> None:
    trial, time = session["trial"].values, sample_times(session)
    first, last = runs(trial, time)
    content.add_trial_column("trial", "number of the trial")
    for number, start, stop in zip(
        trial[first].tolist(), *interval_bounds(time, first, last), strict=True
    ):
        content.add_trial(start_time=start, stop_time=stop, trial=number)


def _labels(session: xr.Dataset) -> Any:
    """Table of one row: the arguments of ``session_dataset`` beside samples and units, and which
    samples there are."""
    from hdmf.common import DynamicTable, VectorData

    labels = session_labels(session)
    held = [name for name in (*SAMPLED, "time") if name in session.variables]
    values = {
        name: value
        for name, value in labels.items()
        if name not in ("unit", "unit_label", "unit_confidence", "coords", "attrs")
    }
    further = {
        "samples": json.dumps(held),
        "coords": json.dumps(labels["coords"]),
        "attrs": json.dumps(labels["attrs"], default=_plain),
    }
    columns = [
        VectorData(name=name, description=LABELS[name], data=[value])
        for name, value in {**values, **further}.items()
    ]
    return DynamicTable(
        name="session",
        description="one row: what a session says beside its samples",
        columns=columns,
    )


def _plain(value: Any) -> Any:
    return value.item()
