"""Sessions of objects that other programs hold in memory: pynapple, neo, SpikeInterface, movement.

None of these packages is imported; objects are known by what they offer.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.acceptance import accepted_units
from data_adapters.exchange.object_forms import PositionChoice, Units
from data_adapters.exchange.object_kinds import positions_of, units_of
from data_adapters.exchange.object_samples import cut, room_of, samples_of
from data_adapters.options import nearest
from data_adapters.session import session_dataset
from data_adapters.tracks.track import Track
from drift.door import opened
from drift.door.quantities import Index, Positive, Probability
from drift.schema.labelled_form import RefusedInputError

OF_SAMPLES = ("velocity", "direction", "trial")
OF_UNITS = ("unit", "unit_label")
TAKEN = ("activity", "position", "time", "duration")  # that objects say themselves


@opened
def from_objects(
    events: Any,
    position: Any = None,
    *,
    subject: str,
    session: int,
    elapsed: float,
    elapsed_units: str,
    environment: str,
    time: Any = None,
    segment: Index | None = None,
    start: float = 0.0,
    max_gap: Positive | None = None,
    columns: str | None = None,
    bodypart: str | None = None,
    individual: str | None = None,
    minimum_likelihood: Probability = 0.9,
    track_rate: Positive | None = None,
    keep_rejected: bool = False,
    **further: Any,
) -> xr.Dataset:
    """Session Dataset of objects that hold the events and the position of one session.

    Spikes are counted in the samples of the position, each until the next one; events that have
    frames of their own keep them, and the position is interpolated at these, never across gaps,
    wraps or the ends of epochs (``data_adapters.align``).

    Parameters
    ----------
    events : object
        neo: a ``Segment``, a ``Block``, or its spike trains, in any unit of time. SpikeInterface: a
        sorting. pynapple: a ``TsGroup`` (spikes) or a ``TsdFrame`` (sample, unit). Plain: a list,
        or a mapping by unit, of arrays of seconds; or an array (frame, unit) with ``time``.
    position : object
        pynapple: a ``Tsd`` or ``TsdFrame``, lazy ones too, within its epochs. movement: a Dataset
        of poses or bounding boxes, in pixel where it does not say ``space_unit``. neo: an
        ``AnalogSignal`` or ``IrregularlySampledSignal``; lengths become cm. A tuple of times (s)
        and positions (sample[, axis]); an array of positions at ``time``; a
        ``data_adapters.tracks.track.Track``; or the path of a file that ``track=`` of a reader
        takes. None: the only signal of the Segment of neo that has a unit of length.
    subject, session, elapsed, elapsed_units, environment : str, int, float, str, str
        See ``data_adapters.session.session_dataset``. Of a track that tells several environments
        this one is taken.
    time : array_like, optional
        (frame) times of events, s, on the clock of the position.
    segment : int, optional
        Which segment of a Block or a sorting that has several, from 0.
    start : float
        Time 0 of the events on the clock of the position, s.
    max_gap : float, optional
        Longest step of the position to interpolate over, s; see ``data_adapters.align``.
    columns : str, optional
        Of a TsdFrame or a file: names of one column or two (``"x,y"``); of a signal: numbers of its
        channels.
    bodypart, individual : str, optional
        Of movement: whose position; several body parts separated by commas give their mean. The
        first also of files of DeepLabCut.
    minimum_likelihood : float
        Below this confidence a sample is lost; 0 keeps all.
    track_rate : float, optional
        Frames per second of a position without times, Hz.
    keep_rejected : bool
        Count units too that the experimenter or the sorter rejected, see
        ``data_adapters.acceptance.accepted_units``.
    **further
        Other arguments of ``data_adapters.session.session_dataset``: ``geometry``,
        ``track_length``, ``position_units``, ``scale`` (cm per unit of the object), ``lost``,
        ``velocity``, ``direction`` and ``trial`` at each sample, ``unit`` and ``unit_label`` of all
        units of the object (with ``unit`` alone they are called by these numbers), ... ``source``
        is the program unless it is given.

    Returns
    -------
    xarray.Dataset
        Session Dataset, see ``drift.schema``; ``notes`` say what was left out. Samples of the
        position before ``t_start`` or after ``t_stop`` of spike trains of neo, or outside of the
        recording of a sorting, are left out, since nothing was recorded then. A ``t_stop`` at the
        last spike says nothing of the end.

    Raises
    ------
    RefusedInputError
        If an object is of another kind, says too little, or events and position share no time.

    Examples
    --------
    >>> segment = neo.io.PhyIO("m1/day1/phy").read_segment()
    >>> session = data_adapters.from_objects(segment, "m1/day1/track.csv", subject="m1", session=0,
    ...     elapsed=0.0, elapsed_units="day", environment="A")
    """
    _refuse_unknown(further)
    choice = PositionChoice(
        columns, bodypart, individual, minimum_likelihood, track_rate,
        *(further.get(name) for name in ("lost", "scale", "position_units")),
    )  # fmt: skip
    units = units_of(events, time, segment)
    placed = positions_of(position, events, segment, time, choice)
    accepted, left = _accepted(units, keep_rejected)
    samples = samples_of(units, accepted, placed, start)
    held = placed.at(samples.time, max_gap, _length_in_object(placed.track, further))
    notes = _noted(further.get("attrs"), [left, samples.notes, held.pop("notes")])
    arrays = {
        "activity": samples.activity,
        "time": samples.time,
        "duration": samples.duration,
        **held,
        **cut(further, OF_SAMPLES, samples.inside),
    }
    room = room_of(placed.track, samples.time, environment)
    said = _said(units, session, samples.time) | _numbered(further) | further | {"attrs": notes}
    said |= cut(said, OF_UNITS, accepted) | cut(arrays, tuple(arrays), room)
    return session_dataset(
        subject=subject,
        session=session,
        elapsed=elapsed,
        elapsed_units=elapsed_units,
        environment=environment,
        **{**said, "position_units": placed.track.units, "lost": None},
    )


def _said(units: Units, session: int, time: NDArray[np.float64]) -> dict[str, Any]:
    """What holds where the caller says nothing else."""
    return {
        "sampling_rate": float(np.round(1 / np.median(np.diff(time)), 6)),
        "source": units.source,
        "unit_identity": f"session {session}",
        "unit": units.unit,
        "unit_label": units.unit_label,
        "events_are": None if units.trains is None else "counts",
    }


def _numbered(further: Mapping[str, Any]) -> dict[str, Any]:
    """Units that the caller numbers are called by these numbers: the names in an object are those
    of one session."""
    return {"unit_label": None} if further.get("unit") is not None else {}


def _refuse_unknown(further: Mapping[str, Any]) -> None:
    known_names = [
        name for name in inspect.signature(session_dataset).parameters if name not in TAKEN
    ]
    for name in further:
        if name not in known_names:
            raise RefusedInputError(
                f"argument {name!r} is unknown to from_objects: {nearest(name, known_names)}."
            )


def _accepted(units: Units, keep_rejected: bool) -> tuple[NDArray[np.bool_], str]:
    count = len(units.unit)
    if keep_rejected:
        return np.ones(count, dtype=bool), ""
    return accepted_units(units.words, count, units.where)


def _length_in_object(track: Track, further: Mapping[str, Any]) -> float | None:
    """Length of the track in units of the object."""
    length, scale = further.get("track_length"), further.get("scale")
    if length is None or (track.units != "cm" and scale is None):
        return None
    return length / (scale or 1.0)


def _noted(attrs: Mapping[str, Any] | None, notes: list[str]) -> dict[str, Any]:
    said = dict(attrs or {})
    told = "; ".join(filter(None, (str(said.get("notes", "")), *notes)))
    return said | ({"notes": told} if told else {})
