"""Calcium imaging of CA1 (and CA3) on two tracks, eight recording sessions each: Sheintuch 2023 and
the raw files of Sheintuch 2020.

Sheintuch L, Geva N, Deitch D, Rubin A, Ziv Y (2023) Organization of hippocampal CA3 into
correlated cell assemblies supports a stable spatial code. Cell Reports 42:112119, doi
10.1016/j.celrep.2023.112119; published per mouse as ``this_mouse_data``: see ``summary``. Sheintuch
L, Geva N, et al. (2020) Multiple maps of the same spatial context can stably coexist in the mouse
hippocampus. Curr Biol 30:1467, doi 10.1016/j.cub.2020.02.018 (github zivlab/multiple_maps);
published per recording session: see ``sessions``.

``sessions`` reads ``<mouse>/Environment A`` (straight) and ``B`` (L-shaped) with
``finalEventsMat_k.mat``, ``behavior_k.mat``, ``frameLog_k.csv``, ``cell_registration.mat`` and
``Maps per trial.xlsx``. Quirks of the layout:

- Mice are named C6_M4 here and C6M4 elsewhere; here they lose the underscore.
- Elapsed time comes from the dates in ``Var5`` of the frame log, neither from k nor from ``DayN``,
  which both count sessions.
- The first video frame of a trial is dropped, and video and imaging are cut to what they share, as
  the authors do.
- Trials are split into two recordings here and there: see
  ``data_adapters.laboratories.ziv.pairing.paired``.
- ``binned`` of the L runs away from the corner on both arms; ``rough_linearized_location`` is used,
  else the bins are unfolded. Both
  tracks are scaled to 96 cm over the range of positions (at least 0 to 1): of the session, or
  (faithful) of each trial.
- Tracking jumps give hundreds of cm/s in single frames: see ``maximum_speed``. Velocity is a
  running mean over 0.4 s.
- Only bins 3 to 22 of 24 count; elsewhere position is NaN, that is, the frame is not used.
- Recording sessions without a map in the spreadsheet are not usable. Several maps may alternate:
  see ``map_number`` and ``maps_apart``.
- An entry of the registration map is the 1-based column of the session's events; a few detected
  cells are in no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from data_adapters.laboratories.ziv.files import frame_log, map_numbers
from data_adapters.laboratories.ziv.summary import summary
from data_adapters.laboratories.ziv.trials import (
    BIN,
    RUNNING,
    TRACK_LENGTH,
    Files,
    Rules,
    Trials,
    track_maps,
    trials,
)
from data_adapters.options import existing
from data_adapters.registrations.cell_map import Registration
from data_adapters.registrations.files import read_registration
from data_adapters.session import one_of, session_dataset
from drift.door import opened
from drift.door.quantities import SamplingRate
from drift.schema.labelled_form import RefusedInputError

__all__ = ["sessions", "summary"]

SOURCE = "Sheintuch et al. 2020, doi 10.1016/j.cub.2020.02.018; layout of the Ziv laboratory"
EVENTS = re.compile(r"finalEventsMat_(\d{1,6})\.mat")
MOUSE = re.compile(r"C(\d+)_?M(\d+)")
TABLE = "maps per trial.xlsx"


@opened
def sessions(
    path: str | Path,
    environment: str | None = None,
    map_number: int | None = None,
    maps_apart: bool = False,
    maximum_speed: float | None = 100.0,
    sampling_rate: SamplingRate = 20.0,
    faithful: bool = False,
) -> Iterator[xr.Dataset]:
    """One session Dataset per usable recording session, by mouse and date.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder of one environment, of one mouse, or of mice.
    environment : {"A", "B"} or None
        Read this environment only.
    map_number : int or None
        Read only trials to which the authors assigned this map; None takes all, which mixes codes
        where maps alternate.
    maps_apart : bool
        Take maps for environments: those of environment A are called "A map 1", "A map 2" ..., and
        a recording session in which maps alternate becomes one session for each, so that a map is
        compared with itself; cells keep their identity.
    maximum_speed : float or None
        Frames that are faster (cm/s) are jumps of the tracking: they have no position and enter no
        mean. None, or faithful: kept.
    sampling_rate : float
        Hz; 20, except mouse C8M2 with 10.
    faithful : bool
        As published: trials 2 to 6 by number, bins over the range of each trial (positions are bin
        centres), velocity spikes kept.

    Returns
    -------
    iterator of xarray.Dataset
        Event amplitudes, position along the track (cm), signed velocity (cm/s), direction (1, -1, 0
        below 1 cm/s) and trial. ``session`` counts a mouse's recordings in ``path`` by date,
        unusable ones included; ``elapsed`` is in days since the first of them. ``unit`` is the
        registered row where there is a registration (``unit_identity`` names the environment: it is
        registered by itself). ``detected_units`` counts all columns of events. ``notes`` says what
        was cut, ``skipped`` which sessions were left out and why, ``track_map`` which maps the
        authors assigned to the trials: ``drift.measure`` warns where several are mixed.

    Raises
    ------
    RefusedInputError
        If a file is missing or cannot be used.
    """
    one_of(environment or "A", ("A", "B"), "environment")
    if maps_apart and map_number is not None:
        raise RefusedInputError(
            f"maps_apart reads all maps, got map_number={map_number}, too: give one of the two."
        )
    rules = Rules(sampling_rate, None if faithful else maximum_speed, map_number, faithful)
    if not 0 < sampling_rate < 1e6 or (maximum_speed is not None and not maximum_speed > 0):
        raise RefusedInputError(
            f"sampling_rate and maximum_speed were expected above 0, got {sampling_rate} and "
            f"{maximum_speed}: give Hz and cm/s."
        )
    folders = _folders(existing(path))
    selected_folders = [folder for folder in folders if environment in (None, _environment(folder))]
    mice: dict[str, list[Path]] = {}
    for folder in selected_folders:
        mice.setdefault(_mouse(folder), []).append(folder)
    if not mice:
        environments = ", ".join(sorted({_environment(folder) for folder in folders}))
        raise RefusedInputError(
            f"files of environment {environment} were expected in {path}, got environment "
            f"{environments}: choose this one."
        )
    return (
        recorded
        for mouse in sorted(mice)
        for recorded in _mouse_sessions(mouse, mice[mouse], rules, maps_apart)
    )


def _folders(path: Path) -> list[Path]:
    """Folders that hold events: the path itself, or folders one or two levels below."""
    if not path.is_dir():
        raise RefusedInputError(
            f"the folder of a mouse or an environment was expected at {path}, got a file: "
            "give the folder."
        )
    inside = [path, *sorted(path.glob("*")), *sorted(path.glob("*/*"))]
    event_folders = [folder for folder in inside if folder.is_dir() and _numbers(folder)]
    if not event_folders:
        raise RefusedInputError(
            f"files such as finalEventsMat_1.mat were expected in {path} or its folders, got "
            "none: check the folder."
        )
    return event_folders


def _numbers(folder: Path) -> list[int]:
    return sorted(
        int(match[1]) for file in folder.iterdir() if (match := EVENTS.fullmatch(file.name))
    )


def _mouse(folder: Path) -> str:
    """Name of the mouse: from the folder's name or the one above, without the underscore."""
    for name in (folder.resolve().name, folder.resolve().parent.name):
        if match := MOUSE.search(name):
            return f"C{match[1]}M{match[2]}"
    return (
        folder.resolve().parent.name
        if folder.name.startswith("Environment")
        else folder.resolve().name
    )


def _environment(folder: Path) -> str:
    """A or B as the last word of the folder's name; A where it does not say."""
    name = re.split(r"[ _]", folder.resolve().name)[-1]
    return name if name in ("A", "B") else "A"


def _maps(files: Files, rules: Rules) -> list[Rules]:
    """Rules to read each map of a recording session by itself."""
    numbers = sorted({number for number in files.maps or [] if number})
    return [rules._replace(map_number=number) for number in numbers] or [rules]


def _mouse_sessions(
    mouse: str, folders: list[Path], rules: Rules, maps_apart: bool
) -> Iterator[xr.Dataset]:
    recordings = sorted(
        (files for folder in folders for files in _files(folder)),
        key=lambda files: (files.recorded, files.number),
    )
    registered = {folder: _registration(folder) for folder in folders}
    skipped = [
        f"{_named(files)}: no map in the spreadsheet" for files in recordings if files.maps == []
    ]
    readings = [
        (files, own)
        for files in recordings
        for own in (_maps(files, rules) if maps_apart else [rules])
    ]
    for session, (files, own) in enumerate(readings):
        usable = "" if files.maps == [] else trials(files, own)
        if isinstance(usable, str):
            skipped += [f"{_named(files)}: {usable}"] if usable else []
            continue
        elapsed = (files.recorded - recordings[0].recorded).total_seconds() / 86400
        recorded = _session(
            mouse, session, elapsed, files, usable, registered[files.folder], own, skipped
        )
        yield _of_map(recorded, own.map_number) if maps_apart else recorded
    if len(skipped) == len(readings):
        raise RefusedInputError(
            f"usable recording sessions of {mouse} were expected, got none "
            f"({'; '.join(skipped)}): choose other options."
        )


def _of_map(recorded: xr.Dataset, number: int | None) -> xr.Dataset:
    """The session in an environment that is named by its map, if that is known."""
    if number is None:
        return recorded
    return recorded.assign_coords(environment=f"{recorded['environment'].item()} map {number}")


def _named(files: Files) -> str:
    return f"session {files.number} of environment {_environment(files.folder)}"


def _files(folder: Path) -> Iterator[Files]:
    tables = [file for file in folder.iterdir() if file.name.casefold() == TABLE]
    maps = map_numbers(tables[0]) if tables else None
    for number in _numbers(folder):
        for name in (f"behavior_{number}.mat", f"frameLog_{number}.csv"):
            if not (folder / name).is_file():
                raise RefusedInputError(
                    f"a file was expected at {folder / name}, got none: add it or remove "
                    f"session {number}."
                )
        yield Files(
            folder,
            number,
            frame_log(folder / f"frameLog_{number}.csv"),
            None if maps is None else maps.get(number, []),
        )


def _registration(folder: Path) -> Registration | None:
    candidates = [
        *sorted(folder.glob("cell_registration.mat")),
        *sorted(folder.glob("cellRegistered_*.mat")),
    ]
    return read_registration(candidates[0], base=1) if candidates else None


def _session(
    mouse: str,
    session: int,
    elapsed: float,
    files: Files,
    usable: Trials,
    registered: Registration | None,
    rules: Rules,
    skipped: list[str],
) -> xr.Dataset:
    environment = _environment(files.folder) if usable.geometry == "linear" else "B"
    cells = usable.activity.shape[1]
    identity = _named(files) if registered is None else f"registered in environment {environment}"
    notes = [
        *usable.reasons,
        *(["no spreadsheet of maps: all trials taken"] if files.maps is None else []),
    ]
    return session_dataset(
        subject=mouse,
        session=session,
        elapsed=elapsed,
        elapsed_units="day",
        environment=environment,
        unit_identity=identity,
        activity=usable.activity,
        position=usable.position,
        velocity=usable.velocity,
        direction=usable.direction,
        trial=usable.trial,
        sampling_rate=rules.sampling_rate,
        source=SOURCE,
        geometry=usable.geometry,
        bin_size=BIN,
        minimum_speed=RUNNING,
        unit=None if registered is None else registered.units(files.number, cells),
        coords={"recording": files.number},
        attrs={
            "track_length": TRACK_LENGTH,
            "notes": "; ".join(notes),
            "skipped": "; ".join(skipped),
            **track_maps(files, usable),
        },
    )
