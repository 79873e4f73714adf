"""Session Datasets of NWB files, by subject and start, one for each room of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from data_adapters.assembly.assembling import named_session
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place
from data_adapters.assembly.identity import Identities
from data_adapters.exchange.nwb.epochs import tags_of
from data_adapters.exchange.nwb.events import EventChoice, read_events
from data_adapters.exchange.nwb.files import Recording, opened_content, places, recordings
from data_adapters.exchange.nwb.one_file import Request, rooms_of_file
from data_adapters.exchange.nwb.positions import position_choice
from data_adapters.options import nearest
from data_adapters.statements import stated
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError


@opened
def sessions(
    path: str | Path,
    events: str | None = None,
    position: str | None = None,
    position_units: str | None = None,
    identity: str | None = None,
    **statements: Any,
) -> Iterator[xr.Dataset]:
    """One session Dataset per file, or per environment of it, by subject and start.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.nwb`` file, a folder of zarr (``.nwb.zarr``; needs the package hdmf-zarr), or a folder
        with these in it or in the folders below (``sub-*/``).
    events : str or None
        Name of the ``RoiResponseSeries``, or ``units`` for spike times; None: the only one, or the
        only one that is named as events (``Deconvolved``, ``event...``, ``units``). Traces of
        fluorescence are refused.
    position : str or None
        Name of the series with the position, where two share one with that of what holds it
        (``Position/led``); None: the only ``SpatialSeries`` or ``PoseEstimationSeries`` in a unit
        of length, or the only one of them in ``processing/behavior`` that is named as a position;
        without any, the ``TimeSeries`` of which this holds. With ``track`` a column of the track.
    position_units : str or None
        Unit of the numbers of the position times ``conversion`` plus ``offset``, in the place of
        that of the file: cm, m, mm or pixel. With ``track`` that of the track.
    identity : str or None
        Column of the table of regions or units whose equal entries in two files of a subject are
        the same unit, or ``id``, the numbers of its rows; None: ``global_roi_id``,
        ``cell_specimen_id`` or ``global_id`` where there is one.
    **statements
        See ``data_adapters.statements.Statements``. ``track`` takes the place of the position in
        the file; ``{folder}`` stands for the name of the file without its ending, ``start`` is the
        time 0 of the file on the clock of the track. ``scale`` (cm per number) takes the place of
        ``conversion``, ``offset`` and unit. ``epochs`` names tags of epochs, or entries of columns
        such as ``environment`` in tables of intervals, separated by commas: each becomes a session,
        all of them one where ``environment`` is said; or a table. Without it all samples are read,
        if tags do not tell of several environments.

    Returns
    -------
    iterator of xarray.Dataset
        Responses keep their frames, with the position interpolated at them (NaN outside of it).
        Spikes are counted in the frames of the position: a spike belongs to the frame that begins
        before or at it and ends after it, see ``drift.metrics.clocks``. ``elapsed`` in days since
        the subject's first file, and sessions are numbered from it. ``trial`` is the row, from 1,
        of the table of trials. Where a column names units across files, the number of a unit is the
        rank of its entry among those of the subject; units without an entry (-1, empty) are units
        of their session alone.

    Raises
    ------
    RefusedInputError
        If pynwb is not installed, or a file cannot be used.
    """
    said = stated({**statements, "position": position})
    choice = EventChoice(events, said.events_are, said.keep_rejected, identity)
    request = Request(choice, position_choice(said, position_units), said)
    begun = recordings(path, identity)
    return _sessions(begun, places(begun, Path(path), said.elapsed), request)


def _sessions(
    begun: Sequence[Recording], session_places: Sequence[Place], request: Request
) -> Iterator[xr.Dataset]:
    def cells_of(place: Place) -> Cells:
        with opened_content(place.folder) as content:
            return read_events(content, request.events, place.folder)[0]

    registered = Identities(session_places, cells_of, request.statements)
    numbers: dict[str, int] = {}
    rooms: set[str] = set()
    for recording, place in zip(begun, session_places, strict=True):
        own = [sibling for sibling in begun if sibling.subject == recording.subject]
        for arguments in rooms_of_file(recording, place, own, registered, request):
            number = numbers.get(place.subject, 0)
            yield named_session(place, **{"session": number, **arguments})
            numbers[place.subject] = number + 1
            rooms.add(str(arguments.get("environment")))
            arguments.clear()
    for tag in tags_of(request.statements):
        if tag not in rooms:
            raise RefusedInputError(
                f"files were expected to hold the epoch {tag!r}, got {', '.join(sorted(rooms))}: "
                f"{nearest(tag, rooms)}."
            )
