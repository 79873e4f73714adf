"""DeepLabCut: body parts in the frames of a camera (Mathis et al. 2018, doi
10.1038/s41593-018-0209-y).

A table with three header lines (``scorer``, ``bodyparts``, ``coords``; with ``individuals`` four)
and x, y and likelihood of each body part in pixels, one line a camera frame. The ``.h5`` file holds
the same table as pandas writes it. Neither has times.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from data_adapters.files.limits import refuse_absurd
from data_adapters.files.pickles import harmless
from data_adapters.files.regular import regular
from data_adapters.files.tables import read_table
from data_adapters.files.wording import brief, cut, listed
from data_adapters.options import nearest, one_line
from data_adapters.tracks.choice import TrackChoice, sample_times
from data_adapters.tracks.track import Track
from drift.files.own_content import check_own_content
from drift.schema.labelled_form import RefusedInputError

SCORER = "scorer"


def is_table(path: Path) -> bool:
    """Tell whether a file of text is a table of DeepLabCut."""
    with regular(path).open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline(2**16).split(",")[0].strip() == SCORER


def read_csv(path: Path, choice: TrackChoice) -> Track:
    """Track of one body part of a ``.csv`` file; see ``track_of_bodypart``."""
    head = read_table(path, header=None, nrows=4, dtype=str)
    if len(head) < 4:
        raise RefusedInputError(
            f"{path} was expected to hold three header lines and positions, got {len(head)} lines: "
            "copy the file again."
        )
    lines = 4 if head.iloc[1, 0] == "individuals" else 3
    table = read_table(path, header=None, skiprows=lines)
    if table.shape[1] != head.shape[1]:
        raise RefusedInputError(
            f"{path} was expected to have a name for each column, got {table.shape[1]} entries "
            f"in a line for {head.shape[1]} names: copy the file again."
        )
    table = table.iloc[:, 1:]
    names = [tuple(map(str, head.iloc[1:lines, column])) for column in range(1, head.shape[1])]
    try:
        values = table.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise RefusedInputError(
            f"{path} was expected to hold numbers below its header, got: {one_line(error)}; save "
            "it again."
        ) from error
    return track_of_bodypart(names, values, path, choice)


def read_hdf5(path: Path, choice: TrackChoice) -> Track:
    """Track of one body part of an ``.h5`` file; names are read without running what they could
    ask for."""
    try:
        check_own_content(path)
        with h5py.File(path, "r") as file:
            group = file["df_with_missing"] if "df_with_missing" in file else file[next(iter(file))]
            names, values = _frame(group)
    except RefusedInputError:
        raise
    except Exception as error:  # h5py and pickle raise nearly anything on a damaged file
        raise RefusedInputError(
            f"{path} was expected to be a whole .h5 file of DeepLabCut, got: {one_line(error)}; "
            "copy it again, or give the .csv beside it."
        ) from error
    return track_of_bodypart(names, values, path, choice)


def _frame(group: Any) -> tuple[list[tuple[str, ...]], NDArray[np.float64]]:
    """Names of columns and numbers of a table of pandas in HDF5."""
    table = group["table"]
    refuse_absurd(table.shape, table.dtype.itemsize, f"the table {table.name}")
    columns = harmless(bytes(group.attrs["non_index_axes"]))[0][1]
    if not all(
        isinstance(name, tuple) and all(isinstance(n, str) for n in name) for name in columns
    ):
        raise ValueError("columns are named by something else than texts")
    values = np.asarray(table["values_block_0"], dtype=float)
    return [name[1:] for name in columns], values.reshape(len(values), -1)


def track_of_bodypart(
    names: list[tuple[str, ...]], values: NDArray[np.float64], path: Path, choice: TrackChoice
) -> Track:
    """Track (sample, 2) of a body part in pixels.

    Parameters
    ----------
    names : list of tuple of str
        (column) body part and one of x, y, likelihood, before them the individual where there are
        several.
    values : numpy.ndarray
        (sample, column).
    path : pathlib.Path
        For messages.
    choice : TrackChoice
        ``bodypart``: which; several separated by commas give their mean, None is the only one.
        ``minimum_likelihood``: below it a sample is lost. ``rate`` (Hz) or ``times`` of the camera.

    Returns
    -------
    Track

    Raises
    ------
    RefusedInputError
        If the body part is unknown or not said, or nothing tells the times.
    """
    _refuse_unnamed(names, values, path)
    time = sample_times(len(values), choice, path)
    if time is None:
        raise RefusedInputError(
            f"{path} was expected to come with the clock of the camera, got no times: say "
            "track_rate= (Hz) or track_times= (a file with the time of each frame)."
        )
    bodyparts = list(dict.fromkeys(" ".join(name[:-1]) for name in names))
    bodyparts_used = _chosen(bodyparts, choice.bodypart, path)
    columns = {(" ".join(name[:-1]), name[-1]): number for number, name in enumerate(names)}
    positions = [
        _position(columns, values, name, choice.minimum_likelihood, path) for name in bodyparts_used
    ]
    position = np.mean(positions, axis=0)  # NaN where one of them is lost
    lost = np.isnan(position).any(axis=1)
    note = f"position is that of {listed(bodyparts_used)}"
    if lost.any():
        note += (
            f", lost in {lost.mean():.1%} of the frames of the camera (likelihood below "
            f"{choice.minimum_likelihood:g})"
        )
    return Track(time, position, units="pixel", notes=note, where=str(path))


def _refuse_unnamed(names: list[tuple[str, ...]], values: NDArray[np.float64], path: Path) -> None:
    """Refuse a table that names a column twice or not at all, or has too few frames for a track."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise RefusedInputError(
            f"{path} was expected to name each column once, got {cut(' '.join(twice[0]))} twice: "
            "correct it."
        )
    if values.shape[1] != len(names) or len(values) < 2:
        raise RefusedInputError(
            f"{path} was expected to hold at least two frames of {len(names)} columns, got "
            f"{len(values)} of {values.shape[1]}: copy the file again."
        )


def _position(
    columns: dict[tuple[str, str], int],
    values: NDArray[np.float64],
    bodypart: str,
    minimum_likelihood: float,
    path: Path,
) -> NDArray[np.float64]:
    """(sample, 2) of one body part; NaN where it is unlikely."""
    if missing := [axis for axis in ("x", "y") if (bodypart, axis) not in columns]:
        raise RefusedInputError(
            f"{path} was expected to hold x and y of {bodypart}, got no {missing[0]}: save it "
            "again."
        )
    position = values[:, [columns[bodypart, axis] for axis in ("x", "y")]].copy()
    if (bodypart, "likelihood") in columns:
        likelihood = values[:, columns[bodypart, "likelihood"]]
        position[~(likelihood >= minimum_likelihood)] = np.nan
    return position


def _chosen(bodyparts: list[str], bodypart: str | None, path: Path) -> list[str]:
    names = [] if bodypart is None else [name.strip() for name in bodypart.split(",")]
    for name in names:
        if name not in bodyparts:
            raise RefusedInputError(
                f"{path} was expected to hold the body part {brief(name)}, got "
                f"{listed(bodyparts)}: "
                f"{nearest(name, bodyparts)}."
            )
    if not names and len(bodyparts) != 1:
        raise RefusedInputError(
            f"{path} was expected to hold one body part, got {listed(bodyparts)}: say bodypart=."
        )
    return names or bodyparts
