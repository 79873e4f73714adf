"""CRCNS hc-6: rats alternating on two W-shaped tracks (Karlsson, Carr & Frank 2015), in the layout
of the Frank laboratory.

Karlsson M, Carr M, Frank LM (2015) Simultaneous extracellular recordings from hippocampal areas
CA1 and CA3 (or MEC and CA1) from rats performing an alternation task in two W-shaped tracks that
are geometrically identically but visually distinct. CRCNS, doi 10.6080/K0NK3BZJ.

An animal is a folder of MATLAB v5 files with one prefix: ``{prefix}pos{DD}``,
``{prefix}spikes{DD}``, ``{prefix}task{DD}`` for each recording day and ``{prefix}cellinfo``. Quirks
of the layout:

- The file of day d holds a 1 x d cell whose cells before d are empty.
- Columns are named in the text ``fields``. Where smoothed columns exist (``x-sm y-sm vel-sm``) they
  are used.
- ``data`` of size 0 x 0 is a silent cell; an empty slot is a cell that was not recorded in the
  epoch.
- Published readers disagree on whether positions are pixels or cm; see ``position_units``. ``vel``
  is in cm/s either way.
- Nothing tracks a unit across days: ``unit_identity`` is the recording day, and a (tetrode, cell)
  has one unit number within a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.exchange.frames import outside_note
from data_adapters.files import matlab
from data_adapters.laboratories.frank import pooling, w_track
from data_adapters.laboratories.frank.layout import (
    KINDS,
    Animal,
    Cell,
    Epoch,
    Selection,
    animal,
    animal_folders,
    column,
)
from data_adapters.options import existing
from data_adapters.published.processed import by_animal, matrix
from data_adapters.session import numbers, one_of, session_dataset
from drift.door import opened
from drift.metrics.clocks import LONGEST_FRAME, largest_gap, usual_frame
from drift.schema.labelled_form import RefusedInputError

SOURCE = "Karlsson, Carr & Frank 2015, CRCNS hc-6, doi 10.6080/K0NK3BZJ"
TRACK_EXTENT = (50.0, 110.0)  # cm: the W is about 70 x 80


@opened
def sessions(
    path: str | Path,
    area: str | None = "CA1",
    position_units: str = "auto",
    maximum_rate: float | None = 7.0,
    minimum_spikes: float | None = 100,
    environment: str | None = None,
    days: Sequence[int] | int | None = None,
    geometry: str | None = None,
) -> Iterator[xr.Dataset]:
    """One session Dataset per run epoch, in the order of recording.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder of one animal, or folder of such folders.
    area : str or None
        Area whose cells are taken; ``"any"`` or None takes all cells, also those of an unknown
        area.
    position_units : {"auto", "cm", "pixel"}
        ``auto``: an extent of the track of 50 to 110 is cm; otherwise positions are multiplied by
        ``cmperpixel`` and must then have such an extent. ``cm`` and ``pixel`` take positions and
        velocity as they are, in these units.
    maximum_rate : float or None
        Cells with a mean rate below it (Hz) are taken: principal cells. None: all.
    minimum_spikes : float or None
        Cells with that many spikes in the epoch are taken. None: all, silent ones included.
    environment : str or None
        Take run epochs in this environment only (``TrackA``, ``TrackB``).
    days : int, sequence of int or None
        Take these recording days only (the number in the file names).
    geometry : {"W"} or None
        ``W``: on W tracks, position is the distance along the track, see
        ``data_adapters.laboratories.frank.w_track``; None: x and y, as in the paper.

    Returns
    -------
    iterator of xarray.Dataset
        Spike counts per position frame (events), position (sample, axis), velocity, time (s), and
        as scalar coordinates also exposure, exposureday, dailyexposure (of the task file),
        recording_day and epoch. ``elapsed`` (day) is the day of experience in the environment plus
        the time since the first epoch of that day over 86400 s; where the chosen epochs lie in more
        than one environment it is the recording day plus that time, because each environment has
        its own days of experience. The attribute ``elapsed_axis`` says which. ``detected_units``
        counts the cells of the area that pass the filter. The attribute ``notes`` counts the cells
        left out because their area is unknown, ``skipped`` names run epochs left out and why; sleep
        is never read.

    Raises
    ------
    RefusedInputError
        If files are missing or damaged, no cell or epoch is left, or the units of position cannot
        be told.
    """
    one_of(position_units, ("auto", "cm", "pixel"), "position_units")
    if geometry is not None:
        one_of(geometry, ("W",), "geometry")
        w_track.package()
    selection = _selection(area, maximum_rate, minimum_spikes, environment, days)
    animals = [animal(folder, selection) for folder in animal_folders(existing(path))]
    environments = {epoch.environment for plan in animals for epoch in plan.epochs}
    reading = Reading(position_units, geometry is not None, len(environments) == 1)
    return (recorded for plan in animals for recorded in _animal_sessions(plan, reading))


def experience(
    path: str | Path,
    area: str | None = "CA1",
    maximum_rate: float | None = 7.0,
    minimum_spikes: float | None = 100,
    environment: str | None = None,
    days: Sequence[int] | int | None = None,
) -> xr.Dataset:
    """Day of experience of every session that ``sessions`` yields with the same options; see
    ``data_adapters.laboratories.frank.pooling``.

    Returns
    -------
    xarray.Dataset
        ``exposure``, ``exposureday``, ``dailyexposure`` and ``environment`` by (subject, session).
    """
    return pooling.experience(
        path, _selection(area, maximum_rate, minimum_spikes, environment, days)
    )


@opened
def summary(path: str | Path) -> xr.Dataset:
    """Processed file of Ratzon et al. (2024): fractions of place cells and mean information by
    animal and day of experience.

    Parameters
    ----------
    path : str or pathlib.Path
        MATLAB file with ``f_active`` and ``info_all``, both (day, animal), NaN where an animal has
        no such day.

    Returns
    -------
    xarray.Dataset
        ``fraction_place_units`` and ``mean_spatial_information`` (subject, session); ``elapsed`` is
        the day of experience, from 1.

    Raises
    ------
    RefusedInputError
        If the file cannot be used.
    """
    path = existing(path)
    content = matlab.read(path, "f_active", "info_all")
    fraction, information = (
        matrix(content[name], f"{name} in {path}").T for name in ("f_active", "info_all")
    )
    published = by_animal(
        fraction, information, np.arange(1.0, fraction.shape[1] + 1), "day of experience", path
    )
    return published.assign_attrs(source=SOURCE, geometry="W")


class Reading(NamedTuple):
    """How positions and elapsed time are given."""

    position_units: str
    linear: bool
    by_experience: bool


def _selection(
    area: str | None,
    rate: float | None,
    count: float | None,
    environment: str | None,
    days: Sequence[int] | int | None,
) -> Selection:
    day_numbers = (days,) if isinstance(days, int) else days
    return Selection(None if area in ("any", None) else area, rate, count, environment, day_numbers)


def _animal_sessions(plan: Animal, reading: Reading) -> Iterator[xr.Dataset]:
    session = 0
    for day in sorted({epoch.day for epoch in plan.epochs}):
        epochs = [epoch for epoch in plan.epochs if epoch.day == day]
        position, spikes = (_day_content(plan, kind, day) for kind in KINDS[:2])
        begin = _day_begins(position, day)
        slots = sorted({cell.slot for epoch in epochs for cell in epoch.cells})
        for epoch in epochs:
            content = matlab.cell(position, epoch.epoch - 1), matlab.cell(spikes, epoch.epoch - 1)
            yield _session(plan, epoch, session, content, slots, begin, reading)
            session += 1


def _day_begins(position: Any, day: int) -> float:
    """Time of the first frame of the day, s."""
    times = [
        _table(leaf, "time", f"pos of day {day}")["time"]
        for leaf in matlab.cells(position)
        if isinstance(leaf, dict)
    ]
    firsts = [float(time[0]) for time in times if len(time)]
    if not firsts:
        raise RefusedInputError(
            f"positions of day {day} were expected to have frames, got none: leave the day "
            "out with days=."
        )
    return min(firsts)


def _day_content(plan: Animal, kind: str, day: int) -> Any:
    path = plan.file(kind, day)
    content = matlab.cell(matlab.read(path, kind)[kind], day - 1)
    if content is None:
        raise RefusedInputError(
            f"{path} was expected to hold day {day} in cell {day} of {kind}, got an empty "
            "cell: check the file."
        )
    return content


def _session(
    plan: Animal,
    epoch: Epoch,
    session: int,
    content: tuple[Any, Any],
    slots: list[tuple[int, int]],
    begin: float,
    reading: Reading,
) -> xr.Dataset:
    where = f"day {epoch.day}, epoch {epoch.epoch} of {plan.prefix}"
    if not isinstance(content[0], dict):
        raise RefusedInputError(
            f"positions of {where} were expected because task says run, got none: leave the "
            "day out with days=."
        )
    track = _track(content[0], where)
    xy = np.stack([track["x"], track["y"]], axis=1)
    factor, units = _in_units(xy, content[0], reading.position_units, where)
    rate = round(1 / usual_frame(track["time"]), 2)
    geometry = "linear" if epoch.environment.casefold().startswith("lin") else "W"
    position = (
        w_track.along(xy * factor, factor, epoch.task, where)
        if reading.linear and geometry == "W"
        else xy * factor
    )
    # a linear track seen from above, not linearised
    geometry = "unknown" if geometry == "linear" else geometry
    present, outside = _recorded_cells(content[1], epoch, track["time"], where)
    first_day = epoch.exposureday if reading.by_experience else epoch.day
    return session_dataset(
        subject=plan.prefix,
        session=session,
        elapsed=first_day + (float(track["time"][0]) - begin) / 86400,
        elapsed_units="day",
        environment=epoch.environment,
        unit_identity=f"day {epoch.day}",
        activity=np.stack(list(present.values()), axis=1),
        events_are="counts",
        position=position,
        velocity=track["vel"],
        time=track["time"],
        duration=np.full(len(xy), 1 / rate),  # as published: frames over the sampling rate
        sampling_rate=rate,
        position_units=units,
        geometry=geometry,
        source=SOURCE,
        unit=[slots.index(slot) for slot in present],
        unit_label=[f"tetrode {tetrode} cell {cell}" for tetrode, cell in present],
        coords={"recording_day": epoch.day, "epoch": epoch.epoch, **epoch.exposures},
        attrs={
            "elapsed_axis": "day of experience" if reading.by_experience else "recording day",
            "notes": "; ".join(filter(None, (epoch.notes, outside_note(outside)))),
            "skipped": "; ".join(plan.skipped),
        },
    )


def _outside(
    time: NDArray[np.float64], own: NDArray[np.float64], row: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which spikes, which count in the frame that ends the step they lie in, lie in a gap of
    tracking or before the first frame.

    Parameters
    ----------
    time : numpy.ndarray
        (spike) s.
    own : numpy.ndarray
        (frame) s.
    row : numpy.ndarray
        (spike) their frames, from 0.
    """
    frame = usual_frame(own)
    since = np.diff(own, prepend=-np.inf)
    far = np.abs(time - own[row]) > LONGEST_FRAME * frame
    return far & (since[row] > largest_gap(frame))


def _recorded_cells(
    spikes: Any, epoch: Epoch, time: NDArray[np.float64], where: str
) -> tuple[dict[tuple[int, int], NDArray[np.float64]], int]:
    """Counts of each cell that was recorded, and the spikes of all that lie outside of the tracked
    frames."""
    rows = {cell.slot: _rows(spikes, cell, time, where) for cell in epoch.cells}
    counted = {
        slot: spike_frames for slot, spike_frames in rows.items() if spike_frames is not None
    }
    present = {
        slot: np.bincount(spike_frames[spike_frames >= 0], minlength=len(time)).astype(np.float64)
        for slot, spike_frames in counted.items()
    }
    if not present:
        got = f"none of the {len(rows)} of cellinfo"
        raise RefusedInputError(
            f"cells of {where} were expected in the spikes file, got {got}: check that both "
            "files belong together."
        )
    return present, sum(int((spike_frames < 0).sum()) for spike_frames in counted.values())


def _table(leaf: dict[str, Any], names: str, where: str) -> dict[str, NDArray[np.float64]]:
    """Named columns of ``leaf['data']``, found through the text ``leaf['fields']``."""
    for field in ("fields", "data"):
        if field not in leaf:
            raise RefusedInputError(
                f"{where} was expected to have the field {field!r}, got {', '.join(leaf)}: "
                "check the file."
            )
    data = numbers(leaf["data"], where)
    return {
        name: data[:, column(leaf["fields"], name, data.shape, where)] for name in names.split()
    }


def _track(leaf: dict[str, Any], where: str) -> dict[str, NDArray[np.float64]]:
    where = f"pos of {where}"
    smoothed = "x-sm" in str(leaf.get("fields", "")).split()
    table = _table(leaf, "time x-sm y-sm vel-sm" if smoothed else "time x y vel", where)
    if len(table["time"]) < 2:
        raise RefusedInputError(
            f"{where} was expected to have two frames or more, got {len(table['time'])}: "
            "leave the day out with days=."
        )
    return {name.removesuffix("-sm"): values for name, values in table.items()}


def _extent(xy: NDArray[np.float64], where: str) -> float:
    if np.isnan(xy).all(axis=0).any():
        raise RefusedInputError(
            f"position of {where} was expected to be tracked, got NaN in every frame: leave "
            "the day out with days=."
        )
    return float((np.nanmax(xy, axis=0) - np.nanmin(xy, axis=0)).max())


def _in_units(
    xy: NDArray[np.float64], leaf: dict[str, Any], position_units: str, where: str
) -> tuple[float, str]:
    """Factor of the positions and their units then, by the extent of the track or as told."""
    if position_units != "auto":
        return 1.0, position_units
    low, high = TRACK_EXTENT
    extent = _extent(xy, where)
    if low <= extent <= high:
        return 1.0, "cm"
    scale = numbers(leaf.get("cmperpixel", np.nan), f"cmperpixel of {where}").ravel()
    factor = float(scale[0]) if scale.size == 1 else np.nan
    if low <= extent * factor <= high:
        return factor, "cm"
    raise RefusedInputError(
        f"positions of {where} were expected to extend over {low:g} to {high:g} cm, got "
        f"{extent:.1f} and {extent * factor:.1f} after "
        f"cmperpixel = {factor:g}: say position_units='cm' or position_units='pixel'."
    )


def _rows(
    spikes: Any, cell: Cell, time: NDArray[np.float64], where: str
) -> NDArray[np.int64] | None:
    """(spike) position frame of each spike of one cell, by ``posindex``; -1 in a gap of tracking,
    None where it was not recorded."""
    where = f"spikes of tetrode {cell.tetrode}, cell {cell.cell} in {where}"
    leaf = matlab.cell(spikes, cell.tetrode - 1, cell.cell - 1)
    if leaf is None and cell.spikes > 0:
        raise RefusedInputError(
            f"{where} were expected to be {cell.spikes:g} by cellinfo, got an empty slot: "
            "check that both files belong together."
        )
    if leaf is None:
        return None if np.isnan(cell.spikes) else np.zeros(0, dtype=np.int64)
    if not isinstance(leaf, dict):
        raise RefusedInputError(
            f"{where} were expected to be a struct, got {type(leaf).__name__}: check the "
            "nesting of the file."
        )
    if np.size(leaf.get("data", ())) == 0:
        return np.zeros(0, dtype=np.int64)
    table = _table(leaf, "time posindex", where)
    row, frames = table["posindex"], len(time)
    wrong = ~((row >= 1) & (row <= frames) & (row == np.floor(row)))
    if wrong.any():
        raise RefusedInputError(
            f"posindex of {where} was expected as rows 1 to {frames} of pos, got "
            f"{row[wrong][0]:g}: check the epoch."
        )
    own = row.astype(np.int64) - 1
    return np.where(_outside(table["time"], time, own), -1, own)
