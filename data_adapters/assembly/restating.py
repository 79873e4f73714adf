"""What the caller says of sessions that a reader made by itself: another track, other units of
length, epochs, a registration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from data_adapters.assembly.assembling import (
    in_rooms,
    length_in_file,
    track_of,
    what_is_measured,
)
from data_adapters.assembly.clock import said_start
from data_adapters.assembly.folders import Place
from data_adapters.exchange.labels import sampled, session_labels
from data_adapters.registrations.cell_map import Registration
from data_adapters.registrations.files import read_registration
from data_adapters.session import session_dataset
from data_adapters.statements import Statements, stated
from drift.errors import RefusedInputError
from drift.metrics.clocks import sample_times
from drift.metrics.places import RING

OF_TRACKS = (
    *("position", "bodypart", "track_rate", "track_times", "pulses", "origin", "frame_times"),
    *("max_gap", "stimulus"),
)
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
    _refuse_useless(said)
    registered = Registrations(statements)
    numbers: dict[str, int] = {}
    for dataset in recorded:
        place = _place(dataset, path)
        units = registered.units(place, dataset)
        for arguments in _arguments(dataset, place, statements, units):
            number = numbers.get(place.subject, 0)
            yield session_dataset(**{**arguments, "session": number})
            numbers[place.subject] = number + 1
    registered.refuse_columns_left()


def _refuse_useless(said: dict[str, Any]) -> None:
    """Refuse what belongs to a track where none is named."""
    if "track" not in said and (useless := [name for name in OF_TRACKS if name in said]):
        raise RefusedInputError(
            f"option {useless[0]} was expected beside track, got it alone: name the file of the "
            "track, or leave it out."
        )


class Registrations:
    """Units of sessions that come one after the other, by the registration of their subject.

    Parameters
    ----------
    statements : Statements
        What the caller says.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._of: dict[str, Registration] = {}
        self._sessions: dict[str, int] = {}

    def units(self, place: Place, dataset: xr.Dataset) -> dict[str, Any]:
        """Number, label, identity and certainty of the units of a session; nothing without a
        registration."""
        said = self._statements
        if said.registration is None:
            return {}
        if place.subject not in self._of:
            file = place.named(said.registration, "registration")
            registration = read_registration(file, said.base)
            if said.minimum_confidence is not None:
                registration.drop_uncertain(said.minimum_confidence)
            self._of[place.subject] = registration
        registration = self._of[place.subject]
        number = self._sessions[place.subject] = self._sessions.get(place.subject, 0) + 1
        column = number if said.columns is None else [*said.columns, 0][number - 1 : number][0]
        if not 1 <= column <= registration.sessions:
            raise RefusedInputError(
                f"{registration.where} was expected to have a column for session {number} of "
                f"{place.subject}, got {registration.sessions}: say columns= with one for each "
                "session, from 1."
            )
        units = registration.units(int(column), dataset.sizes["unit"])
        return {
            "unit": units,
            "unit_label": None,
            "unit_identity": "registered",
            "unit_confidence": registration.certainty(units),
        }

    def refuse_columns_left(self) -> None:
        """Refuse registrations of more sessions than there were."""
        for subject, registration in self._of.items():
            if self._statements.columns is None and registration.sessions > self._sessions[subject]:
                raise RefusedInputError(
                    f"{registration.where} was expected to have a column for each session of "
                    f"{subject} ({self._sessions[subject]}), got {registration.sessions}: say "
                    "columns= with those of these sessions, from 1."
                )


def _place(dataset: xr.Dataset, path: Path) -> Place:
    subject, number = str(dataset["subject"].item()), int(dataset["session"].item())
    folder = path if path.is_dir() else path.parent
    label = f"session {number}"
    return Place(folder, folder, folder, subject, label, label, number + 1)


def _arguments(
    dataset: xr.Dataset,
    place: Place,
    statements: Statements,
    units: dict[str, Any],
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
        held = track.at(
            time, statements.max_gap, length_in_file(track, statements), statements.geometry == RING
        )
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
    labels |= units
    for environment, inside in in_rooms(time, track, place, statements):
        room = {} if environment == "unknown" else {"environment": environment}
        cut = arrays if inside is None else {**arrays, "time": time}
        within = {
            name: values if inside is None else values[inside] for name, values in cut.items()
        }
        yield {**labels, **within, **room}


def _noted(attrs: dict[str, Any], note: str) -> dict[str, Any]:
    notes = "; ".join(filter(None, (str(attrs.get("notes", "")), note)))
    return {**attrs, "notes": notes} if notes else dict(attrs)
