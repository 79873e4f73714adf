"""What ``to_nwb`` wrote of a session beside its samples, read back as it was."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.frames import stretches
from data_adapters.exchange.nwb_format import LABELS, ROOM
from data_adapters.session import numbers

BESIDE = ("velocity", "direction", "duration")


def written_labels(content: Any) -> dict[str, Any]:
    """What ``to_nwb`` wrote beside the samples; empty for a file of anyone else."""
    room = content.processing.get(ROOM)
    if room is None or "session" not in room.data_interfaces:
        return {}
    row = {
        name: room["session"][name].data[0] for name in LABELS if name in room["session"].colnames
    }
    row = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in row.items()
    }
    return {
        name: json.loads(value) if name in ("samples", "coords", "attrs") else value
        for name, value in row.items()
    }


def written_samples(
    content: Any, labels: Mapping[str, Any], time: NDArray[np.float64], path: Path
) -> dict[str, Any]:
    """Arguments of ``session_dataset`` that ``to_nwb`` wrote."""
    held: Collection[str] = labels["samples"]
    further: dict[str, Any] = {name: value for name, value in labels.items() if name != "samples"}
    series = content.processing["behavior"].data_interfaces.get("BehavioralTimeSeries")
    further |= {
        name: numbers(series[name].data[:], f"{name} in {path}") for name in BESIDE if name in held
    }
    if "trial" in held:
        rows = content.trials  # absent where no sample lies in a trial
        columns: Any = (
            [np.zeros(0)] * 3
            if rows is None
            else [rows[name][:] for name in ("start_time", "stop_time", "trial")]
        )
        further["trial"] = stretches(time, *columns)
    return further | ({} if "time" in held else {"time": None, "duration": further.get("duration")})
