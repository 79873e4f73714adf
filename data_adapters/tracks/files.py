"""Which program wrote a track, and what it holds."""

from __future__ import annotations

from pathlib import Path

from data_adapters.files.containers import read_fields, refuse_pickle
from data_adapters.files.tables import read_table
from data_adapters.options import existing
from data_adapters.tracks import deeplabcut
from data_adapters.tracks.choice import TrackChoice
from data_adapters.tracks.shown import Shown, shown_of_columns
from data_adapters.tracks.tables import track_of_columns, track_of_fields
from data_adapters.tracks.track import Track
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError

TEXT = (".csv", ".tsv", ".txt")
HDF5 = (".h5", ".hdf5")


WHOLE = TrackChoice()


@opened
def read_track(path: str | Path, choice: TrackChoice = WHOLE) -> Track:
    """Track of a file; see ``read_shown`` for stimuli.

    Parameters
    ----------
    path : str or pathlib.Path
        A table with a header (``.csv``, ``.tsv``, ``.txt``): ``time``, ``x`` and, in a plane,
        ``y``, and optional columns, see ``data_adapters.tracks.tables``; the same as arrays in
        ``.npz``, ``.mat`` or ``.nc``; or the output of DeepLabCut (``.csv``, ``.h5``).
    choice : TrackChoice
        Which columns or body part to take, and what marks lost samples.

    Returns
    -------
    Track

    Raises
    ------
    RefusedInputError
        If the file is missing, damaged, or does not say where the animal was and when.
    """
    file = existing(path)
    refuse_pickle(file)
    is_deeplabcut = file.suffix in HDF5 or (file.suffix in TEXT and deeplabcut.is_table(file))
    if not is_deeplabcut and choice.bodypart is not None:
        raise RefusedInputError(
            f"{file} was expected to be a file of DeepLabCut, since bodypart= was said, got a "
            "table: leave it out, or say position=."
        )
    if is_deeplabcut and choice.lost is not None:
        raise RefusedInputError(
            f"{file} was expected to tell lost samples by their likelihood, got lost=: leave it "
            "out, or say minimum_likelihood=."
        )
    if file.suffix in HDF5:
        return _along(
            deeplabcut.read_hdf5(file, choice),
            choice.position,
        )
    if file.suffix in TEXT:
        if is_deeplabcut:
            return _along(
                deeplabcut.read_csv(file, choice),
                choice.position,
            )
        return track_of_columns(read_table(file), file, choice)
    if file.suffix in (".npz", ".mat", ".nc"):
        return track_of_fields(read_fields(file), file, choice)
    raise RefusedInputError(
        f"{file} was expected to be a track (.csv, .tsv, .npz, .mat, .nc or .h5), got "
        f"{file.suffix or 'a folder'}: save it as .csv with the columns time and x."
    )


@opened
def read_shown(path: str | Path, stimulus: str, choice: TrackChoice = WHOLE) -> Shown:
    """Stimuli of a table, in the place of positions.

    Parameters
    ----------
    path : str or pathlib.Path
        A table with a header; see ``data_adapters.tracks.shown``.
    stimulus : str
        Column of the stimulus.
    choice : TrackChoice
        ``pulses``, and ``rate`` or ``times`` of samples without times.

    Returns
    -------
    Shown

    Raises
    ------
    RefusedInputError
        If the file is no table, or does not say what was shown and when.
    """
    file = existing(path)
    if file.suffix not in TEXT:
        raise RefusedInputError(
            f"{file} was expected to be a table of stimuli (.csv, .tsv), got "
            f"{file.suffix or 'a folder'}: save it with the columns start, stop and {stimulus}."
        )
    return shown_of_columns(read_table(file), file, stimulus, choice)


def _along(track: Track, axis: str | None) -> Track:
    """Track of a body part, or of one of its axes."""
    if axis in (None, "x,y"):
        return track
    if axis not in ("x", "y"):
        raise RefusedInputError(
            f"position in {track.where} was expected to be x, y or x,y, got {axis!r}: use one of "
            "these."
        )
    return track._replace(position=track.position[:, ("x", "y").index(axis)])
