"""Calcium imaging of the visual cortex during a natural movie, three sessions days apart: Deitch
2021.

Deitch D, Rubin A, Ziv Y (2021) Representational drift in the mouse visual cortex. Curr Biol
31:4327, doi 10.1016/j.cub.2021.07.062 (github zivlab/visual_drift); recordings of the Allen Brain
Observatory, published as ``data/calcium_excitatory/<area>/<experiment>.mat``, one file per mouse.

What the authors' ``scripts/visual_drift_analysis.m`` shows of the layout:

- ``united_traces_days_events`` (cell, 9000, 3) holds the events of natural movie 1 in three
  sessions, at 30 Hz: ten repeats of 900 frames each, one after the other. A row is one cell in all
  sessions. The repeats of the sessions follow one another in their figures as sessions 1, 2, 3.
- ``mouse_age``, the age at the sessions in days, is sorted before it is used: sessions are in the
  order of real time, ages need not be. Files of inhibitory cells may lack it.
- ``natural_movie_running_sorted`` {session, 1}, 9000 running speeds, and
  ``natural_movie_pupil_sorted`` are in the order of the sessions.
- ``filtered_traces_days_events`` {type, stimulus} holds each session by itself, cells not
  registered; movies, gratings and spontaneous activity that were shown in one session only are not
  read here.

What the code does not show: whether a row without events in a session is a silent cell or one that
was not found there (the authors take cells that are active in both of two sessions): see the option
``absent``; whether events are 0 and 1 only: what they look like decides; the units of the running
speed, taken for cm/s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.files import matlab
from data_adapters.options import existing
from data_adapters.session import numbers, one_of, session_dataset
from drift.door import opened
from drift.errors import RefusedInputError

__all__ = ["sessions"]

SOURCE = "Deitch et al. 2021, doi 10.1016/j.cub.2021.07.062; Allen Brain Observatory"
EVENTS, AGE, RUNNING = (
    "united_traces_days_events",
    "mouse_age",
    "natural_movie_running_sorted",
)
SAMPLING_RATE = 30.0  # Hz
REPEATS, FRAMES = 10, 900  # of the movie in a session, of each repeat
MOVIE = "natural movie 1"
OF_MOUSE = {"cre_line": "text", "imaging_depth": "number"}


@opened
def sessions(
    path: str | Path,
    area: str | None = None,
    bins: int = 30,
    absent: str = "nan",
) -> Iterator[xr.Dataset]:
    """One session Dataset per imaging session, by file and date.

    Parameters
    ----------
    path : str or pathlib.Path
        One file, a folder of files, or a folder of areas.
    area : str or None
        Read files in folders of this name only, such as VISp.
    bins : int
        Stimuli into which a repeat of the movie is cut, a divisor of 900 (authors: 30, of 1 s).
    absent : {"nan", "silent"}
        Rows that mean a cell that was not found in a session: NaN throughout, or those without any
        event, too (authors: cells active in both sessions).

    Returns
    -------
    iterator of xarray.Dataset
        Events, ``stimulus`` (time in the movie, s, centre of the bin; linear), ``trial`` (repeat
        from 1) and, where it is known, ``velocity``; ``unit`` is the row, registered throughout;
        ``elapsed`` is in days since the first session.

    Raises
    ------
    RefusedInputError
        If a file is missing or cannot be used.

    References
    ----------
    Deitch, Rubin & Ziv 2021, Curr Biol 31:4327.
    """
    one_of(absent, ("nan", "silent"), "absent")
    if bins < 1 or FRAMES % bins:
        raise RefusedInputError(
            f"bins was expected to divide the {FRAMES} frames of the movie, got {bins}: take 30."
        )
    return (
        recorded
        for file in _files(existing(path), area)
        for recorded in _mouse_sessions(file, bins, absent)
    )


def _files(path: Path, area: str | None) -> list[Path]:
    """The file, or files in the folder or one or two levels below, of one area."""
    inside = [*path.glob("*.mat"), *path.glob("*/*.mat"), *path.glob("*/*/*.mat")]
    files = sorted(inside) if path.is_dir() else [path]
    read = [file for file in files if area is None or file.resolve().parent.name == area]
    if not read:
        areas = ", ".join(sorted({file.resolve().parent.name for file in files})) or "none"
        raise RefusedInputError(
            f".mat files of area {area or 'any'} were expected in {path}, got {areas}: check the "
            "folder."
        )
    return read


def _mouse_sessions(path: Path, bins: int, absent: str) -> Iterator[xr.Dataset]:
    content = matlab.read(path, EVENTS, AGE, optional=(RUNNING, *OF_MOUSE))
    events = numbers(content[EVENTS], f"{EVENTS} in {path}")
    if events.ndim != 3 or events.shape[1] != REPEATS * FRAMES:
        raise RefusedInputError(
            f"{EVENTS} in {path} was expected as (cell, {REPEATS * FRAMES}, session), got shape "
            f"{events.shape}: read files of calcium imaging."
        )
    ages = np.sort(numbers(content[AGE], f"{AGE} in {path}").ravel())
    if ages.size != events.shape[2] or np.isnan(ages).any():
        raise RefusedInputError(
            f"{AGE} in {path} was expected to hold the days of {events.shape[2]} sessions, got "
            f"{ages.tolist()}: add those that are missing."
        )
    for session, elapsed in enumerate(ages - ages[0]):
        own = events[:, :, session].T
        yield _session(path, session, float(elapsed), own, content, bins, absent)


def _session(
    path: Path,
    session: int,
    elapsed: float,
    events: NDArray[np.float64],
    content: dict[str, Any],
    bins: int,
    absent: str,
) -> xr.Dataset:
    """Session of the events (frame, cell) of all registered cells."""
    present = ~np.isnan(events).all(axis=0)
    if absent == "silent":
        present &= (np.nan_to_num(events) > 0).any(axis=0)
    frame = np.arange(len(events))
    seconds = FRAMES / bins / SAMPLING_RATE
    dataset = session_dataset(
        subject=path.stem,
        session=session,
        elapsed=elapsed,
        elapsed_units="day",
        environment=MOVIE,
        unit_identity="registered",
        activity=events[:, present],
        unit=np.flatnonzero(present),
        stimulus=(frame % FRAMES // (FRAMES // bins) + 0.5) * seconds,
        stimulus_metric="linear",
        stimulus_units="s",
        trial=frame // FRAMES + 1,
        velocity=_running(content, session, len(events)),
        sampling_rate=SAMPLING_RATE,
        source=SOURCE,
        attrs={"region": path.resolve().parent.name, **_of_mouse(content)},
    )
    dataset.encoding["source"] = str(path)
    return dataset


def _running(content: dict[str, Any], session: int, frames: int) -> NDArray[np.float64] | None:
    """Running speed in each frame of a session, None where the file has none."""
    # MATLAB counts down the first column, which is that of natural movie 1
    speed = matlab.cell(content.get(RUNNING), session)
    values = np.ravel([] if speed is None else speed)
    return values.astype(np.float64) if values.size == frames else None


def _of_mouse(content: dict[str, Any]) -> dict[str, str | float]:
    """What the file says of the mouse, as text and numbers."""
    attrs: dict[str, str | float] = {}
    for name, kind in OF_MOUSE.items():
        value = content.get(name)
        if kind == "text" and isinstance(value, str):
            attrs[name] = value
        elif kind == "number" and isinstance(value, np.ndarray) and value.size == 1:
            attrs[name] = float(value.ravel()[0])
    return attrs
