"""Writes recordings in the layout of the Ziv laboratory (multiple_maps), with every trap that the
layout has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl
import scipy.io
import scipy.sparse
from hc6_layout import row
from numpy.typing import NDArray

HOME = 40


class Trial(NamedTuple):
    """One trial: events (imaging frame, cell), position and velocity (video frame)."""

    events: NDArray[np.float64]
    position: NDArray[np.float64]
    velocity: NDArray[np.float64]


def runs(
    rng: np.random.Generator, frames: int, cells: int, environment: str = "A", surplus: int = 1
) -> Trial:
    """A trial of running back and forth; the video has ``surplus`` frames more than the imaging."""
    phase = np.cumsum(rng.uniform(0.01, 0.03, frames + surplus)) % 2
    along = np.where(phase < 1, phase, 2 - phase)
    velocity = np.where(phase < 1, 20.0, -20.0) * rng.uniform(0.0, 2, len(phase))
    events = rng.poisson(0.1, (frames, cells)) * rng.uniform(0.1, 1, (frames, cells))
    return Trial(events, along if environment == "A" else 66 * along - 32, velocity)


def published_bins(location: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bins of the L as published: 1 to 13 away from the corner (0) along one arm, 14 to 24 away
    from it along the other."""
    first = np.clip(np.ceil(-location / 32 * 13), 1, 13)
    second = 13 + np.clip(np.ceil(location / 34 * 12), 1, 12)
    return np.where(location <= 0, first, second)


def video(trial: Trial, environment: str) -> dict[str, Any]:
    """The struct of one trial: columns on the straight track, rows on the L."""
    plain = {
        "filename": "C6M4_Day3_A_am_0002 12-04-37.avi",
        "raw_x": trial.position,
        "raw_y": trial.position,
    }
    if environment == "A":
        columns = {
            **plain,
            "position": trial.position,
            "velocity": trial.velocity,
            "binned": np.ceil(trial.position * 24),
        }
        return {
            name: value if isinstance(value, str) else value[:, np.newaxis]
            for name, value in columns.items()
        }
    bins = published_bins(trial.position)
    rows = {
        "velocity_VER1": 0 * trial.velocity,
        "velocity_VER2": trial.velocity,
        "rough_linearized_location": trial.position,
    }
    return {
        name: value if isinstance(value, str) else value[np.newaxis]
        for name, value in {**plain, **rows, "binned": bins}.items()
    }


def write_session(
    folder: Path,
    number: int,
    trials: Sequence[Trial],
    date: str,
    environment: str = "A",
    rows: Sequence[int] | None = None,
    videos: Sequence[dict[str, Any] | None] | None = None,
    spikes: bool = False,
) -> None:
    """Files of one recording session; ``rows`` are imaging frames of each recording, ``videos`` the
    cells of my_mvmt."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = trials[0].events.shape[1]
    home = np.full((HOME, cells), 9.0)
    matrix = np.concatenate([home, *(trial.events for trial in trials), home])
    content = (
        {"finalSpikesMat": scipy.sparse.csc_matrix(matrix.T)}
        if spikes
        else {"allEventsMat": matrix}
    )
    scipy.io.savemat(folder / f"finalEventsMat_{number}.mat", content, do_compression=True)
    shown = (
        [None, *(video(trial, environment) for trial in trials)] if videos is None else list(videos)
    )
    scipy.io.savemat(
        folder / f"behavior_{number}.mat", {"my_mvmt": row(shown)}, do_compression=True
    )
    lengths = [HOME, *(len(trial.events) for trial in trials), HOME] if rows is None else list(rows)
    ends = np.cumsum(lengths)
    lines = [
        f"1,{index + 1},{end - length + 1},{end},recording_{date}_{12 + index // 60:02d}{index % 60:02d}00.tif"
        for index, (end, length) in enumerate(zip(ends, lengths))
    ]
    (folder / f"frameLog_{number}.csv").write_text(
        "\n".join(["session,trial,begFrame,endFrame,Var5", *lines, ""])
    )


def write_maps(folder: Path, maps: dict[int, Sequence[int | None]]) -> None:
    """The spreadsheet; sessions with an empty row of maps are blank."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "\u05d2\u05d9\u05dc\u05d9\u05d5\u05df1"
    sheet.append(["Session #/ Trial #", 1, 2, 3, 4, 5])
    for session, numbers in maps.items():
        sheet.append([session, *numbers])
    book.save(folder / "Maps per trial.xlsx")


def write_registration(folder: Path, columns: NDArray[np.integer]) -> None:
    scipy.io.savemat(
        folder / "cell_registration.mat",
        {"cell_to_index_map": np.asarray(columns, dtype=np.uint16)},
    )
