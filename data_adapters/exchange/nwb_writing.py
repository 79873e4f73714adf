"""Sessions as files of Neurodata Without Borders, one file a session, that any tool of the standard
reads. Needs the package pynwb.

Where things are in a file, so that they are found without this package:

==================================  ================================================================
``processing/behavior``             ``Position/position`` in metres (cm with conversion 0.01) or
                                    pixels; ``BehavioralTimeSeries`` with ``velocity``,
                                    ``direction`` and ``duration`` where known
``processing/ophys``                ``Fluorescence/activity``: events of each region in each frame,
                                    its regions in ``ImageSegmentation``
``units``                           instead, where spike times are asked for
``trials``                          one row for each stretch of samples of a trial without a gap,
                                    with its number
``processing/repdrift``             table ``session`` of one row: what a session Dataset says beside
                                    its samples
==================================  ================================================================

Regions and units have the column ``global_roi_id``: equal text in two files of a subject means the
same unit. NWB knows no elapsed time: ``session_start_time`` is a date of reference plus the elapsed
time. A simulated session says so in ``session_description``, ``keywords``, the description of its
subject and ``experiment_description``, which holds the recipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from data_adapters.exchange.labels import checked, session_name
from data_adapters.exchange.nwb_content import file_content
from data_adapters.exchange.nwb_format import package, quietly
from data_adapters.exchange.nwb_subject import subject_fields
from data_adapters.options import existing
from data_adapters.session import one_of
from drift.door import opened
from drift.files.atomic import replaced_atomically
from drift.schema.labelled_form import RefusedInputError

REFERENCE = "2000-01-01T00:00:00+00:00"


@opened
def to_nwb(
    sessions: xr.Dataset | Iterable[xr.Dataset],
    folder: str | Path,
    *,
    events: Literal["responses", "spike_times"] = "responses",
    reference: str | datetime = REFERENCE,
    subject: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write sessions as NWB files ``sub-<subject>_ses-<number from 1>.nwb``; ``sessions("nwb",
    folder)`` reads them back equal.

    All files are written, or none is.

    Parameters
    ----------
    sessions : xarray.Dataset or iterable of xarray.Dataset
        Session Datasets of a reader, or of ``drift.observe``; taken one at a time.
    folder : str or pathlib.Path
        Where the files go; must exist.
    events : {"responses", "spike_times"}
        Activity as a series with one value per frame and unit, or as spike times, spread evenly
        over the first half of their frames; these need counts.
    reference : str or datetime.datetime
        ``session_start_time`` at elapsed time 0; with its time zone, else UTC. A learning step
        counts as a second.
    subject : mapping of str to str, optional
        Further fields of ``pynwb.file.Subject``, the same for all: ``{"species": "Mus musculus",
        "sex": "F", "age": "P90D"}``, the three that the DANDI archive asks for. A species is a
        Latin binomial or a link to an NCBI taxon, a sex M, F, U or O, an age an ISO 8601 duration.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    list of pathlib.Path
        In the order of the sessions.

    Raises
    ------
    RefusedInputError
        If pynwb is not installed, a field of the subject is not as archives take it, there is no
        session, one is labelled by stimuli, lacks a label, comes twice or does not fit the first
        one, spike times are asked for where activity is no counts, or a file exists and may not be
        replaced.

    Examples
    --------
    >>> observed = drift.observe(run, drift.published_design("Khatib 2023"))
    >>> paths = data_adapters.to_nwb(observed, "nwb")
    >>> drift.measure(data_adapters.sessions("nwb", "nwb"))
    """
    package()
    one_of(events, ("responses", "spike_times"), "events")
    target, origin, about = existing(folder), _date(reference), subject_fields(subject)
    if not target.is_dir():
        raise RefusedInputError(
            f"a folder was expected at {target}, got a file: give the folder that the files go to."
        )
    first: xr.Dataset | None = None
    names: list[str] = []
    with ExitStack() as unfinished:
        for recording in [sessions] if isinstance(sessions, xr.Dataset) else sessions:
            session = checked(recording)
            first = session if first is None else _alike(session, first)
            names.append(_name(session, names, target, overwrite))
            partial_file = unfinished.enter_context(
                replaced_atomically(target / names[-1], overwrite=overwrite)
            )
            with quietly():
                partial_file.write_bytes(_image(file_content(session, events, origin, about)))
        if not names:
            raise RefusedInputError(
                "sessions were expected, got none: check the path and the filters of the reader."
            )
    return [target / name for name in names]


def _image(content: Any) -> bytes:
    """The bytes of a file, made in memory: without room on the disk HDF5 could not even close
    it."""
    import h5py

    memory = h5py.File("in memory", "w", driver="core", backing_store=False)
    with package().NWBHDF5IO(file=memory, mode="w") as file:
        file.write(content)
        memory.flush()
        return memory.id.get_file_image()


def _date(reference: str | datetime) -> datetime:
    try:
        date = datetime.fromisoformat(reference) if isinstance(reference, str) else reference
        return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    except (AttributeError, TypeError, ValueError) as error:
        raise RefusedInputError(
            f"reference was expected to be a date such as {REFERENCE}, got {reference!r}: "
            "write it so."
        ) from error


def _alike(session: xr.Dataset, first: xr.Dataset) -> xr.Dataset:
    """Return the session if one could be measured together with the first."""
    ours, theirs = (
        {
            "axes of position": dataset["position"].ndim,
            "units of position": dataset["position"].attrs["units"],
            "units of elapsed": dataset["elapsed"].attrs["units"],
            "running direction": "direction" in dataset,
        }
        for dataset in (session, first)
    )
    for what, value in ours.items():
        if value != theirs[what]:
            raise RefusedInputError(
                f"{what} of {session_name(session)} was expected to be {theirs[what]} as in "
                f"{session_name(first)}, got {value}: write "
                "them to folders of their own."
            )
    return session


def _name(session: xr.Dataset, names: list[str], folder: Path, overwrite: bool) -> str:
    subject = session["subject"].item()
    name = f"sub-{subject}_ses-{session['session'].item() + 1:02d}.nwb"
    if Path(name).name != name or not subject or "\0" in name:
        raise RefusedInputError(
            f"the subject was expected to be a name for a file, got {subject!r}: rename the "
            "subject."
        )
    if name in names:
        raise RefusedInputError(
            f"{session_name(session)} was expected once, got it twice: number the sessions of "
            "a subject differently."
        )
    if (folder / name).exists() and not overwrite:
        raise RefusedInputError(
            f"{folder / name} was expected not to exist yet, got a file: choose another "
            "folder or overwrite=True."
        )
    return name
