"""What the caller says of sessions that a reader made by itself: another track, other units of
length, epochs, a registration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from data_adapters.assembly.assembling import (
    in_rooms,
    length_in_file,
    track_of,
    what_is_measured,
)
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.clock import said_start
from data_adapters.assembly.folders import Place
from data_adapters.assembly.identity import Identities
from data_adapters.exchange.labels import sampled, session_labels
from data_adapters.session import session_dataset
from data_adapters.statements import Statements, stated
from drift.metrics.clocks import sample_times

# what belongs to the positions of a reader, and not to those of another track
OF_PLACES = ("position_units", "geometry", "bin_size", "minimum_speed")
EXTENT = ("track_length", "first_edge", "last_edge")


def restated(
    recorded: Iterable[xr.Dataset], options: dict[str, Any], path: Path
) -> Iterator[xr.Dataset]:
    """Sessions as they are, or with what was said of them.

    Parameters
    ----------
    recorded : iterable of xarray.Dataset
        Session Datasets of a reader.
    options : dict
        Those of ``data_adapters.statements.OF_EVERY_READER`` that the reader does not take itself.
    path : pathlib.Path
        That was read; files that options name are looked for in it.

    Yields
    ------
    xarray.Dataset
        With ``track`` the positions are those of the track at the times of the samples; with
        ``epochs`` a session for each environment.
    """
    said = {name: value for name, value in options.items() if value is not None}
    if not said:
        yield from recorded
        return
    statements = stated(said)
    registered: dict[str, Identities] = {}
    numbers: dict[str, int] = {}
    for dataset in recorded:
        place = _place(dataset, path)
        for arguments in _arguments(dataset, place, statements, registered):
            number = numbers.get(place.subject, 0)
            yield session_dataset(**{**arguments, "session": number})
            numbers[place.subject] = number + 1


def _place(dataset: xr.Dataset, path: Path) -> Place:
    subject, number = str(dataset["subject"].item()), int(dataset["session"].item())
    folder = path if path.is_dir() else path.parent
    label = f"session {number}"
    return Place(folder, folder, folder, subject, label, label, number + 1)


def _arguments(
    dataset: xr.Dataset,
    place: Place,
    statements: Statements,
    registered: dict[str, Identities],
) -> Iterator[dict[str, Any]]:
    labels, arrays = session_labels(dataset), sampled(dataset)
    time, track = sample_times(dataset), track_of(place, statements)
    start = statements.start if track is None else said_start(statements, place, track)
    if start:
        time = time + start
        arrays |= {"time": time}
    if track is not None:
        of_places = ("position", "velocity", "direction", "trial")
        arrays = {name: values for name, values in arrays.items() if name not in of_places}
        held = track.at(time, statements.max_gap, length_in_file(track, statements))
        attrs = _noted(labels["attrs"], held.pop("notes"))
        labels = {name: value for name, value in labels.items() if name not in OF_PLACES}
        labels["attrs"] = {name: value for name, value in attrs.items() if name not in EXTENT}
        labels |= what_is_measured(track, statements)
        arrays |= held
    elif statements.scale is not None or statements.geometry is not None:
        said = {"scale": statements.scale, "geometry": statements.geometry}
        labels |= {name: value for name, value in said.items() if value is not None}
    if track is None and statements.track_length is not None:
        labels["track_length"] = statements.track_length
    of_events = {"events_are": statements.events_are, "threshold_sd": statements.threshold_sd}
    labels |= {name: value for name, value in of_events.items() if value is not None}
    if track is None and statements.lost is not None:
        labels["lost"] = statements.lost
    if statements.registration is not None:
        if place.subject not in registered:
            registered[place.subject] = Identities([place], _no_cells, statements)
        labels.pop("unit_label", None)
        labels |= registered[place.subject].units(place, _numbered(dataset))
    for environment, inside in in_rooms(time, track, place, statements):
        room = {} if environment == "unknown" else {"environment": environment}
        within = {
            name: values if inside is None else values[inside] for name, values in arrays.items()
        }
        yield {**labels, **within, **room}


def _noted(attrs: dict[str, Any], note: str) -> dict[str, Any]:
    notes = "; ".join(filter(None, (str(attrs.get("notes", "")), note)))
    return {**attrs, "notes": notes} if notes else dict(attrs)


def _numbered(dataset: xr.Dataset) -> Cells:
    """Units in the order of the session, as a registration counts them."""
    units = dataset.sizes["unit"]
    return Cells(rows=np.arange(units), counted=units)


def _no_cells(place: Place) -> Cells:
    raise AssertionError(f"cells of {place.label} are counted by their session")
