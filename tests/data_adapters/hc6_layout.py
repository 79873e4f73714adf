"""Writes recordings in the layout of CRCNS hc-6, with every trap that the layout has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

FIELDS = {5: "time x y dir vel", 9: "time x y dir vel x-sm y-sm dir-sm vel-sm"}
SPIKE_FIELDS = "time x y dir not_used amplitude(highest variance channel) posindex"


def row(items: list[Any]) -> NDArray[np.object_]:
    """1 x n cell array; None is an empty cell."""
    cells = np.empty((1, len(items)), dtype=object)
    for index, item in enumerate(items):
        cells[0, index] = np.zeros((0, 0)) if item is None else item
    return cells


def walk(rng: np.random.Generator, frames: int, begin: float, columns: int) -> NDArray[np.float64]:
    """Position table of a walk over a 70 x 80 cm box at 30 Hz."""
    time = begin + np.arange(frames) / 30
    xy = np.clip(np.cumsum(rng.normal(0, 4, (frames, 2)), axis=0) + 35, 0, [70, 80])
    xy[:2] = [[0, 0], [70, 80]]
    raw = np.column_stack([time, xy, rng.uniform(0, 6, frames), rng.uniform(0, 30, frames)])
    smooth = np.column_stack([raw[:, 1:3], raw[:, 3], raw[:, 4] / 2])
    return raw if columns == 5 else np.column_stack([raw[:, 0], raw[:, 1:5] + 0.25, smooth])


def pos(table: NDArray[np.float64], **changes: Any) -> dict[str, Any]:
    return {
        "arg": "made",
        "descript": "positions",
        "fields": FIELDS[table.shape[1]],
        "data": table,
        "cmperpixel": 0.5,
        **changes,
    }


def spikes(table: NDArray[np.float64], rows: NDArray[np.integer]) -> dict[str, Any]:
    """Spikes at 1-based rows of the position table; none of them: data of size 0 x 0."""
    data = np.zeros((0, 0))
    if rows.size:
        data = np.zeros((rows.size, 7))
        data[:, :4], data[:, 6] = table[rows - 1, :4], rows
    return {"data": data, "fields": SPIKE_FIELDS, "timerange": np.array([[0.0, 1.0]])}


def info(count: int, rate: float, area: str | None) -> dict[str, Any]:
    return {"numspikes": float(count), "meanrate": rate, **({} if area is None else {"area": area})}


def write(
    folder: Path, prefix: str, days: dict[int, dict[str, list[Any]]], cellinfo: dict[int, list[Any]]
) -> Path:
    """Files of one animal; ``days[day][kind]`` and ``cellinfo[day]`` list the epochs."""
    folder.mkdir(parents=True, exist_ok=True)
    for day, kinds in days.items():
        for kind, epochs in kinds.items():
            cell = row([None] * (day - 1) + [row(epochs)])
            scipy.io.savemat(
                folder / f"{prefix}{kind}{day:02d}.mat", {kind: cell}, do_compression=True
            )
    all_days = [
        row(cellinfo[day]) if day in cellinfo else None for day in range(1, max(cellinfo) + 1)
    ]
    scipy.io.savemat(folder / f"{prefix}cellinfo.mat", {"cellinfo": row(all_days)})
    return folder
